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
from scipy.linalg import blas, lapack

from forecast.inference.linalg import BlockArrow, NotPositiveDefinite

__all__ = ["Elimination", "eliminate"]

Array = npt.NDArray[np.float64]


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Machine code, kept on disk where something can be written."""
    made: Callable[..., Any]
    try:
        made = numba.njit(nogil=True, cache=True, error_model="numpy")(function)
    except RuntimeError:
        made = numba.njit(nogil=True, error_model="numpy")(function)
    return made


@dataclass(frozen=True)
class Elimination:
    """A factor L of H, and L⁻¹·b.

    Attributes
    ----------
    lower, inverse : array
        (T, P, P): the periods' own triangles of L, and the inverses of these.
    below : array
        (T − 1, P, P): rows of the next period, columns of this one.
    cross : array
        (T, P, R): the arrow's rows of L, transposed.
    corner : array
        (R, R): the arrow's own triangle.
    path, static : array
        (T, P) and (R): L⁻¹·b.
    """

    lower: Array
    inverse: Array
    below: Array
    cross: Array
    corner: Array
    path: Array
    static: Array

    @property
    def log_determinant(self) -> float:
        """Of H."""
        diagonals = np.log(np.diagonal(self.lower, axis1=1, axis2=2)).sum() + np.log(np.diagonal(self.corner)).sum()
        return 2.0 * float(diagonals)

    def latents(self, path: Array, static: Array) -> tuple[Array, Array]:
        """L⁻ᵀ times a vector."""
        static = _solved(self.corner, static, transposed=True)
        return np.asarray(_substituted(self.inverse, self.below, self.cross, path, static)), static

    def reverse(self, x: tuple[Array, Array], gradient: tuple[Array, Array]) -> tuple[Array, Array, Array, BlockArrow]:
        """From the gradient in x of a function of x to that of the function less ½·log|H| in z, b and H.

        Parameters
        ----------
        x, gradient : pair of arrays
            Each (T, P) and (R).

        Returns
        -------
        z_path, z_static : array
            Gradient in z, (T, P) and (R).
        b : array
            Gradient in b, joined (T·P + R).
        spread : BlockArrow
            The gradient in H, written as the inverse of H that −½·log|H| alone would give; the arrow is empty.
        """
        q, left = _forward(self.inverse, self.below, self.cross, gradient[0], gradient[1])
        q_static = _solved(self.corner, left)
        b, b_static = self.latents(q, q_static)
        outer = -np.outer(x[1], q_static) - np.outer(b_static, self.static)
        corner = _cholesky_reverse(self.corner, outer)
        # Every period's slab at once; the part of each period's own rows is added in the loop.
        periods, width, size = self.cross.shape
        slabs = (self.cross.reshape(periods * width, size) @ (-2.0 * corner)).reshape(self.cross.shape)
        diagonal, coupling = _reversed(
            self.lower,
            self.inverse,
            self.below,
            self.cross,
            slabs,
            (x[0], b),
            (q, self.path),
            (x[1], b_static),
        )
        empty = np.zeros((len(diagonal), 0, 0))
        joined = np.concatenate([b.ravel(), b_static])
        return q, q_static, joined, BlockArrow(-2.0 * diagonal, -coupling, empty, -2.0 * corner)


def eliminate(diagonal: Array, coupling: Array, arrow: Array, corner: Array, path: Array, static: Array) -> Elimination:
    """Factorise H and solve L·y = b.

    Parameters
    ----------
    diagonal, coupling, corner : array
        As of `BlockArrow`.
    arrow : array
        (T, P, R): entries between each period and the arrow.
    path, static : array
        b: (T, P) and (R).

    Raises
    ------
    NotPositiveDefinite
        Where H has no Cholesky factor.
    """
    lower, inverse, below, cross, solved, left, positive = _eliminated(diagonal, coupling, arrow, path, static)
    if not positive:
        raise NotPositiveDefinite("not positive definite: a period")
    rest = np.array(corner, order="F")
    if rest.size and cross.size:
        rest = blas.dsyrk(-1.0, cross.reshape(-1, len(rest)).T, beta=1.0, c=rest, lower=1, overwrite_c=1)
    if rest.size:
        rest, failed = lapack.dpotrf(rest, lower=1, clean=1)
        if failed:
            raise NotPositiveDefinite("not positive definite: the arrow")
    return Elimination(lower, inverse, below, cross, rest, solved, _solved(rest, left))


def _solved(lower: Array, right: Array, transposed: bool = False) -> Array:
    return np.asarray(blas.dtrsv(lower, right, lower=1, trans=int(transposed))) if right.size else right


def _cholesky_reverse(lower: Array, gradient: Array) -> Array:
    """Gradient in a symmetric matrix from that in its factor, of a function less half of its log determinant."""
    if not lower.size:
        return np.zeros((0, 0))
    inner = np.tril(lower.T @ np.tril(gradient))
    diagonal = inner.ravel()[:: len(inner) + 1]
    diagonal[:] = 0.5 * (diagonal - 1.0)
    half = blas.dtrsm(1.0, lower, blas.dtrsm(1.0, lower, inner, side=1, lower=1), lower=1, trans_a=1)
    return np.asarray(0.5 * (half + half.T))


@_compiled
def _eliminated(diagonal: Any, coupling: Any, arrow: Any, path: Any, static: Any) -> Any:
    periods, width = path.shape
    size = static.shape[0]
    lower = np.zeros((periods, width, width))
    inverse = np.zeros((periods, width, width))
    below = np.zeros((max(periods - 1, 0), width, width))
    cross = np.empty((periods, width, size))
    solved = np.empty((periods, width))
    left = static.copy()
    for t in range(periods if width else 0):
        block = diagonal[t].copy()
        slab = arrow[t].copy()
        right = path[t].copy()
        if t:
            before = below[t - 1]
            block -= np.dot(before, before.T)
            slab -= np.dot(before, cross[t - 1])
            right -= np.dot(before, solved[t - 1])
        own, back = lower[t], inverse[t]
        for i in range(width):
            # The rows of the factor and of its inverse, one after the other.
            for j in range(i):
                total = block[i, j]
                for k in range(j):
                    total -= own[i, k] * own[j, k]
                own[i, j] = total * back[j, j]
            total = block[i, i]
            for k in range(i):
                total -= own[i, k] * own[i, k]
            if not total > 0.0:
                return lower, inverse, below, cross, solved, left, False
            own[i, i] = np.sqrt(total)
            scale = 1.0 / own[i, i]
            for k in range(i):
                factor = -own[i, k] * scale
                for j in range(k + 1):
                    back[i, j] += factor * back[k, j]
            back[i, i] = scale
        cross[t] = np.dot(back, slab)
        solved[t] = np.dot(back, right)
        if size:
            left -= np.dot(cross[t].T, solved[t])
        if t < periods - 1:
            for i in range(width):
                for j in range(i, width):
                    below[t, i, j] = coupling[t, i] * back[j, i]
    return lower, inverse, below, cross, solved, left, True


@_compiled
def _forward(inverse: Any, below: Any, cross: Any, path: Any, static: Any) -> Any:
    solved = np.empty(path.shape)
    size, left = static.shape[0], static.copy()
    for t in range(path.shape[0] if path.shape[1] else 0):
        right = path[t].copy()
        if t:
            right -= np.dot(below[t - 1], solved[t - 1])
        solved[t] = np.dot(inverse[t], right)
        if size:
            left -= np.dot(cross[t].T, solved[t])
    return solved, left


@_compiled
def _substituted(inverse: Any, below: Any, cross: Any, path: Any, static: Any) -> Any:
    found = np.empty(path.shape)
    for t in range(path.shape[0] - 1, -1, -1) if path.shape[1] else range(0):
        right = path[t].copy()
        if static.shape[0]:
            right -= np.dot(cross[t], static)
        if t < path.shape[0] - 1:
            right -= np.dot(below[t].T, found[t + 1])
        found[t] = np.dot(inverse[t].T, right)
    return found


@_compiled
def _reversed(
    lower: Any, inverse: Any, below: Any, cross: Any, slabs: Any, rows: Any, columns: Any, static: Any
) -> Any:
    """The gradient in L is −rows·columnsᵀ (two outer products) less that of ½·log|H|; see `Elimination.reverse`."""
    periods, width = lower.shape[:2]
    diagonal = np.empty((periods, width, width))
    coupling = np.empty((max(periods - 1, 0), width))
    after = np.zeros((width, static[0].shape[0]))
    for t in range(periods - 1, -1, -1) if width else range(0):
        own, back, slab = lower[t], inverse[t], slabs[t]
        for k in range(2):
            slab -= np.outer(columns[k][t], static[k])
        gradient = np.zeros((width, width))
        if t < periods - 1:
            beside = below[t]
            between = -2.0 * np.dot(diagonal[t + 1], beside) - np.dot(after, cross[t].T)
            for k in range(2):
                between -= np.outer(rows[k][t + 1], columns[k][t])
            slab -= np.dot(beside.T, after)
            between = np.dot(between, back)
            for i in range(width):
                coupling[t, i] = between[i, i]
            gradient -= np.dot(between.T, beside)
        after = np.dot(back.T, slab)
        gradient -= np.dot(after, cross[t].T)
        for k in range(2):
            gradient -= np.outer(rows[k][t], columns[k][t])
        for i in range(width):
            gradient[i, i + 1 :] = 0.0
        inner = np.dot(own.T, gradient)
        for i in range(width):
            inner[i, i] = 0.5 * (inner[i, i] - 1.0)
            inner[i, i + 1 :] = 0.0
        half = np.dot(np.dot(back.T, inner), back)
        diagonal[t] = 0.5 * (half + half.T)
    return diagonal, coupling
