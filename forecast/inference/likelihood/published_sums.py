"""Published counts at given latents: the sums that they are about, and derivatives of their log probability.

What is published is a function of logs of sums over sets of cells, l_k = log Σ_c exp(a_k·eta_c − b_c): of expected
counts (a = 1) for every set, and of their spreads mu²/phi (a = 2) for totals. With p_k the members' shares of a sum,

    ∂l_k/∂eta = a_k·p_k        ∂²l_k/∂eta² = a_k²·(diag p_k − p_k·p_kᵀ)

so that derivatives in eta are those of the outer function in the l_k with moments of the p_k. Of the outer function,
multinomials are linear in l, and a total depends on two of them only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import comb

import numpy as np
import numpy.typing as npt
from scipy import sparse, special

from forecast.inference.likelihood.jets import JET_MATHS, Jet
from forecast.inference.likelihood.published import FACTOR, SHARE, Published
from forecast.model.families import NUMPY, Family

__all__ = ["Entries", "EntryCovariance", "Sums", "columns_of_sums"]

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]
# Directions in which the outer function of a total is differentiated: of order n in the first n + 1 of them.
_DIRECTIONS = (1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (1.0, -1.0), (1.0, 2.0)


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
    def spread_members(self) -> Index:
        """Members of totals, which have a spread; none for Poisson counts."""
        of = np.isin(self.published.members.row, self.published.totals)
        return np.flatnonzero(of) if self.has_spread else np.zeros(0, dtype=np.intp)

    @cached_property
    def sum(self) -> Index:
        """The sum that each entry is in."""
        rows, totals = self.published.members.row, self.published.totals
        position = np.zeros(self.published.rows, dtype=np.intp)
        position[totals] = self.published.rows + np.arange(len(totals))
        return np.concatenate([rows, position[rows[self.spread_members]]])

    @cached_property
    def cell(self) -> Index:
        """The cell of each entry."""
        every = np.searchsorted(self.cells, self.published.members.cell)
        return np.concatenate([every, every[self.spread_members]])

    @cached_property
    def power(self) -> Array:
        """a of each sum."""
        return np.repeat([1.0, 2.0], [self.published.rows, len(self.published.totals) * self.has_spread])

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
    def adding(self) -> sparse.csr_array:
        """Sparse matrix (sum, entry) that adds up."""
        entries = np.ones(len(self.sum)), (self.sum, np.arange(len(self.sum)))
        return sparse.csr_array(sparse.coo_array(entries, shape=(self.sums, len(self.sum))))

    def repeated(self, number: int) -> tuple[Published, Index]:
        """The statements with every total so many times, and where these lie among so many copies of all totals."""
        if number not in self._repeated:
            found, exact, between = self.published, len(self.published.exact), len(self.published.between)
            copies = (exact + between) * np.arange(number)[:, None]
            layout = np.concatenate([(copies + at).ravel() for at in (np.arange(exact), exact + np.arange(between))])
            repeated = replace(
                found,
                exact=np.tile(found.exact, number),
                value=np.tile(found.value, number),
                between=np.tile(found.between, number),
                above=np.tile(found.above, number),
                bounded=(between * np.arange(number)[:, None] + found.bounded).ravel(),
                count=np.tile(found.count, number),
            )
            self._repeated[number] = repeated, layout
        return self._repeated[number]

    @cached_property
    def _repeated(self) -> dict[int, tuple[Published, Index]]:
        return {}

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
        return np.bincount(self.sum, values, minlength=self.sums).astype(float)

    def by_cell(self, values: Array) -> Array:
        """Values of entries added up by cell."""
        return np.bincount(self.cell, values, minlength=len(self.cells)).astype(float)


@dataclass(frozen=True)
class Sums:
    """All sums at a point.

    Attributes
    ----------
    entries : Entries
        Their layout.
    theta : mapping
        Parameters of the family, factors and shares.
    log : array
        Log of each sum.
    share : array
        Of each entry in its sum, p.
    """

    entries: Entries
    theta: Mapping[str, Array]
    log: Array
    share: Array

    @classmethod
    def at(cls, entries: Entries, theta: Mapping[str, Array], eta: Array) -> "Sums":
        """For eta of the cells, exposure included."""
        members = eta[entries.cell[: len(entries.published.members.cell)]]
        exponent = members
        if entries.has_spread:
            spread = entries.published.log_spread(members, theta["log_phi"])
            exponent = np.concatenate([members, spread[entries.spread_members]])
        mass = np.exp(exponent)
        total = entries.added(mass)
        return cls(entries, theta, np.log(total), mass / total[entries.sum])

    # The outer function ----------------------------------------------------------------------------------------

    def partials(self, order: int) -> dict[tuple[int, int], Array]:
        """Derivatives of the log probability of each total in its two log sums, (i, j) for orders up to one.

        Those of order n follow from n-th derivatives in n + 1 directions, which jets have.
        """
        if not self.entries.has_spread:
            return {(n, 0): each[0] for n, each in enumerate(self._along(_DIRECTIONS[:1], order))}
        directions = _DIRECTIONS[: order + 1]
        along = self._along(directions, order)
        found = {(0, 0): along[0][0]}
        for n in range(1, order + 1):
            matrix = [[comb(n, j) * a ** (n - j) * b**j for j in range(n + 1)] for a, b in directions[: n + 1]]
            found |= {(n - j, j): each for j, each in enumerate(np.linalg.solve(matrix, along[n][: n + 1]))}
        return found

    def _along(self, directions: Sequence[tuple[float, float]], order: int) -> list[Array]:
        """Value and derivatives of each total's log probability in directions of its log sums (direction, total)."""
        return [each[:, 0] for each in _along(self.entries, self.theta, self.log[None], directions, order)]

    def slopes(self, partials: Mapping[tuple[int, int], Array]) -> Array:
        """Derivative of the log probability in each log sum."""
        found = np.concatenate([self.entries.published.multinomial, np.zeros(len(self.entries.second))])
        found[self.entries.first] += partials[1, 0]
        if self.entries.has_spread:
            found[self.entries.second] = partials[0, 1]
        return found

    def value(self, partials: Mapping[tuple[int, int], Array]) -> float:
        """Log probability of all statements."""
        found = self.entries.published
        of_subsets = found.log_mass_of_subsets(self.theta, NUMPY).sum() if len(found.subset) else 0.0
        linear = found.multinomial @ self.log[: found.rows]
        return float(partials[0, 0].sum() + linear + of_subsets + found.constant)

    # Chain rules -----------------------------------------------------------------------------------------------

    def in_eta(self, per_entry: Array) -> Array:
        """Derivative in eta of each cell, from that in each entry's exponent."""
        return self.entries.by_cell(self.entries.power[self.entries.sum] * per_entry)

    def of_totals(self, partials: Mapping[tuple[int, int], Array]) -> Array:
        """Derivative of the log probability of each total in its log mean."""
        return partials[1, 0] + 2 * partials[0, 1] if self.entries.has_spread else partials[1, 0]

    def in_parameters(self, per_entry: Array, of_means: Array, subsets: bool = True) -> dict[str, Array]:
        """Derivatives in the parameters, from those in each entry's exponent and in each total's log mean.

        `subsets` says whether the subsets, which are of shares alone, are among what is differentiated.
        """
        found, gradient = self.entries.published, {}
        if self.entries.has_spread:
            tactic = found.members.tactic[self.entries.spread_members]
            own, size = per_entry[len(found.members.cell) :], self.theta["log_phi"].size
            by_tactic = -np.bincount(tactic, own, minlength=size).astype(float)
            gradient["log_phi"] = by_tactic if self.theta["log_phi"].ndim else np.asarray(-own.sum())
        if found.factors:
            gradient[FACTOR] = _added(of_means, found.factor[found.totals], len(found.factors))
        if found.shares:
            own = _added(of_means, found.share[found.totals], len(found.shares))
            own *= special.expit(-self.theta[SHARE])
            if subsets:
                at = found.share[found.subset]
                of_subsets = found.chosen - found.of * special.expit(self.theta[SHARE][at])
                own += np.bincount(at, of_subsets, minlength=len(found.shares))
            gradient[SHARE] = own
        return gradient

    def of_means(self, per_sum: Array) -> Array:
        """Derivative in the log mean of each total, from those in its two log sums."""
        first = per_sum[self.entries.first]
        return first + 2 * per_sum[self.entries.second] if self.entries.has_spread else first

    # Curvature -------------------------------------------------------------------------------------------------

    @cached_property
    def design(self) -> sparse.csr_array:
        """Sparse matrix (sum, cell) of a·p: derivatives of the log sums in eta."""
        entries = self.entries
        values = entries.power[entries.sum] * self.share
        shape = (entries.sums, len(entries.cells))
        return sparse.csr_array(sparse.coo_array((values, (entries.sum, entries.cell)), shape=shape))

    def observed(self) -> tuple[Array, sparse.csr_array]:
        """The negative second derivative in eta as diag(w) + DᵀMD, with D the `design`: w (cell), and M (sum, sum)."""
        partials, entries = self.partials(2), self.entries
        slopes = self.slopes(partials)
        weight = -entries.by_cell((slopes * entries.power**2)[entries.sum] * self.share)
        first, second, every = entries.first, entries.second, np.arange(entries.sums)
        values, row, column = [slopes, -partials[2, 0]], [every, first], [every, first]
        if entries.has_spread:
            values += [-partials[1, 1], -partials[1, 1], -partials[0, 2]]
            row, column = [*row, first, second, second], [*column, second, first, second]
        where = np.concatenate(row), np.concatenate(column)
        shape = (entries.sums, entries.sums)
        return weight, sparse.csr_array(sparse.coo_array((np.concatenate(values), where), shape=shape))

    def along(self, partials: Mapping[tuple[int, int], Array], moved: Array) -> tuple[Array, Array]:
        """Derivatives of the slope along a change of eta (cell): per entry, and in each total's log mean."""
        entries, moved = self.entries, moved[self.entries.cell]
        mean = entries.added(self.share * moved)
        per_sum = np.zeros(entries.sums)
        per_sum[entries.first] = partials[2, 0] * mean[entries.first]
        if entries.has_spread:
            per_sum[entries.first] += 2 * partials[1, 1] * mean[entries.second]
            per_sum[entries.second] = partials[1, 1] * mean[entries.first] + 2 * partials[0, 2] * mean[entries.second]
        slopes = (self.slopes(partials) * entries.power)[entries.sum]
        per_entry = self.share * (per_sum[entries.sum] + slopes * (moved - mean[entries.sum]))
        return per_entry, self.of_means(per_sum)

    # Third derivatives -------------------------------------------------------------------------------

    def across(self, covariance: "EntryCovariance") -> tuple[Array, Array]:
        """Derivatives of Σ l_ij V_ij, the second derivatives in eta times a covariance, which is held.

        Returns
        -------
        pair of arrays
            Per entry, and in each total's log mean.
        """
        entries, of, share = self.entries, self.entries.sum, self.share
        square, own, partials = entries.power**2, covariance.own @ share, self.partials(3)
        mean, moment = entries.added(share * covariance.variance), entries.added(share * own)
        spread = (mean - moment) * square
        bent, total, per_entry = np.zeros(entries.sums), np.zeros(entries.sums), np.zeros(len(share))
        one, two = entries.first, entries.second
        bent[one] = partials[2, 0]
        total[one] = partials[2, 0] * spread[one] + partials[3, 0] * moment[one]
        if entries.has_spread:
            other, cross = covariance.partner @ share, np.zeros(entries.sums)
            both = entries.added(share * other)
            joint, squares = 4.0 * both[one], 4.0 * moment[two]
            total[one] += partials[1, 1] * spread[two] + partials[2, 1] * joint + partials[1, 2] * squares
            total[two] = partials[1, 1] * spread[one] + partials[0, 2] * spread[two] + partials[1, 2] * joint
            total[two] += partials[2, 1] * moment[one] + partials[0, 3] * squares
            cross[one] = cross[two] = partials[1, 1]
            per_entry = 4.0 * (other - both[of]) * share * cross[of]
            bent[two] = partials[0, 2]
        per_entry += 2.0 * (own - moment[of]) * share * (bent * square)[of]
        curved = (covariance.variance - mean[of] - 2.0 * (own - moment[of])) * share * square[of]
        per_entry += total[of] * share + self.slopes(partials)[of] * curved
        return per_entry, self.of_means(total)


