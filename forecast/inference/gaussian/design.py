"""The design of the observed cells for given hyperparameters: eta = offset + slopes·known + A(theta)·x.

A depends on the hyperparameters only through slopes on a covariate that was measured with error (`carried`): a cell's
row is a0 + s·u, where u picks the error of its force and period.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forecast.inference.gaussian.carried import Carried
from forecast.inference.gaussian.field import Field
from forecast.inference.gaussian.low_rank import AnyFactor
from forecast.inference.gaussian.nested import NestedFactor
from forecast.inference.gaussian.spread import Spread

__all__ = ["Design"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Design:
    """A(theta) of a field.

    Attributes
    ----------
    field : Field
        The latents.
    slope : array or None
        s of each observed cell, where a covariate was measured with error.
    """

    field: Field
    slope: Array | None

    @property
    def offset(self) -> Array:
        """Of eta of each observed cell: log exposure, and what the mean of a measured covariate adds."""
        return self.field.offset if self.slope is None else self.field.offset + self.slope * self._carried.mean

    @property
    def _carried(self) -> Carried:
        assert self.field.carried is not None
        return self.field.carried

    def of(self, x: Array) -> Array:
        """A·x, of a vector of latents or of several (latent, column)."""
        total = np.asarray(self.field.design @ x)
        if self.slope is None:
            return total
        error = self._carried.error(self.field.split(x)[1])
        return total + (self.slope * error.T).T

    def back(self, values: Array) -> Array:
        """Aᵀ times values of the observed cells, (cell) or (cell, column)."""
        total = np.asarray(self.field.transposed @ values)
        if self.slope is not None:
            columns = np.atleast_2d(values.T * self.slope)
            added = np.stack([self._carried.back(column) for column in columns], axis=1)
            static = self.field.split(total)[1]
            static[self._carried.columns] += added if values.ndim > 1 else added[:, 0]
        return total

    def curvature(self, weight: Array) -> tuple[Array, Array, Array]:
        """A'WA for weights of the observed cells: diagonal blocks, arrow and corner; lower triangles."""
        diagonal, arrow, corner = self.field.curvature(weight)
        if self.slope is not None:
            carried, at = self._carried, self._carried.columns
            path, static = self.field.split(
                (self.field.transposed @ carried.placed(weight * self.slope)) @ carried.rows
            )
            arrow[:, :, at] += path
            corner[:, at] += static
            corner[at] += static.T
            of_row = np.bincount(carried.row, weight * self.slope**2, minlength=len(carried.rows))
            corner[at, at] += (carried.rows.T * of_row) @ carried.rows
        return diagonal, arrow, corner

    def spread(self, factor: AnyFactor) -> Spread:
        """Variances of the latents and of eta, from the factor of the latents' precision."""
        if isinstance(factor, NestedFactor):
            return factor.spread()
        inverse = factor.selected_inverse()
        diagonal = np.diagonal(inverse.diagonal, axis1=1, axis2=2)
        variance = self.field.variances(inverse)
        if self.slope is None:
            return Spread(diagonal, inverse.coupling, inverse.corner, variance)
        carried, at = self._carried, self._carried.columns
        across = np.concatenate([inverse.arrow[:, :, at].reshape(-1, at.stop - at.start), inverse.corner[:, at]])
        with_others = np.einsum("cr,cr->c", self.field.design @ across, carried.rows[carried.row])
        error_variance = ((carried.rows @ inverse.corner[at, at]) * carried.rows).sum(axis=1)[carried.row]
        with_error = with_others + self.slope * error_variance
        variance = variance + self.slope * (with_others + with_error)
        return Spread(diagonal, inverse.coupling, inverse.corner, variance, with_error)
