"""The posterior of the hyperparameters: the points where it is known, the emulator of it, and draws from that."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from forecast.inference.coordinates import Axis, Coordinates
from forecast.inference.correction import shrinkage
from forecast.inference.emulator import Emulator, covariance, emulate
from forecast.inference.evaluation import Evaluated, Evaluator
from forecast.inference.marginal import Marginal
from forecast.inference.pareto import resampled, smoothed
from forecast.inference.search import Peak

__all__ = ["HyperPosterior", "Shape"]

Array = npt.NDArray[np.float64]
# Proposals per draw: normal in each coordinate, of the first SD or, by its share, of the second.
_PROPOSALS = 8
_SDS, _SHARES = (1.1, 2.5), (0.96, 0.04)
# Points of an earlier fit that are handed on to the next.
_KEPT = 60
# From so many points on, the emulator's kernel is chosen again only when there are as many more.
_SETTLED = 60
# The most that the second order may change, in nats.
_FURTHEST = 3.0
# The kernel of the interpolation, the same in each dimension; its scale does not matter.
_KERNEL = 4.0, 0.3


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
    changes : tuple of float
        Of the second-order correction since the mode, at the points that were drawn from the emulator last.
    """

    evaluator: Evaluator
    coordinates: Coordinates
    points: tuple[Evaluated, ...]
    emulator: Emulator
    earlier: Shape | None = None
    changes: tuple[float, ...] = ()

    @classmethod
    def of(
        cls, evaluator: Evaluator, axes: tuple[Axis, ...], points: Sequence[Evaluated], earlier: Shape | None = None
    ) -> "HyperPosterior":
        """From points about the evaluator's peak, the first of which is the peak."""
        coordinates = Coordinates(evaluator.peak.mode.vector, evaluator.root, axes)
        return cls(evaluator, coordinates, tuple(points), _emulated(coordinates, points, earlier), earlier)

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
            emulator = emulate(s, emulator(s), emulator.slopes(s), kernel=before.kernel, choose=False)
        return Shape(self.evaluator.root, self.coordinates.axes, emulator, self.fitted_correction)

    def draw(self, count: int, rng: np.random.Generator) -> Array:
        """Whitened draws (count, dimension) from the emulated density, by importance resampling."""
        return self.draw_mixture(count, rng)[0]

    def draw_mixture(
        self, count: int, rng: np.random.Generator, mixture: Sequence[tuple[float, float]] = ((1.0, 1.0),)
    ) -> tuple[Array, Array]:
        """Whitened draws from a mixture of powers of the emulated density, and its log density (count) there.

        Parameters
        ----------
        count : int
            How many.
        rng : Generator
            Source of randomness.
        mixture : sequence of (power, share)
            What is mixed; by default the density itself.
        """
        ends = np.rint(count * np.cumsum([share for _, share in mixture])).astype(int)
        drawn, emulated, sizes = [], [], []
        for (power, _), number in zip(mixture, np.diff(ends, prepend=0), strict=True):
            z, log_density, log_proposed = self._proposed(_PROPOSALS * max(int(number), 500), power**-0.5, rng)
            log_weight = power * log_density - log_proposed
            chosen = resampled(smoothed(log_weight)[0], int(number), rng)
            drawn.append(z[chosen])
            emulated.append(log_density[chosen])
            sizes.append(np.logaddexp.reduce(log_weight) - np.log(len(log_weight)))
        every = np.concatenate(emulated)
        parts = [np.log(share) + power * every - size for (power, share), size in zip(mixture, sizes, strict=True)]
        return np.concatenate(drawn), np.asarray(np.logaddexp.reduce(parts, axis=0))

    def _proposed(self, count: int, width: float, rng: np.random.Generator) -> tuple[Array, Array, Array]:
        """Whitened proposals so many times as wide as the density, its emulated log there, and theirs."""
        shape = count, len(self.peak.mode.vector)
        normal = rng.choice(_SDS, shape, p=_SHARES) * rng.standard_normal(shape)
        proposed = sum(share / sd * np.exp(-0.5 * (normal / sd) ** 2) for sd, share in zip(_SDS, _SHARES, strict=True))
        s = width * normal
        z = self.coordinates.straighten(s)
        log_proposed = (np.log(self.coordinates.bend(z)[1]) + np.log(proposed / width)).sum(axis=1)
        return z, self.emulator(s), log_proposed

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

    def corrected(self, z: Array, values: Array) -> Array:
        """Laplace's log density at whitened points, given as values, with the second-order correction."""
        return values + self.correction(self.coordinates.bend(z)[0])

    def emulated(self, z: Array) -> Array:
        """Emulated log density at whitened points, the second-order correction included."""
        return self.emulator(self.coordinates.bend(z)[0])

    def with_values(self, z: Array, values: Array) -> "HyperPosterior":
        """The same with Laplace's log density at more points, without gradients."""
        s = np.concatenate([self.bent, self.coordinates.bend(z)[0]])
        known, gradients = _targets(self.coordinates, self.points, self.earlier)
        every = np.concatenate([known, self.corrected(z, values)])
        slopes = np.concatenate([gradients, np.full(z.shape, np.nan)])
        own = self.emulator
        made = emulate(s, every, slopes, kernel=own.kernel, choose=False, start=own.start, leave_out=True)
        return replace(self, emulator=made)

    def with_points(self, points: Sequence[Evaluated]) -> "HyperPosterior":
        """The same with more points."""
        every = (*self.points, *points)
        grown = len(every) < _SETTLED or len(every) // _SETTLED > len(self.points) // _SETTLED
        emulator = _emulated(self.coordinates, every, self.earlier, self.emulator.kernel, grown)
        return replace(self, points=every, emulator=emulator)


