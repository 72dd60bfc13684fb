"""Joint draws of hyperparameters and latents.

Some draws of the hyperparameters from the emulator become anchors, with the mode and the factor there, and the emulator
learns from them. A draw takes the deviation of its latents from the anchor that is nearest in those directions in which
variances change, about a mean of its own: mode and skewness shift, interpolated over all points where they are known.
Where it is cheap there are anchors again, half as many as draws, and draws are taken from these by the weights that the
density gives them: then no error of the emulator is left. Elsewhere this is done with draws far from the mode, where
the emulator knows least, or with the furthest of them.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
from scipy import special

from forecast.inference.correction import deviations
from forecast.inference.hyperposterior import HyperPosterior
from forecast.inference.low_rank import AnyFactor
from forecast.inference.pareto import resampled, smoothed
from forecast.inference.search import attempt

__all__ = ["JointDraws", "draw_jointly"]

Array = npt.NDArray[np.float64]
_FEWEST, _MOST = 16, 200
# Multiplications that all anchors may take.
_WORK = 1.2e10
# What anchors with weights are drawn from, as powers of the emulated density and their shares: a part is wider, so that
# weights in the tails are bounded (Hesterberg 1995).
_WIDER = (0.85, 0.85), (0.4, 0.15)
# Elsewhere the emulator is not relied on for draws beyond all but this share of a normal density, up to this number of
# multiplications per draw that is asked for.
_BEYOND, _CHECKING = 0.03, 4e6
# Numbers that their factors may take up in memory (0.2 GB); beyond, they are made again.
_NUMBERS = 2e7


@dataclass(frozen=True)
class JointDraws:
    """Draws, and what the anchors say of them.

    Attributes
    ----------
    vectors : array
        Hyperparameters (draw, element).
    latents : array
        (latent, draw).
    weighted : bool
        Whether draws are anchors, taken by their weights.
    log_weight : array
        Of each draw that became an anchor: log of the density over that which it was drawn from; or else, of each
        anchor that the emulator learned from, over what it makes of the density there from all other points.
    decrement : float
        Largest Newton decrement at an anchor that draws were taken from, where the precision was positive definite.
    definite : array of bool
        Whether the precision was positive definite at each.
    refined : HyperPosterior
        What was drawn from: the emulator knows the density at the anchors.
    """

    vectors: Array
    latents: Array
    weighted: bool
    log_weight: Array
    decrement: float
    definite: npt.NDArray[np.bool_]
    refined: HyperPosterior


@dataclass(frozen=True)
class _Anchor:
    """What is known at a draw, by its number; with its factor, where memory takes those of all anchors."""

    number: int
    z: Array
    vector: Array
    x: Array
    variance: Array
    value: float
    decrement: float
    definite: bool
    factor: AnyFactor | None


def draw_jointly(made: HyperPosterior, draws: int, rng: np.random.Generator) -> JointDraws:
    """Draw hyperparameters and latents.

    Parameters
    ----------
    made : HyperPosterior
        The emulated posterior of the hyperparameters; it is refined by the density at the anchors first.
    draws : int
        How many.
    rng : Generator
        Source of randomness.
    """
    work, weighted = made.marginal.work, made.marginal.is_cheap
    first = _anchors(made, made.draw(min(draws, int(np.clip(_WORK / work, _FEWEST, _MOST))), rng))
    at = np.stack([anchor.z for anchor in first])
    refined = made.with_values(at, np.array([anchor.value for anchor in first]))
    z, log_drawn = refined.draw_mixture((draws + 1) // 2 if weighted else draws, rng, _WIDER)
    far = np.arange(len(z)) if weighted else _furthest(made, z, int(_CHECKING * draws / work))
    found = _anchors(made, z[far])
    kept = far[[anchor.number for anchor in found]]
    log_weight, rest = np.full(len(z), -np.inf), np.setdiff1d(np.arange(len(z)), far)
    if len(rest):
        log_weight[rest] = refined.emulated(z[rest]) - log_drawn[rest]
    log_weight[kept] = made.corrected(z[kept], np.array([anchor.value for anchor in found])) - log_drawn[kept]
    weight = np.exp(log_weight - log_weight.max())
    if len(kept):
        weight[kept] = weight[kept].sum() * smoothed(log_weight[kept])[0]
    chosen = resampled(weight / weight.sum(), draws, rng)
    anchors, number = [*first, *found], np.full(len(z), -1)
    number[kept] = len(first) + np.arange(len(kept))
    z, nearest = z[chosen], number[chosen]
    modes, near = np.stack([anchor.x for anchor in anchors])[nearest], nearest < 0
    if near.any():
        nearest[near] = _nearest(made, at, z[near])
        modes[near] = made.modes(z[near], at, [anchor.x for anchor in first])
    shifts = np.stack([point.shift for point in made.points])
    latents = np.ascontiguousarray((modes + made.interpolated(shifts, z)).T)
    at = np.stack([anchor.z for anchor in anchors])
    own = [np.flatnonzero(nearest == number) for number in range(len(anchors))]
    taken = [anchor for anchor, some in zip(anchors, own, strict=True) if len(some)]
    each = anchors, made.interpolated(shifts, at), map(len, own), rng.spawn(len(anchors))
    for some, away in zip(own, made.marginal.at_each(partial(_deviations, made), *each), strict=True):
        latents[:, some] += away
    return JointDraws(
        made.coordinates.vectors(z),
        latents,
        weighted,
        log_weight if weighted else refined.emulator.left_out[-len(first) :],
        max((anchor.decrement for anchor in (*first, *taken) if anchor.definite), default=np.inf),
        np.array([anchor.definite for anchor in anchors]),
        refined,
    )


def _furthest(made: HyperPosterior, z: Array, most: int) -> npt.NDArray[np.intp]:
    """Numbers of the whitened draws beyond nearly all of a normal density, the furthest first."""
    square = (made.coordinates.bend(z)[0] ** 2).sum(axis=1)
    beyond = int((square > special.chdtri(z.shape[1], _BEYOND)).sum())
    return np.argsort(-square)[: min(most, beyond)]


def _anchors(made: HyperPosterior, drawn: Array) -> list[_Anchor]:
    """At whitened draws, the mode of the latents, where there is one."""
    starts = made.modes(drawn)
    variances = np.exp(made.interpolated(np.stack([point.log_variance for point in made.points]), drawn))

    def anchor(number: int, z: Array, vector: Array, start: Array, variance: Array) -> _Anchor | None:
        mode = attempt(made.marginal, vector, start, variance)
        if mode is None:
            return None
        factor = mode.factor if mode.factor.size * len(drawn) <= _NUMBERS else None
        return _Anchor(number, z, vector, mode.x, variance, mode.value, mode.decrement, mode.definite, factor)

    found = made.marginal.at_each(anchor, range(len(drawn)), drawn, made.coordinates.vectors(drawn), starts, variances)
    return [each for each in found if each is not None]


def _nearest(made: HyperPosterior, anchors: Array, z: Array) -> npt.NDArray[np.intp]:
    """The anchor of each draw: the nearest where each direction counts as much as it changes variances of eta."""
    changes = np.stack([point.log_variance for point in made.points])
    columns = np.concatenate([np.ones((len(changes), 1)), made.bent], axis=1)
    slopes = np.linalg.lstsq(columns, changes, rcond=None)[0][1:]
    weight = np.sqrt((slopes**2).mean(axis=1)) + 1e-9
    at, to = (made.coordinates.bend(each)[0] * weight for each in (z, anchors))
    square = (at**2).sum(axis=1)[:, None] + (to**2).sum(axis=1) - 2 * at @ to.T
    return np.asarray(square.argmin(axis=1))


def _deviations(made: HyperPosterior, anchor: _Anchor, shift: Array, count: int, rng: np.random.Generator) -> Array:
    marginal = made.marginal
    if not count:
        return np.zeros((marginal.field.size, 0))
    theta = marginal.hyperparameters.constrained(anchor.vector)
    factor = anchor.factor or marginal.factor(theta, anchor.x)
    higher = marginal.higher(theta, anchor.x, factor)
    return deviations(marginal.design(theta), factor, higher, anchor.variance, shift, count, rng)
