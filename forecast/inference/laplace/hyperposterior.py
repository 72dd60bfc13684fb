"""The posterior of the hyperparameters: the points where it is known, the emulator of it, and draws from that."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from forecast.inference.laplace.coordinates import Axis, Coordinates
from forecast.inference.laplace.emulator import Emulator, covariance, emulate
from forecast.inference.laplace.evaluation import Evaluated, Evaluator
from forecast.inference.laplace.vanishing import Vanishing, plateaus
from forecast.inference.mode.marginal import Marginal
from forecast.inference.mode.search import Peak
from forecast.inference.weights.pareto import resampled, smoothed

__all__ = ["HyperPosterior", "Mixture", "Shape"]

Array = npt.NDArray[np.float64]
# Proposals per draw, and at least: normal in each coordinate, of the first SD or, by its share, of the second.
_PROPOSALS, _FEWEST = 8, 2000
_SDS, _SHARES = (1.1, 2.5), (0.96, 0.04)
# Points of an earlier fit that are handed on to the next.
_KEPT = 60
# The most draws that are of plateaus.
_MOST_APART = 0.5
# The least and the most of the draws that come from about another mode.
_ELSEWHERE = 0.1, 0.5
# The most points whose gradients the emulator knows, since its time grows with the cube of what it knows.
_STEEP = 200
# How much the exact density's difference from the emulated one is held towards 0, in points: that of its noise, some
# 0.5 nats², over the square of what a coordinate may change, 0.2 nats.
_HELD = 12.0
# Beyond so many SDs from the mode that parabola goes on level. (On one of 60 simulated panels it was 8 nats off at a
# draw with 6 SDs, where a standard deviation is near 0: the draw kept its weight, round after round, and k was .9.)
_REACH = 3.0
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
    """

    root: Array
    axes: tuple[Axis, ...]
    emulator: Emulator


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
        Of the log density, in the bent coordinates.
    earlier : Shape or None
        That of an earlier fit, of which only the change is emulated.
    vanishing : tuple of Vanishing
        Plateaus of which the emulator knows nothing.
    drawn : tuple of Evaluated
        More points, of which the emulator may know what these do not tell.
    other : HyperPosterior or None
        The density about another mode, in coordinates of its own.
    """

    evaluator: Evaluator
    coordinates: Coordinates
    points: tuple[Evaluated, ...]
    emulator: Emulator
    earlier: Shape | None = None
    vanishing: tuple[Vanishing, ...] = ()
    drawn: tuple[Evaluated, ...] = ()
    other: "HyperPosterior | None" = None

    @classmethod
    def of(
        cls, evaluator: Evaluator, axes: tuple[Axis, ...], points: Sequence[Evaluated], earlier: Shape | None = None
    ) -> "HyperPosterior":
        """From points about the evaluator's peak, the first of which is the peak."""
        coordinates = Coordinates(evaluator.peak.gaussian.vector, evaluator.root, axes)
        emulator = _emulated(coordinates, points, earlier)
        return cls(evaluator, coordinates, tuple(points), emulator, earlier, plateaus(evaluator))

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

    def shape(self) -> Shape:
        """What a fit to a little more data can start from; of a change of an earlier shape, both as one."""
        emulator = self.emulator
        if self.earlier is not None:
            before = self.earlier.emulator
            s = np.concatenate([self.bent, before.points[:_KEPT]])
            emulator = emulate(s, emulator(s), emulator.slopes(s), kernel=before.kernel, choose=False)
        return Shape(self.evaluator.root, self.coordinates.axes, emulator)

    def draw_mixture(
        self, count: int, rng: np.random.Generator, mixture: Sequence[tuple[float, float]] = ((1.0, 1.0),)
    ) -> tuple[Array, "Mixture"]:
        """Whitened draws from a mixture of powers of the emulated density and of plateaus, and that mixture.

        With another mode, a part of them is such draws of the density about that.

        Parameters
        ----------
        count : int
            How many.
        rng : Generator
            Source of randomness.
        mixture : sequence of (power, share)
            What of the emulated density is mixed; by default the density itself.
        """
        if self.other is not None:
            elsewhere = float(np.clip(self.share_of_other, *_ELSEWHERE))
            number = int(np.rint(elsewhere * count))
            there, of_other = self.other.draw_mixture(number, rng, mixture)
            z, own = replace(self, other=None).draw_mixture(count - number, rng, mixture)
            there = self.coordinates.whitened(self.other.coordinates.vectors(there))
            return np.concatenate([z, there]), replace(own, other=of_other, elsewhere=elsewhere)
        apart = np.array([each.share for each in self.vanishing])
        # However many there are, most draws are of the density itself.
        apart = apart * (_MOST_APART / max(float(apart.sum()), _MOST_APART))
        powers = [(power, share * (1 - float(apart.sum()))) for power, share in mixture]
        ends = np.rint(count * np.cumsum([*(share for _, share in powers), *apart])).astype(int)
        numbers = np.diff(ends, prepend=0)
        drawn, parts = [], []
        for (power, share), number in zip(powers, numbers[: len(powers)], strict=True):
            z, log_density, log_proposed = self._proposed(max(_PROPOSALS * int(number), _FEWEST), power**-0.5, rng)
            log_weight = power * log_density - log_proposed
            drawn.append(z[resampled(smoothed(log_weight)[0], int(number), rng)])
            parts.append((power, np.log(share) - np.logaddexp.reduce(log_weight) + np.log(len(log_weight))))
        flat = tuple(zip(self.vanishing, np.log(apart), strict=True))
        for each, number in zip(self.vanishing, numbers[len(powers) :], strict=True):
            drawn.append(self.coordinates.whitened(each.draw(int(number), rng)))
        return np.concatenate(drawn), Mixture(self, tuple(parts), flat)

    @property
    def share_of_other(self) -> float:
        """About the other mode's share of the mass."""
        return 0.0 if self.other is None else float(expit(self.other.peak.log_mass - self.peak.log_mass))

    def nearer_other(self, z: Array) -> tuple[npt.NDArray[np.bool_], Array]:
        """Which whitened points are nearer to the other mode, and all of them in its coordinates."""
        assert self.other is not None
        there = self.other.coordinates.whitened(self.coordinates.vectors(z))
        return (there**2).sum(axis=1) < (z**2).sum(axis=1), there

    def _proposed(self, count: int, width: float, rng: np.random.Generator) -> tuple[Array, Array, Array]:
        """Whitened proposals so many times as wide as the density, its emulated log there, and theirs."""
        shape = count, len(self.peak.gaussian.vector)
        normal = rng.choice(_SDS, shape, p=_SHARES) * rng.standard_normal(shape)
        proposed = sum(share / sd * np.exp(-0.5 * (normal / sd) ** 2) for sd, share in zip(_SDS, _SHARES, strict=True))
        s = width * normal
        z = self.coordinates.straighten(s)
        log_proposed = (np.log(self.coordinates.bend(z)[1]) + np.log(proposed / width)).sum(axis=1)
        return z, self.emulator(s), log_proposed

    @cached_property
    def _beside(self) -> tuple["_Kriged", "_Kriged"]:
        """What means of the latents have beside the peak's tangent, and log variances of eta."""
        points = *self.points, *(each.point for each in self.vanishing), *self.drawn
        known, tangent = np.stack([point.z for point in points]), self.peak.tangent @ self.evaluator.root
        beside = np.stack([point.x for point in points]) - known @ tangent.T
        log_variance = np.stack([point.log_variance for point in points])
        bent = self.coordinates.bend(known)[0]
        return _Kriged.of(bent, beside), _Kriged.of(bent, log_variance)

    def starts(self, z: Array) -> tuple[Array, Array]:
        """About the means of the latents and the variances of eta at whitened points (point, …).

        By the nearer mode's tangent, and by what is known at the points about it.
        """
        s, tangent = self.coordinates.bend(z)[0], self.peak.tangent @ self.evaluator.root
        beside, log_variance = self._beside
        # Beyond what is known a trend may lead anywhere.
        x, variance = beside(s) + z @ tangent.T, np.exp(np.clip(log_variance(s), *log_variance.range))
        if self.other is not None:
            nearer, there = self.nearer_other(z)
            x[nearer], variance[nearer] = self.other.starts(there[nearer])
        return x, variance

    def emulated(self, z: Array) -> Array:
        """Emulated log density at whitened points."""
        return self.emulator(self.coordinates.bend(z)[0])

    def with_draws(self, drawn: Sequence[Evaluated], exact: Array) -> "HyperPosterior":
        """The same, told of draws as well; gradients of the first of them.

        Parameters
        ----------
        drawn : sequence of Evaluated
            Points.
        exact : array
            Estimates of the exact log density there, with noise (point); nothing is learned of those that are -inf.
            What is linear in their differences from the points' values, and their squares, is added to the emulator:
            what is linear leaves .03 of a variance of .55 on Syria by month; but where levels have a large standard
            deviation and most groups no counts, the points' values are too low by ten nats and more.
        """
        if self.other is not None:
            mine, theirs, nearer = self._by_mode(drawn)
            told = replace(self, other=None).with_draws(mine, exact[~nearer])
            return replace(told, other=self.other.with_draws(theirs, exact[nearer]))
        finite = np.isfinite(exact)
        drawn, exact = [point for point, is_finite in zip(drawn, finite, strict=True) if is_finite], exact[finite]
        if not drawn:
            return self
        at, values = self.coordinates.bend(np.stack([point.z for point in drawn]))[0], _values(drawn)
        level, tilt, bend = _parabola(_near(at), exact - values, np.exp(0.5 * (exact - exact.max())))
        s = np.concatenate([self.bent, at])
        known, gradients = _targets(self.coordinates, (*self.points, *drawn))
        gradients[_STEEP:] = np.nan
        before = self.emulator
        near = _near(s)
        targets = known + level + near @ tilt + near**2 @ bend, gradients + (near == s) * (tilt + 2 * s * bend)
        made = emulate(s, *targets, kernel=before.kernel, choose=False, start=before.start)
        return replace(self, emulator=made, drawn=tuple(p for p in drawn[:_STEEP] if np.isfinite(p.gradient).all()))

    def with_points(self, points: Sequence[Evaluated]) -> "HyperPosterior":
        """The same with more points."""
        if self.other is not None:
            mine, theirs, _ = self._by_mode(points)
            return replace(replace(self, other=None).with_points(mine), other=self.other.with_points(theirs))
        every = (*self.points, *points)
        emulator = _emulated(self.coordinates, every, self.earlier, self.emulator.kernel, choose=True)
        return replace(self, points=every, emulator=emulator)

    def _by_mode(self, points: Sequence[Evaluated]) -> tuple[list[Evaluated], list[Evaluated], npt.NDArray[np.bool_]]:
        """Points nearer to this mode, those nearer to the other in its coordinates, and which are these."""
        assert self.other is not None
        nearer, there = self.nearer_other(np.stack([point.z for point in points]))
        turned = np.linalg.solve(self.evaluator.root, self.other.evaluator.root)
        each = list(zip(points, there, nearer, strict=True))
        moved = [replace(point, z=z, gradient=point.gradient @ turned) for point, z, is_theirs in each if is_theirs]
        return [point for point, _, is_theirs in each if not is_theirs], moved, nearer


