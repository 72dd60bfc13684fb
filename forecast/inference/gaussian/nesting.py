"""Which latents of a field belong to one series, which to one province, and what provinces share."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from forecast.inference.gaussian.places import Group, Owners

__all__ = ["Nesting", "Seen"]

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
# What an entry of K takes (see `nested`), and a series beside that, in multiplications of dense matrices (measured).
_PER_ENTRY, _PER_SERIES = 10.0, 1.5e6


@dataclass(frozen=True)
class Seen:
    """What a series' cells see of a province's latents, or of what is shared: in these, paths come first, one after the
    other, and then the static ones.

    Attributes
    ----------
    paths : tuple
        Of each path the first place, and its coefficients (period), None where they are 1.
    static : array
        Coefficients of the static ones (period, static).
    """

    paths: tuple[tuple[int, Array | None], ...]
    static: Array

    def rows(self, matrix: Array, periods: int) -> Array:
        """The product with a matrix of the latents' rows: (period, column)."""
        product = np.ascontiguousarray(self.static @ matrix[len(matrix) - self.static.shape[1] :])
        for first, coefficient in self.paths:
            part = matrix[first : first + periods]
            product += part if coefficient is None else coefficient[:, None] * part
        return product


@dataclass(frozen=True)
class Nesting:
    """Which latents belong to one series, to one province, and to all.

    Attributes
    ----------
    design : sparse array
        Of the observed cells (cell, latent); its transpose is `transposed`.
    cells : array of int
        The observed cells, numbered through the grid.
    grid : tuple of int
        Provinces, tactics, periods.
    width, static : int
        Latents per period, and of none.
    chains : array of int
        The path of each series (its column in each period).
    coefficient : array
        Of these in eta (series, period).
    provinces : tuple of Group
        Latents of each province that are no chains.
    shared : Group
        All others.
    seen : tuple of pairs of Seen
        What each series sees of its province, and of what is shared.
    work : float
        Multiplications that a factor takes, or as much time.
    """

    design: sparse.csr_array
    transposed: sparse.csr_array
    cells: Ints
    grid: tuple[int, int, int]
    width: int
    static: int
    chains: Ints
    coefficient: Array
    provinces: tuple[Group, ...]
    shared: Group
    seen: tuple[tuple[Seen, Seen], ...]
    work: float

    @classmethod
    def of(
        cls,
        owners: Owners,
        whole: sparse.csr_array,
        both: tuple[sparse.csr_array, sparse.csr_array],
        cells: Ints,
        grid: tuple[int, int, int],
        most: float = np.inf,
    ) -> "Nesting | None":
        """Of a field with the design `whole` of all cells, and `both` that of the observed ones and its transpose.

        None where not each series has a path of its own, and where a factor would take `most` multiplications or more.
        """
        (provinces, tactics, periods), series, width = grid, grid[0] * grid[1], owners.width
        candidates = np.flatnonzero(owners.series[:width] >= 0)
        chains = np.full(series, -1)
        # Of two paths of one series the later is one of the province's.
        chains[owners.series[candidates][::-1]] = candidates[::-1]
        if (chains < 0).any():
            return None
        rest = np.ones(len(owners.province), dtype=bool)
        rest[chains] = False
        groups = [owners.group(np.flatnonzero(rest & (owners.province == number))) for number in range(provinces)]
        shared = owners.group(np.flatnonzero(rest & (owners.province < 0)))
        work = _work(groups, shared, grid)
        if work >= most:
            return None
        coefficient, seen = np.empty((series, periods)), []
        for number in range(series):
            part = sparse.csr_array(whole[number * periods : (number + 1) * periods])
            coefficient[number] = part[:, np.arange(periods) * width + chains[number]].diagonal()
            seen.append((_seen(part, groups[number // tactics], periods), _seen(part, shared, periods)))
        static = whole.shape[1] - periods * width
        return cls(*both, cells, grid, width, static, chains, coefficient, tuple(groups), shared, tuple(seen), work)

    @cached_property
    def alike(self) -> tuple[list[int], ...]:
        """Series that see the same of what is shared."""
        groups: dict[Any, list[int]] = {}
        for number, (_, by_all) in enumerate(self.seen):
            paths = tuple((first, None if c is None else c.tobytes()) for first, c in by_all.paths)
            groups.setdefault((paths, by_all.static.tobytes()), []).append(number)
        return tuple(groups.values())


def _work(groups: Sequence[Group], shared: Group, grid: tuple[int, int, int]) -> float:
    """Multiplications that a factor takes, or as much time."""
    (provinces, tactics, periods), wide = grid, len(shared.place)
    sizes = np.array([len(group.place) for group in groups], dtype=float)
    dense = 0.5 * (sizes * wide**2).sum() + 0.5 * (sizes**2 * wide).sum() + (sizes**3).sum() / 3 + wide**3 / 3
    return float(dense + provinces * tactics * (_PER_ENTRY * periods**2 + _PER_SERIES))


def _seen(part: sparse.csr_array, group: Group, periods: int) -> Seen:
    """Of a design (period, latent)."""
    design = part[:, group.place].toarray()
    first, at = len(group.paths) * periods, np.arange(periods)
    paths = []
    for begin in range(0, first, periods):
        coefficient = design[at, begin + at]
        if coefficient.any():
            paths.append((begin, None if (coefficient == 1).all() else coefficient))
    return Seen(tuple(paths), np.ascontiguousarray(design[:, first:]))
