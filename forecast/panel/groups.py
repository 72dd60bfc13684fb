"""Sums over groups of provinces: a country, a zone of control, or any named set."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import xarray as xr

from forecast import names
from forecast.errors import InputError
from forecast.events.places import nearest_names
from forecast.events.spelling import normalise_name

__all__ = ["members_of", "province_keys", "sum_groups", "sum_over"]


def sum_over(values: xr.DataArray, by: str | Mapping[str, Sequence[str]]) -> xr.DataArray:
    """Sum an array with a dim `province` over groups of provinces.

    Parameters
    ----------
    values : DataArray
        Any dims, `province` among them.
    by : str or mapping
        'total' (one group, of that name); a coordinate of province ('country', 'pcode', 'zone', 'province_name'); or
        named sets {name: provinces}, which may overlap; provinces as in `province_keys`.

    Returns
    -------
    DataArray
        The dim `province` replaced by `group`, in order of first appearance. NaN where any member is NaN.
    """
    return sum_groups(values, names.PROVINCE, members_of(values, by), "group")


def sum_groups(values: xr.DataArray, dim: str, groups: Mapping[str, np.ndarray], into: str) -> xr.DataArray:
    """An array with the dim `dim` replaced by `into`: a sum over positions for each label; NaN where any is NaN.

    Coordinates along `dim` are left out. By NumPy: xarray's concatenation of as many arrays as there are groups takes
    most of the time of scoring a backtest.
    """
    axis = values.get_axis_num(dim)
    sums = np.stack([values.values.take(rows, axis).sum(axis) for rows in groups.values()], axis)
    coords = {name: coord for name, coord in values.coords.items() if dim not in coord.dims}
    dims = [into if name == dim else name for name in values.dims]
    return xr.DataArray(sums, coords, dims, values.name).assign_coords({into: list(groups)})


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
    groups = {}
    for name, members in by.items():
        if not members:
            raise InputError("the group holds no province", where=name)
        groups[name] = np.flatnonzero(np.isin(keys, province_keys(values, members, name)))
    return groups


def province_keys(labelled: xr.DataArray | xr.Dataset, wanted: Iterable[str], where: str = names.PROVINCE) -> list[str]:
    """Unit keys of provinces that are given by key, by p-code (all units of it) or by name.

    Names are compared as those of records are: without case, accents, and words such as 'Governorate'.

    Raises
    ------
    InputError
        For a province that is not there, with the nearest names, and a name that several bear.
    """
    keys = labelled[names.PROVINCE].values.astype(str).tolist()
    pcodes, titles = (
        labelled[name].values.astype(str).tolist() if name in labelled.coords else keys
        for name in (names.PCODE, names.PROVINCE_NAME)
    )
    plain = [normalise_name(title) for title in titles]
    chosen: dict[str, None] = {}
    for label in map(str, wanted):
        if label in keys:
            units = [label]
        elif label in pcodes:
            units = [key for key, pcode in zip(keys, pcodes, strict=True) if pcode == label]
        else:
            units = [key for key, name in zip(keys, plain, strict=True) if name == normalise_name(label)]
            if len(units) > 1:
                raise InputError("several provinces have this name", where=where, found=label, expected=units)
        if not units:
            nearest = nearest_names(label, {title: f"{title} ({key})" for key, title in zip(keys, titles, strict=True)})
            raise InputError("unknown province", where=where, found=label, hint=f"Nearest: {', '.join(nearest)}")
        chosen |= dict.fromkeys(units)
    return list(chosen)