@dataclass(frozen=True)
class Mixture:
    """What hyperparameters were drawn from.

    Attributes
    ----------
    made : HyperPosterior
        The emulated density.
    parts : tuple of (power, level)
        Of that density, with the logs of their shares over sizes.
    plateaus : tuple of (Vanishing, level)
        With the logs of their shares.
    other : Mixture or None
        What comes from about another mode.
    elsewhere : float
        The share of that.
    """

    made: HyperPosterior
    parts: tuple[tuple[float, float], ...]
    plateaus: tuple[tuple[Vanishing, float], ...] = ()
    other: "Mixture | None" = None
    elsewhere: float = 0.0

    def log_density(self, z: Array) -> Array:
        """Of whitened points (point, dimension), without the power of 2π."""
        emulated, coordinates = self.made.emulated(z), self.made.coordinates
        found = [power * emulated + level for power, level in self.parts]
        turned = np.linalg.slogdet(coordinates.root)[1]
        if self.plateaus:
            vectors = coordinates.vectors(z)
            found += [each.log_density(vectors) + turned + level for each, level in self.plateaus]
        total = np.logaddexp.reduce(found, axis=0)
        if self.other is not None:
            there = self.other.made.coordinates
            log_other = self.other.log_density(there.whitened(coordinates.vectors(z)))
            log_other += turned - np.linalg.slogdet(there.root)[1]
            total = np.logaddexp(total + np.log1p(-self.elsewhere), log_other + np.log(self.elsewhere))
        return np.asarray(total)


