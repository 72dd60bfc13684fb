"""The mode of the hyperparameters: a quasi-Newton search that begins with the average information."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from scipy import special

from forecast.inference.gaussian.best import Gaussian
from forecast.inference.gaussian.block_arrow import NotPositiveDefinite
from forecast.inference.mode.information import information
from forecast.inference.mode.marginal import Bound, Marginal
from forecast.inference.mode.slopes import Pilot
from forecast.model.latents import Autoregressive, Independent

__all__ = ["Peak", "attempt", "climb", "heavier_of_both", "higher_of_both", "laid_out", "other_than", "updated"]

Array = npt.NDArray[np.float64]
Result = TypeVar("Result")
_NO_NUMBERS = NotPositiveDefinite, np.linalg.LinAlgError, FloatingPointError
# Half the squared quasi-Newton step, in posterior SDs, at which the search ends: a fifth of an SD away.
TOLERANCE = 0.02
_STEPS = 60
# The longest step of one hyperparameter, in prior SDs.
_LONGEST = 1.0
# Information is taken anew while the log density promises to rise by more than this.
_FAR = 1.0
# The least change of a gradient along a step, as a share of what the inverse Hessian says of it.
_DAMPED = 0.2
# Prior SDs below the median from which standard deviations set out: from above, a flat part may lie between.
_OUTSET = -0.5
# SDs between two modes: nearer, a search has ended on a flat slope of the first. (6 to 15 on three weekly files that
# have two; 2 to 3 on Syria by month, where there was a slope.) Mirrored slopes are another mode wherever they are.
_APART, _MIRRORED = 5.0, 1.0
# Prior SDs at which standard deviations are small and half-lives long.
_SMALL, _LONG = -1.0, 2.5


@dataclass(frozen=True)
class Peak:
    """The mode of the hyperparameters.

    Attributes
    ----------
    gaussian : Gaussian
        The best one of the latents there.
    bound : Bound
        With the gradient that is left.
    covariance : array
        Approximate inverse of the negative Hessian.
    tangent : array
        Derivative of the mean of the latents in the vector.
    decrement : float
        Half the squared step that is left, in posterior SDs.
    evaluations : int
        How many gradients it took.
    of_counts : array
        The counts' information about each hyperparameter, on its own scale.
    """

    gaussian: Gaussian
    bound: Bound
    covariance: Array
    tangent: Array
    decrement: float
    evaluations: int
    of_counts: Array

    @property
    def log_mass(self) -> float:
        """Of a normal density about it, without the power of 2π."""
        return self.gaussian.value + 0.5 * float(np.linalg.slogdet(self.covariance)[1])

    def distance(self, vector: Array) -> float:
        """How many SDs away hyperparameters are."""
        away = vector - self.gaussian.vector
        return float(np.sqrt(away @ np.linalg.solve(self.covariance, away)))

    def is_apart(self, other: "Peak", sds: float = _APART) -> bool:
        """Whether another mode is so many SDs, of the narrower one, away."""
        return max(self.distance(other.gaussian.vector), other.distance(self.gaussian.vector)) > sds


def climb(
    marginal: Marginal,
    start: Array | None = None,
    x: Array | None = None,
    covariance: Array | None = None,
    stop: Callable[[Array], bool] = lambda vector: False,
) -> Peak:
    """Search for the mode by BFGS, from a start with latents and a covariance where they are known.

    Parameters
    ----------
    marginal : Marginal
        The log density.
    start : array, optional
        Where to begin (vector of hyperparameters).
    x : array, optional
        Latents near their mode there.
    covariance : array, optional
        Approximate inverse of the negative Hessian there, such as that of a fit to a little less data.
    stop : function
        Told where the search has come to; whether that is enough.
    """
    vector = np.full(marginal.hyperparameters.size, _OUTSET) if start is None else start
    gaussian, bound = marginal.best(vector, x)
    known = information(marginal, gaussian, bound)
    inverse = np.asarray(np.linalg.inv(known.matrix)) if covariance is None else covariance
    evaluations, decrement, is_fresh = 1, 0.0, covariance is None
    for _ in range(_STEPS):
        step = inverse @ bound.gradient
        decrement = 0.5 * float(bound.gradient @ step)
        if decrement < TOLERANCE or stop(gaussian.vector):
            break
        reached = _line_search(marginal, gaussian, bound, known.tangent, step, 2 * decrement)
        if reached is None and not is_fresh:
            inverse, is_fresh = np.asarray(np.linalg.inv(known.matrix)), True
            continue
        if reached is None:
            break
        before, (gaussian, fresh) = gaussian, reached
        evaluations += 1
        known, is_fresh = information(marginal, gaussian, fresh), decrement > _FAR
        if is_fresh:
            inverse = np.asarray(np.linalg.inv(known.matrix))
        else:
            inverse = updated(inverse, gaussian.vector - before.vector, bound.gradient - fresh.gradient)
        bound = fresh
    return Peak(gaussian, bound, inverse, known.tangent, decrement, evaluations, known.of_counts)


def higher_of_both(marginal: Marginal, peak: Peak) -> tuple[Peak, float]:
    """A peak or that which a search from mirrored slopes finds, whichever is higher; and the other one's share.

    Where indicators say little, a path and its mirror image serve the counts alike, with slopes of the other sign.
    Shares are those of the normal densities at both modes; 0 where there is one mode only.
    """
    layout, theta = marginal.hyperparameters, peak.gaussian.theta
    if not layout.slopes:
        return peak, 0.0
    start = layout.vector_with(peak.gaussian.vector, {name: -theta[name] for name in layout.slopes})
    mirrored = other_than(marginal, peak, start, peak.gaussian.x, _MIRRORED)
    if mirrored is None:
        return peak, 0.0
    higher = peak if peak.gaussian.value >= mirrored.gaussian.value else mirrored
    return higher, float(special.expit(-abs(mirrored.log_mass - peak.log_mass)))


def heavier_of_both(marginal: Marginal, peak: Peak) -> tuple[Peak, Peak | None]:
    """A peak and that which a search finds where walks with a long memory replace levels: the one with more mass first.

    Levels of provinces, and walks of provinces that hardly return to 0, serve the counts nearly alike: few attacks over
    a few years leave two modes, and the one near the middle of the prior need not have most of the mass (seen: 2 % of
    it, by week with 14 of 18 provinces without attacks). None where both are one.
    """
    layout, vector = marginal.hyperparameters, peak.gaussian.vector.copy()
    blocks = marginal.bound.blocks
    walks = {block.dims[:-1]: block.prior for block in blocks if isinstance(block.prior, Autoregressive)}
    for block in blocks:
        prior, walk = block.prior, walks.get(block.dims)
        if isinstance(prior, Independent) and isinstance(prior.sd, str) and walk is not None:
            vector[layout.slices[prior.sd]], vector[layout.slices[walk.half_life]] = _SMALL, _LONG
    other = None if (vector == peak.gaussian.vector).all() else other_than(marginal, peak, vector, peak.gaussian.x)
    if other is None or peak.log_mass >= other.log_mass:
        return peak, other
    return other, peak


def other_than(
    marginal: Marginal, peak: Peak, vector: Array, x: Array | None = None, sds: float = _APART
) -> Peak | None:
    """The mode that a search from elsewhere finds; None where that is the peak, or nothing."""
    try:
        other = climb(marginal, vector, x, stop=lambda reached: peak.distance(reached) < 1)
    except (NotPositiveDefinite, np.linalg.LinAlgError):
        return None
    return other if peak.is_apart(other, sds) else None


def laid_out(marginal: Marginal, peak: Peak) -> tuple[Marginal, Peak]:
    """The density with coordinates of pooled slopes by what the counts say of them at a peak, and the peak in these."""
    pooled, theta = marginal.hyperparameters.pooled, peak.gaussian.theta
    if pooled is None:
        return marginal, peak
    of_counts = peak.of_counts[marginal.hyperparameters.slices[pooled.deviations]]
    known = float(theta[pooled.sigma]), float(theta[pooled.main]), theta[pooled.deviations]
    marginal = marginal.with_pilot(Pilot.at(of_counts, *known))
    return marginal, climb(marginal, marginal.hyperparameters.vector_with(peak.gaussian.vector, theta), peak.gaussian.x)


def _line_search(
    marginal: Marginal, gaussian: Gaussian, bound: Bound, tangent: Array, step: Array, rise: float
) -> tuple[Gaussian, Bound] | None:
    """The best Gaussian a step on, shortened until the density rises; None where it does not."""
    length = min(1.0, _LONGEST / float(np.abs(step).max()))
    while length > 1e-3:
        change = length * step
        x = gaussian.x + tangent @ change
        reached = attempt(marginal, marginal.best, gaussian.vector + change, x, bound.variance)
        if reached is not None and reached[0].value > gaussian.value + 1e-4 * length * rise:
            return reached
        length /= 3
    return None


def attempt(
    marginal: Marginal, evaluate: Callable[[Array, Array, Array], Result], vector: Array, x: Array, variance: Array
) -> Result | None:
    """What is found from a start that may be bad, or else from the mode; None where numbers run out, so far out."""
    with np.errstate(all="ignore"):
        with suppress(*_NO_NUMBERS):
            return evaluate(vector, x, variance)
        with suppress(*_NO_NUMBERS):
            return evaluate(vector, *marginal.start(vector, x))
    return None


def updated(inverse: Array, step: Array, change: Array) -> Array:
    """The inverse Hessian after a step that changed the (negative) gradient so (BFGS).

    Where it changed by less than a share of what was expected, the change is moved towards that (Powell 1978): the
    density need not bend downwards between two points, and its inverse curvature would explode.
    """
    expected = np.linalg.solve(inverse, step)
    along, foreseen = float(step @ change), float(step @ expected)
    if along < _DAMPED * foreseen:
        change = expected + (1 - _DAMPED) * foreseen / (foreseen - along) * (change - expected)
        along = _DAMPED * foreseen
    project = np.eye(len(step)) - np.outer(step, change) / along
    return np.asarray(project @ inverse @ project.T + np.outer(step, step) / along)
