"""What records without a province cost, and what is won by counting them in the totals of their countries.

    python tests/benchmarks/unlocated.py --replicates 60 [--uneven] [--freq W] [--save unlocated.csv]

Panels of six provinces and two tactics are simulated, and a fifth of the attacks lose their province: by chance, in
each period by 30 % more or less; or (--uneven) three times as often in one half of the provinces as in the other. From
the last day the quick model forecasts six periods: from complete data (which nobody has), with the share that is placed
estimated, without these records, and with them shared out in proportion to the placed ones of their period and tactic
(of the year around it where there are none). Printed are the CRPS of log(1 + count) of the forecasts, of cells and
totals, against all attacks, over that from complete data, with its error over replicates; and the share of randomised
PITs of totals in the central 90 %.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from delays import AHEAD, SIZES, simulated_events, summary

import forecast as fc
from forecast import names
from forecast.evaluation.calibration import pit
from forecast.events.table import Events

SHARE, SCATTER, UNEVEN = 0.2, 0.3, 3.0


def without_provinces(events: Events, periods: pd.DatetimeIndex, uneven: bool, rng: np.random.Generator) -> Events:
    """The events, a part of which have lost their provinces."""
    table = events.table
    at = np.clip(periods.searchsorted(table["date"], side="right") - 1, 0, None)
    chance = SHARE * np.exp(rng.normal(0, SCATTER, len(periods)))[at]
    if uneven:
        often = table[names.PROVINCE].isin(sorted(table[names.PROVINCE].unique())[::2]).to_numpy()
        chance = chance * np.where(often, UNEVEN, 1.0) * len(table) / np.where(often, UNEVEN, 1.0).sum()
    lost = rng.random(len(table)) < np.minimum(chance, 0.95)
    unlocated = table[lost].assign(**{names.PROVINCE: None})
    return replace(events, table=table[~lost].reset_index(drop=True), unlocated=unlocated)


def shared_out(events: Events, periods: pd.DatetimeIndex, rng: np.random.Generator) -> Events:
    """The events with provinces drawn for those without, as often as the placed ones have them."""
    assert events.unlocated is not None
    table, rows = events.table, []
    for tactic, lost in events.unlocated.groupby(names.TACTIC):
        placed = table[table[names.TACTIC] == tactic]
        for _, row in lost.iterrows():
            period = periods.searchsorted(row["date"], side="right") - 1
            inside = placed[periods.searchsorted(placed["date"], side="right") - 1 == period]
            if inside.empty:
                inside = placed[(placed["date"] - row["date"]).abs() < pd.Timedelta(days=183)]
            among = inside if len(inside) else table
            rows.append({**row, names.PROVINCE: among[names.PROVINCE].iloc[rng.integers(len(among))]})
    return replace(events, table=pd.concat([table, pd.DataFrame(rows)], ignore_index=True), unlocated=None)


def replicate(seed: int, freq: str, uneven: bool) -> pd.DataFrame:
    """Scores of each way on cells and totals, and how many PITs of totals lie in the central 90 %."""
    events, day, grid = simulated_events(seed, freq)
    events = replace(events, table=events.table.assign(reported=pd.NaT))
    whole = fc.build_panel(events, **grid)
    rng = np.random.default_rng([seed, 1])
    recorded = without_provinces(events, whole.periods, uneven, rng)
    span = {"end": day, **grid}
    panels = {
        "complete": fc.build_panel(events, **span),
        "estimated": fc.build_panel(recorded, **span),
        "left out": fc.build_panel(recorded, unlocated=False, **span),
        "shared out": fc.build_panel(shared_out(recorded, whole.periods, rng), **span),
    }
    first = max(panel.periods[0] for panel in panels.values())
    rows = []
    for way, panel in panels.items():
        forecast = fc.predict(fc.fit(fc.quick_model(), panel.between(start=first), seed=seed), AHEAD, seed=seed)
        row: dict[str, Any] = {"seed": seed, "way": way}
        for level in ("cell", "total"):
            at_level = forecast if level == "cell" else forecast.aggregate("total", tactics=True)
            scores = fc.score(at_level, whole)
            values = pit(scores, seed=seed)
            row[f"crps_log_{level}"] = scores["crps_log"].mean()
            row[f"inside_{level}"] = int(((values >= 0.05) & (values <= 0.95)).sum())
            row[f"of_{level}"] = len(scores)
        rows.append(row)
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--freq", choices=list(SIZES), default="MS")
    parser.add_argument("--replicates", type=int, default=60)
    parser.add_argument("--uneven", action="store_true", help="places are lost more often in some provinces")
    parser.add_argument("--save", type=Path, help="keep a row per replicate and way in this table")
    given = parser.parse_args()
    tables = []
    for seed in range(given.replicates):
        tables.append(replicate(seed, given.freq, given.uneven))
        if given.save:
            pd.concat(tables).to_csv(given.save, index=False)
    table = summary(pd.concat(tables)).rename(columns=lambda name: name.replace("nowcasts", "inside"))
    print(table.round(3).to_string(index=False))


if __name__ == "__main__":
    main()
