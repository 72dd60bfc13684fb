"""Incidents of the Global Terrorism Database, as CSV or workbook."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from forecast.errors import InputError
from forecast.events.columns import Wanted
from forecast.events.dates import calendar_dates, month_ends
from forecast.events.draft import drop, finish
from forecast.events.raw import RawTable, ReadOptions, read_raw
from forecast.events.values import codes, coordinates, counts, ids, numbers
from forecast.ledger import Ledger

__all__ = ["read"]

_WANTED = Wanted(
    "gtd",
    required={
        name: (name,)
        for name in ("eventid", "iyear", "imonth", "iday", "country_txt", "provstate", "latitude", "longitude")
    }
    | {name: (name,) for name in ("attacktype1_txt", "gname")},
    optional={name: (name,) for name in ("specificity", "extended", "doubtterr", "suicide", "targtype1_txt", "nkill")},
)
# Codebook: 1 the town, 2 and 3 the centroid of the smallest region known, 4 of the province, 5 nothing known.
_PLACE = {"1": "exact", "2": "district", "3": "district", "4": "province", "5": "unknown"}
_LOST_YEAR = 1993


def read(path: str | Path, options: ReadOptions) -> tuple[pd.DataFrame, Ledger]:
    """Draft events of a GTD file (LaFree and Dugan 2007), and what was cleaned.

    An incident whose day or month is unknown spans the month or the year, with that precision. Extended
    incidents stand at their first day. `tactic_label` is 'suicide' for suicide attacks and the attack type
    otherwise, `target_label` the target type. Look-alike rows are separate incidents and stay. Doubtful
    incidents stay, and are noted, unless `keep_doubtful` is off. −9 and −99 are unknown.

    Raises
    ------
    InputError
        For a file that is no GTD file, ids that a spreadsheet has rounded, and negative deaths.
    """
    options.refuse("gtd", "columns", "tactic_by", "keep_non_attacks", "day_first")
    raw = read_raw(path, sheet=options.sheet, pick=_WANTED.picker(path))
    raw = _doubtful(raw, keep=options.keep_doubtful)
    _refuse_rounded(raw)
    frame, ledger = raw.frame, _notes(raw)
    event_id, ledger = ids(raw, "eventid", ledger)
    dates = _dates(frame)
    place_precision, ledger = codes(raw, "specificity", _PLACE, "province", ledger)
    latitude, longitude, ledger = coordinates(raw, ledger)
    deaths, ledger = counts(raw, "nkill", ledger, unknown=(-9, -99))
    columns: dict[str, pd.Series | str | int] = {
        "event_id": event_id,
        "date": dates["date"],
        "date_end": dates["date_end"],
        "country": frame["country_txt"],
        "place_label": frame["provstate"],
        "tactic_label": frame["attacktype1_txt"].mask(_flag(frame, "suicide"), "suicide"),
        "actor": frame["gname"],
        "latitude": latitude,
        "longitude": longitude,
        "fatalities": deaths,
        "source": "gtd",
        "place_precision": place_precision,
        "date_precision": dates["date_precision"],
    }
    if "targtype1_txt" in frame:
        columns["target_label"] = frame["targtype1_txt"]
    draft, ledger = finish(columns, raw, ledger, options)
    for precision, unknown in (("month", "day"), ("year", "month")):
        rows = int((draft["date_precision"] == precision).sum())
        reason = f"the event spans its {precision}"
        ledger = ledger.add(f"{unknown} unknown", rows, "noted", reason, source=raw.name)
    return draft, ledger


def _dates(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns date, date_end and date_precision; 0 (or nothing) for day or month means that it is unknown."""
    year, month, day = (
        numbers(frame[name]).fillna(0).clip(-1, 9999).to_numpy().astype(np.int64)
        for name in ("iyear", "imonth", "iday")
    )
    no_month, no_day = month == 0, day == 0
    start = calendar_dates(year, np.where(no_month, 1, month), np.where(no_month | no_day, 1, day))
    last_month = calendar_dates(year, np.where(no_month, 12, month), np.ones_like(day))
    end = np.where(no_month | no_day, month_ends(last_month), start)
    precision = np.select([no_month, no_day], ["year", "month"], "day")
    return pd.DataFrame({"date": start, "date_end": end, "date_precision": precision}, index=frame.index)


def _doubtful(raw: RawTable, *, keep: bool) -> RawTable:
    doubtful = _flag(raw.frame, "doubtterr")
    if keep:
        reason = "the coders doubt that it was terrorism; kept"
        ledger = raw.ledger.add("doubtful incidents", int(doubtful.sum()), "noted", reason, source=raw.name)
        return replace(raw, ledger=ledger)
    reason = "the coders doubt that it was terrorism"
    frame, ledger = drop(raw.frame, doubtful, "doubtful incidents", reason, raw, raw.ledger, action="excluded")
    return replace(raw, frame=frame, ledger=ledger)


def _notes(raw: RawTable) -> Ledger:
    extended = int(_flag(raw.frame, "extended").sum())
    reason = "lasted more than a day; they stand at their first day"
    ledger = raw.ledger.add("extended incidents", extended, "noted", reason, source=raw.name)
    years = numbers(raw.frame["iyear"])
    if years.min() < _LOST_YEAR < years.max() and not (years == _LOST_YEAR).any():
        reason = "GTD has lost its records of 1993: the year is a gap, not a year without attacks"
        ledger = ledger.add("1993 missing", len(raw.frame), "noted", reason, source=raw.name)
    return ledger


def _refuse_rounded(raw: RawTable) -> None:
    """Refuse ids such as 2.01901E+11: many incidents would share one, and be taken for duplicates."""
    ids_text = raw.frame["eventid"]
    rounded = ids_text.str.contains(r"[0-9][eE]\+?[0-9]", regex=True, na=False)
    if rounded.any():
        row = rounded.index[rounded][0]
        raise InputError(
            "an id was rounded by a spreadsheet program",
            source=raw.path,
            where=raw.where("eventid", row),
            found=ids_text[row],
            expected="12 digits",
            hint="Use the file as published, or save the column as text",
        )


def _flag(frame: pd.DataFrame, column: str) -> pd.Series:
    if column not in frame:
        return pd.Series(False, index=frame.index)
    return numbers(frame[column]).eq(1)
