"""Events to `Panel`, and `PanelSource`: the panel as it was known at any day."""

import datetime as dt
import inspect
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from forecast import names
from forecast.errors import InputError
from forecast.events.places import Gazetteer, read_gazetteer
from forecast.events.table import Events, select_events
from forecast.ledger import Action, Ledger
from forecast.panel.calendar import complete_periods, normalise_freq, parse_days, period_end, period_start
from forecast.panel.panel import Panel

__all__ = [
    "CountsSource",
    "Gap",
    "Measurable",
    "PanelSource",
    "build_panel",
    "check_columns",
    "checked_counts",
    "panel_from_counts",
    "refuse_cells",
]

# A span of days in which nothing was recorded: first day, last day, and the provinces (none given: all).
Gap = tuple[str, str] | tuple[str, str, Sequence[str]]

# More attacks than this in one cell is a slip, not a count.
_LARGEST_COUNT = 10_000_000
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
    dataset = _dataset(
        counts,
        observed,
        np.broadcast_to(sizes[:, None, None], counts.shape).copy(),
        _places(grid_provinces, gazetteer),
        grid_tactics,
        periods,
        freq,
        forces,
        provenance,
    )
    return Panel(dataset, ledger)


@runtime_checkable
class Measurable(Protocol):
    """What is measured anew for each panel."""

    def attach(self, panel: Panel, name: str, origin: str | pd.Timestamp | None) -> Panel:
        """The panel with it as a covariate, as known at the end of the day `origin`."""


Covariates = pd.DataFrame | xr.DataArray | Measurable


@dataclass(frozen=True)
class PanelSource:
    """Where panels come from: `at(origin)` is the panel as it was known at the end of that day.

    Attributes
    ----------
    events : Events
        All events, with `reported` where the source tells it.
    settings : mapping
        Keyword arguments of `build_panel`, without `as_of`.
    covariates : mapping of str to DataFrame, DataArray or Measurable
        Attached to every panel; see `Panel.with_covariate`. What is measured, such as a `CapabilitySource`, is
        measured anew for each, from what was known then.
    """

    events: Events
    settings: Mapping[str, Any] = field(default_factory=dict)
    covariates: Mapping[str, Covariates] = field(default_factory=dict)

    def __post_init__(self) -> None:
        allowed = set(inspect.signature(build_panel).parameters) - {"events", "as_of"}
        unknown = sorted(set(self.settings) - allowed)
        if unknown:
            raise InputError("unknown settings", where="settings", found=unknown, expected=sorted(allowed))

    def at(self, origin: str | pd.Timestamp | None = None) -> Panel:
        """Panel as known at the end of the day `origin`; without one, all that is known."""
        return _with_covariates(build_panel(self.events, as_of=origin, **self.settings), self.covariates, origin)


@dataclass(frozen=True)
class CountsSource:
    """Ready counts as a source of panels: the periods up to a day, each count as it stands.

    Attributes
    ----------
    counts : Panel
        All counts; covariates that it has already are cut like these.
    covariates : mapping
        As of `PanelSource`.
    """

    counts: Panel
    covariates: Mapping[str, Covariates] = field(default_factory=dict)

    def at(self, origin: str | pd.Timestamp | None = None) -> Panel:
        """Panel of the periods that ended by the day `origin`; without one, all of them."""
        panel = self.counts if origin is None else self.counts.between(end=origin)
        return _with_covariates(panel, self.covariates, origin)


def _with_covariates(panel: Panel, covariates: Mapping[str, Covariates], origin: str | pd.Timestamp | None) -> Panel:
    for name, values in covariates.items():
        if isinstance(values, Measurable):
            panel = values.attach(panel, name, origin)
        else:
            panel = panel.with_covariate(name, values)
    return panel


