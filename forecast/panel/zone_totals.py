"""What the published counts of a panel are of, and among them the totals of zones, by publisher and definition."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from forecast import names
from forecast.errors import InputError
from forecast.panel.observations import Observations
from forecast.panel.panel import Panel
from forecast.panel.reports import ALL

__all__ = [
    "SERIES",
    "described",
    "described_reports",
    "exact_totals",
    "is_over_zone",
    "published_rows",
    "series_label",
    "totals_over",
    "totals_panel",
    "with_wholes",
    "zone_totals",
]

# The columns that tell a series of totals from others.
SERIES = [names.ZONE, names.PUBLISHER, names.DEFINITION]


def described_reports(panel: Panel) -> pd.DataFrame:
    """The published counts of a panel with what they are of: rows of its observations' table, and some columns more.

    Returns
    -------
    DataFrame
        The columns of `Observations.table`, without the cells that were observed beside published counts, and units
        (tuple of unit keys), tactic ('all' where it is not split), first and last (period), periods (how many).

    Raises
    ------
    InputError
        For a panel without published counts.
    """
    if not panel.observations.is_published:
        raise InputError("holds no published counts", source="panel", hint="Panel.from_published makes one that does")
    return published_rows(panel)


def zone_totals(panel: Panel) -> pd.DataFrame:
    """The totals over a zone in one period that a panel's publishers give: one row per zone, publisher and definition.

    A total is over its zone where it holds more than half of the provinces that are named in the zone, and all tactics.

    Returns
    -------
    DataFrame
        zone, publisher, definition, last (period of the last such total), units (its provinces, a tuple).
    """
    table = described_reports(panel)
    latest = table[is_over_zone(table, panel)].sort_values("last", kind="stable").drop_duplicates(SERIES, keep="last")
    return latest[[*SERIES, "last", "units"]].sort_values(SERIES).reset_index(drop=True)


def exact_totals(panel: Panel) -> pd.DataFrame:
    """The rows of `described_reports` that are exact totals over a zone in one period."""
    table = described_reports(panel)
    return table[is_over_zone(table, panel) & (table[names.LOWER] == table[names.UPPER])]


def totals_panel(panel: Panel) -> Panel:
    """The exact totals of zones by themselves, as counts of single cells with gaps: what a baseline is fitted to.

    Returns
    -------
    Panel
        Its provinces are publishers' definitions, 'zone: definition, publisher'; one tactic, 'all'.

    Raises
    ------
    InputError
        For a panel without published counts, and one without an exact total.
    """
    table = exact_totals(panel)
    if table.empty:
        raise InputError("holds no exact total of a zone in one period", source="panel")
    labels = series_label(table).rename(names.PROVINCE)
    counts = pd.Series(table[names.LOWER].to_numpy(), [labels, pd.DatetimeIndex(table["first"])])
    grid = pd.MultiIndex.from_product([sorted(set(labels)), panel.periods], names=[names.PROVINCE, names.PERIOD])
    frame = counts.reindex(grid).rename(names.ATTACKS).reset_index().assign(**{names.TACTIC: ALL})
    totals = Panel.from_frame(frame, freq=panel.freq)
    return replace(totals, dataset=totals.dataset.assign_attrs(provenance=panel.dataset.attrs["provenance"]))


def series_label(table: pd.DataFrame) -> pd.Series:
    """'zone: definition, publisher' of each row."""
    return table[names.ZONE] + ": " + table[names.DEFINITION] + ", " + table[names.PUBLISHER]


def is_over_zone(table: pd.DataFrame, panel: Panel) -> npt.NDArray[np.bool_]:
    """Whether a count is of one period, of all tactics, and of more than half of the provinces that are named there."""
    size = described_reports(panel).explode("units").groupby(names.ZONE)["units"].nunique()
    over = 2 * table["units"].map(len) > table[names.ZONE].map(size)
    whole = over & (table["kind"] != "part") & (table[names.TACTIC] == ALL) & (table["periods"] == 1)
    return whole.to_numpy(dtype=bool)


def published_rows(panel: Panel) -> pd.DataFrame:
    """`described_reports`, with no row for a panel without published counts."""
    held = panel.observations
    rows, labels = np.flatnonzero((held.table[names.PUBLISHER] != "").to_numpy()), [*SERIES, "kind"]
    table = held.table.iloc[rows].reindex(columns=[*held.table.columns.union([*labels, "whole"], sort=False)])
    # Where there is no row, pandas would take what was not there for numbers.
    table = table.astype(dict.fromkeys(labels, object))
    return described(Observations(table, held.cells[rows]), panel.provinces, panel.tactics, panel.periods)


def totals_over(wanted: pd.DataFrame, provinces: Sequence[str], tactics: int, periods: int) -> Observations:
    """A total of each wanted row in every period of a grid, not yet known."""
    shape = (len(provinces), tactics, periods)
    at = {unit: row for row, unit in enumerate(provinces)}
    table = wanted[SERIES].loc[wanted.index.repeat(periods)].reset_index(drop=True)
    table = table.assign(kind="total", whole=-1, **dict.fromkeys((names.LOWER, names.UPPER), np.nan))
    members = [
        np.ravel_multi_index(np.ix_([at[unit] for unit in units], range(tactics), [period]), shape).ravel()
        for units in wanted["units"]
        for period in range(periods)
    ]
    row = np.repeat(np.arange(len(members)), [len(cells) for cells in members])
    cell = np.concatenate([np.zeros(0, np.int64), *members])
    entries = (np.ones(len(row), dtype=np.int8), (row, cell))
    return Observations(table, sparse.csr_array(entries, shape=(len(members), int(np.prod(shape)))))


def with_wholes(table: pd.DataFrame, wanted: pd.DataFrame, panel: Panel) -> pd.DataFrame:
    """The next totals, with those of a definition that is part of another as its subsets, over the same provinces."""
    reports = described_reports(panel)
    within = reports.drop_duplicates(SERIES).set_index(SERIES)["within"]
    at = {key: number for number, key in enumerate(wanted[SERIES].itertuples(index=False, name=None))}
    units, periods = wanted["units"].to_numpy(), len(table) // max(len(wanted), 1)
    whole = np.full(len(wanted), -1)
    for (zone, publisher, definition), number in at.items():
        wider = at.get((zone, publisher, within[zone, publisher, definition]), -1)
        if wider >= 0 and units[wider] == units[number]:
            whole[number] = wider
    of_row = np.repeat(whole, periods)
    step = np.tile(np.arange(periods), len(wanted))
    is_subset = of_row >= 0
    return table.assign(
        kind=np.where(is_subset, "subset", table["kind"]), whole=np.where(is_subset, of_row * periods + step, -1)
    )


def described(
    observations: Observations, provinces: Sequence[str], tactics: Sequence[str], periods: pd.DatetimeIndex
) -> pd.DataFrame:
    """The table of observations with what their cells are: units, tactic, first, last and number of periods."""
    cells = observations.cells
    shape = (len(provinces), len(tactics), len(periods))
    unit, tactic, period = np.unravel_index(cells.indices, shape)
    rows: dict[str, list[object]] = {"units": [], names.TACTIC: [], "first": [], "last": [], "periods": []}
    for start, stop in zip(cells.indptr[:-1], cells.indptr[1:], strict=True):
        kinds, spanned = np.unique(tactic[start:stop]), np.unique(period[start:stop])
        rows["units"].append(tuple(provinces[at] for at in np.unique(unit[start:stop])))
        rows[names.TACTIC].append(ALL if len(kinds) == len(tactics) else tactics[kinds[0]])
        rows["first"].append(periods[spanned[0]])
        rows["last"].append(periods[spanned[-1]])
        rows["periods"].append(len(spanned))
    return observations.table.join(pd.DataFrame(rows, index=observations.table.index))
