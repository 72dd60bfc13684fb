"""Datasets as netCDF files, so that a full disk or a damaged file is an error like any other."""

import gc
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import xarray as xr

from forecast import names
from forecast.errors import InputError
from forecast.files import safe_write

__all__ = ["read_netcdf", "write_netcdf"]


def write_netcdf(
    path: str | Path, dataset: xr.Dataset, encoding: Mapping[str, Mapping[str, Any]] | None = None
) -> None:
    """Write a dataset to one file, whole or not at all.

    The file is made in memory: where the disk is full, the HDF5 library would end the process.
    """
    content = dataset.to_netcdf(engine="h5netcdf", encoding=encoding)
    with safe_write(path) as temporary:
        temporary.write_bytes(content)


def read_netcdf(path: str | Path, kind: str) -> xr.Dataset:
    """Dataset of a netCDF file that this package wrote; text comes back as fixed-width arrays.

    Raises
    ------
    InputError
        When there is no such file, or it is damaged or holds something else.
    """
    if not Path(path).is_file():
        raise InputError("no such file", source=path)
    dataset = _load(path)
    if dataset is None:
        raise InputError("is no netCDF file, or was cut short", source=path)
    if dataset.attrs.get("kind") != kind:
        raise InputError("holds something else", source=path, found=dataset.attrs.get("kind", ""), expected=kind)
    for name, variable in dataset.variables.items():
        if variable.dtype == object or variable.dtype.kind == "T":
            dataset[name] = (variable.dims, variable.values.astype(str), variable.attrs)
        elif name in (names.PERIOD, names.PERIOD_END):
            dataset[name] = (variable.dims, variable.values.astype("datetime64[ns]"), variable.attrs)
    return dataset


def _load(path: str | Path) -> xr.Dataset | None:
    """Dataset of a file; None where it is damaged, without the tracebacks that h5netcdf prints as it clears up."""
    hook = sys.unraisablehook
    sys.unraisablehook = lambda _: None
    try:
        with suppress(Exception):
            return xr.load_dataset(path, engine="h5netcdf")
        gc.collect()
        return None
    finally:
        sys.unraisablehook = hook
