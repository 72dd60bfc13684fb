"""The marginal posterior of the hyperparameters: its bound by the best Gaussian of the latents, with its gradient."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from forecast.inference.gaussian.best import BestGaussian, FixedPoint, Gaussian, factor_of
from forecast.inference.gaussian.block_arrow import NotPositiveDefinite
from forecast.inference.gaussian.design import Design
from forecast.inference.gaussian.field import Field
from forecast.inference.gaussian.low_rank import AnyFactor
from forecast.inference.gaussian.precision import PriorPrecision, prior_precision
from forecast.inference.gaussian.spread import Spread
from forecast.inference.likelihood.cells import expected_terms
from forecast.inference.likelihood.jets import CellTerms, cell_terms
from forecast.inference.machine import in_threads
from forecast.inference.mode.hyperparameters import Hyperparameters
from forecast.inference.mode.slopes import Pilot
from forecast.inference.weights.by_province import ByProvince
from forecast.inference.weights.weighted import Sampler
from forecast.model.spec import BoundModel

__all__ = ["STEP", "Bound", "Marginal"]

Array = npt.NDArray[np.float64]
Result = TypeVar("Result")
# Half the squared Newton step, in posterior SDs, at which the search for the mode ends.
TOLERANCE = 1e-8
_STEPS = 100
# Passes in a search for the best Gaussian: draws have weights, so that it need not be the very best. A step that
# promises less than so much, in nats, is the last. Variances are taken for good, and a factor for the next step, where
# changes of weights times variances have less than such a sum of squares: half of it is what they add to the variance
# of log weights.
_PASSES = 20
_ONE_STEP, _SETTLED, _SAME = 1.0, 0.02, 0.2
# A factor is used again for as long as each step shrinks the Newton decrement to this share.
_SHRINKS = 0.05
# Step of a parameter between two of its scores.
STEP = 0.05
# What the passes cost per cell, and what does not grow, in multiplications of a factor (measured); and up to how many
# of these evaluations take turns instead of sharing the cores.
_PER_CELL, _BESIDE = 4e3, 5e6
_CHEAP = 2.4e7


def _apart(weight: Array, variance: Array) -> float:
    """How far cells' information is from where it was, a change of one of the two given."""
    return float(((weight * variance) ** 2).sum())


@dataclass(frozen=True)
class Bound:
    """What belongs to a Gaussian of the latents and costs the inverse of its precision.

    Attributes
    ----------
    gradient : array
        Of its log density, in the vector.
    variance : array
        Of eta, per observed cell.
    settled : float
        How far settling the variances moved the log density, in nats.
    """

    gradient: Array
    variance: Array
    settled: float


