"""What a break of collection costs, and what is won by telling it from attacks by another source.

    python tests/benchmarks/breaks.py --replicates 24 [--save breaks.csv]

Panels of six provinces and two tactics by month are simulated. One source records four fifths of the attacks, and from
a year before the forecast on a quarter to three quarters of that (or, in every second panel, the other way
round); another records half of them throughout, by 15 % more or less in each month. From the last day the quick model
forecasts six months of the first source: from records without a break (which nobody has), with the break told by the
other source, with the factor taken as known without an error, and as they stand. Printed are the CRPS of
log(1 + count) of cells and totals over that without a break, held against what is recorded on the fuller side, and
against what is recorded in fact; and the share of randomised PITs in the central 90 %. Below stands how often 90 %
intervals of the factor held it.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from delays import AHEAD

import forecast as fc
from forecast import names
from forecast.evaluation.calibration import pit

PERIODS, SINCE = 60, 18
SHARE, OTHER, SCATTER = 0.8, 0.5, 0.15


def replicate(seed: int) -> pd.DataFrame:
    """Scores of each way on cells and totals, and how many PITs lie in the central 90 %."""
    rng = np.random.default_rng(seed)
    panel = fc.simulate_panel(6, 2, PERIODS, seed=seed, mean=float(rng.uniform(1.0, 5.0))).panel
    attacks = panel.attacks.values.astype(int)
    dims = panel.dataset[names.ATTACKS].dims

    def recorded(counts: Any) -> fc.Panel:
        return replace(panel, dataset=panel.dataset.assign({names.ATTACKS: (dims, counts)}))

    factor, falls = rng.uniform(0.25, 0.75), seed % 2 == 0
    full = rng.binomial(attacks, SHARE)
    after = np.arange(PERIODS) >= PERIODS - SINCE
    broken = np.where(after == falls, rng.binomial(full, factor), full)
    other = rng.binomial(attacks, np.minimum(OTHER * np.exp(rng.normal(0, SCATTER, PERIODS)), 1.0))
    day, end = panel.periods[PERIODS - SINCE], panel.dataset[names.PERIOD_END].to_index()[-1 - AHEAD]
    whole, seen = recorded(full), recorded(broken)
    known = seen.between(end=end)
    told = fc.collection_break(known, recorded(other), f"{day:%Y-%m-%d}")
    sure = replace(told, dataset=told.dataset.drop_vars(names.COVERAGE_ERROR))
    # What is recorded ahead is a share where records fell.
    in_fact = {"told": _as_collected(seen, told), "told without an error": _as_collected(seen, told)}
    panels = {"no break": whole.between(end=end), "told": told, "told without an error": sure, "as they stand": known}
    rows = []
    for way, given in panels.items():
        forecast = fc.predict(fc.fit(fc.quick_model(), given, seed=seed), AHEAD, seed=seed)
        row: dict[str, Any] = {"seed": seed, "way": way}
        for held, actual in (("full", whole), ("fact", whole if way == "no break" else in_fact.get(way, seen))):
            for level in ("cell", "total"):
                at_level = forecast if level == "cell" else forecast.aggregate("total", tactics=True)
                scores = fc.score(at_level, actual)
                values = pit(scores, seed=seed)
                row[f"crps_log_{level}_{held}"] = scores["crps_log"].mean()
                row[f"inside_{level}_{held}"] = int(((values >= 0.05) & (values <= 0.95)).sum())
                row[f"of_{level}_{held}"] = len(scores)
        if way == "told":
            log_factor = np.log(factor) * (1 if falls else -1)
            collected = float(told.dataset[names.COLLECTED].min())
            error = float(told.dataset[names.COVERAGE_ERROR].max())
            row["z"] = (np.log(collected) - -abs(log_factor)) / error
        rows.append(row)
    return pd.DataFrame(rows)


def _as_collected(seen: fc.Panel, told: fc.Panel) -> fc.Panel:
    """The outcomes with the coverage that the last period before them has."""
    last = told.dataset[names.COLLECTED].isel({names.PERIOD: -1}, drop=True).broadcast_like(seen.dataset[names.ATTACKS])
    return replace(seen, dataset=seen.dataset.assign({names.COVERAGE: last, names.COLLECTED: last}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replicates", type=int, default=24)
    parser.add_argument("--save", type=Path, help="keep a row per replicate and way in this table")
    given = parser.parse_args()
    tables = []
    for seed in range(given.replicates):
        tables.append(replicate(seed))
        if given.save:
            pd.concat(tables).to_csv(given.save, index=False)
    table = pd.concat(tables)
    sums = table.groupby("way", sort=False).sum()
    best = sums.loc["no break"]
    print(
        pd.DataFrame(
            {
                f"{what} {level} {held}": sums[f"{column}_{level}_{held}"]
                / (best[f"{column}_{level}_{held}"] if what == "CRPS" else sums[f"of_{level}_{held}"])
                for held in ("full", "fact")
                for level in ("cell", "total")
                for what, column in (("CRPS", "crps_log"), ("inside", "inside"))
            }
        )
        .round(3)
        .to_string()
    )
    z = table["z"].dropna()
    print(f"the factor lay in its 90% interval in {(z.abs() < 1.645).mean():.2f} of {len(z)}")


if __name__ == "__main__":
    main()
