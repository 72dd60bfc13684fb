"""The prior precision of all latents at once, as arrays, with its derivatives in the hyperparameters."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import linalg

from forecast.inference.gaussian.block_arrow import BlockArrow
from forecast.inference.gaussian.field import Field
from forecast.inference.gaussian.places import prior_parts

__all__ = ["IMAGINARY_STEP", "PriorPrecision", "prior_precision"]

Array = npt.NDArray[np.float64]
# Of derivatives by an imaginary step (Squire & Trapp 1998): its square is lost beside 1, which leaves the first order.
IMAGINARY_STEP = 1e-30


@dataclass(frozen=True)
class _Derivative:
    """Of one block's log determinant and entries (as of `prior_parts`) in one hyperparameter."""

    name: str
    along: bool
    at: slice
    log_determinant: float
    parts: tuple[Array, ...]


@dataclass(frozen=True)
class PriorPrecision:
    """Precision Q of the latents given the hyperparameters.

    Attributes
    ----------
    diagonal, beside, corner : array
        Entries of paths in each period (T, P) and beside these (T − 1, P); of static latents (R, R).
    log_determinant : float
        Of Q.
    derivatives : tuple
        In each hyperparameter.
    """

    diagonal: Array
    beside: Array
    corner: Array
    log_determinant: float
    derivatives: tuple[_Derivative, ...]

    def with_curvature(self, diagonal: Array, arrow: Array, corner: Array) -> BlockArrow:
        """Q with the curvature of the likelihood, as `Field.curvature` gives it."""
        periods, width = self.diagonal.shape
        whole = diagonal.copy()
        whole.reshape(periods, -1)[:, :: width + 1] += self.diagonal
        return BlockArrow(whole, self.beside, arrow, corner + self.corner)

    def times(self, path: Array, static: Array) -> tuple[Array, Array]:
        """Q times vectors (T, P) and (R), or matrices (T, P, column) and (R, column)."""
        columns = (1,) * (path.ndim - 2)
        diagonal, beside = (part.reshape(*part.shape, *columns) for part in (self.diagonal, self.beside))
        by_path = diagonal * path
        by_path[:-1] += beside * path[1:]
        by_path[1:] += beside * path[:-1]
        return by_path, self.corner @ static

    def log_density(self, path: Array, static: Array) -> tuple[float, Array, Array]:
        """Of latents less their mean, (T, P) and (R), without the power of 2π; and its gradient in both."""
        by_path, by_static = self.times(path, static)
        total = 0.5 * (self.log_determinant - float((path * by_path).sum()) - float(static @ by_static))
        return total, -by_path, -by_static

    def slopes(self, path: Array, static: Array, diagonal: Array, beside: Array, corner: Array) -> dict[str, float]:
        """Derivative in each hyperparameter of `log_density`, and of what has the other gradients given in Q's entries.

        Parameters
        ----------
        path, static : array
            Latents less their mean, (T, P) and (R).
        diagonal, beside, corner : array
            A gradient in Q, in shapes as above; each number `beside` stands in two entries of Q.
        """
        of_diagonal = diagonal - 0.5 * path**2
        of_beside = beside - path[:-1] * path[1:]
        of_corner = corner - 0.5 * np.outer(static, static)
        slopes = {}
        for derivative in self.derivatives:
            at, parts = derivative.at, derivative.parts
            if derivative.along:
                gradient = of_diagonal[:, at].sum(axis=1) @ parts[0] + of_beside[:, at].sum(axis=1) @ parts[1]
            elif parts[0].ndim < 2:
                gradient = np.trace(of_corner[at, at]) * parts[0]
            else:
                gradient = (of_corner[at, at] * parts[0]).sum()
            slopes[derivative.name] = float(gradient) + 0.5 * derivative.log_determinant
        return slopes

    def forces(self, path: Array, static: Array) -> Iterator[tuple[str, tuple[Array, Array], tuple[Array, Array]]]:
        """Of each hyperparameter: the derivative of `log_density`'s gradient, and Q⁻¹ times it; both in both shapes."""
        for derivative in self.derivatives:
            at = derivative.at
            force, response = (np.zeros_like(path), np.zeros_like(static)), (np.zeros_like(path), np.zeros_like(static))
            if derivative.along:
                latents, (middle, side) = path[:, at], derivative.parts
                out = -middle[:, None] * latents
                out[:-1] -= side[:, None] * latents[1:]
                out[1:] -= side[:, None] * latents[:-1]
                banded = np.zeros((2, len(path)))
                banded[0, 1:], banded[1] = self.beside[:, at.start], self.diagonal[:, at.start]
                force[0][:, at], response[0][:, at] = out, linalg.solveh_banded(banded, out)
            else:
                (slope,), latents, block = derivative.parts, static[at], self.corner[at, at]
                out = -slope * latents if slope.ndim < 2 else -slope @ latents
                force[1][at] = out
                response[1][at] = out / block[0, 0] if slope.ndim < 2 else linalg.solve(block, out, assume_a="pos")
            yield derivative.name, force, response


def prior_precision(field: Field, theta: Mapping[str, Any]) -> PriorPrecision:
    """Of a field, for the values of its hyperparameters."""
    diagonal, beside = np.empty((field.periods, field.width)), np.empty((field.periods - 1, field.width))
    corner = np.zeros((field.static, field.static))
    total, derivatives = 0.0, []
    log_determinant: Any
    parts: tuple[Any, ...]
    for place in field.places:
        learned = place.block.prior.hyperparameters
        log_determinant, parts = (0.0, ()) if learned else prior_parts(place, theta)
        for name in learned:
            # Its real part is the value itself, whichever of the hyperparameters moves.
            log_determinant, parts = prior_parts(place, {**theta, name: theta[name] + IMAGINARY_STEP * 1j})
            slopes = tuple(np.imag(part) / IMAGINARY_STEP for part in parts)
            slope = float(np.imag(log_determinant)) / IMAGINARY_STEP
            derivatives.append(_Derivative(name, place.along, place.at, slope, slopes))
        total += float(np.real(log_determinant))
        if place.along:
            diagonal[:, place.at], beside[:, place.at] = (np.real(part)[:, None] for part in parts)
        elif parts[0].ndim < 2:
            corner.ravel()[place.at.start * (field.static + 1) : place.at.stop * field.static : field.static + 1] = (
                np.real(parts[0])
            )
        else:
            corner[place.at, place.at] = np.real(parts[0])
    return PriorPrecision(diagonal, beside, corner, total, tuple(derivatives))