def panel_from_counts(
    table: pd.DataFrame, *, freq: str, missing: Literal["gap", "zero"], gazetteer: Gazetteer | None
) -> Panel:
    """`Panel.from_frame`, which documents it."""
    table, ledger = checked_counts(table, freq)
    provinces = list(dict.fromkeys(table[names.PROVINCE]))
    tactics = _ordered_tactics(table[names.TACTIC])
    first, last = table[names.PERIOD].min(), table[names.PERIOD].max()
    periods = pd.date_range(first, last, freq=freq, unit="ns")
    labels = (pd.Index(provinces), pd.Index(tactics), periods)
    keys = [index.get_indexer(pd.Index(table[dim])) for index, dim in zip(labels, names.CELL_DIMS, strict=True)]
    shape = (len(provinces), len(tactics), len(periods))
    counts, observed = np.zeros(shape, np.int64), np.full(shape, missing == "zero")
    size = np.ones(shape)
    counts[tuple(keys)] = table[names.ATTACKS].fillna(0).astype(np.int64)
    observed[tuple(keys)] = table[names.ATTACKS].notna()
    if names.EXPOSURE in table:
        size[tuple(keys)] = table[names.EXPOSURE].fillna(1.0)
    places = _places(provinces, gazetteer)
    if names.COUNTRY in table:
        places[names.COUNTRY] = table.drop_duplicates(names.PROVINCE)[names.COUNTRY].fillna("").to_list()
    provenance: dict[str, Any] = {"sources": [], "notes": []}
    return Panel(_dataset(counts, observed, size, places, tactics, periods, freq, None, provenance), ledger)


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
        return _ordered_tactics(chosen[names.TACTIC])
    known = _ordered_tactics(everything[names.TACTIC])
    unknown = [tactic for tactic in tactics if tactic not in known and tactic not in names.TACTICS]
    if unknown:
        raise InputError("unknown tactics", where="tactics", found=unknown, expected=known)
    return list(tactics)


def _ordered_tactics(tactics: pd.Series) -> list[str]:
    present = {str(tactic) for tactic in tactics.unique()}
    return [t for t in names.TACTICS if t in present] + sorted(present - set(names.TACTICS))


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


# Parts that both ways to a panel share ----------------------------------------------------------------------


def _places(provinces: list[str], gazetteer: Gazetteer | None) -> pd.DataFrame:
    """Coordinates, partner force and neighbours of the units; blank for those that the gazetteer does not hold."""
    blank = pd.DataFrame(index=pd.Index(provinces))
    blank[names.PCODE], blank[names.ZONE] = (
        blank.index.str.split("@").str[0],
        [key.partition("@")[2] for key in provinces],
    )
    blank[names.PROVINCE_NAME], blank[names.COUNTRY] = provinces, ""
    blank[names.LATITUDE], blank[names.LONGITUDE] = np.nan, np.nan
    blank["partner_force"], blank["neighbours"] = "", [()] * len(provinces)
    if gazetteer is not None:
        held = [key for key in provinces if key in gazetteer.table.index]
        for column in blank.columns:
            blank[column] = (
                gazetteer.table[column].reindex(held).reindex(provinces).where(blank.index.isin(held), blank[column])
            )
    return blank


def _dataset(
    counts: npt.NDArray[np.int64],
    observed: npt.NDArray[np.bool_],
    exposure: npt.NDArray[np.float64],
    places: pd.DataFrame,
    tactics: list[str],
    periods: pd.DatetimeIndex,
    freq: str,
    forces: pd.DataFrame | None,
    provenance: Mapping[str, Any],
) -> xr.Dataset:
    provinces = [str(key) for key in places.index]
    adjacency = np.array([[other in near for other in provinces] for near in places["neighbours"]], dtype=bool)
    coords: dict[str, Any] = {
        names.PROVINCE: provinces,
        names.TACTIC: list(tactics),
        names.PERIOD: periods.as_unit("ns"),
        names.PERIOD_END: (names.PERIOD, period_end(periods, freq).as_unit("ns")),
        names.NEIGHBOUR: provinces,
    }
    for column in names.PROVINCE_COORDS:
        numeric = column in (names.LATITUDE, names.LONGITUDE)
        coords[column] = (names.PROVINCE, places[column].to_numpy(float if numeric else str))
    variables = {
        names.ATTACKS: (names.CELL_DIMS, np.where(observed, counts, 0)),
        names.OBSERVED: (names.CELL_DIMS, observed),
        names.EXPOSURE: (names.CELL_DIMS, exposure),
        names.FORCE: ((names.PROVINCE, names.PERIOD), _forces_over_time(places, periods, forces)),
        names.ADJACENCY: ((names.PROVINCE, names.NEIGHBOUR), adjacency),
    }
    return xr.Dataset(
        variables,
        coords,
        {"freq": freq, "provenance": json.dumps(provenance, default=str, ensure_ascii=False)},
    )


