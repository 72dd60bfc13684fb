"""Tables of the figures: of sums and provinces, of the tactics of one province, and of the periods of one series."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from forecast import names
from forecast.report.capability import level_text
from forecast.report.fans import LEVELS, Series
from forecast.report.figures import Outlook
from forecast.report.html_tables import html_table
from forecast.report.population import rate_text
from forecast.report.wording import amount, capital, mean_amount, period_label, ranges, short_percent

__all__ = ["outlook_table", "period_table", "tactic_table"]


def _text(value: object) -> str:
    """What a column of text says; '–' for sums, of which it says nothing."""
    return value if isinstance(value, str) else "–"


def _known(value: float) -> str:
    """A number of people or of deaths; '–' where it is not known."""
    return amount(value) if np.isfinite(value) else "–"


def _class(value: Any) -> str:
    """A class as it is printed: '1', 'A'; '–' for sums, which have none."""
    return _text(value) if isinstance(value, str) or np.isnan(value) else f"{value:.0f}"


# Columns behind those of the forecast, where the figures have them, and how they are printed.
_BESIDE: Mapping[str, Callable[[Any], str]] = {
    "population": _known,
    "per_100_000": rate_text,
    names.FORCE: _text,
    "capability": level_text,
    "priority": _class,
    "grade": _class,
}
# What the columns of figures begin with that a file holds as numbers.
_NUMBERS = ("recent", "deaths", "next_", "sum_", "mean_", "rise", "above", *_BESIDE)


def outlook_table(outlook: Outlook, sums: Mapping[str, str], anchors: Mapping[str, str], simulated: bool) -> Markup:
    """The forecast of all provinces together, of countries and zones, and of each province.

    They lead to their sections, whose addresses are in `sums` (of groups, the total first) and `anchors`.
    """
    total = pd.DataFrame([outlook.total]).assign(name="All provinces", group="Sums")
    several = len(outlook.provinces) > 1
    groups = [total, outlook.groups.assign(group="Sums")] if several else []
    provinces = outlook.provinces.sort_values(
        ["country", "sum_median", "name"], ascending=[True, False, True], kind="stable"
    )
    provinces = provinces.assign(group=provinces["country"].replace("", "Provinces"))
    table = pd.concat([*groups, provinces], ignore_index=True)
    frame = _figure_columns(table, outlook, {"name": "Province"})
    return html_table(
        frame,
        "outlook",
        "The forecast of sums and of every province, all tactics together",
        simulated,
        groups="group",
        spanners=_spanners(frame, outlook),
        links=[*sums.values(), *(anchors[key] for key in provinces[names.PROVINCE])],
        numbers=_numbers(table, {"name": "province"}),
    )


def tactic_table(cells: pd.DataFrame, outlook: Outlook, name: str, where: str, simulated: bool) -> Markup:
    """The forecast of every tactic in one province."""
    frame = _figure_columns(cells, outlook, {"tactic_name": "Tactic"})
    caption = f"{where}, by tactic"
    numbers = _numbers(cells, {"name": "province", "tactic_name": "tactic"})
    return html_table(frame, name, caption, simulated, spanners=_spanners(frame, outlook), numbers=numbers)


def period_table(series: Series, name: str, where: str, unit: str, simulated: bool) -> Markup:
    """The forecast of every period of one series: median and intervals."""
    ahead = series.starts[len(series.past) :]
    frame = pd.DataFrame({capital(unit): [period_label(start, series.freq) for start in ahead]})
    frame["Median"] = [amount(value) for value in series.median]
    for level in sorted(LEVELS):
        frame[f"{level}% interval"] = ranges(*series.interval(level))
    return html_table(frame, name, f"{where}, by {unit}, all tactics", simulated)


def _numbers(table: pd.DataFrame, labels: Mapping[str, str]) -> pd.DataFrame:
    """The figures as numbers, for a file."""
    columns = [column for column in table if str(column).startswith(_NUMBERS)]
    return table[[*labels, *columns]].rename(columns=dict(labels))


def _figure_columns(table: pd.DataFrame, outlook: Outlook, labels: Mapping[str, str]) -> pd.DataFrame:
    frame = pd.DataFrame({label: table[column] for column, label in labels.items()})
    if outlook.is_compared:
        frame["recent"] = [mean_amount(value) for value in table["recent"]]
        if "deaths" in table:
            frame["deaths"] = [_known(value) for value in table["deaths"]]
    for name in ("next", "sum") if outlook.horizon > 1 else ("next",):
        frame[f"{name}_median"] = [amount(value) for value in table[f"{name}_median"]]
        frame[f"{name}_interval"] = ranges(table[f"{name}_lower"], table[f"{name}_upper"])
    if outlook.horizon > 1:
        frame["per_period"] = [mean_amount(value) for value in table["mean_median"]]
    if outlook.is_compared:
        frame["rise"] = [short_percent(value) for value in table["rise"]]
    for name, written in _BESIDE.items():
        if name in table:
            frame[name] = [written(value) for value in table[name]]
    if "group" in table:
        frame["group"] = table["group"]
    return frame


def _spanners(frame: pd.DataFrame, outlook: Outlook) -> dict[str, dict[str, str]]:
    """Headings above headings: {heading: {column: its own}}, of the columns that are there."""
    per_unit = f"per {outlook.unit}"
    whole = {outlook.span: {"sum_median": "median", "sum_interval": "80% interval", "per_period": per_unit}}
    headings = {
        capital(outlook.past.removeprefix("the ")): {"recent": per_unit, "deaths": "deaths"},
        capital(outlook.next_period): {"next_median": "median", "next_interval": "80% interval"},
        **(whole if outlook.horizon > 1 else {}),
        "Chance": {"rise": "of a rise"},
        "Population": {"population": "people", "per_100_000": "attacks per 100,000"},
        "Partner force": {names.FORCE: "name", "capability": "capability"},
        "Class": {"priority": "priority", "grade": "grade"},
    }
    there = {heading: {key: text for key, text in part.items() if key in frame} for heading, part in headings.items()}
    return {heading: part for heading, part in there.items() if part}
