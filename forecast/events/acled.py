"""ACLED events: the old exports of 31 columns and the newer ones of up to 35."""

from dataclasses import replace
from pathlib import Path

import pandas as pd

from forecast.events.columns import Wanted
from forecast.events.dates import parse_dates
from forecast.events.draft import SIDE, finish
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
        **{name: (name,) for name in ("assoc_actor_1", "inter1", "actor2", "assoc_actor_2", "inter2")},
        "time_precision": ("time_precision",),
        "geo_precision": ("geo_precision",),
        "fatalities": ("fatalities",),
        "timestamp": ("timestamp",),
    },
)
# What rows of one event differ in, where an export has a row per actor; the names, by side.
_SIDES = (("actor1", "assoc_actor_1"), ("actor2", "assoc_actor_2"))
_OF_ACTORS = ("actor1", "assoc_actor_1", "inter1", "actor2", "assoc_actor_2", "inter2")
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

    Protests, riots and strategic developments are no attacks and are left out unless `keep_non_attacks` is set.
    `tactic_label` is the sub-event type, `target_label` the kind of actor 2 in words. `actor` is actor 1 with those
    associated with it, `opponent` actor 2 with its own, joined by "; "; they are in no order of attacker and target.
    In an actor-based export (a row per actor and event) the first row's actor 1 becomes `actor`, and all other names
    of the event's rows `opponent`. `reported` is the day of the time stamp, which ACLED renews with every
    revision: an event can have been known earlier, never later.

    Raises
    ------
    InputError
        For a file that is no ACLED export, dates of both orders in one file, and negative fatalities.
    """
    options.refuse("acled", "columns", "tactic_by", "keep_doubtful")
    raw = read_raw(path, sheet=options.sheet, pick=_WANTED.picker(path))
    raw = _one_row_per_event(attacks_only(raw, options))
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
        "actor": frame["actor"],
        "opponent": frame["opponent"],
        "target_label": _kind(frame["inter"]),
        "latitude": latitude,
        "longitude": longitude,
        "fatalities": deaths,
        "source": "acled",
        "place_precision": place_precision,
        "date_precision": date_precision,
    }
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
            "not an attack", len(rows), "excluded", f"event type {kind}", rows.dropna().unique(), raw.name
        )
    return replace(raw, frame=raw.frame[~kinds.isin(unwanted)], ledger=ledger)


def _one_row_per_event(raw: RawTable) -> RawTable:
    """Rows that differ in their actors only as one, with columns `actor`, `opponent` and `inter` (of the opponent)."""
    frame = raw.frame.reindex(columns=list(dict.fromkeys([*raw.frame, *_OF_ACTORS]))).astype("str")
    twice = frame["event_id_cnty"].notna() & frame["event_id_cnty"].duplicated(keep=False)
    same = frame[twice].drop(columns=list(_OF_ACTORS))
    event = pd.util.hash_pandas_object(same, index=False)
    event = event[event.duplicated(keep=False)]
    further = event.index[event.duplicated()]
    first = frame.drop(index=further)
    sides = [_joined(first[actor], first[others]) for actor, others in _SIDES]
    first = first.assign(actor=sides[0], opponent=sides[1], inter=first["inter2"])
    if len(further):
        merged = _others(frame.loc[event.index], event, first["actor"])
        first.loc[merged.index, ["opponent", "inter"]] = merged
    reason = "an actor-based export: further rows of an event, whose actors were added to its first row"
    ledger = raw.ledger.add("rows of one event", len(further), "changed", reason, source=raw.name)
    return replace(raw, frame=first, ledger=ledger)


def _joined(name: pd.Series, associated: pd.Series) -> pd.Series:
    both = name.str.cat(associated.str.replace(r"\s*;\s*", SIDE, regex=True), sep=SIDE)
    return both.fillna(name).fillna(associated)


def _others(rows: pd.DataFrame, event: pd.Series, actor: pd.Series) -> pd.DataFrame:
    """Opponent and its kind of events with several rows, by the index of each event's first row."""
    head = pd.Series(event.index, event.index).groupby(event).transform("first")
    named = pd.concat(
        [
            pd.DataFrame({"head": head, "name": _joined(rows[column], rows[others]), "inter": rows[inter]})
            for (column, others), inter in zip(_SIDES, ("inter1", "inter2"), strict=True)
        ]
    ).sort_index(kind="stable")
    named = named.assign(name=named["name"].str.split(SIDE)).explode("name").dropna(subset="name")
    of_actor = [
        name in side for name, side in zip(named["name"], actor.fillna("")[named["head"]].str.split(SIDE), strict=True)
    ]
    named = named[~pd.Series(of_actor, named.index)].drop_duplicates(["head", "name"])
    grouped = named.groupby("head", sort=False)
    return pd.DataFrame({"opponent": grouped["name"].agg(SIDE.join), "inter": grouped["inter"].first()})


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
