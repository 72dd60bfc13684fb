"""The gate that every forecast passes: are its totals within what the data make thinkable?"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecast import names
from forecast.errors import InputError
from forecast.panel.calendar import unit_name
from forecast.panel.panel import Panel
from forecast.prediction.draws import Forecast

__all__ = ["LIMITS", "SMALLEST_RECORD", "Implausible", "excessive", "implausible"]

# Quantile of a total in one period, and how many times the largest total ever seen in a period it may be.
LIMITS = {0.5: 2.0, 0.99: 5.0}
# A record below this counts as this: where attacks are rare the largest total seen is a matter of luck. Share of right
# forecasts (totals negative binomial, means .01 to 3, dispersion .2 to 5, the rate learned from 12 to 60 periods, six
# periods ahead) that fail: up to .89 without it, .022 with 1, .011 with 2, .010 with 3, and .007 with 5.
SMALLEST_RECORD = 3
_ALL = "all provinces together"


@dataclass(frozen=True)
class Implausible:
    """A total that a forecast puts far beyond all that was seen.

    Attributes
    ----------
    where : str
        A country, or 'all provinces together'.
    period : Timestamp
        The first day of the period in which it is furthest beyond.
    horizon : int
        The number of that period after the origin.
    level : float
        Which quantile of the total: 0.5 or 0.99, see `LIMITS`.
    quantile : int
        That quantile, in attacks.
    largest : int
        The largest total ever seen in a period (gaps in it taken as the mean of their series), in attacks.
    times : float
        How many times that the quantile may be.
    unit : str
        'month' or 'week'.
    """

    where: str
    period: pd.Timestamp
    horizon: int
    level: float
    quantile: int
    largest: int
    times: float
    unit: str

    @property
    def reason(self) -> str:
        """What is not plausible, as a part of a sentence."""
        name = "median" if self.level == 0.5 else f"{100 * self.level:g}% quantile"
        day = f"{self.period:%b %Y}" if self.unit == "month" else f"the week of {self.period:%Y-%m-%d}"
        most = f"the most ever seen in a {self.unit} is {self.largest:,}"
        return f"for {self.where} in {day} its {name} is {self.quantile:,} attacks, and {most}"

    def __str__(self) -> str:
        return f"The forecast is not plausible: {self.reason}. Do not use it; try another model"


def implausible(forecast: Forecast, panel: Panel) -> tuple[Implausible, ...]:
    """Totals of a forecast that lie far beyond the largest that was ever seen.

    A total (all provinces, and each country where there are several) fails where at any horizon its median is over 2
    times, or its 99 % quantile over 5 times, the largest total of a period up to the origin (`LIMITS`), which counts as
    3 attacks where it is less (`SMALLEST_RECORD`).

    Parameters
    ----------
    forecast : Forecast
        As `predict` made it: of provinces, not of sums of them.
    panel : Panel
        The data; periods after the origin are not looked at.

    Returns
    -------
    tuple of Implausible
        At most one per total and quantile, at the horizon where it is furthest beyond; empty for a forecast that
        passes, and for a panel in which no cell was observed (published totals alone): it has no record to go by.

    Raises
    ------
    InputError
        For a forecast of provinces or tactics that the panel lacks.

    Examples
    --------
    >>> panel = fc.simulate_panel(4, 2, 36, seed=1).panel
    >>> forecast = fc.predict(fc.fit(fc.RecentMean(), panel.between(end="2017-09-30"), seed=1), 3, seed=1)
    >>> fc.implausible(forecast, panel.between(end="2017-09-30"))
    ()
    """
    return tuple(
        finding
        for where, totals, largest in _records(forecast, panel)
        for level, times in LIMITS.items()
        if (finding := _worst(where, totals, largest, level, times, forecast))
    )


def excessive(forecast: Forecast, panel: Panel) -> npt.NDArray[np.bool_]:
    """Which samples put a total, at any horizon, beyond the limit of its 99 % quantile.

    Parameters
    ----------
    forecast, panel
        As of `implausible`.

    Returns
    -------
    array of bool
        (sample).
    """
    beyond = np.zeros(forecast.draws.sizes[names.SAMPLE], dtype=bool)
    for _, totals, largest in _records(forecast, panel):
        beyond |= (totals > LIMITS[0.99] * max(largest, SMALLEST_RECORD)).any(axis=1)
    return beyond


def _records(forecast: Forecast, panel: Panel) -> Iterator[tuple[str, npt.NDArray[np.int64], float]]:
    """Each total's name, its draws (sample, period), and the largest that was ever seen in a period."""
    seen = panel.between(end=forecast.origin)
    for dim, wanted, there in (
        (names.PROVINCE, forecast.provinces, panel.provinces),
        (names.TACTIC, forecast.tactics, panel.tactics),
    ):
        missing = sorted(set(wanted) - set(there))
        if missing:
            raise InputError(f"lacks a {dim} of the forecast", where="panel", found=missing)
    attacks = seen.completed.sel({names.PROVINCE: forecast.provinces, names.TACTIC: forecast.tactics})
    if not attacks.notnull().any():
        return
    past = attacks.fillna(attacks.mean(names.PERIOD)).fillna(0.0).sum(names.TACTIC).values
    draws = forecast.draws.transpose(*names.DRAW_DIMS).sum(names.TACTIC).values
    for where, rows in _totals(forecast).items():
        yield where, draws[:, rows].sum(axis=1), float(past[rows].sum(axis=0).max())


def _totals(forecast: Forecast) -> dict[str, npt.NDArray[np.intp]]:
    """Positions of the provinces of each total."""
    country = forecast.dataset[names.COUNTRY].values.astype(str)
    labels = [label for label in dict.fromkeys(country) if label]
    of_countries = {label: np.flatnonzero(country == label) for label in labels} if len(labels) > 1 else {}
    everywhere = _ALL if len(country) > 1 else str(forecast.dataset[names.PROVINCE_NAME].values[0] or "the province")
    return {everywhere: np.arange(len(country)), **of_countries}


def _worst(
    where: str, totals: npt.NDArray[np.int64], largest: float, level: float, times: float, forecast: Forecast
) -> Implausible | None:
    """The horizon at which a quantile of totals (sample, period) is largest, where that is beyond its limit."""
    quantiles = np.quantile(totals, level, axis=0, method="inverted_cdf")
    step = int(quantiles.argmax())
    if quantiles[step] <= times * max(largest, SMALLEST_RECORD):
        return None
    return Implausible(
        where=where,
        period=forecast.periods[step],
        horizon=step + 1,
        level=level,
        quantile=int(quantiles[step]),
        largest=round(largest),
        times=times,
        unit=unit_name(forecast.freq),
    )
