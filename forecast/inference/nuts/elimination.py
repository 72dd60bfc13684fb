"""The Gaussian field's change of coordinates and its exact reverse, period by period, as machine code.

For H = L·Lᵀ block-tridiagonal with an arrow (see `linalg`) and a right-hand side b, latents are x = L⁻ᵀ·(L⁻¹·b + z):
the mean H⁻¹·b, and noise with covariance H⁻¹ from standard normal z. The reverse takes the gradient of a function of x,
less ½·log|H|, back to z, b and H: the recursions of the Cholesky factor run backwards (Murray 2016).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from forecast.inference.gaussian.block_arrow import BlockArrow, Factor
from forecast.inference.machine import compiled

__all__ = ["Elimination", "Pull", "eliminate"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Pull:
    """A gradient taken back through an `Elimination`.

    Attributes
    ----------
    z_path, z_static : array
        In z, (T, P) and (R).
    path, static : array
        In b, in the same shapes.
    diagonal, beside, corner : array
        In H: its diagonal in each period (T, P), the entries beside it (T − 1, P; one of two equal ones), and the
        arrow's own block (R, R), symmetric.
    """

    z_path: Array
    z_static: Array
    path: Array
    static: Array
    diagonal: Array
    beside: Array
    corner: Array


@dataclass(frozen=True)
class Elimination:
    """The latents, and what their reverse needs.

    Attributes
    ----------
    path, static : array
        x, (T, P) and (R).
    factor : Factor
        Of H.
    y : pair of arrays
        L⁻¹·b.
    """

    path: Array
    static: Array
    factor: Factor
    y: tuple[Array, Array]

    def reverse(self, path: Array, static: Array) -> Pull:
        """From the gradient in x (T, P) and (R) of a function of x to that of the function less ½·log|H|."""
        factor = self.factor
        q = factor.forward(path, static)
        b = factor.backward(*q)
        parts = factor.lower, factor.inverse, factor.below, factor.cross, factor.corner, factor.corner_inverse
        return Pull(*q, *b, *_reversed(*parts, *self.y, self.path, self.static, *q, *b))


def eliminate(matrix: BlockArrow, b: tuple[Array, Array], z: tuple[Array, Array]) -> Elimination:
    """Factorise H, and give the latents for b and z.

    Parameters
    ----------
    matrix : BlockArrow
        H.
    b, z : pair of arrays
        Each (T, P) and (R).

    Raises
    ------
    NotPositiveDefinite
        Where H has no Cholesky factor.
    """
    factor = matrix.factorise()
    y = factor.forward(*b)
    x = factor.backward(y[0] + z[0], y[1] + z[1])
    return Elimination(*x, factor, y)


@compiled
def _symmetric(lower: Any, inverse: Any, gradient: Any) -> Any:
    """Gradient in a symmetric matrix from that in its Cholesky factor, of a function less half its log determinant."""
    width = lower.shape[0]
    for i in range(width):
        gradient[i, i + 1 :] = 0.0
    inner = np.dot(lower.T, gradient)
    for i in range(width):
        inner[i, i] = 0.5 * (inner[i, i] - 1.0)
        inner[i, i + 1 :] = 0.0
    half = np.dot(np.dot(inverse.T, inner), inverse)
    return 0.5 * (half + half.T)


@compiled
def _outer(matrix: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
    """Takes a·bᵀ + c·dᵀ from a matrix, in place."""
    for i in range(a.shape[0]):
        for j in range(b.shape[0]):
            matrix[i, j] -= a[i] * b[j] + c[i] * d[j]


@compiled
def _reversed(
    lower: Any,
    inverse: Any,
    below: Any,
    cross: Any,
    lower_corner: Any,
    inverse_corner: Any,
    y_path: Any,
    y_static: Any,
    x_path: Any,
    x_static: Any,
    q_path: Any,
    q_static: Any,
    b_path: Any,
    b_static: Any,
) -> Any:
    """The gradient in L is −(x·qᵀ + b̄·yᵀ), with q = L⁻¹·g and b̄ = L⁻ᵀ·q, less that of ½·log|H|."""
    periods, width = x_path.shape
    size = x_static.shape[0]
    corner = np.zeros((size, size))
    slabs = cross
    if size:
        _outer(corner, x_static, q_static, b_static, y_static)
        corner = _symmetric(lower_corner, inverse_corner, corner)
        if width:
            # Every period's slab at once; the part of each period's own rows is added in the loop.
            slabs = np.dot(cross.reshape(periods * width, size), -2.0 * corner).reshape(periods, width, size)
    diagonal, beside = np.empty((periods, width)), np.empty((max(periods - 1, 0), width))
    of_period, after = np.zeros((width, width)), np.zeros((width, size))
    for t in range(periods - 1, -1, -1) if width else range(0):
        gradient = np.zeros((width, width))
        if size:
            _outer(slabs[t], q_path[t], x_static, y_path[t], b_static)
        if t < periods - 1:
            between = -2.0 * np.dot(of_period, below[t])
            if size:
                between -= np.dot(after, cross[t].T)
                slabs[t] -= np.dot(below[t].T, after)
            _outer(between, x_path[t + 1], q_path[t], b_path[t + 1], y_path[t])
            between = np.dot(between, inverse[t])
            for i in range(width):
                beside[t, i] = between[i, i]
            gradient -= np.dot(between.T, below[t])
        if size:
            after = np.dot(inverse[t].T, slabs[t])
            gradient -= np.dot(after, cross[t].T)
        _outer(gradient, x_path[t], q_path[t], b_path[t], y_path[t])
        of_period = _symmetric(lower[t], inverse[t], gradient)
        for i in range(width):
            diagonal[t, i] = of_period[i, i]
    return diagonal, beside, corner
