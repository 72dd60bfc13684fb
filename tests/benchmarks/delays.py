"""What late records cost, and what is won by counting on them: simulated delays, with known truth.

    python tests/benchmarks/delays.py --panel MS --replicates 60 [--model auto] [--save delays.csv]

Panels of six provinces and two tactics are simulated (`MS`, `W`), or those of UCDP Syria cut at one month after another
(`syria`), each attack a record that becomes known after a delay, whose distribution differs between replicates and
scatters from period to period. From the last day the model forecasts six periods: from complete data (which nobody
has), from what is known with its share estimated, with the late periods left out, and with them taken as they stand.
Printed are the CRPS of log(1 + count) of the forecasts, of cells and totals, over that from complete data, with its
error over replicates, and of the nowcasts how often 90 % intervals hold the final counts (by randomised PITs).
"""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import forecast as fc
from forecast import names
from forecast.evaluation.calibration import pit
from forecast.events.table import Events
from forecast.panel.calendar import period_end

SIZES = {"MS": (54, 30.4), "W": (110, 7.0)}
AHEAD = 6
# `complete` of each way to treat the last periods.
WAYS = {"estimated": 0.5, "estimated from a fifth on": 0.2, "left out": 0.9}


SHARED = Path(__file__).parents[3] / "shared" / "data"
PROVINCES, TACTICS = ("IQG01", "IQG10", "IQG13", "IQG15", "IQG16", "IQG07"), ("ied", "small_arms")


def simulated_events(seed: int, freq: str) -> tuple[Events, pd.Timestamp, dict[str, Any]]:
    """Events with the days on which they became known, the day of the forecast, and the grid of the panel."""
    periods, length = SIZES[freq]
    rng = np.random.default_rng(seed)
    panel = fc.simulate_panel(6, 2, periods, seed=seed, freq=freq, mean=float(rng.uniform(1.0, 5.0))).panel
    counts = panel.attacks.values.astype(int)
    province, tactic, time = (np.repeat(at, counts.ravel()) for at in np.indices(counts.shape).reshape(3, -1))
    days = (period_end(panel.periods, panel.freq) - panel.periods).days.to_numpy()
    date = panel.periods[time] + pd.to_timedelta(rng.integers(0, days[time] + 1), unit="D")
    table = pd.DataFrame(
        {
            "event_id": [f"simulated-{number}" for number in range(len(time))],
            "date": date,
            "date_end": date,
            names.COUNTRY: "Iraq",
            names.PROVINCE: np.array(PROVINCES)[province],
            names.TACTIC: np.array(TACTICS)[tactic],
            "actor": "simulated",
            "opponent": "",
            "target": "unknown",
            names.ATTACKS: 1,
            names.LATITUDE: np.nan,
            names.LONGITUDE: np.nan,
            "fatalities": np.nan,
            "source": "simulated",
            "place_precision": "province",
            "date_precision": "day",
        }
    )
    table["reported"] = _reported(table, panel.periods, length, rng)
    grid = {"freq": freq, "provinces": list(PROVINCES), "tactics": list(TACTICS)}
    return Events(table, simulated=True), panel.dataset[names.PERIOD_END].to_index()[-1 - AHEAD], grid


def syrian_events(seed: int) -> tuple[Events, pd.Timestamp, dict[str, Any]]:
    """Events of UCDP Syria with simulated days of reports, the end of a month from June 2018 on, and the grid."""
    gazetteer = fc.read_gazetteer().select(["Syria"])
    events = fc.read_events(SHARED / "ucdp_ged_syria_2016_2019.csv.gz", source="ucdp", gazetteer=gazetteer)
    months = pd.date_range("2016-01-01", "2019-11-01", freq="MS")
    table = events.table
    reported = _reported(table, months, SIZES["MS"][1], np.random.default_rng(seed))
    day = pd.date_range("2018-06-30", periods=12, freq="ME")[seed % 12]
    return replace(events, table=table.assign(reported=reported)), day, {"actor": "IS", "start": "2016-01-01"}