@dataclass(frozen=True)
class EntryCovariance:
    """A covariance of eta, between members of the same sum and of both sums of a total.

    Attributes
    ----------
    variance : array
        Of each entry.
    own, partner : sparse array
        (entry, entry): within a sum, and of a total with its other sum.
    """

    variance: Array
    own: sparse.csr_array
    partner: sparse.csr_array

    @classmethod
    def of(cls, entries: Entries, covariance: Array) -> "EntryCovariance":
        """From the covariance of eta (cell, cell)."""
        cell = entries.cell
        filled = []
        for pattern in (entries.pairs, entries.partners):
            row, column = pattern
            values = covariance[cell[row], cell[column]]
            shape = (len(cell), len(cell))
            filled.append(sparse.csr_array(sparse.coo_array((values, (row, column)), shape=shape)))
        return cls(np.diagonal(covariance)[cell], *filled)


def columns_of_sums(entries: Entries, theta: Mapping[str, Array], eta: Array) -> tuple[Array, Array]:
    """Log probability of all statements and its slope in eta, at columns of eta.

    Parameters
    ----------
    entries : Entries
        The statements' sums.
    theta : mapping
        Parameters of the family, factors and shares.
    eta : array
        Of the cells, exposure included (cell, column).

    Returns
    -------
    pair of arrays
        Value (column), and slope (cell, column).
    """
    published = entries.published
    exponent = members = eta.T[:, entries.cell[: len(published.members.cell)]]
    if entries.has_spread:
        spread = published.log_spread(members, theta["log_phi"])
        exponent = np.concatenate([members, spread[:, entries.spread_members]], axis=1)
    mass = np.exp(exponent.T)
    total = entries.adding @ mass
    log = np.log(total).T
    value, slope = _along(entries, theta, log, _DIRECTIONS[: 1 + entries.has_spread], 1)
    per_sum = np.zeros(log.shape)
    per_sum[:, : published.rows] = published.multinomial
    per_sum[:, entries.first] += slope[0]
    if entries.has_spread:
        per_sum[:, entries.second] = slope[1]
    of_subsets = published.log_mass_of_subsets(theta, NUMPY).sum() if len(published.subset) else 0.0
    linear = log[:, : published.rows] @ published.multinomial
    per_entry = per_sum.T[entries.sum] * mass / total[entries.sum]
    return value[0].sum(axis=1) + linear + of_subsets + published.constant, entries.to_cells @ per_entry


