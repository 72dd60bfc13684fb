"""The sampled posterior of each case of `engines_models`, as two small tables: what the fast engine is compared with.

    python tests/statistical/reference/engines_reference.py standard hurdle     # or --all

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
from forecast.inference.bayesian import BayesianFit
from forecast.inference.nuts import NutsOptions, sample_nuts

HERE = Path(__file__).parent
ENOUGH = 10_000
DRAWS, MOST = 8000, 64_000
FORECASTS = 20_000


def sampled(case: Case) -> tuple[BayesianFit, pd.DataFrame]:
    """The fit, and a table of its quantities; drawn longer until the ESS suffices."""
    draws = DRAWS
    while True:
        options = NutsOptions(draws=draws, tune=500, chains=4, progress=False)
        fit = sample_nuts(case.model, case.panel(), options, seed=11)
        table = summary(quantities(fit))
        smallest = float(table[["ess_bulk", "ess_tail"]].to_numpy().min())
        print(f"{draws} draws: smallest ESS {smallest:.0f}", flush=True)
        if smallest >= ENOUGH:
            return fit, table
        if draws >= MOST:
            raise SystemExit(f"an ESS of {ENOUGH} is out of reach")
        draws = min(MOST, int(draws * np.clip(1.2 * ENOUGH / smallest, 1.5, 6)))


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


def quantiles(fit: BayesianFit) -> pd.DataFrame:
    """Quantiles of future counts: the count at each level, and how much of its own probability lies below the level."""
    rows = []
    for name, draws in forecast_draws(fit, FORECASTS).items():
        for level in LEVELS:
            count = int(np.quantile(draws, level, method="inverted_cdf"))
            share = (level - (draws < count).mean()) / (draws == count).mean()
            rows.append({"quantity": name, "level": level, "count": count, "share": share, "draws": len(draws)})
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", choices=[*CASES, []])
    parser.add_argument("--all", action="store_true")
    given = parser.parse_args()
    for name in CASES if given.all else given.cases:
        print(name, flush=True)
        fit, table = sampled(CASES[name])
        failed = fit.diagnostics.loc[~fit.diagnostics["passed"]]
        if len(failed):
            raise SystemExit(f"no reference: {failed.to_string()}")
        write_csv(HERE / f"engines_{name}.csv", table.round(6))
        write_csv(HERE / f"engines_{name}_forecast.csv", quantiles(fit).round(6))


if __name__ == "__main__":
    main()
