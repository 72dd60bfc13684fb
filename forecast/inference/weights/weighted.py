"""Draws of the latents at given hyperparameters, with an estimate of the density of these."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from forecast.inference.weights.pareto import resampled

__all__ = ["Sampler", "WeightedLatents", "picked", "repeated"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class WeightedLatents:
    """Draws of the latents at given hyperparameters.

    Attributes
    ----------
    latents : array
        (n, draw), all of the same weight.
    log_weight : float
        Log of an unbiased estimate of p(y, theta), up to a constant.
    """

    latents: Array
    log_weight: float

    @classmethod
    def taken(cls, latents: Array, log_weight: Array, count: int, rng: np.random.Generator) -> "WeightedLatents":
        """So many of draws (n, draw) with log weights (draw), by these."""
        columns, log_mean = picked(log_weight, count, rng)
        return cls(latents[:, columns], log_mean)


def picked(log_weight: Array, count: int, rng: np.random.Generator) -> tuple[npt.NDArray[np.intp], float]:
    """So many of draws with log weights (draw), by these; and the log of the weights' mean."""
    top = float(log_weight.max())
    if not np.isfinite(top):
        return np.arange(count) % len(log_weight), -np.inf
    weight = np.exp(log_weight - top)
    return resampled(weight / weight.sum(), count, rng), top + float(np.log(weight.mean()))


# Draws so many latents at a Gaussian's hyperparameters.
Sampler = Callable[[Any, int, np.random.Generator], WeightedLatents]


def repeated(sampler: Sampler, times: int) -> Sampler:
    """By the mean of so many independent estimates; draws are taken from them by their weights."""

    def draw(gaussian: Any, count: int, rng: np.random.Generator) -> WeightedLatents:
        parts = [sampler(gaussian, count, rng) for _ in range(times)]
        latents = np.concatenate([part.latents for part in parts], axis=1)
        log_weight = np.repeat([part.log_weight for part in parts], count)
        return WeightedLatents.taken(latents, log_weight, count, rng)

    return draw
