"""Symmetric positive definite matrices that are block-tridiagonal with an arrow: factors, solutions, draws, inverses.

Blocks are dense and go to BLAS and LAPACK one period at a time; a loop over the periods in Python costs next to nothing
beside them. Two BLAS threads would fight over the small blocks: `one_thread` is for callers.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import blas, lapack
from threadpoolctl import threadpool_limits

__all__ = ["BlockArrow", "Factor", "NotPositiveDefinite", "one_thread"]

Array = npt.NDArray[np.float64]


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread for BLAS and LAPACK."""
    with threadpool_limits(1, user_api="blas"):
        yield


class NotPositiveDefinite(ArithmeticError):
    """A matrix that should have a Cholesky factor has none."""


@dataclass(frozen=True)
class BlockArrow:
    """A symmetric matrix of T periods with P numbers each, and R numbers (the arrow) that are coupled to all of them.

    Attributes
    ----------
    diagonal : array
        (T, P, P): blocks of the periods; the lower triangles are read.
    coupling : array
        (T − 1, P): entry between a number and the same one of the next period; the blocks beside the diagonal hold
        nothing else.
    arrow : array
        (T, R, P): entries between the arrow and each period; fastest with slabs in Fortran order.
    corner : array
        (R, R): the arrow's own block; the lower triangle is read.
    """

    diagonal: Array
    coupling: Array
    arrow: Array
    corner: Array

    def factorise(self) -> "Factor":
        """Cholesky factor; `NotPositiveDefinite` where there is none."""
        periods, width = self.diagonal.shape[:2]
        static = len(self.corner)
        # Fortran order throughout, so that no routine copies what it is given.
        lower = np.empty((periods, width, width)).transpose(0, 2, 1)
        below = np.empty((periods, width, width)).transpose(0, 2, 1)[: max(periods - 1, 0)]
        cross = np.empty((periods, width, static)).transpose(0, 2, 1)
        for period in range(periods if width else 0):
            block = np.asfortranarray(self.diagonal[period])
            slab = np.array(self.arrow[period], order="F")
            if period:
                before = below[period - 1]
                block = blas.dsyrk(-1.0, before, beta=1.0, c=block, lower=1, overwrite_c=0)
                if static:
                    slab = blas.dgemm(-1.0, cross[period - 1], before, beta=1.0, c=slab, trans_b=1, overwrite_c=1)
            lower[period] = _cholesky(block, f"period {period}")
            if static:
                cross[period] = blas.dtrsm(1.0, lower[period], slab, side=1, lower=1, trans_a=1, overwrite_b=1)
            if period < periods - 1:
                # E·L⁻ᵀ with E diagonal.
                inverse, _ = lapack.dtrtri(lower[period], lower=1)
                below[period] = self.coupling[period][:, None] * inverse.T
        corner = np.array(self.corner, order="F")
        if static:
            if width:
                # All periods side by side: one product.
                wide = cross.transpose(0, 2, 1).reshape(-1, static).T
                corner = blas.dsyrk(-1.0, wide, beta=1.0, c=corner, lower=1, overwrite_c=1)
            corner = _cholesky(corner, "the arrow")
        return Factor(lower, below, cross, corner)

    def to_dense(self) -> Array:
        """The whole matrix: period by period, then the arrow."""
        periods, width = self.diagonal.shape[:2]
        paths = periods * width
        dense = np.zeros((paths + len(self.corner),) * 2)
        for period in range(periods):
            here = slice(period * width, (period + 1) * width)
            dense[here, here] = np.tril(self.diagonal[period])
            dense[paths:, here] = self.arrow[period]
        beside = np.arange(paths - width) if periods else np.arange(0)
        dense[beside + width, beside] = self.coupling.ravel()
        dense[paths:, paths:] = np.tril(self.corner)
        return np.asarray(dense + np.tril(dense, -1).T)


