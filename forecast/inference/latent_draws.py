"""Joint draws of hyperparameters and latents: every draw has hyperparameters of its own.

A factor of the latents' precision costs too much for each draw. So some draws of the hyperparameters become anchors,
with the mode and the factor there. A draw takes the deviation of its latents from the anchor that is nearest in those
directions in which variances change, about a mean of its own: mode and skewness shift, interpolated over all points
where they are known.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forecast.inference.emulator import kernel
from forecast.inference.hyperposterior import HyperPosterior
from forecast.inference.search import attempt

__all__ = ["JointDraws", "draw_jointly"]

Array = npt.NDArray[np.float64]
_FEWEST, _MOST = 16, 128
# Multiplications that all factors of the anchors may take.
_WORK = 8e9
# The kernel of the interpolation; its scale does not matter.
_LENGTH, _JOINT = 4.0, 0.3


@dataclass(frozen=True)
class JointDraws:
    """Draws, and what the anchors say of them.

    Attributes
    ----------
    vectors : array
        Hyperparameters (draw, element).
    latents : array
        (latent, draw).
    log_weight : array
        Of each anchor, which are draws: log of the density over what the emulator makes of it from all other points.
    decrement : float
        Largest Newton decrement at an anchor.
    definite : array of bool
        Whether the precision was positive definite at each.
    """

    vectors: Array
    latents: Array
    log_weight: Array
    decrement: float
    definite: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class _Anchor:
    """Without its factor: all at once would take too much memory, and one is soon made again."""

    z: Array
    vector: Array
    x: Array
    value: float
    decrement: float
    definite: bool


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
    anchors = _anchors(made, min(draws, _number(made)), rng)
    at = np.stack([anchor.z for anchor in anchors])
    values = np.array([anchor.value for anchor in anchors])
    refined = made.with_values(at, values)
    z = refined.draw(draws, rng)
    latents = _means(made, anchors, z)
    nearest = _nearest(made, at, z)
    for number, anchor in enumerate(anchors):
        own = np.flatnonzero(nearest == number)
        if len(own):
            latents[:, own] += _deviations(made, anchor, len(own), rng)
    return JointDraws(
        made.coordinates.vectors(z),
        latents,
        refined.emulator.left_out[-len(anchors) :],
        max(anchor.decrement for anchor in anchors),
        np.array([anchor.definite for anchor in anchors]),
    )


def _number(made: HyperPosterior) -> int:
    """As many anchors as their factors are worth."""
    field = made.marginal.field
    width, static = field.width, field.static
    work = field.periods * (2 * width**3 + 2 * static * width**2 + static**2 * width) + static**3 / 3
    return int(np.clip(_WORK / max(work, 1.0), _FEWEST, _MOST))


def _anchors(made: HyperPosterior, count: int, rng: np.random.Generator) -> list[_Anchor]:
    """Draws from the emulator, with the mode of the latents at each."""
    drawn, found = made.draw(count, rng), []
    starts = _interpolated(made.bent, np.stack([point.x for point in made.points]), made.coordinates.bend(drawn)[0])
    for z, vector, start in zip(drawn, made.coordinates.vectors(drawn), starts, strict=True):
        mode = attempt(made.marginal, vector, start)
        if mode is not None:
            found.append(_Anchor(z, vector, mode.x, mode.value, mode.decrement, mode.definite))
    return found


def _means(made: HyperPosterior, anchors: list[_Anchor], z: Array) -> Array:
    """Mean of the latents at each draw (latent, draw)."""
    s, at = (made.coordinates.bend(each)[0] for each in (z, np.stack([anchor.z for anchor in anchors])))
    modes = np.stack([*(point.x for point in made.points), *(anchor.x for anchor in anchors)])
    shifts = np.stack([point.shift for point in made.points])
    mean = _interpolated(np.concatenate([made.bent, at]), modes, s) + _interpolated(made.bent, shifts, s)
    return np.ascontiguousarray(mean.T)


def _interpolated(known: Array, values: Array, s: Array) -> Array:
    """Values (point, …) at other points: a linear trend and a Gaussian process (universal kriging)."""
    trend, ahead = (np.concatenate([np.ones((len(each), 1)), each], axis=1) for each in (known, s))
    covariance = kernel(known, known, _LENGTH, _JOINT)
    covariance[np.diag_indices_from(covariance)] *= 1 + 1e-6
    solved = np.linalg.solve(covariance, np.concatenate([trend, values - values[0]], axis=1))
    size = trend.shape[1]
    normal = trend.T @ solved[:, :size]
    slopes = np.linalg.lstsq(normal, trend.T @ solved[:, size:], rcond=None)[0]
    rest = solved[:, size:] - solved[:, :size] @ slopes
    return np.asarray(values[0] + ahead @ slopes + kernel(s, known, _LENGTH, _JOINT) @ rest)


def _nearest(made: HyperPosterior, anchors: Array, z: Array) -> npt.NDArray[np.intp]:
    """The anchor of each draw: the nearest where each direction counts as much as it changes variances of eta."""
    changes = np.stack([point.log_variance for point in made.points])
    columns = np.concatenate([np.ones((len(changes), 1)), made.bent], axis=1)
    slopes = np.linalg.lstsq(columns, changes, rcond=None)[0][1:]
    weight = np.sqrt((slopes**2).mean(axis=1)) + 1e-9
    at, to = (made.coordinates.bend(each)[0] * weight for each in (z, anchors))
    square = (at**2).sum(axis=1)[:, None] + (to**2).sum(axis=1) - 2 * at @ to.T
    return np.asarray(square.argmin(axis=1))


def _deviations(made: HyperPosterior, anchor: _Anchor, count: int, rng: np.random.Generator) -> Array:
    field = made.marginal.field
    numbers = field.split(rng.standard_normal((field.size, count)))
    return field.join(*made.marginal.factor(anchor.vector, anchor.x).sample(*numbers))
