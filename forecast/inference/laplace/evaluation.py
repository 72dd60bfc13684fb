"""The log density of the hyperparameters at chosen points, with all that is kept of each."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forecast.inference.gaussian.best import Gaussian
from forecast.inference.mode.marginal import Bound, Marginal
from forecast.inference.mode.search import Peak, attempt

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
        Log density that belongs to the best Gaussian there.
    gradient : array
        Of it, in z; NaN where it is not known.
    x : array
        Mean of the latents.
    log_variance : array
        Log variance of eta, per observed cell.
    settled : float
        How far settling the variances moved the value, in nats; NaN where they are not settled.
    """

    z: Array
    value: float
    gradient: Array
    x: Array
    log_variance: Array
    settled: float = np.nan


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
    """

    marginal: Marginal
    peak: Peak
    root: Array

    def at(self, z: Array, start: Array | None = None, variance: Array | None = None) -> Evaluated | None:
        """As `found`, the point alone."""
        found = self.found(z, start, variance)
        return None if found is None else found[0]

    def found(
        self, z: Array, start: Array | None = None, variance: Array | None = None
    ) -> tuple[Evaluated, Gaussian] | None:
        """A point and its best Gaussian, or None where the density is as good as 0 because numbers run out.

        `start` are latents near their mean, by default the peak's, moved along their tangent; `variance` is about that
        of eta, by default the peak's.
        """
        step, peak = self.root @ z, self.peak
        vector, x = peak.gaussian.vector + step, peak.gaussian.x + peak.tangent @ step if start is None else start
        variance = peak.bound.variance if variance is None else variance
        found = attempt(self.marginal, self.marginal.best, vector, x, variance)
        return None if found is None else (self._evaluated(z, *found), found[0])

    def near(self, z: Array, start: Array, variance: Array) -> tuple[Evaluated, Gaussian] | None:
        """As `found`, with variances of eta as given, and without a gradient: by one factor instead of several."""
        vector = self.peak.gaussian.vector + self.root @ z
        found = attempt(self.marginal, self.marginal.gaussian, vector, start, variance)
        if found is None:
            return None
        return Evaluated(z, found.value, np.full(z.shape, np.nan), found.x, np.log(variance)), found

    def whitened(self, vector: Array) -> Array:
        """Whitened coordinates of hyperparameters."""
        return np.asarray(np.linalg.solve(self.root, vector - self.peak.gaussian.vector))

    @property
    def top(self) -> Evaluated:
        """The peak itself."""
        return self._evaluated(np.zeros(len(self.root)), self.peak.gaussian, self.peak.bound)

    def _evaluated(self, z: Array, gaussian: Gaussian, bound: Bound) -> Evaluated:
        log_variance = np.log(np.maximum(bound.variance, 1e-300))
        gradient = self.root.T @ bound.gradient
        return Evaluated(z, gaussian.value, gradient, gaussian.x, log_variance, bound.settled)
