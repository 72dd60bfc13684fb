"""Forecasts of sums over provinces and tactics, from the same draws."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from forecast import names
from forecast.panel.groups import members_of, sum_over
from forecast.prediction.arrays import ALL_TACTICS, members

__all__ = ["summed_dataset"]


def summed_dataset(dataset: xr.Dataset, by: str | Mapping[str, Sequence[str]] | None, tactics: bool) -> xr.Dataset:
    """The dataset of `Forecast.aggregate`, which documents it; the same where nothing is summed."""
    if by is None and not tactics:
        return dataset
    within = members(dataset)
    variables = {str(name): values for name, values in dataset.data_vars.items() if name != names.PHI}
    sums = {name: _summed(values, by, tactics) for name, values in variables.items()}
    coords: dict[str, Any] = {}
    if by is not None:
        groups = members_of(dataset[names.DRAWS], by)
        coords = _group_coords(dataset, groups)
        below = [within[names.PROVINCE][str(label)] for label in dataset[names.PROVINCE].values]
        within[names.PROVINCE] = {name: [key for row in rows for key in below[row]] for name, rows in groups.items()}
    if tactics:
        within[names.TACTIC] = {ALL_TACTICS: [key for keys in within[names.TACTIC].values() for key in keys]}
    attrs = {
        **dataset.attrs,
        # A sum of Poisson counts is Poisson; one of negative binomial counts has no name.
        "family": "poisson" if dataset.attrs["family"] == "poisson" else "",
        "members": json.dumps(within, ensure_ascii=False),
    }
    return xr.Dataset(sums, attrs=attrs).assign_coords(coords)


def _summed(values: xr.DataArray, by: str | Mapping[str, Sequence[str]] | None, tactics: bool) -> xr.DataArray:
    dims = values.dims
    if tactics:
        values = values.sum(names.TACTIC, skipna=False).expand_dims({names.TACTIC: np.array([ALL_TACTICS])})
    if by is not None:
        values = sum_over(values, by).rename({"group": names.PROVINCE})
    return values.transpose(*dims)


def _group_coords(dataset: xr.Dataset, groups: Mapping[str, npt.NDArray[np.intp]]) -> dict[str, Any]:
    """Coordinates of groups of provinces: what all members share, the middle of the points, else blank."""
    coords: dict[str, Any] = {names.PROVINCE_NAME: (names.PROVINCE, list(groups))}
    for name in (names.PCODE, names.ZONE, names.COUNTRY):
        shared = [np.unique(dataset[name].values[rows]) for rows in groups.values()]
        coords[name] = (names.PROVINCE, [str(labels[0]) if len(labels) == 1 else "" for labels in shared])
    for name in (names.LATITUDE, names.LONGITUDE):
        coords[name] = (names.PROVINCE, [float(dataset[name].values[rows].mean()) for rows in groups.values()])
    return coords
