"""The first screen: one sentence, a few tiles, a ranking of provinces, and how far to trust them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from forecast import names
from forecast.panel.panel import Panel
from forecast.prediction.draws import Forecast
from forecast.report.backtest import BASELINE, BacktestPart
from forecast.report.figures import Outlook, is_total
from forecast.report.svg import element
from forecast.report.wording import (
    amount,
    attacks,
    between,
    change_between,
    counted,
    direction,
    last_periods,
    mean_amount,
    model_label,
    percent,
)

__all__ = ["Rank", "Tile", "confidence", "headline", "ranking", "tiles"]

_RANKED = 5
# Where a rise is a coin flip and the median lies further than this from the past, nothing is 'about as before'.
_ABOUT = 0.25
# Width and height of an interval's bar, in pixels.
_BAR = (120, 14)


@dataclass(frozen=True)
class Tile:
    """A few numbers in large print: what they are, and each with what it says."""

    label: str
    values: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Rank:
    """A row of the ranking; `bar` is SVG, `change` says which way it goes where that is no coin flip."""

    name: str
    anchor: str
    expected: str
    likely: str
    bar: str
    direction: str
    change: str


def headline(outlook: Outlook) -> str:
    """What is expected, in one sentence: '81 attacks a month expected, 65 to 95 likely; about as before.'"""
    total, unit = outlook.total, outlook.unit
    if outlook.horizon == 1:
        text = f"{attacks(total['sum_median'])} expected {outlook.when}, {_likely(total, 'sum')} likely"
    else:
        number = _rounded(total["mean_median"])
        noun = "attack" if number == "1" else "attacks"
        text = f"{number} {noun} a {unit} expected, {_likely(total, 'mean')} likely"
    return f"{text[:1].upper()}{text[1:]}{_against_before(total)}."


def _against_before(total: "pd.Series[Any]") -> str:
    if not np.isfinite(total["rise"]):
        return ""
    way = direction(total["rise"])
    if way:
        more = "more" if way == "rise" else "fewer"
        return f"; {more} than before (chance of more: {percent(total['rise'])})"
    before, after = float(total["recent"]), float(total["mean_median"])
    return "; about as before" if abs(after - before) <= _ABOUT * before else "; more or fewer than before is open"


def tiles(outlook: Outlook, panel: Panel, forecast: Forecast) -> list[Tile]:
    """The expected total, its change, the chance of a record, and where most is expected."""
    total, unit = outlook.total, outlook.unit
    shown = [
        Tile(
            "Expected in all",
            (
                (
                    amount(total["sum_median"]),
                    f"{outlook.when}; {between(total['sum_lower'], total['sum_upper'])} likely",
                ),
            ),
        )
    ]
    compared = {outlook.since: total, outlook.since_lately: outlook.lately}
    changes = []
    for since, row in compared.items():
        before, after, change = change_between(row["recent"], row["mean_median"])
        if before != "–":
            changes.append((change, f"against {last_periods(since, unit)}: {before} to {after} a {unit}"))
    if changes:
        shown.append(Tile("Change", tuple(changes)))
    chance, record = _record_chance(panel, forecast)
    if np.isfinite(chance) and np.isfinite(total["rise"]):
        most = f"the most in {counted(len(panel.periods), unit)} of data"
        shown.append(
            Tile("Chance of a new record", ((percent(chance), f"of a {unit} above {attacks(record)}, {most}"),))
        )
    provinces = outlook.provinces
    top = provinces.nlargest(1, "sum_median").iloc[0]
    if len(provinces) > 1 and top["sum_median"] > 0:
        likely = between(top["sum_lower"], top["sum_upper"])
        text = f"{attacks(top['sum_median'])} ({likely} likely), the most of {len(provinces)} provinces"
        shown.append(Tile("Where", ((str(top["name"]), text),)))
    return shown


def _record_chance(panel: Panel, forecast: Forecast) -> tuple[float, float]:
    """The probability that a period ahead brings more attacks in all than any before, and the most before; or NaN."""
    dims = (names.PROVINCE, names.TACTIC)
    past = panel.completed.sum(dims, skipna=False).values
    if not np.isfinite(past).any():
        return np.nan, np.nan
    record = float(np.nanmax(past))
    return float((forecast.draws.sum(dims).max(names.PERIOD) > record).mean()), record


def ranking(outlook: Outlook, anchors: Mapping[str, str]) -> list[Rank]:
    """The provinces with the most expected attacks, with their intervals as bars on one scale."""
    top = outlook.provinces.nlargest(_RANKED, ["sum_median", "sum_upper"])
    largest = max(float(top["sum_upper"].max()), 1.0)
    ranks = []
    for row in top.to_dict("records"):
        way = direction(row["rise"])
        change = f"chance of more than before: {percent(row['rise'])}" if way else ""
        bounds = [float(row[f"sum_{side}"]) for side in ("lower", "median", "upper")]
        likely, anchor = between(bounds[0], bounds[2]), anchors[row[names.PROVINCE]]
        ranks.append(Rank(row["name"], anchor, amount(bounds[1]), likely, _bar(bounds, largest), way, change))
    return ranks


def _bar(bounds: list[float], largest: float) -> str:
    """A line from the lower to the upper bound with a mark at the median."""
    width, height = _BAR
    lower, median, upper = (4 + (width - 8) * bound / largest for bound in bounds)
    marks = element("rect", class_="band90", x=lower, y=4, width=max(upper - lower, 1.0), height=height - 8, rx=2)
    marks += element("rect", class_="medianmark", x=median - 1.5, y=1, width=3, height=height - 2)
    return element("svg", marks, class_="bar", viewBox=f"0 0 {width} {height}", aria_hidden="true")


def confidence(scores: pd.DataFrame, model: str, unit: str, backtest: BacktestPart | None) -> str:
    """How the model did on what it had not seen, against a simple rule, in one line."""
    cells = scores[~is_total(scores)] if len(scores) else scores
    if len(cells) and {model, BASELINE} <= set(cells[names.MODEL]):
        means = cells.groupby(names.MODEL)["crps_log"].mean()
        when = f"on {counted(cells[names.PERIOD].nunique(), f'hidden {unit}')}"
        return _compared(model, 1 - float(means[model]) / float(means[BASELINE]), when)
    if backtest is not None:
        rows = backtest.scores[backtest.scores[names.MODEL] == model]
        if len(rows) and np.isfinite(rows["skill"].iloc[0]):
            return _compared(model, float(rows["skill"].iloc[0]), f"at {counted(backtest.origins, 'past date')}")
    return (
        f"Not tested: no {unit}s were hidden from the model in this run, so nothing here shows how well it forecasts."
    )


def _compared(model: str, share: float, when: str) -> str:
    rule = f"the simple rule, {model_label(BASELINE)}"
    if model == BASELINE:
        return f"These numbers are by {rule}: {when} it was scored, and has nothing to beat."
    if round(100 * abs(share)) == 0:
        return f"Did as well as {rule}, {when}, by forecast error."
    if share > 0:
        return f"Beat {rule}, {when} by {percent(share)}, by forecast error."
    return (
        f"Did worse than {rule}, {when} by {round(-100 * share):,}%, by forecast error. Read the numbers with caution."
    )


def _likely(row: "pd.Series[Any]", what: str) -> str:
    return f"{_rounded(row[f'{what}_lower'])} to {_rounded(row[f'{what}_upper'])}"


def _rounded(value: float) -> str:
    """Whole from 10 on, else with one decimal."""
    return amount(value) if value >= 9.95 or float(value).is_integer() else mean_amount(value)