def _emulated(
    coordinates: Coordinates,
    points: Sequence[Evaluated],
    earlier: Shape | None = None,
    kernel: Array | None = None,
    choose: bool = False,
) -> Emulator:
    """The emulator of the log density."""
    s, _ = coordinates.bend(np.stack([point.z for point in points]))
    start = None if earlier is None else earlier.emulator
    return emulate(s, *_targets(coordinates, points), kernel=kernel, choose=choose, start=start)


def _targets(coordinates: Coordinates, points: Sequence[Evaluated]) -> tuple[Array, Array]:
    """Values, and gradients in the bent coordinates."""
    _, slope = coordinates.bend(np.stack([point.z for point in points]))
    return _values(points), np.stack([point.gradient for point in points]) / slope


def _values(points: Sequence[Evaluated]) -> Array:
    return np.array([point.value for point in points])


def _near(s: Array) -> Array:
    """Bent points, no further out than where most draws tell of the exact density."""
    return np.clip(s, -_REACH, _REACH)


def _parabola(s: Array, values: Array, weight: Array) -> tuple[float, Array, Array]:
    """Weighted least squares on 1, s and s², the latter two held towards 0 by what so many points say of noise."""
    columns = np.concatenate([_with_one(s), s**2], axis=1)
    penalty = np.repeat([0.0, _HELD], [1, 2 * s.shape[1]])
    heavy = columns.T * (weight / weight.max())
    level, *fitted = np.linalg.solve(heavy @ columns + np.diag(penalty), heavy @ values)
    tilt, bend = np.split(np.array(fitted), 2)
    return float(level), tilt, bend