def _forces_over_time(
    places: pd.DataFrame, periods: pd.DatetimeIndex, forces: pd.DataFrame | None
) -> npt.NDArray[np.str_]:
    table = np.repeat(places["partner_force"].to_numpy(object)[:, None], len(periods), axis=1)
    for _, row in (forces if forces is not None else pd.DataFrame()).iterrows():
        units = (places.index == row[names.PROVINCE]) | (places[names.PCODE] == row[names.PROVINCE])
        held = np.ones(len(periods), dtype=bool)
        if pd.notna(row["start"]):
            held &= periods >= row["start"]
        if pd.notna(row["end"]):
            held &= periods <= row["end"]
        table[np.ix_(units.to_numpy(), held)] = row[names.FORCE]
    return table.astype(str)


def checked_counts(table: pd.DataFrame, freq: str, source: Path | None = None) -> tuple[pd.DataFrame, Ledger]:
    """A copy of ready counts with parsed columns; an InputError where it is no table of counts.

    With `source`, the index holds the row numbers of that file.
    """
    name = "table of counts" if source is None else source
    needed = [*names.CELL_DIMS, names.ATTACKS]
    check_columns(table, needed, name)
    kept = [*needed, *(column for column in (names.COUNTRY, names.EXPOSURE) if column in table)]
    left_out = [str(column) for column in table.columns if column not in kept]
    clean = table[kept].set_axis(pd.RangeIndex(1, len(table) + 1) if source is None else table.index)
    days = parse_days(clean[names.PERIOD])
    counts = pd.to_numeric(clean[names.ATTACKS], errors="coerce")
    empty = clean[names.ATTACKS].isna() | clean[names.ATTACKS].astype(str).str.strip().eq("")
    whole = counts.between(0, _LARGEST_COUNT) & (counts % 1 == 0)
    given = clean.get(names.EXPOSURE, pd.Series(1.0, index=clean.index))
    size = pd.to_numeric(given, errors="coerce")
    for column, bad, expected in (
        (names.PERIOD, days.isna(), "a day such as 2019-03-06, or a month such as 2019-03"),
        (names.ATTACKS, ~empty & ~whole, f"a whole number from 0 to {_LARGEST_COUNT:,}, or empty for a gap"),
        (names.EXPOSURE, given.notna() & ~((size > 0) & np.isfinite(size)), "a number above 0"),
        (names.PROVINCE, clean[names.PROVINCE].isna(), "a label"),
        (names.TACTIC, clean[names.TACTIC].isna(), "a label"),
    ):
        refuse_cells(clean, name, column, bad, expected)
    clean[names.PERIOD] = period_start(pd.DatetimeIndex(days), freq)
    clean[names.ATTACKS] = counts.where(~empty)
    for column in (names.PROVINCE, names.TACTIC):
        clean[column] = clean[column].astype(str)
    if names.EXPOSURE in clean:
        clean[names.EXPOSURE] = size
    twice = clean.duplicated(list(names.CELL_DIMS))
    if twice.any():
        place, tactic, period = clean.loc[twice, list(names.CELL_DIMS)].iloc[0]
        cell, where = f"{place}, {tactic}, {period:%Y-%m-%d}", f"row {twice.index[twice][0]}"
        raise InputError("a cell stands there twice", source=name, where=where, found=cell)
    reason = "is not part of a panel; attach covariates by name"
    return clean, Ledger().add("unused column", len(left_out), "noted", reason, left_out)


def check_columns(table: pd.DataFrame, needed: Sequence[str], source: str | Path) -> None:
    """An InputError where columns are missing, or the table holds no rows."""
    absent = [column for column in needed if column not in table.columns]
    if absent:
        raise InputError("columns are missing", source=source, where=", ".join(absent), found=list(table.columns))
    if table.empty:
        raise InputError("holds no rows", source=source)


def refuse_cells(table: pd.DataFrame, source: str | Path, column: str, wrong: "pd.Series[bool]", expected: str) -> None:
    """An InputError that names the first wrong cell of a column; the index holds row numbers."""
    if wrong.any():
        where, found = f"row {wrong.index[wrong][0]}, column {column}", str(table[column][wrong].iloc[0])
        raise InputError("is not allowed", source=source, where=where, found=found, expected=expected)
