"""Blocks of latents and how they add to eta: by broadcasting over the grid, or as a sparse matrix over cells."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from forecast import names
from forecast.model.latents import Latents

__all__ = ["Block", "Error", "error_name"]

Array = npt.NDArray[np.float64]


def error_name(covariate: str) -> str:
    """Name of the latents of a measured covariate's error."""
    return f"{covariate}_error"


@dataclass(frozen=True)
class Error:
    """The error of a covariate that was measured with some: a few latents, which all cells share.

    Attributes
    ----------
    covariate : str
        Its name.
    rows : array
        (row, latent): the error in each period of each force, per unit of the latents; the last row is 0.
    index : array of int
        (province, period): the row of each; the last one where the covariate does not apply.
    """

    covariate: str
    rows: Array
    index: npt.NDArray[np.intp]

    @property
    def latents(self) -> str:
        """Name of the block that holds its latents; they are standard normal, and act through the slopes only."""
        return error_name(self.covariate)

    def on_grid(self, values: Any, rows: Any = None) -> Any:
        """The error on the grid, as a basis: (…, 1, province, 1, period), of latents (…, latent) in NumPy or PyTensor.

        `rows` replaces those of the panel by a symbol for them.
        """
        by_row = values @ (self.rows if rows is None else rows).T
        return by_row[..., self.index][..., None, :, None, :]


@dataclass(frozen=True)
class Block:
    """An array of latents with labels, its prior, and its place in eta.

    Attributes
    ----------
    name : str
        Name in the posterior.
    dims : tuple of str
        Dims of the latents, in this order: a dim of coefficients (optional), then any of province (or a coordinate of
        province, such as country), tactic and period.
    coords : mapping
        Labels of each dim.
    prior : Latents
        Distribution given the hyperparameters.
    basis : array or None
        What the latents are multiplied by before they are summed over the coefficients: shape (coefficient, province,
        tactic, period), each 1 where it does not vary. None: 1.
    groups : mapping of str to array of int
        For a coordinate of province among the dims: the position of each province's label in it.
    error : Error or None
        Of slopes on a covariate that was measured with error: what comes to the basis.
    """

    name: str
    dims: tuple[str, ...]
    coords: Mapping[str, Sequence[Any]]
    prior: Latents
    basis: Array | None = None
    groups: Mapping[str, npt.NDArray[np.intp]] = field(default_factory=dict)
    error: Error | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the dims."""
        return tuple(len(self.coords[dim]) for dim in self.dims)

    @property
    def has_path(self) -> bool:
        """True where the latents run along the periods."""
        return names.PERIOD in self.dims

    def added(self, values: Mapping[str, Any]) -> Any:
        """What the block adds to eta, from all latents by name, in NumPy; see `on_grid`."""
        basis = self.basis if self.error is None else self.basis + self.error.on_grid(values[self.error.latents])
        return self.on_grid(values[self.name], basis)

    def on_grid(self, values: Any, basis: Array | None = None) -> Any:
        """What latents add to eta: (province, tactic, period), each 1 where it does not vary.

        `values` are the latents, in NumPy or PyTensor, or draws of them with a leading axis of samples; `basis`
        replaces that of the training panel (for the future), and may have the axis of samples too.
        """
        lead = values.ndim - len(self.dims)
        spread = self._spread(values, lead)
        used = self.basis if basis is None else basis
        return spread.sum(axis=lead) if used is None else (used * spread).sum(axis=lead)

    def design(self, shape: tuple[int, int, int]) -> sparse.csr_array:
        """Sparse matrix (cells, latents) whose product with the latents is eta of the cells, in C order of the grid."""
        coefficients = 1 if self.basis is None else self.basis.shape[0]
        full = (coefficients, *shape)
        column = np.arange(int(np.prod(self.shape))).reshape(self.shape)
        spread = np.broadcast_to(self._spread(column, 0), full)
        weight = np.ones(full) if self.basis is None else np.broadcast_to(self.basis, full)
        cell = np.broadcast_to(np.arange(int(np.prod(shape))).reshape(shape), full)
        used = weight != 0
        entries = (weight[used], (cell[used], spread[used]))
        return sparse.csr_array(sparse.coo_array(entries, shape=(cell[0].size, column.size)))

    def labels_on(self, shape: tuple[int, int, int]) -> npt.NDArray[np.intp]:
        """Number of the label that each cell of the grid belongs to, of a block with one dim or none."""
        column = np.arange(int(np.prod(self.shape))).reshape(self.shape)
        return np.asarray(np.broadcast_to(self._spread(column, 0), (1, *shape))[0])

    def partition(self, shape: tuple[int, int, int]) -> npt.NDArray[np.intp]:
        """How its labels divide the series (province, tactic), flat: of each, the first that has the same label.

        Two blocks that divide the series alike have the same partition, whatever their labels are called.
        """
        column = np.arange(int(np.prod(self.shape))).reshape(self.shape)
        labels = np.broadcast_to(self._spread(column, 0)[0, ..., 0], shape[:2]).ravel()
        _, first, label = np.unique(labels, return_index=True, return_inverse=True)
        return np.asarray(first[label], dtype=np.intp)

    def _spread(self, values: Any, lead: int) -> Any:
        """Latents at (lead axes, coefficient, province, tactic, period), each 1 where they do not vary."""
        index: list[Any] = [slice(None)] * lead
        axis = lead
        for dim in (None, *names.CELL_DIMS):
            name = self._name_of(dim)
            if name is not None and name in self.groups:
                values = values[(*[slice(None)] * axis, self.groups[name])]
            index.append(None if name is None else slice(None))
            axis += name is not None
        return values[tuple(index)]

    def _name_of(self, dim: str | None) -> str | None:
        """The block's own dim that lies along a dim of the grid (None: along the coefficients)."""
        for name in self.dims:
            along = names.PROVINCE if name in self.groups else name if name in names.CELL_DIMS else None
            if along == dim:
                return name
        return None
