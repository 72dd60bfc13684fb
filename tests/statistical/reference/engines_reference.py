"""The sampled posterior of each case of `engines_models`, as two small tables: what the fast engine is compared with.

    python tests/statistical/reference/engines_reference.py quick hurdle     # or --all

A long run can be done in parts, each with a seed of its own, and joined:

    python tests/statistical/reference/engines_reference.py iraq_weekly --seed 12 --draws 8000 --part 12.npz
    python tests/statistical/reference/engines_reference.py iraq_weekly --join 11.npz 12.npz

Each case is sampled until every quantity has bulk and tail ESS of 10,000, and written to `engines_<case>.csv` (mean,
SD, ESS, of hyperparameters on the log or logit scale, of slopes and of etas) and `engines_<case>_forecast.csv`
(quantiles of future counts, with the share of the count's own probability that lies below the level). Hours on two
cores.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from engines_models import CASES, LEVELS, Case, forecast_draws, quantities

from forecast.files import write_csv
from forecast.inference.nuts.engine import sample_nuts
from forecast.inference.nuts.options import NutsOptions
from forecast.inference.posterior.bayesian import BayesianFit

HERE = Path(__file__).parent
ENOUGH = 10_000
DRAWS, MOST = 8000, 64_000
FORECASTS = 20_000


def sampled(case: Case, draws: int, target_accept: float) -> tuple[BayesianFit, pd.DataFrame]:
    """The fit, and a table of its quantities; drawn longer until the ESS suffices."""
    while True:
        options = NutsOptions(draws=draws, tune=500, chains=4, target_accept=target_accept, progress=False)
        fit = sample_nuts(*case.fitted(), options, seed=11)
        table = summary(quantities(fit))
        smallest = float(table[["ess_bulk", "ess_tail"]].to_numpy().min())
        print(f"{draws} draws: smallest ESS {smallest:.0f}", flush=True)
        if smallest >= ENOUGH:
            return fit, table
        if draws >= MOST:
            raise SystemExit(f"an ESS of {ENOUGH} is out of reach")
        draws = min(MOST, int(draws * np.clip(1.2 * ENOUGH / smallest, 1.5, 6)))


def sample_part(case: Case, draws: int, seed: int, path: Path) -> None:
    """Keep the quantities and forecasts of a run of four chains in a file."""
    fit = sample_nuts(*case.fitted(), NutsOptions(draws=draws, progress=False), seed=seed)
    values = {"divergences": np.array(int(fit.groups["sample_stats"]["diverging"].sum()))}
    values |= {f"quantity {name}": each.astype(np.float32) for name, each in quantities(fit).items()}
    ahead = {f"forecast {name}": each.astype(np.int32) for name, each in forecast_draws(fit, 4 * draws).items()}
    np.savez_compressed(path, **values, **ahead)


def joined(paths: list[Path]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The table of quantities, and that of forecasts, of several parts; chains are cut to the shortest's length."""
    import arviz

    parts = [dict(np.load(path)) for path in paths]
    draws = min(part[name].shape[1] for part in parts for name in part if name.startswith("quantity "))
    values: dict[str, np.ndarray] = {}
    ahead: dict[str, np.ndarray] = {}
    for name in parts[0]:
        kind, _, own = name.partition(" ")
        if kind == "quantity":
            values[own] = np.concatenate([part[name][:, :draws] for part in parts]).astype(float)
        elif kind == "forecast":
            ahead[own] = np.concatenate([part[name] for part in parts])
    table = summary(values)
    smallest, r_hat = (
        table[["ess_bulk", "ess_tail"]].min().min(),
        max(float(arviz.rhat(each)) for each in values.values()),
    )
    divergences = sum(int(part["divergences"]) for part in parts)
    print(f"smallest ESS {smallest:.0f}, largest R-hat {r_hat:.4f}, {divergences} divergences", flush=True)
    if smallest < ENOUGH or r_hat > 1.01 or divergences:
        raise SystemExit("no reference")
    return table, quantiles(ahead)


def summary(values: dict[str, np.ndarray]) -> pd.DataFrame:
    """Mean, SD and effective sizes of each quantity (chain, draw)."""
    import arviz

    rows = [
        {
            "quantity": name,
            "mean": draws.mean(),
            "sd": draws.std(),
            "ess_bulk": float(arviz.ess(draws)),
            "ess_tail": float(arviz.ess(draws, method="tail")),
        }
        for name, draws in values.items()
    ]
    return pd.DataFrame(rows)


def quantiles(draws_of: dict[str, np.ndarray]) -> pd.DataFrame:
    """Quantiles of future counts: the count at each level, and how much of its own probability lies below the level."""
    rows = []
    for name, draws in draws_of.items():
        for level in LEVELS:
            count = int(np.quantile(draws, level, method="inverted_cdf"))
            share = (level - (draws < count).mean()) / (draws == count).mean()
            rows.append({"quantity": name, "level": level, "count": count, "share": share, "draws": len(draws)})
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", choices=[*CASES, []])
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--draws", type=int, default=DRAWS, help="per chain, at first or of a part")
    parser.add_argument("--target-accept", type=float, default=0.8, help="higher where there are divergences")
    parser.add_argument("--seed", type=int, default=11, help="of a part")
    parser.add_argument("--part", type=Path, help="keep a part of a run in this file")
    parser.add_argument("--join", type=Path, nargs="+", help="parts to join")
    given = parser.parse_args()
    for name in CASES if given.all else given.cases:
        print(name, flush=True)
        if given.part:
            sample_part(CASES[name], given.draws, given.seed, given.part)
            continue
        if given.join:
            table, ahead = joined(given.join)
        else:
            fit, table = sampled(CASES[name], given.draws, given.target_accept)
            failed = fit.diagnostics.loc[~fit.diagnostics["passed"]]
            if len(failed):
                raise SystemExit(f"no reference: {failed.to_string()}")
            ahead = quantiles(forecast_draws(fit, FORECASTS))
        write_csv(HERE / f"engines_{name}.csv", table.round(6))
        write_csv(HERE / f"engines_{name}_forecast.csv", ahead.round(6))


if __name__ == "__main__":
    main()
