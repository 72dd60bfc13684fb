"""The posterior of the hyperparameters: where to evaluate it, the emulator of it, and draws from that."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from forecast.inference.coordinates import Axis, Coordinates, whitening
from forecast.inference.correction import noise
from forecast.inference.emulator import KERNELS, Emulator, emulate, kernel, near
from forecast.inference.evaluation import Evaluated, Evaluator
from forecast.inference.marginal import Marginal
from forecast.inference.pareto import effective_share, smoothed
from forecast.inference.search import Peak, climb

__all__ = ["HyperPosterior", "Shape", "explore", "refine", "resume"]

Array = npt.NDArray[np.float64]
# Where each axis is first looked at, in SDs; a fall and a slope this close to a normal density's end the matter.
_OUT = 1.5
_NORMAL = 0.06
# A side on which the density falls more slowly than this share of a normal one is looked at again, further out.
_SLOW = 0.85
# There, it is looked for where it has fallen as far as a normal one 3.2 SDs out, until it has as 2.8 SDs out.
_FAR, _REACHED = 3.2, 2.8
_MOST = 4
_SLOWEST = 0.3
# Rounds of points drawn from the emulator: at most, and points per round; the effective share of importance draws that
# ends them, over two rounds, and that which does so at once.
_ROUNDS = 12
_FEWEST = 8
_GOOD, _EXCELLENT = 0.85, 0.97
_STRETCHED = 1.5
# Normal proposals per draw, and their SD: wider than the density, which the weights make up for.
_PROPOSALS = 5
_WIDE = 1.15
_RESTARTS = 3
# Points of an earlier fit that are handed on to the next.
_KEPT = 60
# From so many points on, the emulator's kernel stays what it is.
_SETTLED = 60
# The kernel of the interpolation; its scale does not matter.
_LENGTH, _JOINT = 4.0, 0.3


@dataclass(frozen=True)
class Shape:
    """The density of the hyperparameters about its mode, as an earlier fit found it.

    Attributes
    ----------
    root : array
        Of the whitening.
    axes : tuple of Axis
        The bends.
    emulator : Emulator
        Of the density in the bent coordinates.
    correction : array
        Coefficients of the second-order correction.
    """

    root: Array
    axes: tuple[Axis, ...]
    emulator: Emulator
    correction: Array


@dataclass(frozen=True)
class HyperPosterior:
    """The log density of the hyperparameters, emulated.

    Attributes
    ----------
    evaluator : Evaluator
        What is emulated.
    coordinates : Coordinates
        In which it is about standard normal.
    points : tuple of Evaluated
        Where it was evaluated with gradients; the first is the peak.
    emulator : Emulator
        Of the corrected log density, in the bent coordinates.
    earlier : Shape or None
        That of an earlier fit, of which only the change is emulated.
    """

    evaluator: Evaluator
    coordinates: Coordinates
    points: tuple[Evaluated, ...]
    emulator: Emulator
    earlier: Shape | None = None

    @property
    def marginal(self) -> Marginal:
        """The model against the panel."""
        return self.evaluator.marginal

    @property
    def peak(self) -> Peak:
        """The mode of the hyperparameters."""
        return self.evaluator.peak

    @cached_property
    def bent(self) -> Array:
        """The points in the bent coordinates (point, dimension)."""
        return self.coordinates.bend(np.stack([point.z for point in self.points]))[0]

    @cached_property
    def fitted_correction(self) -> Array:
        """Coefficients of a quadratic over the bent coordinates that fits the second-order correction."""
        return _fitted_correction(self.bent, self.points, self.earlier)

    def correction(self, s: Array) -> Array:
        """The second-order correction at bent points (point, dimension)."""
        return np.asarray(_columns(s) @ self.fitted_correction)

    def shape(self) -> Shape:
        """What a fit to a little more data can start from; of a change of an earlier shape, both as one."""
        emulator = self.emulator
        if self.earlier is not None:
            before = self.earlier.emulator
            s = np.concatenate([self.bent, before.points[:_KEPT]])
            kernels = [(before.length, before.joint)]
            emulator = emulate(s, emulator(s), emulator.slopes(s), kernels=kernels)
        return Shape(self.evaluator.root, self.coordinates.axes, emulator, self.fitted_correction)

    def draw(self, count: int, rng: np.random.Generator) -> Array:
        """Whitened draws (count, dimension), by importance resampling of normal numbers."""
        size = len(self.peak.mode.vector)
        s = _WIDE * rng.standard_normal((_PROPOSALS * max(count, 500), size))
        z = self.coordinates.straighten(s)
        jacobian = np.log(self.coordinates.bend(z)[1]).sum(axis=1)
        log_weight = self.emulator(s) - jacobian + 0.5 * (s**2).sum(axis=1) / _WIDE**2
        weight, _ = smoothed(log_weight)
        # Systematic resampling: a proposal comes twice only where its weight is above the mean of the draws.
        places = (np.arange(count) + rng.random()) / count
        order = rng.permutation(len(weight))
        chosen = order[np.minimum(np.searchsorted(np.cumsum(weight[order]), places), len(weight) - 1)]
        return np.asarray(z[rng.permutation(chosen)])

    def modes(self, z: Array, more: Array | None = None, found: Sequence[Array] = ()) -> Array:
        """Modes of the latents at whitened points: the peak's tangent, and what is known elsewhere."""
        every = np.stack([point.z for point in self.points])
        every = every if more is None else np.concatenate([every, more])
        tangent = self.peak.tangent @ self.evaluator.root
        known = np.stack([*(point.x for point in self.points), *found]) - every @ tangent.T
        return self.interpolated(known, z, more) + z @ tangent.T

    def interpolated(self, values: Array, z: Array, more: Array | None = None) -> Array:
        """What is known at the points (point, …), and then at `more` whitened points, at others.

        A linear trend and a Gaussian process (universal kriging).
        """
        known = self.bent if more is None else np.concatenate([self.bent, self.coordinates.bend(more)[0]])
        return _kriged(known, values, self.coordinates.bend(z)[0])

    def emulated(self, z: Array) -> Array:
        """Emulated log density at whitened points, the second-order correction included."""
        return self.emulator(self.coordinates.bend(z)[0])

    def with_values(self, z: Array, values: Array) -> "HyperPosterior":
        """The same with Laplace's log density at more points, without gradients."""
        s = np.concatenate([self.bent, self.coordinates.bend(z)[0]])
        known, gradients = _targets(self.coordinates, self.points, self.earlier)
        every = np.concatenate([known, values + self.correction(s[len(known) :])])
        slopes = np.concatenate([gradients, np.full(z.shape, np.nan)])
        made = emulate(
            s, every, slopes, kernels=[(self.emulator.length, self.emulator.joint)], start=self.emulator.start
        )
        return replace(self, emulator=made)

    def with_points(self, points: Sequence[Evaluated]) -> "HyperPosterior":
        """The same with more points."""
        every, own = (*self.points, *points), [(self.emulator.length, self.emulator.joint)]
        few = KERNELS if self.earlier is not None else near(self.emulator)
        kernels = few if len(every) < _SETTLED else own
        return replace(self, points=every, emulator=_emulated(self.coordinates, every, self.earlier, kernels))


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
    coordinates = Coordinates(peak.mode.vector, evaluator.root, axes)
    return HyperPosterior(evaluator, coordinates, tuple(points), _emulated(coordinates, points))


