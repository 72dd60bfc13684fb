"""Where each block of latents lies in the field, and its prior precision as numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from forecast.model.blocks import Block
from forecast.model.latents import Independent, Path

__all__ = ["Place", "prior_parts"]

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
    if isinstance(prior, Path):
        log_determinant, middle, side = prior.tridiagonal(theta)
        return labels * log_determinant, (middle, side)
    matrix = prior.precision(place.block.shape, theta).toarray()
    sign, log = np.linalg.slogdet(matrix)
    return log + np.log(sign), (matrix,)
