"""A smooth emulator of a log density from few values and gradients: a Gaussian process about a standard normal."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import linalg

from forecast.inference.linalg import compiled

__all__ = ["KERNELS", "Emulator", "emulate", "kernel"]

Array = npt.NDArray[np.float64]
# Length, and how much dimensions act together. Longer ones, and dimensions that act more on their own, fit better where
# the points are and invent mass where they are not.
KERNELS = ((1.5, 0.1), (1.5, 0.3))
_SMALL = 1e-3
# The most that the process may add to the normal density, and that per squared distance: where it knows little, it must
# not make a mode of its own.
_RISE, _WIDER = 1.0, 0.25


@dataclass(frozen=True)
class Emulator:
    """log density(s) ≈ a start + a Gaussian process, given values and gradients.

    The start is −½ s's, or another emulator. Far from what was evaluated the process is a constant, so that the tails
    are those of the start.

    Attributes
    ----------
    points : array
        Where the density was evaluated (point, dimension).
    length : float
        Of the kernel.
    joint : float
        How much dimensions act together.
    level : float
        Log density of the first point, less the start there.
    left_out : array
        Log density at each point, less what all the others say of it (point), where that was asked for.
    start : Emulator or None
        What the process is added to.
    """

    points: Array
    length: float
    joint: float
    level: float
    value_weight: Array
    gradient_weight: Array
    left_out: Array
    start: "Emulator | None" = None

    def __call__(self, s: Array) -> Array:
        """Log density at points (point, dimension)."""
        weights = self.value_weight, self.gradient_weight
        result = _summed(s, self.points, self.length, self.joint, *weights, self.gradient_weight.any(axis=1))
        most = _RISE + _WIDER * (s**2).sum(axis=1)
        return np.asarray(self.level + _begun(self.start, s) + np.minimum(result, most))

    def slopes(self, s: Array) -> Array:
        """Gradient at points, by differences (point, dimension)."""
        if not s.size:
            return np.zeros(s.shape)
        ends = [self(s + sign * unit) for unit in _SMALL * np.eye(s.shape[1]) for sign in (1, -1)]
        return np.stack([(up - down) / (2 * _SMALL) for up, down in zip(ends[::2], ends[1::2], strict=True)], axis=1)


def emulate(
    points: Array,
    values: Array,
    gradients: Array,
    nugget: float = 1e-6,
    kernels: Sequence[tuple[float, float]] = KERNELS,
    start: Emulator | None = None,
    leave_out: bool = False,
) -> Emulator:
    """Emulate a log density whose quadratic form at the first point is about that of a standard normal.

    Parameters
    ----------
    points : array
        (point, dimension); the first is the mode.
    values : array
        Log density (point).
    gradients : array
        (point, dimension); NaN where they are not known.
    nugget : float
        Variance of the noise of values and gradients, as a share of that of the process.
    kernels : sequence of (length, joint)
        The kernels to choose from.
    start : Emulator, optional
        Another density, close to this one, in place of the normal one.
    leave_out : bool
        Whether `left_out` is worked out.

    Notes
    -----
    The kernel is Π_i (1 + a·exp(−½ (s_i − s_i')² / length²)): effects of one dimension, of pairs, of triples and so on,
    with weights a, a², a³, … (Duvenaud, Nickisch & Rasmussen 2011), since few hyperparameters act together. Length and
    a are those of a few with the largest marginal likelihood, the scale maximised out.
    """
    rest = values - _begun(start, points)
    slopes = gradients + points if start is None else gradients - start.slopes(points)
    target = np.concatenate([rest - rest[0], slopes.ravel()])
    known = np.isfinite(target)
    fits = [_fitted(points, target, known, length, joint, nugget) for length, joint in kernels]
    _, length, joint, weight, factor = max(fits, key=lambda fit: fit[0])
    count = len(points)
    left_out = np.zeros(0)
    if leave_out:
        # The inverse's diagonal at the values, which come first among what is known.
        roots = linalg.solve_triangular(factor, np.eye(len(factor), count), lower=True, check_finite=False)
        left_out = weight[:count] / (roots**2).sum(axis=0)
    split = weight[:count], weight[count:].reshape(points.shape)
    return Emulator(points, length, joint, float(rest[0]), *split, left_out, start)


def _begun(start: Emulator | None, s: Array) -> Array:
    """The log density that the process is added to."""
    return np.asarray(-0.5 * (s**2).sum(axis=1) if start is None else start(s))


def _fitted(
    points: Array, target: Array, known: npt.NDArray[np.bool_], length: float, joint: float, nugget: float
) -> tuple[float, float, float, Array, Array]:
    """Log marginal likelihood, the kernel's two numbers, weights of what is known, and the Cholesky factor."""
    covariance = _joint_kernel(points, length, joint)[np.ix_(known, known)]
    covariance[np.diag_indices_from(covariance)] *= 1.0 + nugget
    factor = _cholesky(covariance)
    weight = np.zeros(len(target))
    weight[known] = linalg.cho_solve((factor, True), target[known], check_finite=False)
    scale = max(float(target[known] @ weight[known]) / known.sum(), 1e-300)
    evidence = -0.5 * known.sum() * np.log(scale) - np.log(np.diag(factor)).sum()
    return float(evidence), length, joint, weight, factor


def _cholesky(covariance: Array) -> Array:
    """With as much more noise as it takes: long and joint kernels are near singular."""
    diagonal = covariance.diagonal().copy()
    for nugget in (0.0, 1e-5, 1e-4, 1e-3):
        np.fill_diagonal(covariance, diagonal * (1.0 + nugget))
        with suppress(linalg.LinAlgError):
            return np.asarray(linalg.cholesky(covariance, lower=True, check_finite=False))
    raise linalg.LinAlgError("the emulator's covariance is not positive definite")


@compiled
def kernel(a: Any, b: Any, length: float, joint: float) -> Any:
    """Covariance of values at points (point, dimension)."""
    found = np.empty((len(a), len(b)))
    for p in range(len(a)):
        for q in range(len(b)):
            whole = 1.0
            for i in range(a.shape[1]):
                whole *= 1.0 + joint * np.exp(-0.5 * ((a[p, i] - b[q, i]) / length) ** 2)
            found[p, q] = whole
    return found


@compiled
def _summed(
    s: Any, points: Any, length: float, joint: float, value_weight: Any, gradient_weight: Any, with_gradient: Any
) -> Any:
    """At each s, the sum over points p of k(s, p)·(a_p + Σ_i b_pi·∂ log k / ∂p_i)."""
    found = np.zeros(len(s))
    for n in range(len(s)):
        for p in range(len(points)):
            whole, weight = 1.0, value_weight[p]
            for i in range(s.shape[1]):
                apart = (s[n, i] - points[p, i]) / length
                own = joint * np.exp(-0.5 * apart**2)
                whole *= 1.0 + own
                if with_gradient[p]:
                    weight += gradient_weight[p, i] * own / (1.0 + own) * apart / length
            found[n] += whole * weight
    return found


@compiled
def _joint_kernel(points: Any, length: float, joint: float) -> Any:
    """Covariance of values and gradients at the points: values first, then gradients point by point."""
    count, dims = points.shape
    matrix = np.empty((count * (1 + dims), count * (1 + dims)))
    tilt, curve = np.empty(dims), np.empty(dims)
    for p in range(count):
        for q in range(p + 1):
            whole = 1.0
            for i in range(dims):
                # Share of the dimension in d log k, and the way to the other point.
                apart = (points[p, i] - points[q, i]) / length**2
                own = joint * np.exp(-0.5 * (apart * length) ** 2)
                whole *= 1.0 + own
                share = own / (1.0 + own)
                tilt[i] = share * apart
                curve[i] = share * (1.0 / length**2 - apart**2)
            matrix[p, q] = matrix[q, p] = whole
            first, second = count + p * dims, count + q * dims
            for i in range(dims):
                matrix[p, second + i] = matrix[second + i, p] = whole * tilt[i]
                matrix[q, first + i] = matrix[first + i, q] = -whole * tilt[i]
                for j in range(dims):
                    both = whole * (curve[i] if i == j else -tilt[i] * tilt[j])
                    matrix[first + i, second + j] = matrix[second + j, first + i] = both
    return matrix
