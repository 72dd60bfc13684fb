"""What records without a province or a tactic cost, and what is won by counting them in totals.

    python tests/benchmarks/unlocated.py --replicates 60 [--lost tactic] [--uneven] [--freq W] [--save unlocated.csv]

Panels of six provinces and two tactics are simulated, and a fifth of the attacks lose their province (or tactic): by
chance, in each period by 30 % more or less; or (--uneven) three times as often in one half of the provinces as in the
other. From the last day the quick model forecasts six periods: from complete data (which nobody has), with the share
that has both estimated, without these records, with them shared out in proportion to the others of their period and
tactic, or province (of the year around it where there are none), and with unknown as a third tactic. Printed are the
CRPS of log(1 + count) of the forecasts, of cells and totals, against all attacks, over that from complete data, with
its error over replicates; and the share of randomised PITs of cells and totals in the central 90 %.
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


def with_lost(events: Events, periods: pd.DatetimeIndex, lost: str, uneven: bool, rng: np.random.Generator) -> Events:
    """The events, a part of which have lost their provinces, or their tactics."""
    table = events.table
    at = np.clip(periods.searchsorted(table["date"], side="right") - 1, 0, None)
    chance = SHARE * np.exp(rng.normal(0, SCATTER, len(periods)))[at]
    if uneven:
        often = table[names.PROVINCE].isin(sorted(table[names.PROVINCE].unique())[::2]).to_numpy()
        chance = chance * np.where(often, UNEVEN, 1.0) * len(table) / np.where(often, UNEVEN, 1.0).sum()
    gone = rng.random(len(table)) < np.minimum(chance, 0.95)
    if lost == names.TACTIC:
        return replace(events, table=table.assign(tactic=table[names.TACTIC].mask(gone, names.UNKNOWN)))
    unlocated = table[gone].assign(**{names.PROVINCE: None})
    return replace(events, table=table[~gone].reset_index(drop=True), unlocated=unlocated)


def shared_out(
    known: pd.DataFrame, unknown: pd.DataFrame, lost: str, periods: pd.DatetimeIndex, rng: np.random.Generator
) -> pd.DataFrame:
    """The records with provinces (or tactics) drawn for those without, as often as the others have them."""
    rows = []
    other = names.TACTIC if lost == names.PROVINCE else names.PROVINCE
    for label, group in unknown.groupby(other):
        alike = known[known[other] == label]
        for _, row in group.iterrows():
            period = periods.searchsorted(row["date"], side="right") - 1
            inside = alike[periods.searchsorted(alike["date"], side="right") - 1 == period]
            if inside.empty:
                inside = alike[(alike["date"] - row["date"]).abs() < pd.Timedelta(days=183)]
            among = inside if len(inside) else known
            rows.append({**row, lost: among[lost].iloc[rng.integers(len(among))]})
    return pd.concat([known, pd.DataFrame(rows)], ignore_index=True)


def replicate(seed: int, freq: str, lost: str, uneven: bool) -> pd.DataFrame:
    """Scores of each way on cells and totals, and how many PITs lie in the central 90 %."""
    events, day, grid = simulated_events(seed, freq)
    events = replace(events, table=events.table.assign(reported=pd.NaT))
    whole = fc.build_panel(events, **grid)
    rng = np.random.default_rng([seed, 1])
    recorded = with_lost(events, whole.periods, lost, uneven, rng)
    known = recorded.table[recorded.table[names.TACTIC] != names.UNKNOWN]
    unknown = recorded.table.drop(known.index) if recorded.unlocated is None else recorded.unlocated
    all_known = replace(events, table=shared_out(known, unknown, lost, whole.periods, rng))
    span = {"end": day, **grid}
    panels = {
        "complete": fc.build_panel(events, **span),
        "estimated": fc.build_panel(recorded, **span),
        "left out": fc.build_panel(replace(recorded, table=known, unlocated=None), **span),
        "shared out": fc.build_panel(all_known, **span),
    }
    if lost == names.TACTIC:
        own = [*grid["tactics"], names.UNKNOWN]
        panels["a tactic of its own"] = fc.build_panel(recorded, **{**span, "tactics": own})
    first = max(panel.periods[0] for panel in panels.values())
    rows = []
    for way, panel in panels.items():
        forecast = fc.predict(fc.fit(fc.quick_model(), panel.between(start=first), seed=seed), AHEAD, seed=seed)
        row: dict[str, Any] = {"seed": seed, "way": way}
        cells = fc.Forecast(forecast.dataset.sel({names.TACTIC: grid["tactics"]}))
        total = forecast.aggregate("total", tactics=True)
        truth = fc.build_panel(events, **{**grid, "tactics": panel.tactics})
        for level, at_level in (("cell", cells), ("total", total)):
            scores = fc.score(at_level, truth)
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
    parser.add_argument("--first", type=int, default=0, help="seed of the first replicate")
    parser.add_argument("--lost", choices=[names.PROVINCE, names.TACTIC], default=names.PROVINCE)
    parser.add_argument("--uneven", action="store_true", help="more often in some provinces")
    parser.add_argument("--save", type=Path, help="keep a row per replicate and way in this table")
    given = parser.parse_args()
    tables = []
    for seed in range(given.first, given.first + given.replicates):
        tables.append(replicate(seed, given.freq, given.lost, given.uneven))
        if given.save:
            pd.concat(tables).to_csv(given.save, index=False)
    table = summary(pd.concat(tables)).rename(columns=lambda name: name.replace("nowcasts", "inside"))
    print(table.round(3).to_string(index=False))


if __name__ == "__main__":
    main()
