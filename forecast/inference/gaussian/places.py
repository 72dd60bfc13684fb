"""Where each block of latents lies in the field, and its prior precision as numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from forecast.inference.gaussian.block_arrow import BlockArrow
from forecast.model.blocks import Block
from forecast.model.latents import Independent, Path

__all__ = ["Group", "Owners", "Place", "prior_parts"]

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Place:
    """Where a block lies: columns of each period, or of the static latents."""

    block: Block
    along: bool
    at: slice


def prior_parts(place: Place, theta: Mapping[str, Any]) -> tuple[Any, tuple[Any, ...]]:
    """Log determinant of the precision of a block's prior, and its entries; the numbers may be complex.

    Entries of paths: the diagonal over the periods, and that beside it, the same for each path. Of others: one number
    for a diagonal that is the same throughout, or the matrix.
    """
    prior, labels = place.block.prior, place.at.stop - place.at.start
    if isinstance(prior, Independent):
        sd = theta[prior.sd] if isinstance(prior.sd, str) else prior.sd
        return -2 * labels * np.log(sd), (np.asarray(sd**-2.0),)
    if isinstance(prior, Path):
        log_determinant, middle, side = prior.tridiagonal(theta)
        return labels * log_determinant, (middle, side)
    matrix = prior.precision(place.block.shape, theta).toarray()
    sign, log = np.linalg.slogdet(matrix)
    return log + np.log(sign), (matrix,)


@dataclass(frozen=True)
class Owners:
    """Which series and provinces see the labels of a field's blocks: its paths, and then the static latents.

    Attributes
    ----------
    series, province : array of int
        The one series and the one province whose cells see a label that is independent of all others before the data;
        −1 where there are several, or none.
    width, periods : int
        Paths, and their length.
    """

    series: Ints
    province: Ints
    width: int
    periods: int

    @classmethod
    def of(cls, places: Sequence[Place], whole: sparse.csr_array, grid: tuple[int, int, int], width: int) -> "Owners":
        """From the design of all cells of the grid (cell, latent)."""
        provinces, tactics, periods = grid
        paths, labels = periods * width, width + whole.shape[1] - periods * width
        series = np.repeat(np.arange(whole.shape[0]), np.diff(whole.indptr)) // periods
        label = np.where(whole.indices < paths, whole.indices % max(width, 1), whole.indices - paths + width)
        apart = np.zeros(labels, dtype=bool)
        for place in places:
            first = 0 if place.along else width
            independent = isinstance(place.block.prior, Independent | Path)
            apart[first + place.at.start : first + place.at.stop] = independent
        sole_owners = []
        for owner, owners in ((series, provinces * tactics), (series // tactics, provinces)):
            seen, by = np.divmod(np.unique(label.astype(np.int64) * owners + owner), owners)
            one = np.full(labels, -1)
            one[seen] = by
            sole_owners.append(np.where(apart & (np.bincount(seen, minlength=labels) == 1), one, -1))
        return cls(sole_owners[0], sole_owners[1], width, periods)

    def group(self, labels: Ints) -> "Group":
        """Of labels."""
        paths, static = labels[labels < self.width], labels[labels >= self.width] - self.width
        along = np.arange(self.periods)[:, None] * self.width + paths
        return Group(along, self.periods * self.width + static, paths, static)

    def by_province(self) -> dict[int, "Group"]:
        """The latents of each province that has any: independent of other provinces' given the rest."""
        numbers = np.unique(self.province[self.province >= 0])
        return {int(number): self.group(np.flatnonzero(self.province == number)) for number in numbers}


@dataclass(frozen=True)
class Group:
    """Some labels of a field.

    Attributes
    ----------
    along, still : array of int
        Places in the field of the paths (period, path) and of the static latents.
    paths, static : array of int
        Columns of paths in each period, and numbers of static latents.
    """

    along: Ints
    still: Ints
    paths: Ints
    static: Ints

    @cached_property
    def place(self) -> Ints:
        """Places path by path, and then of the static latents."""
        return np.concatenate([self.along.T.ravel(), self.still])

    def part(self, whole: BlockArrow) -> BlockArrow:
        """The group's part of a matrix of the field."""
        paths, static = self.paths, self.static
        return BlockArrow(
            whole.diagonal[:, paths[:, None], paths],
            whole.coupling[:, paths],
            whole.arrow[:, paths[:, None], static],
            whole.corner[np.ix_(static, static)],
        )
