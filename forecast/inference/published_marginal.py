"""Published counts for the whitened sampler: their log probability with its exact gradient, and their information.

The gradient goes through the sums S of expected counts, per statement: d log S / d eta of a cell is the cell's share of
S. The Fisher information is R'R, with a row of shares J per statement; its diagonal bound (J·J' is nowhere above the
diagonal matrix of J) is what Newton's method climbs by.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse, special

from forecast import names
from forecast.inference.jets import CellTerms, cell_terms
from forecast.inference.marginal import Marginal
from forecast.inference.published import FACTOR, SHARE, Published
from forecast.model.families import NUMPY, Counts, NegativeBinomial, Poisson

__all__ = ["PublishedMarginal"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PublishedMarginal(Marginal):
    """Latents, hyperparameters and likelihood of published counts; `bound.cells` are all cells in any of them.

    It serves the search for the mode of the latents and the sampler; derivatives beyond the first are a bound.
    """

    def __post_init__(self) -> None:
        """Statements are of sets of cells, which the fast engine refuses."""

    @cached_property
    def published(self) -> Published:
        """The statements."""
        return Published.of_bound(self.bound)

    @cached_property
    def _cell(self) -> npt.NDArray[np.intp]:
        """Of each member, the position among the cells."""
        return np.searchsorted(self.bound.cells, self.published.members.cell)

    def terms(self, theta: Mapping[str, Array], x: Array, order: int, parameters: bool = False) -> CellTerms:
        """Log probability of all statements, its gradient per cell and parameter, and a bound of its curvature."""
        found, members = self.published, self.published.members
        eta = self.eta(theta, x)[self._cell]
        rows, cells = found.rows, len(self.bound.cells)
        mu = np.exp(eta)
        sums = np.bincount(members.row, mu, minlength=rows)
        share = mu / sums[members.row]
        log_mu, of_mu, of_phi = np.log(sums) + found.log_scale(theta, NUMPY), np.zeros(rows), np.zeros(rows)
        log_phi, spread = None, np.zeros(len(mu))
        if "log_phi" in theta:
            own = theta["log_phi"][members.tactic] if theta["log_phi"].ndim else theta["log_phi"]
            spread = np.exp(2 * eta - own)
            total = np.bincount(members.row, spread, minlength=rows)
            log_phi, spread = 2 * np.log(sums) - np.log(total), spread / total[members.row]
        value = found.constant
        for at, counts, weigh in self._counted():
            mass = _mass(counts, log_mu[at], None if log_phi is None else log_phi[at])
            added, factor = weigh(mass)
            value += added
            of_mu += np.bincount(at, factor * mass.eta[0], minlength=rows)
            if log_phi is not None:
                of_phi += np.bincount(at, factor * mass.parameters["log_phi"][0], minlength=rows)
        of_sum = of_mu + 2 * of_phi
        if len(found.part):
            p = sums[found.part] / sums[found.whole]
            left = np.maximum(1 - np.bincount(found.group, p, minlength=len(found.rest)), 1e-12)
            value += float(found.number @ np.log(p)) + float(special.xlogy(found.rest, left).sum())
            pulled = found.number - (found.rest / left)[found.group] * p
            of_sum += np.bincount(found.part, pulled, minlength=rows) - np.bincount(found.whole, pulled, minlength=rows)
        logit = theta[SHARE][found.share[found.subset]] if len(found.subset) else np.zeros(0)
        value += float((found.chosen * logit - found.of * np.logaddexp(0, logit)).sum())
        slopes = of_sum[members.row] * share - 2 * of_phi[members.row] * spread
        gradient = np.bincount(self._cell, slopes, minlength=cells).astype(float)
        none = np.zeros(cells)
        each = none.copy()
        each[0] = value
        # The sampler asks for the gradient only.
        weight = self._bound_of_information(log_mu, log_phi, share) if order > 1 else none
        per_parameter = self._per_parameter(theta, of_mu, of_phi[members.row] * spread, logit) if parameters else {}
        return CellTerms(each, (gradient, -weight, none, none)[:order], per_parameter)

    def _bound_of_information(self, log_mu: Array, log_phi: Array | None, share: Array) -> Array:
        """Per cell, for the log expected count and dispersion of each observation and each member's share of it."""
        found, information = self.published, np.zeros(self.published.rows)
        at, mean = np.r_[found.exact, found.between], np.exp(log_mu)
        information[at] = (mean if log_phi is None else mean / (1 + mean / np.exp(log_phi)))[at]
        if len(found.part):
            information += np.bincount(found.group_whole, found.split, minlength=found.rows)
        of_members = information[found.members.row] * share
        return np.bincount(self._cell, of_members, minlength=len(self.bound.cells)).astype(float)

    def information(self, theta: Mapping[str, Array], x: Array) -> tuple[sparse.csr_array, npt.NDArray[np.intp]]:
        """R (row, cell), with R'R the Fisher information about eta of the cells, and the period of each row.

        A total over several periods has no row: it would couple all of them.
        """
        found, members = self.published, self.published.members
        mu = np.exp(self.eta(theta, x)[self._cell])
        sums = np.bincount(members.row, mu, minlength=found.rows)
        shape = (found.rows, len(self.bound.cells))
        entries = (mu / sums[members.row], (members.row, self._cell))
        shares = sparse.csr_array(sparse.coo_array(entries, shape=shape))
        totals = np.r_[found.exact, found.between]
        expected = sums[totals]
        if "log_phi" in theta:
            # The dispersion of the sum: by its largest cells' own.
            expected = expected / (1 + expected / np.exp(np.mean(theta["log_phi"])))
        parts = [sparse.csr_array(sparse.diags_array(np.sqrt(expected)) @ shares[totals])]
        of = [totals]
        if len(found.part):
            p = sums[found.part] / sums[found.whole]
            split = found.split
            apart = shares[found.part] - shares[found.whole]
            parts.append(sparse.csr_array(sparse.diags_array(np.sqrt(split[found.group] * p)) @ apart))
            of.append(found.part)
            left = np.maximum(1 - np.bincount(found.group, p, minlength=len(found.rest)), 0.0)
            # The rest of a whole: what the parts leave, less the whole.
            some = np.flatnonzero(left > 1e-9)
            within = sparse.csr_array(
                sparse.coo_array((p, (found.group, np.arange(len(found.part)))), shape=(len(left), len(found.part)))
            )
            rest = shares[found.group_whole] - within @ shares[found.part]
            scale = sparse.diags_array(1 / np.maximum(left, 1e-9))
            apart = sparse.csr_array(scale @ rest - shares[found.group_whole])[some]
            parts.append(sparse.csr_array(sparse.diags_array(np.sqrt(split[some] * left[some])) @ apart))
            of.append(found.group_whole[some])
        period = members.cell % self.field.periods
        first, last = (np.full(found.rows, start) for start in (self.field.periods, -1))
        np.minimum.at(first, members.row, period)
        np.maximum.at(last, members.row, period)
        rows = np.concatenate(of)
        kept = first[rows] == last[rows]
        return sparse.csr_array(sparse.vstack(parts, format="csr")[kept]), first[rows][kept]

    def by_parameter(self, theta: Mapping[str, Array], per_cell: Mapping[str, Array]) -> dict[str, Any]:
        """Derivatives in the parameters, which `terms` has as they are."""
        return dict(per_cell)

    def _counted(self) -> list[Any]:
        """Observations of counts that are looked at, these counts, and what their log masses add.

        The last gives, of the masses, what is added to the log probability and its derivative in each log mass.
        """
        found = self.published

        def known(mass: CellTerms) -> tuple[float, Any]:
            return float(mass.value.sum()), 1.0

        def between(mass: CellTerms) -> tuple[float, Any]:
            held = np.bincount(found.bounded, np.exp(mass.value), minlength=len(found.between))
            wanted = np.maximum(np.where(found.above, 1 - held, held), 1e-12)
            sign = np.where(found.above, -1.0, 1.0)
            return float(np.log(wanted).sum()), (sign / wanted)[found.bounded] * np.exp(mass.value)

        parts: list[Any] = [(found.exact, found.value, known)] if len(found.exact) else []
        return [*parts, (found.between[found.bounded], found.count, between)] if len(found.between) else parts

    def _per_parameter(
        self, theta: Mapping[str, Array], of_mu: Array, spread: Array, logit: Array
    ) -> dict[str, tuple[Array, ...]]:
        """The gradient in each parameter, as tuples of one."""
        found, tactic = self.published, self.published.members.tactic
        gradient: dict[str, tuple[Array, ...]] = {}
        if "log_phi" in theta:
            by_tactic = np.bincount(tactic, spread, minlength=len(self.bound.panel.tactics)).astype(float)
            gradient["log_phi"] = (by_tactic if theta["log_phi"].ndim else np.asarray(spread.sum()),)
        if found.factors:
            gradient[FACTOR] = (_added(of_mu, found.factor, len(found.factors)),)
        if found.shares:
            part = special.expit(theta[SHARE])
            own = _added(of_mu, found.share, len(found.shares)) * (1 - part)
            of_subsets = found.chosen - found.of * special.expit(logit)
            own += np.bincount(found.share[found.subset], of_subsets, minlength=len(found.shares))
            gradient[SHARE] = (own,)
        return gradient


def _mass(counts: Array, log_mu: Array, log_phi: Array | None) -> CellTerms:
    """Log mass of counts, each with a mean and a dispersion of its own, and first derivatives."""
    own = np.arange(len(counts))
    as_cells = Counts(counts, own, counts, own, own)
    if log_phi is None:
        return cell_terms(Poisson(), as_cells, log_mu, {}, order=1, parameters=True)
    family = NegativeBinomial(by=names.TACTIC)
    return cell_terms(family, as_cells, log_mu, {"log_phi": log_phi}, order=1, parameters=True)


def _added(values: Array, index: npt.NDArray[np.intp], size: int) -> Array:
    """Values added up by index, those with −1 left out."""
    there = index >= 0
    return np.bincount(index[there], values[there], minlength=size).astype(float)