def _reported(table: pd.DataFrame, periods: pd.DatetimeIndex, length: float, rng: np.random.Generator) -> pd.Series:
    """Days of reports: the mean delay is a third to one and a half periods, and scatters by 30 % between periods."""
    mean = length * rng.uniform(0.33, 1.5) * np.exp(rng.normal(0, 0.3, len(periods)))
    shape = rng.uniform(0.7, 2.0)
    at = np.clip(periods.searchsorted(table["date_end"], side="right") - 1, 0, None)
    return table["date_end"] + pd.to_timedelta(np.ceil(rng.gamma(shape, mean[at] / shape)), unit="D")


def replicate(seed: int, freq: str, model: Any) -> pd.DataFrame:
    """Scores of each way on cells and totals, and how many PITs of nowcasts lie in the central 90 %."""
    events, day, grid = syrian_events(seed) if freq == "syria" else simulated_events(seed, freq)
    final = replace(events, table=events.table.assign(reported=pd.NaT))
    taken = replace(final, table=final.table[events.table["reported"] <= day])
    whole = fc.build_panel(final, **grid)
    panels = {"complete": whole.between(end=day)}
    panels |= {way: fc.build_panel(events, as_of=day, complete=share, **grid) for way, share in WAYS.items()}
    panels["as it stands"] = fc.build_panel(taken, end=day, **grid)
    first = max(panel.periods[0] for panel in panels.values())
    rows = []
    for way, panel in panels.items():
        forecast = fc.predict(fc.fit(model, panel.between(start=first), seed=seed), AHEAD, seed=seed)
        row: dict[str, Any] = {"seed": seed, "way": way}
        for level in ("cell", "total"):
            at_level = forecast if level == "cell" else forecast.aggregate("total", tactics=True)
            row[f"crps_log_{level}"] = fc.score(at_level, whole)["crps_log"].mean()
            if at_level.nowcast is None:
                continue
            scores = fc.score(at_level.nowcast, whole)
            # Of the last two periods: those before are known but for a little.
            scores = scores[scores[names.HORIZON] > scores[names.HORIZON].max() - 2]
            values = pit(scores, seed=seed)
            row[f"inside_{level}"] = int(((values >= 0.05) & (values <= 0.95)).sum())
            row[f"of_{level}"] = len(scores)
        rows.append(row)
    return pd.DataFrame(rows)


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """By way: scores over those from complete data, with errors over replicates, and coverage of nowcasts."""
    complete = table[table["way"] == "complete"].set_index("seed")
    rows = []
    for way, group in table.groupby("way", sort=False):
        row: dict[str, Any] = {"way": way}
        for level in ("cell", "total"):
            column = f"crps_log_{level}"
            own, best = group.set_index("seed")[column], complete[column]
            ratio = own.mean() / best.mean()
            # Of a ratio of means over the same replicates.
            row[level] = ratio
            row[f"error_{level}"] = (own - ratio * best).std() / np.sqrt(len(own)) / best.mean()
            if f"of_{level}" in group and group[f"of_{level}"].notna().any():
                row[f"nowcasts_{level}"] = group[f"inside_{level}"].sum() / group[f"of_{level}"].sum()
        rows.append(row)
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--panel", choices=[*SIZES, "syria"], default="MS")
    parser.add_argument("--replicates", type=int, default=60)
    parser.add_argument("--first", type=int, default=0, help="seed of the first replicate")
    parser.add_argument("--model", choices=["quick", "auto"], default="quick")
    parser.add_argument("--save", type=Path, help="keep a row per replicate and way in this table")
    given = parser.parse_args()
    model = fc.quick_model() if given.model == "quick" else fc.default_model()
    tables = []
    for seed in range(given.first, given.first + given.replicates):
        tables.append(replicate(seed, given.panel, model))
        if given.save:
            pd.concat(tables).to_csv(given.save, index=False)
    print(summary(pd.concat(tables)).round(3).to_string(index=False))


if __name__ == "__main__":
    main()
