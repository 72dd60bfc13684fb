"""What came of provinces that were calm at the past dates of a backtest."""

from dataclasses import dataclass, field

import pandas as pd

from forecast import names
from forecast.report.parts import Part
from forecast.report.wording import LIKELIHOOD_SCALE, day_label, likelihood

__all__ = ["OnsetPart", "onset_part"]


@dataclass(frozen=True)
class OnsetPart(Part):
    """What came of the provinces that were calm at the origins of a backtest.

    Attributes
    ----------
    horizon, origins : int
        Over how many periods an attack was waited for, and at how many origins a province was calm.
    first, last : str
        Days of the first and the last of these origins; '' where there is none.
    classes : DataFrame
        One row for each word of the printed scale that was given: word, times (how many chances), chance (their mean)
        and came (after how many of them an attack came).
    """

    horizon: int
    origins: int = 0
    first: str = ""
    last: str = ""
    classes: pd.DataFrame = field(default_factory=pd.DataFrame)


def onset_part(history: pd.DataFrame, horizon: int) -> OnsetPart:
    """Sum up what `onset_history` gave for the next so many periods."""
    if history.empty:
        return OnsetPart(horizon)
    scale = [word for _, word in LIKELIHOOD_SCALE]
    word = history["chance"].map(likelihood)
    groups = history.assign(word=pd.Categorical(word, scale)).groupby("word", observed=True)
    classes = groups.agg(times=("chance", "size"), chance=("chance", "mean"), came=("happened", "sum")).reset_index()
    days = sorted(history[names.ORIGIN].unique())
    first, last = (day_label(pd.Timestamp(day)) for day in (days[0], days[-1]))
    return OnsetPart(horizon, len(days), first, last, classes.astype({"word": object, "came": int}))
