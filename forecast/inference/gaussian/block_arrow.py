"""Symmetric positive definite matrices that are block-tridiagonal with an arrow: factors, solutions, draws, inverses.

The loops over the periods are machine code with BLAS inside. Two BLAS threads would fight over the small blocks:
`forecast.inference.machine.one_thread` is for callers, who work at several points in threads of their own. In the BLAS
and LAPACK of SciPy, which do not let go of the interpreter, these would wait for each other: here are NumPy's products
and machine code alone.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from forecast.inference.machine import compiled
from forecast.progress import check_deadline

__all__ = ["BlockArrow", "Factor", "NotPositiveDefinite", "factorised"]

Array = npt.NDArray[np.float64]
# Up to this size a matrix is factorised by plain loops, which beat BLAS there; of a triangle, what is 0 is left out
# in steps of it.
_BLOCK = 40


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
        (T, P, R): entries between each period and the arrow.
    corner : array
        (R, R): the arrow's own block; the lower triangle is read.
    """

    diagonal: Array
    coupling: Array
    arrow: Array
    corner: Array

    def factorise(self) -> "Factor":
        """Cholesky factor; `NotPositiveDefinite` where there is none, `OutOfTime` where no time is left for it."""
        check_deadline()
        reached, lower, inverse, below, cross = _factorised_paths(self.diagonal, self.coupling, self.arrow)
        if reached < len(self.diagonal):
            raise NotPositiveDefinite(f"not positive definite: period {reached}")
        # All periods side by side: one product.
        wide = cross.reshape(cross.shape[0] * cross.shape[1], cross.shape[2])
        corner, corner_inverse = factorised(self.corner - wide.T @ wide, "the arrow")
        return Factor(lower, inverse, below, cross, corner, corner_inverse)


@dataclass(frozen=True)
class Factor:
    """Cholesky factor L of a `BlockArrow`.

    Attributes
    ----------
    lower, inverse : array
        (T, P, P): the periods' own triangles, and the inverses of these.
    below : array
        (T − 1, P, P): rows of the next period, columns of this one.
    cross : array
        (T, P, R): columns of each period, rows of the arrow, transposed.
    corner, corner_inverse : array
        (R, R): the arrow's own triangle, and its inverse.
    """

    lower: Array
    inverse: Array
    below: Array
    cross: Array
    corner: Array
    corner_inverse: Array

    @cached_property
    def diagonal(self) -> Array:
        """The diagonal of L."""
        return np.append(np.diagonal(self.lower, axis1=1, axis2=2), np.diagonal(self.corner))

    @property
    def log_determinant(self) -> float:
        """Of the matrix (not of L)."""
        return 2.0 * float(np.log(self.diagonal).sum())

    def forward(self, path: Array, static: Array) -> tuple[Array, Array]:
        """L⁻¹ times vectors (T, P) and (R), or matrices (T, P, columns) and (R, columns); in their shapes."""
        solution, rest = _forward(self.inverse, self.below, self.cross, *_as_matrices(path, static))
        return solution.reshape(path.shape), (self.corner_inverse @ rest).reshape(static.shape)

    def backward(self, path: Array, static: Array) -> tuple[Array, Array]:
        """L⁻ᵀ times what `forward` takes: of standard normal numbers, draws with the matrix's inverse as covariance."""
        right, rest = _as_matrices(path, static)
        rest = self.corner_inverse.T @ rest
        solution = _backward(self.inverse, self.below, self.cross, right, rest)
        return solution.reshape(path.shape), rest.reshape(static.shape)

    def solve(self, path: Array, static: Array) -> tuple[Array, Array]:
        """The matrix's inverse times what `forward` takes."""
        return self.backward(*self.forward(path, static))

    def selected_inverse(self) -> BlockArrow:
        """The inverse's entries where the matrix has its own (Takahashi's recursion); blocks are symmetric."""
        corner = self.corner_inverse.T @ self.corner_inverse
        diagonal, coupling, arrow = _selected_inverse(self.inverse, self.below, self.cross, corner)
        return BlockArrow(diagonal, coupling, arrow, corner)


