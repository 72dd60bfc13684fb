"""Covariates in any of the accepted shapes, aligned to a panel's labels."""

import numpy as np
import pandas as pd
import xarray as xr

from forecast import names
from forecast.errors import InputError
from forecast.panel.calendar import parse_days, period_start

__all__ = ["align_covariate"]

_SHAPES = (
    {names.PERIOD},
    {names.PROVINCE, names.PERIOD},
    {names.FORCE, names.PERIOD},
    {names.PROVINCE, names.TACTIC, names.PERIOD},
)
_DIM_ORDER = (names.FORCE, *names.CELL_DIMS)


def align_covariate(dataset: xr.Dataset, name: str, values: "xr.DataArray | pd.DataFrame | pd.Series") -> xr.DataArray:
    """A covariate as a float array on the labels of a panel's dataset; see `Panel.with_covariate`.

    Raises
    ------
    InputError
        For a shape that is not accepted, a name that is taken, labels that are missing or stand there twice.
    """
    if not name.isidentifier():
        raise InputError("is no name", where=f"covariate {name}", expected="letters, digits and _")
    if name in dataset.variables or name in names.CELL_DIMS:
        raise InputError("the name is taken", where=f"covariate {name}", expected="another name")
    array = _as_array(name, values, str(dataset.attrs["freq"]))
    dims = {str(dim) for dim in array.dims}
    if dims not in _SHAPES:
        shapes = [f"({', '.join(sorted(shape))})" for shape in _SHAPES]
        raise InputError(
            "has dims that a covariate cannot have",
            where=f"covariate {name}",
            found=sorted(dims),
            expected=shapes,
        )
    wanted = {dim: dataset.indexes[dim] for dim in dims if dim != names.FORCE}
    if names.FORCE in dims:
        forces = sorted(set(np.unique(dataset[names.FORCE].values)) - {""})
        wanted[names.FORCE] = pd.Index(forces, name=names.FORCE)
    for dim, labels in wanted.items():
        missing = labels.difference(array.indexes[dim])
        if len(missing):
            raise _missing(name, dim, missing)
    aligned = array.sel(wanted).transpose(*(dim for dim in _DIM_ORDER if dim in dims)).astype(float)
    if np.isinf(aligned.values).any():
        raise InputError("holds infinite values", where=f"covariate {name}", expected="numbers")
    gaps = aligned.isnull().any([dim for dim in aligned.dims if dim != names.PERIOD])
    if gaps.any():
        raise _missing(name, names.PERIOD, pd.DatetimeIndex(gaps[names.PERIOD].values[gaps.values]))
    aligned = aligned.drop_vars([coord for coord in aligned.coords if coord not in aligned.dims])
    if names.FORCE in dims:
        aligned = _by_province(aligned, dataset[names.FORCE])
    return aligned.rename(name)


def _as_array(name: str, values: "xr.DataArray | pd.DataFrame | pd.Series", freq: str) -> xr.DataArray:
    if isinstance(values, pd.Series):
        values = values.rename(name).rename_axis(names.PERIOD).reset_index()
    if isinstance(values, pd.DataFrame):
        values = _table_to_array(name, values)
    if names.PERIOD not in values.dims:
        raise InputError("has no periods", where=f"covariate {name}", expected="a dim or column `period`")
    starts = period_start(pd.DatetimeIndex(values[names.PERIOD].values), freq)
    if not starts.is_unique:
        twice = [f"{day:%Y-%m-%d}" for day in starts[starts.duplicated()].unique()]
        raise InputError("has several values for one period", where=f"covariate {name}", found=twice)
    return values.assign_coords({names.PERIOD: starts})


def _table_to_array(name: str, table: pd.DataFrame) -> xr.DataArray:
    table = table.rename(columns={"date": names.PERIOD} if names.PERIOD not in table else {})
    column = name if name in table else names.VALUE
    if column not in table or names.PERIOD not in table:
        raise InputError(
            "columns are missing",
            where=f"covariate {name}",
            found=list(table.columns),
            expected=f"period and {name} (or value), and any of province, tactic, force",
        )
    days, numbers = parse_days(table[names.PERIOD]), pd.to_numeric(table[column], errors="coerce")
    for what, bad, expected in (
        (names.PERIOD, days.isna(), "a day such as 2019-03-06, or a month such as 2019-03"),
        (column, numbers.isna() & table[column].notna(), "a number"),
    ):
        if bad.any():
            row = bad.index[bad][0]
            where, found = f"covariate {name}: row {row}, column {what}", str(table[what][bad].iloc[0])
            raise InputError("is not allowed", where=where, found=found, expected=expected)
    table = table.assign(**{names.PERIOD: days, column: numbers})
    keys = [dim for dim in _DIM_ORDER if dim in table]
    twice = table.duplicated(keys)
    if twice.any():
        row = table.loc[twice, keys].iloc[0].astype(str)
        raise InputError("has several values for one cell", where=f"covariate {name}", found=", ".join(row))
    return table.set_index(keys)[column].to_xarray()


def _missing(name: str, dim: str, labels: pd.Index) -> InputError:
    shown = [f"{label:%Y-%m-%d}" if dim == names.PERIOD else str(label) for label in labels[:12]]
    more = f" and {len(labels) - 12} more" if len(labels) > 12 else ""
    one, several = ("period", "periods") if dim == names.PERIOD else (f"value of {dim}", f"values of {dim}")
    count = f"1 {one} is" if len(labels) == 1 else f"{len(labels)} {several} are"
    return InputError(
        f"{count} missing",
        where=f"covariate {name}",
        found=", ".join(shown) + more,
        hint=f"It needs a value for every {dim} of the panel: fill the gaps, or leave that {dim} out of the panel",
    )


def _by_province(values: xr.DataArray, force: xr.DataArray) -> xr.DataArray:
    """Values by (force, period) as values by (province, period), through each province's force; NaN for ''."""
    known = [str(label) for label in values[names.FORCE].values]
    padded = np.concatenate(
        [values.transpose(names.FORCE, names.PERIOD).values, np.full((1, values.sizes[names.PERIOD]), np.nan)]
    )
    position = {label: row for row, label in enumerate(known)}
    rows = np.vectorize(lambda label: position.get(str(label), -1), otypes=[int])(force.values)
    return xr.DataArray(
        padded[rows, np.arange(values.sizes[names.PERIOD])],
        dims=(names.PROVINCE, names.PERIOD),
        coords={names.PROVINCE: force[names.PROVINCE], names.PERIOD: force[names.PERIOD]},
        name=values.name,
    )
