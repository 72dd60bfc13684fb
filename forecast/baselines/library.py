"""The baselines that stand in every table of scores."""

from forecast.baselines.naive import Conflictology, Last, RecentMean, Zero
from forecast.baselines.regression import NegativeBinomialRegression
from forecast.baselines.smoothing import ExponentialSmoothing

__all__ = ["Baseline", "default_baselines"]

Baseline = Zero | Last | Conflictology | RecentMean | NegativeBinomialRegression | ExponentialSmoothing


def default_baselines() -> dict[str, Baseline]:
    """All baselines with their usual options, by their names in tables.

    Examples
    --------
    >>> list(fc.default_baselines())
    ['zero', 'last', 'conflictology', 'conflictology_panel', 'recent_mean', 'regression', 'smoothing']
    """
    models: tuple[Baseline, ...] = (
        Zero(),
        Last(),
        Conflictology(),
        Conflictology(whole_panel=True),
        RecentMean(),
        NegativeBinomialRegression(),
        ExponentialSmoothing(),
    )
    return {model.name: model for model in models}
