"""What every reader does at its end: the draft table in its columns, without events that have no date or lie ahead."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from forecast import names
from forecast.errors import InputError
from forecast.events.raw import RawTable, ReadOptions
from forecast.events.values import counts, refuse_totals
from forecast.ledger import Action, Ledger

__all__ = ["DRAFT_COLUMNS", "SIDE", "counted", "drop", "finish", "note_multiday"]

# Between the actors who stand on one side of an event.
SIDE = "; "
# The events table, before places and labels are matched.
DRAFT_COLUMNS = tuple(
    {names.PROVINCE: "place_label", names.TACTIC: "tactic_label", "target": "target_label"}.get(name, name)
    for name in names.EVENT_COLUMNS
)
# Columns in which a row of totals says that it is one, in tables of counts.
_LABELS = ("date", "week", names.COUNTRY, names.PROVINCE, "admin1", names.TACTIC, "sub_event_type")
_TYPES = {
    "date": "datetime64[ns]",
    "date_end": "datetime64[ns]",
    "reported": "datetime64[ns]",
    names.ATTACKS: "Int64",  # NA where a count is unknown: a gap
    names.LATITUDE: "float64",
    names.LONGITUDE: "float64",
    "fatalities": "Int64",
}


def finish(
    columns: Mapping[str, pd.Series | str | int], raw: RawTable, ledger: Ledger, options: ReadOptions
) -> tuple[pd.DataFrame, Ledger]:
    """The draft table of a reader, from the columns that its source knows; the others are NA, `attacks` is 1.

    Events without a readable date and events that begin after today are dropped, ends before the beginning and
    reports before the event are taken back; each with a ledger line.
    """
    filled = {names.ATTACKS: 1, "date_end": columns["date"], **columns}
    draft = pd.DataFrame(index=raw.frame.index)
    for name in DRAFT_COLUMNS:
        # A plain None would make an object column of a text column without values.
        draft[name] = pd.Series(filled.get(name), index=draft.index, dtype=_TYPES.get(name, "str"))
    reason = "the date is missing or cannot be read"
    draft, ledger = drop(draft, draft["date"].isna(), "unknown dates", reason, raw, ledger)
    draft, ledger = _ordered(draft, raw, ledger)
    today = pd.Timestamp(options.today or dt.date.today())
    reason = f"begin after {today.date().isoformat()}"
    return drop(draft, draft["date"] > today, "future dates", reason, raw, ledger, draft["date"])


def drop(
    draft: pd.DataFrame,
    wrong: pd.Series,
    rule: str,
    reason: str,
    raw: RawTable,
    ledger: Ledger,
    shown: pd.Series | None = None,
    action: Action = "dropped",
) -> tuple[pd.DataFrame, Ledger]:
    """The table without its `wrong` rows, and the ledger with a line on them."""
    if not wrong.any():
        return draft, ledger
    rows = wrong.index[wrong]
    examples = (f"row {row}" if shown is None else f"row {row}: {_plain(shown[row])}" for row in rows)
    return draft[~wrong], ledger.add(rule, len(rows), action, reason, examples, raw.name)


def counted(raw: RawTable, column: str) -> tuple[RawTable, pd.Series]:
    """The rows of a source of counts that do not count nothing, and their counts (Int64), NA for what is unknown.

    Raises
    ------
    InputError
        Where no row has a count, or a row sums up others, and for what `counts` refuses.
    """
    number, ledger = counts(raw, column, raw.ledger, fractions="refuse")
    if number.isna().all():
        found = list(raw.frame[column].dropna().unique()[:3])
        raise InputError(
            "no row has a count", source=raw.path, where=raw.where(column), found=found, expected="1, 2, …"
        )
    refuse_totals(raw, [name for name in _LABELS if name in raw.frame], number.fillna(0))
    unknown, reason = number.isna(), "the number is missing: the cells that it belongs to are not observed"
    shown = (f"row {row}" for row in number.index[unknown])
    ledger = ledger.add("unknown counts", int(unknown.sum()), "changed", reason, shown, raw.name)
    frame, ledger = drop(
        raw.frame, number.eq(0).fillna(False), "counts of nothing", "the number is 0", raw, ledger, action="excluded"
    )
    return replace(raw, frame=frame, ledger=ledger), number[frame.index]


def note_multiday(draft: pd.DataFrame, raw: RawTable, ledger: Ledger) -> Ledger:
    """A ledger line on events that last, or were summed up, over more than one day; they stay one event each."""
    long = draft[draft["date_end"] > draft["date"]]
    shown = (f"row {row}: {_plain(start)} to {_plain(end)}" for row, start, end in _spans(long))
    return ledger.add("multi-day events", len(long), "noted", "one event over several days each", shown, raw.name)


def _ordered(draft: pd.DataFrame, raw: RawTable, ledger: Ledger) -> tuple[pd.DataFrame, Ledger]:
    ends = draft["date_end"].fillna(draft["date"])
    backwards = ends < draft["date"]
    early = draft["reported"] < draft["date"]
    shown = (f"row {row}: {_plain(start)} to {_plain(end)}" for row, start, end in _spans(draft[backwards]))
    reason = "the end lies before the beginning; taken as the day of the beginning"
    ledger = ledger.add("ends before the beginning", int(backwards.sum()), "changed", reason, shown, raw.name)
    reason = "the report is older than the event; taken as unknown"
    ledger = ledger.add("reports before the event", int(early.sum()), "changed", reason, source=raw.name)
    ends = ends.mask(backwards, draft["date"])
    return draft.assign(date_end=ends, reported=draft["reported"].mask(early)), ledger


def _spans(draft: pd.DataFrame) -> "zip[tuple[object, object, object]]":
    return zip(draft.index, draft["date"], draft["date_end"], strict=True)


def _plain(value: object) -> str:
    return value.date().isoformat() if isinstance(value, pd.Timestamp) else str(value)
