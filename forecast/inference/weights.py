"""Importance weights of draws of the latents against their exact density, annealed where a Gaussian is too far from it.

A draw x of a Gaussian q has the log weight r = log p(y, x, theta) − log q(x). Where r varies by more than a nat, it is
moved from q to the exact density on the way q^(1−b)·p^b by Hamiltonian steps that leave each of these invariant, and
its weight is the product of the ratios that it passes (Neal 2001): unbiased for p(y, theta), however the steps mix.
In the coordinates of q the Gaussian part of the motion is a rotation, which is done exactly (Neal 2011, section 5.5.1).
Hyperparameters that are drawn from any density and weighted so, together with the latents, are draws of the exact joint
posterior (Tran, Scharth, Gunawan & Kohn 2013).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forecast.inference.gaussian import Gaussian
from forecast.inference.marginal import Marginal

__all__ = ["WeightedLatents", "temperatures_for", "weigh"]

Array = npt.NDArray[np.float64]
# Variance of log weights that one temperature takes off, and the most temperatures. On Syria by month (variance 10) 277
# draws were effective for forecasts after two rounds, with half as many temperatures 127 after four.
_PER_TEMPERATURE, _MOST = 0.5, 40
# Rotations between two temperatures, and their angle: of 1 to 3 rotations by 0.4 to 1.0, about the least variance for
# the same number of gradients on both panels.
_ROTATIONS, _ANGLE = 2, 0.7


@dataclass(frozen=True)
class WeightedLatents:
    """Draws of the latents at given hyperparameters.

    Attributes
    ----------
    latents : array
        (n, draw).
    log_weight : array
        (draw); the mean weight estimates p(y, theta), up to a constant.
    """

    latents: Array
    log_weight: Array


def temperatures_for(log_weight: Array) -> int:
    """How many temperatures annealing needs, from log weights of draws that were not annealed."""
    return int(np.clip(np.ceil(float(np.var(log_weight)) / _PER_TEMPERATURE), 1, _MOST))


def weigh(
    marginal: Marginal, gaussian: Gaussian, count: int, temperatures: int, rng: np.random.Generator
) -> WeightedLatents:
    """Draw latents from a Gaussian, or near to the exact density, with their weights.

    Parameters
    ----------
    marginal : Marginal
        The exact density.
    gaussian : Gaussian
        What draws begin with.
    count : int
        How many.
    temperatures : int
        Steps from the Gaussian to the exact density; 1 leaves the draws where they are.
    rng : Generator
        Source of randomness.
    """

    def ratio(z: Array) -> tuple[Array, Array]:
        """The log ratio at standard normal numbers, and its gradient."""
        value, gradient = marginal.log_joint(gaussian, gaussian.drawn(z))
        value = np.where(np.isfinite(value), value, -np.inf)
        return value - gaussian.log_density(z), gaussian.whitened(gradient) + z if temperatures > 1 else z

    with np.errstate(all="ignore"):
        z = rng.standard_normal((marginal.field.size, count))
        r, gradient = ratio(z)
        log_weight = r / temperatures
        for number in range(1, temperatures):
            share, angle = number / temperatures, _ANGLE * rng.uniform(0.8, 1.2)
            turn, across = np.cos(angle), np.sin(angle)
            momentum = rng.standard_normal(z.shape)
            before = share * r - 0.5 * (z**2 + momentum**2).sum(axis=0)
            at, reached, slope = z, r, gradient
            for _ in range(_ROTATIONS):
                momentum = momentum + 0.5 * angle * share * slope
                at, momentum = turn * at + across * momentum, turn * momentum - across * at
                reached, slope = ratio(at)
                momentum += 0.5 * angle * share * slope
            after = share * reached - 0.5 * (at**2 + momentum**2).sum(axis=0)
            taken = np.log(rng.random(count)) < after - before
            z, gradient = np.where(taken, at, z), np.where(taken, slope, gradient)
            r = np.where(taken, reached, r)
            log_weight = log_weight + r / temperatures
        return WeightedLatents(gaussian.drawn(z), np.where(np.isfinite(log_weight), log_weight, -np.inf))
