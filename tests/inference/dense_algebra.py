"""Matrices of the engines as dense ones, to hold their algebra against."""

import numpy as np


def to_dense(matrix):
    """A `BlockArrow`: period by period, then the arrow."""
    periods, width = matrix.diagonal.shape[:2]
    paths = periods * width
    dense = np.zeros((paths + len(matrix.corner),) * 2)
    for period in range(periods):
        here = slice(period * width, (period + 1) * width)
        dense[here, here] = np.tril(matrix.diagonal[period])
        dense[paths:, here] = matrix.arrow[period].T
    beside = np.arange(paths - width) if periods else np.arange(0)
    dense[beside + width, beside] = matrix.coupling.ravel()
    dense[paths:, paths:] = np.tril(matrix.corner)
    return dense + np.tril(dense, -1).T
