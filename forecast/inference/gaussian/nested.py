"""Factors of the latents' precision where each series has a path of its own: hundreds of paths in each period.

Ordered by period, such a precision fills up with dense blocks of all paths. But given what it shares with others, the
path of a series is a Markov chain by itself; and given what provinces share, a province is independent of the others.
So chains are eliminated first, then provinces, then what is shared: nested dissection (George 1973) along the hierarchy
instead of along time. With W the weights of a series' cells, u the rest of eta there, and C the covariance of the chain
given u, what a chain leaves of the precision is dense over the periods,

    K = W − W C W,   C = (Q + W)⁻¹,

and all that follows are products of dense matrices.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from forecast.inference.gaussian.block_arrow import NotPositiveDefinite, factorised
from forecast.inference.gaussian.nesting import Nesting, Seen
from forecast.inference.gaussian.places import Group
from forecast.inference.gaussian.spread import Spread
from forecast.inference.machine import compiled
from forecast.progress import check_deadline

__all__ = ["NestedFactor", "nested_factor"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class NestedFactor:
    """What `Factor` offers, and draws of what is shared and of provinces given that.

    Attributes
    ----------
    nesting : Nesting
        Whose latents these are.
    pull : array
        Weights times the chains' coefficients (series, period).
    root, gain : array
        Of each chain, backwards: the SD's inverse (series, period), and what the next period adds to the mean.
    covariance : array
        C (series, period, period).
    inner : tuple of array
        Of each province's precision given what is shared, the inverse of the Cholesky factor.
    wide : array
        Columns of provinces, rows of what is shared, in the whole's factor.
    corner : array
        As `inner`, of the precision of what is shared.
    log_determinant : float
        Of the whole.
    """

    nesting: Nesting
    pull: Array
    root: Array
    gain: Array
    covariance: Array
    inner: tuple[Array, ...]
    wide: Array
    corner: Array
    log_determinant: float

    @property
    def _blocks(self) -> list[tuple[slice, Array, Group]]:
        """Of each province: its rows among those of all provinces, its factor's inverse, and its latents."""
        blocks, first = [], 0
        for inverse, group in zip(self.inner, self.nesting.provinces, strict=True):
            blocks.append((slice(first, first + len(inverse)), inverse, group))
            first += len(inverse)
        return blocks

    def solve(self, path: Array, static: Array) -> tuple[Array, Array]:
        """The matrix's inverse times vectors (T, P) and (R), or matrices (T, P, columns) and (R, columns)."""
        nesting = self.nesting
        columns = int(np.prod(path.shape[2:]))
        right = np.concatenate([path.reshape(-1, columns), static.reshape(len(static), columns)])
        chains = self.covariance @ path.reshape(*path.shape[:2], columns)[:, nesting.chains].transpose(1, 0, 2)
        felt = (self.pull[..., None] * chains).reshape(-1, columns)[nesting.cells]
        right = right - nesting.transposed @ felt
        of_provinces = np.empty((self.wide.shape[1], columns))
        for at, inverse, group in self._blocks:
            of_provinces[at] = inverse @ right[group.place]
        shared = self.corner.T @ (self.corner @ (right[nesting.shared.place] - self.wide @ of_provinces))
        x = self._given(shared, of_provinces, chains)
        paths = nesting.grid[2] * nesting.width
        return x[:paths].reshape(path.shape), x[paths:].reshape(static.shape)

    def drawn(self, shared: int, per_shared: int, rng: np.random.Generator) -> Array:
        """Draws with the matrix's inverse as covariance (latent, shared, per_shared).

        What provinces share is drawn `shared` times, and given each of them all others `per_shared` times.
        """
        (provinces, tactics, periods), columns = self.nesting.grid, shared * per_shared
        common = self.corner.T @ rng.standard_normal((len(self.corner), shared))
        of_provinces = rng.standard_normal((self.wide.shape[1], columns))
        chains = _backwards(self.root, self.gain, rng.standard_normal((provinces * tactics, periods, columns)))
        return self._given(np.repeat(common, per_shared, axis=1), of_provinces, chains).reshape(-1, shared, per_shared)

    def _given(self, shared: Array, of_provinces: Array, chains: Array) -> Array:
        """Latents (n, column): provinces and chains, whose own parts are given, moved by what they see."""
        nesting, columns = self.nesting, shared.shape[1]
        x = np.zeros((nesting.grid[2] * nesting.width + nesting.static, columns))
        x[nesting.shared.place] = shared
        rest = of_provinces - self.wide.T @ shared
        for at, inverse, group in self._blocks:
            x[group.place] = inverse.T @ rest[at]
        u = np.zeros((self.pull.size, columns))
        u[nesting.cells] = nesting.design @ x
        given_rest = chains - self.covariance @ (self.pull[..., None] * u.reshape(*self.pull.shape, columns))
        place = np.arange(nesting.grid[2]) * nesting.width + nesting.chains[:, None]
        x[place.ravel()] = given_rest.reshape(-1, columns)
        return x

    def spread(self) -> Spread:
        """Variances of the latents and of eta."""
        nesting = self.nesting
        tactics, periods = nesting.grid[1:]
        diagonal, beside = np.empty((periods, nesting.width)), np.empty((periods - 1, nesting.width))
        corner = np.zeros((nesting.static, nesting.static))
        variance = np.empty(self.pull.shape)
        shared = self.corner.T @ self.corner
        _keep(nesting.shared, shared, diagonal, beside, corner)
        of_shared: dict[int, Array] = {}
        for alike in nesting.alike:
            seen = nesting.seen[alike[0]][1]
            of_shared |= dict.fromkeys(alike, seen.rows(seen.rows(shared, periods).T, periods))
        for number, (at, inverse, group) in enumerate(self._blocks):
            gain = self.wide[:, at] @ inverse
            across = shared @ gain
            of_province = inverse.T @ inverse + gain.T @ across
            _keep(group, of_province, diagonal, beside, corner)
            for series in range(number * tactics, (number + 1) * tactics):
                by_province, by_all = nesting.seen[series]
                both = by_province.rows(by_all.rows(across, periods).T, periods)
                within = by_province.rows(by_province.rows(of_province, periods).T, periods)
                rest = of_shared[series] + within - both - both.T
                covariance = self.covariance[series]
                back = covariance * self.pull[series]
                with_rest = back @ rest
                chain, c = nesting.chains[series], nesting.coefficient[series]
                diagonal[:, chain] = np.diagonal(covariance) + np.einsum("tu,tu->t", with_rest, back)
                beside[:, chain] = np.diagonal(covariance, 1) + np.einsum("tu,tu->t", with_rest[:-1], back[1:])
                variance[series] = np.diagonal(rest) + c**2 * diagonal[:, chain] - 2 * c * np.diagonal(with_rest)
        return Spread(diagonal, beside, corner, variance.ravel()[nesting.cells])


