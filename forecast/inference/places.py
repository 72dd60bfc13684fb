"""Where each block of latents lies in the field, and its prior precision as numbers: products, solutions, moments."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import linalg

from forecast.inference.linalg import BlockArrow
from forecast.model.blocks import Block
from forecast.model.latents import Autoregressive, Independent, RandomWalk

__all__ = ["Place", "moments", "prior_parts", "solved", "times"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Place:
    """Where a block lies: columns of each period, or of the static latents."""

    block: Block
    along: bool
    at: slice


def prior_parts(place: Place, theta: Mapping[str, Any]) -> tuple[Any, tuple[Any, ...]]:
    """Log determinant of the precision of a block's prior, and its entries; the numbers may be complex.

    Entries of paths: the diagonal over the periods, and that beside it, the same for each path. Of others: one number
    for a diagonal that is the same throughout, or the matrix.
    """
    prior, labels = place.block.prior, place.at.stop - place.at.start
    if isinstance(prior, Independent):
        sd = theta[prior.sd] if isinstance(prior.sd, str) else prior.sd
        return -2 * labels * np.log(sd), (np.asarray(sd**-2.0),)
    if isinstance(prior, Autoregressive | RandomWalk):
        log_determinant, middle, side = prior.tridiagonal(theta)
        return labels * log_determinant, (middle, side)
    matrix = prior.precision(place.block.shape, theta).toarray()
    sign, log = np.linalg.slogdet(matrix)
    return log + np.log(sign), (matrix,)


def times(place: Place, parts: tuple[Any, ...], y: Array) -> Array:
    """The precision's product with a block's latents."""
    if not place.along:
        return np.asarray(parts[0] * y if parts[0].ndim < 2 else parts[0] @ y)
    middle, side = parts
    result = middle[:, None] * y
    result[:-1] += side[:, None] * y[1:]
    result[1:] += side[:, None] * y[:-1]
    return np.asarray(result)


def solved(place: Place, parts: tuple[Any, ...], y: Array) -> Array:
    """The solution of the precision's equations: what `times` undoes."""
    if not place.along:
        return np.asarray(y / parts[0] if parts[0].ndim < 2 else linalg.solve(parts[0], y, assume_a="pos"))
    middle, side = parts
    banded = np.zeros((2, len(middle)))
    banded[0, 1:], banded[1] = side, middle
    return np.asarray(linalg.solveh_banded(banded, y))


def moments(place: Place, inverse: BlockArrow, y: Array, u: Array) -> tuple[Array, ...]:
    """Second moments of a block's latents about the prior mean, summed to the shape of its `prior_parts`."""
    if not place.along:
        covariance = inverse.corner[place.at, place.at]
        if isinstance(place.block.prior, Independent):
            return (np.asarray(np.trace(covariance) + (y * (y + 2 * u)).sum()),)
        return (covariance + np.outer(y, y) + np.outer(u, y) + np.outer(y, u),)
    at = np.arange(place.at.start, place.at.stop)
    middle = inverse.diagonal[:, at, at] + y * (y + 2 * u)
    side = inverse.coupling[:, at] + y[:-1] * y[1:] + u[:-1] * y[1:] + y[:-1] * u[1:]
    return middle.sum(axis=1), 2 * side.sum(axis=1)