def factorised(matrix: Array, what: str) -> tuple[Array, Array]:
    """The Cholesky factor of a matrix, of which the lower triangle is read, and its inverse.

    Raises
    ------
    NotPositiveDefinite
        Where there is none; `what` says of what.
    """
    lower, inverse = np.zeros(matrix.shape), np.zeros(matrix.shape)
    if not _factorised(matrix, lower, inverse):
        raise NotPositiveDefinite(f"not positive definite: {what}")
    return lower, inverse


def _as_matrices(path: Array, static: Array) -> tuple[Array, Array]:
    columns = int(np.prod(path.shape[2:]))
    shapes = (*path.shape[:2], columns), (len(static), columns)
    return np.ascontiguousarray(path.reshape(shapes[0])), np.ascontiguousarray(static.reshape(shapes[1]))


# Loops over the periods ----------------------------------------------------------------------------------------------


@compiled
def _factorised_block(block: Any, lower: Any, inverse: Any) -> Any:
    """The Cholesky factor of a matrix and its inverse, row after row; see `_factorised`."""
    for i in range(block.shape[0]):
        for j in range(i):
            total = block[i, j]
            for k in range(j):
                total -= lower[i, k] * lower[j, k]
            lower[i, j] = total * inverse[j, j]
        total = block[i, i]
        for k in range(i):
            total -= lower[i, k] * lower[i, k]
        if not total > 0.0:
            return False
        lower[i, i] = np.sqrt(total)
        scale = 1.0 / lower[i, i]
        for k in range(i):
            factor = -lower[i, k] * scale
            for j in range(k + 1):
                inverse[i, j] += factor * inverse[k, j]
        inverse[i, i] = scale
    return True


@compiled
def _factorised(matrix: Any, lower: Any, inverse: Any) -> Any:
    """The Cholesky factor of a matrix and its inverse, into `lower` and `inverse` (0 before); False where it has none.

    By columns of blocks: what is below a block and what is left of it goes to BLAS.
    """
    size = matrix.shape[0]
    for first in range(0, size, _BLOCK):
        last = min(first + _BLOCK, size)
        block, before = matrix[first:last, first:last].copy(), lower[first:last, :first].copy()
        if first:
            block -= np.dot(before, before.T)
        block_lower, block_inverse = np.zeros(block.shape), np.zeros(block.shape)
        if not _factorised_block(block, block_lower, block_inverse):
            return False
        lower[first:last, first:last], inverse[first:last, first:last] = block_lower, block_inverse
        if first:
            left = np.dot(before, inverse[:first, :first].copy())
            inverse[first:last, :first] = -np.dot(block_inverse, left)
        if last < size:
            below = matrix[last:, first:last].copy()
            if first:
                below -= np.dot(lower[last:, :first].copy(), before.T)
            lower[last:, first:last] = np.dot(below, block_inverse.T)
    return True


@compiled
def _lower_times(lower: Any, matrix: Any) -> Any:
    """A lower triangle times a matrix."""
    size = lower.shape[0]
    if size <= 2 * _BLOCK:
        return np.dot(lower, matrix)
    product = np.empty(matrix.shape)
    for first in range(0, size, _BLOCK):
        last = min(first + _BLOCK, size)
        product[first:last] = np.dot(lower[first:last, :last].copy(), matrix[:last])
    return product


@compiled
def _take_upper_times(upper: Any, matrix: Any, out: Any) -> Any:
    """Takes an upper triangle times a matrix from `out`."""
    size = upper.shape[0]
    step = size if size <= 2 * _BLOCK else _BLOCK
    for first in range(0, size, step):
        last = min(first + step, size)
        out[first:last] -= np.dot(upper[first:last, first:].copy(), matrix[first:])


