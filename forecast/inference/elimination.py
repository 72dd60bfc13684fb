"""The Gaussian field's change of coordinates and its exact reverse, period by period, as machine code.

For H = L·Lᵀ block-tridiagonal with an arrow (see `linalg`) and a right-hand side b, latents are x = L⁻ᵀ·(L⁻¹·b + z):
the mean H⁻¹·b, and noise with covariance H⁻¹ from standard normal z. The reverse takes the gradient of a function of x,
less ½·log|H|, back to z, b and H: the recursions of the Cholesky factor run backwards (Murray 2016).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from forecast.inference.linalg import NotPositiveDefinite

__all__ = ["Elimination", "Pull", "eliminate"]

Array = npt.NDArray[np.float64]
# Up to this size a matrix is factorised by plain loops, which beat BLAS there.
_BLOCK = 40


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Machine code, kept on disk where something can be written."""
    made: Callable[..., Any]
    try:
        made = numba.njit(nogil=True, cache=True, error_model="numpy")(function)
    except RuntimeError:
        made = numba.njit(nogil=True, error_model="numpy")(function)
    return made


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
    log_determinant : float
        Of H.
    """

    path: Array
    static: Array
    log_determinant: float
    _kept: tuple[Array, ...]

    def reverse(self, path: Array, static: Array) -> Pull:
        """From the gradient in x (T, P) and (R) of a function of x to that of the function less ½·log|H|."""
        return Pull(*_reversed(*self._kept, self.path, self.static, path, static))


def eliminate(
    curvature: tuple[Array, Array, Array],
    prior: tuple[Array, Array, Array],
    b: tuple[Array, Array],
    z: tuple[Array, Array],
) -> Elimination:
    """Factorise H, and give the latents for b and z.

    Parameters
    ----------
    curvature : tuple of arrays
        Diagonal blocks (T, P, P), arrow (T, P, R) and corner (R, R); the lower triangles of symmetric blocks are read.
    prior : tuple of arrays
        What is added on the diagonal of each period (T, P), beside it to the next period (T − 1, P), and to the
        corner (R, R).
    b, z : pair of arrays
        Each (T, P) and (R).

    Raises
    ------
    NotPositiveDefinite
        Where H has no Cholesky factor.
    """
    positive, log_determinant, path, static, *kept = _eliminated(*curvature, *prior, *b, *z)
    if not positive:
        raise NotPositiveDefinite("not positive definite")
    return Elimination(path, static, log_determinant, tuple(kept))


@_compiled
def _factorised_block(block: Any, own: Any, back: Any) -> Any:
    """The Cholesky factor of a matrix and its inverse, row after row; see `_factorised`."""
    for i in range(block.shape[0]):
        for j in range(i):
            total = block[i, j]
            for k in range(j):
                total -= own[i, k] * own[j, k]
            own[i, j] = total * back[j, j]
        total = block[i, i]
        for k in range(i):
            total -= own[i, k] * own[i, k]
        if not total > 0.0:
            return False
        own[i, i] = np.sqrt(total)
        scale = 1.0 / own[i, i]
        for k in range(i):
            factor = -own[i, k] * scale
            for j in range(k + 1):
                back[i, j] += factor * back[k, j]
        back[i, i] = scale
    return True


@_compiled
def _factorised(matrix: Any, own: Any, back: Any) -> Any:
    """The Cholesky factor of a matrix and its inverse, into `own` and `back` (both 0 before); False where it has none.

    By columns of blocks: what is below a block and what is left of it goes to BLAS.
    """
    size = matrix.shape[0]
    for first in range(0, size, _BLOCK):
        last = min(first + _BLOCK, size)
        block, before = matrix[first:last, first:last].copy(), own[first:last, :first].copy()
        if first:
            block -= np.dot(before, before.T)
        factor, inverse = np.zeros(block.shape), np.zeros(block.shape)
        if not _factorised_block(block, factor, inverse):
            return False
        own[first:last, first:last], back[first:last, first:last] = factor, inverse
        if first:
            left = np.dot(before, back[:first, :first].copy())
            back[first:last, :first] = -np.dot(inverse, left)
        if last < size:
            below = matrix[last:, first:last].copy()
            if first:
                below -= np.dot(own[last:, :first].copy(), before.T)
            own[last:, first:last] = np.dot(below, inverse.T)
    return True


@_compiled
def _eliminated(
    diagonal: Any,
    arrow: Any,
    corner: Any,
    middle: Any,
    side: Any,
    static: Any,
    b_path: Any,
    b_static: Any,
    z_path: Any,
    z_static: Any,
) -> Any:
    periods, width = b_path.shape
    size = b_static.shape[0]
    lower, inverse = np.zeros((periods, width, width)), np.zeros((periods, width, width))
    below = np.zeros((max(periods - 1, 0), width, width))
    cross = np.empty((periods, width, size))
    y_path, y_static = np.empty((periods, width)), b_static.copy()
    x_path = np.empty((periods, width))
    lower_corner, inverse_corner = np.zeros((size, size)), np.zeros((size, size))
    positive, log_determinant = True, 0.0
    for t in range(periods if width else 0):
        block, slab, right = diagonal[t].copy(), arrow[t].copy(), b_path[t].copy()
        for i in range(width):
            block[i, i] += middle[t, i]
        if t:
            before = below[t - 1]
            block -= np.dot(before, before.T)
            right -= np.dot(before, y_path[t - 1])
            if size:
                slab -= np.dot(before, cross[t - 1])
        positive = positive and _factorised(block, lower[t], inverse[t])
        for i in range(width):
            log_determinant += 2.0 * np.log(lower[t, i, i])
        y_path[t] = np.dot(inverse[t], right)
        if size:
            cross[t] = np.dot(inverse[t], slab)
            y_static -= np.dot(cross[t].T, y_path[t])
        if t < periods - 1:
            for i in range(width):
                for j in range(i, width):
                    below[t, i, j] = side[t, i] * inverse[t, j, i]
    x_static = y_static
    if size:
        rest = corner + static
        if width:
            wide = cross.reshape(periods * width, size)
            rest -= np.dot(wide.T, wide)
        positive = positive and _factorised(rest, lower_corner, inverse_corner)
        for i in range(size):
            log_determinant += 2.0 * np.log(lower_corner[i, i])
        y_static = np.dot(inverse_corner, y_static)
        x_static = np.dot(inverse_corner.T, y_static + z_static)
    _substitute(inverse, below, cross, y_path + z_path, x_static, x_path)
    return (
        positive,
        log_determinant,
        x_path,
        x_static,
        lower,
        inverse,
        below,
        cross,
        lower_corner,
        inverse_corner,
        y_path,
        y_static,
    )


@_compiled
def _substitute(inverse: Any, below: Any, cross: Any, right: Any, static: Any, found: Any) -> Any:
    """Rows of the periods of L⁻ᵀ times a vector, given those of the arrow, into `found`."""
    periods, width = right.shape
    for t in range(periods - 1, -1, -1) if width else range(0):
        rest = right[t].copy()
        if static.shape[0]:
            rest -= np.dot(cross[t], static)
        if t < periods - 1:
            rest -= np.dot(below[t].T, found[t + 1])
        found[t] = np.dot(inverse[t].T, rest)


@_compiled
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


@_compiled
def _outer(matrix: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
    """Takes a·bᵀ + c·dᵀ from a matrix, in place."""
    for i in range(a.shape[0]):
        for j in range(b.shape[0]):
            matrix[i, j] -= a[i] * b[j] + c[i] * d[j]


@_compiled
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
    g_path: Any,
    g_static: Any,
) -> Any:
    """The gradient in L is −(x·qᵀ + b̄·yᵀ), with q = L⁻¹·g and b̄ = L⁻ᵀ·q, less that of ½·log|H|."""
    periods, width = x_path.shape
    size = x_static.shape[0]
    q_path, b_path = np.empty((periods, width)), np.empty((periods, width))
    left = g_static.copy()
    for t in range(periods if width else 0):
        right = g_path[t].copy()
        if t:
            right -= np.dot(below[t - 1], q_path[t - 1])
        q_path[t] = np.dot(inverse[t], right)
        if size:
            left -= np.dot(cross[t].T, q_path[t])
    q_static, b_static = left, left
    corner = np.zeros((size, size))
    slabs = cross
    if size:
        q_static = np.dot(inverse_corner, left)
        b_static = np.dot(inverse_corner.T, q_static)
        _outer(corner, x_static, q_static, b_static, y_static)
        corner = _symmetric(lower_corner, inverse_corner, corner)
        if width:
            # Every period's slab at once; the part of each period's own rows is added in the loop.
            slabs = np.dot(cross.reshape(periods * width, size), -2.0 * corner).reshape(periods, width, size)
    _substitute(inverse, below, cross, q_path, b_static, b_path)
    diagonal, beside = np.empty((periods, width)), np.empty((max(periods - 1, 0), width))
    own, after = np.zeros((width, width)), np.zeros((width, size))
    for t in range(periods - 1, -1, -1) if width else range(0):
        gradient = np.zeros((width, width))
        if size:
            _outer(slabs[t], q_path[t], x_static, y_path[t], b_static)
        if t < periods - 1:
            between = -2.0 * np.dot(own, below[t])
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
        own = _symmetric(lower[t], inverse[t], gradient)
        for i in range(width):
            diagonal[t, i] = own[i, i]
    return q_path, q_static, b_path, b_static, diagonal, beside, corner
