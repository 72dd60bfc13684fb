"""Pooled slopes as hyperparameters: coordinates in which they are nearly independent standard normal numbers.

A slope of label k is beta + dev_k with beta ~ Normal(mean, sd) and dev_k ~ Normal(0, sigma²). Where the counts tell
little of it, sigma·u_k is a good coordinate of dev_k; where they tell much, that would be a funnel. So coordinates take
the counts' information D_k about each slope, and the estimate b_k that it belongs to, from a pilot (Betancourt &
Girolami 2015; `forecast.inference.nuts.whitened` does the same for latents): given sigma,

    beta  = m(sigma) + v / sqrt(P(sigma)),      P = 1/sd² + Σ D_k/(1 + D_k·sigma²)
    dev_k = c_k·(b_k − beta) + u_k·sigma / sqrt(1 + D_k·sigma²),      c_k = D_k·sigma²/(1 + D_k·sigma²)

which is exact whatever D and b are. Without a pilot D = 0, and (v, u) are standard normal under the prior.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from forecast.inference.gaussian.precision import IMAGINARY_STEP
from forecast.model.priors import Normal

__all__ = ["Pilot", "PooledSlopes"]

Array = npt.NDArray[np.float64]
# Information that is small beside the prior's says nothing of where a slope lies.
_SAYS = 1e-3


@dataclass(frozen=True)
class Pilot:
    """What the counts say of each slope: their information, and the estimate that it belongs to (both per label)."""

    information: Array
    estimate: Array

    @classmethod
    def at(cls, information: Array, sigma: float, beta: float, deviations: Array) -> "Pilot":
        """So that slopes which were found have the coordinate 0."""
        information = np.maximum(information, 0.0)
        share = information * sigma**2 / (1 + information * sigma**2)
        shrunk = np.divide(deviations, share, out=np.array(deviations, dtype=float), where=share > _SAYS)
        return cls(information, beta + shrunk)


@dataclass(frozen=True)
class PooledSlopes:
    """The slopes of one term.

    Attributes
    ----------
    main, deviations, sigma : str
        Names of beta, dev and sigma.
    prior : Normal
        Of beta.
    pilot : Pilot
        What the coordinates are laid out by.
    """

    main: str
    deviations: str
    sigma: str
    prior: Normal
    pilot: Pilot

    def _given(self, sigma: Any) -> tuple[Any, ...]:
        """Mean and SD of beta, shares and SDs of the deviations (…, label), given sigma (…); complex numbers too."""
        known, square = self.pilot.information, np.asarray(sigma)[..., None] ** 2
        shrunk = known / (1 + known * square)
        precision = self.prior.sd**-2 + shrunk.sum(axis=-1)
        mean = (self.prior.mean * self.prior.sd**-2 + (shrunk * self.pilot.estimate).sum(axis=-1)) / precision
        return mean, precision**-0.5, shrunk * square, np.asarray(sigma)[..., None] * (1 + known * square) ** -0.5

    def located(self, sigma: Any, v: Any, u: Any) -> tuple[Any, Any]:
        """beta (…) and the deviations (…, label), from sigma (…), v (…) and u (…, label)."""
        mean, sd, share, spread = self._given(sigma)
        beta = mean + sd * v
        return beta, share * (self.pilot.estimate - beta[..., None]) + spread * u

    def coordinates(self, sigma: float, beta: float, deviations: Array) -> tuple[float, Array]:
        """The inverse: v and u."""
        mean, sd, share, spread = self._given(sigma)
        u = (deviations - share * (self.pilot.estimate - beta)) / spread
        return float((beta - mean) / sd), np.asarray(u)

    def log_density(self, sigma: Any, v: Any, u: Any) -> Any:
        """Prior log density of v and u given sigma, up to a constant; complex numbers too."""
        _, sd, _, spread = self._given(sigma)
        beta, deviations = self.located(sigma, v, u)
        prior = -0.5 * ((beta - self.prior.mean) / self.prior.sd) ** 2 + np.log(sd)
        return prior + (-0.5 * (deviations / sigma) ** 2 + np.log(spread / sigma)).sum()

    def derivatives(self, sigma: float, v: float, u: Array) -> tuple[Array, Array]:
        """Of (beta, deviations) in (sigma, v, u): (1 + labels, 2 + labels); and of the log density in these."""
        point, rows, slopes = np.concatenate([[sigma, v], u]), [], []
        for element in range(len(point)):
            stepped = point.astype(complex)
            stepped[element] += IMAGINARY_STEP * 1j
            beta, deviations = self.located(stepped[0], stepped[1], stepped[2:])
            rows.append(np.append(beta, deviations).imag / IMAGINARY_STEP)
            slopes.append(self.log_density(stepped[0], stepped[1], stepped[2:]).imag / IMAGINARY_STEP)
        return np.stack(rows, axis=1), np.array(slopes)