@dataclass(frozen=True)
class Factor:
    """Cholesky factor L of a `BlockArrow`.

    Attributes
    ----------
    lower : array
        (T, P, P): the periods' own triangles.
    below : array
        (T − 1, P, P): rows of the next period, columns of this one.
    cross : array
        (T, R, P): rows of the arrow.
    corner : array
        (R, R): the arrow's own triangle.
    """

    lower: Array
    below: Array
    cross: Array
    corner: Array

    @property
    def log_determinant(self) -> float:
        """Of the matrix (not of L)."""
        diagonals = np.log(np.diagonal(self.lower, axis1=1, axis2=2)).sum() + np.log(np.diagonal(self.corner)).sum()
        return 2.0 * float(diagonals)

    def solve(self, path: Array, static: Array) -> tuple[Array, Array]:
        """Solution for right-hand sides (T, P) and (R), or (T, P, columns) and (R, columns); in their shapes."""
        columns = path.shape[2:]
        path, static = _as_matrices(path, static)
        for period in range(len(path) if path.size else 0):
            if period:
                path[period] -= self.below[period - 1] @ path[period - 1]
            path[period] = _triangular(self.lower[period], path[period])
            static -= self.cross[period] @ path[period]
        if static.size:
            static = _triangular(self.corner, static)
        return self._backward(path, static, columns)

    def sample(self, path: Array, static: Array) -> tuple[Array, Array]:
        """Draws with the inverse of the matrix as covariance, from standard normal numbers in the shapes of `solve`."""
        return self._backward(*_as_matrices(path, static), path.shape[2:])

    def _backward(self, path: Array, static: Array, columns: tuple[int, ...]) -> tuple[Array, Array]:
        if static.size:
            static = _triangular(self.corner, static, transposed=True)
        for period in range(len(path) - 1, -1, -1) if path.size else ():
            path[period] -= self.cross[period].T @ static
            if period < len(path) - 1:
                path[period] -= self.below[period].T @ path[period + 1]
            path[period] = _triangular(self.lower[period], path[period], transposed=True)
        return path.reshape(*path.shape[:2], *columns), static.reshape(len(static), *columns)

    def selected_inverse(self) -> BlockArrow:
        """The inverse's entries where the matrix has its own (Takahashi's recursion); blocks are symmetric."""
        periods, width = self.lower.shape[:2]
        static = len(self.corner)
        corner = np.zeros((0, 0))
        if static:
            corner, _ = lapack.dpotri(self.corner, lower=1)
            corner = np.asfortranarray(np.tril(corner) + np.tril(corner, -1).T)
        diagonal = np.empty((periods, width, width)).transpose(0, 2, 1)
        coupling = np.empty((max(periods - 1, 0), width))
        arrow = np.empty((periods, width, static)).transpose(0, 2, 1)
        for period in range(periods - 1, -1, -1) if width else ():
            inverse, _ = lapack.dtrtri(self.lower[period], lower=1)
            own = np.asfortranarray(inverse.T @ inverse)
            # Rows below L's own: those of the next period and of the arrow, each times L⁻¹.
            beside = blas.dgemm(1.0, self.cross[period], inverse) if static else np.zeros((0, width))
            slab = blas.dsymm(-1.0, corner, beside, side=0, lower=1) if static else beside
            if period < periods - 1:
                under = blas.dgemm(1.0, self.below[period], inverse)
                after = arrow[period + 1]
                if static:
                    slab = blas.dgemm(-1.0, after, under, beta=1.0, c=slab, overwrite_c=1)
                between = blas.dgemm(-1.0, diagonal[period + 1], under)
                if static:
                    between = blas.dgemm(-1.0, after, beside, beta=1.0, c=between, trans_a=1, overwrite_c=1)
                coupling[period] = np.diagonal(between)
                own = blas.dgemm(-1.0, under, between, beta=1.0, c=own, trans_a=1, overwrite_c=1)
            if static:
                own = blas.dgemm(-1.0, beside, slab, beta=1.0, c=own, trans_a=1, overwrite_c=1)
                arrow[period] = slab
            diagonal[period] = own
        return BlockArrow(diagonal, coupling, arrow, corner)


def _as_matrices(path: Array, static: Array) -> tuple[Array, Array]:
    columns = int(np.prod(path.shape[2:]))
    return path.reshape(*path.shape[:2], columns).copy(), static.reshape(len(static), columns).copy()


def _cholesky(block: Array, where: str) -> Array:
    factor, failed = lapack.dpotrf(block, lower=1, clean=1)
    if failed:
        raise NotPositiveDefinite(f"not positive definite: {where}")
    return np.asarray(factor)


def _triangular(lower: Array, right: Array, transposed: bool = False) -> Array:
    return np.asarray(blas.dtrsm(1.0, lower, right, lower=1, trans_a=int(transposed)))
