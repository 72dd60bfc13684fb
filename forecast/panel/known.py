"""Which records were known on a day: what a panel of that day counts, and what it cannot place."""

from collections.abc import Sequence

import pandas as pd

from forecast.errors import InputError
from forecast.events.selection import involved
from forecast.events.table import Events
from forecast.events.versions import UNTIL
from forecast.ledger import Ledger

__all__ = ["known_records", "known_unlocated"]


def known_records(events: Events, as_of: str | pd.Timestamp | None, by_report: bool) -> tuple[pd.DataFrame, Ledger]:
    """The newest version of each record that was known at the end of the day `as_of`, by its report or its last day."""
    if as_of is None:
        return events.table, events.ledger
    day = pd.Timestamp(as_of).normalize()
    versions = events.table if events.older is None else pd.concat([events.older, events.table])
    known = versions[_is_known(versions, day, by_report)]
    if UNTIL in known:  # superseded or withdrawn by then
        known = known[~(known[UNTIL] < day + pd.Timedelta(days=1))].drop(columns=UNTIL)
    known = known.sort_values("reported", na_position="first", kind="stable").drop_duplicates("event_id", keep="last")
    if known.empty:
        raise InputError("no event was known then", where=f"as_of {day:%Y-%m-%d}")
    unknown = ~events.table["event_id"].isin(known["event_id"])
    return known, events.ledger.add(
        "not yet known", int(unknown.sum()), "excluded", f"became known after {day:%Y-%m-%d}"
    )


def known_unlocated(
    events: Events,
    as_of: str | pd.Timestamp | None,
    by_report: bool,
    actor: str | Sequence[str] | None,
    target: str | Sequence[str] | None,
) -> pd.DataFrame:
    """The chosen records without a province that were known at the end of the day `as_of`."""
    table = events.table.iloc[:0] if events.unlocated is None else events.unlocated
    if as_of is not None:
        table = table[_is_known(table, pd.Timestamp(as_of).normalize(), by_report)]
    return table[involved(table, actor=actor, target=target)]


def _is_known(table: pd.DataFrame, day: pd.Timestamp, by_report: bool) -> "pd.Series[bool]":
    """Which records were known at the end of a day, by their report or their last day."""
    since = table["reported"].fillna(table["date_end"]) if by_report else table["date_end"]
    return since < day + pd.Timedelta(days=1)
