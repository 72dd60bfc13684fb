"""Where the density of the hyperparameters is evaluated: along axes through its mode, then where the emulator draws."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from forecast.inference.laplace.coordinates import Axis, whitening
from forecast.inference.laplace.evaluation import Evaluated, Evaluator
from forecast.inference.laplace.hyperposterior import HyperPosterior, Shape
from forecast.inference.mode.marginal import Marginal
from forecast.inference.mode.search import Peak, climb
from forecast.inference.weights.pareto import effective_share
from forecast.progress import InTime

__all__ = ["explore", "refine", "resume"]

Array = npt.NDArray[np.float64]
# Where each side of an axis is first looked at, in SDs.
_OUT = 1.5
# A side on which the density falls more slowly than this share of a normal one is looked at again, further out: where
# it has fallen as far as a normal one 3.2 SDs out, until it has as 2.8 SDs out.
_SLOW = 0.85
_FAR, _REACHED = 3.2, 2.8
_MOST = 4
_SLOWEST = 0.3
# Rounds of points drawn from the emulator: at most, and points per round; the effective share of importance draws that
# ends them, over three rounds, and that which does so at once after an earlier fit.
_ROUNDS = 3
_FEWEST = 12
_GOOD, _EXCELLENT = 0.5, 0.9
_STRETCHED = 1.5
_RESTARTS = 3
# A point so much higher than the mode, in nats, begins another search: the density that is explored is not quite that
# whose mode was searched for.
_HIGHER = 0.5
# The log of the share of the mass from which on another mode matters: one percent.
_NEGLIGIBLE = float(np.log(0.01))


def explore(
    marginal: Marginal, peak: Peak, other: Peak | None = None, told: InTime = lambda share: True
) -> HyperPosterior:
    """Evaluate the density about its mode and along the axes through it; `refine` comes next.

    Parameters
    ----------
    marginal : Marginal
        The log density.
    peak : Peak
        Its mode.
    other : Peak, optional
        Another mode: where it matters, the density is evaluated about it too.
    told : function
        Told after each axis what share is done.
    """
    for restart in range(_RESTARTS):
        evaluator = Evaluator(marginal, peak, whitening(peak.covariance))
        axes, points = _along_axes(evaluator, told)
        best = max(points, key=lambda point: point.value)
        if best.value <= points[0].value + _HIGHER or restart == _RESTARTS - 1:
            break
        # The search had ended on a slope, or another mode is higher.
        peak = climb(marginal, peak.gaussian.vector + evaluator.root @ best.z, best.x)
    return _with_other(HyperPosterior.of(evaluator, axes, points), other)


def resume(marginal: Marginal, peak: Peak, shape: Shape, other: Peak | None = None) -> HyperPosterior:
    """Begin with the shape of an earlier fit, moved to the mode of this one; `refine` comes next."""
    evaluator = Evaluator(marginal, peak, shape.root)
    return _with_other(HyperPosterior.of(evaluator, shape.axes, (evaluator.top,), shape), other)


def _with_other(made: HyperPosterior, other: Peak | None) -> HyperPosterior:
    """With the density about another mode, where that is another one and has a share of the mass that matters."""
    if other is None or other.log_mass - made.peak.log_mass < _NEGLIGIBLE or not made.peak.is_apart(other):
        return made
    found = explore(made.marginal, other)
    return replace(made, other=found) if made.peak.is_apart(found.peak) else made


def refine(made: HyperPosterior, rng: np.random.Generator, in_time: InTime = lambda share: True) -> HyperPosterior:
    """With points drawn from the emulator, round by round, until it knows them beforehand.

    Parameters
    ----------
    made : HyperPosterior
        From `explore` or `resume`.
    rng : Generator
        Source of randomness.
    in_time : function
        Told before each round what share is done at most; whether there is time for more.
    """
    size = len(made.peak.gaussian.vector)
    if not size or not in_time(0.0):
        return made
    count = max(_FEWEST, size)
    if made.earlier is None:
        # First its tails: draws moved outwards.
        s = _STRETCHED * made.coordinates.bend(made.draw(count // 2, rng))[0]
        made = made.with_points(_evaluated(made, made.coordinates.straighten(s)))
    seen = np.zeros(0)
    for number in range(_ROUNDS):
        if not in_time(number / _ROUNDS):
            break
        fresh = _evaluated(made, made.draw(count, rng))
        z = np.stack([point.z for point in fresh])
        log_weight = np.array([point.value for point in fresh]) - made.emulated(z)
        made = made.with_points(fresh)
        seen = np.append(seen, log_weight)[-2 * count :]
        # From an earlier fit's shape one round is enough where it knew nearly all.
        known = made.earlier is not None and _share(log_weight) > _EXCELLENT
        if known or (len(seen) == 2 * count and _share(seen) > _GOOD):
            break
    if made.other is not None:
        made = replace(made, other=refine(made.other, rng, lambda share: in_time(1.0)))
    return made


def _share(log_weight: Array) -> float:
    """Effective share of importance draws."""
    return effective_share(np.exp(log_weight - log_weight.max()))


def _evaluated(made: HyperPosterior, z: Array) -> list[Evaluated]:
    """The density at whitened points, as far as there is one."""
    points = made.marginal.at_each(made.evaluator.at, z, *made.starts(z))
    return [point for point in points if point is not None]


def _along_axes(evaluator: Evaluator, told: InTime) -> tuple[tuple[Axis, ...], list[Evaluated]]:
    """Points on each axis through the mode, and the coordinates along it."""
    top = evaluator.top

    def axis(number: int) -> tuple[Axis, list[Evaluated]]:
        found = _axis(evaluator, top, number)
        told((number + 1) / len(evaluator.root))
        return found

    found = evaluator.marginal.at_each(axis, range(len(evaluator.root)))
    return tuple(axis for axis, _ in found), [top, *(point for _, points in found for point in points)]


def _axis(evaluator: Evaluator, top: Evaluated, number: int) -> tuple[Axis, list[Evaluated]]:
    """The coordinate along one axis, and the points on it."""
    found = [point for sign in (1.0, -1.0) for point in _side(evaluator, top, number, sign)]
    profile = [(float(point.z[number]), top.value - point.value, float(point.gradient[number])) for point in found]
    return Axis.of(profile, max(_SLOWEST, float(np.linalg.norm(evaluator.root[:, number])))), found


def _side(evaluator: Evaluator, top: Evaluated, number: int, sign: float) -> list[Evaluated]:
    """One point on one side of the mode, and more further out where the density falls slowly."""
    unit, variance = sign * np.eye(len(evaluator.root))[number], np.exp(top.log_variance)
    near = evaluator.at(_OUT * unit, variance=variance) or evaluator.at(0.5 * _OUT * unit)
    found = [near] if near else []
    while found and len(found) < _MOST:
        last = found[-1]
        at, s = float(abs(last.z[number])), float(np.sqrt(2 * max(top.value - last.value, 1e-4)))
        slope = -sign * float(last.gradient[number]) / s
        if last.value >= top.value or s > _REACHED or (len(found) == 1 and slope > _SLOW):
            break
        away = unit * (at + (_FAR - s) / max(slope, 0.4))
        far = evaluator.at(away, last.x + evaluator.peak.tangent @ (evaluator.root @ (away - last.z)))
        if far is None or far.value >= last.value:
            break
        found.append(far)
    return found
