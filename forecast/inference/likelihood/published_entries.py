"""How the sums that published counts are about are laid out: which cells each adds up, and what is made of them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import sparse

from forecast.inference.likelihood.published import Published
from forecast.model.families import Family

__all__ = ["Entries"]

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Entries:
    """The members of all sums, those of expected counts and then those of spreads.

    Attributes
    ----------
    published : Published
        The statements.
    family : Family
        Poisson or negative binomial.
    cells : array of int
        The cells that are in any set, in C order of the grid; positions among them are meant below.
    """

    published: Published
    family: Family
    cells: Index

    @property
    def has_spread(self) -> bool:
        """Whether totals have a dispersion."""
        return "log_phi" in self.family.parameters()

    @cached_property
    def spread_rows(self) -> Index:
        """Sets that have a spread: totals, then those of splits that are no totals; none for Poisson counts."""
        totals, splits = self.published.totals, self.published.splits
        of_splits = np.concatenate([splits.part, splits.rest, splits.whole])
        rows = np.concatenate([totals, np.setdiff1d(of_splits, totals)])
        return rows if self.has_spread else rows[:0]

    @cached_property
    def spread_members(self) -> Index:
        """Members of sets that have a spread."""
        return np.flatnonzero(np.isin(self.published.members.row, self.spread_rows))

    @cached_property
    def spread_sum(self) -> Index:
        """Of each set, its sum of spreads, where it has one."""
        position = np.zeros(self.published.rows, dtype=np.intp)
        position[self.spread_rows] = self.published.rows + np.arange(len(self.spread_rows))
        return position

    @cached_property
    def sum(self) -> Index:
        """The sum that each entry is in."""
        rows = self.published.members.row
        return np.concatenate([rows, self.spread_sum[rows[self.spread_members]]])

    @cached_property
    def cell(self) -> Index:
        """The cell of each entry."""
        every = np.searchsorted(self.cells, self.published.members.cell)
        return np.concatenate([every, every[self.spread_members]])

    @cached_property
    def power(self) -> Array:
        """a of each sum."""
        return np.repeat([1.0, 2.0], [self.published.rows, len(self.spread_rows)])

    @property
    def sums(self) -> int:
        """How many sums there are."""
        return len(self.power)

    @cached_property
    def first(self) -> Index:
        """Of each total, its sum of expected counts."""
        return self.published.totals

    @cached_property
    def second(self) -> Index:
        """Of each total, its sum of spreads."""
        return self.published.rows + np.arange(len(self.published.totals) * self.has_spread)

    @cached_property
    def arguments(self) -> sparse.csr_array:
        """Sparse matrix C (factor of a split, sum) of its argument in the log sums."""
        splits, size = self.published.splits, len(self.published.splits)
        parts = splits.argument if self.has_spread else splits.argument[:1]
        values = np.repeat([sign for _, sign, _ in parts], size)
        column = [sets if kind == "sum" else self.spread_sum[sets] for kind, _, sets in parts]
        where = np.tile(np.arange(size), len(parts)), np.concatenate(column)
        return sparse.csr_array(sparse.coo_array((values, where), shape=(size, self.sums)))

    @cached_property
    def adding(self) -> sparse.csr_array:
        """Sparse matrix (sum, entry) that adds up."""
        entries = np.ones(len(self.sum)), (self.sum, np.arange(len(self.sum)))
        return sparse.csr_array(sparse.coo_array(entries, shape=(self.sums, len(self.sum))))

    @cached_property
    def to_cells(self) -> sparse.csr_array:
        """Sparse matrix (cell, entry) that adds up derivatives in eta, from those in exponents."""
        entries = self.power[self.sum], (self.cell, np.arange(len(self.sum)))
        return sparse.csr_array(sparse.coo_array(entries, shape=(len(self.cells), len(self.sum))))

    @cached_property
    def pairs(self) -> tuple[Index, Index]:
        """Pairs of entries of the same sum."""
        together = (self.adding.T @ self.adding).tocoo()
        return together.row.astype(np.intp), together.col.astype(np.intp)

    @cached_property
    def partners(self) -> tuple[Index, Index]:
        """Pairs of entries of both sums of a total."""
        there = self.first[: len(self.second)], self.second
        swap = sparse.coo_array((np.ones(len(self.second)), there), shape=(self.sums, self.sums))
        apart = (self.adding.T @ (swap + swap.T) @ self.adding).tocoo()
        return apart.row.astype(np.intp), apart.col.astype(np.intp)

    def added(self, values: Array) -> Array:
        """Values of entries added up by sum."""
        return np.asarray(self.adding @ values)
