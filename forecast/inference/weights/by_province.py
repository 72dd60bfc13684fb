"""Draws of the latents, province by province, with the weights that make them exact.

What the exact density has beside the best Gaussian q is a product over the observed cells (see `particles`). Under q
provinces are independent given what they share, so what is shared is drawn first, some times, and given each of these
every province, many times and by itself. Of a province it is the mean of the weights that enters, and the product of
these means is unbiased for p(y, theta), although no draw of all provinces together would have a weight to speak of. A
draw of each province is taken by its own weights.

The log weights of all latents together vary by 8 on Syria by month; given what provinces share, by 7 in all provinces
together, each a little, and what is shared by itself adds 0.1.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from forecast.inference.gaussian.best import BestGaussian
from forecast.inference.gaussian.nested import NestedFactor
from forecast.inference.likelihood.cells import log_mass_of_draws
from forecast.inference.weights.weighted import WeightedLatents, picked
from forecast.model.families import Counts, Family
from forecast.model.spec import BoundModel

__all__ = ["ByProvince"]

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
# Draws of what is shared, and of every province given each of these: so many that their log mean weight varies by
# about so much, the fewest and the most; and those at the mode by which they are sized.
_SHARED, _VARIANCE, _FEWEST, _MOST, _PILOT = 8, 0.1, 4, 64, 32


@dataclass(frozen=True)
class ByProvince:
    """Draws latents whose precision has a `NestedFactor`.

    Attributes
    ----------
    family : Family
        Of the counts.
    provinces : tuple
        Observed cells of each province, and their counts.
    size : int
        Draws of each province given what is shared.
    """

    family: Family
    provinces: tuple[tuple[Ints, Counts], ...]
    size: int = _FEWEST

    @classmethod
    def of(cls, bound: BoundModel) -> "ByProvince":
        """For a model whose observations are of single cells."""
        provinces, tactics, periods = bound.grid
        province = bound.cells // (tactics * periods)
        cells = [np.flatnonzero(province == number) for number in range(provinces)]
        return cls(bound.model.family, tuple((each, bound.counts.at(each)) for each in cells))

    def gains(self, gaussian: BestGaussian) -> Array:
        """Draws of one province have no need of skewed numbers."""
        return np.zeros(0)

    def with_skewed(self, gains: Array) -> "ByProvince":
        """The same."""
        return self

    def sized(self, gaussian: BestGaussian, rng: np.random.Generator) -> "ByProvince":
        """With as many draws as the variance of provinces' weights at a Gaussian says."""
        with np.errstate(all="ignore"):
            log_weight = self._weighed(gaussian, _PILOT, rng)[1]
            weight = np.exp(log_weight - log_weight.max(axis=2, keepdims=True))
            spread = float((weight.var(axis=2) / weight.mean(axis=2) ** 2).sum(axis=0).mean())
        size = spread / (_SHARED * _VARIANCE)
        return replace(self, size=int(np.clip(np.ceil(size), _FEWEST, _MOST)) if np.isfinite(size) else _MOST)

    def draw(self, gaussian: BestGaussian, count: int, rng: np.random.Generator) -> WeightedLatents:
        """So many draws at the Gaussian's hyperparameters."""
        with np.errstate(all="ignore"):
            x, log_weight = self._weighed(gaussian, self.size, rng)
            top = log_weight.max(axis=2, keepdims=True)
            below = np.cumsum(np.exp(log_weight - top), axis=2)
            log_mean = (top[..., 0] + np.log(below[..., -1] / self.size)).sum(axis=0)
            columns, log_total = picked(log_mean, count, rng)
            # One of each province's draws, by their weights.
            shares = below[:, columns] / below[:, columns, -1:]
            taken = (shares < rng.random((len(shares), count, 1))).sum(axis=2)
            nesting, latents = gaussian.design.field.nesting, x[:, columns, 0]
            assert nesting is not None
            for number, own in enumerate(nesting.of_province):
                latents[own] = x[own[:, None], columns, np.minimum(taken[number], self.size - 1)]
            return WeightedLatents(gaussian.x[:, None] + latents, gaussian.constant + log_total)

    def _weighed(self, gaussian: BestGaussian, size: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """Draws less their mean (latent, shared, draw) and log weights (province, shared, draw)."""
        factor = gaussian.factor
        assert isinstance(factor, NestedFactor)
        x = factor.drawn(_SHARED, size, rng)
        away = gaussian.design.of(x.reshape(len(x), -1))
        found = []
        for cells, counts in self.provinces:
            d, slope, weight = away[cells], gaussian.slope[cells], gaussian.weight[cells]
            log_mass = log_mass_of_draws(self.family, counts, gaussian.eta[cells], d, gaussian.theta)
            found.append(log_mass - slope @ d + 0.5 * (weight @ d**2))
        log_weight = np.stack(found).reshape(-1, _SHARED, size)
        return x, np.where(np.isfinite(log_weight), log_weight, -np.inf)
