"""Published facts on a panel's cells: how they are kept there, and panels that hold them, alone or beside counts."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from scipy import sparse

from forecast import names
from forecast.datasets import data_path
from forecast.errors import InputError
from forecast.events.places import Gazetteer, read_gazetteer
from forecast.ledger import Ledger
from forecast.panel.fact import Fact
from forecast.panel.facts import SUBSET_OF, Conflicts, Facts, facts_of
from forecast.panel.grid import with_notes
from forecast.panel.measured import PART_OF
from forecast.panel.observations import Observations, observations_of_cells
from forecast.panel.ready import dataset_from_counts
from forecast.panel.reports import ALL, PublishedTotals
from forecast.panel.zones import with_zone_ends

__all__ = ["OTHER", "dataset_from_published", "dataset_with_published", "keep_reports", "report_observations"]

# The tactic of what is in no tactic of its own.
OTHER = "other"
_OWNER = "reports"
_REPORT, _ENTRY = "report", "report_entry"
# Columns of the observations that reports have, and how they are kept.
_COLUMNS = (
    *("kind", "whole", names.LOWER, names.UPPER, names.ZONE, names.DEFINITION, names.PUBLISHER),
    *("is_reference", "within"),
)
_NO_TACTIC, _NO_PERIOD = (f"is about {what} that the panel does not have" for what in ("a tactic", "periods"))


def dataset_from_published(
    table: "pd.DataFrame | PublishedTotals",
    *,
    freq: str,
    gazetteer: Gazetteer | None,
    tactics: Sequence[str],
    publishers: Mapping[str, str] | None,
    subset_of: Mapping[str, str] | None,
    conflicts: Conflicts,
    zone_ends: Mapping[str, str | pd.Timestamp] | None,
    days: bool,
) -> tuple[xr.Dataset, Ledger]:
    """The dataset and the ledger of `Panel.from_published`, which documents it."""
    places = gazetteer or _divided()
    reports = _reports(table, freq, places, publishers)
    subset_of = SUBSET_OF if subset_of is None else subset_of
    facts = facts_of(reports, subset_of=subset_of, conflicts=conflicts)
    units = _units(facts, places.table.index)
    first = min(fact.periods[0] for fact in facts.facts)
    last = max(fact.periods[-1] for fact in facts.facts)
    labels = [*tactics, OTHER] if tactics else [ALL]
    cells = pd.MultiIndex.from_product(
        [sorted(set(units.values())), labels, pd.date_range(first, last, freq=reports.freq, unit="ns")],
        names=names.CELL_DIMS,
    )
    empty = pd.DataFrame({names.ATTACKS: np.nan}, cells).reset_index()
    dataset, ledger = dataset_from_counts(empty, freq=reports.freq, missing="gap", gazetteer=places, days=days)
    zone_of = {unit: zone for (zone, _), unit in units.items()}
    zones = (names.PROVINCE, [zone_of[unit] for unit in dataset.indexes[names.PROVINCE]])
    dataset = with_zone_ends(dataset.assign_coords({names.ZONE: zones}), zone_ends or {}, reports.table)
    dataset, lines = _with_facts(dataset, facts, units, subset_of, _references(facts, subset_of))
    published = _reports_of(dataset)
    assert published is not None
    _check_bounds(published.table)
    return dataset, ledger + lines


def dataset_with_published(
    dataset: xr.Dataset,
    table: "pd.DataFrame | PublishedTotals",
    *,
    gazetteer: Gazetteer | None,
    publishers: Mapping[str, str] | None,
    subset_of: Mapping[str, str] | None,
    conflicts: Conflicts,
) -> tuple[xr.Dataset, Ledger]:
    """The dataset and further lines of the ledger of `Panel.with_published`, which documents it."""
    if _reports_of(dataset) is not None:
        raise InputError("holds published counts already", source="panel", hint="Put all reports into one table")
    places = gazetteer or _divided()
    freq = str(dataset.attrs["freq"])
    reports = _reports(table, freq, places, publishers)
    if reports.freq != freq:
        raise InputError("are over other periods", source="published totals", found=reports.freq, expected=freq)
    subset_of = SUBSET_OF if subset_of is None else subset_of
    facts = facts_of(reports, subset_of=subset_of, conflicts=conflicts)
    units = _units(facts, [*places.table.index, *dataset.indexes[names.PROVINCE]])
    _refuse_foreign(facts, units, dataset)
    # The observed cells are the reference: every publisher's definition has a factor.
    return _with_facts(dataset, facts, units, subset_of, {})


def _with_facts(
    dataset: xr.Dataset,
    facts: Facts,
    units: Mapping[tuple[str, str], str],
    subset_of: Mapping[str, str],
    references: Mapping[str, tuple[str, str, str]],
) -> tuple[xr.Dataset, Ledger]:
    """A panel's dataset with facts over its cells; what it cannot hold is left out, with a line in the ledger."""
    left_out: dict[str, list[str]] = {_NO_TACTIC: [], _NO_PERIOD: []}
    rows: list[dict[str, Any]] = []
    members: list[npt.NDArray[np.int64]] = []
    new: dict[int, int] = {}
    keys = {_key(fact) for fact in facts.facts}
    for number, fact in enumerate(facts.facts):
        lacks = _lacking(dataset, fact)
        if lacks:
            left_out[lacks].append(fact.told())
            continue
        whole, kind = -1 if fact.whole is None else new.get(fact.whole, -1), fact.kind
        if kind != "total" and (whole < 0 or not facts.facts[int(fact.whole or 0)].is_exact or not fact.is_exact):
            # Beside a whole that is known between bounds only, a part says something by itself.
            whole, kind = -1, "total"
        new[number] = len(rows)
        wider = (fact.zone, fact.publisher, subset_of.get(fact.definition, ""))
        rows.append(
            {
                "kind": kind,
                "whole": whole,
                names.LOWER: fact.lower,
                names.UPPER: fact.upper,
                names.ZONE: fact.zone,
                names.DEFINITION: fact.definition,
                names.PUBLISHER: fact.publisher,
                "is_reference": _key(fact) == references.get(fact.zone),
                "within": wider[2] if wider in keys else "",
            }
        )
        members.append(_cells(dataset, fact, units))
    ledger = facts.ledger
    for why, told in left_out.items():
        ledger = ledger.add("no cells", len(told), "excluded", why, told)
    if not rows:
        raise InputError("say nothing of the panel's tactics and periods", source="published totals")
    variables = _variables(pd.DataFrame(rows, columns=list(_COLUMNS)), members)
    return with_notes(dataset.assign(variables), facts.notes), ledger