def resume(marginal: Marginal, peak: Peak, shape: Shape, rng: np.random.Generator) -> HyperPosterior:
    """Begin with the shape of an earlier fit, moved to the mode of this one; `refine` comes next."""
    evaluator = Evaluator(marginal, peak, shape.root, noise(marginal, rng))
    coordinates, points = Coordinates(peak.mode.vector, shape.root, shape.axes), (evaluator.top(),)
    return HyperPosterior(evaluator, coordinates, points, _emulated(coordinates, points, shape), shape)


def refine(made: HyperPosterior, rng: np.random.Generator) -> HyperPosterior:
    """With points drawn from the emulator, round by round, until it knows them beforehand."""
    size = len(made.peak.mode.vector)
    if not size:
        return made
    count = max(_FEWEST, size // 2)
    if made.earlier is None:
        # First its tails: draws moved outwards.
        s = _STRETCHED * made.coordinates.bend(made.draw(count, rng))[0]
        made = made.with_points(_evaluated(made, made.coordinates.straighten(s)))
    last = np.zeros(0)
    for _ in range(_ROUNDS):
        fresh = _evaluated(made, made.draw(count, rng))
        found = np.array([point.value + point.correction for point in fresh])
        log_weight = found - made.emulated(np.stack([point.z for point in fresh]))
        made = made.with_points(fresh)
        if _share(log_weight) > _EXCELLENT or (len(last) and _share(np.concatenate([last, log_weight])) > _GOOD):
            break
        last = log_weight
    return made


def _share(log_weight: Array) -> float:
    """Effective share of importance draws."""
    return effective_share(np.exp(log_weight - log_weight.max()))


def _evaluated(made: HyperPosterior, z: Array) -> list[Evaluated]:
    """The density at whitened points, as far as there is one."""
    starts = made.modes(z)
    points = [made.evaluator.at(each, start) for each, start in zip(z, starts, strict=True)]
    return [point for point in points if point is not None]


def _along_axes(evaluator: Evaluator) -> tuple[tuple[Axis, ...], list[Evaluated]]:
    """Points on each axis through the mode, and the coordinates along it."""
    points, axes = [evaluator.top()], []
    for number in range(len(evaluator.root)):
        found = _side(evaluator, number, 1.0)
        if not found or not _is_normal(points[0], found[0], number):
            found += _side(evaluator, number, -1.0)
        points += found
        top = points[0].value
        profile = [(point.z[number], top - point.value, point.gradient[number]) for point in found]
        axes.append(Axis.of(profile, max(_SLOWEST, float(np.linalg.norm(evaluator.root[:, number])))))
    return tuple(axes), points


def _side(evaluator: Evaluator, number: int, sign: float) -> list[Evaluated]:
    """One point on one side of the mode, and more further out where the density falls slowly."""
    unit, top = sign * np.eye(len(evaluator.root))[number], evaluator.peak.mode.value
    near = evaluator.at(_OUT * unit) or evaluator.at(0.5 * _OUT * unit)
    found = [near] if near else []
    while found and len(found) < _MOST:
        last = found[-1]
        s = np.sqrt(2 * max(top - last.value, 1e-4))
        slope = -sign * last.gradient[number] / s
        if last.value >= top or s > _REACHED or (len(found) == 1 and slope > _SLOW):
            break
        far = evaluator.at((abs(last.z[number]) + (_FAR - s) / max(slope, 0.4)) * unit)
        if far is None or far.value >= last.value:
            break
        found.append(far)
    return found


def _is_normal(top: Evaluated, point: Evaluated, number: int) -> bool:
    """Whether value and slope at the point are those of a standard normal density about the mode."""
    z, fall, slope = abs(point.z[number]), top.value - point.value, abs(point.gradient[number])
    return bool(abs(fall / (0.5 * z**2) - 1) < _NORMAL and abs(slope / z - 1) < _NORMAL)


def _emulated(
    coordinates: Coordinates,
    points: Sequence[Evaluated],
    earlier: Shape | None = None,
    kernels: Sequence[tuple[float, float]] = KERNELS,
) -> Emulator:
    """The emulator of Laplace's log density with its second-order correction."""
    s, _ = coordinates.bend(np.stack([point.z for point in points]))
    start = None if earlier is None else earlier.emulator
    return emulate(s, *_targets(coordinates, points, earlier), kernels=kernels, start=start)


def _targets(
    coordinates: Coordinates, points: Sequence[Evaluated], earlier: Shape | None = None
) -> tuple[Array, Array]:
    """Corrected values, and gradients in the bent coordinates."""
    s, slope = coordinates.bend(np.stack([point.z for point in points]))
    fitted = _fitted_correction(s, points, earlier)
    size = s.shape[1]
    linear, square = fitted[1 : 1 + size], fitted[1 + size :]
    gradients = np.stack([point.gradient for point in points]) / slope
    values = np.array([point.value + point.correction for point in points])
    return values, gradients + linear + 2 * square * s


def _fitted_correction(s: Array, points: Sequence[Evaluated], earlier: Shape | None) -> Array:
    values = np.array([point.correction for point in points])
    if earlier is None:
        return _quadratic(s, values)
    return np.asarray(earlier.correction + _quadratic(s, values - _columns(s) @ earlier.correction))


def _columns(s: Array) -> Array:
    return np.concatenate([np.ones((len(s), 1)), s, s**2], axis=1)


def _quadratic(s: Array, values: Array) -> Array:
    """Least squares on 1, s and s², held a little towards 0 where the points leave it open."""
    columns = _columns(s)
    penalty = np.repeat([0.0, 1e-3, 0.1], [1, s.shape[1], s.shape[1]])
    return np.asarray(np.linalg.solve(columns.T @ columns + np.diag(penalty), columns.T @ values))


def _kriged(known: Array, values: Array, s: Array) -> Array:
    """Values (point, …) at other bent points; without the linear trend where there are too few."""
    size = 1 + s.shape[1] if len(known) > 2 * (1 + s.shape[1]) else 1
    trend, ahead = (np.concatenate([np.ones((len(each), 1)), each], axis=1)[:, :size] for each in (known, s))
    covariance = kernel(known, known, _LENGTH, _JOINT)
    covariance[np.diag_indices_from(covariance)] *= 1 + 1e-6
    solved = np.linalg.solve(covariance, np.concatenate([trend, values - values[0]], axis=1))
    normal = trend.T @ solved[:, :size]
    slopes = np.linalg.lstsq(normal, trend.T @ solved[:, size:], rcond=None)[0]
    rest = solved[:, size:] - solved[:, :size] @ slopes
    return np.asarray(values[0] + ahead @ slopes + kernel(s, known, _LENGTH, _JOINT) @ rest)
