"""A smooth emulator of a log density from few values and gradients: a Gaussian process about a standard normal."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import linalg

__all__ = ["Emulator", "emulate"]

Array = npt.NDArray[np.float64]
_LENGTHS = (1.5, 2.5, 4.0, 6.0, 10.0)
_AT_ONCE = 4096


@dataclass(frozen=True)
class Emulator:
    """log density(z) ≈ −½ z'z + a Gaussian process with a squared exponential kernel, given values and gradients.

    Far from what was evaluated it goes back to the normal density, so that its tails are safe.
    """

    points: Array
    length: float
    level: float
    value_weight: Array
    gradient_weight: Array

    def __call__(self, z: Array) -> Array:
        """Log density at points (point, dimension), up to a constant."""
        result = np.empty(len(z))
        for first in range(0, len(z), _AT_ONCE):
            some = z[first : first + _AT_ONCE]
            kernel = _kernel(some, self.points, self.length)
            # Σ_p k(z, p)·[a_p + b_p·(z − p) / length²]
            tilt = some @ self.gradient_weight.T - (self.points * self.gradient_weight).sum(axis=1)
            result[first : first + _AT_ONCE] = (kernel * (self.value_weight + tilt / self.length**2)).sum(axis=1)
        return np.asarray(result + self.level - 0.5 * (z**2).sum(axis=1))


def emulate(points: Array, values: Array, gradients: Array, nugget: float = 1e-6) -> Emulator:
    """Emulate a log density whose quadratic form at the mode is that of a standard normal.

    Parameters
    ----------
    points : array
        (point, dimension).
    values : array
        Log density (point).
    gradients : array
        (point, dimension).
    nugget : float
        Variance of the noise of values and gradients, as a share of that of the process.

    Notes
    -----
    The length of the kernel is the one of a few with the largest marginal likelihood, the scale maximised out.
    """
    rest = values + 0.5 * (points**2).sum(axis=1)
    level = float(rest[0])
    target = np.concatenate([rest - level, (gradients + points).ravel()])
    best: tuple[float, Emulator] | None = None
    for length in _LENGTHS:
        kernel = _joint_kernel(points, length)
        kernel[np.diag_indices_from(kernel)] *= 1.0 + nugget
        factor = linalg.cho_factor(kernel, lower=True, check_finite=False)
        weight = linalg.cho_solve(factor, target, check_finite=False)
        scale = max(float(target @ weight) / len(target), 1e-300)
        evidence = -0.5 * len(target) * np.log(scale) - np.log(np.diag(factor[0])).sum()
        if best is None or evidence > best[0]:
            values_, gradients_ = weight[: len(points)], weight[len(points) :].reshape(points.shape)
            best = (evidence, Emulator(points, length, level, values_, gradients_))
    assert best is not None
    return best[1]


def _kernel(a: Array, b: Array, length: float) -> Array:
    square = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    return np.asarray(np.exp(-0.5 * np.maximum(square, 0.0) / length**2))


def _joint_kernel(points: Array, length: float) -> Array:
    """Covariance of values and gradients at the points: values first, then gradients point by point."""
    count, dims = points.shape
    apart = (points[:, None] - points[None]) / length**2
    kernel = _kernel(points, points, length)
    joint = np.empty((count * (1 + dims),) * 2)
    joint[:count, :count] = kernel
    # cov(f(p), ∂f(q)) = k·(p − q)/length²; cov(∂f(p), ∂f(q)) = k·(1/length² − (p − q)(p − q)'/length⁴)
    mixed = (kernel[..., None] * apart).reshape(count, count * dims)
    joint[:count, count:], joint[count:, :count] = mixed, mixed.T
    curved = np.eye(dims) / length**2 - apart[..., :, None] * apart[..., None, :]
    joint[count:, count:] = (kernel[..., None, None] * curved).transpose(0, 2, 1, 3).reshape(count * dims, -1)
    return joint