def nested_factor(nesting: Nesting, prior: tuple[Array, Array, Array], weight: Array) -> NestedFactor:
    """Of the prior's precision with weights of the observed cells; `NotPositiveDefinite` where there is none.

    Parameters
    ----------
    nesting : Nesting
        Whose latents these are.
    prior : tuple of array
        Entries of the prior's precision: of paths in each period (T, P) and beside these (T − 1, P), and of static
        latents (R, R).
    weight : array
        Of each observed cell.
    """
    check_deadline()
    series, periods = nesting.coefficient.shape
    grid = np.zeros(series * periods)
    grid[nesting.cells] = weight
    weights = grid.reshape(series, periods)
    pull = nesting.coefficient * weights
    diagonal = prior[0].T[nesting.chains] + nesting.coefficient * pull
    root, gain, covariance, left = _chains(diagonal, np.ascontiguousarray(prior[1].T[nesting.chains]), weights, pull)
    if not (root > 0).all():
        raise NotPositiveDefinite("not positive definite: the path of a series")
    corner, log_determinant = _prior(nesting.shared, *prior), 2.0 * float(np.log(root).sum())
    wide = np.zeros((len(corner), sum(len(group.place) for group in nesting.provinces)))
    for alike in nesting.alike:
        seen = nesting.seen[alike[0]][1]
        _add(corner, left[alike].sum(axis=0), seen, seen)
    inner, first = [], 0
    for number, group in enumerate(nesting.provinces):
        of_province = _prior(group, *prior)
        across = np.zeros((len(corner), len(of_province)))
        for at in range(number * nesting.grid[1], (number + 1) * nesting.grid[1]):
            by_province, by_all = nesting.seen[at]
            _add(of_province, left[at], by_province, by_province)
            _add(across, left[at], by_all, by_province)
        lower, inverse = factorised(of_province, "a province")
        wide[:, first : first + len(of_province)] = across @ inverse.T
        inner.append(inverse)
        first += len(of_province)
        log_determinant += 2.0 * float(np.log(np.diagonal(lower)).sum())
    lower, inverse = factorised(corner - wide @ wide.T, "what provinces share")
    log_determinant += 2.0 * float(np.log(np.diagonal(lower)).sum())
    return NestedFactor(nesting, pull, root, gain, covariance, tuple(inner), wide, inverse, log_determinant)