def _emulated(
    coordinates: Coordinates,
    points: Sequence[Evaluated],
    earlier: Shape | None = None,
    kernel: Array | None = None,
    choose: bool = False,
) -> Emulator:
    """The emulator of Laplace's log density with its second-order correction."""
    s, _ = coordinates.bend(np.stack([point.z for point in points]))
    start = None if earlier is None else earlier.emulator
    return emulate(s, *_targets(coordinates, points, earlier), kernel=kernel, choose=choose, start=start)


def _targets(
    coordinates: Coordinates, points: Sequence[Evaluated], earlier: Shape | None = None
) -> tuple[Array, Array]:
    """Corrected values, and gradients in the bent coordinates."""
    s, slope = coordinates.bend(np.stack([point.z for point in points]))
    fitted = _fitted_correction(s, points, earlier)
    size = s.shape[1]
    linear, square = fitted[1 : 1 + size], fitted[1 + size :]
    gradients = np.stack([point.gradient for point in points]) / slope
    values = np.array([point.value for point in points]) + _columns(s) @ fitted
    return values, gradients + linear + 2 * square * s


def _fitted_correction(s: Array, points: Sequence[Evaluated], earlier: Shape | None) -> Array:
    values = np.array([point.correction for point in points])
    # Where the series breaks down it gives any number: what it changes since the mode stays below some nats.
    changes = values - values[0]
    values = values[0] + changes * shrinkage(changes / _FURTHEST)
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
    kernel = np.tile(_KERNEL, (s.shape[1], 1))
    between = covariance(known, known, kernel)
    between[np.diag_indices_from(between)] *= 1 + 1e-6
    solved = np.linalg.solve(between, np.concatenate([trend, values - values[0]], axis=1))
    normal = trend.T @ solved[:, :size]
    slopes = np.linalg.lstsq(normal, trend.T @ solved[:, size:], rcond=None)[0]
    rest = solved[:, size:] - solved[:, :size] @ slopes
    return np.asarray(values[0] + ahead @ slopes + covariance(s, known, kernel) @ rest)
