"""Published counts at given latents: the sums that they are about, and derivatives of their log probability.

What is published is a function of logs of sums over sets of cells, l_k = log Σ_c exp(a_k·eta_c − b_c): of expected
counts (a = 1) for every set, and of their spreads mu²/phi (a = 2) for totals and what was split. With p_k the members'
shares of a sum,

    ∂l_k/∂eta = a_k·p_k        ∂²l_k/∂eta² = a_k²·(diag p_k − p_k·p_kᵀ)

so that derivatives in eta are those of the outer function in the l_k with moments of the p_k. Of the outer function, a
total depends on two of them only, and each factor of a split on one number that is linear in them, u = C·l.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import sparse, special

from forecast.inference.likelihood.published import DISPERSION, FACTOR
from forecast.inference.likelihood.published_entries import Entries
from forecast.inference.likelihood.published_outer import Partials, partials_at
from forecast.inference.likelihood.splits import PSI, SHARE
from forecast.model.families import NUMPY

__all__ = ["EntryCovariance", "Slopes", "Sums"]

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Slopes:
    """First derivatives of a function of the statements in what eta and the parameters act through.

    Attributes
    ----------
    entry : array
        In each entry's exponent.
    mean, dispersion : array
        In the log mean and the log dispersion of each total.
    split : array
        In the argument of each factor of a split.
    """

    entry: Array
    mean: Array
    dispersion: Array
    split: Array

    def __add__(self, other: "Slopes") -> "Slopes":
        pairs = ((getattr(self, part.name), getattr(other, part.name)) for part in fields(self))
        return Slopes(*(one + two for one, two in pairs))

    def __mul__(self, factor: float) -> "Slopes":
        return Slopes(*(factor * getattr(self, part.name) for part in fields(self)))


@dataclass(frozen=True)
class Sums:
    """All sums at a point, or at several, which are then the last axis.

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
        """For eta of the cells, exposure included: (cell) or (cell, point)."""
        members = eta[entries.cell[: len(entries.published.members.cell)]]
        exponent = members
        if entries.has_spread:
            spread = entries.published.log_spread(members.T, theta["log_phi"]).T
            exponent = np.concatenate([members, spread[entries.spread_members]])
        mass = np.exp(exponent)
        total = entries.added(mass)
        return cls(entries, theta, np.log(total), mass / total[entries.sum])

    # The outer function ----------------------------------------------------------------------------------------

    def partials(self, order: int) -> Partials:
        """Derivatives of the outer function up to an order."""
        return partials_at(self.entries, self.theta, self.log, order)

    def slopes(self, partials: Partials) -> Array:
        """Derivative of the log probability in each log sum."""
        per_sum = np.asarray(self.entries.arguments.T @ partials.splits[1])
        per_sum[self.entries.first] += partials[1, 0]
        if self.entries.has_spread:
            per_sum[self.entries.second] += partials[0, 1]
        return per_sum

    def value(self, partials: Partials) -> Array:
        """Log probability of all statements."""
        published = self.entries.published
        of_subsets = published.subsets.log_mass(self.theta, NUMPY).sum() if len(published.subsets) else 0.0
        of_sums = partials[0, 0].sum(axis=0) + partials.splits[0].sum(axis=0)
        return np.asarray(of_sums + of_subsets + published.constant)

    # Chain rules -----------------------------------------------------------------------------------------------

    def in_eta(self, per_entry: Array) -> Array:
        """Derivative in eta of each cell, from that in each entry's exponent."""
        return np.asarray(self.entries.to_cells @ per_entry)

    def first(self, partials: Partials) -> Slopes:
        """Derivatives of the log probability of all statements."""
        per_entry = self.slopes(partials)[self.entries.sum] * self.share
        second = partials[0, 1] if self.entries.has_spread else np.zeros(partials[1, 0].shape)
        return Slopes(per_entry, *_in_moments(partials[1, 0], second), partials.splits[1])

    def in_parameters(self, slopes: Slopes) -> dict[str, Array]:
        """Derivatives in the parameters, from those of all but the subsets."""
        published, gradient = self.entries.published, {}
        totals = published.totals
        if self.entries.has_spread:
            tactic = published.members.tactic[self.entries.spread_members]
            of_spreads, size = slopes.entry[len(published.members.cell) :], self.theta["log_phi"].size
            by_tactic = -np.bincount(tactic, of_spreads, minlength=size).astype(float)
            gradient["log_phi"] = by_tactic if self.theta["log_phi"].ndim else np.asarray(-of_spreads.sum())
        if published.factors:
            gradient[FACTOR] = _added(slopes.mean, published.factor[totals], len(published.factors))
        if published.shares:
            gradient[SHARE] = _added(slopes.mean, published.share[totals], len(published.shares))
            gradient[SHARE] *= special.expit(-self.theta[SHARE])
        if self.entries.has_spread and published.zones:
            gradient[DISPERSION] = _added(slopes.dispersion, published.zone[totals], len(published.zones))
        if self.entries.has_spread and published.splits.zones:
            gradient[PSI] = _added(slopes.split, published.splits.zone, len(published.splits.zones))
        if len(published.subsets):
            for name, values in published.subsets.gradient(self.theta).items():
                gradient[name] = gradient.get(name, 0.0) + values
        return gradient

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
        weight = -self.in_eta((slopes * entries.power)[entries.sum] * self.share)
        first, second, every = entries.first, entries.second, np.arange(entries.sums)
        values, row, column = [slopes, -partials[2, 0]], [every, first], [every, first]
        if entries.has_spread:
            values += [-partials[1, 1], -partials[1, 1], -partials[0, 2]]
            row, column = [*row, first, second, second], [*column, second, first, second]
        where = np.concatenate(row), np.concatenate(column)
        shape = (entries.sums, entries.sums)
        middle = sparse.csr_array(sparse.coo_array((np.concatenate(values), where), shape=shape))
        bent = sparse.diags_array(partials.splits[2]) @ entries.arguments
        return weight, sparse.csr_array(middle - entries.arguments.T @ bent)

    def along(self, partials: Partials, direction: Array) -> Slopes:
        """Derivatives of the slope along a change of eta (cell)."""
        entries, direction = self.entries, direction[self.entries.cell]
        mean = entries.added(self.share * direction)
        change = entries.power * mean
        of_first, of_second = partials[2, 0] * change[entries.first], np.zeros(len(entries.first))
        if entries.has_spread:
            of_first += partials[1, 1] * change[entries.second]
            of_second = partials[1, 1] * change[entries.first] + partials[0, 2] * change[entries.second]
        of_splits = partials.splits[2] * (entries.arguments @ change)
        per_sum = np.asarray(entries.arguments.T @ of_splits)
        per_sum[entries.first] += of_first
        if entries.has_spread:
            per_sum[entries.second] += of_second
        slopes = (self.slopes(partials) * entries.power)[entries.sum]
        per_entry = self.share * (per_sum[entries.sum] + slopes * (direction - mean[entries.sum]))
        return Slopes(per_entry, *_in_moments(of_first, of_second), of_splits)

    # Third derivatives -------------------------------------------------------------------------------

    def across(self, covariance: "EntryCovariance") -> Slopes:
        """Derivatives of Σ l_ij V_ij, the second derivatives in eta times a covariance, which is held."""
        entries, of, share = self.entries, self.entries.sum, self.share
        square, with_sum, partials = entries.power**2, covariance.within @ share, self.partials(3)
        mean, moment = entries.added(share * covariance.variance), entries.added(share * with_sum)
        spread = (mean - moment) * square
        bent, total, per_entry = np.zeros(entries.sums), np.zeros(entries.sums), np.zeros(len(share))
        one, two = entries.first, entries.second
        bent[one] = partials[2, 0]
        total[one] = partials[2, 0] * spread[one] + partials[3, 0] * moment[one]
        if entries.has_spread:
            with_other, cross = covariance.between @ share, np.zeros(entries.sums)
            both = entries.added(share * with_other)
            joint, squares = 4.0 * both[one], 4.0 * moment[two]
            total[one] += partials[1, 1] * spread[two] + partials[2, 1] * joint + partials[1, 2] * squares
            total[two] = partials[1, 1] * spread[one] + partials[0, 2] * spread[two] + partials[1, 2] * joint
            total[two] += partials[2, 1] * moment[one] + partials[0, 3] * squares
            cross[one] = cross[two] = partials[1, 1]
            per_entry = 4.0 * (with_other - both[of]) * share * cross[of]
            bent[two] = partials[0, 2]
        per_entry += 2.0 * (with_sum - moment[of]) * share * (bent * square)[of]
        curved = (covariance.variance - mean[of] - 2.0 * (with_sum - moment[of])) * share * square[of]
        of_second = total[two] if entries.has_spread else np.zeros(len(one))
        in_moments = _in_moments(total[one].copy(), of_second)
        of_splits, through = self._across_splits(partials, covariance, spread)
        total += entries.arguments.T @ of_splits
        per_entry += total[of] * share + self.slopes(partials)[of] * curved + through
        return Slopes(per_entry, *in_moments, of_splits)

    def _across_splits(self, partials: Partials, covariance: "EntryCovariance", spread: Array) -> tuple[Array, Array]:
        """What splits add to `across`: in their arguments, and in entries through the slopes of their arguments.

        `spread` is Σ V_ij of the second derivatives of each log sum.
        """
        entries = self.entries
        # Slopes of the arguments in eta, and their covariances with eta.
        slopes = entries.arguments @ self.design
        with_eta = np.asarray((slopes @ covariance.cells).T)
        variance = np.asarray(slopes.multiply(with_eta.T).sum(axis=1)).ravel()
        of_splits = partials.splits[2] * (entries.arguments @ spread) + partials.splits[3] * variance
        by_sum = np.asarray((with_eta * partials.splits[2]) @ entries.arguments)
        by_entry = by_sum[entries.cell, entries.sum]
        middle = entries.added(self.share * by_entry)[entries.sum]
        return of_splits, 2.0 * entries.power[entries.sum] * self.share * (by_entry - middle)


@dataclass(frozen=True)
class EntryCovariance:
    """A covariance of eta, between members of the same sum and of both sums of a total.

    Attributes
    ----------
    variance : array
        Of each entry.
    cells : array
        Of eta (cell, cell).
    within, between : sparse array
        (entry, entry): within a sum, and of a total with its other sum.
    """

    variance: Array
    cells: Array
    within: sparse.csr_array
    between: sparse.csr_array

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
        return cls(np.diagonal(covariance)[cell], covariance, *filled)


def _in_moments(first: Array, second: Array) -> tuple[Array, Array]:
    """Derivatives in the log mean and log dispersion of totals, from those in their two log sums."""
    return first + 2 * second, -second


def _added(values: Array, index: Index, size: int) -> Array:
    """Values added up by index, those with −1 left out."""
    there = index >= 0
    return np.bincount(index[there], values[there], minlength=size).astype(float)