@dataclass(frozen=True)
class _Kriged:
    """Values (…) between bent points: a linear trend, where there are points enough for one, and a Gaussian process.

    Attributes
    ----------
    known : array
        Where they are known (point, dimension).
    first, trend, rest : array
        The first value; coefficients of 1 and the coordinates; weights of the points (point, …).
    range : pair of arrays
        The least and the largest of the values.
    """

    known: Array
    first: Array
    trend: Array
    rest: Array
    range: tuple[Array, Array]

    @classmethod
    def of(cls, known: Array, values: Array) -> "_Kriged":
        """From values (point, …) at the points."""
        size = 1 + known.shape[1] if len(known) > 2 * (1 + known.shape[1]) else 1
        columns = _with_one(known)[:, :size]
        between = covariance(known, known, np.tile(_KERNEL, (known.shape[1], 1)))
        between[np.diag_indices_from(between)] *= 1 + 1e-6
        solved = np.linalg.solve(between, np.concatenate([columns, values - values[0]], axis=1))
        slopes = np.linalg.lstsq(columns.T @ solved[:, :size], columns.T @ solved[:, size:], rcond=None)[0]
        trend = np.asarray(slopes, dtype=float)
        rest = solved[:, size:] - solved[:, :size] @ trend
        ends = np.asarray(values.min(axis=0)), np.asarray(values.max(axis=0))
        return cls(known, values[0], trend, rest, ends)

    def __call__(self, s: Array) -> Array:
        """At other bent points."""
        process = covariance(s, self.known, np.tile(_KERNEL, (s.shape[1], 1))) @ self.rest
        return np.asarray(self.first + _with_one(s)[:, : len(self.trend)] @ self.trend + process)


def _with_one(s: Array) -> Array:
    return np.concatenate([np.ones((len(s), 1)), s], axis=1)
