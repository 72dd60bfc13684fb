"""A covariate that was measured with error, as the fast engine sees it: eta gets s·(m + e) per cell.

The error e = U·z of a force is shared by all its cells, z is standard normal and stands among the static latents. The
slopes s are hyperparameters: given them, eta is linear in z.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import sparse

from forecast.model.blocks import Error
from forecast.model.spec import BoundModel

__all__ = ["Carried"]

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]


@dataclass(frozen=True)
class _Part:
    """One block of slopes, and which of them each observed cell takes."""

    name: str
    label: Ints
    size: int


@dataclass(frozen=True)
class Carried:
    """What a measured covariate adds to eta of the observed cells.

    Attributes
    ----------
    rows : array
        (row, component): U, one row per force and period.
    row : array of int
        Of each observed cell.
    mean : array
        The covariate's mean in each observed cell, m.
    columns : slice
        Where z lies among the static latents.
    parts : tuple
        The blocks of slopes whose sum is s.
    """

    rows: Array
    row: Ints
    mean: Array
    columns: slice
    parts: tuple[_Part, ...]

    @classmethod
    def of(cls, bound: BoundModel, error: Error, columns: slice) -> "Carried":
        """Of a bound model that has such a covariate."""
        parts, cells = [], bound.cells
        for block in bound.blocks:
            if block.error is not None:
                assert block.basis is not None
                mean = np.broadcast_to(block.basis, (1, *bound.grid)).ravel()[cells]
                parts.append(_Part(block.name, block.labels_on(bound.grid).ravel()[cells], int(np.prod(block.shape))))
        province, _, period = np.unravel_index(cells, bound.grid)
        return cls(error.rows, error.index[province, period], mean, columns, tuple(parts))

    def slope(self, theta: Mapping[str, Array]) -> Array:
        """s of each observed cell."""
        total = np.zeros(len(self.row))
        for part in self.parts:
            total += np.atleast_1d(theta[part.name])[part.label]
        return total

    def error(self, static: Array) -> Array:
        """e of each observed cell: (cell) or (cell, column), from the static latents."""
        return np.asarray((self.rows @ static[self.columns])[self.row])

    def felt(self, static: Array) -> Array:
        """m + e of each observed cell, from the static latents."""
        return self.mean + self.error(static)

    def back(self, values: Array) -> Array:
        """Uᵀ times values of the observed cells."""
        return np.asarray(self.rows.T @ np.bincount(self.row, values, minlength=len(self.rows)))

    def placed(self, values: Array) -> sparse.csr_array:
        """Values of the observed cells, each in its row: (cell, row)."""
        cells = len(self.row)
        return sparse.csr_array((values, self.row, np.arange(cells + 1)), shape=(cells, len(self.rows)))

    @cached_property
    def derivatives(self) -> dict[str, Array]:
        """Of s in each hyperparameter that it is a sum of: (element, observed cell)."""
        return {part.name: (part.label == np.arange(part.size)[:, None]).astype(float) for part in self.parts}
