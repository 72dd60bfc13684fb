"""Where the density of the hyperparameters is evaluated: along axes through its mode, then where the emulator draws."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from forecast.inference.coordinates import Axis, whitening
from forecast.inference.correction import noise
from forecast.inference.evaluation import Evaluated, Evaluator
from forecast.inference.hyperposterior import HyperPosterior, Shape
from forecast.inference.marginal import Marginal
from forecast.inference.pareto import effective_share
from forecast.inference.search import Peak, climb

__all__ = ["explore", "refine", "resume"]

Array = npt.NDArray[np.float64]
# Where each side of an axis is first looked at, in SDs.
_OUT = 1.5
# A side on which the density falls more slowly than this share of a normal one is looked at again, further out; the
# second share where the ridge is followed.
_SLOW, _SLOW_RIDGE = 0.85, 0.97
# There, it is looked for where it has fallen as far as a normal one 3.2 SDs out, until it has as 2.8 SDs out.
_FAR, _REACHED = 3.2, 2.8
_MOST = 4
_SLOWEST = 0.3
# A ridge is followed so many steps where the density beside the axis rises with at least this slope.
_AWAY, _LEAVES = 2, 0.5
# Rounds of points drawn from the emulator: at most, and points per round; the effective share of importance draws that
# ends them, over three rounds, and that which does so at once after an earlier fit.
_ROUNDS = 6
_FEWEST = 12
_GOOD, _EXCELLENT = 0.85, 0.98
_STRETCHED = 1.5
_RESTARTS = 3


def explore(marginal: Marginal, peak: Peak, rng: np.random.Generator) -> HyperPosterior:
    """Evaluate the density about its mode and along the axes through it; `refine` comes next."""
    numbers = noise(marginal, rng)
    for restart in range(_RESTARTS):
        evaluator = Evaluator(marginal, peak, whitening(peak.covariance), numbers)
        axes, points = _along_axes(evaluator)
        best = max(points, key=lambda point: point.value)
        if best.value <= peak.mode.value + 0.1 or restart == _RESTARTS - 1:
            break
        # The search had ended on a slope, or another mode is higher.
        peak = climb(marginal, peak.mode.vector + evaluator.root @ best.z, best.x)
    return HyperPosterior.of(evaluator, axes, points)


def resume(marginal: Marginal, peak: Peak, shape: Shape, rng: np.random.Generator) -> HyperPosterior:
    """Begin with the shape of an earlier fit, moved to the mode of this one; `refine` comes next."""
    evaluator = Evaluator(marginal, peak, shape.root, noise(marginal, rng))
    return HyperPosterior.of(evaluator, shape.axes, (evaluator.top(),), shape)


def refine(made: HyperPosterior, rng: np.random.Generator) -> HyperPosterior:
    """With points drawn from the emulator, round by round, until it knows them beforehand."""
    size = len(made.peak.mode.vector)
    if not size:
        return made
    count = max(_FEWEST, size)
    if made.earlier is None:
        # First its tails: draws moved outwards.
        s = _STRETCHED * made.coordinates.bend(made.draw(count // 2, rng))[0]
        made = made.with_points(_evaluated(made, made.coordinates.straighten(s)))
    seen = np.zeros(0)
    for _ in range(_ROUNDS):
        fresh = _evaluated(made, made.draw(count, rng))
        z = np.stack([point.z for point in fresh])
        log_weight = made.corrected(z, np.array([point.value for point in fresh])) - made.emulated(z)
        changed = (point.correction - made.points[0].correction for point in fresh)
        made = replace(made.with_points(fresh), changes=(*made.changes, *changed)[-_ROUNDS * count :])
        seen = np.append(seen, log_weight)[-3 * count :]
        # From an earlier fit's shape one round is enough where it knew nearly all.
        known = made.earlier is not None and _share(log_weight) > _EXCELLENT
        if known or (len(seen) == 3 * count and _share(seen) > _GOOD):
            break
    return made


def _share(log_weight: Array) -> float:
    """Effective share of importance draws."""
    return effective_share(np.exp(log_weight - log_weight.max()))


def _evaluated(made: HyperPosterior, z: Array) -> list[Evaluated]:
    """The density at whitened points, as far as there is one."""
    points = made.marginal.at_each(made.evaluator.at, z, made.modes(z))
    return [point for point in points if point is not None]


def _along_axes(evaluator: Evaluator) -> tuple[tuple[Axis, ...], list[Evaluated]]:
    """Points on each axis through the mode and on the ridges beside it, and the coordinates along it."""
    top = evaluator.top()
    found = evaluator.marginal.at_each(lambda number: _axis(evaluator, top, number), range(len(evaluator.root)))
    points = [point for _, on_axis, _ in found for point in on_axis]
    ridges = [point for _, _, beside in found for point in beside]
    return tuple(axis for axis, _, _ in found), [top, *points, *ridges]


def _axis(evaluator: Evaluator, top: Evaluated, number: int) -> tuple[Axis, list[Evaluated], list[Evaluated]]:
    """The coordinate along one axis, points on it, and points on ridges beside it.

    Where anchors will have weights, the ridge itself is followed and made normal: that reaches its tail, and weights
    make up for a bulk that is harder to emulate.
    """
    follows = evaluator.marginal.is_cheap
    sides = [_side(evaluator, number, sign, follows) for sign in (1.0, -1.0)]
    found = [point for side in sides for point in side]
    ridges = [] if follows else [point for side in sides if side for point in _ridge(evaluator, number, side[0])]
    profile = [_profile(top.value, point, number, follows) for point in found]
    return Axis.of(profile, max(_SLOWEST, float(np.linalg.norm(evaluator.root[:, number])))), found, ridges


def _step(point: Evaluated, number: int) -> Array:
    """A Newton step in all coordinates but one, with the curvature at the mode; of one SD at most."""
    step = np.where(np.arange(len(point.z)) == number, 0.0, point.gradient)
    return np.asarray(step / max(1.0, float(np.linalg.norm(step))))


def _profile(top: float, point: Evaluated, number: int, follows: bool) -> tuple[float, float, float]:
    """Coordinate, fall since the mode and slope of the density: there, or with the other coordinates at their best.

    The best by one Newton step, which is taken to grow with the distance.
    """
    at, step = float(point.z[number]), _step(point, number)
    gain = float(point.gradient @ step - 0.5 * step @ step) if follows else 0.0
    return at, top - point.value - gain, float(point.gradient[number]) + 2 * gain / at


def _side(evaluator: Evaluator, number: int, sign: float, follows: bool) -> list[Evaluated]:
    """One point on one side of the mode, and more further out where the density falls slowly."""
    unit, top = sign * np.eye(len(evaluator.root))[number], evaluator.peak.mode.value
    near = evaluator.at(_OUT * unit) or evaluator.at(0.5 * _OUT * unit)
    found = [near] if near else []
    while found and len(found) < _MOST:
        last = found[-1]
        at, fall, change = _profile(top, last, number, follows)
        s = np.sqrt(2 * max(fall, 1e-4))
        slope = -sign * change / s
        slow = slope <= (_SLOW_RIDGE if follows else _SLOW)
        if last.value >= top or s > _REACHED or (len(found) == 1 and not slow):
            break
        z = last.z + _step(last, number) * follows
        z[number] = sign * (abs(at) + (_FAR - s) / max(slope, 0.4))
        far = evaluator.at(z)
        if far is None or far.value >= last.value:
            break
        found.append(far)
    return found


def _ridge(evaluator: Evaluator, number: int, near: Evaluated) -> list[Evaluated]:
    """Points twice and four times as far out as one on an axis, where the others are best elsewhere than on the axis.

    A standard deviation that another term can stand in for has its tail on such a ridge.
    """
    found: list[Evaluated] = []
    if np.linalg.norm(np.delete(near.gradient, number)) < _LEAVES:
        return found
    last = near
    for _ in range(_AWAY):
        z = last.z + _step(last, number)
        z[number] = 2 * last.z[number]
        far = evaluator.at(z)
        if far is None or far.value < evaluator.peak.mode.value - 0.5 * _FAR**2:
            break
        found.append(far)
        last = far
    return found
