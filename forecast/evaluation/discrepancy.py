"""Statistics of counts that a model may fail to reproduce: zeros, maximum, variance to mean, autocorrelation."""

import numpy as np
import numpy.typing as npt

__all__ = ["STATISTICS", "discrepancies"]

Array = npt.NDArray[np.float64]
STATISTICS = ("zeros", "maximum", "variance_to_mean", "autocorrelation")


def discrepancies(
    counts: Array, observed: npt.NDArray[np.bool_], before: Array, over: tuple[int, ...]
) -> dict[str, Array]:
    """Statistics of counts over groups of cells.

    Parameters
    ----------
    counts : array
        Over (sample, province, tactic, period).
    observed : array of bool
        Over (province, tactic, period): the cells that enter.
    before : array
        The observed count one period before, over (province, tactic, period); NaN where there is none.
    over : tuple of int
        Which of the axes 0 (province) and 1 (tactic) are summed over besides the period.

    Returns
    -------
    dict of arrays
        By the names in `STATISTICS`, over (sample, the axes that are left): the share of zeros; the largest count;
        variance/mean of all counts of the group (NaN without an attack); and the correlation of the counts with the
        observed ones a period before, each less its series' mean (NaN where either does not vary).
    """
    axes = (*(axis + 1 for axis in over), 3)
    seen = observed[None]
    size = seen.sum(axis=axes)
    kept = np.where(seen, counts, 0.0)
    mean = kept.sum(axis=axes) / size
    variance = (kept**2).sum(axis=axes) / size - mean**2
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "zeros": (seen & (counts == 0)).sum(axis=axes) / size,
            "maximum": kept.max(axis=axes),
            "variance_to_mean": variance / mean,
            "autocorrelation": _correlation(counts, before[None], seen & ~np.isnan(before), axes),
        }


def _correlation(now: Array, before: Array, pairs: npt.NDArray[np.bool_], axes: tuple[int, ...]) -> Array:
    """Correlation over pairs of cells, each less the mean of its series, pooled over series."""
    number = np.maximum(pairs.sum(axis=-1, keepdims=True), 1)
    parts = []
    for values in (now, before):
        kept = np.where(pairs, values, 0.0)
        parts.append(np.where(pairs, kept - kept.sum(axis=-1, keepdims=True) / number, 0.0))
    one, other = parts
    product = (one * other).sum(axis=axes)
    return np.asarray(product / np.sqrt((one**2).sum(axis=axes) * (other**2).sum(axis=axes)))
