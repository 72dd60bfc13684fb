"""`build_panel`: events to counts on the complete grid."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecast import names
from forecast.errors import InputError
from forecast.events.places import Gazetteer, read_gazetteer
from forecast.events.table import Events, select_events
from forecast.ledger import Action, Ledger
from forecast.panel.calendar import complete_periods, normalise_freq, period_end, period_start
from forecast.panel.grid import grid_dataset, ordered_tactics, places_of
from forecast.panel.panel import Panel

__all__ = ["Gap", "build_panel"]

# A span of days in which nothing was recorded: first day, last day, and the provinces (none given: all).
Gap = tuple[str, str] | tuple[str, str, Sequence[str]]

_GTD_GAP: Gap = ("1993-01-01", "1993-12-31")


def build_panel(
    events: Events,
    *,
    freq: str = names.MONTHLY,
    gazetteer: Gazetteer | None = None,
    provinces: Sequence[str] | None = None,
    tactics: Sequence[str] | None = None,
    actor: str | Sequence[str] | None = None,
    target: str | Sequence[str] | None = None,
    start: str | dt.date | None = None,
    end: str | dt.date | None = None,
    as_of: str | pd.Timestamp | None = None,
    multiday: Literal["draw", "first", "omit"] = "draw",
    gaps: Sequence[Gap] = (),
    exposure: Mapping[str, float] | None = None,
    forces: pd.DataFrame | None = None,
    seed: int = 0,
) -> Panel:
    """Count events on the complete grid of provinces, tactics and complete periods.

    Parameters
    ----------
    events : Events
        What `read_events` gave.
    freq : {'MS', 'W'}
        Calendar months, or weeks from Monday to Sunday.
    gazetteer : Gazetteer, optional
        The one that the events were read with; the shipped one by default.
    provinces : sequence of str, optional
        Unit keys of the grid; by default all units of the countries in which the events lie.
    tactics : sequence of str, optional
        Tactics of the grid; by default all that occur.
    actor, target : str or sequence of str, optional
        Only attacks in which such an actor stands on either side, or on such a target; see `Events.select`.
    start, end : date, optional
        First and last day that the data cover; by default the days of the first and the last event. A sparse
        file needs them: after its last event it may be quiet, or it may have ended.
    as_of : date, optional
        Only what was known on that day: events with `reported` (else `date_end`) up to it.
    multiday : {'draw', 'first', 'omit'}
        An event of several days counts in one period: drawn in proportion to its days (from `seed` and its
        id, so that the same event always falls on the same day), that of its first day, or none.
    gaps : sequence of (first day, last day) or (first day, last day, provinces)
        Spans in which nothing was recorded: the cells of every period that they touch are not observed.
    exposure : mapping of str to float, optional
        Population or another size per unit key; 1 where absent.
    forces : DataFrame, optional
        Partner force of units over time (`read_forces`); by default the gazetteer's, at all times.
    seed : int
        Seed of the multi-day draw.

    Returns
    -------
    Panel
        With the events' ledger and this function's own lines after it.

    Raises
    ------
    InputError
        When no event or no complete period is left, or an option names what does not exist.
    """
    freq = normalise_freq(freq)
    gazetteer = gazetteer or read_gazetteer()
    known, ledger = _known_at(events, as_of)
    first, last = _coverage(known, events.table, start, end, as_of)
    periods = complete_periods(first, last, freq)
    if not len(periods):
        expected = f"a whole {'month' if freq == names.MONTHLY else 'week, Monday to Sunday'}"
        where = f"{first:%Y-%m-%d} to {last:%Y-%m-%d}"
        raise InputError("holds no complete period", where=where, expected=expected)
    notes = _partial_notes(first, last, periods, freq)

    grid_provinces = _grid_provinces(known, gazetteer, provinces)
    chosen, ledger = select_events(known, ledger, actor=actor, target=target)
    grid_tactics = _grid_tactics(chosen, events.table, tactics)
    if not grid_tactics:
        raise InputError("no event is left to count", hint="Check the filters (actor, target, as_of)")
    placed, ledger = _assign_days(chosen, ledger, multiday, seed)
    counts, ledger = _count(placed, ledger, grid_provinces, grid_tactics, periods, freq)
    if as_of is None and not counts.any():
        where = f"{periods[0]:%Y-%m-%d} to {period_end(periods[-1:], freq)[0]:%Y-%m-%d}"
        raise InputError("no attack falls into the panel", where=where, hint="Check start, end, provinces and tactics")

    all_gaps = [*gaps, _GTD_GAP] if (known["source"] == "gtd").any() else gaps
    observed = _observed(all_gaps, grid_provinces, len(grid_tactics), periods, freq)
    provenance = {
        "sources": list(events.sources),
        "simulated": events.simulated,
        "notes": notes,
        "filters": {"actor": actor, "target": target},
        "as_of": None if as_of is None else f"{pd.Timestamp(as_of):%Y-%m-%d}",
        "coverage": [f"{first:%Y-%m-%d}", f"{last:%Y-%m-%d}"],
    }
    sizes = np.array([1.0 if exposure is None else float(exposure.get(key, 1.0)) for key in grid_provinces])
    dataset = grid_dataset(
        counts,
        observed,
        np.broadcast_to(sizes[:, None, None], counts.shape).copy(),
        places_of(grid_provinces, gazetteer),
        grid_tactics,
        periods,
        freq,
        forces,
        provenance,
    )
    return Panel(dataset, ledger)


# Parts of build_panel ---------------------------------------------------------------------------------------


def _known_at(events: Events, as_of: str | pd.Timestamp | None) -> tuple[pd.DataFrame, Ledger]:
    """The newest version of each record that was known at the end of the day `as_of`."""
    if as_of is None:
        return events.table, events.ledger
    day = pd.Timestamp(as_of).normalize()
    versions = events.table if events.older is None else pd.concat([events.older, events.table])
    known = versions[versions["reported"].fillna(versions["date_end"]) < day + pd.Timedelta(days=1)]
    known = known.sort_values("reported", na_position="first", kind="stable").drop_duplicates("event_id", keep="last")
    if known.empty:
        raise InputError("no event was known then", where=f"as_of {day:%Y-%m-%d}")
    unknown = ~events.table["event_id"].isin(known["event_id"])
    return known, events.ledger.add(
        "not yet known", int(unknown.sum()), "dropped", f"became known after {day:%Y-%m-%d}"
    )


def _coverage(
    known: pd.DataFrame,
    everything: pd.DataFrame,
    start: str | dt.date | None,
    end: str | dt.date | None,
    as_of: str | pd.Timestamp | None,
) -> tuple[pd.Timestamp, pd.Timestamp]:
    """First and last day that the data cover, as far as they were known on the day `as_of`."""
    first = known["date"].min() if start is None else pd.Timestamp(start)
    last = everything["date"].max() if end is None else pd.Timestamp(end)
    if as_of is not None:
        last = min(last, pd.Timestamp(as_of))
    if last < first:
        raise InputError("the data end before they start", where=f"{first:%Y-%m-%d} to {last:%Y-%m-%d}")
    return first.normalize(), last.normalize()


def _partial_notes(first: pd.Timestamp, last: pd.Timestamp, periods: pd.DatetimeIndex, freq: str) -> list[str]:
    unit = "month" if freq == names.MONTHLY else "week"
    final = period_end(periods[-1:], freq)[0]
    notes = []
    if periods[0] > period_start(pd.DatetimeIndex([first]), freq)[0]:
        notes.append(f"the first {unit} is left out: the data begin on {first:%Y-%m-%d}, within it")
    if last > final:
        notes.append(f"the last {unit} is left out: the data end on {last:%Y-%m-%d}, before it is complete")
    return notes


def _grid_provinces(known: pd.DataFrame, gazetteer: Gazetteer, provinces: Sequence[str] | None) -> list[str]:
    if provinces is not None:
        unknown = [key for key in provinces if key not in gazetteer.table.index]
        if unknown:
            raise InputError("unknown provinces", where="provinces", found=unknown, expected=gazetteer.units)
        return list(provinces)
    foreign = sorted(set(known[names.PROVINCE]) - set(gazetteer.table.index))
    if foreign:
        raise InputError(
            "events lie in provinces that the gazetteer does not hold",
            found=foreign,
            hint="Give the gazetteer that they were read with",
        )
    countries = gazetteer.table.loc[known[names.PROVINCE].unique(), names.COUNTRY].unique()
    return [str(key) for key in gazetteer.table.index[gazetteer.table[names.COUNTRY].isin(countries)]]


def _grid_tactics(chosen: pd.DataFrame, everything: pd.DataFrame, tactics: Sequence[str] | None) -> list[str]:
    if tactics is None:
        return ordered_tactics(chosen[names.TACTIC])
    known = ordered_tactics(everything[names.TACTIC])
    unknown = [tactic for tactic in tactics if tactic not in known and tactic not in names.TACTICS]
    if unknown:
        raise InputError("unknown tactics", where="tactics", found=unknown, expected=known)
    return list(tactics)


def _assign_days(table: pd.DataFrame, ledger: Ledger, multiday: str, seed: int) -> tuple[pd.DataFrame, Ledger]:
    """Give every attack one day (column `date`); rows that count several attacks are split where they span days."""
    days = (table["date_end"] - table["date"]).dt.days
    long = days > 0
    if multiday not in ("draw", "first", "omit"):
        raise InputError("unknown choice", where="multiday", found=multiday, expected=["draw", "first", "omit"])
    reason = {
        "draw": "counted on one of its days, drawn from its id and the seed",
        "first": "counted on its first day",
        "omit": "spans more than a day; left out by choice",
    }[multiday]
    action: Action = "dropped" if multiday == "omit" else "changed"
    ledger = ledger.add("multi-day event", long.sum(), action, reason, table["event_id"][long])
    if multiday != "draw":
        return table[~long] if multiday == "omit" else table, ledger
    spans = table[long].loc[lambda t: t.index.repeat(t[names.ATTACKS])].copy()
    number = spans.groupby("event_id").cumcount().astype(str)
    labels = (spans["event_id"].astype(str) + "#" + number).to_numpy(object)
    uniform = pd.util.hash_array(labels, hash_key=f"{seed % 10**16:016d}", categorize=False) / 2.0**64
    offset = np.floor(uniform * (days.loc[spans.index].to_numpy() + 1)).astype("timedelta64[D]")
    spans["date"] = spans["date"] + offset
    spans[names.ATTACKS] = 1
    return pd.concat([table[~long], spans]), ledger


def _count(
    table: pd.DataFrame,
    ledger: Ledger,
    provinces: list[str],
    tactics: list[str],
    periods: pd.DatetimeIndex,
    freq: str,
) -> tuple[npt.NDArray[np.int64], Ledger]:
    place = pd.Index(provinces).get_indexer(pd.Index(table[names.PROVINCE]))
    kind = pd.Index(tactics).get_indexer(pd.Index(table[names.TACTIC]))
    time = periods.get_indexer(period_start(pd.DatetimeIndex(table["date"]), freq))
    attacks = table[names.ATTACKS].to_numpy(np.int64)
    for rule, outside, reason in (
        ("province not in the panel", place < 0, "lies in a province that was not asked for"),
        ("tactic not in the panel", (place >= 0) & (kind < 0), "is of a tactic that was not asked for"),
        (
            "outside the periods",
            (place >= 0) & (kind >= 0) & (time < 0),
            "falls outside the complete periods",
        ),
    ):
        ledger = ledger.add(rule, attacks[outside].sum(), "dropped", reason, table["event_id"][outside])
    inside = (place >= 0) & (kind >= 0) & (time >= 0)
    counts = np.zeros((len(provinces), len(tactics), len(periods)), np.int64)
    np.add.at(counts, (place[inside], kind[inside], time[inside]), attacks[inside])
    return counts, ledger


def _observed(
    gaps: Sequence[Gap], provinces: list[str], n_tactics: int, periods: pd.DatetimeIndex, freq: str
) -> npt.NDArray[np.bool_]:
    observed = np.ones((len(provinces), n_tactics, len(periods)), dtype=bool)
    ends = period_end(periods, freq)
    for gap in gaps:
        first, last = pd.Timestamp(gap[0]), pd.Timestamp(gap[1])
        members = gap[2] if len(gap) == 3 else provinces
        unknown = [key for key in members if key not in provinces]
        if unknown or last < first:
            raise InputError(
                "is no gap of this panel",
                where="gaps",
                found=list(map(str, gap)),
                expected="first day, last day, provinces",
            )
        touched = (periods <= last) & (ends >= first)
        observed[np.ix_(np.isin(provinces, list(members)), np.ones(n_tactics, bool), touched)] = False
    return observed
