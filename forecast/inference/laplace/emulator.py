"""A smooth emulator of a log density from few values and gradients: a Gaussian process about a standard normal."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import linalg

from forecast.inference.machine import compiled, in_threads

__all__ = ["Emulator", "covariance", "emulate"]

Array = npt.NDArray[np.float64]
# What a dimension's kernel can be: its length, and how much the dimension acts together with others. The middle one is
# what they begin with.
_KERNELS = np.array([(3.0, 0.01), (3.0, 0.1), (2.0, 0.1), (1.5, 1.0), (1.0, 0.3)])
_FIRST = 2
# Variance of the noise of values and gradients, as a share of that of the process: what the kernels cannot follow.
# Without, the process swings between the points and beyond them. (Effective share of 40 draws, two
# seeds, at 1e-6, 1e-3, 1e-2: Syria .29 .80, .61 .82, .82 .76; UCDP Myanmar .49 .13, .83 .80, .74 .82; Iraq by week
# .88 .89, .83 .86, .53 .84; 18 provinces by week, 14 without attacks, .15 .26, .49 .44, .52 .15.)
_NUGGET = 1e-3
# The most values and derivatives that kernels are chosen by: 30 points of twelve hyperparameters.
_MOST = 390
_SMALL = 1e-3
# What is evaluated at once, for the threads.
_PARTS = 2
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
    kernel : array
        Length and weight of each dimension (dimension, 2).
    level : float
        Log density of the first point, less the start there.
    start : Emulator or None
        What the process is added to.
    """

    points: Array
    kernel: Array
    level: float
    value_weight: Array
    gradient_weight: Array
    start: "Emulator | None" = None

    def __call__(self, s: Array) -> Array:
        """Log density at points (point, dimension)."""
        known = self.points, self.kernel, self.value_weight, self.gradient_weight, self.gradient_weight.any(axis=1)
        result = np.concatenate(in_threads(lambda some: _summed(some, *known), np.array_split(s, _PARTS)))
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
    kernel: Array | None = None,
    choose: bool = True,
    start: Emulator | None = None,
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
    kernel : array, optional
        Length and weight of each dimension (dimension, 2), to begin with.
    choose : bool
        Whether better ones are chosen.
    start : Emulator, optional
        Another density, close to this one, in place of the normal one.

    Notes
    -----
    The kernel is Π_i (1 + a_i·exp(−½ (s_i − s_i')² / length_i²)): effects of one dimension, of pairs, of triples and so
    on, with weights a_i, a_i·a_j, … (Duvenaud, Nickisch & Rasmussen 2011), since few hyperparameters act together. Each
    dimension's length and a are those of `_KERNELS` with the largest marginal likelihood, the scale maximised out, one
    dimension after the other.
    """
    count, dims = points.shape
    rest = values - _begun(start, points)
    slopes = gradients + points if start is None else gradients - start.slopes(points)
    targets = np.concatenate([(rest - rest[0])[:, None], slopes], axis=1)
    used = np.tile(_KERNELS[_FIRST], (dims, 1)) if kernel is None else kernel
    if choose:
        some = slice(None, None, -(-count * (1 + dims) // _MOST))
        used = _chosen(points[some], targets[some], used)
    _, weight = _fitted(points, targets, used)
    split = weight[:count], weight[count:].reshape(points.shape)
    return Emulator(points, used, float(rest[0]), *split, start)


def _begun(start: Emulator | None, s: Array) -> Array:
    """The log density that the process is added to."""
    return np.asarray(-0.5 * (s**2).sum(axis=1) if start is None else start(s))


def _chosen(points: Array, targets: Array, kernel: Array) -> Array:
    """The kernel with the largest marginal likelihood, as dimension after dimension takes the best of `_KERNELS`."""
    best = _fitted(points, targets, kernel)[0]
    for dimension in range(len(kernel)):
        for other in _KERNELS[(kernel[dimension] != _KERNELS).any(axis=1)]:
            tried = kernel.copy()
            tried[dimension] = other
            evidence = _fitted(points, targets, tried)[0]
            if evidence > best:
                best, kernel = evidence, tried
    return kernel


def _fitted(points: Array, targets: Array, kernel: Array) -> tuple[float, Array]:
    """Log marginal likelihood, and weights of what is known.

    `targets` are values and gradients (point, 1 + dimension), NaN where they are not known.
    """
    target = np.concatenate([targets[:, 0], targets[:, 1:].ravel()])
    known = np.isfinite(target)
    matrix = _joint_kernel(points, kernel)
    matrix = matrix if known.all() else matrix[np.ix_(known, known)]
    matrix[np.diag_indices_from(matrix)] *= 1.0 + _NUGGET
    factor = _cholesky(matrix)
    weight = np.zeros(len(target))
    weight[known] = linalg.cho_solve((factor, True), target[known], check_finite=False)
    scale = max(float(target[known] @ weight[known]) / known.sum(), 1e-300)
    evidence = -0.5 * known.sum() * np.log(scale) - np.log(np.diag(factor)).sum()
    return float(evidence), weight


def _cholesky(covariance: Array) -> Array:
    """With as much more noise as it takes: long and joint kernels are near singular."""
    diagonal = covariance.diagonal().copy()
    for nugget in (0.0, 1e-5, 1e-4, 1e-3):
        np.fill_diagonal(covariance, diagonal * (1.0 + nugget))
        with suppress(linalg.LinAlgError):
            return np.asarray(linalg.cholesky(covariance.T, lower=True, check_finite=False))
    raise linalg.LinAlgError("the emulator's covariance is not positive definite")


@compiled
def covariance(a: Any, b: Any, kernel: Any) -> Any:
    """Of values at points (point, dimension); `kernel` as in `Emulator`."""
    found = np.empty((len(a), len(b)))
    for p in range(len(a)):
        for q in range(len(b)):
            whole = 1.0
            for i in range(a.shape[1]):
                length, joint = kernel[i, 0], kernel[i, 1]
                whole *= 1.0 + joint * np.exp(-0.5 * ((a[p, i] - b[q, i]) / length) ** 2)
            found[p, q] = whole
    return found


@compiled
def _summed(s: Any, points: Any, kernel: Any, value_weight: Any, gradient_weight: Any, with_gradient: Any) -> Any:
    """At each s, the sum over points p of k(s, p)·(a_p + Σ_i b_pi·∂ log k / ∂p_i)."""
    found = np.zeros(len(s))
    for n in range(len(s)):
        for p in range(len(points)):
            whole, weight = 1.0, value_weight[p]
            for i in range(s.shape[1]):
                length, joint = kernel[i, 0], kernel[i, 1]
                apart = (s[n, i] - points[p, i]) / length
                own = joint * np.exp(-0.5 * apart**2)
                whole *= 1.0 + own
                if with_gradient[p]:
                    weight += gradient_weight[p, i] * own / (1.0 + own) * apart / length
            found[n] += whole * weight
    return found


@compiled
def _joint_kernel(points: Any, kernel: Any) -> Any:
    """Covariance of values and gradients at the points: values first, then gradients point by point."""
    count, dims = points.shape
    matrix = np.empty((count * (1 + dims), count * (1 + dims)))
    tilt, curve = np.empty(dims), np.empty(dims)
    for p in range(count):
        for q in range(p + 1):
            whole = 1.0
            for i in range(dims):
                # Share of the dimension in d log k, and the way to the other point.
                length, joint = kernel[i, 0], kernel[i, 1]
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
