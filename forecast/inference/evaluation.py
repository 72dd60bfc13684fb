"""The log density of the hyperparameters at chosen points, with all that is kept of each."""

from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forecast.inference.gaussian import Gaussian
from forecast.inference.linalg import NotPositiveDefinite
from forecast.inference.marginal import Marginal
from forecast.inference.search import Peak

__all__ = ["Evaluated", "Evaluator", "gaussian_at"]

Array = npt.NDArray[np.float64]
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

    def at(
        self, z: Array, start: Array | None = None, variance: Array | None = None, keep: bool = True
    ) -> Evaluated | None:
        """A point, or None where the density is as good as 0 because numbers run out.

        `start` are latents near their mean, by default the peak's, moved along their tangent; `variance` is about that
        of eta, and `keep` says whether it is close.
        """
        step, peak = self.root @ z, self.peak
        x = peak.mode.x + peak.tangent @ step if start is None else start
        keep, variance = (False, peak.slopes.variance) if variance is None else (keep, variance)
        gaussian = gaussian_at(self.marginal, peak.mode.vector + step, x, variance, keep=keep)
        if gaussian is None:
            return None
        bound = self.marginal.bound_of(gaussian)
        log_variance = np.log(np.maximum(bound.variance, 1e-300))
        return Evaluated(z, gaussian.value, self.root.T @ bound.gradient, gaussian.x, log_variance)


def gaussian_at(
    marginal: Marginal, vector: Array, x: Array, variance: Array | None = None, *, keep: bool = True
) -> Gaussian | None:
    """The best Gaussian, from a start that may be bad; None where numbers run out, so far out that there is no density.

    A start that leads nowhere is left for the mode of the latents.
    """
    with np.errstate(all="ignore"):
        if variance is not None:
            with suppress(*_NO_NUMBERS):
                return marginal.gaussian(vector, x, variance, keep=keep)
        with suppress(*_NO_NUMBERS):
            return marginal.gaussian(vector, marginal.mode(vector, x).x)
    return None