@dataclass(frozen=True)
class Marginal:
    """log p(theta | y) of a model against a panel, the latents integrated out (Opper & Archambeau 2009).

    Attributes
    ----------
    bound : BoundModel
        Model and panel; every observation is of one cell.
    pilot : Pilot or None
        What is known of pooled slopes, for their coordinates.
    """

    bound: BoundModel
    pilot: Pilot | None = None

    @cached_property
    def field(self) -> Field:
        """The latents."""
        return Field(self.bound)

    @cached_property
    def by_province(self) -> ByProvince:
        """What draws latents."""
        return ByProvince.of(self.field)

    @cached_property
    def hyperparameters(self) -> Hyperparameters:
        """The rest."""
        return Hyperparameters.of(self.bound, self.pilot)

    @cached_property
    def last_period(self) -> int:
        """The last period with an observed cell."""
        return int((self.bound.cells % self.field.periods).max())

    def with_pilot(self, pilot: Pilot) -> "Marginal":
        """The same density in other coordinates."""
        marginal = Marginal(self.bound, pilot)
        vars(marginal).update(field=self.field, by_province=self.by_province)
        return marginal

    @cached_property
    def work(self) -> float:
        """Multiplications that the mode of the latents takes, or as much time: a factor, and passes over the cells."""
        return self.field.work + _PER_CELL * len(self.bound.cells) + _BESIDE

    @property
    def is_cheap(self) -> bool:
        """Whether an evaluation takes so little that several share no cores."""
        return self.work <= _CHEAP

    def at_each(self, evaluate: Callable[..., Result], *items: Iterable[Any]) -> list[Result]:
        """What an evaluation of the density makes of each item (or of each of several lists), in their order."""
        return list(map(evaluate, *items)) if self.is_cheap else in_threads(evaluate, *items)

    def design(self, theta: Mapping[str, Array]) -> Design:
        """The design of the observed cells."""
        return Design(self.field, None if self.field.carried is None else self.field.carried.slope(theta))

    def eta(self, theta: Mapping[str, Array], x: Array) -> Array:
        """Eta of the observed cells, exposure included; of latents (n), or columns of them."""
        design = self.design(theta)
        offset = design.offset
        for name, basis in self.field.feedback.items():
            offset = offset + theta[name].reshape(-1) @ basis
        return np.asarray(offset.reshape(-1, *(1,) * (x.ndim - 1)) + design.of(x))

    def terms(self, theta: Mapping[str, Array], x: Array, order: int, parameters: bool = False) -> CellTerms:
        """Log likelihood of the observed cells and its derivatives."""
        family, eta = self.bound.model.family, self.eta(theta, x)
        return cell_terms(family, self.bound.counts, eta, theta, order=order, parameters=parameters)

    # Latents given hyperparameters -------------------------------------------------------------------------------

    def mode(self, vector: Array, start: Array | None = None) -> Gaussian:
        """Laplace's Gaussian: at the mode of the latents, with the precision there or close by.

        By Newton's method with step control; a factor serves for several steps where it can.

        Parameters
        ----------
        vector : array
            Hyperparameters.
        start : array, optional
            Latents to begin with; their prior mean by default.
        """
        field, theta = self.field, self.hyperparameters.constrained(vector)
        prior = prior_precision(field, theta)
        x = field.mean if start is None else start
        terms, value, gradient = self._objective(theta, prior, x)
        factor, stale, last = self._factor(theta, prior, terms), False, np.inf
        for _ in range(_STEPS):
            step = field.join(*factor.solve(*field.split(gradient)))
            decrement = float(gradient @ step) / 2
            if decrement < TOLERANCE:
                break
            if decrement > _SHRINKS * last and stale:
                factor, stale, last = self._factor(theta, prior, terms), False, np.inf
                continue
            x, terms, value, gradient, whole = self._line_search(theta, prior, x, value, step, 2 * decrement)
            last, stale = decrement if whole else 0.0, True
        if stale:
            factor = self._factor(theta, prior, terms)
        total = value - 0.5 * factor.log_determinant + self.hyperparameters.log_prior(vector)
        return Gaussian(vector, theta, prior, self.design(theta), x, factor, total)

    def start(self, vector: Array, x: Array | None = None) -> tuple[Array, Array]:
        """The mode of the latents, and the variances of eta by the curvature there: where a Gaussian can begin."""
        mode = self.mode(vector, x)
        return mode.x, mode.design.spread(mode.factor).variance

    def _objective(self, theta: Mapping[str, Array], prior: PriorPrecision, x: Array) -> tuple[CellTerms, float, Array]:
        """Log density of counts and latents, and its gradient in the latents."""
        terms = self.terms(theta, x, 2)
        return terms, *self._log_joint(terms, prior, self.design(theta), x)

    def _line_search(
        self, theta: Mapping[str, Array], prior: PriorPrecision, x: Array, value: float, step: Array, rise: float
    ) -> tuple[Any, ...]:
        """One step, halved until the density rises (by a small share of what the slope promises)."""
        length = 1.0
        while True:
            candidate = x + length * step
            with np.errstate(over="ignore", invalid="ignore"):
                terms, reached, gradient = self._objective(theta, prior, candidate)
            rounding = 1e-12 * abs(value)
            if reached >= value + 1e-4 * length * rise - rounding or length < 1e-8:
                return candidate, terms, reached, gradient, length == 1.0
            length /= 2

    def _factor(self, theta: Mapping[str, Array], prior: PriorPrecision, terms: CellTerms) -> AnyFactor:
        """Of the precision there, or where that is not positive definite without the weights below 0."""
        weight, design = -terms.eta[1], self.design(theta)
        try:
            return factor_of(prior, design, weight)
        except NotPositiveDefinite:
            return factor_of(prior, design, np.maximum(weight, 0.0))

    # The best Gaussian -------------------------------------------------------------------------------------------

    def gaussian(self, vector: Array, x: Array, variance: Array) -> Gaussian:
        """The best Gaussian of the latents for given variances of eta (see `forecast.inference.gaussian.best`).

        Parameters
        ----------
        vector : array
            Hyperparameters.
        x : array
            Latents near its mean.
        variance : array
            About the variance of eta, per observed cell.
        """
        field, theta = self.field, self.hyperparameters.constrained(vector)
        prior, design = prior_precision(field, theta), self.design(theta)
        expected = self.expected(theta, x, variance)
        level, gradient = self._log_joint(expected, prior, design, x)
        weight = np.maximum(-expected.eta[1], 0.0)
        factor = factor_of(prior, design, weight)
        for number in range(_PASSES):
            step = field.join(*factor.solve(*field.split(gradient)))
            decrement = float(gradient @ step) / 2
            if decrement < _ONE_STEP or number == _PASSES - 1:
                break
            length = 1.0
            while True:
                candidate = x + length * step
                expected = self.expected(theta, candidate, variance)
                reached, gradient = self._log_joint(expected, prior, design, candidate)
                if reached >= level + 1e-4 * length * decrement - 1e-10 * abs(level):
                    break
                length /= 2
                if length < 1e-3:
                    raise NotPositiveDefinite("no step leads up")
            x, level = candidate, reached
            ahead = np.maximum(-expected.eta[1], 0.0)
            if length < 1.0 or _apart(ahead - weight, variance) > _SAME:
                weight = ahead
                factor = factor_of(prior, design, weight)
        # The last step is a whole one: only then the slopes balance the prior exactly.
        x, slope = x + step, expected.eta[0] - weight * design.of(step)
        log_hyperprior = self.hyperparameters.log_prior(vector)
        log_prior, *_ = prior.log_density(*field.split(x - field.mean))
        constant = log_prior + log_hyperprior - 0.5 * factor.log_determinant
        value = level + decrement + 0.5 * float(weight @ variance) - 0.5 * factor.log_determinant + log_hyperprior
        if not np.isfinite(value):
            raise NotPositiveDefinite("the log density is not finite")
        eta = self.eta(theta, x)
        return BestGaussian(vector, theta, prior, design, x, factor, value, eta, slope, weight, constant, variance)

    def best(self, vector: Array, x: Array | None = None, variance: Array | None = None) -> tuple[Gaussian, Bound]:
        """The best Gaussian of the latents with its own variances of eta, and what belongs to it.

        Parameters
        ----------
        vector : array
            Hyperparameters.
        x : array, optional
            Latents near its mean; their prior mean by default.
        variance : array, optional
            About the variance of eta, per observed cell; by default that at the mode of the latents, which is then
            where the search begins.
        """
        fixed_point = FixedPoint()
        if variance is None:
            x, variance = self.start(vector, x)
        assert x is not None
        values = []
        for _ in range(_PASSES):
            gaussian = self.gaussian(vector, x, variance)
            assert isinstance(gaussian, BestGaussian)
            values.append(gaussian.value)
            spread = gaussian.design.spread(gaussian.factor)
            if _apart(gaussian.weight, spread.variance - variance) < _SETTLED:
                break
            variance, x = fixed_point.next(variance, spread.variance), gaussian.x
        return gaussian, self._bound(gaussian, spread, abs(values[-1] - values[0]))

    def expected(self, theta: Mapping[str, Array], x: Array, variance: Array, parameters: bool = False) -> CellTerms:
        """Expectations of `terms` where eta is normal, with the variance that is given (cell)."""
        family, eta = self.bound.model.family, self.eta(theta, x)
        return expected_terms(family, self.bound.counts, eta, variance, theta, parameters)

    def _log_joint(self, expected: CellTerms, prior: PriorPrecision, design: Design, x: Array) -> tuple[float, Array]:
        """Expected log density of counts, with that of the latents at their mean; and its gradient in these."""
        log_prior, path, static = prior.log_density(*self.field.split(x - self.field.mean))
        return float(expected.value.sum()) + log_prior, self.field.join(path, static) + design.back(expected.eta[0])

    def _bound(self, gaussian: Gaussian, spread: Spread, settled: float) -> Bound:
        """From what the inverse of the precision says."""
        field, theta, x = self.field, gaussian.theta, gaussian.x
        terms = self.expected(theta, x, spread.variance, parameters=True)
        slopes: dict[str, Any] = self._prior_slopes(gaussian.prior, x, np.zeros(field.size), spread)
        slopes |= self.by_parameter(theta, terms.parameters)
        slopes |= {name: basis @ terms.eta[0] for name, basis in field.feedback.items()}
        if field.carried is not None and spread.with_error is not None:
            per_slope = field.carried.felt(field.split(x)[1]) * terms.eta[0] + spread.with_error * terms.eta[1]
            slopes |= {name: derivative @ per_slope for name, derivative in field.carried.derivatives.items()}
        return Bound(self.in_vector(slopes, gaussian.vector), spread.variance, settled)

    def scatter(self, gaussian: Gaussian, rng: np.random.Generator) -> float:
        """How much weights of draws vary at a Gaussian (see `ByProvince.scatter`)."""
        assert isinstance(gaussian, BestGaussian)
        return self.by_province.scatter(gaussian, rng)

    def sampler(self, scatter: float) -> Sampler:
        """What draws latents at hyperparameters, with as much effort as such variances of weights need."""
        return self.by_province.sized(scatter).draw

    # Slopes ------------------------------------------------------------------------------------------------------

    def _prior_slopes(self, prior: PriorPrecision, x: Array, shift: Array, spread: Spread) -> dict[str, float]:
        """Derivative of the prior's part in each hyperparameter.

        Half of the derivative of log|Q|, less half of the trace of the derivative of Q with the second moments of the
        latents about the prior mean; `shift` is the way of their mean from the mode.
        """
        field = self.field
        (path, static), (path_shift, static_shift) = field.split(x - field.mean), field.split(shift)
        diagonal = spread.diagonal + 2 * path * path_shift
        beside = spread.beside + path[:-1] * path_shift[1:] + path_shift[:-1] * path[1:]
        corner = spread.corner + np.outer(static, static_shift) + np.outer(static_shift, static)
        return prior.slopes(path, static, -0.5 * diagonal, -beside, -0.5 * corner)

    def by_parameter(self, theta: Mapping[str, Array], per_cell: Mapping[str, Array]) -> dict[str, Any]:
        """Derivatives in the family's parameters, from those in each observed cell's own."""
        tactic = self.bound.counts.tactic
        return {
            name: np.bincount(tactic, scores, minlength=theta[name].size) if theta[name].ndim else scores.sum()
            for name, scores in per_cell.items()
        }

    def of_parameters(self, gaussian: Gaussian, bound: Bound) -> Iterator[tuple[int, Array, float]]:
        """Elements of the parameters of the likelihood: place, derivative of the slopes in eta (cell), information.

        The information is the difference of scores at given latents and variances.
        """
        theta, x, variance, tactic = gaussian.theta, gaussian.x, bound.variance, self.bound.counts.tactic
        for name in self.bound.model.family.parameters():
            below, here, above = (
                self.expected({**theta, name: theta[name] + step}, x, variance, parameters=True)
                for step in (-STEP, 0.0, STEP)
            )
            curved = (below.parameters[name] - above.parameters[name]) / (2 * STEP)
            mixed = (above.eta[0] - below.eta[0]) / (2 * STEP)
            place = self.hyperparameters.slices[name]
            for element in range(place.start, place.stop):
                cells = tactic == element - place.start if theta[name].ndim else np.ones(len(tactic), dtype=bool)
                difference = float(curved[cells].sum())
                # Squared scores where the density bends the other way.
                squares = float((here.parameters[name][cells] ** 2).sum())
                yield element, mixed * cells, difference if difference > 0 else squares

    def slopes_of_cells(self, gaussian: Gaussian, bound: Bound) -> tuple[Array, Array]:
        """Expected first and negative second derivative of the log mass in eta, per observed cell."""
        slope, curvature = self.expected(gaussian.theta, gaussian.x, bound.variance).eta
        return slope, np.maximum(-curvature, 0.0)

    def in_vector(self, slopes: Mapping[str, Any], vector: Array) -> Array:
        """Gradient in the vector, its prior included, from the derivatives in each hyperparameter that has one."""
        none = np.zeros(0)
        parts = (np.atleast_1d(slopes.get(name, 0.0)) for name in self.hyperparameters.slices)
        gradient = np.concatenate([none, *parts])
        layout = self.hyperparameters
        return np.asarray(layout.jacobian(vector).T @ gradient + layout.prior_gradient(vector))
