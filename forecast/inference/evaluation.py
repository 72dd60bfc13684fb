"""The log density of the hyperparameters at chosen points, with all that is kept of each."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forecast.inference.correction import correction
from forecast.inference.marginal import Marginal, Mode, Slopes
from forecast.inference.search import Peak, attempt

__all__ = ["Evaluated", "Evaluator"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Evaluated:
    """A point at which the density was evaluated with its gradient.

    Attributes
    ----------
    z : array
        Whitened coordinates.
    value : float
        Laplace's log density.
    gradient : array
        Of it, in z.
    correction : float
        What the second order adds.
    x : array
        Mode of the latents.
    shift : array
        From the mode to the mean of the latents.
    log_variance : array
        Log variance of eta, per observed cell.
    decrement : float
        Newton decrement of the latents.
    definite : bool
        Whether the latents' precision was positive definite as it was.
    """

    z: Array
    value: float
    gradient: Array
    correction: float
    x: Array
    shift: Array
    log_variance: Array
    decrement: float
    definite: bool


@dataclass(frozen=True)
class Evaluator:
    """Evaluates at whitened points about a peak.

    Attributes
    ----------
    marginal : Marginal
        The log density.
    peak : Peak
        Its mode.
    root : array
        vector = mode + root @ z.
    numbers : array
        The normal numbers of the second-order correction.
    """

    marginal: Marginal
    peak: Peak
    root: Array
    numbers: Array

    def top(self) -> Evaluated:
        """The peak itself."""
        return self._kept(np.zeros(len(self.root)), self.peak.mode, self.peak.slopes)

    def at(self, z: Array, start: Array | None = None) -> Evaluated | None:
        """A point, or None where the density is as good as 0 because numbers run out.

        `start` are latents near their mode; by default the peak's, moved along their tangent.
        """
        step = self.root @ z
        x = self.peak.mode.x + self.peak.tangent @ step if start is None else start
        mode = attempt(self.marginal, self.peak.mode.vector + step, x, self.peak.slopes.variance)
        return None if mode is None else self._kept(z, mode, self.marginal.slopes(mode))

    def _kept(self, z: Array, mode: Mode, slopes: Slopes) -> Evaluated:
        added = correction(self.marginal, mode, slopes, self.numbers)
        log_variance = np.log(np.maximum(slopes.variance, 1e-300))
        gradient = self.root.T @ slopes.gradient
        return Evaluated(
            z, mode.value, gradient, added, mode.x, slopes.shift, log_variance, mode.decrement, mode.definite
        )
