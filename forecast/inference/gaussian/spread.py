"""What the latents' posterior covariance says of the prior's entries and of the observed cells."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Spread"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Spread:
    """Variances under a Gaussian of the latents, and covariances of latents that stand together in the prior.

    Attributes
    ----------
    diagonal, beside : array
        Of paths in each period (T, P), and between it and the next (T − 1, P).
    corner : array
        Of static latents (R, R), right where the prior's precision has entries.
    variance : array
        Of eta of each observed cell.
    with_error : array or None
        Covariance of eta with the error of a measured covariate there.
    """

    diagonal: Array
    beside: Array
    corner: Array
    variance: Array
    with_error: Array | None = None
