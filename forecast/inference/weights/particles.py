"""Draws of the latents by a particle filter that the best Gaussian guides, with the weights that make them exact.

Under the best Gaussian q(x) = N(m, H⁻¹), H = Q + A' diag(w) A, the latents are drawn backwards: the static ones first,
then period after period from the last (the factor of H is what that needs). Static ones whose exact density is skewed
are not drawn from q, but closer to that (`skewed`). What the exact density has beside q is a product over the observed
cells, each of one period:

    log p(y, x, theta) − log q(x) = constant + Σ_c [log p(y_c | eta_c) − g_c d_c + ½ w_c d_c²],   d = A(x − m),

with g the slopes that m balances against the prior, A'g = Q(m − m0). So draws are weighed as they grow, and resampled
where few of them hold the weight (a twisted particle filter: Whiteley & Lee 2014, Guarniero, Johansen & Lee 2017). The
product of the mean weights is unbiased for p(y, theta), however few draws there are and wherever they are resampled.
Hyperparameters that are drawn from any density and weighted by it, together with a draw of the latents that is taken by
the last weights, are draws of the exact joint posterior (Tran, Scharth, Gunawan & Kohn 2013).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import sparse

from forecast.inference.gaussian.best import BestGaussian
from forecast.inference.gaussian.block_arrow import Factor
from forecast.inference.gaussian.field import Field
from forecast.inference.likelihood.cells import log_mass_of_draws
from forecast.inference.weights.pareto import effective_share, resampled
from forecast.inference.weights.skewed import Skewed
from forecast.inference.weights.weighted import WeightedLatents, picked
from forecast.model.families import Counts, Family

__all__ = ["ParticleFilter"]

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
# Draws are weighed after each of so many stretches of periods. (Variance of the log mean weight of 32 draws on Syria by
# month, at three points: 4 stretches .42 .65 .35, 11 .42 .68 .71, 23 .30 .37 .34; more take longer.)
_STRETCHES = 8
# The share of draws that must be effective for them to go on as they are.
_ENOUGH = 0.8
# Particles per SD of the log weights of so many draws at the mode that are not resampled; the fewest and the most.
# (Variance of the log mean weight: some 13 over the number of draws on Syria, 60 on UCDP Mexico, and 1 on panels
# where log weights vary by 1; the best Gaussian takes the time of some 40 draws.)
_PER_SD, _PILOT, _FEWEST, _MOST = 16.0, 64, 8, 128
# What skewed numbers must take off the variance of log weights, all together, to be drawn; and the least that each
# must, as a share of the most of one. (Where the spread of levels is large it is a hundred times that near the mode.)
_WORTH, _LEAST = 0.05, 0.01


@dataclass(frozen=True)
class _Stretch:
    """Periods from `first` up to `last`; their cells, and the design of these for the paths there."""

    first: int
    last: int
    cells: npt.NDArray[np.intp]
    counts: Counts
    paths: sparse.csr_array


@dataclass(frozen=True)
class ParticleFilter:
    """Draws latents of a field, stretch by stretch.

    Attributes
    ----------
    field : Field
        The latents.
    family : Family
        Of the counts.
    stretches : tuple
        From the last to the first.
    size : int
        Particles.
    skewed : tuple of int
        Rows of the numbers for static latents that are drawn skewed.
    """

    field: Field
    family: Family
    stretches: tuple[_Stretch, ...]
    size: int = _FEWEST
    skewed: tuple[int, ...] = ()

    @classmethod
    def of(cls, field: Field) -> "ParticleFilter":
        """For a field whose observations are of single cells."""
        bound, width = field.bound, field.width
        period = bound.cells % field.periods
        found = []
        for periods in np.array_split(np.arange(field.periods), min(_STRETCHES, field.periods)):
            first, last = int(periods[0]), int(periods[-1]) + 1
            cells = np.flatnonzero((period >= first) & (period < last))
            paths = field.design[cells][:, first * width : last * width]
            found.append(_Stretch(first, last, cells, bound.counts.at(cells), sparse.csr_array(paths)))
        return cls(field, bound.model.family, tuple(found[::-1]))

    def gains(self, gaussian: BestGaussian) -> Array:
        """What skewed numbers for static latents take off the variance of log weights, each about so much."""
        return self._skewed(gaussian, range(self.field.static)).gain

    def _skewed(self, gaussian: BestGaussian, rows: Sequence[int]) -> Skewed:
        return Skewed.of(gaussian, self.family, self.field.bound.counts, rows)

    def with_skewed(self, gains: Array) -> "ParticleFilter":
        """With skewed numbers where there is something to gain."""
        worth = gains.sum() > _WORTH
        return replace(self, skewed=tuple(np.flatnonzero(gains > _LEAST * gains.max()).tolist()) if worth else ())

    def sized(self, gaussian: BestGaussian, rng: np.random.Generator) -> "ParticleFilter":
        """With as many particles as the variance of log weights at a Gaussian says, where none is resampled."""
        with np.errstate(all="ignore"):
            spread = float(np.std(self._swept(gaussian, _PILOT, rng, resample=False)[1]))
        return replace(self, size=int(np.clip(_PER_SD * spread, _FEWEST, _MOST)) if np.isfinite(spread) else _MOST)

    def draw(self, gaussian: BestGaussian, count: int, rng: np.random.Generator) -> WeightedLatents:
        """So many draws at the Gaussian's hyperparameters."""
        with np.errstate(all="ignore"):
            path, log_weight, static, parents = self._swept(gaussian, self.size, rng)
            columns, log_mean = picked(log_weight, count, rng)
            latents = self.field.join(*_traced(path, static, parents, columns))
            return WeightedLatents(gaussian.x[:, None] + latents, gaussian.constant + log_mean)

    def _swept(
        self, gaussian: BestGaussian, size: int, rng: np.random.Generator, resample: bool = True
    ) -> tuple[Array, Array, Array, list[tuple[int, Ints]]]:
        """Draws less their mean with log weights: paths (T, P, draw), weights (draw), static latents (R, draw).

        Where draws were resampled, those of the periods from there on are as they had been before: the last result
        holds each of these periods with the places of the draws' parents.
        """
        field, factor = self.field, gaussian.factor
        assert isinstance(factor, Factor)
        paths, static = field.split(rng.standard_normal((field.size, size)))
        log_weight = np.zeros(size)
        if self.skewed:
            static[list(self.skewed)], log_weight = self._skewed(gaussian, self.skewed).draw(size, rng)
        static = factor.static_backward(static)
        # What the static latents add to eta, less its mean.
        away = gaussian.design.of(field.join(np.zeros_like(paths), static))
        path, total = np.empty(paths.shape), 0.0
        parents: list[tuple[int, Ints]] = []
        origin, after = np.arange(size), None
        for stretch in self.stretches:
            here = slice(stretch.first, stretch.last)
            path[here] = factor.paths_backward(paths[here], static[:, origin], after, stretch.first)
            d = stretch.paths @ path[here].reshape(-1, size) + away[stretch.cells][:, origin]
            log_weight = log_weight + self._log_ratio(gaussian, stretch, d)
            if resample and stretch.first and effective_share(np.exp(log_weight - log_weight.max())) < _ENOUGH:
                top = log_weight.max()
                weight = np.exp(log_weight - top)
                total += top + np.log(weight.mean())
                kept = resampled(weight / weight.sum(), size, rng)
                parents.append((stretch.first, kept))
                origin, after, log_weight = origin[kept], path[stretch.first][:, kept], np.zeros(size)
            else:
                after = path[stretch.first]
        return path, total + log_weight, static, parents

    def _log_ratio(self, gaussian: BestGaussian, stretch: _Stretch, d: Array) -> Array:
        """Of the exact density to the Gaussian, as far as a stretch has part in it (draw)."""
        log_mass = log_mass_of_draws(self.family, stretch.counts, gaussian.eta[stretch.cells], d, gaussian.theta)
        slope, weight = gaussian.slope[stretch.cells], gaussian.weight[stretch.cells]
        ratio = log_mass - slope @ d + 0.5 * (weight @ d**2)
        return np.where(np.isfinite(ratio), ratio, -np.inf)


def _traced(path: Array, static: Array, parents: list[tuple[int, Ints]], columns: Ints) -> tuple[Array, Array]:
    """Some of the draws of `_swept`, with their own past."""
    traced, first = np.empty((*path.shape[:2], len(columns))), 0
    for period, kept in reversed(parents):
        traced[first:period] = path[first:period][:, :, columns]
        first, columns = period, kept[columns]
    traced[first:] = path[first:][:, :, columns]
    return traced, static[:, columns]
