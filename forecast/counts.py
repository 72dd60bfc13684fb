"""Counts drawn around their means, as every model, baseline and simulation draws them."""

import numpy as np
import numpy.typing as npt

__all__ = ["draw_counts"]


def draw_counts(
    rng: np.random.Generator, mu: npt.NDArray[np.float64], phi: npt.NDArray[np.float64] | float
) -> npt.NDArray[np.int64]:
    """Negative binomial counts as gamma mixtures of Poisson: mean `mu`, variance mu + mu²/phi.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the draws.
    mu : array
        Expected counts, from 0.
    phi : array or float
        Dispersion, of a shape that broadcasts to that of `mu`; infinite for Poisson counts.

    Returns
    -------
    array of int64
        Of the shape of `mu`.
    """
    phi = np.broadcast_to(phi, mu.shape)
    finite = np.isfinite(phi)
    shape = np.where(finite, phi, 1.0)
    return rng.poisson(mu * np.where(finite, rng.gamma(shape) / shape, 1.0)).astype(np.int64)
