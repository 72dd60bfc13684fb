"""The sampled posterior of each case of `engines_models`, as two small tables: what the fast engine is compared with.

    python tests/statistical/reference/engines_reference.py quick hurdle     # or --all

A long run can be done in parts, each with a seed of its own, and joined:

    python tests/statistical/reference/engines_reference.py iraq_weekly --seed 12 --draws 8000 --part 12.npz
    python tests/statistical/reference/engines_reference.py iraq_weekly --join 11.npz 12.npz

Each case is sampled, part after part, until every quantity has bulk and tail ESS of 10,000, and written to
`engines_<case>.csv` (mean, SD, ESS, of hyperparameters on the log or logit scale, of slopes and of etas) and
`engines_<case>_forecast.csv` (quantiles of future counts, with the share of the count's own probability that lies below
the level). Hours on two cores.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from engines_models import CASES, LEVELS, Case, forecast_draws, quantities

from forecast.files import write_csv
from forecast.inference.nuts.engine import sample_nuts
from forecast.inference.nuts.options import NutsOptions

HERE = Path(__file__).parent
ENOUGH = 10_000
DRAWS, MOST_PARTS = 8000, 8
# What is kept of a part: values by name, with the kind in front.
Part = Mapping[str, np.ndarray]


def part_of(case: Case, draws: int, target_accept: float, seed: int) -> Part:
    """Quantities (chain, draw) and forecasts of a run of four chains."""
    options = NutsOptions(draws=draws, tune=500, chains=4, target_accept=target_accept, progress=False)
    fit = sample_nuts(*case.fitted(), options, seed=seed)
    values = {"divergences": np.array(int(fit.groups["sample_stats"]["diverging"].sum()))}
    values |= {f"quantity {name}": each.astype(np.float32) for name, each in quantities(fit).items()}
    return values | {f"forecast {name}": each.astype(np.int32) for name, each in forecast_draws(fit, 4 * draws).items()}


def sampled(name: str, draws: int, target_accept: float, seed: int) -> None:
    """Sample a case until the effective sizes suffice, and write its tables."""
    parts: list[Part] = []
    while len(parts) < MOST_PARTS:
        parts.append(part_of(CASES[name], draws, target_accept, seed + len(parts)))
        if written(name, parts):
            return
    raise SystemExit(f"an ESS of {ENOUGH} is out of reach")


def written(name: str, parts: Sequence[Part]) -> bool:
    """Write the tables of several parts together, if their effective sizes suffice; chains are cut to the shortest's.

    Raises
    ------
    SystemExit
        For chains that disagree, and divergences.
    """
    import arviz

    draws = min(part[key].shape[1] for part in parts for key in part if key.startswith("quantity "))
    values: dict[str, np.ndarray] = {}
    ahead: dict[str, np.ndarray] = {}
    for key in parts[0]:
        kind, _, own = key.partition(" ")
        if kind == "quantity":
            values[own] = np.concatenate([part[key][:, :draws] for part in parts]).astype(float)
        elif kind == "forecast":
            ahead[own] = np.concatenate([part[key] for part in parts])
    table = summary(values)
    smallest = table[["ess_bulk", "ess_tail"]].min().min()
    r_hat = max(float(arviz.rhat(each)) for each in values.values())
    divergences = sum(int(part["divergences"]) for part in parts)
    print(f"{name}: smallest ESS {smallest:.0f}, largest R-hat {r_hat:.4f}, {divergences} divergences", flush=True)
    if divergences:
        raise SystemExit("no reference: sample it with a higher --target-accept")
    if smallest < ENOUGH:
        return False
    if r_hat > 1.01:
        raise SystemExit("no reference: chains disagree")
    write_csv(HERE / f"engines_{name}.csv", table.round(6))
    write_csv(HERE / f"engines_{name}_forecast.csv", quantiles(ahead).round(6))
    return True


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
    parser.add_argument("--draws", type=int, default=DRAWS, help="per chain, of a part")
    parser.add_argument("--target-accept", type=float, default=0.8, help="higher where there are divergences")
    parser.add_argument("--seed", type=int, default=11, help="of the first part")
    parser.add_argument("--part", type=Path, help="keep a part of a run in this file")
    parser.add_argument("--join", type=Path, nargs="+", help="parts to join")
    given = parser.parse_args()
    for name in CASES if given.all else given.cases:
        if given.part:
            np.savez_compressed(given.part, **part_of(CASES[name], given.draws, given.target_accept, given.seed))
        elif given.join:
            if not written(name, [dict(np.load(path)) for path in given.join]):
                raise SystemExit(f"an ESS of {ENOUGH} is not reached: add a part")
        else:
            sampled(name, given.draws, given.target_accept, given.seed)


if __name__ == "__main__":
    main()
