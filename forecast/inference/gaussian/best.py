"""The best Gaussian of the latents given the hyperparameters, and the bound on the log density that belongs to it.

Of all normal densities q the one with the least Kullback–Leibler divergence to the posterior of the latents (Opper &
Archambeau 2009): with expectations under q of the log likelihood's derivatives in eta,

    mean m:  E[A'l1] = Q(m − m0)        precision:  H = Q − A' diag(E[l2]) A

which is found like a mode, by Newton steps with the same block factor. Its bound

    log p(theta) + E[log p(y | x)] + log p(m | theta) + ½ Σ w v − ½ log|H|

is stationary in m, w and v, so that errors of these count twice over only, and its gradient in the hyperparameters is
that at fixed m and H.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forecast.inference.gaussian.block_arrow import Factor, NotPositiveDefinite
from forecast.inference.gaussian.design import Design
from forecast.inference.gaussian.low_rank import AnyFactor
from forecast.inference.gaussian.nested import NestedFactor, nested_factor
from forecast.inference.gaussian.precision import PriorPrecision

__all__ = ["BestGaussian", "FixedPoint", "Gaussian", "factor_of"]

Array = npt.NDArray[np.float64]
# Shares of a step towards the variance that came out: of the first step, and the least and the most of later ones; and
# the change of a log variance that says what share is right.
_FIRST_SHARE, _SHARES, _TELLS = 0.7, (0.3, 1.0), 1e-3


@dataclass(frozen=True)
class Gaussian:
    """A normal density of the latents given the hyperparameters.

    Attributes
    ----------
    vector : array
        The hyperparameters, unconstrained.
    theta : mapping of str to array
        Their values.
    prior : PriorPrecision
        Of the latents, for these values.
    design : Design
        From latents to eta.
    x : array
        Mean of the latents (n).
    factor : Factor, NestedFactor or Updated
        Of their precision.
    value : float
        About the log posterior density of `vector`, up to a constant.
    """

    vector: Array
    theta: Mapping[str, Array]
    prior: PriorPrecision
    design: Design
    x: Array
    factor: AnyFactor
    value: float

    def drawn(self, normal: Array) -> Array:
        """Latents (n, column) from standard normal numbers."""
        assert not isinstance(self.factor, NestedFactor)
        field = self.design.field
        return self.x[:, None] + field.join(*self.factor.backward(*field.split(normal)))

    def whitened(self, gradient: Array) -> Array:
        """A gradient in the latents (n, column) as one in the standard normal numbers."""
        assert not isinstance(self.factor, NestedFactor)
        field = self.design.field
        return field.join(*self.factor.forward(*field.split(gradient)))

    def log_density(self, normal: Array) -> Array:
        """Log density of the latents at each column of standard normal numbers, without the power of 2π."""
        return np.asarray(0.5 * self.factor.log_determinant - 0.5 * (normal**2).sum(axis=0))


@dataclass(frozen=True)
class BestGaussian(Gaussian):
    """The best Gaussian, or close to it, with the quadratic in eta that takes the place of each cell's log mass.

    Attributes
    ----------
    eta : array
        Mean of eta, per observed cell.
    slope, weight : array
        g and w of `log_density`'s exponent, per observed cell: A'g = Q(x − m0), and Q + A' diag(w) A is the precision.
    factor : Factor or NestedFactor
        As of any Gaussian; draws are made with it period by period, or province by province.
    constant : float
        Log density of the mean under the prior and of the hyperparameters, less the log density of the mean here.
    variance : array
        Of eta, about, per observed cell.
    """

    factor: Factor | NestedFactor
    eta: Array
    slope: Array
    weight: Array
    constant: float
    variance: Array


class FixedPoint:
    """Variances that reproduce themselves, cell by cell, by secants in their logs (Steffensen's method).

    A larger variance of a sparse cell means more information, and so a smaller variance: whole steps would go to and
    fro.
    """

    def __init__(self) -> None:
        self._before: tuple[Array, Array] | None = None

    def next(self, variance: Array, fresh: Array) -> Array:
        """The next variances to try, from those that were and what came of them."""
        at, step = np.log(variance), np.log(fresh) - np.log(variance)
        share = np.full(len(at), _FIRST_SHARE)
        if self._before is not None:
            position_change, change = at - self._before[0], step - self._before[1]
            far = np.abs(position_change) > _TELLS
            share[far] = np.clip(-position_change[far] / np.where(change[far] < 0, change[far], -np.inf), *_SHARES)
        self._before = at, step
        return np.asarray(np.exp(at + share * step))


def factor_of(prior: PriorPrecision, design: Design, weight: Array) -> Factor | NestedFactor:
    """Of Q + A' diag(weight) A; `NotPositiveDefinite` where there is none."""
    if not np.isfinite(weight).all():
        raise NotPositiveDefinite("weights are not finite")
    if design.field.nesting is not None:
        return nested_factor(design.field.nesting, (prior.diagonal, prior.beside, prior.corner), weight)
    return prior.with_curvature(*design.curvature(weight)).factorise()
