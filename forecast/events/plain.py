"""Any table of events: a column mapping or our own column names, with a province or with coordinates only."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from forecast import names
from forecast.errors import InputError
from forecast.events.columns import looks_like
from forecast.events.dates import parse_dates
from forecast.events.draft import counted, finish, note_multiday
from forecast.events.raw import RawTable, ReadOptions, read_raw
from forecast.events.values import coordinates, counts, ids
from forecast.ledger import Ledger

__all__ = ["read"]

_KNOWN = tuple(name for name in names.EVENT_COLUMNS if name != "source")
# Names under which these columns are found without a mapping.
_ALSO = {names.TACTIC: "type", names.LATITUDE: "lat", names.LONGITUDE: "lon"}
_TEXTS = {
    names.COUNTRY: "country",
    names.PROVINCE: "place_label",
    names.TACTIC: "tactic_label",
    "target": "target_label",
    "actor": "actor",
    "opponent": "opponent",
}


def read(path: str | Path, options: ReadOptions) -> tuple[pd.DataFrame, Ledger]:
    """Draft events of a table with one row per event (or per count, with a column `attacks`), and what was cleaned.

    Columns are found by `options.columns` ({our name: the file's}), else under our names; the tactic also as
    `type`, coordinates also as `lat` and `lon`. A date and either a province or coordinates are needed. Without
    ids the row numbers make them; without precisions, coordinates are exact, provinces are not, dates are days.

    Raises
    ------
    InputError
        For a mapping that does not fit, missing columns, unknown precisions, negative counts, and dates whose
        day and month cannot be told apart.
    """
    options.refuse("plain", "tactic_by", "keep_non_attacks", "keep_doubtful")
    raw = read_raw(path, sheet=options.sheet, pick=lambda header: _columns(header, options.columns, path))
    columns: dict[str, pd.Series | str | int] = {"source": "plain"}
    if names.ATTACKS in raw.frame:
        raw, columns["attacks"] = counted(raw, names.ATTACKS)
    frame, ledger = raw.frame, raw.ledger
    columns |= {label: frame[name] for name, label in _TEXTS.items() if name in frame}
    for name in ("date", "date_end", "reported"):
        if name in frame:
            columns[name], ledger = parse_dates(raw, name, ledger, day_first=options.day_first)
    columns["event_id"], ledger = ids(raw, "event_id", ledger)
    latitude, columns["longitude"], ledger = coordinates(raw, ledger)
    columns["latitude"] = latitude
    columns["fatalities"], ledger = counts(raw, "fatalities", ledger)
    columns["place_precision"] = _place_precision(raw, latitude)
    columns["date_precision"] = _precision(raw, "date_precision", names.DATE_PRECISIONS).fillna("day")
    draft, ledger = finish(columns, raw, ledger, options)
    return draft, note_multiday(draft, raw, ledger)


def _columns(header: list[str], mapping: Mapping[str, str], path: str | Path) -> dict[str, str]:
    """{our name: the file's}, by the mapping and by our names."""
    unknown = [name for name in mapping if name not in _KNOWN]
    if unknown:
        raise InputError("unknown names in the column mapping", where="columns", found=unknown, expected=_KNOWN)
    absent = [column for column in mapping.values() if column not in header]
    if absent:
        raise InputError("no such columns", source=path, where="header", found=header, expected=absent)
    twice = [column for column in mapping.values() if list(mapping.values()).count(column) > 1]
    if twice:
        raise InputError("a column is mapped to two names", where="columns", found=sorted(set(twice)))
    plain = {name.casefold(): name for name in reversed(header)}
    chosen: dict[str, str] = {}
    for name in _KNOWN:
        column = mapping.get(name) or plain.get(name) or plain.get(_ALSO.get(name, name))
        if column is not None and column not in chosen.values():
            chosen[name] = column
    placed = names.PROVINCE in chosen or {names.LATITUDE, names.LONGITUDE} <= set(chosen)
    if "date" not in chosen or not placed:
        guess = looks_like(header)
        hint = f"It looks like {guess}: read it with source='{guess}'" if guess else "Name them by a column mapping"
        expected = "date and either province or latitude and longitude"
        problem = "lacks a date, or a province or coordinates"
        raise InputError(problem, source=path, where="header", found=header, expected=expected, hint=hint)
    return chosen


def _place_precision(raw: RawTable, latitude: pd.Series) -> pd.Series:
    given = _precision(raw, "place_precision", names.PLACE_PRECISIONS)
    default = pd.Series("unknown", index=raw.frame.index, dtype="str")
    if names.PROVINCE in raw.frame:
        default = default.mask(raw.frame[names.PROVINCE].notna(), "province")
    return given.fillna(default.mask(latitude.notna(), "exact"))


def _precision(raw: RawTable, column: str, allowed: tuple[str, ...]) -> pd.Series:
    if column not in raw.frame:
        return pd.Series(None, index=raw.frame.index, dtype="str")
    given = raw.frame[column].str.lower()
    wrong = given.notna() & ~given.isin(allowed)
    if wrong.any():
        row = wrong.index[wrong][0]
        raise InputError(
            "is not allowed", source=raw.path, where=raw.where(column, row), found=given[row], expected=allowed
        )
    return given
