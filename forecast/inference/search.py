"""The mode of the hyperparameters: a quasi-Newton search that begins with the average information."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forecast.inference.information import information
from forecast.inference.linalg import NotPositiveDefinite
from forecast.inference.marginal import Marginal, Mode, Slopes

__all__ = ["Peak", "attempt", "climb"]

Array = npt.NDArray[np.float64]
# Half the squared quasi-Newton step, in posterior SDs, at which the search ends: a tenth of an SD away.
TOLERANCE = 0.005
_STEPS = 60
# The longest step of one hyperparameter, in prior SDs.
_LONGEST = 1.0
# Information is taken anew while the log density promises to rise by more than this.
_FAR = 1.0
# Prior SDs below the median from which standard deviations set out: from above, a flat part may lie between.
_OUTSET = -0.5


@dataclass(frozen=True)
class Peak:
    """The mode of the hyperparameters.

    Attributes
    ----------
    mode : Mode
        Of the latents there.
    slopes : Slopes
        With the gradient that is left.
    covariance : array
        Approximate inverse of the negative Hessian.
    tangent : array
        Derivative of the mode of the latents in the vector.
    decrement : float
        Half the squared step that is left, in posterior SDs.
    evaluations : int
        How many gradients it took.
    """

    mode: Mode
    slopes: Slopes
    covariance: Array
    tangent: Array
    decrement: float
    evaluations: int


def climb(
    marginal: Marginal, start: Array | None = None, x: Array | None = None, covariance: Array | None = None
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
    """
    vector = np.full(marginal.hyperparameters.size, _OUTSET) if start is None else start
    mode = marginal.mode(vector, x)
    slopes = marginal.slopes(mode)
    known = information(marginal, mode, slopes)
    inverse = np.asarray(np.linalg.inv(known.matrix)) if covariance is None else covariance
    evaluations, decrement = 1, 0.0
    for _ in range(_STEPS):
        step = inverse @ slopes.gradient
        decrement = 0.5 * float(slopes.gradient @ step)
        if decrement < TOLERANCE:
            break
        moved = _moved(marginal, mode, known.tangent, step, 2 * decrement)
        if moved is None:
            break
        fresh = marginal.slopes(moved)
        evaluations += 1
        known = information(marginal, moved, fresh)
        if decrement > _FAR:
            inverse = np.asarray(np.linalg.inv(known.matrix))
        else:
            inverse = _updated(inverse, moved.vector - mode.vector, slopes.gradient - fresh.gradient)
        mode, slopes = moved, fresh
    return Peak(mode, slopes, inverse, known.tangent, decrement, evaluations)


def _moved(marginal: Marginal, mode: Mode, tangent: Array, step: Array, rise: float) -> Mode | None:
    """The mode of the latents a step on, shortened until the density rises; None where it does not."""
    length = min(1.0, _LONGEST / float(np.abs(step).max()))
    while length > 1e-3:
        moved = length * step
        reached = attempt(marginal, mode.vector + moved, mode.x + tangent @ moved)
        if reached is not None and reached.value > mode.value + 1e-4 * length * rise:
            return reached
        length /= 3
    return None


def attempt(marginal: Marginal, vector: Array, x: Array, variance: Array | None = None) -> Mode | None:
    """The mode of the latents, or None where numbers run out: so far out that the density is as good as 0."""
    try:
        with np.errstate(all="ignore"):
            mode = marginal.mode(vector, x, variance)
    except (NotPositiveDefinite, np.linalg.LinAlgError, FloatingPointError):
        return None
    return mode if np.isfinite(mode.value) else None


def _updated(inverse: Array, step: Array, change: Array) -> Array:
    """The inverse Hessian after a step that changed the (negative) gradient so (BFGS)."""
    along = float(step @ change)
    if along <= 1e-10:
        return inverse
    project = np.eye(len(step)) - np.outer(step, change) / along
    return np.asarray(project @ inverse @ project.T + np.outer(step, step) / along)
