"""Datasets as netCDF files, so that a full disk or a damaged file is an error like any other."""

import gc
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import xarray as xr

from forecast import names
from forecast.errors import InputError
from forecast.files import safe_write

__all__ = ["read_netcdf", "read_tree", "write_netcdf", "write_tree"]


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
    dataset: xr.Dataset = _opened(path, kind, xr.load_dataset)
    return _decoded(dataset)


def write_tree(path: str | Path, groups: Mapping[str, xr.Dataset], attrs: Mapping[str, str]) -> None:
    """Write several datasets as groups of one file, whole or not at all, with attributes of the file."""
    tree = xr.DataTree.from_dict({"/": xr.Dataset(attrs=dict(attrs)), **groups})
    content = tree.to_netcdf(engine="h5netcdf")
    with safe_write(path) as temporary:
        temporary.write_bytes(content)


def read_tree(path: str | Path, kind: str) -> tuple[dict[str, xr.Dataset], dict[str, str]]:
    """Groups and attributes of a file that `write_tree` wrote; errors as of `read_netcdf`."""
    tree: xr.DataTree = _opened(path, kind, xr.load_datatree)
    return {name: _decoded(group.to_dataset()) for name, group in tree.children.items()}, {
        str(name): str(value) for name, value in tree.attrs.items()
    }


def _opened(path: str | Path, kind: str, load: Callable[..., Any]) -> Any:
    if not Path(path).is_file():
        raise InputError("no such file", source=path)
    if _points_elsewhere(path):
        raise InputError("takes its content from other files", source=path, hint="This package writes no such files")
    content = _load(path, load)
    if content is None:
        raise InputError("is no netCDF file, or was cut short", source=path)
    if content.attrs.get("kind") != kind:
        raise InputError("holds something else", source=path, found=content.attrs.get("kind", ""), expected=kind)
    return content


def _points_elsewhere(path: str | Path) -> bool:
    """Whether a file has links to others, or data that lie in others: a crafted one would show what is in those."""
    import h5py

    elsewhere = []

    def look_at_link(name: str, link: Any) -> None:
        elsewhere.append(isinstance(link, h5py.ExternalLink))

    def look_at_data(name: str, part: Any) -> None:
        elsewhere.append(isinstance(part, h5py.Dataset) and (part.external is not None or part.is_virtual))

    with suppress(OSError, RuntimeError, ValueError, KeyError), h5py.File(path, "r") as file:
        file.visititems_links(look_at_link)
        file.visititems(look_at_data)
    return any(elsewhere)


def _decoded(dataset: xr.Dataset) -> xr.Dataset:
    for name, variable in dataset.variables.items():
        if variable.dtype == object or variable.dtype.kind == "T":
            dataset[name] = (variable.dims, variable.values.astype(str), variable.attrs)
        elif name in (names.PERIOD, names.PERIOD_END, names.ZONE_END):
            dataset[name] = (variable.dims, variable.values.astype("datetime64[ns]"), variable.attrs)
    return dataset


def _load(path: str | Path, load: Callable[..., Any]) -> Any:
    """Content of a file; None where it is damaged, without the tracebacks that h5netcdf prints as it clears up."""
    hook = sys.unraisablehook
    sys.unraisablehook = lambda _: None
    try:
        with suppress(Exception):
            return load(path, engine="h5netcdf")
        gc.collect()
        return None
    finally:
        sys.unraisablehook = hook
