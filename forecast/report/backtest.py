"""The section on the backtest: scores and skill of every model, calibration, and where the model does worst."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from forecast import names
from forecast.evaluation.calibration import coverage, pit_table, reliability
from forecast.evaluation.charts import coverage_chart, pit_chart, reliability_chart
from forecast.evaluation.onset import ACTIVE, CALM, CALM_PERIODS
from forecast.evaluation.reports import OVER_ZONE
from forecast.evaluation.rolling import CELL, LEVEL, Backtest
from forecast.evaluation.scores import summarise
from forecast.evaluation.skill import skill, worst
from forecast.report.parts import Part
from forecast.report.vega import Chart, data_label
from forecast.report.wording import (
    amount,
    day_label,
    mean_amount,
    model_label,
    model_row,
    percent,
    signed,
    signed_percent,
    small_word,
)

__all__ = [
    "BASELINE",
    "TOTAL",
    "BacktestPart",
    "backtest_charts",
    "backtest_part",
    "backtest_said",
    "score_rows",
    "worst_rows",
]

# What skill is measured against.
BASELINE = "recent_mean"
TOTAL = "total"
_LEVELS = {
    CELL: "Each province and tactic",
    CALM: f"Series without an attack in the {CALM_PERIODS} periods before",
    ACTIVE: f"Series with an attack in the {CALM_PERIODS} periods before",
    TOTAL: "Total of each period",
    OVER_ZONE: "Each publisher's total of a zone",
}
# As `tests/statistical/skill_size.py` measured them.
_SIZES = (
    "“Better” and “worse” are said where the 95% interval of the difference leaves out 0: differences are summed by "
    "target period, and their error comes from cosines, with a t distribution. In simulated backtests of two equally "
    "good models it left out 0 in 8 to 10% of those with 12 origins six periods ahead, 7 to 9% with 24 origins, 4 to "
    "5% with 12 origins one period ahead, and 8 to 10% with 39 origins eight ahead."
)
_MEASURES = {
    "crps_log": "Error (CRPS of log)",
    "crps": "Error in attacks (CRPS)",
    "ignorance": "Surprise (ignorance)",
}


@dataclass(frozen=True)
class BacktestPart(Part):
    """What a report says of a backtest.

    Attributes
    ----------
    model : str
        The report's model.
    origins, horizon, failed : int
        How many origins, how many periods ahead, and how many forecasts could not be made.
    first, last : str
        Days of the first and last origin.
    scores : DataFrame
        level (with 'calm' and 'active': cells by what was known of their series at the origin), model, n, crps_log,
        crps, ignorance; skill against `recent_mean` in CRPS of log, with the bounds of the difference (difference,
        lower, upper).
    pits, covered, reliable : DataFrame
        Of the model: `pit_table` and `coverage` by horizon with the column `level`, `reliability` of any attack.
    provinces, times : DataFrame
        `worst` by province and by origin.
    vintages : bool
        Whether the data of each origin were those that were known then; else final data up to it.
    places : DataFrame
        `skill` of the model by province: province, n, skill, difference, lower, upper; empty where it is the rival.
    """

    model: str
    origins: int
    horizon: int
    failed: int
    first: str
    last: str
    scores: pd.DataFrame
    pits: pd.DataFrame
    covered: pd.DataFrame
    reliable: pd.DataFrame
    provinces: pd.DataFrame
    times: pd.DataFrame
    vintages: bool = False
    places: pd.DataFrame = field(default_factory=pd.DataFrame)


def backtest_part(done: Backtest, model: str, vintages: bool = False) -> BacktestPart:
    """Sum a backtest up for the report of a model that is in it; of a source with `vintages` or on final data."""
    levels = [level for level in _LEVELS if (done.scores[LEVEL] == level).any()]
    # Cells, or where nothing but totals is known these.
    cells, of_model = done.of(levels[0]), done.scores[done.scores[names.MODEL] == model]
    scores = []
    for level, rows in _parts_of(done, levels):
        means = summarise(rows)[[names.MODEL, "n", *_MEASURES]].sort_values("crps_log", kind="stable")
        against = skill(rows, BASELINE)[[names.MODEL, "skill", "difference", "lower", "upper"]]
        scores.append(means.merge(against, how="left", on=names.MODEL).assign(**{LEVEL: level}))
    by_level = [of_model[of_model[LEVEL] == level] for level in levels]
    by_horizon = (LEVEL, names.HORIZON)
    times = worst(cells, model, BASELINE, names.ORIGIN)
    return BacktestPart(
        model=model,
        origins=len(done.origins),
        horizon=int(cells[names.HORIZON].max()),
        failed=len(done.failures),
        first=day_label(done.origins[0]),
        last=day_label(done.origins[-1]),
        scores=pd.concat(scores, ignore_index=True),
        pits=pd.concat([pit_table(rows, (LEVEL,), seed=0) for rows in by_level], ignore_index=True),
        covered=pd.concat(
            [coverage(rows, by_horizon, levels=(0.5, 0.9), seed=0) for rows in by_level], ignore_index=True
        ),
        reliable=reliability(cells[cells[names.MODEL] == model]),
        provinces=worst(cells, model, BASELINE, names.PROVINCE),
        times=times.assign(**{names.ORIGIN: [day_label(day) for day in times[names.ORIGIN]]}),
        vintages=vintages,
        places=_places(cells, model),
    )


def _places(cells: pd.DataFrame, model: str) -> pd.DataFrame:
    """Skill of the model in each province."""
    if model == BASELINE:
        return pd.DataFrame()
    both = cells[cells[names.MODEL].isin([model, BASELINE])]
    table = skill(both, BASELINE, by=[names.PROVINCE])
    return table[[names.PROVINCE, "n", "skill", "difference", "lower", "upper"]]


def _parts_of(done: Backtest, levels: Sequence[str]) -> Iterator[tuple[str, pd.DataFrame]]:
    """The scores of each level, and of cells by the state of their series where both states are there."""
    for level in levels:
        rows = done.of(level)
        yield level, rows
        parts = [(state, rows[rows[names.STATE] == state]) for state in (CALM, ACTIVE)] if names.STATE in rows else []
        if level == CELL and all(len(part) for _, part in parts):
            yield from parts


def backtest_said(part: BacktestPart) -> list[str]:
    """How the backtest was made and where the model stands, in sentences made from the numbers."""
    days = f"each of {small_word(part.origins)} days, from {part.first} to {part.last}"
    data = f"the data as known at {days}" if part.vintages else f"the final data up to {days}"
    said = [
        f"Every model was fitted to {data}, and its forecast, up to {small_word(part.horizon)} periods ahead, was "
        "compared with what then came."
    ]
    if not part.vintages:
        said.append(
            "The source does not tell when its records became known: later additions and corrections are in these "
            "data, and forecasts made at the time would have had to do without."
        )
    for level, where in _LEVELS.items():
        table = part.scores[part.scores[LEVEL] == level].reset_index(drop=True)
        place = table.index[table[names.MODEL] == part.model]
        if not len(place):
            continue
        row = table.loc[place[0]]
        came = "first" if place[0] == 0 else f"number {place[0] + 1}"
        text = f"{where}: {model_label(part.model)} came {came} of {len(table)}"
        if place[0]:
            text += f", after {model_label(table[names.MODEL].iloc[0])}"
        if part.model != BASELINE and row["skill"] == row["skill"]:
            side = "smaller" if row["skill"] > 0 else "larger"
            text += f"; its forecast error (CRPS of log counts) was {100 * abs(row['skill']):,.0f}% {side} "
            text += f"than that of {model_label(BASELINE)}: {_verdict(row)}"
        said.append(f"{text}.")
    if part.scores["lower"].notna().any():
        said.append(_SIZES)
    if part.failed:
        said.append(f"{amount(part.failed)} forecasts could not be made and are missing from the scores.")
    return said


def _verdict(row: "pd.Series[Any]") -> str:
    """What the test of a difference says; nothing is called better or worse without it."""
    if pd.isna(row["lower"]):
        return "too few origins for a test"
    return "better" if row["upper"] < 0 else "worse" if row["lower"] > 0 else "not clearly apart"


def backtest_charts(part: BacktestPart, simulated: bool) -> list[tuple[Chart, str]]:
    """Charts of the model's calibration with their captions."""

    wide = part.covered[(part.covered[LEVEL] == part.covered[LEVEL].iloc[0]) & (part.covered["nominal"] == 0.9)]
    held = percent(float(np.average(wide["share"], weights=wide["n"])))
    pits, covered = (table.assign(**{LEVEL: table[LEVEL].map(_LEVELS)}) for table in (part.pits, part.covered))
    charts = [
        (
            "backtest-pit",
            pit_chart(pits, LEVEL),
            f"Histogram of where outcomes fell in the forecasts of {part.model}",
            "Where outcomes fell in the forecast distributions: flat where the forecast is calibrated, high in the "
            "middle where it is too wide, high at the ends where it is too narrow. Bars of independent forecasts would "
            "lie between the dashes 19 times in 20; these share their origins and depend on each other.",
        ),
        (
            "backtest-coverage",
            coverage_chart(covered, LEVEL),
            f"Intervals of 90% by {part.model} held {held} of outcomes, all steps ahead together",
            "Share of outcomes inside the central 50 and 90% intervals by how far ahead the forecast was, with 95% "
            "intervals; they should meet the dashes. Shares are by the randomised PIT.",
        ),
        (
            "backtest-reliability",
            reliability_chart(part.reliable.assign(**{LEVEL: "At least one attack"}), LEVEL),
            f"How often attacks came, by the probability that {part.model} gave them",
            "How often at least one attack came, where that was given a probability.",
        ),
    ]
    label = data_label(simulated)
    return [(Chart(name, chart.properties(title=label), words), caption) for name, chart, words, caption in charts]


