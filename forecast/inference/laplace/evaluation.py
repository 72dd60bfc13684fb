"""The log density of the hyperparameters at chosen points, with all that is kept of each."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from forecast.inference.gaussian.best import Gaussian
from forecast.inference.gaussian.block_arrow import NotPositiveDefinite
from forecast.inference.mode.marginal import Marginal
from forecast.inference.mode.search import Peak

__all__ = ["Evaluated", "Evaluator", "gaussian_at"]

Array = npt.NDArray[np.float64]
Result = TypeVar("Result")
_NO_NUMBERS = NotPositiveDefinite, np.linalg.LinAlgError, FloatingPointError


@dataclass(frozen=True)
class Evaluated:
    """A point at which the density was evaluated with its gradient.

    Attributes
    ----------
    z : array
        Whitened coordinates.
    value : float
        Log density that belongs to the best Gaussian there.
    gradient : array
        Of it, in z.
    x : array
        Mean of the latents.
    log_variance : array
        Log variance of eta, per observed cell.
    """

    z: Array
    value: float
    gradient: Array
    x: Array
    log_variance: Array


@dataclass(frozen=True)
class Evaluator:
    """Evaluates at whitened points about a peak.

    Attributes
    ----------
    marginal : Marginal
        The log density.
    peak : Peak
        Its mode, by Laplace's method.
    root : array
        vector = mode + root @ z.
    """

    marginal: Marginal
    peak: Peak
    root: Array

    def at(self, z: Array, start: Array | None = None, variance: Array | None = None) -> Evaluated | None:
        """A point, or None where the density is as good as 0 because numbers run out.

        `start` are latents near their mean, by default the peak's, moved along their tangent; `variance` is about that
        of eta, by default the peak's.
        """
        step, peak = self.root @ z, self.peak
        vector, x = peak.mode.vector + step, peak.mode.x + peak.tangent @ step if start is None else start
        variance = peak.slopes.variance if variance is None else variance
        found = _attempt(self.marginal, self.marginal.best, vector, x, variance)
        if found is None:
            return None
        gaussian, bound = found
        log_variance = np.log(np.maximum(bound.variance, 1e-300))
        return Evaluated(z, gaussian.value, self.root.T @ bound.gradient, gaussian.x, log_variance)


def gaussian_at(marginal: Marginal, vector: Array, x: Array, variance: Array) -> Gaussian | None:
    """The best Gaussian from a start and variances that may be bad; None where there is no density."""
    return _attempt(marginal, marginal.gaussian, vector, x, variance)


def _attempt(
    marginal: Marginal, found: Callable[[Array, Array, Array], Result], vector: Array, x: Array, variance: Array
) -> Result | None:
    """What is found from a start that may be bad, or else from the mode; None where numbers run out, so far out."""
    with np.errstate(all="ignore"):
        with suppress(*_NO_NUMBERS):
            return found(vector, x, variance)
        with suppress(*_NO_NUMBERS):
            mode = marginal.mode(vector, x)
            return found(vector, mode.x, marginal.design(mode.theta).variances(mode.factor.selected_inverse())[0])
    return None
