"""The grid of a panel: arrays over provinces, tactics and periods, and what is known of these, as a dataset."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from forecast import names
from forecast.events.places import Gazetteer
from forecast.panel.calendar import period_end, period_lengths

__all__ = ["grid_dataset", "ordered_tactics", "places_of", "with_notes", "with_provenance"]


def ordered_tactics(tactics: pd.Series) -> list[str]:
    """The tactics of a column: the known ones in their order, then others by name."""
    present = {str(tactic) for tactic in tactics.unique()}
    return [t for t in names.TACTICS if t in present] + sorted(present - set(names.TACTICS))


def places_of(provinces: list[str], gazetteer: Gazetteer | None) -> pd.DataFrame:
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


def grid_dataset(
    counts: npt.NDArray[np.int64],
    observed: npt.NDArray[np.bool_],
    exposure: npt.NDArray[np.float64],
    places: pd.DataFrame,
    tactics: list[str],
    periods: pd.DatetimeIndex,
    freq: str,
    forces: pd.DataFrame | None,
    provenance: Mapping[str, Any],
    *,
    days: bool,
) -> xr.Dataset:
    """A panel's dataset, from arrays over (province, tactic, period) and their labels.

    With `days` the length of each period becomes part of its exposure.
    """
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
        names.EXPOSURE: (names.CELL_DIMS, exposure * period_lengths(periods, freq) if days else exposure),
        names.FORCE: ((names.PROVINCE, names.PERIOD), _forces_over_time(places, periods, forces)),
        names.ADJACENCY: ((names.PROVINCE, names.NEIGHBOUR), adjacency),
    }
    return xr.Dataset(
        variables,
        coords,
        {"freq": freq, "days": int(days), "provenance": json.dumps(provenance, default=str, ensure_ascii=False)},
    )


def with_notes(dataset: xr.Dataset, notes: Sequence[str]) -> xr.Dataset:
    """A panel's dataset with further notes for its readers."""
    told = json.loads(dataset.attrs["provenance"]).get("notes", ())
    return with_provenance(dataset, notes=[*told, *notes])


def with_provenance(dataset: xr.Dataset, **entries: Any) -> xr.Dataset:
    """A panel's dataset with other entries of its provenance; None takes one away."""
    provenance = json.loads(dataset.attrs["provenance"]) | entries
    kept = {key: value for key, value in provenance.items() if value is not None}
    return dataset.assign_attrs(provenance=json.dumps(kept, ensure_ascii=False))


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
