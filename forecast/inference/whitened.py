"""The posterior of a model in coordinates in which it is nearly standard normal, for the sampler.

Given the hyperparameters, latents are x = m(theta) + L(theta)⁻ᵀ·z, where L·Lᵀ = Q(theta) + AᵀWA is the precision that
the prior and the counts' information at a pilot mode give them, and m(theta) the mean that belongs to it. Strong groups
are then sampled as if centred and weak ones as if not (Betancourt & Girolami 2015), each by as much as its counts
decide, and what walks and levels share is taken apart. The density is exact whatever W is: it is only a change of
coordinates.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from forecast.inference.elimination import Elimination, eliminate
from forecast.inference.linalg import NotPositiveDefinite
from forecast.inference.marginal import Marginal
from forecast.inference.precision import PriorPrecision, prior_precision
from forecast.inference.search import climb
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
    """

    vector: Array
    scale: Array
    weight: Array
    pull: Array


@dataclass(frozen=True)
class Whitened:
    """Log density of a posterior in whitened coordinates: those of the hyperparameters (h), then those of latents (n).

    Attributes
    ----------
    bound : BoundModel
        Model and panel; every observation is of one cell.
    """

    bound: BoundModel

    @cached_property
    def marginal(self) -> Marginal:
        """Latents, hyperparameters and likelihood."""
        return Marginal(self.bound)

    @property
    def size(self) -> int:
        """Number of coordinates."""
        return self.marginal.hyperparameters.size + self.marginal.field.size

    @cached_property
    def pilot(self) -> _Pilot:
        """At the mode of Laplace's approximation; where none is found, coordinates that know the prior only."""
        marginal = self.marginal
        size, cells = marginal.hyperparameters.size, np.zeros(len(self.bound.cells))
        try:
            peak = climb(marginal)
            scale = np.linalg.cholesky(peak.covariance)
        except (NotPositiveDefinite, np.linalg.LinAlgError):
            return _Pilot(np.zeros(size), np.eye(size), cells, cells)
        mode = peak.mode
        slope, curvature = marginal.terms(mode.theta, mode.x, 2).eta
        weight = np.maximum(-curvature, 0.0)
        along = marginal.eta(mode.theta, mode.x) - marginal.field.offset
        return _Pilot(mode.vector, np.asarray(scale), weight, weight * along + slope)

    @cached_property
    def _curvature(self) -> tuple[Array, Array, Array]:
        return self.marginal.field.curvature(self.pilot.weight)

    def draws(self, point: Array) -> dict[str, Array]:
        """Latents, hyperparameters and the family's parameters by name, each in its shape, at a point."""
        _, theta, _, made = self._located(point)
        x = self.marginal.field.join(made.path, made.static)
        found = {name: values[0] for name, values in self.marginal.field.by_name(x[:, None]).items()}
        return found | theta

    def _located(self, point: Array) -> tuple[Array, dict[str, Array], PriorPrecision, Elimination]:
        """Hyperparameters as vector and by name, the prior's precision and the latents at a point."""
        marginal, pilot = self.marginal, self.pilot
        field, size = marginal.field, marginal.hyperparameters.size
        vector = pilot.vector + pilot.scale @ point[:size]
        theta = marginal.hyperparameters.constrained(vector)
        pull = pilot.pull
        for name, basis in field.feedback.items():
            pull = pull - pilot.weight * (theta[name].reshape(-1) @ basis)
        right = field.prior_pull + field.transposed @ pull
        prior = prior_precision(field, theta)
        made = eliminate(prior.with_curvature(*self._curvature), field.split(right), field.split(point[size:]))
        return vector, theta, prior, made

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
        vector, theta, prior, made = self._located(point)
        terms = marginal.terms(theta, field.join(made.path, made.static), 1, parameters=True)
        from_counts = field.split(field.transposed @ terms.eta[0])
        shifted = made.static - field.split(field.mean)[1]
        log_prior, path, static = prior.log_density(made.path, shifted)
        value = float(terms.value.sum()) + log_prior - 0.5 * made.factor.log_determinant - 0.5 * float(vector @ vector)
        back = made.reverse(path + from_counts[0], static + from_counts[1])
        slopes: dict[str, Any] = prior.slopes(made.path, shifted, back.diagonal, back.beside, back.corner)
        slopes |= marginal.by_parameter(theta, {name: first for name, (first,) in terms.parameters.items()})
        if field.feedback:
            moved = terms.eta[0] - pilot.weight * (field.design @ field.join(back.path, back.static))
            slopes |= {name: basis @ moved for name, basis in field.feedback.items()}
        in_vector = pilot.scale.T @ marginal.in_vector(slopes, vector)
        return value, np.concatenate([in_vector, back.z_path.ravel(), back.z_static])