def score_rows(part: BacktestPart) -> pd.DataFrame:
    """Scores of every model as a table for readers, with the column `group`."""
    table = part.scores
    frame = pd.DataFrame(
        {
            "group": table[LEVEL].map(_LEVELS),
            "Model": [model_row(name, part.model) for name in table[names.MODEL]],
        }
    )
    for column, label in _MEASURES.items():
        frame[label] = [f"{value:,.3f}" if value < 100 else f"{value:,.1f}" for value in table[column]]
    frame[f"Against {model_label(BASELINE)}"] = [signed_percent(-value) for value in table["skill"]]
    frame["Difference, 95%"] = [
        "–" if row["lower"] != row["lower"] else f"{signed(row['lower'], 3)} to {signed(row['upper'], 3)}"
        for _, row in table.iterrows()
    ]
    return frame


def worst_rows(part: BacktestPart, labels: Mapping[str, str]) -> pd.DataFrame:
    """Provinces and origins where the model did worst, as a table for readers, with the column `group`."""
    frames = []
    for table, by, group in (
        (part.provinces, names.PROVINCE, "Provinces"),
        (part.times, names.ORIGIN, "Data up to"),
    ):
        frames.append(
            pd.DataFrame(
                {
                    "group": group,
                    "Where": [labels.get(name, name) for name in table[by]],
                    "Mean count": [mean_amount(value) for value in table[names.OBSERVED]],
                    f"Error (CRPS of log) of {model_label(part.model)}": [f"{value:.3f}" for value in table["score"]],
                    f"Error of {model_label(BASELINE)}": [f"{value:.3f}" for value in table["baseline"]],
                    "Difference": [signed(value, 3) for value in table["difference"]],
                }
            )
        )
    return pd.concat(frames, ignore_index=True)
