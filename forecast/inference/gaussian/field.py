"""The latents of a bound model as one Gaussian field: their order, their design, and their precision.

Latents that run along the periods come first, period by period; then the static ones. In this order the posterior's
precision is block-tridiagonal with an arrow (`forecast.inference.gaussian.block_arrow`).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from forecast.inference.gaussian.block_arrow import BlockArrow
from forecast.inference.gaussian.carried import Carried
from forecast.inference.gaussian.nesting import Nesting
from forecast.inference.gaussian.places import Group, Owners, Place
from forecast.model.latents import Direct, Independent, RandomWalk
from forecast.model.spec import BoundModel

__all__ = ["Field"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Field:
    """The Gaussian part of a model against a panel.

    Attributes
    ----------
    bound : BoundModel
        The model and the panel; every observation is of one cell.
    """

    bound: BoundModel

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """The blocks in their order."""
        places, first = [], {True: 0, False: 0}
        for block in self.bound.blocks:
            if isinstance(block.prior, Direct) or block.error is not None:
                continue
            along = block.has_path
            size = int(np.prod(block.shape[:-1] if along else block.shape))
            places.append(Place(block, along, slice(first[along], first[along] + size)))
            first[along] += size
        return tuple(places)

    @property
    def periods(self) -> int:
        """Number of periods."""
        return self.bound.grid[2]

    @cached_property
    def width(self) -> int:
        """Latents per period."""
        return max([place.at.stop for place in self.places if place.along], default=0)

    @cached_property
    def static(self) -> int:
        """Latents of no period."""
        return max([place.at.stop for place in self.places if not place.along], default=0)

    @property
    def size(self) -> int:
        """Number of latents."""
        return self.periods * self.width + self.static

    def split(self, x: Array) -> tuple[Array, Array]:
        """A vector of latents, or of several (latent, column), as (period, width, …) and (static, …)."""
        paths = self.periods * self.width
        return x[:paths].reshape(self.periods, self.width, *x.shape[1:]), x[paths:]

    def join(self, path: Array, static: Array) -> Array:
        """The inverse of `split`."""
        return np.concatenate([path.reshape(-1, *path.shape[2:]), static])

    @cached_property
    def mean(self) -> Array:
        """Prior mean of the latents."""
        mean = np.zeros(self.size)
        _, static = self.split(mean)
        for place in self.places:
            if isinstance(place.block.prior, Independent):
                static[place.at] = place.block.prior.mean
        return mean

    @cached_property
    def prior_pull(self) -> Array:
        """The prior's precision times its mean; latents whose scale is learned have the mean 0."""
        pull = np.zeros(self.size)
        _, static = self.split(pull)
        for place in self.places:
            prior = place.block.prior
            if isinstance(prior, Independent) and not isinstance(prior.sd, str):
                static[place.at] = prior.mean / prior.sd**2
        return pull

    @cached_property
    def offset(self) -> Array:
        """Log exposure of the observed cells."""
        return self.bound.log_exposure.ravel()[self.bound.cells]

    @cached_property
    def feedback(self) -> dict[str, Array]:
        """What each slope with a prior of its own is multiplied by: (slope, observed cell)."""
        feedback = {}
        for block in self.bound.blocks:
            if isinstance(block.prior, Direct):
                assert block.basis is not None
                basis = np.broadcast_to(block.basis, (len(block.basis), *self.bound.grid))
                feedback[block.name] = basis.reshape(len(basis), -1)[:, self.bound.cells]
        return feedback

    @cached_property
    def carried(self) -> Carried | None:
        """The covariate that was measured with error, where there is one."""
        for latents, error in self.bound.errors.items():
            place = next(place for place in self.places if place.block.name == latents)
            return Carried.of(self.bound, error, place.at)
        return None

    @cached_property
    def design(self) -> sparse.csr_array:
        """Sparse matrix (observed cell, latent), without what belongs to a covariate measured with error."""
        return sparse.csr_array(self._whole[self.bound.cells])

    @cached_property
    def nesting(self) -> Nesting | None:
        """Series in provinces in the whole, where factors that go by these take less than those that go by periods."""
        if self.bound.is_published or self.carried is not None:
            return None
        both = self.design, self.transposed
        return Nesting.of(self._owners, self._whole, both, self.bound.cells, self.bound.grid, self._work_by_period)

    @cached_property
    def provinces(self) -> dict[int, Group]:
        """Latents of each province that has any: independent of other provinces' given the rest."""
        return self._owners.by_province()

    @cached_property
    def _owners(self) -> Owners:
        return Owners.of(self.places, self._whole, self.bound.grid, self.width)

    @property
    def work(self) -> float:
        """Multiplications that a factor of the precision takes."""
        return self._work_by_period if self.nesting is None else self.nesting.work

    @property
    def _work_by_period(self) -> float:
        width, static = self.width, self.static
        return self.periods * (2 * width**3 + 2 * static * width**2 + static**2 * width) + static**3 / 3

    @cached_property
    def _whole(self) -> sparse.csr_array:
        """The design of all cells of the grid."""
        parts = []
        for place in self.places:
            part = sparse.coo_array(place.block.design(self.bound.grid))
            values = part.data
            if place.along:
                label, period = np.divmod(part.col, self.periods)
                column = period * self.width + place.at.start + label
                if isinstance(place.block.prior, RandomWalk):
                    values = np.where(period > 0, values, 0.0)
            else:
                column = self.periods * self.width + place.at.start + part.col
            parts.append((values, part.row, column))
        values, row, column = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        used = values != 0
        entries = (values[used], (row[used], column[used]))
        matrix = sparse.csr_array(sparse.coo_array(entries, shape=(int(np.prod(self.bound.grid)), self.size)))
        matrix.sort_indices()
        return matrix

    @cached_property
    def transposed(self) -> sparse.csr_array:
        """The design's transpose, by rows."""
        return sparse.csr_array(self.design.T)

    # The curvature of the likelihood ---------------------------------------------------------------------------

    @cached_property
    def _pairs(self) -> tuple[sparse.csr_array, sparse.csr_array, npt.NDArray[np.intp]]:
        """(entry, cell) with the products of the design's pairs of columns; its transpose for quadratic forms; places.

        Entries are numbered through the flat arrays diagonal (period, width, width), arrow (period, width, static) and
        corner (static, static); of each symmetric pair only the lower one is there.
        """
        design, paths = self.design, self.periods * self.width
        cell = np.repeat(np.arange(design.shape[0]), np.diff(design.indptr))
        places, products, cells, doubled = [], [], [], []
        for apart in range(int(np.diff(design.indptr).max())):
            first = np.flatnonzero(cell[: len(cell) - apart] == cell[apart:])
            # Columns are sorted within a cell, so `second` is never the smaller one.
            low, high = design.indices[first].astype(np.int64), design.indices[first + apart].astype(np.int64)
            places.append(self._place(low, high, paths))
            products.append(design.data[first] * design.data[first + apart])
            cells.append(cell[first])
            doubled.append(np.full(len(first), 1.0 if apart == 0 else 2.0))
        place, entry = np.unique(np.concatenate(places), return_inverse=True)
        product, of = np.concatenate(products), np.concatenate(cells)
        shape = (len(place), design.shape[0])
        forward = sparse.csr_array(sparse.coo_array((product, (entry, of)), shape=shape))
        twice = product * np.concatenate(doubled)
        backward = sparse.csr_array(sparse.coo_array((twice, (of, entry)), shape=shape[::-1]))
        return forward, backward, place

    def _place(self, low: Any, high: Any, paths: int) -> Any:
        """Number of the entry of two columns, low ≤ high."""
        width, static = self.width, self.static
        cross_first = paths * width
        corner_first = cross_first + paths * static
        both_paths, both_static = high < paths, low >= paths
        # Within a period: row `high`, column `low`.
        inside = high * width + (low % max(width, 1))
        cross = cross_first + low * static + (high - paths)
        corner = corner_first + (high - paths) * static + (low - paths)
        return np.where(both_paths, inside, np.where(both_static, corner, cross))

    def curvature(self, weight: Array) -> tuple[Array, Array, Array]:
        """A'WA for weights of the observed cells: diagonal blocks, arrow and corner; lower triangles."""
        forward, _, place = self._pairs
        width, static, periods = self.width, self.static, self.periods
        flat = np.zeros(periods * width * (width + static) + static**2)
        flat[place] = forward @ weight
        cross, corner = periods * width * width, periods * width * (width + static)
        return (
            flat[:cross].reshape(periods, width, width),
            flat[cross:corner].reshape(periods, width, static),
            flat[corner:].reshape(static, static),
        )

    def products(self, rows: Array, others: Array, period: npt.NDArray[np.intp]) -> tuple[Array, Array, Array]:
        """Σ row'·other over rows of latents (row, latent), each of one period, laid out like `curvature`."""
        path, static = self.split(rows.T)
        other_path, other_static = self.split(others.T)
        diagonal = np.zeros((self.periods, self.width, self.width))
        arrow = np.zeros((self.periods, self.width, self.static))
        for at in np.unique(period):
            here = period == at
            diagonal[at] = path[at][:, here] @ other_path[at][:, here].T
            arrow[at] = path[at][:, here] @ other_static[:, here].T
        return diagonal, arrow, static @ other_static.T

    def squares(self, root: sparse.csr_array, period: npt.NDArray[np.intp]) -> tuple[Array, Array, Array]:
        """A'R'RA for a root R (row, observed cell) of which each row is of one period, laid out like `curvature`."""
        rows = np.asarray((root @ self.design).todense())
        return self.products(rows, rows, period)

    def variances(self, inverse: BlockArrow) -> Array:
        """Variance of eta of each observed cell, from the selected inverse of the precision."""
        _, backward, place = self._pairs
        flat = np.concatenate([inverse.diagonal.ravel(), inverse.arrow.ravel(), inverse.corner.ravel()])
        return np.asarray(backward @ flat[place])

    # Results ----------------------------------------------------------------------------------------------------

    def by_name(self, x: Array) -> dict[str, Array]:
        """Latents by the names of their blocks and in their shapes, samples first; `x` is (latent, sample)."""
        path, static = self.split(x)
        latents = {}
        for place in self.places:
            if place.along:
                values = path[:, place.at].transpose(2, 1, 0)
                if isinstance(place.block.prior, RandomWalk):
                    values = np.concatenate([np.zeros((*values.shape[:2], 1)), values[..., 1:]], axis=-1)
            else:
                values = static[place.at].T
            latents[place.block.name] = np.ascontiguousarray(values).reshape(x.shape[1], *place.block.shape)
        return latents
