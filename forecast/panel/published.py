"""Published facts on a panel's cells: how they are kept there, and the panel that holds nothing else."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from scipy import sparse

from forecast import names
from forecast.datasets import data_path
from forecast.errors import InputError
from forecast.events.places import Gazetteer, read_gazetteer
from forecast.panel.facts import SUBSET_OF, Conflicts, Fact, Facts, facts_of
from forecast.panel.measured import PART_OF
from forecast.panel.observations import Observations
from forecast.panel.reports import ALL, Reports
from forecast.panel.zones import with_zone_ends

if TYPE_CHECKING:
    from forecast.panel.panel import Panel

__all__ = ["OTHER", "keep_reports", "panel_from_reports", "report_observations"]

# The tactic of what is in no tactic of its own.
OTHER = "other"
_OWNER = "reports"
_REPORT, _ENTRY = "report", "report_entry"
# Columns of the observations that reports have, and how they are kept.
_COLUMNS = (
    *("kind", "whole", names.LOWER, names.UPPER, names.ZONE, names.DEFINITION, names.PUBLISHER),
    *("is_reference", "within"),
)


def panel_from_reports(
    table: "pd.DataFrame | Reports",
    *,
    freq: str,
    gazetteer: Gazetteer | None,
    tactics: Sequence[str],
    publishers: Mapping[str, str] | None,
    subset_of: Mapping[str, str] | None,
    conflicts: Conflicts,
    zone_ends: Mapping[str, str | pd.Timestamp] | None,
) -> "Panel":
    """`Panel.from_reports`, which documents it."""
    from forecast.panel.build import panel_from_counts

    places = gazetteer or read_gazetteer().divide(read_gazetteer(data_path("units_syria.csv")))
    reports = table
    if not isinstance(reports, Reports):
        reports = Reports.from_frame(reports, freq=freq, gazetteer=places, publishers=publishers)
    subset_of = SUBSET_OF if subset_of is None else subset_of
    facts = facts_of(reports, subset_of=subset_of, conflicts=conflicts)
    units = _units(facts, places)
    first = min(fact.periods[0] for fact in facts.facts)
    last = max(fact.periods[-1] for fact in facts.facts)
    labels = [*tactics, OTHER] if tactics else [ALL]
    cells = pd.MultiIndex.from_product(
        [sorted(set(units.values())), labels, pd.date_range(first, last, freq=reports.freq, unit="ns")],
        names=names.CELL_DIMS,
    )
    empty = pd.DataFrame({names.ATTACKS: np.nan}, cells).reset_index()
    panel = panel_from_counts(empty, freq=reports.freq, missing="gap", gazetteer=places)
    zone_of = {unit: zone for (zone, _), unit in units.items()}
    zones = (names.PROVINCE, [zone_of[unit] for unit in panel.provinces])
    dataset = with_zone_ends(panel.dataset.assign_coords({names.ZONE: zones}), zone_ends or {}, reports.table)
    panel = replace(panel, dataset=dataset)
    return _with_facts(panel, facts, units, subset_of)


def _with_facts(
    panel: "Panel", facts: Facts, units: Mapping[tuple[str, str], str], subset_of: Mapping[str, str]
) -> "Panel":
    """A panel with facts over its cells; what it cannot hold is left out, with a line in the ledger."""
    index = {dim: {label: at for at, label in enumerate(panel.dataset[dim].values)} for dim in names.CELL_DIMS[:2]}
    at_period = {pd.Timestamp(period): number for number, period in enumerate(panel.periods)}
    shape = (len(panel.provinces), len(panel.tactics), len(panel.periods))
    split = [label for label in panel.tactics if label not in (ALL, OTHER)]
    rows: list[dict[str, Any]] = []
    members: list[npt.NDArray[np.int64]] = []
    new: dict[int, int] = {}
    left_out = []
    reference = _references(facts, subset_of)
    keys = {_key(fact) for fact in facts.facts}
    for number, fact in enumerate(facts.facts):
        if fact.tactic != ALL and fact.tactic not in split:
            left_out.append(fact.told())
            continue
        provinces = [index[names.PROVINCE][units[fact.zone, pcode]] for pcode in fact.provinces]
        wanted = range(shape[1]) if fact.tactic == ALL else [index[names.TACTIC][fact.tactic]]
        periods = [at_period[period] for period in fact.periods]
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
                "is_reference": _key(fact) == reference[fact.zone],
                "within": wider[2] if wider in keys else "",
            }
        )
        members.append(np.ravel_multi_index(np.ix_(provinces, list(wanted), periods), shape).ravel())
    ledger = panel.ledger + facts.ledger
    why = "is of a tactic that the panel does not have"
    ledger = ledger.add("no cells", len(left_out), "dropped", why, left_out)
    kept = pd.DataFrame(rows, columns=list(_COLUMNS))
    _check_bounds(kept)
    variables = _variables(kept, members)
    provenance = panel.provenance
    provenance["notes"] = [*provenance.get("notes", ()), *facts.notes]
    dataset = panel.dataset.assign(variables).assign_attrs(provenance=json.dumps(provenance, ensure_ascii=False))
    return replace(panel, dataset=dataset, ledger=ledger)


def report_observations(dataset: xr.Dataset) -> Observations | None:
    """The reports that a panel's dataset holds, as observations; None where it holds none."""
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
    found = report_observations(before)
    if found is None:
        return after
    position = [after.indexes[dim].get_indexer(before.indexes[dim]) for dim in names.CELL_DIMS]
    old = np.unravel_index(found.cells.indices, [before.sizes[dim] for dim in names.CELL_DIMS])
    new = [each[of] for each, of in zip(position, old, strict=True)]
    row = np.repeat(np.arange(len(found)), np.diff(found.cells.indptr))
    gone = np.unique(row[np.any([each < 0 for each in new], axis=0)])
    kept = np.setdiff1d(np.arange(len(found)), gone)
    table = found.table.iloc[kept].reset_index(drop=True)
    number = np.full(len(found) + 1, -1)
    number[kept] = np.arange(len(kept))
    table["whole"] = number[table["whole"].to_numpy()]
    # A part whose whole is gone says something by itself.
    table.loc[table["whole"] < 0, "kind"] = "total"
    shape = tuple(after.sizes[dim] for dim in names.CELL_DIMS)
    flat = np.ravel_multi_index([np.maximum(each, 0) for each in new], shape)
    members = [flat[row == at] for at in kept]
    parts = [name for name, variable in after.variables.items() if variable.attrs.get(PART_OF) == _OWNER]
    return after.drop_vars(parts).assign(_variables(table, members))


