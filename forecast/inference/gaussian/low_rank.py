"""A symmetric positive definite matrix with a change of low rank, H = B + U·C·Uᵀ, from the factor of B (Woodbury)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import linalg

from forecast.inference.gaussian.block_arrow import BlockArrow, Factor, NotPositiveDefinite
from forecast.inference.gaussian.nested import NestedFactor

__all__ = ["AnyFactor", "Updated"]

Array = npt.NDArray[np.float64]
# Smallest eigenvalue of UᵀB⁻¹U, beside the largest.
_LEAST = 1e-10


@dataclass(frozen=True)
class Updated:
    """What `Factor` offers, for H.

    Attributes
    ----------
    base : Factor
        Of B.
    path, static : array
        U, (T, P, rank) and (R, rank).
    solved : pair of arrays
        B⁻¹·U, in the same shapes.
    shrunk : array
        M, with H⁻¹ = B⁻¹ − B⁻¹U·M·UᵀB⁻¹.
    root : array
        K, with which x + B⁻¹U·K·Uᵀx has the covariance H⁻¹ where x has B⁻¹.
    log_determinant : float
        Of H.
    """

    base: Factor
    path: Array
    static: Array
    solved: tuple[Array, Array]
    shrunk: Array
    root: Array
    log_determinant: float

    @classmethod
    def of(cls, base: Factor, path: Array, static: Array, middle: Array) -> "Updated":
        """From the factor of B, U and C; `NotPositiveDefinite` where H is not."""
        solved = base.solve(path, static)
        gram = np.einsum("tpr,tps->rs", path, solved[0]) + static.T @ solved[1]
        # I + LᵀCL, with UᵀB⁻¹U = LLᵀ, has the eigenvalues by which H differs from B.
        values, vectors = linalg.eigh(0.5 * (gram + gram.T))
        values = np.maximum(values, _LEAST * values.max(initial=0.0))
        lower = vectors * np.sqrt(values)
        change, basis = linalg.eigh(lower.T @ middle @ lower)
        if change.min(initial=0.0) <= -1.0:
            raise NotPositiveDefinite("not positive definite: what couples the periods")
        # In the coordinates y = LᵀU⁺x, where x has the covariance I.
        back = linalg.solve(lower.T, basis, check_finite=False)
        shrunk = (back * (change / (1 + change))) @ back.T
        root = (back * (1 / np.sqrt(1 + change) - 1)) @ back.T
        return cls(base, path, static, solved, shrunk, root, base.log_determinant + float(np.log1p(change).sum()))

    def solve(self, path: Array, static: Array) -> tuple[Array, Array]:
        """H⁻¹ times vectors (T, P) and (R), or matrices (T, P, columns) and (R, columns); in their shapes."""
        return self._plus(self.base.solve(path, static), -self.shrunk, (path, static), self.solved, self.solved)

    def backward(self, path: Array, static: Array) -> tuple[Array, Array]:
        """Of standard normal numbers, draws with the covariance H⁻¹."""
        drawn = self.base.backward(path, static)
        return self._plus(drawn, self.root, drawn, (self.path, self.static), self.solved)

    def forward(self, path: Array, static: Array) -> tuple[Array, Array]:
        """The transpose of `backward`."""
        updated = self._plus((path, static), self.root.T, (path, static), self.solved, (self.path, self.static))
        return self.base.forward(*updated)

    def selected_inverse(self) -> BlockArrow:
        """Entries of H⁻¹ where B has its own."""
        inverse, (path, static) = self.base.selected_inverse(), self.solved
        wide, taken = path @ self.shrunk, static @ self.shrunk
        return BlockArrow(
            inverse.diagonal - np.einsum("tpr,tqr->tpq", wide, path),
            inverse.coupling - np.einsum("tpr,tpr->tp", wide[:-1], path[1:]),
            inverse.arrow - wide @ static.T,
            inverse.corner - taken @ static.T,
        )

    def _plus(
        self,
        vectors: tuple[Array, Array],
        middle: Array,
        right: tuple[Array, Array],
        left: tuple[Array, Array],
        out: tuple[Array, Array],
    ) -> tuple[Array, Array]:
        """Vectors and out·middle·leftᵀ·right more."""
        across = np.tensordot(left[0], right[0], axes=([0, 1], [0, 1])) + left[1].T @ right[1]
        more = middle @ across
        return vectors[0] + out[0] @ more, vectors[1] + out[1] @ more


AnyFactor = Factor | Updated | NestedFactor
