"""Records of the UCDP Georeferenced Event Dataset: CSV files of 41 and 49 columns, and records of its interface."""

from pathlib import Path

import pandas as pd

from forecast.errors import InputError
from forecast.events.columns import Wanted
from forecast.events.dates import parse_dates
from forecast.events.draft import finish, note_multiday
from forecast.events.raw import ReadOptions, read_raw
from forecast.events.values import codes, coordinates, counts, ids
from forecast.ledger import Ledger

__all__ = ["WANTED", "read"]

WANTED = Wanted(
    "ucdp",
    required={
        name: (name,)
        for name in ("id", "type_of_violence", "side_a", "side_b", "where_prec", "latitude", "longitude", "country")
    }
    | {name: (name,) for name in ("date_prec", "date_start", "date_end")},
    optional={
        "dyad_name": ("dyad_name",),
        "adm_1": ("adm_1",),
        "event_clarity": ("event_clarity",),
        "best": ("best", "best_est"),
    },
)
_TACTIC_BY = ("", "type_of_violence", "dyad")
_VIOLENCE = {"1": "state_based", "2": "non_state", "3": "one_sided"}
# Codebook (Högbladh, UCDP GED): 1 exact, 2 within 25 km, 3 district, 4 province, 5 larger or a line, 6 country,
# 7 international waters or airspace.
_PLACE = {
    "1": "exact",
    "2": "district",
    "3": "district",
    "4": "province",
    "5": "country",
    "6": "country",
    "7": "unknown",
}
# Codebook: 1 the day, 2 two to six days, 3 the week, 4 up to a month, 5 longer, but within the year.
_DATE = {"1": "day", "2": "week", "3": "week", "4": "month", "5": "year"}


def read(path: str | Path, options: ReadOptions) -> tuple[pd.DataFrame, Ledger]:
    """Draft events of a UCDP GED file (Sundberg and Melander 2013), and what was cleaned.

    The actor is side A and the opponent side B, which does not say who attacked. `tactic_label` is the type of
    violence (state_based, non_state, one_sided) or, with tactic_by='dyad', the dyad's name; `target_label` is
    the type of violence. `fatalities` is the best estimate. UCDP does not tell when a record was first known.

    Raises
    ------
    InputError
        For a file that is no UCDP GED file, an unknown `tactic_by`, and negative deaths.
    """
    options.refuse("ucdp", "columns", "keep_non_attacks", "keep_doubtful")
    if options.tactic_by not in _TACTIC_BY:
        raise InputError("unknown choice", where="tactic_by", found=options.tactic_by, expected=_TACTIC_BY[1:])
    raw = read_raw(path, sheet=options.sheet, pick=WANTED.picker(path))
    frame, ledger = raw.frame, raw.ledger
    start, ledger = parse_dates(raw, "date_start", ledger, day_first=options.day_first)
    end, ledger = parse_dates(raw, "date_end", ledger, day_first=options.day_first)
    event_id, ledger = ids(raw, "id", ledger)
    violence, ledger = codes(raw, "type_of_violence", _VIOLENCE, None, ledger)
    place_precision, ledger = codes(raw, "where_prec", _PLACE, "unknown", ledger)
    date_precision, ledger = codes(raw, "date_prec", _DATE, "day", ledger)
    latitude, longitude, ledger = coordinates(raw, ledger)
    deaths, ledger = counts(raw, "best", ledger)
    columns: dict[str, pd.Series | str | int] = {
        "event_id": event_id,
        "date": start,
        "date_end": end,
        "country": frame["country"],
        "tactic_label": _dyad(frame) if options.tactic_by == "dyad" else violence,
        "target_label": violence,
        "actor": frame["side_a"],
        "opponent": frame["side_b"],
        "latitude": latitude,
        "longitude": longitude,
        "fatalities": deaths,
        "source": "ucdp",
        "place_precision": place_precision,
        "date_precision": date_precision,
    }
    if "adm_1" in frame:
        columns["place_label"] = frame["adm_1"]
    draft, ledger = finish(columns, raw, ledger, options)
    return draft, note_multiday(draft, raw, ledger)


def _dyad(frame: pd.DataFrame) -> pd.Series:
    pair = frame["side_a"] + " - " + frame["side_b"]
    return frame["dyad_name"].fillna(pair) if "dyad_name" in frame else pair
