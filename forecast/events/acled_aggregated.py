"""The aggregated data of ACLED: counts of events by week, province and sub-event type, as workbook or CSV."""

from pathlib import Path

import pandas as pd

from forecast.events.acled import attacks_only
from forecast.events.columns import Wanted
from forecast.events.dates import parse_dates
from forecast.events.draft import counted, finish
from forecast.events.raw import ReadOptions, read_raw
from forecast.events.values import coordinates, counts
from forecast.ledger import Ledger

__all__ = ["read"]

_SOURCE = "acled-aggregated"
_WANTED = Wanted(
    _SOURCE,
    required={
        "week": ("week",),
        "country": ("country",),
        "admin1": ("admin1", "admin_1"),
        "sub_event_type": ("sub_event_type",),
        "events": ("events",),
    },
    optional={
        "disorder_type": ("disorder_type",),
        "event_type": ("event_type",),
        "id": ("id",),
        "fatalities": ("fatalities",),
        "latitude": ("centroid_latitude",),
        "longitude": ("centroid_longitude",),
    },
)
# A row is one of these; the workbook's own ID is that of the province, not of the row.
_KEY = ("week", "country", "admin1", "id", "disorder_type", "event_type", "sub_event_type")
_SATURDAY = 5


def read(path: str | Path, options: ReadOptions) -> tuple[pd.DataFrame, Ledger]:
    """Draft events of ACLED's aggregated data: one row per week, province and sub-event type, counted in `attacks`.

    WEEK is the Saturday on which a week from Saturday to Friday begins. There is no actor, and no day on which
    a row was first known. Coordinates are the province's centroid.

    Raises
    ------
    InputError
        For a file of another source, an unknown sheet, and negative or broken counts.
    """
    options.refuse(_SOURCE, "columns", "tactic_by", "keep_doubtful")
    raw = read_raw(path, sheet=options.sheet, pick=_WANTED.picker(path))
    raw = attacks_only(raw, options)
    raw, attacks = counted(raw, "events")
    frame, ledger = raw.frame, raw.ledger
    week, ledger = parse_dates(raw, "week", ledger, day_first=options.day_first, default_day_first=True)
    other = week.notna() & (week.dt.day_of_week != _SATURDAY)
    shown = (f"row {row}: {frame['week'][row]}" for row in other.index[other])
    reason = "WEEK is no Saturday; taken as the first of seven days all the same"
    ledger = ledger.add("weeks that begin on another day", int(other.sum()), "noted", reason, shown, raw.name)
    latitude, longitude, ledger = coordinates(raw, ledger)
    deaths, ledger = counts(raw, "fatalities", ledger)
    columns: dict[str, pd.Series | str | int] = {
        "event_id": _key(frame, week),
        "date": week,
        "date_end": week + pd.Timedelta(days=6),
        "country": frame["country"],
        "place_label": frame["admin1"],
        "tactic_label": frame["sub_event_type"],
        "attacks": attacks,
        "latitude": latitude,
        "longitude": longitude,
        "fatalities": deaths,
        "source": _SOURCE,
        "place_precision": "province",
        "date_precision": "week",
    }
    return finish(columns, raw, ledger, options)


def _key(frame: pd.DataFrame, week: pd.Series) -> pd.Series:
    """The row's natural key as its id, so that the same week in two downloads is recognised as the same."""
    parts = frame[[name for name in _KEY if name in frame]].fillna("")
    parts = parts.assign(week=week.dt.strftime("%Y-%m-%d").fillna(""))
    return parts["week"].str.cat(parts.drop(columns="week"), sep="|").astype("str")
