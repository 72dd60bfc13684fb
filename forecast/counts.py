"""Counts drawn around their means, as every model, baseline and simulation draws them."""

import numpy as np
import numpy.typing as npt
from scipy import stats

__all__ = ["draw_counts", "draw_coupled"]

Array = npt.NDArray[np.float64]
# Up to this mean, Poisson quantiles are found by adding up masses from 0.
_SMALL, _MOST = 50.0, 300


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
    return rng.poisson(_rates(rng, mu, phi)).astype(np.int64)


def draw_coupled(rng: np.random.Generator, mu: Array, phi: Array | float) -> npt.NDArray[np.int64]:
    """The same distribution, so that two calls with equal generators and dispersions differ only where `mu` does.

    There a larger mean gives a count that is no smaller: the Poisson part is the quantile of a uniform number.
    """
    rate = _rates(rng, mu, phi)
    return _poisson_quantiles(rng.random(mu.shape), rate)


def _rates(rng: np.random.Generator, mu: Array, phi: Array | float) -> Array:
    """Poisson rates of negative binomial counts; `mu` itself where `phi` is infinite."""
    phi = np.broadcast_to(phi, mu.shape)
    finite = np.isfinite(phi)
    shape = np.where(finite, phi, 1.0)
    return np.asarray(mu * np.where(finite, rng.gamma(shape) / shape, 1.0))


def _poisson_quantiles(below: Array, rate: Array) -> npt.NDArray[np.int64]:
    """Smallest counts whose distribution function is not below `below`."""
    below, mean = below.ravel(), rate.ravel()
    counts = np.zeros(mean.shape, dtype=np.int64)
    large = mean > _SMALL
    counts[large] = stats.poisson.ppf(below[large], mean[large]).astype(np.int64)
    at = np.flatnonzero(~large)
    mass = np.exp(-mean[at])
    left = below[at] - mass
    for count in range(1, _MOST):
        more = left > 0
        at, mass, left = at[more], mass[more], left[more]
        if not at.size:
            break
        counts[at] = count
        mass = mass * mean[at] / count
        left = left - mass
    return counts.reshape(rate.shape)
