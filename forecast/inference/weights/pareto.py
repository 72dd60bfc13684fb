"""Pareto-smoothed importance weights (Vehtari et al. 2024), without ArviZ, whose import takes longer than a fit."""

import numpy as np
import numpy.typing as npt

__all__ = ["effective_share", "resampled", "smoothed"]

Array = npt.NDArray[np.float64]
_FEWEST = 5


def smoothed(log_weight: Array) -> tuple[Array, float]:
    """Normalised weights whose largest are replaced by quantiles of a Pareto tail, and the tail's shape k.

    Parameters
    ----------
    log_weight : array
        Log importance weights (draw), up to a constant.

    Returns
    -------
    array, float
        Weights with sum 1; k, above 0.7 where the mean of what is weighted cannot be trusted (0 where all are equal).
    """
    weight = np.exp(log_weight - log_weight.max())
    count = len(weight)
    tail = min(int(np.ceil(0.2 * count)), int(np.ceil(3 * np.sqrt(count))))
    order = np.argsort(weight)
    k = 0.0
    if tail >= _FEWEST:
        largest = order[-tail:]
        cut = weight[order[-tail - 1]]
        excess = weight[largest] - cut
        if excess[-1] > 1e-10:
            k, scale = _fitted(np.maximum(excess, 1e-300))
            share = (np.arange(tail) + 0.5) / tail
            # A tail so long that its quantiles overflow is cut at the largest weight.
            with np.errstate(over="ignore"):
                quantiles = -scale * np.log1p(-share) if abs(k) < 1e-8 else scale * np.expm1(-k * np.log1p(-share)) / k
            weight[largest] = np.minimum(cut + quantiles, 1.0)
    return weight / weight.sum(), k


def effective_share(weight: Array) -> float:
    """Effective number of draws with these weights, as a share of their number (Kish 1965)."""
    return float(weight.sum() ** 2 / (weight**2).sum() / len(weight))


def resampled(weight: Array, count: int, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """Numbers of draws with weights of sum 1, by systematic resampling, in random order.

    A draw comes twice only where its weight is above 1 / count.
    """
    places = (np.arange(count) + rng.random()) / count
    order = rng.permutation(len(weight))
    chosen = order[np.minimum(np.searchsorted(np.cumsum(weight[order]), places), len(weight) - 1)]
    return np.asarray(rng.permutation(chosen))


def _fitted(x: Array) -> tuple[float, float]:
    """Shape and scale of a generalised Pareto distribution (Zhang & Stephens 2009), the shape drawn to ½ a little."""
    count = len(x)
    grid = np.arange(1, 30 + int(np.sqrt(count)) + 1)
    theta = 1 / x[-1] + (1 - np.sqrt(len(grid) / (grid - 0.5))) / (3 * x[int(count / 4 + 0.5) - 1])
    shape = np.log1p(-theta[:, None] * x).mean(axis=1)
    likelihood = count * (np.log(-theta / shape) - shape - 1)
    posterior = np.exp(likelihood - likelihood.max())
    best = float((theta * posterior).sum() / posterior.sum())
    k = float(np.log1p(-best * x).mean())
    return (count * k + 5) / (count + 10), -k / best