def _prior(group: Group, diagonal: Array, beside: Array, corner: Array) -> Array:
    """A group's prior precision, path by path."""
    periods, size = len(diagonal), len(group.place)
    precision, at = np.zeros((size, size)), np.arange(periods)
    for number, path in enumerate(group.paths):
        rows = number * periods + at
        precision[rows, rows] = diagonal[:, path]
        precision[rows[1:], rows[:-1]] = precision[rows[:-1], rows[1:]] = beside[:, path]
    first = len(group.paths) * periods
    precision[first:, first:] = corner[np.ix_(group.static, group.static)]
    return precision


def _add(out: Array, left: Array, rows: Seen, columns: Seen) -> None:
    """Adds rows'·left·columns, both as matrices over the periods, to a matrix of the latents."""
    periods = len(left)
    of_columns = left @ columns.static
    first, beside = out.shape[0] - rows.static.shape[1], out.shape[1] - columns.static.shape[1]
    for at, coefficient in rows.paths:
        scaled = left if coefficient is None else coefficient[:, None] * left
        for other, c in columns.paths:
            out[at : at + periods, other : other + periods] += scaled if c is None else scaled * c
        out[at : at + periods, beside:] += of_columns if coefficient is None else coefficient[:, None] * of_columns
    of_rows = rows.static.T @ left
    for other, c in columns.paths:
        out[first:, other : other + periods] += of_rows if c is None else of_rows * c
    out[first:, beside:] += rows.static.T @ of_columns


def _keep(group: Group, covariance: Array, diagonal: Array, beside: Array, corner: Array) -> None:
    """Writes what is asked for of a group's latents' covariance into that of all."""
    periods = len(diagonal)
    for number, path in enumerate(group.paths):
        at = slice(number * periods, (number + 1) * periods)
        diagonal[:, path], beside[:, path] = np.diagonal(covariance[at, at]), np.diagonal(covariance[at, at], 1)
    first = len(group.paths) * periods
    corner[np.ix_(group.static, group.static)] = covariance[first:, first:]


@compiled
def _chains(diagonal: Any, beside: Any, weight: Any, pull: Any) -> Any:
    """Of tridiagonal matrices: the square roots of their pivots (0 where one is not positive), what the next period
    adds to the mean, the inverses C, and diag(weight) − diag(pull)·C·diag(pull).
    """
    series, periods = diagonal.shape
    root, gain = np.zeros((series, periods)), np.zeros((series, periods))
    covariance, left = np.empty((series, periods, periods)), np.empty((series, periods, periods))
    for s in range(series):
        taken = 0.0
        for t in range(periods):
            pivot = diagonal[s, t] - taken
            if not pivot > 0.0:
                return root, gain, covariance, left
            root[s, t] = np.sqrt(pivot)
            if t < periods - 1:
                gain[s, t] = -beside[s, t] / pivot
                taken = beside[s, t] ** 2 / pivot
        for t in range(periods - 1, -1, -1):
            variance = 1.0 / root[s, t] ** 2
            for u in range(t + 1, periods):
                value = gain[s, t] * covariance[s, t + 1, u]
                covariance[s, t, u] = covariance[s, u, t] = value
            if t < periods - 1:
                variance += gain[s, t] ** 2 * covariance[s, t + 1, t + 1]
            covariance[s, t, t] = variance
        for t in range(periods):
            for u in range(periods):
                left[s, t, u] = -pull[s, t] * covariance[s, t, u] * pull[s, u]
            left[s, t, t] += weight[s, t]
    return root, gain, covariance, left


@compiled
def _backwards(root: Any, gain: Any, normal: Any) -> Any:
    """Chains (series, period, column) from standard normal numbers."""
    series, periods, columns = normal.shape
    paths = np.empty(normal.shape)
    for s in range(series):
        for t in range(periods - 1, -1, -1):
            for column in range(columns):
                paths[s, t, column] = normal[s, t, column] / root[s, t]
                if t < periods - 1:
                    paths[s, t, column] += gain[s, t] * paths[s, t + 1, column]
    return paths