def _along(
    entries: Entries, theta: Mapping[str, Array], log: Array, directions: Sequence[tuple[float, float]], order: int
) -> list[Array]:
    """Value and derivatives of each total's log probability in directions of its log sums.

    `log` is (point, sum), what is returned (direction, point, total).
    """
    totals, number = entries.first, len(directions) * len(log)
    found, layout = entries.repeated(number)
    first, second = (np.repeat(each, len(totals) * len(log)) for each in zip(*directions, strict=True))
    log_mu = np.tile((log[:, totals] + found.log_scale(theta, NUMPY)[totals]).ravel(), len(directions))
    mu = Jet((log_mu, first), order)[layout]
    phi = None
    if entries.has_spread:
        log_phi = np.tile((2 * log[:, totals] - log[:, entries.second]).ravel(), len(directions))
        phi = Jet((log_phi, 2 * first - second), order)[layout]
    with np.errstate(all="ignore"):
        parts = found.log_mass_of_totals(entries.family, mu, phi, JET_MATHS, _summed)
    known, between = (
        each.derivatives((size,)) if size else [np.zeros(0)] * (order + 1)
        for each, size in zip(parts, (len(found.exact), len(found.between)), strict=True)
    )
    shape = len(directions), len(log), -1
    pairs = zip(known, between, strict=True)
    return [np.concatenate([one.reshape(shape), two.reshape(shape)], axis=2) for one, two in pairs]


def _summed(values: Jet, row: Index, rows: int) -> Jet:
    """Jets added up by row."""
    parts = (np.bincount(row, np.broadcast_to(part, row.shape), minlength=rows) for part in values.parts)
    return Jet(tuple(parts), values.order)


def _added(values: Array, index: Index, size: int) -> Array:
    """Values added up by index, those with −1 left out."""
    there = index >= 0
    return np.bincount(index[there], values[there], minlength=size).astype(float)
