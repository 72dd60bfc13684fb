"""ACLED events: the old exports of 31 columns and the newer ones of up to 35."""

from dataclasses import replace
from pathlib import Path

import pandas as pd

from forecast.events.columns import Wanted
from forecast.events.dates import parse_dates
from forecast.events.draft import finish
from forecast.events.raw import RawTable, ReadOptions, read_raw
from forecast.events.values import codes, coordinates, counts, ids, numbers
from forecast.ledger import Ledger

__all__ = ["attacks_only", "read"]

_WANTED = Wanted(
    "acled",
    required={
        "event_id_cnty": ("event_id_cnty",),
        "event_date": ("event_date",),
        "event_type": ("event_type",),
        "sub_event_type": ("sub_event_type",),
        "actor1": ("actor1",),
        "country": ("country",),
        "admin1": ("admin1",),
        "latitude": ("latitude",),
        "longitude": ("longitude",),
    },
    optional={
        "actor2": ("actor2",),
        "inter2": ("inter2",),
        "time_precision": ("time_precision",),
        "geo_precision": ("geo_precision",),
        "fatalities": ("fatalities",),
        "timestamp": ("timestamp",),
    },
)
# Event types without an attack, in the present and in the older codebooks.
_NO_ATTACKS = {
    "protests",
    "riots",
    "riots/protests",
    "strategic developments",
    "strategic development",
    "non-violent transfer of territory",
    "headquarters or base established",
}
_KINDS = {
    "1": "State forces",
    "2": "Rebel group",
    "3": "Political militia",
    "4": "Identity militia",
    "5": "Rioters",
    "6": "Protesters",
    "7": "Civilians",
    "8": "External/Other forces",
}
_PLURALS = {
    "rebel groups": "Rebel group",
    "political militias": "Political militia",
    "identity militias": "Identity militia",
    "communal militias": "Identity militia",
}
_PLACE = {"1": "exact", "2": "district", "3": "province"}
_DATE = {"1": "day", "2": "week", "3": "month"}


def read(path: str | Path, options: ReadOptions) -> tuple[pd.DataFrame, Ledger]:
    """Draft events of an ACLED export (Raleigh et al. 2010), and what was cleaned.

    Protests, riots and strategic developments are no attacks and are dropped unless `keep_non_attacks` is set.
    `tactic_label` is the sub-event type, `target_label` the kind of actor 2 in words. ACLED's two actors are in
    no order of attacker and target. `reported` is the day of the time stamp, which ACLED renews with every
    revision: an event can have been known earlier, never later.

    Raises
    ------
    InputError
        For a file that is no ACLED export, dates of both orders in one file, and negative fatalities.
    """
    options.refuse("acled", "columns", "tactic_by", "keep_doubtful")
    raw = read_raw(path, sheet=options.sheet, pick=_WANTED.picker(path))
    raw = attacks_only(raw, options)
    frame, ledger = raw.frame, raw.ledger
    date, ledger = parse_dates(raw, "event_date", ledger, day_first=options.day_first, default_day_first=True)
    event_id, ledger = ids(raw, "event_id_cnty", ledger)
    place_precision, ledger = codes(raw, "geo_precision", _PLACE, "province", ledger)
    date_precision, ledger = codes(raw, "time_precision", _DATE, "day", ledger)
    latitude, longitude, ledger = coordinates(raw, ledger)
    deaths, ledger = counts(raw, "fatalities", ledger)
    columns: dict[str, pd.Series | str | int] = {
        "event_id": event_id,
        "date": date,
        "country": frame["country"],
        "place_label": frame["admin1"],
        "tactic_label": frame["sub_event_type"],
        "actor": frame["actor1"],
        "latitude": latitude,
        "longitude": longitude,
        "fatalities": deaths,
        "source": "acled",
        "place_precision": place_precision,
        "date_precision": date_precision,
    }
    if "actor2" in frame:
        columns["opponent"] = frame["actor2"]
    if "inter2" in frame:
        columns["target_label"] = _kind(frame["inter2"])
    if "timestamp" in frame:
        columns["reported"], ledger = _reported(raw, ledger)
    return finish(columns, raw, ledger, options)


def attacks_only(raw: RawTable, options: ReadOptions) -> RawTable:
    """The table without protests, riots and strategic developments (column `event_type`), noted by type."""
    if options.keep_non_attacks or "event_type" not in raw.frame:
        return raw
    kinds = raw.frame["event_type"]
    unwanted = sorted(kind for kind in kinds.dropna().unique() if kind.casefold() in _NO_ATTACKS)
    ledger = raw.ledger
    for kind in unwanted:
        rows = raw.frame["sub_event_type"][kinds == kind]
        ledger = ledger.add(
            "not an attack", len(rows), "dropped", f"event type {kind}", rows.dropna().unique(), raw.name
        )
    return replace(raw, frame=raw.frame[~kinds.isin(unwanted)], ledger=ledger)


def _kind(text: pd.Series) -> pd.Series:
    """Kind of actor in words: old exports have its number, newer ones the word; 0 means that there is no actor."""
    words = {value: _word(value) for value in text.dropna().unique()}
    return text.map(words).astype("str")


def _word(value: str) -> str | None:
    number = value.removesuffix(".0")
    if number.isdecimal():
        return _KINDS.get(number)
    return _PLURALS.get(value.casefold(), value)


def _reported(raw: RawTable, ledger: Ledger) -> tuple[pd.Series, Ledger]:
    """Day of a time stamp in seconds since 1970; NaT (and a ledger line) where it is none."""
    text = raw.frame["timestamp"]
    seconds = numbers(text)
    # 2200 at the latest: a larger number is in other units, and a wrong day is worse than none.
    known = (seconds > 0) & (seconds < 7.3e9)
    days = (seconds.where(known, 0) // 86_400).to_numpy().astype("int64").astype("datetime64[D]")
    wrong = text[~known & text.notna()]
    shown = (f"row {row}: {value}" for row, value in wrong.items())
    reason = "no seconds since 1970; the day of the report is taken as unknown"
    ledger = ledger.add("timestamp not readable", len(wrong), "changed", reason, shown, raw.name)
    return pd.Series(days.astype("datetime64[ns]"), index=text.index).where(known), ledger
