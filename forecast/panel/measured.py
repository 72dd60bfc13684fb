"""Covariates by force that were measured with error: what a panel keeps of them beside their mean."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from forecast import names
from forecast.errors import InputError
from forecast.panel.calendar import period_start

__all__ = ["PART_OF", "Measured", "measured_of", "measured_parts"]

Array = npt.NDArray[np.float64]
# The attribute of a variable that belongs to a covariate, and is none itself.
PART_OF = "part_of"
_MEAN, _FACTOR, _HALF_LIFE = "mean", "factor", "half_life"
# Share of the error's variance that its components hold.
_KEPT = 0.95


@dataclass(frozen=True)
class Measured:
    """A covariate that is known by its mean and the covariance of its error, by force.

    Attributes
    ----------
    forces : list of str
        The forces.
    mean : array
        (force, period), in the covariate's own unit.
    factor : array
        (force, period, component): the error is this times standard normal numbers, one per component. A component
        belongs to one force.
    half_life : array
        Draws of the months after which half of a deviation from 0 is left, for projections; empty where unknown.
    unit : array of int
        (province, period): which force; −1 for none.
    """

    forces: list[str]
    mean: Array
    factor: Array
    half_life: Array
    unit: npt.NDArray[np.intp]

    @property
    def sd(self) -> Array:
        """Standard deviation of the error, (force, period)."""
        return np.asarray(np.sqrt((self.factor**2).sum(axis=2)))

    def paths(self, errors: Array | None) -> Array:
        """Paths over (sample, force, period), from draws of the components (sample, component).

        Without draws, one path: the mean.
        """
        if errors is None:
            return self.mean[None]
        return np.asarray(self.mean + np.einsum("ftc,sc->sft", self.factor, errors))


def measured_parts(
    dataset: xr.Dataset, name: str, mean: xr.DataArray, covariance: xr.DataArray, half_life: Sequence[float]
) -> dict[str, Any]:
    """Variables that a panel's dataset holds of a measured covariate, beside the covariate itself.

    Parameters
    ----------
    dataset : Dataset
        Of the panel.
    name : str
        Of the covariate.
    mean, covariance : DataArray
        (force, period) and (force, period, other_period) of the error, with the same labels.
    half_life : sequence of float
        See `Measured`.

    Raises
    ------
    InputError
        For other dims, and for what is no covariance.
    """
    where, wanted = f"covariance of {name}", (names.FORCE, names.PERIOD, "other_period")
    if set(mean.dims) != {names.FORCE, names.PERIOD} or set(covariance.dims) != set(wanted):
        found = [str(dim) for dim in (*mean.dims, *covariance.dims)]
        raise InputError("has dims that it cannot have", where=where, found=found, expected=list(wanted))
    starts = period_start(pd.DatetimeIndex(mean[names.PERIOD].values), str(dataset.attrs["freq"]))
    at, forces = starts.get_indexer(dataset.indexes[names.PERIOD]), [str(force) for force in mean[names.FORCE].values]
    try:
        values = covariance.sel({names.FORCE: forces}).transpose(*wanted).values[:, at][:, :, at]
    except (KeyError, IndexError):
        raise InputError("lacks forces or periods of the mean", where=where) from None
    roots = []
    for force, matrix in zip(forces, values, strict=True):
        if not np.isfinite(matrix).all() or not np.allclose(matrix, matrix.T, atol=1e-8):
            raise InputError("is no covariance", where=f"{where}, {force}", expected="a symmetric matrix of numbers")
        eigenvalues, vectors = np.linalg.eigh(matrix)
        if eigenvalues[0] < -1e-6 * max(eigenvalues[-1], 0.0):
            raise InputError("is no covariance", where=f"{where}, {force}", found=f"eigenvalue {eigenvalues[0]:.3g}")
        largest = np.maximum(eigenvalues[::-1], 0.0)
        count = 1 + int(np.searchsorted(np.cumsum(largest), _KEPT * largest.sum()))
        roots.append(vectors[:, ::-1][:, :count] * np.sqrt(largest[:count]))
    factor = np.zeros((len(forces), len(at), sum(root.shape[1] for root in roots)))
    first = 0
    for force, root in zip(factor, roots, strict=True):
        force[:, first : first + root.shape[1]] = root
        first += root.shape[1]
    by_force, part = f"{name}_{names.FORCE}", {PART_OF: name}
    middle = mean.transpose(names.FORCE, names.PERIOD).values[:, at].astype(float)
    return {
        by_force: (by_force, np.array(forces), part),
        f"{name}_{_MEAN}": ((by_force, names.PERIOD), middle, part),
        f"{name}_{_FACTOR}": ((by_force, names.PERIOD, f"{name}_component"), factor, part),
        f"{name}_{_HALF_LIFE}": (f"{name}_draw", np.asarray(half_life, dtype=float), part),
    }


def measured_of(dataset: xr.Dataset, name: str) -> Measured | None:
    """What a panel's dataset holds of a measured covariate; None for one that was not measured with error."""
    if f"{name}_{_FACTOR}" not in dataset or dataset[f"{name}_{_FACTOR}"].attrs.get(PART_OF) != name:
        return None
    forces = [str(force) for force in dataset[f"{name}_{names.FORCE}"].values]
    mean, factor, half_life = (dataset[f"{name}_{part}"].values for part in (_MEAN, _FACTOR, _HALF_LIFE))
    held = dataset[names.FORCE].values.astype(str)
    unit = pd.Index(forces).get_indexer(pd.Index(held.ravel())).reshape(held.shape)
    return Measured(forces, mean, factor, half_life, unit)
