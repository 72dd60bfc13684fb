"""What the page shows of single provinces and of their sums: charts, tables and one sentence each."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from forecast import names
from forecast.evaluation.verification import PROVINCE, TOTAL
from forecast.panel.panel import Panel
from forecast.prediction.draws import ALL_TACTICS, Forecast
from forecast.report.fans import Series, large_fan, series_of, small_fan
from forecast.report.figure_tables import period_table, tactic_table
from forecast.report.figures import Group, Outlook, records
from forecast.report.overlays import Overlays
from forecast.report.wording import amount, between, chance_that, mean_amount, tactic_label

__all__ = ["Fold", "folds_of", "group_anchors", "province_anchors"]

# Keys that can stand in an address, and among them those that are names of other parts of the page.
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_.@-]*")
_PAGE = re.compile("now|about|where|measure|view|(about|sum|province|table|totals|activity|capability|backtest)-.*")


_NO_OVERLAYS = Overlays()


@dataclass(frozen=True)
class Fold:
    """What is shown of a province, or of a sum of provinces, once its name is opened.

    Attributes
    ----------
    anchor, name, where : str
        Its address in the page, its name, and its country or 'sum'.
    median : float
        Attacks over the horizon.
    expected, likely : str
        The same in words, and the 80 % interval.
    says : str
        What is expected, in one sentence.
    small, top, large : str
        Charts of all tactics; `top` is the largest number that the small one shows.
    marked : str
        Dated events in them, in a sentence; '' for none.
    tactics : sequence of (str, str, str)
        Tactics with a small chart and its largest number each; empty where there is one.
    by_period, by_tactic : str
        Tables; '' for none.
    """

    anchor: str
    name: str
    where: str
    median: float
    expected: str
    likely: str
    says: str
    small: str
    top: str
    large: str
    marked: str
    tactics: Sequence[tuple[str, str, str]]
    by_period: str
    by_tactic: str


def group_anchors(groups: Sequence[Group]) -> dict[str, str]:
    """Addresses of groups by their keys."""
    return {group.key: f"sum-{number}" for number, group in enumerate(groups)}


def province_anchors(forecast: Forecast, reserved: Collection[str] = ()) -> dict[str, str]:
    """Addresses of provinces: their keys, where these can be, so that `#IQG10` leads there, and are not reserved."""
    return {
        key: key if _KEY.fullmatch(key) and not _PAGE.fullmatch(key) and key not in reserved else f"province-{number}"
        for number, key in enumerate(forecast.provinces)
    }


def folds_of(
    panel: Panel,
    forecast: Forecast,
    outlook: Outlook,
    groups: Sequence[Group],
    anchors: Mapping[str, str],
    simulated: bool,
    overlays: Overlays = _NO_OVERLAYS,
) -> tuple[list[Fold], list[Fold]]:
    """Those of groups, and those of provinces by country and expected attacks; `anchors`: see `province_anchors`."""
    panel = panel.without_ended()
    members = {group.key: group.members for group in groups}
    options = (panel, forecast, outlook, overlays)
    sums: list[Fold] = []
    if members:
        total = pd.DataFrame([outlook.total]).assign(name="All provinces")
        total[names.PROVINCE] = next(iter(members))
        table = pd.concat([total, outlook.groups]).assign(country="sum of provinces")
        cells = outlook.figures(forecast.aggregate(members)) if outlook.shows_tactics else pd.DataFrame()
        sums = list(_folds(*options, group_anchors(groups), table, cells, groups, simulated))
    table = outlook.provinces.sort_values(["country", "sum_median"], ascending=[True, False], kind="stable")
    cells = outlook.cells if outlook.shows_tactics else pd.DataFrame()
    return sums, list(_folds(*options, anchors, table, cells, None, simulated))


def _folds(
    panel: Panel,
    forecast: Forecast,
    outlook: Outlook,
    overlays: Overlays,
    anchors: Mapping[str, str],
    table: pd.DataFrame,
    cells: pd.DataFrame,
    groups: Sequence[Group] | None,
    simulated: bool,
) -> Iterator[Fold]:
    by = None if groups is None else {group.key: group.members for group in groups}
    # Which bands of the last report are of which row: one province alone is the total.
    levels = {} if groups is None else {group.key: (group.level, group.label or TOTAL) for group in groups}
    single = PROVINCE if len(outlook.provinces) > 1 else TOTAL
    whole = series_of(panel, forecast, by, tactics=True)
    by_tactic = series_of(panel, forecast, by, tactics=False) if len(cells) else {}
    for row in records(table):
        key, name = str(row[names.PROVINCE]), str(row["name"])
        members = (key,) if by is None else by[key]
        level, label = levels.get(key, (single, key if single == PROVINCE else TOTAL))
        series = overlays.over(whole[key, ALL_TACTICS], members, level, label)
        anchor, says = anchors[key], _says(row, outlook)
        drawn = f"{says} {series.marked}".rstrip()
        part = cells[cells[names.PROVINCE] == key] if len(cells) else cells
        part = part.assign(name=name, tactic_name=part[names.TACTIC].map(tactic_label)) if len(part) else part
        yield Fold(
            anchor=anchor,
            name=name,
            where=str(row["country"]),
            median=float(row["sum_median"]),
            expected=amount(row["sum_median"]),
            likely=between(row["sum_lower"], row["sum_upper"]),
            says=says,
            small=small_fan(series, drawn),
            top=amount(series.largest),
            large=large_fan(series, drawn, simulated),
            marked=series.marked,
            tactics=list(_small_ones(part, by_tactic, outlook, overlays, members)),
            by_period=period_table(series, f"{anchor}-periods", name, outlook.unit, simulated),
            by_tactic=tactic_table(part, outlook, f"{anchor}-tactics", name, simulated) if len(part) else "",
        )


def _small_ones(
    part: pd.DataFrame,
    by_tactic: Mapping[tuple[str, str], Series],
    outlook: Outlook,
    overlays: Overlays,
    members: Sequence[str],
) -> Iterator[tuple[str, str, str]]:
    for row in records(part):
        says = _says({**row, "name": f"{row['name']}, {row['tactic_name']}"}, outlook)
        series = overlays.over(by_tactic[row[names.PROVINCE], row[names.TACTIC]], members)
        yield row["tactic_name"], small_fan(series, says), amount(series.largest)


def _says(row: Mapping[str, Any], outlook: Outlook) -> str:
    """What is expected, against the past, as one sentence or two."""
    unit = outlook.unit
    likely = between(row["mean_lower"], row["mean_upper"], decimals=1)
    text = f"{row['name']}: {mean_amount(row['mean_median'])} attacks a {unit} expected {outlook.when}, {likely} likely"
    if pd.isna(row["recent"]):
        return f"{text}."
    text += f", against {mean_amount(row['recent'])} over {outlook.past}."
    return f"{text} {chance_that('attacks will be more frequent than then', row['rise'])}".rstrip()