def report_observations(dataset: xr.Dataset) -> Observations | None:
    """The reports that a panel's dataset holds and its observed cells, as observations; None where it holds no reports.

    A cell is a total by itself, of no zone and no publisher: the reference that all others are relative to.
    """
    reports = _reports_of(dataset)
    if reports is None or not dataset[names.OBSERVED].values.any():
        return reports
    cells = observations_of_cells(dataset[names.ATTACKS], dataset[names.OBSERVED])
    of_cells = cells.table.assign(kind="total", whole=-1, is_reference=True, within="", **{names.ZONE: ""})
    table = pd.concat([reports.table, of_cells], ignore_index=True)
    return Observations(table, sparse.csr_array(sparse.vstack([reports.cells, cells.cells])))


def _reports_of(dataset: xr.Dataset) -> Observations | None:
    """The reports alone."""
    if f"{_REPORT}_kind" not in dataset:
        return None
    table = pd.DataFrame({column: dataset[f"{_REPORT}_{column}"].values for column in _COLUMNS})
    exact = table[names.LOWER] == table[names.UPPER]
    table[names.VALUE] = table[names.LOWER].where(exact)
    row, cell = (dataset[f"{_ENTRY}_{part}"].values for part in ("row", "cell"))
    size = int(np.prod([dataset.sizes[dim] for dim in names.CELL_DIMS]))
    ones = np.ones(len(row), dtype=np.int8)
    return Observations(table, sparse.csr_array((ones, (row, cell)), shape=(len(table), size)))


def keep_reports(before: xr.Dataset, after: xr.Dataset) -> xr.Dataset:
    """After some provinces, tactics or periods were chosen: the reports whose cells are all still there."""
    reports = _reports_of(before)
    if reports is None:
        return after
    position = [after.indexes[dim].get_indexer(before.indexes[dim]) for dim in names.CELL_DIMS]
    old = np.unravel_index(reports.cells.indices, [before.sizes[dim] for dim in names.CELL_DIMS])
    new = [along[of] for along, of in zip(position, old, strict=True)]
    row = np.repeat(np.arange(len(reports)), np.diff(reports.cells.indptr))
    gone = np.unique(row[np.any([along < 0 for along in new], axis=0)])
    kept = np.setdiff1d(np.arange(len(reports)), gone)
    table = reports.table.iloc[kept].reset_index(drop=True)
    number = np.full(len(reports) + 1, -1)
    number[kept] = np.arange(len(kept))
    table["whole"] = number[table["whole"].to_numpy()]
    # A part whose whole is gone says something by itself.
    table.loc[table["whole"] < 0, "kind"] = "total"
    shape = tuple(after.sizes[dim] for dim in names.CELL_DIMS)
    flat = np.ravel_multi_index([np.maximum(along, 0) for along in new], shape)
    members = [flat[row == at] for at in kept]
    parts = [name for name, variable in after.variables.items() if variable.attrs.get(PART_OF) == _OWNER]
    after = after.drop_vars(parts)
    return after.assign(_variables(table, members)) if len(kept) else after


# Parts ---------------------------------------------------------------------------------------------------------------


