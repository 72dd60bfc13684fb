"""Sums over groups of provinces: a country, a zone of control, or any named set."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from forecast import names
from forecast.errors import InputError

__all__ = ["members_of", "sum_over"]


def sum_over(values: xr.DataArray, by: str | Mapping[str, Sequence[str]]) -> xr.DataArray:
    """Sum an array with a dim `province` over groups of provinces.

    Parameters
    ----------
    values : DataArray
        Any dims, `province` among them.
    by : str or mapping
        'total' (one group, of that name); a coordinate of province ('country', 'pcode', 'zone', 'province_name'); or
        named sets {name: provinces}, which may overlap. A set's p-code stands for all units of it.

    Returns
    -------
    DataArray
        The dim `province` replaced by `group`, in order of first appearance. NaN where any member is NaN.
    """
    groups = members_of(values, by)
    sums = [values.isel({names.PROVINCE: rows}).sum(names.PROVINCE, skipna=False) for rows in groups.values()]
    dims = tuple("group" if dim == names.PROVINCE else str(dim) for dim in values.dims)
    stacked = xr.concat(sums, dim="group", coords="minimal", compat="override", join="override")
    return stacked.assign_coords(group=list(groups)).transpose(*dims)


def members_of(values: xr.DataArray, by: str | Mapping[str, Sequence[str]]) -> dict[str, np.ndarray]:
    """Positions of the provinces in each group; see `sum_over`."""
    if isinstance(by, str):
        if by == "total":
            return {"total": np.arange(values.sizes[names.PROVINCE])}
        if by not in values.coords or values[by].dims != (names.PROVINCE,):
            allowed = ["total", *(name for name in names.PROVINCE_COORDS if name in values.coords)]
            raise InputError("cannot group provinces", where="by", found=by, expected=allowed)
        labels = values[by].values.astype(str)
        return {label: np.flatnonzero(labels == label) for label in dict.fromkeys(labels)}
    keys = values[names.PROVINCE].values.astype(str)
    pcodes = values[names.PCODE].values.astype(str) if names.PCODE in values.coords else keys
    groups = {}
    for name, members in by.items():
        unknown = [member for member in members if member not in keys and member not in pcodes]
        if unknown:
            raise InputError("unknown provinces in the group", where=name, found=unknown, expected=list(keys))
        if not members:
            raise InputError("the group holds no province", where=name)
        groups[name] = np.flatnonzero(np.isin(keys, members) | np.isin(pcodes, members))
    return groups
