"""Draws of latents from a Gaussian, annealed to the exact density, with the weights that this takes.

For published counts, whose sums couple provinces: given what these share, they are not independent.

A draw x of a Gaussian q has the log weight r = log p(y, x, theta) − log q(x). Where r varies by more than a nat, it is
moved from q to the exact density on the way q^(1−b)·p^b by Hamiltonian steps that leave each of these invariant, and
its weight is the product of the ratios that it passes (Neal 2001): unbiased for p(y, theta), however the steps mix.
In the coordinates of q the Gaussian part of the motion is a rotation, which is done exactly (Neal 2011, section 5.5.1).
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from forecast.inference.gaussian.best import Gaussian
from forecast.inference.weights.weighted import WeightedLatents

__all__ = ["anneal"]

Array = npt.NDArray[np.float64]
# Value (column) and gradient in the latents (n, column) of their exact log density.
LogJoint = Callable[[Array], tuple[Array, Array]]
# Variance of log weights that one temperature takes off, and the most temperatures. On Syria by month (variance 10) 277
# draws were effective for forecasts after two rounds, with half as many temperatures 127 after four.
_PER_TEMPERATURE, _MOST = 0.5, 40
# Rotations between two temperatures, and their angle: of 1 to 3 rotations by 0.4 to 1.0, about the least variance for
# the same number of gradients on both panels.
_ROTATIONS, _ANGLE = 2, 0.7
# Other draws that the number of temperatures is chosen by: the Gaussian is further off where variances are large.
_PILOT = 8


def temperatures_for(log_weight: Array) -> int:
    """How many temperatures annealing needs, from log weights of draws that were not annealed."""
    return int(np.clip(np.ceil(float(np.var(log_weight)) / _PER_TEMPERATURE), 1, _MOST))


def anneal(gaussian: Gaussian, log_joint: LogJoint, count: int, rng: np.random.Generator) -> WeightedLatents:
    """Draws of the latents at the Gaussian's hyperparameters.

    Parameters
    ----------
    gaussian : Gaussian
        What draws begin with.
    log_joint : function
        The exact density.
    count : int
        How many.
    rng : Generator
        Source of randomness.
    """
    temperatures = temperatures_for(_annealed(gaussian, log_joint, _PILOT, 1, rng)[1])
    latents, log_weight = _annealed(gaussian, log_joint, count, temperatures, rng)
    return WeightedLatents.taken(latents, log_weight, count, rng)


def _annealed(
    gaussian: Gaussian, log_joint: LogJoint, count: int, temperatures: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Latents (n, draw), and their log weights (draw); with one temperature they are those of the Gaussian."""

    def ratio(z: Array) -> tuple[Array, Array]:
        """The log ratio at standard normal numbers, and its gradient."""
        value, gradient = log_joint(gaussian.drawn(z))
        value = np.where(np.isfinite(value), value, -np.inf)
        return value - gaussian.log_density(z), gaussian.whitened(gradient) + z if temperatures > 1 else z

    with np.errstate(all="ignore"):
        z = rng.standard_normal((len(gaussian.x), count))
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
        return gaussian.drawn(z), np.where(np.isfinite(log_weight), log_weight, -np.inf)
