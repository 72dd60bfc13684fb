"""Published tables of partner activity as indicators, with the assumptions that this takes said in the ledger."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from forecast import names
from forecast.capability.indicators import COUNT, Indicators, checked_indicators
from forecast.events.countries import country_key
from forecast.events.raw import read_raw
from forecast.ledger import Ledger
from forecast.panel.columns import check_columns

__all__ = ["read_activity", "read_operations"]

_COLUMNS = {
    "partnered": "partnered_operations",
    "us_only": "us_only_operations",
    "isis_killed": "killed",
    "isis_detained": "detained",
}
# Operations of the partner with others' help are taken as its own activity, those without it as the opposite. Killed
# and detained depend on how many there are to find: no direction.
_DIRECTIONS = {"partnered_operations": 1, "us_only_operations": -1}
_FORCES = {"Iraq": "ISF", "Syria": "SDF"}
_DAY = pd.Timedelta(days=1)


def read_operations(
    path: str | Path, *, forces: Mapping[str, str] = _FORCES, directions: Mapping[str, int] = _DIRECTIONS
) -> Indicators:
    """Read a table of operations by country and period, such as data/oir_operations.csv.

    Parameters
    ----------
    path : str or Path
        Columns start, end, country, partnered, us_only, isis_killed, isis_detained (counts, or empty) and source.
    forces : mapping of str to str
        Country to partner force: an assumption, noted in the ledger. Rows of other countries, and of several together,
        are dropped.
    directions : mapping of str to int
        Of partnered_operations, us_only_operations, killed and detained: 1, -1, or 0 (not given) for one that is shown
        and not used; an assumption, noted in the ledger.

    Returns
    -------
    Indicators
        Counts. A total that covers shorter rows is not added to them: what these leave of it stands in its place where
        that is one span of time, and else it is dropped; the ledger says so.

    Raises
    ------
    InputError
        For missing columns, and what `read_indicators` refuses.
    """
    raw = read_raw(path)
    check_columns(raw.frame, ["start", "end", "country", *_COLUMNS], raw.path)
    frame = raw.frame
    force_of = {country_key(country): force for country, force in forces.items()}
    force = frame["country"].map(country_key, na_action="ignore").map(force_of)
    unknown = force.isna()
    shown = (f"row {row}: {country}" for row, country in frame.loc[unknown, "country"].items())
    ledger = Ledger().add("country without one force", int(unknown.sum()), "excluded", "no force", shown, raw.name)
    names_of = ", ".join(f"{country}: {force}" for country, force in forces.items())
    ledger = ledger.add("country to force", 1, "noted", f"assumed that operations are the force's ({names_of})")
    said = ", ".join(f"{indicator}: {direction:+d}" for indicator, direction in directions.items()) or "none"
    ledger = ledger.add("direction of indicators", 1, "noted", f"assumed: {said}")
    kept = frame[~unknown]
    parts = []
    for column, indicator in _COLUMNS.items():
        counted = kept[kept[column].notna()]
        sources = counted.get("source", "")
        parts.append(
            pd.DataFrame(
                {
                    names.FORCE: force[counted.index],
                    names.INDICATOR: indicator,
                    "period_start": counted["start"],
                    names.PERIOD_END: counted["end"],
                    names.VALUE: counted[column],
                    "scale": COUNT,
                    "direction": directions.get(indicator, 0),
                    "source": sources,
                }
            )
        )
    indicators = checked_indicators(raw, pd.concat(parts).sort_index(kind="stable"))
    return _without_overlaps(replace(indicators, ledger=indicators.ledger + ledger))


def read_activity(path: str | Path) -> Indicators:
    """Read a table of a force's activity, such as published raids and arrests.

    Parameters
    ----------
    path : str or Path
        Columns force, indicator, period_start, period_end, value, scale, publisher and url.

    Returns
    -------
    Indicators
        None has a direction: raids and arrests answer to attacks, and are shown and not used until
        `Indicators.with_direction` gives them one.

    Raises
    ------
    InputError
        For missing columns, and what `read_indicators` refuses.
    """
    raw = read_raw(path)
    frame = raw.frame.assign(direction=0)
    if {"publisher", "url"} <= set(frame):
        frame = frame.assign(source=frame["publisher"].fillna("") + " " + frame["url"].fillna(""))
        frame = frame.drop(columns=["publisher", "url"])
    indicators = checked_indicators(raw, frame)
    reason = "raids and arrests answer to attacks: none is given"
    ledger = indicators.ledger.add("direction of indicators", 1, "noted", reason)
    return _without_overlaps(replace(indicators, ledger=ledger))


def _without_overlaps(indicators: Indicators) -> Indicators:
    """Counts of one force and indicator that share no day: of a total, what shorter rows leave, or nothing."""
    table, source = indicators.table, indicators.sources[0]["path"]
    rows, rests, dropped = [], [], []
    for _, group in table.groupby([names.FORCE, names.INDICATOR], sort=False):
        taken: list[pd.Series] = []
        length = group[names.PERIOD_END] - group["period_start"]
        for _, row in group.loc[length.sort_values(kind="stable").index].iterrows():
            rest, label = _rest(row, taken), _label(row)
            if rest is None:
                dropped.append(label)
                continue
            if rest["period_start"] != row["period_start"] or rest[names.PERIOD_END] != row[names.PERIOD_END]:
                rests.append(f"{label} as {_label(rest)}")
            taken.append(rest)
        rows += taken
    why = "what these leave of it"
    ledger = indicators.ledger.add("total of shorter rows", len(rests), "changed", why, rests, source)
    ledger = ledger.add("overlapping totals", len(dropped), "dropped", "no one span is left of them", dropped, source)
    kept = pd.DataFrame(rows).astype(table.dtypes.to_dict())
    keys = [names.FORCE, names.INDICATOR, "period_start"]
    return replace(indicators, table=kept.sort_values(keys, kind="stable").reset_index(drop=True), ledger=ledger)


def _rest(row: "pd.Series[Any]", taken: list["pd.Series[Any]"]) -> "pd.Series[Any] | None":
    """What rows within it leave of a total, at its end or at its beginning; itself where there are none."""
    start, end, value = row["period_start"], row[names.PERIOD_END], row[names.VALUE]
    beside = [one for one in taken if one["period_start"] <= end and one[names.PERIOD_END] >= start]
    for one in sorted(beside, key=lambda one: one["period_start"]):
        if one["period_start"] == start and one[names.PERIOD_END] < end:
            start, value = one[names.PERIOD_END] + _DAY, value - one[names.VALUE]
    for one in sorted(beside, key=lambda one: one["period_start"], reverse=True):
        if one[names.PERIOD_END] == end and one["period_start"] > start:
            end, value = one["period_start"] - _DAY, value - one[names.VALUE]
    clear = all(one[names.PERIOD_END] < start or one["period_start"] > end for one in beside)
    if not clear or value < 0:
        return None
    rest = row.copy()
    rest[["period_start", names.PERIOD_END, names.VALUE]] = start, end, value
    return rest


def _label(row: "pd.Series[Any]") -> str:
    span = f"{row['period_start']:%Y-%m-%d} to {row[names.PERIOD_END]:%Y-%m-%d}"
    return f"{row[names.FORCE]} {row[names.INDICATOR]} {span}: {row[names.VALUE]:g}"
