"""A smooth emulator of a log density from few values and gradients: a Gaussian process about a standard normal."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
from scipy import linalg

__all__ = ["KERNELS", "Emulator", "emulate", "kernel", "near"]

Array = npt.NDArray[np.float64]
_LENGTHS = (1.5, 2.5, 4.0, 6.0)
_JOINT = (0.03, 0.1, 0.3, 1.0)
KERNELS = tuple(product(_LENGTHS, _JOINT))
_SMALL = 1e-3
# The most that the process may add to the normal density, and that per squared distance: where it knows little, it must
# not make a mode of its own.
_RISE, _WIDER = 1.0, 0.25
_AT_ONCE = 1024


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
        Log density at each point, less what all the others say of it (point).
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
        result = np.empty(len(s))
        for first in range(0, len(s), _AT_ONCE):
            some = s[first : first + _AT_ONCE]
            whole, share, apart = _parts(some, self.points, self.length, self.joint)
            # Σ_p k(s, p)·[a_p + Σ_i b_pi·∂ log k / ∂p_i]
            share *= apart
            tilt = np.einsum("npi,pi->np", share, self.gradient_weight)
            result[first : first + _AT_ONCE] = (whole * (self.value_weight + tilt)).sum(axis=1)
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
    # The inverse's diagonal at the values, which come first among what is known.
    roots = linalg.solve_triangular(factor, np.eye(len(factor), count), lower=True, check_finite=False)
    left_out = weight[:count] / (roots**2).sum(axis=0)
    split = weight[:count], weight[count:].reshape(points.shape)
    return Emulator(points, length, joint, float(rest[0]), *split, left_out, start)


def near(emulator: Emulator) -> list[tuple[float, float]]:
    """The kernel of an emulator, and those beside it."""
    length, joint = _LENGTHS.index(emulator.length), _JOINT.index(emulator.joint)
    steps = [(0, 0), (-1, 0), (1, 0), (0, -1), (0, 1)]
    return [
        (_LENGTHS[length + a], _JOINT[joint + b])
        for a, b in steps
        if 0 <= length + a < len(_LENGTHS) and 0 <= joint + b < len(_JOINT)
    ]


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


def kernel(a: Array, b: Array, length: float, joint: float) -> Array:
    """Covariance of values at points (point, dimension)."""
    return _parts(a, b, length, joint)[0]


def _parts(a: Array, b: Array, length: float, joint: float) -> tuple[Array, Array, Array]:
    """The kernel (p, q); of each dimension (p, q, i) its share in d log k, and (p_i − q_i) / length²."""
    apart = a[:, None] - b[None]
    own = np.square(apart)
    own *= -0.5 / length**2
    np.exp(own, out=own)
    own *= joint
    factors = 1.0 + own
    own /= factors
    apart /= length**2
    return np.prod(factors, axis=2), own, apart


def _joint_kernel(points: Array, length: float, joint: float) -> Array:
    """Covariance of values and gradients at the points: values first, then gradients point by point."""
    count, dims = points.shape
    whole, share, apart = _parts(points, points, length, joint)
    matrix = np.empty((count * (1 + dims),) * 2)
    matrix[:count, :count] = whole
    tilt = share * apart
    mixed = (whole[..., None] * tilt).reshape(count, count * dims)
    matrix[:count, count:], matrix[count:, :count] = mixed, mixed.T
    curved = -tilt[..., :, None] * tilt[..., None, :]
    each = np.arange(dims)
    curved[..., each, each] = share * (1.0 / length**2 - apart**2)
    curved *= whole[..., None, None]
    matrix[count:, count:] = curved.transpose(0, 2, 1, 3).reshape(count * dims, count * dims)
    return matrix
