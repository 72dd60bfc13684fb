"""What may be missing of a count, given what was recorded of it."""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
from scipy import stats

__all__ = ["missing_counts"]

Array = npt.NDArray[np.float64]
# So often a whole count is drawn at most to go with what was recorded of it.
_MOST_TRIES = 200


def missing_counts(
    draw: Callable[..., npt.NDArray[np.int64]],
    rng: np.random.Generator,
    counts: npt.NDArray[np.int64],
    eta: Array,
    known: Array,
    theta: Mapping[str, Array],
    left: npt.NDArray[np.bool_],
) -> npt.NDArray[np.int64]:
    """See `Family.missing`; by the family's `draw`, for the cells that are `left`, in samples with such cells only."""
    mean = counts / np.maximum(known, 1e-12)
    most, whole = stats.binom.pmf(counts, mean.astype(np.int64), known), np.rint(mean).astype(np.int64)
    for _ in range(_MOST_TRIES):
        rows = np.flatnonzero(left.any(axis=(1, 2)))
        if not rows.size:
            break
        tried = draw(rng, eta[rows], {name: values[rows] for name, values in theta.items()})
        fits = stats.binom.pmf(counts[rows], tried, known[rows])
        accepted = left[rows] & (rng.random(fits.shape) * most[rows] < fits)
        whole[rows] = np.where(accepted, tried, whole[rows])
        left[rows] &= ~accepted
    return whole - counts
