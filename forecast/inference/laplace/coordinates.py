"""Coordinates in which the density of the hyperparameters is about standard normal: whitened, and bent axis by axis.

Standard deviations with few levels have long tails. Along each axis through the mode the new coordinate is the signed
root s = ±√(2·(log density at the mode − log density)), known where the density was evaluated with its slope, and cubic
between these points; beyond them the log density is a parabola that goes on with the last slope. So the density along
the axes is a normal one, and an emulator only has to learn what the axes do together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.interpolate import CubicHermiteSpline

__all__ = ["Axis", "Coordinates", "whitening"]

Array = npt.NDArray[np.float64]
_GRID = 200
# Least and largest derivative of the new coordinate.
_BENT = 0.5, 2.0


@dataclass(frozen=True)
class Axis:
    """The new coordinate s along one axis, at a few knots.

    Attributes
    ----------
    z, s, slope : array
        Whitened coordinate, new coordinate and its derivative, in ascending order.
    least : float
        The least derivative far beyond the knots: that of the prior alone, whose density falls in any case.
    """

    z: Array
    s: Array
    slope: Array
    least: float

    @classmethod
    def of(cls, profile: Sequence[tuple[float, float, float]], least: float) -> "Axis":
        """From points (z, fall of the log density since the mode, its slope); the mode, z = 0, is added."""
        knots = [(0.0, 0.0, 1.0)]
        for at, fall, slope in profile:
            root = float(np.sign(at) * np.sqrt(2 * max(fall, 1e-4)))
            knots.append((at, root, -slope / root))
        z, s, slopes = np.array(sorted(knots)).T
        # Nowhere bent too much: on a flat ridge the other axes change fast, which an emulator could not follow.
        secant = np.clip(np.diff(s) / np.diff(z), *_BENT)
        middle = int(np.flatnonzero(z == 0)[0])
        s = np.insert(np.cumsum(secant * np.diff(z)), 0, 0.0)
        s -= s[middle]
        slopes[middle] = np.sqrt(secant[max(middle - 1, 0)] * secant[min(middle, len(secant) - 1)])
        # Slopes that keep the cubic rising (Fritsch & Carlson 1980).
        bound = 3 * np.minimum(np.append(secant, np.inf), np.insert(secant, 0, np.inf))
        return cls(z, s, np.minimum(np.clip(slopes, *_BENT), bound), least)

    @cached_property
    def _splines(self) -> tuple[Any, Any]:
        """The coordinate between the knots, and its derivative."""
        spline = CubicHermiteSpline(self.z, self.s, self.slope)
        return spline, spline.derivative()

    def _end(self, number: int) -> tuple[float, float, float]:
        """At the first or last knot: distance from the mode, its derivative, and the least one further out."""
        slope = float(self.slope[number])
        return abs(float(self.s[number])), slope, max(slope, self.least)

    def bend(self, z: Array) -> tuple[Array, Array]:
        """New coordinate and its derivative."""
        spline, derivative = self._splines
        inside = np.clip(z, self.z[0], self.z[-1])
        found, slopes = spline(inside), np.maximum(derivative(inside), 1e-3)
        for number, sign in ((0, -1.0), (-1, 1.0)):
            # The density falls on with its slope at the knot, and with a curvature.
            start, slope, least = self._end(number)
            out = sign * (z - self.z[number])
            beyond = out > 0
            roots = np.sqrt(start**2 + 2 * start * slope * out[beyond] + (least * out[beyond]) ** 2)
            found[beyond] = sign * roots
            slopes[beyond] = (start * slope + least**2 * out[beyond]) / roots
        return found, slopes

    @cached_property
    def _grid(self) -> tuple[Array, Array]:
        """New coordinates on a grid of the old one, and that grid."""
        grid = np.linspace(self.z[0], self.z[-1], _GRID)
        return self.bend(grid)[0], grid

    def straighten(self, s: Array) -> Array:
        """The inverse of `bend`."""
        z = np.interp(s, *self._grid)
        for _ in range(2):
            found, slopes = self.bend(z)
            z = np.clip(z - (found - s) / slopes, self.z[0], self.z[-1])
        for number, sign in ((0, -1.0), (-1, 1.0)):
            start, slope, least = self._end(number)
            beyond = sign * (s - self.s[number]) > 0
            way = np.sqrt((start * slope) ** 2 + least**2 * (s[beyond] ** 2 - start**2)) - start * slope
            z[beyond] = self.z[number] + sign * way / least**2
        return z


@dataclass(frozen=True)
class Coordinates:
    """vector = centre + root @ z, and z bent axis by axis to s.

    Attributes
    ----------
    centre : array
        Mode of the vector.
    root : array
        Root of its covariance, with axes as close to the hyperparameters' as can be.
    axes : tuple of Axis
        One per dimension.
    """

    centre: Array
    root: Array
    axes: tuple[Axis, ...]

    def bend(self, z: Array) -> tuple[Array, Array]:
        """s and ds/dz of whitened points (point, dimension)."""
        if not self.axes:
            return z, z
        both = [axis.bend(z[:, number]) for number, axis in enumerate(self.axes)]
        return np.stack([s for s, _ in both], axis=1), np.stack([slope for _, slope in both], axis=1)

    def straighten(self, s: Array) -> Array:
        """Whitened points of s."""
        if not self.axes:
            return s
        return np.stack([axis.straighten(s[:, number]) for number, axis in enumerate(self.axes)], axis=1)

    def vectors(self, z: Array) -> Array:
        """Vectors of hyperparameters of whitened points (…, dimension)."""
        return np.asarray(self.centre + z @ self.root.T)

    def whitened(self, vector: Array) -> Array:
        """Whitened points of vectors (…, dimension)."""
        return np.asarray(np.linalg.solve(self.root, (vector - self.centre).T).T)


def whitening(covariance: Array) -> Array:
    """Root of a covariance whose axes are closest to the given ones (Kessy, Lewin & Strimmer 2018: ZCA-cor)."""
    sd = np.sqrt(np.diag(covariance))
    values, vectors = np.linalg.eigh(covariance / np.outer(sd, sd))
    return np.asarray(sd[:, None] * (vectors * np.sqrt(np.maximum(values, 1e-4))) @ vectors.T)