# Parts ---------------------------------------------------------------------------------------------------------------


def _key(fact: Fact) -> tuple[str, str, str]:
    return fact.zone, fact.publisher, fact.definition


def _variables(table: pd.DataFrame, members: Sequence[npt.NDArray[np.int64]]) -> dict[str, Any]:
    part = {PART_OF: _OWNER}
    kept: dict[str, Any] = {}
    for column in _COLUMNS:
        values = table[column].to_numpy()
        values = values.astype(str) if values.dtype == object else values
        kept[f"{_REPORT}_{column}"] = (_REPORT, values, part)
    lengths = [len(each) for each in members]
    row = np.repeat(np.arange(len(members)), lengths)
    cell = np.concatenate([np.zeros(0, np.int64), *members]).astype(np.int64)
    return {**kept, f"{_ENTRY}_row": (_ENTRY, row, part), f"{_ENTRY}_cell": (_ENTRY, cell, part)}


def _units(facts: Facts, places: Gazetteer) -> dict[tuple[str, str], str]:
    """The unit of each zone's part of a province: `SY09@northeast` where zones share it, or the gazetteer has it."""
    pairs = sorted({(fact.zone, pcode) for fact in facts.facts for pcode in fact.provinces})
    zones: dict[str, list[str]] = {}
    for zone, pcode in pairs:
        zones.setdefault(pcode, []).append(zone)
    units = {}
    for zone, pcode in pairs:
        own = f"{pcode}@{zone}"
        whole = len(zones[pcode]) == 1 and own not in places.table.index
        units[zone, pcode] = pcode if whole else own
    return units


def _references(facts: Facts, subset_of: Mapping[str, str]) -> dict[str, tuple[str, str, str]]:
    """Per zone the publisher's definition whose factor is 1: one that is part of no other, with the most totals."""
    totals = pd.Series([_key(fact) for fact in facts.facts if fact.kind != "subset"])
    counts = totals.value_counts()
    found: dict[str, tuple[str, str, str]] = {}
    for zone in sorted({key[0] for key in counts.index}):
        own = [key for key in counts.index if key[0] == zone]
        widest = [key for key in own if (zone, key[1], subset_of.get(key[2], "")) not in own]
        found[zone] = max(widest, key=lambda key: (counts[[key]].iloc[0], key))
    return found


def _check_bounds(table: pd.DataFrame) -> None:
    """An InputError where a zone is known by floors only."""
    for zone, rows in table.groupby(names.ZONE):
        if np.isinf(rows[names.UPPER]).all():
            raise InputError("is known by floors only: its level has no upper bound", source="reports", where=str(zone))