def _lacking(dataset: xr.Dataset, fact: Fact) -> str:
    """Why a panel has no cells for a fact; '' where it has them."""
    if fact.tactic != ALL and (fact.tactic == OTHER or fact.tactic not in dataset.indexes[names.TACTIC]):
        return _NO_TACTIC
    return "" if pd.DatetimeIndex(fact.periods).isin(dataset.indexes[names.PERIOD]).all() else _NO_PERIOD


def _cells(dataset: xr.Dataset, fact: Fact, units: Mapping[tuple[str, str], str]) -> npt.NDArray[np.int64]:
    """Positions of the cells that a fact is about, in C order of the grid."""
    labels: tuple[pd.Index[Any], ...] = (
        pd.Index([units[fact.zone, pcode] for pcode in fact.provinces]),
        pd.Index(dataset.indexes[names.TACTIC] if fact.tactic == ALL else [fact.tactic]),
        pd.DatetimeIndex(fact.periods),
    )
    positions = [dataset.indexes[dim].get_indexer(of_dim) for dim, of_dim in zip(names.CELL_DIMS, labels, strict=True)]
    shape = [dataset.sizes[dim] for dim in names.CELL_DIMS]
    return np.ravel_multi_index(np.ix_(*positions), shape).ravel()


def _refuse_foreign(facts: Facts, units: Mapping[tuple[str, str], str], dataset: xr.Dataset) -> None:
    """An InputError where a fact is about units that a panel does not have."""
    provinces = [str(unit) for unit in dataset.indexes[names.PROVINCE]]
    for fact in facts.facts:
        named = [units[fact.zone, pcode] for pcode in fact.provinces]
        foreign = [unit for unit in named if unit not in provinces]
        if foreign:
            problem, where = "is about units that the panel does not have", f"row {fact.rows[0]}"
            hint = "Leave them out, or give the gazetteer of the panel's provinces"
            raise InputError(
                problem, source="published totals", where=where, found=foreign, expected=provinces, hint=hint
            )


def _key(fact: Fact) -> tuple[str, str, str]:
    return fact.zone, fact.publisher, fact.definition


def _variables(table: pd.DataFrame, members: Sequence[npt.NDArray[np.int64]]) -> dict[str, Any]:
    part = {PART_OF: _OWNER}
    kept: dict[str, Any] = {}
    for column in _COLUMNS:
        values = table[column].to_numpy()
        values = values.astype(str) if values.dtype == object else values
        kept[f"{_REPORT}_{column}"] = (_REPORT, values, part)
    lengths = [len(cells) for cells in members]
    row = np.repeat(np.arange(len(members)), lengths)
    cell = np.concatenate([np.zeros(0, np.int64), *members]).astype(np.int64)
    return {**kept, f"{_ENTRY}_row": (_ENTRY, row, part), f"{_ENTRY}_cell": (_ENTRY, cell, part)}


def _divided() -> Gazetteer:
    """The shipped provinces, with the parts of those that zones share."""
    return read_gazetteer().divide(read_gazetteer(data_path("units_syria.csv")))


def _reports(
    table: "pd.DataFrame | PublishedTotals", freq: str, places: Gazetteer, publishers: Mapping[str, str] | None
) -> PublishedTotals:
    """Published totals as they are, or made of a table."""
    if isinstance(table, PublishedTotals):
        return table
    return PublishedTotals.from_frame(table, freq=freq, gazetteer=places, publishers=publishers)


def _units(facts: Facts, known: Collection[str]) -> dict[tuple[str, str], str]:
    """The unit of each zone's part of a province: `SY09@northeast` where zones share it, or that is a known unit."""
    pairs = sorted({(fact.zone, pcode) for fact in facts.facts for pcode in fact.provinces})
    zones: dict[str, list[str]] = {}
    for zone, pcode in pairs:
        zones.setdefault(pcode, []).append(zone)
    units = {}
    for zone, pcode in pairs:
        part = f"{pcode}@{zone}"
        whole = len(zones[pcode]) == 1 and part not in known
        units[zone, pcode] = pcode if whole else part
    return units


def _references(facts: Facts, subset_of: Mapping[str, str]) -> dict[str, tuple[str, str, str]]:
    """Per zone the publisher's definition whose factor is 1: one that is part of no other, with the most totals."""
    totals = pd.Series([_key(fact) for fact in facts.facts if fact.kind != "subset"])
    counts = totals.value_counts()
    references: dict[str, tuple[str, str, str]] = {}
    for zone in sorted({key[0] for key in counts.index}):
        series = [key for key in counts.index if key[0] == zone]
        widest = [key for key in series if (zone, key[1], subset_of.get(key[2], "")) not in series]
        references[zone] = max(widest, key=lambda key: (counts[[key]].iloc[0], key))
    return references


def _check_bounds(table: pd.DataFrame) -> None:
    """An InputError where a zone is known by floors only."""
    for zone, rows in table.groupby(names.ZONE):
        if np.isinf(rows[names.UPPER]).all():
            raise InputError(
                "is known by floors only: its level has no upper bound", source="published totals", where=str(zone)
            )