@compiled
def _take_square(upper: Any, out: Any) -> Any:
    """Takes an upper triangle times its transpose from the lower triangle of `out`."""
    size = upper.shape[0]
    step = size if size <= 2 * _BLOCK else _BLOCK
    for first in range(0, size, step):
        last = min(first + step, size)
        right = upper[first:, first:].copy()
        out[first:, first:last] -= np.dot(right, right[: last - first].T)


@compiled
def _factorised_paths(diagonal: Any, coupling: Any, arrow: Any) -> Any:
    """The factor but for its corner; first the number of periods that have one."""
    periods, width, size = arrow.shape
    lower, inverse = np.zeros((periods, width, width)), np.zeros((periods, width, width))
    below = np.zeros((max(periods - 1, 0), width, width))
    cross = np.empty((periods, width, size))
    reached = periods
    for t in range(periods if width else 0):
        block, slab = diagonal[t].copy(), arrow[t].copy()
        if t:
            _take_square(below[t - 1], block)
            if size:
                _take_upper_times(below[t - 1], cross[t - 1], slab)
        if not _factorised(block, lower[t], inverse[t]):
            reached = t
            break
        if size:
            cross[t] = _lower_times(inverse[t], slab)
        if t < periods - 1:
            # The entries beside the diagonal times L⁻ᵀ.
            for i in range(width):
                for j in range(i, width):
                    below[t, i, j] = coupling[t, i] * inverse[t, j, i]
    return reached, lower, inverse, below, cross


@compiled
def _forward(inverse: Any, below: Any, cross: Any, path: Any, static: Any) -> Any:
    periods, width = path.shape[:2]
    solution, rest = np.empty(path.shape), static.copy()
    for t in range(periods if width else 0):
        right = path[t].copy()
        if t:
            _take_upper_times(below[t - 1], solution[t - 1], right)
        solution[t] = _lower_times(inverse[t], right)
        if static.shape[0]:
            rest -= np.dot(cross[t].T, solution[t])
    return solution, rest


@compiled
def _backward(inverse: Any, below: Any, cross: Any, path: Any, static: Any) -> Any:
    """Rows of the periods, given those of the arrow."""
    periods, width = path.shape[:2]
    solution = np.empty(path.shape)
    for t in range(periods - 1, -1, -1) if width else range(0):
        right = path[t].copy()
        if static.shape[0]:
            right -= np.dot(cross[t], static)
        if t < periods - 1:
            right -= np.dot(below[t].T, solution[t + 1])
        solution[t] = np.dot(inverse[t].T, right)
    return solution


@compiled
def _selected_inverse(inverse: Any, below: Any, cross: Any, corner: Any) -> Any:
    periods, width, size = cross.shape
    diagonal, coupling = np.empty((periods, width, width)), np.empty((max(periods - 1, 0), width))
    beside, arrow = np.empty((periods, width, size)), np.empty((periods, width, size))
    if size and width:
        for t in range(periods):
            beside[t] = np.dot(inverse[t].T, cross[t])
        # Every period's entries at once; what comes through later periods is taken off in the loop.
        arrow = np.dot(beside.reshape(periods * width, size), corner).reshape(periods, width, size)
    for t in range(periods - 1, -1, -1) if width else range(0):
        block, slab = np.dot(inverse[t].T, inverse[t]), -arrow[t]
        if t < periods - 1:
            under = np.dot(below[t], inverse[t])
            between = -np.dot(diagonal[t + 1], under)
            if size:
                slab -= np.dot(under.T, arrow[t + 1])
                between -= np.dot(arrow[t + 1], beside[t].T)
            block -= np.dot(under.T, between)
            for i in range(width):
                coupling[t, i] = between[i, i]
        if size:
            block -= np.dot(beside[t], slab.T)
            arrow[t] = slab
        diagonal[t] = block
    return diagonal, coupling, arrow
