"""Laplace's approximation for published counts, which are of sets of cells.

The observed information in eta is diag(w) + DᵀMD, with a row of D per sum. Sums within a period keep the blocks of the
latents' precision; those over several periods change it by a matrix of low rank. See `likelihood.published_sums` and
`gaussian.low_rank`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from forecast.errors import InputError
from forecast.inference.gaussian.best import Gaussian
from forecast.inference.gaussian.block_arrow import NotPositiveDefinite
from forecast.inference.gaussian.low_rank import AnyFactor, Updated
from forecast.inference.gaussian.precision import PriorPrecision
from forecast.inference.likelihood.counts import observed_values
from forecast.inference.likelihood.jets import CellTerms
from forecast.inference.likelihood.published import Published
from forecast.inference.likelihood.published_entries import Entries
from forecast.inference.likelihood.published_sums import EntryCovariance, Sums
from forecast.inference.likelihood.splits import PSI
from forecast.inference.mode.marginal import STEP, Bound, Marginal
from forecast.inference.weights.annealing import anneal
from forecast.inference.weights.weighted import Sampler
from forecast.model.families import NUMPY
from forecast.model.spec import BoundModel

__all__ = ["PublishedMarginal", "marginal_of"]

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]


@dataclass(frozen=True)
class _SumTerms(CellTerms):
    """Log probability of all statements (as that of one), its slope in eta, and the sums there."""

    sums: Sums


@dataclass(frozen=True)
class PublishedMarginal(Marginal):
    """Latents, hyperparameters and likelihood of published counts; `bound.cells` are all cells in any of them."""

    def __post_init__(self) -> None:
        """What is fed back, or measured with error, has no value for a cell that nobody published."""
        if self.field.feedback or self.field.carried is not None:
            problem = "take no feedback of counts and no covariate that was measured with error"
            raise InputError(problem, source="published counts", where="terms")

    @cached_property
    def entries(self) -> Entries:
        """The statements' sums."""
        return Entries(Published.of_bound(self.bound), self.bound.model.family, self.bound.cells)

    @cached_property
    def period(self) -> Index:
        """The period of each sum; −1 for one over several."""
        period, sums = self.bound.cells[self.entries.cell] % self.field.periods, self.entries.sums
        first, last = np.full(sums, self.field.periods), np.full(sums, -1)
        np.minimum.at(first, self.entries.sum, period)
        np.maximum.at(last, self.entries.sum, period)
        return np.where(first == last, first, -1)

    def sums(self, theta: Mapping[str, Array], x: Array) -> Sums:
        """The sums at latents, (n) or columns of them."""
        return Sums.at(self.entries, theta, self.eta(theta, x))

    def terms(self, theta: Mapping[str, Array], x: Array, order: int, parameters: bool = False) -> _SumTerms:
        """Log probability of all statements, its slope in eta and in the parameters; no more, whatever the order."""
        sums = self.sums(theta, x)
        partials = sums.partials(1)
        slopes = sums.first(partials)
        scores = sums.in_parameters(slopes) if parameters else {}
        return _SumTerms(sums.value(partials), (sums.in_eta(slopes.entry),), scores, sums)

    def by_parameter(self, theta: Mapping[str, Array], per_cell: Mapping[str, Array]) -> dict[str, Any]:
        """Derivatives in the parameters, which `terms` has as they are."""
        return dict(per_cell)

    def gaussian(self, vector: Array, x: Array, variance: Array) -> Gaussian:
        """Laplace's: at the mode, with the information there."""
        return self.mode(vector, x)

    def best(self, vector: Array, x: Array | None = None, variance: Array | None = None) -> tuple[Gaussian, Bound]:
        """Laplace's."""
        mode = self.mode(vector, x)
        return mode, self.bound_of(mode)

    def scatter(self, gaussian: Gaussian, rng: np.random.Generator) -> float:
        """Nothing: the effort is chosen anew at all hyperparameters."""
        return 0.0

    def sampler(self, scatter: float) -> Sampler:
        """As `Marginal.sampler`, by annealing."""
        return lambda at, count, rng: anneal(at, partial(self.log_joint, at), count, rng)

    def log_joint(self, gaussian: Gaussian, x: Array) -> tuple[Array, Array]:
        """Exact log density of statements, latents and hyperparameters at columns of latents (n, column).

        Returns
        -------
        pair of arrays
            Value (column), and gradient in the latents (n, column).
        """
        field, theta = self.field, gaussian.theta
        sums = self.sums(theta, x)
        partials = sums.partials(1)
        away = x - field.mean[:, None]
        pull = field.join(*gaussian.prior.times(*field.split(away)))
        constant = 0.5 * gaussian.prior.log_determinant + self.hyperparameters.log_prior(gaussian.vector)
        slope = sums.in_eta(sums.first(partials).entry)
        return sums.value(partials) + constant - 0.5 * (away * pull).sum(axis=0), gaussian.design.back(slope) - pull

    def _factor(self, theta: Mapping[str, Array], prior: PriorPrecision, terms: CellTerms) -> AnyFactor:
        """With the observed information, and where that is not positive definite with the expected one."""
        assert isinstance(terms, _SumTerms)
        try:
            return self._observed(prior, terms.sums)
        except NotPositiveDefinite:
            root, period = self.information(terms.sums)
            return prior.with_curvature(*self.field.squares(root, period)).factorise()

    def _observed(self, prior: PriorPrecision, sums: Sums) -> AnyFactor:
        weight, middle = sums.observed()
        within, spans = np.flatnonzero(self.period >= 0), np.flatnonzero(self.period < 0)
        rows = np.asarray((sums.design @ self.field.design).todense())
        blocks = self.field.products(rows[within], middle[within][:, within] @ rows[within], self.period[within])
        both = (one + other for one, other in zip(self.field.curvature(weight), blocks, strict=True))
        factor = prior.with_curvature(*both).factorise()
        if not len(spans):
            return factor
        return Updated.of(factor, *self.field.split(rows[spans].T), middle[spans][:, spans].todense())

    def information(self, sums: Sums) -> tuple[sparse.csr_array, Index]:
        """R (row, cell), with RᵀR the expected information about eta of the cells, and the period of each row.

        A total over several periods has no row: it would couple all of them.
        """
        published, totals = self.entries.published, self.entries.first
        shares = sums.design[: published.rows]
        mean = np.exp(sums.log)
        expected = mean[totals] * np.exp(published.log_scale(sums.theta, NUMPY)[totals])
        if self.entries.has_spread:
            size = mean[totals] ** 2 / mean[self.entries.second] * np.exp(published.log_dispersion(sums.theta)[totals])
            expected = expected / (1 + expected / size)
        part, whole, likely = self._likely(sums)
        apart = sparse.diags_array(np.sqrt(likely)) @ (shares[part] - shares[whole])
        roots = sparse.vstack([sparse.diags_array(np.sqrt(expected)) @ shares[totals], apart], format="csr")
        period = self.period[np.concatenate([totals, whole])]
        return sparse.csr_array(roots[period >= 0]), period[period >= 0]

    def _likely(self, sums: Sums) -> tuple[Index, Index, Array]:
        """Of each part and rest of a split: its set, that of both, and about how many counts it tells of.

        That is its expected count over what the scatter of parts multiplies the variance by.
        """
        splits = self.entries.published.splits
        is_part = splits.sign > 0
        member, whole, root = (sets[is_part] for sets in (splits.member, splits.whole, splits.root))
        left = splits.total[is_part] * np.exp(sums.log[whole] - sums.log[root])
        likely = left * np.exp(sums.log[member] - sums.log[whole])
        if self.entries.has_spread and len(member):
            log_alpha = (self.entries.arguments @ sums.log)[is_part] + sums.theta[PSI][splits.zone[is_part]]
            size = np.exp(log_alpha - sums.log[member] + sums.log[whole])
            likely = likely * (1 + size) / (left + size)
        return member, whole, likely

    def bound_of(self, mode: Gaussian) -> Bound:
        """The exact gradient of the log density at a mode (that of the mode and of the log determinant included)."""
        field, design, sums = self.field, self.design(mode.theta), self.sums(mode.theta, mode.x)
        spread = design.spread(mode.factor)
        of_cells = mode.factor.solve(*field.split(design.back(np.eye(len(self.bound.cells)))))
        across = sums.across(EntryCovariance.of(self.entries, design.of(field.join(*of_cells))))
        # From the mode to the mean of the latents, as far as third derivatives move it.
        shift = field.join(*mode.factor.solve(*field.split(0.5 * design.back(sums.in_eta(across.entry)))))
        slopes: dict[str, Any] = self._prior_slopes(mode.prior, mode.x, shift, spread)
        partials = sums.partials(2)
        slopes |= sums.in_parameters(sums.first(partials) + across * 0.5 + sums.along(partials, design.of(shift)))
        return Bound(self.in_vector(slopes, mode.vector), spread.variance, 0.0)

    def of_parameters(self, gaussian: Gaussian, bound: Bound) -> Iterator[tuple[int, Array, float]]:
        """As `Marginal.of_parameters`, by the scores at the mode of the latents."""
        theta, layout = gaussian.theta, self.hyperparameters
        for name in self.terms(theta, gaussian.x, 1, parameters=True).parameters:
            place = layout.slices[name]
            for element in range(place.stop - place.start):
                step = np.zeros(theta[name].shape)
                step.reshape(-1)[element] = STEP
                below, above = (
                    self.terms({**theta, name: value}, gaussian.x, 1, parameters=True)
                    for value in (theta[name] - step, theta[name] + step)
                )
                curved = (below.parameters[name] - above.parameters[name]).reshape(-1)[element] / (2 * STEP)
                yield place.start + element, (above.eta[0] - below.eta[0]) / (2 * STEP), max(float(curved), 0.0)


def marginal_of(bound: BoundModel) -> Marginal:
    """The log marginal of a model against a panel, by what its observations are of."""
    if bound.is_published:
        return PublishedMarginal(bound)
    observed_values(bound)
    return Marginal(bound)
