"""`build_panel`: events to counts on the complete grid."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from forecast import names
from forecast.errors import InputError
from forecast.events.places import Gazetteer, read_gazetteer
from forecast.events.plain import PART_OF_ANOTHER
from forecast.events.selection import select_events
from forecast.events.table import Events
from forecast.ledger import Action, Ledger
from forecast.panel.axes import chosen_provinces, chosen_tactics, spreads_unknown
from forecast.panel.breaks import with_told_breaks
from forecast.panel.calendar import complete_periods, freq_of_weeks, normalise_freq, period_end, period_start, unit_name
from forecast.panel.coverage import covered_days, covered_since, silences
from forecast.panel.delay import KnownShare, known_share_of_cells, reports_of, stated_share, told_since
from forecast.panel.gaps import GTD_GAP, Gap, observed_cells, uncounted_cells
from forecast.panel.grid import grid_dataset, places_of, with_notes
from forecast.panel.known import known_records, known_unlocated
from forecast.panel.panel import Panel
from forecast.panel.unlocated import located_share, typed_notes, typed_share, unlocated_notes

__all__ = ["build_panel"]

# Of how many late periods the share that is known is told.
_TOLD_SHARES = 3
# Days from the first to the last of a week.
_WEEK = 6
_EDITED = (
    "the days on which records were reported are those of later edits, and tell nothing of what was known when: past "
    "forecasts are judged on final data, by the days of the events"
)


def build_panel(
    events: Events,
    *,
    freq: str = names.MONTHLY,
    gazetteer: Gazetteer | None = None,
    provinces: Sequence[str] | Literal["all"] | None = None,
    tactics: Sequence[str] | None = None,
    actor: str | Sequence[str] | None = None,
    target: str | Sequence[str] | None = None,
    start: str | dt.date | None = None,
    end: str | dt.date | None = None,
    as_of: str | pd.Timestamp | None = None,
    multiday: Literal["draw", "first", "omit"] = "draw",
    gaps: Sequence[Gap] = (),
    covered_from: Mapping[str, str | dt.date] | None = None,
    complete: float = 0.2,
    known_shares: Sequence[float] = (),
    unlocated: bool = True,
    untyped: bool = True,
    exposure: Mapping[str, float] | None = None,
    days: bool = True,
    forces: pd.DataFrame | None = None,
    seed: int = 0,
) -> Panel:
    """Count events on the complete grid of provinces, tactics and complete periods.

    Parameters
    ----------
    events : Events
        What `read_events` gave.
    freq : {'MS', 'W', 'W-MON', …, 'W-SUN'}
        Calendar months; weeks that begin as the source's do (ACLED's weekly numbers on Saturday), else on Monday; weeks
        that begin on that day.
    gazetteer : Gazetteer, optional
        The one that the events were read with, by default.
    provinces : sequence of str or 'all', optional
        Unit keys of the grid: a promise that they were covered, so that no record means no attack. By default those in
        which any record lies; 'all' are all units of their countries.
    tactics : sequence of str, optional
        Tactics of the grid; by default all that occur.
    actor, target : str or sequence of str, optional
        Only attacks in which such an actor stands on either side, or on such a target; see `Events.select`.
    start, end : date, optional
        First and last day that the data cover; by default the days of the first and the last event, or the last day of
        the last row where rows are numbers by week or month. A sparse file needs them: after its last event it may be
        quiet, or it may have ended.
    as_of : date, optional
        Only what was known on that day: events with `reported` (else `date_end`) up to it. Where most records were
        reported later than half a year after the event, `reported` is the day of an edit, and not used.
    multiday : {'draw', 'first', 'omit'}
        An event of several days counts in one period: drawn in proportion to its days (from `seed` and its
        id, so that the same event always falls on the same day), that of its first day, or none.
    gaps : sequence of (first day, last day) or (first day, last day, provinces)
        Spans in which nothing was recorded: the cells of every period that they touch are not observed.
    covered_from : mapping of str to date, optional
        First covered day of countries or units ({'Syria': '2017-01-01'}); the cells before are not observed. By default
        that of ACLED's countries (`data/acled_coverage.csv`); and a country whose first periods hold no record, where
        that is no chance, is not covered in these.
    complete : float
        Share of a period's records that must be known for its cells to be observed; those of which less than all are
        known have that share as their `coverage`, with its error (`coverage_error`). It is learned from `reported`, and
        from records that were withdrawn: of earlier periods, what was known as many days after their end.
    known_shares : sequence of float
        Where records do not say when they became known: the share of attacks that is known so far of the last period,
        of the one before, and so on (0.6, 0.9).
    unlocated : bool
        Whether records whose country is known and whose province is not count: a share of each cell's attacks is then
        taken to be placed (`coverage`, `located`), learned by country, tactic and period, and forecasts are of all
        attacks. Else they are left out.
    untyped : bool
        Whether records of tactic 'unknown' count as some of the others: a share of each cell's attacks is then taken to
        have its tactic recorded (`coverage`, `typed`), learned by province and period. Else, and where in a province of
        ten records or more fewer than a fifth have a tactic, or where `tactics` names it, 'unknown' is a tactic.
    exposure : mapping of str to float, optional
        Population or another size per unit key, of all of them; 1 where no mapping is given.
    days : bool
        Whether exposure also holds the length of each period, in mean months: a month of 28 days then has 10 % fewer
        attacks than one of 31, as in the past so in forecasts. Weeks are alike.
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

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"date": ["2020-01-03", "2020-02-20"], "province": ["Diyala", "Anbar"]})
    >>> events = fc.read_events(table, source="plain")
    >>> panel = fc.build_panel(events, start="2020-01-01", end="2020-02-29")
    >>> panel.aggregate("total").values.ravel().tolist()
    [1.0, 1.0]
    """
    freq = _freq_of(events.table, freq)
    gazetteer = gazetteer or events.gazetteer or read_gazetteer()
    reports = reports_of(events.table, events.older, None)
    since = told_since(reports, events.older)
    # Where only several downloads tell, what was known at one day of the past does not follow.
    edited = not reports.empty and since != pd.Timestamp.min
    known, ledger = known_records(events, as_of, by_report=not edited)
    if as_of is None and events.table["source"].astype(str).str.startswith("acled").any():
        since = told_since(reports, events.older, of_edits=True)
    first, last = covered_days(known, events.table, start, end, as_of)
    periods = complete_periods(first, last, freq)
    if not len(periods):
        expected = f"a whole {unit_name(freq)}"
        where = f"{first:%Y-%m-%d} to {last:%Y-%m-%d}"
        raise InputError("holds no complete period", where=where, expected=expected)
    notes = [*_partial_notes(first, last, periods, freq), *silences(known)]
    notes += [*_source_notes(events), *([_EDITED] if edited and since is None else [])]
    grid_provinces, left_out = chosen_provinces(events, gazetteer, provinces)
    notes += left_out
    chosen, ledger = select_events(known, ledger, actor=actor, target=target)
    spreads, told_kinds = spreads_unknown(events.table, tactics, actor, target) if untyped else (False, [])
    notes += told_kinds
    of_known_kind = chosen[chosen[names.TACTIC] != names.UNKNOWN] if spreads else chosen
    grid_tactics = chosen_tactics(of_known_kind, events.table, tactics)
    if not grid_tactics:
        raise InputError("no event is left to count", hint="Check the filters (actor, target, as_of)")
    placed, ledger = _assign_days(chosen, ledger, multiday, seed)
    nowhere = known_unlocated(events, as_of, not edited, actor, target)
    if not unlocated:
        reason = "their province is not known; left out by choice"
        ledger = ledger.add("unlocated", int(nowhere[names.ATTACKS].sum()), "excluded", reason, nowhere["event_id"])
        nowhere = nowhere.iloc[:0]
    nowhere, _ = _assign_days(nowhere, Ledger(), multiday, seed)
    counted = placed[placed[names.TACTIC] != names.UNKNOWN] if spreads else placed
    counts, ledger = _count(counted, ledger, grid_provinces, grid_tactics, periods, freq)
    if as_of is None and not counts.any():
        where = f"{periods[0]:%Y-%m-%d} to {period_end(periods[-1:], freq)[0]:%Y-%m-%d}"
        raise InputError("no attack falls into the panel", where=where, hint="Check start, end, provinces and tactics")

    all_gaps = [*gaps, GTD_GAP] if (known["source"] == "gtd").any() else gaps
    places = places_of(grid_provinces, gazetteer)
    observed = observed_cells(all_gaps, grid_provinces, len(grid_tactics), periods, freq)
    covered, told_starts = covered_since(
        events.table, places, gazetteer.table[names.COUNTRY], periods, freq, covered_from or {}
    )
    observed &= covered[:, None, :]
    notes += told_starts
    country = places[names.COUNTRY].to_numpy(object)
    located = located_share(placed, nowhere, country, grid_tactics, periods, freq)
    typed = np.ones(counts.shape)
    if spreads:
        typed = typed_share(placed, country, grid_provinces, periods, freq)[:, None] * typed
    if since is None or (edited and as_of is not None):
        known_of = stated_share(known_shares if as_of is None else (), counts.shape)
    else:
        published = reports["first"].max() if as_of is None else pd.Timestamp(as_of).normalize()
        then = reports if as_of is None else reports_of(events.table, events.older, published)
        grid = gazetteer.table[names.COUNTRY], grid_provinces, grid_tactics, periods, freq
        known_of = known_share_of_cells(then, *grid, published, since, complete)
    used = known_of.share >= complete
    notes += _late_notes(known_of.share, used, periods, freq, complete)
    observed &= used
    if events.gaps is not None:
        uncounted = uncounted_cells(events.gaps, grid_provinces, grid_tactics, periods, freq)
        reason = "a row of the cell has no readable count; not observed"
        ledger = ledger.add("cells of unknown counts", int((observed & uncounted).sum()), "changed", reason)
        observed &= ~uncounted
    provenance = {
        "sources": list(events.sources),
        "simulated": events.simulated,
        "notes": notes,
        "filters": {"actor": actor, "target": target},
        "as_of": None if as_of is None else f"{pd.Timestamp(as_of):%Y-%m-%d}",
        "coverage": [f"{first:%Y-%m-%d}", f"{last:%Y-%m-%d}"],
    }
    sizes = _sizes(exposure, grid_provinces)
    dataset = grid_dataset(
        counts,
        observed,
        np.broadcast_to(sizes[:, None, None], counts.shape).copy(),
        places,
        grid_tactics,
        periods,
        freq,
        forces,
        provenance,
        days=days,
    )
    dataset = _with_coverage(dataset, known_of, located, typed)
    dataset = with_notes(dataset, [*unlocated_notes(dataset), *typed_notes(dataset)])
    return Panel(*with_told_breaks(dataset, ledger))


# Parts of build_panel ---------------------------------------------------------------------------------------


def _freq_of(events: pd.DataFrame, freq: str) -> str:
    """The frequency of a panel: weeks begin as those of a source of weekly numbers do."""
    days = (events["date_end"] - events["date"]).dt.days
    chosen = normalise_freq(freq)
    if chosen != names.MONTHLY and (days > _WEEK).all():
        found, hint = f"rows over {days.min() + 1} days and more", "Set freq = 'MS'"
        raise InputError("all rows are numbers over more than a week", where="freq", found=found, hint=hint)
    return freq_of_weeks(freq, pd.DatetimeIndex(events["date"])) if (days == _WEEK).all() else chosen


def _source_notes(events: Events) -> list[str]:
    """What readers must be told of the records themselves: kinds that count twice."""
    return [entry.reason for entry in events.ledger if entry.rule == PART_OF_ANOTHER]


def _partial_notes(first: pd.Timestamp, last: pd.Timestamp, periods: pd.DatetimeIndex, freq: str) -> list[str]:
    unit = unit_name(freq)
    final = period_end(periods[-1:], freq)[0]
    notes = []
    if periods[0] > period_start(pd.DatetimeIndex([first]), freq)[0]:
        notes.append(f"the first {unit} is left out: the data begin on {first:%Y-%m-%d}, within it")
    if last > final:
        notes.append(f"the last {unit} is left out: the data end on {last:%Y-%m-%d}, before it is complete")
    return notes


def _late_notes(
    share: npt.NDArray[np.float64], used: npt.NDArray[np.bool_], periods: pd.DatetimeIndex, freq: str, complete: float
) -> list[str]:
    """What is told of the last periods: those left out, and those whose counts are taken for a part."""
    unit, notes = unit_name(freq), []
    missing = np.flatnonzero(~used.any(axis=(0, 1)))
    if missing.size:
        many = f"the last {unit} is" if missing.size == 1 else f"the last {missing.size} {unit}s are"
        notes.append(
            f"{many} not observed: less than {complete:.0%} of the records since {periods[missing[0]]:%Y-%m-%d} are "
            "known yet, by the delay of earlier ones"
        )
    typical = np.median(share, axis=(0, 1))
    part = np.flatnonzero(used.any(axis=(0, 1)) & (typical != 1))
    if part.size:
        many = f"the last {unit}" if part.size == 1 else f"the last {part.size} {unit}s"
        shares = ", ".join(f"{typical[at]:.0%} since {periods[at]:%Y-%m-%d}" for at in part[::-1][:_TOLD_SHARES])
        notes.append(
            f"{many} with counts {'is' if part.size == 1 else 'are'} not complete: by the delay of earlier records, so "
            f"much is known so far, {shares}; models are told, and estimate the rest"
        )
    return notes


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
    action: Action = "excluded" if multiday == "omit" else "changed"
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
        ledger = ledger.add(rule, attacks[outside].sum(), "excluded", reason, table["event_id"][outside])
    inside = (place >= 0) & (kind >= 0) & (time >= 0)
    counts = np.zeros((len(provinces), len(tactics), len(periods)), np.int64)
    np.add.at(counts, (place[inside], kind[inside], time[inside]), attacks[inside])
    return counts, ledger


def _with_coverage(
    dataset: xr.Dataset, known: KnownShare, located: npt.NDArray[np.float64], typed: npt.NDArray[np.float64]
) -> xr.Dataset:
    """The dataset with a coverage below 1 where records are to come, with its error, or have no province or tactic."""
    observed = dataset[names.OBSERVED].values
    variables: dict[str, Any] = {}
    for name, share in ((names.LOCATED, located), (names.TYPED, typed)):
        if (share < 1).any():
            variables[name] = (names.CELL_DIMS, share)
            variables[names.COVERAGE] = (names.CELL_DIMS, located * typed)
    if (known.share[observed] != 1).any():
        error = np.where(observed[..., None], known.error, 0.0)
        variables[names.COVERAGE] = (names.CELL_DIMS, located * typed * np.where(observed, known.share, 1.0))
        variables[names.COVERAGE_ERROR] = ((*names.CELL_DIMS, f"{names.COVERAGE}_component"), error)
    return dataset.assign(variables)


def _sizes(exposure: Mapping[str, float] | None, provinces: list[str]) -> npt.NDArray[np.float64]:
    if exposure is None:
        return np.ones(len(provinces))
    absent = [key for key in provinces if key not in exposure]
    if absent:
        hint = "Give it of all provinces, or choose those that have one (provinces)"
        raise InputError("no exposure is given for provinces of the panel", where="exposure", found=absent, hint=hint)
    return np.array([float(exposure[key]) for key in provinces])
