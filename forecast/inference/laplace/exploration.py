"""Where the density of the hyperparameters is evaluated: along axes through its mode."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from forecast.inference.gaussian.block_arrow import NotPositiveDefinite
from forecast.inference.laplace.coordinates import Axis, whitening
from forecast.inference.laplace.evaluation import Evaluated, Evaluator
from forecast.inference.laplace.hyperposterior import HyperPosterior, Shape
from forecast.inference.mode.marginal import Marginal
from forecast.inference.mode.search import Peak, climb
from forecast.progress import InTime

__all__ = ["explore", "resume"]

Array = npt.NDArray[np.float64]
# Where each side of an axis is first looked at, in SDs.
_OUT = 1.5
# A side on which the density falls more slowly than this share of a normal one is looked at again, further out: where
# it has fallen as far as a normal one 3.2 SDs out, until it has as 2.8 SDs out.
_SLOW = 0.85
_FAR, _REACHED = 3.2, 2.8
_MOST = 4
_SLOWEST = 0.3
_RESTARTS = 3
# A point so much higher than the mode, in nats, begins another search: the density that is explored is not quite that
# whose mode was searched for.
_HIGHER = 0.5
# The log of the share of the mass from which on another mode matters: one percent.
_NEGLIGIBLE = float(np.log(0.01))


def explore(
    marginal: Marginal, peak: Peak, other: Peak | None = None, told: InTime = lambda share: True
) -> HyperPosterior:
    """Evaluate the density about its mode and along the axes through it.

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
    """Begin with the shape of an earlier fit, moved to the mode of this one."""
    evaluator = Evaluator(marginal, peak, shape.root)
    return _with_other(HyperPosterior.of(evaluator, shape.axes, (evaluator.top,), shape), other)


def _with_other(made: HyperPosterior, other: Peak | None) -> HyperPosterior:
    """With the density about another mode, where that is another one and has a share of the mass that matters."""
    if other is None or other.log_mass - made.peak.log_mass < _NEGLIGIBLE or not made.peak.is_apart(other):
        return made
    found = explore(made.marginal, other)
    return replace(made, other=found) if made.peak.is_apart(found.peak) else made


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
    if not found:
        raise NotPositiveDefinite("numbers run out about it")
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
