"""The posterior of a model in coordinates in which it is nearly standard normal, for the sampler.

Given the hyperparameters, latents are x = m(theta) + L(theta)⁻ᵀ·z, where L·Lᵀ = Q(theta) + AᵀWA is the precision that
the prior and the counts' information at a pilot mode give them, and m(theta) the mean that belongs to it. Strong groups
are then sampled as if centred and weak ones as if not (Betancourt & Girolami 2015), each by as much as its counts
decide, and what walks and levels share is taken apart. The density is exact whatever W is: it is only a change of
coordinates.
"""

from dataclasses import dataclass, replace
from dataclasses import field as option
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from forecast.inference.gaussian.block_arrow import NotPositiveDefinite
from forecast.inference.gaussian.design import Design
from forecast.inference.gaussian.precision import PriorPrecision, prior_precision
from forecast.inference.mode.marginal import Marginal
from forecast.inference.mode.published_marginal import PublishedMarginal, marginal_of
from forecast.inference.mode.search import Peak, climb, heavier_of_both, higher_of_both, laid_out
from forecast.inference.nuts.elimination import Elimination, eliminate
from forecast.model.spec import BoundModel

__all__ = ["Whitened"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Pilot:
    """Where the coordinates are laid out: hyperparameters (with a factor of their covariance) and the counts' pull.

    Attributes
    ----------
    vector, scale : array
        The mode of the marginal posterior of the hyperparameters, (h), and a factor of its covariance, (h, h).
    weight : array
        Information of each observation about its eta, W.
    pull : array
        W·A·x + the slope of the log likelihood there: what the counts add to Q·mean, before Aᵀ.
    design : Design
        A there, where it depends on the hyperparameters.
    felt : array
        What slopes on a covariate that was measured with error are multiplied by there, error and all.
    root : sparse array or None
        Of published counts R (row, cell), where W is R'R instead.
    period : array
        Of each row of R.
    """

    vector: Array
    scale: Array
    weight: Array
    pull: Array
    design: Design
    felt: Array
    root: sparse.csr_array | None = None
    period: npt.NDArray[np.intp] = option(default_factory=lambda: np.zeros(0, dtype=np.intp))

    def informed(self, values: Array) -> Array:
        """W times values of the cells."""
        return self.weight * values if self.root is None else np.asarray(self.root.T @ (self.root @ values))

    def curvature(self) -> tuple[Array, Array, Array]:
        """AᵀWA: diagonal blocks, arrow and corner."""
        if self.root is None:
            return self.design.curvature(self.weight)
        return self.design.field.squares(self.root, self.period)


@dataclass(frozen=True)
class Whitened:
    """Log density of a posterior in whitened coordinates: those of the hyperparameters (h), then those of latents (n).

    Attributes
    ----------
    bound : BoundModel
        Model and panel; every observation is of one cell, or published.
    """

    bound: BoundModel

    @property
    def marginal(self) -> Marginal:
        """Latents, hyperparameters and likelihood."""
        return self._at_mode[0]

    @cached_property
    def _at_mode(self) -> tuple[Marginal, Peak | None]:
        """The marginal density in coordinates by what the counts say of slopes, and its mode, where one is found."""
        marginal = marginal_of(self.bound)
        try:
            marginal, peak = laid_out(marginal, higher_of_both(marginal, climb(marginal))[0])
            return marginal, heavier_of_both(marginal, peak)[0]
        except (NotPositiveDefinite, np.linalg.LinAlgError):
            return marginal, None

    @property
    def size(self) -> int:
        """Number of coordinates."""
        return self.marginal.hyperparameters.size + self.marginal.field.size

    @cached_property
    def pilot(self) -> _Pilot:
        """At the mode of the hyperparameters; where none is found, coordinates that know the prior only."""
        (marginal, peak), size = self._at_mode, self.marginal.hyperparameters.size
        cells, field = np.zeros(len(self.bound.cells)), marginal.field
        try:
            scale = np.linalg.cholesky(np.eye(size) if peak is None else peak.covariance)
        except np.linalg.LinAlgError:
            peak = None
        if peak is None:
            nowhere = marginal.hyperparameters.constrained(np.zeros(size))
            return _Pilot(np.zeros(size), np.eye(size), cells, cells, marginal.design(nowhere), cells)
        mode, design = peak.gaussian, peak.gaussian.design
        along, felt = marginal.eta(mode.theta, mode.x) - field.offset, cells
        if field.carried is not None:
            static = field.split(mode.x)[1]
            along = along + field.carried.slope(mode.theta) * field.carried.error(static)
            felt = field.carried.felt(static)
        slope, *curvature = marginal.terms(mode.theta, mode.x, 2).eta
        pilot = _Pilot(mode.vector, np.asarray(scale), cells, slope, design, felt)
        if isinstance(marginal, PublishedMarginal):
            root, period = marginal.information(marginal.sums(mode.theta, mode.x))
            pilot = replace(pilot, root=root, period=period)
        else:
            pilot = replace(pilot, weight=np.maximum(-curvature[0], 0.0))
        return replace(pilot, pull=pilot.informed(along) + slope)

    @cached_property
    def _curvature(self) -> tuple[Array, Array, Array]:
        return self.pilot.curvature()

    def draws(self, point: Array) -> dict[str, Array]:
        """Latents, hyperparameters and the family's parameters by name, each in its shape, at a point."""
        _, theta, _, eliminated = self._located(point)
        x = self.marginal.field.join(eliminated.path, eliminated.static)
        draws = {name: values[0] for name, values in self.marginal.field.by_name(x[:, None]).items()}
        return draws | theta

    def _located(self, point: Array) -> tuple[Array, dict[str, Array], PriorPrecision, Elimination]:
        """Hyperparameters as vector and by name, the prior's precision and the latents at a point."""
        marginal, pilot = self.marginal, self.pilot
        field, size = marginal.field, marginal.hyperparameters.size
        vector = pilot.vector + pilot.scale @ point[:size]
        theta = marginal.hyperparameters.constrained(vector)
        pull = pilot.pull
        for name, basis in field.feedback.items():
            pull = pull - pilot.informed(theta[name].reshape(-1) @ basis)
        if field.carried is not None:
            pull = pull - pilot.weight * field.carried.slope(theta) * pilot.felt
        right = field.prior_pull + pilot.design.back(pull)
        prior = prior_precision(field, theta)
        eliminated = eliminate(prior.with_curvature(*self._curvature), field.split(right), field.split(point[size:]))
        return vector, theta, prior, eliminated

    def __call__(self, point: Array) -> tuple[float, Array]:
        """Log density, up to a constant, and its gradient; minus infinity where numbers overflow."""
        with np.errstate(all="ignore"):
            try:
                value, gradient = self._evaluated(point)
            except NotPositiveDefinite:
                return -np.inf, np.zeros(self.size)
        return (value, gradient) if np.isfinite(value) else (-np.inf, np.zeros(self.size))

    def _evaluated(self, point: Array) -> tuple[float, Array]:
        marginal, pilot = self.marginal, self.pilot
        field = marginal.field
        vector, theta, prior, eliminated = self._located(point)
        terms = marginal.terms(theta, field.join(eliminated.path, eliminated.static), 1, parameters=True)
        from_counts = field.split(marginal.design(theta).back(terms.eta[0]))
        shifted = eliminated.static - field.split(field.mean)[1]
        log_prior, path, static = prior.log_density(eliminated.path, shifted)
        value = float(terms.value.sum()) + log_prior - 0.5 * eliminated.factor.log_determinant
        value += marginal.hyperparameters.log_prior(vector)
        back = eliminated.reverse(path + from_counts[0], static + from_counts[1])
        slopes: dict[str, Any] = prior.slopes(eliminated.path, shifted, back.diagonal, back.beside, back.corner)
        slopes |= marginal.by_parameter(theta, terms.parameters)
        if field.feedback or field.carried is not None:
            through = pilot.informed(pilot.design.of(field.join(back.path, back.static)))
            slopes |= {name: basis @ (terms.eta[0] - through) for name, basis in field.feedback.items()}
        if field.carried is not None:
            per_slope = field.carried.felt(eliminated.static) * terms.eta[0] - pilot.felt * through
            slopes |= {name: derivative @ per_slope for name, derivative in field.carried.derivatives.items()}
        in_vector = pilot.scale.T @ marginal.in_vector(slopes, vector)
        return value, np.concatenate([in_vector, back.z_path.ravel(), back.z_static])
