"""The outer function of what is published, of logs of sums: its value and derivatives."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from forecast.inference.likelihood.jets import JET_MATHS, Jet
from forecast.inference.likelihood.published_entries import Entries
from forecast.inference.likelihood.splits import PSI
from forecast.model.families import NUMPY

__all__ = ["DIRECTIONS", "derivatives_of_splits", "derivatives_of_totals"]

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]

# Directions in which the outer function of a total is differentiated: of order n in the first n + 1 of them.
DIRECTIONS = (1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (1.0, -1.0), (1.0, 2.0)


def derivatives_of_splits(entries: Entries, theta: Mapping[str, Array], log: Array, order: int) -> list[Array]:
    """Log mass of each factor of a split and its derivatives in the argument, from log sums (sum, …)."""
    with np.errstate(all="ignore"):
        return entries.published.splits.derivatives(entries.arguments @ log, theta.get(PSI), order)


def derivatives_of_totals(
    entries: Entries, theta: Mapping[str, Array], log: Array, directions: Sequence[tuple[float, float]], order: int
) -> list[Array]:
    """Value and derivatives of each total's log probability in directions of its log sums.

    `log` is (point, sum), what is returned (direction, point, total).
    """
    totals, number = entries.first, len(directions) * len(log)
    found, layout = entries.repeated(number)
    first, second = (np.repeat(each, len(totals) * len(log)) for each in zip(*directions, strict=True))
    log_mu = np.tile((log[:, totals] + found.log_scale(theta, NUMPY)[totals]).ravel(), len(directions))
    mu = Jet((log_mu, first), order)[layout]
    phi = None
    if entries.has_spread:
        log_phi = 2 * log[:, totals] - log[:, entries.second] + found.log_dispersion(theta)[totals]
        log_phi = np.tile(log_phi.ravel(), len(directions))
        phi = Jet((log_phi, 2 * first - second), order)[layout]
    with np.errstate(all="ignore"):
        parts = found.log_mass_of_totals(entries.family, mu, phi, JET_MATHS, _summed)
    known, between = (
        each.derivatives((size,)) if size else [np.zeros(0)] * (order + 1)
        for each, size in zip(parts, (len(found.exact), len(found.between)), strict=True)
    )
    shape = len(directions), len(log), -1
    pairs = zip(known, between, strict=True)
    return [np.concatenate([one.reshape(shape), two.reshape(shape)], axis=2) for one, two in pairs]


def _summed(values: Jet, row: Index, rows: int) -> Jet:
    """Jets added up by row."""
    parts = (np.bincount(row, np.broadcast_to(part, row.shape), minlength=rows) for part in values.parts)
    return Jet(tuple(parts), values.order)
