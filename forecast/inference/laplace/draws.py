"""Joint draws of hyperparameters and latents from the exact posterior, by importance weights.

Hyperparameters are drawn from the emulated density, a part of them from a wider one; latents at each of them from the
best Gaussian and what makes them exact (`forecast.inference.weights.by_province`). Weights of both
together are exact, so that neither the emulator's error nor that of the Gaussians is left in what is resampled by them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
from scipy import special

from forecast.inference.gaussian.block_arrow import NotPositiveDefinite
from forecast.inference.laplace.evaluation import Evaluated
from forecast.inference.laplace.hyperposterior import HyperPosterior, Mixture
from forecast.inference.mode.marginal import Marginal
from forecast.inference.weights.pareto import resampled, smoothed
from forecast.inference.weights.weighted import Sampler, repeated
from forecast.progress import InTime

__all__ = ["JointDraws", "Weighed", "draw_jointly", "points_of"]

Array = npt.NDArray[np.float64]
# Hyperparameters that are drawn at least, per draw that is asked for; as far as they take no more than so many
# multiplications per draw; and in any case. While too few draws are effective there are more, up to so many times as
# many.
_SHARE, _WORK, _FEWEST, _MOST = 0.125, 4e7, 64, 32
# Draws of the latents at each.
_LATENTS = 8
# Hyperparameters come in rounds, each half as large as all before together, between these: the emulator learns from all
# of them, up to so many hyperparameters, since its memory grows with the square of their number; and of later ones from
# those at which it is too low by so many nats, up to a share of that number: a few draws would hold much weight there.
_SMALLEST, _LARGEST, _LEARNT, _LOW, _LATER = 24, 100, 600, 1.0, 0.25
# The fewest hyperparameters between two looks at the clock.
_BATCH = 8
# A point that holds so large a share of the weight, and so many times an equal one, is estimated again, by the mean of
# so many independent estimates: what made it heavy may be chance (3 nats of it on one of 767 points for UCDP Myanmar),
# and more rounds would wait for others as heavy. (`standard` there, June 2022, five seeds: 52, 53, 38, 29, 30 processor
# seconds for 90, 104, 45, 38, 38; with a share of .03 and sixteen estimates 57, 55, 53, 60, 64.)
_HEAVY, _TIMES_EQUAL, _ESTIMATES = 0.1, 10.0, 8
# What hyperparameters are drawn from, as powers of the emulated density and their shares: a part is wider, so that
# weights in the tails are bounded (Hesterberg 1995). (Effective of 168: with .8 and .5 at .7 and .3, Iraq by week 87
# and 69, the demonstration 75 and 63, Syria by month 47, 38, 56; with these 127 and 129, 102 and 118, 54, 50, 60.)
_WIDER = (0.95, 0.85), (0.6, 0.15)
# So many draws are tried before any is weighed. Where settling the variances of eta moves the log density of one of
# them by more, in nats, all are settled, and tell gradients. (The largest of twelve, two seeds: 300 sparse groups 2.1
# and 2.0, where levels with twice the SD of the mode are 10 to 24 nats off; 12 provinces by week, 95 % zeros, .5 and
# .6; 8 x 3 x 40 .1 and less.)
_TRIED, _OFF = 12, 1.0


@dataclass(frozen=True)
class Weighed:
    """What a certificate looks at.

    Attributes
    ----------
    log_weight : array
        Of each of the hyperparameters that were drawn (point).
    ahead : array
        Log expected counts of the cells of the last period, and of all of them together (point, draw, cell).
    """

    log_weight: Array
    ahead: Array


@dataclass(frozen=True)
class JointDraws(Weighed):
    """Draws, and the weights that they were taken by.

    Attributes
    ----------
    vectors : array
        Hyperparameters (draw, element).
    latents : array
        (latent, draw).
    made : HyperPosterior
        The emulated density, with what it has learned from the draws.
    lost : int
        Hyperparameters that were drawn and have no weight, since numbers ran out there.
    """

    vectors: Array
    latents: Array
    made: HyperPosterior
    lost: int


@dataclass(frozen=True)
class _Round:
    """Hyperparameters that were drawn together, with what their Gaussians make of the log density, what it is estimated
    to be (point), latents of equal weight (point, latent, draw), and `Weighed.ahead`.
    """

    points: tuple[Evaluated, ...]
    log_weight: Array
    latents: Array
    ahead: Array

    @property
    def z(self) -> Array:
        """Whitened hyperparameters (point, dimension)."""
        return np.stack([point.z for point in self.points])

    def with_another(self, at: int, other: "_Round") -> "_Round":
        """With the one point of another in the place of one."""
        arrays = (np.concatenate([here[:at], there, here[at + 1 :]]) for here, there in self._pairs(other))
        return _Round((*self.points[:at], *other.points, *self.points[at + 1 :]), *arrays)

    def with_others(self, other: "_Round") -> "_Round":
        """Both together."""
        return _Round(self.points + other.points, *(np.concatenate(pair) for pair in self._pairs(other)))

    def _pairs(self, other: "_Round") -> Iterator[tuple[Array, Array]]:
        arrays = ((part.log_weight, part.latents, part.ahead) for part in (self, other))
        return zip(*arrays, strict=True)


def draw_jointly(
    made: HyperPosterior,
    draws: int,
    rng: np.random.Generator,
    in_time: InTime = lambda share: True,
    certified: Callable[[Weighed], float] = lambda weighed: 1.0,
    most: int = _MOST,
) -> JointDraws:
    """Draw hyperparameters and latents.

    Parameters
    ----------
    made : HyperPosterior
        The emulated posterior of the hyperparameters.
    draws : int
        How many.
    rng : Generator
        Source of randomness.
    in_time : function
        Told after each batch what share is done; whether there is time for more. At least one batch is drawn.
    certified : function
        How far draws are on their way to be good enough; there are more rounds until that is 1.
    most : int
        Up to so many times the fewest hyperparameters.
    """
    size = points_of(made.marginal, draws)
    made, off, scatter = _tried(made, rng)
    settle, sampler = off > _OFF, made.marginal.sampler(scatter)
    count = max(_LATENTS, -(-draws // size))
    every: _Round | None = None
    mixtures: list[tuple[int, Mixture]] = []
    done, total, number, drawn = 0, size, 0, 0
    learnt = np.zeros(0, dtype=np.intp)
    steadier, steady = repeated(sampler, _ESTIMATES), set[int]()
    while drawn == number and done < most * size:
        number = _next(done, size, total)
        if every is not None:
            lessons = _lessons(made, every)
            if not np.array_equal(lessons, learnt):
                made = made.with_draws([every.points[point] for point in lessons], every.log_weight[lessons])
            learnt = lessons
        z, mixture = made.draw_mixture(number, rng, _WIDER)
        # What is drawn before time runs out must be of all parts of the mixture, which come one after the other.
        z = rng.permutation(z)
        of_all = partial(_share_of_all, in_time, done / total, number / total)
        found, drawn = _round(made, settle, sampler, z, count, rng, of_all)
        done += drawn
        if found is None:
            continue
        every = found if every is None else every.with_others(found)
        mixtures.append((drawn, mixture))
        weighed = _weighed(every, mixtures)
        heavy = _heavy(weighed) - steady
        for point in sorted(heavy):
            estimated, _ = _round(made, settle, steadier, every.z[[point]], count, rng, lambda share: True)
            every = every if estimated is None else every.with_another(point, estimated)
        if heavy:
            steady |= heavy
            weighed = _weighed(every, mixtures)
        share = certified(weighed)
        if share == 1 and done >= size:
            break
        # Effective draws grow with draws.
        total = int(min(max(done / max(share, 1e-6), size), most * size))
    if every is None:
        raise NotPositiveDefinite("no Gaussian at any of the hyperparameters that were drawn")
    each = every.latents.shape[2]
    weight = np.repeat(smoothed(weighed.log_weight)[0] / each, each)
    row, column = np.divmod(resampled(weight, draws, rng), each)
    latents = np.ascontiguousarray(every.latents[row, :, column].T)
    vectors, lost = made.coordinates.vectors(every.z)[row], done - len(every.points)
    return JointDraws(**vars(weighed), vectors=vectors, latents=latents, made=made, lost=lost)


def _tried(made: HyperPosterior, rng: np.random.Generator) -> tuple[HyperPosterior, float, float]:
    """Told of a few draws before any is weighed; with how far settling their variances of eta moved the log density
    (nats), and how much weights of the latents vary there, both the most of any.
    """

    def tried(z: Array, start: Array, variance: Array, own: np.random.Generator) -> tuple[Evaluated, float] | None:
        found = made.evaluator.found(z, start, variance)
        return None if found is None else (found[0], made.marginal.scatter(found[1], own))

    z = made.draw_mixture(_TRIED, rng, _WIDER)[0]
    items = z, *made.starts(z), rng.spawn(len(z))
    results = [each for each in made.marginal.at_each(tried, *items) if each is not None]
    if not results:
        return made, 0.0, 0.0
    points, scatters = zip(*results, strict=True)
    return made.with_points(points), max(point.settled for point in points), max(scatters)


def _lessons(made: HyperPosterior, every: _Round) -> npt.NDArray[np.intp]:
    """The points that the emulator learns from."""
    first = np.arange(min(len(every.points), _LEARNT))
    low = every.log_weight[_LEARNT:] - made.emulated(every.z[_LEARNT:]) if len(every.points) > _LEARNT else np.zeros(0)
    worst = np.argsort(-low, kind="stable")[: int(_LATER * _LEARNT)]
    return np.concatenate([first, _LEARNT + worst[low[worst] > _LOW]])


def _next(done: int, size: int, total: int) -> int:
    """How many hyperparameters the next round has, after so many, where so many are wanted at least, or about."""
    if done >= _LEARNT:
        return size - done if done < size else size // 2
    return max(min(max(_SMALLEST, done // 2), _LARGEST, total - done), _BATCH)


def _weighed(every: _Round, mixtures: Sequence[tuple[int, Mixture]]) -> Weighed:
    """All points so far: each could have come from each of the rounds (Veach & Guibas 1995: the balance heuristic)."""
    drawn = [np.log(number) + mixture.log_density(every.z) for number, mixture in mixtures]
    return Weighed(every.log_weight - np.logaddexp.reduce(drawn, axis=0), every.ahead)


def _heavy(weighed: Weighed) -> set[int]:
    """Points that a single estimate may have made too heavy."""
    with np.errstate(invalid="ignore"):
        share = special.softmax(weighed.log_weight)
    return set(np.flatnonzero(share > max(_HEAVY, _TIMES_EQUAL / len(share))).tolist())


def points_of(marginal: Marginal, draws: int) -> int:
    """How many hyperparameters are drawn, at least, for so many joint draws."""
    return int(max(draws * min(_SHARE, _WORK / marginal.work), min(_FEWEST, draws)))


def _share_of_all(in_time: InTime, before: float, part: float, share: float) -> bool:
    return in_time(before + part * share)


def _round(
    made: HyperPosterior,
    settle: bool,
    sampler: Sampler,
    z: Array,
    count: int,
    rng: np.random.Generator,
    in_time: InTime,
) -> tuple["_Round | None", int]:
    """Weighted latents at whitened hyperparameters, as far as there is time; and how many were tried."""
    marginal, at = made.marginal, made.evaluator.found if settle else made.evaluator.near
    last = np.flatnonzero(marginal.bound.cells % marginal.field.periods == marginal.last_period)

    def drawn(
        z: Array, start: Array, variance: Array, own: np.random.Generator
    ) -> tuple[Evaluated, float, Array, Array] | None:
        found = at(z, start, variance)
        if found is None:
            return None
        point, gaussian = found
        weighted = sampler(gaussian, count, own)
        eta = marginal.eta(gaussian.theta, weighted.latents)[last]
        ahead = np.concatenate([eta, np.logaddexp.reduce(eta, axis=0, keepdims=True)]).T
        return point, weighted.log_weight, weighted.latents, ahead

    found: list[tuple[Evaluated, float, Array, Array]] = []
    items = list(zip(z, *made.starts(z), rng.spawn(len(z)), strict=True))
    batch, first, there = max(_BATCH, len(z) // 10), 0, True
    while first < len(z) and there:
        points = marginal.at_each(drawn, *zip(*items[first : first + batch], strict=True))
        found += [each for each in points if each is not None]
        first += batch
        there = in_time(min(first / len(z), 1.0))
    tried = min(first, len(z))
    if not found:
        return None, tried
    evaluated, *arrays = zip(*found, strict=True)
    return _Round(evaluated, *(np.stack(parts) for parts in arrays)), tried
