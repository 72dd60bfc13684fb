"""The outer function of what is published, of logs of sums: its value and derivatives."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from forecast.inference.likelihood.jets import JET_MATHS, Jet
from forecast.inference.likelihood.published_entries import Entries
from forecast.inference.likelihood.splits import PSI
from forecast.model.families import NUMPY

__all__ = ["Partials", "partials_at"]

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]

# Directions in which the outer function of a total is differentiated: of order n in the first n + 1 of them.
_DIRECTIONS = (1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (1.0, -1.0)


@dataclass(frozen=True)
class Partials:
    """Derivatives of the outer function at a point, or at several, which are then the last axis.

    Attributes
    ----------
    totals : mapping of (int, int) to array
        Of each total in its two log sums, by the orders in both.
    splits : list of array
        Of each factor of a split in its argument, by order.
    """

    totals: Mapping[tuple[int, int], Array]
    splits: list[Array]

    def __getitem__(self, orders: tuple[int, int]) -> Array:
        return self.totals[orders]


def partials_at(entries: Entries, theta: Mapping[str, Array], log: Array, order: int) -> Partials:
    """Derivatives up to an order, from 1 to 3, at log sums (sum) or (sum, point)."""
    with np.errstate(all="ignore"):
        totals = _of_totals(entries, theta, log, order)
        return Partials(totals, entries.published.splits.derivatives(entries.arguments @ log, theta.get(PSI), order))


def _of_totals(entries: Entries, theta: Mapping[str, Array], log: Array, order: int) -> dict[tuple[int, int], Array]:
    """Of the log probability of each total in its two log sums, (i, j) for orders up to one.

    Those of order n follow from n-th derivatives in n + 1 directions, which jets have.
    """
    published, totals, points = entries.published, entries.first, log.T
    directions = _DIRECTIONS[: order + 1] if entries.has_spread else _DIRECTIONS[:1]
    shape = (len(directions), *points.shape[:-1], len(totals))
    first, second = (np.reshape(slopes, (-1, *(1,) * log.ndim)) for slopes in zip(*directions, strict=True))

    def jet(values: Array, slopes: Array) -> Jet:
        return Jet((values, np.broadcast_to(slopes, shape)), order)

    log_mu, log_phi = jet(points[..., totals] + published.log_scale(theta, NUMPY)[totals], first), None
    if entries.has_spread:
        dispersion = 2 * points[..., totals] - points[..., entries.second] + published.log_dispersion(theta)[totals]
        log_phi = jet(dispersion, 2 * first - second)
    known, between = published.log_mass_of_totals(entries.family, log_mu, log_phi, JET_MATHS, _summed)
    by_order = known.derivatives((*shape[:-1], len(published.exact)))
    if len(published.between):
        of_between = between.derivatives((*shape[:-1], len(published.between)))
        by_order = [np.concatenate(both, axis=-1) for both in zip(by_order, of_between, strict=True)]
    by_order = [np.moveaxis(values, -1, 1) for values in by_order]
    if not entries.has_spread:
        return {(n, 0): values[0] for n, values in enumerate(by_order)}
    partials = {(0, 0): by_order[0][0]}
    for n in range(1, order + 1):
        matrix = [[comb(n, j) * a ** (n - j) * b**j for j in range(n + 1)] for a, b in directions[: n + 1]]
        in_both = np.tensordot(np.linalg.inv(matrix), by_order[n][: n + 1], axes=1)
        partials |= {(n - j, j): values for j, values in enumerate(in_both)}
    return partials


def _summed(values: Jet, row: Index, rows: int) -> Jet:
    """Jets added up by row."""
    size = len(row)
    adding = sparse.csr_array((np.ones(size), (row, np.arange(size))), shape=(rows, size))

    def added(part: Any) -> Array:
        whole = np.broadcast_to(part, np.broadcast_shapes(np.shape(part), (size,)))
        return np.asarray((adding @ whole.reshape(-1, size).T).T.reshape(*whole.shape[:-1], rows))

    return Jet(tuple(added(part) for part in values.parts), values.order)
