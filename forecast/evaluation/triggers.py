"""Triggers: events that somebody waits for, the probability at which each fires, and how it would have fired before."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecast import names
from forecast.evaluation.recorded import completed_like
from forecast.panel.panel import Panel
from forecast.prediction.draws import Forecast

__all__ = ["HISTORY", "Trigger", "trigger_history"]

HISTORY = ("name", names.ORIGIN, "chance", "fires", "came", "happened")


@dataclass(frozen=True)
class Trigger:
    """So many attacks or more, in some provinces and tactics together, over the next periods together.

    Attributes
    ----------
    name : str
        What it is called.
    provinces, tactics : tuple of str
        Whose attacks count.
    threshold : int
        Attacks from which on the event has happened.
    horizon : int
        The next so many periods.
    probability : float
        It fires where the event is at least so probable, in whole percent as reports print it.
    """

    name: str
    provinces: tuple[str, ...]
    tactics: tuple[str, ...]
    threshold: int
    horizon: int
    probability: float

    def chance(self, forecast: Forecast) -> float:
        """The probability of the event by a forecast's joint draws."""
        sums = forecast.draws.sel(self._members).isel({names.PERIOD: slice(self.horizon)})
        return float((sums.sum(names.CELL_DIMS) >= self.threshold).mean())

    def fires(self, chance: float) -> bool:
        """Whether it fires at a probability of the event."""
        return round(100 * chance) >= 100 * self.probability - 1e-9

    def is_within(self, forecast: Forecast) -> bool:
        """Whether a forecast is of all its provinces, tactics and periods."""
        whole = set(self.provinces) <= set(forecast.provinces) and set(self.tactics) <= set(forecast.tactics)
        return whole and self.horizon <= len(forecast.periods)

    def came(self, forecast: Forecast, actual: Panel) -> float:
        """How many attacks came in the periods that a forecast is of; NaN where a part was not observed."""
        counts = completed_like(forecast, actual).sel(self._members).isel({names.PERIOD: slice(self.horizon)})
        return float(counts.sum(skipna=False))

    @property
    def _members(self) -> dict[str, list[str]]:
        return {names.PROVINCE: list(self.provinces), names.TACTIC: list(self.tactics)}


def trigger_history(triggers: Sequence[Trigger], forecasts: Iterable[Forecast], actual: Panel) -> pd.DataFrame:
    """How triggers would have fired on earlier forecasts, and what came.

    Returns
    -------
    DataFrame
        One row per trigger and forecast whose periods have come and were observed: name, origin, chance, fires,
        came (attacks) and happened. Forecasts whose periods overlap share outcomes.
    """
    rows = []
    for forecast in forecasts:
        for trigger in triggers:
            came = trigger.came(forecast, actual) if trigger.is_within(forecast) else np.nan
            if np.isfinite(came):
                chance = trigger.chance(forecast)
                fires, happened = trigger.fires(chance), came >= trigger.threshold
                rows.append((trigger.name, forecast.origin, chance, fires, came, happened))
    return pd.DataFrame(rows, columns=list(HISTORY))
