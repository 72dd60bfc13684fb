"""Scores of counts as named functions of the outcome and of the draws: `score(metrics=…)` takes any mapping of them."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from forecast import names

__all__ = ["METRICS", "Metric", "crps", "dispersion", "on_log_scale", "overprediction", "tail_crps", "underprediction"]

Array = npt.NDArray[np.float64]
# Of the observed counts (count) and their draws (count, sample), in ascending order: one number per count.
Metric: TypeAlias = Callable[[npt.NDArray[Any], npt.NDArray[Any]], Array]


def crps(observed: npt.NDArray[Any], draws: npt.NDArray[Any], pairs: int | None = None) -> Array:
    """CRPS, in memory that is linear in the draws.

    Parameters
    ----------
    observed : array
        Shape (count).
    draws : array
        Shape (count, sample), in ascending order.
    pairs : int, optional
        By what the sum of |X − X'| over pairs of draws is divided: the number of pairs of different draws by default,
        which is fair (Ferro 2014), or of all, each with itself among them. Order statistics give that sum without
        forming any (Zamo & Naveau 2018).

    Notes
    -----
    Of the package `scoringrules`, which tests compare with, the import alone compiles for several seconds.
    """
    size = draws.shape[1]
    spread = draws @ (2.0 * np.arange(size) - size + 1) / (pairs or max(1, size * (size - 1)))
    return np.asarray(np.abs(draws - observed[:, None]).mean(axis=1) - spread)


def dispersion(observed: npt.NDArray[Any], draws: npt.NDArray[Any]) -> Array:
    """The part of the CRPS that the forecast's width gives: that of its median as outcome (as scoringutils has it)."""
    return crps(np.median(draws, axis=1), draws)


def overprediction(observed: npt.NDArray[Any], draws: npt.NDArray[Any]) -> Array:
    """The rest of the CRPS where the median lies above the observed count, else 0."""
    return np.where(observed < np.median(draws, axis=1), crps(observed, draws) - dispersion(observed, draws), 0.0)


def underprediction(observed: npt.NDArray[Any], draws: npt.NDArray[Any]) -> Array:
    """The rest of the CRPS where the median lies below the observed count, else 0."""
    return np.where(observed > np.median(draws, axis=1), crps(observed, draws) - dispersion(observed, draws), 0.0)


def tail_crps(threshold: float) -> Metric:
    """The threshold-weighted CRPS (Gneiting & Ranjan 2011): only what lies above `threshold` counts.

    Computed as the CRPS of max(count, threshold) (Allen, Ginsbourger & Ziegel 2023), in attacks.
    """

    def metric(observed: npt.NDArray[Any], draws: npt.NDArray[Any]) -> Array:
        return crps(np.maximum(observed, threshold), np.maximum(draws, threshold))

    return metric


def on_log_scale(metric: Metric) -> Metric:
    """The same metric of log(1 + count) (Bosse et al. 2023).

    Examples
    --------
    >>> panel = fc.simulate_panel(4, 2, 36, seed=1).panel
    >>> forecast = fc.predict(fc.fit(fc.RecentMean(), panel.between(end="2017-09-30"), seed=1), 3, seed=1)
    >>> "crps" in fc.score(forecast, panel, metrics={"over": fc.METRICS["overprediction"]}).columns
    True
    """

    def transformed(observed: npt.NDArray[Any], draws: npt.NDArray[Any]) -> Array:
        return metric(np.log1p(observed), np.log1p(draws))

    return transformed


# Those that `score` does not always give: parts of the CRPS, which add up to it, on both scales; and its upper tail.
_PARTS = (dispersion, overprediction, underprediction)
METRICS: Mapping[str, Metric] = MappingProxyType(
    dict(
        zip(
            names.FURTHER_SCORES,
            (*_PARTS, *(on_log_scale(part) for part in _PARTS), tail_crps(5), tail_crps(25)),
            strict=True,
        )
    )
)
