"""Onsets: series that were calm when a forecast was made, told apart from those where attacks went on."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from forecast import names
from forecast.evaluation.recorded import counts_like, recorded
from forecast.panel.panel import Panel
from forecast.prediction.draws import Forecast

__all__ = ["ACTIVE", "CALM", "CALM_PERIODS", "ONSETS", "STATES", "UNKNOWN", "onset_history", "series_states"]

# A series is calm where none of so many last periods, as known at the origin, has an attack.
CALM_PERIODS = 6
CALM, ACTIVE, UNKNOWN = "calm", "active", "unknown"
STATES = (CALM, ACTIVE, UNKNOWN)
ONSETS = (names.ORIGIN, names.PROVINCE, "chance", "happened")


def series_states(forecast: Forecast) -> pd.DataFrame:
    """The state of each series (province or group, and tactic or all of them) as known at a forecast's origin.

    Returns
    -------
    DataFrame
        province, tactic and state: 'calm' (no attack in the last six periods, all of which were observed), 'active' (an
        attack in at least one) or 'unknown' (none was seen, and a period was not observed or lies before the data).
    """
    past = forecast.dataset[names.HISTORY].transpose(names.PROVINCE, names.TACTIC, ...).values[..., -CALM_PERIODS:]
    is_known = np.isfinite(past).all(axis=-1) & (past.shape[-1] == CALM_PERIODS)
    states = np.where(np.nansum(past, axis=-1) > 0, ACTIVE, np.where(is_known, CALM, UNKNOWN))
    index = pd.MultiIndex.from_product([forecast.provinces, forecast.tactics], names=[names.PROVINCE, names.TACTIC])
    return pd.DataFrame({names.STATE: states.ravel()}, index).reset_index()


def onset_history(forecasts: Iterable[Forecast], actual: Panel, horizon: int) -> pd.DataFrame:
    """What earlier forecasts said of the provinces that were calm then, and whether an attack came.

    Parameters
    ----------
    forecasts : iterable of Forecast
        Of cells, as they were issued.
    actual : Panel
        What is known now.
    horizon : int
        The next so many periods together; a forecast of fewer is left out.

    Returns
    -------
    DataFrame
        origin, province, chance (of at least one attack of any tactic in these periods) and happened; one row per
        forecast and calm province all of whose periods have come and were observed.
    """
    rows = []
    for forecast in forecasts:
        if len(forecast.periods) < horizon:
            continue
        states = series_states(forecast.aggregate(tactics=True))
        if not (states[names.STATE] == CALM).any():
            # As of published totals, of which no province is known by itself.
            continue
        # An attack that no record places is none that could be seen to come.
        summed = recorded(forecast, actual)[0].aggregate(tactics=True)
        ahead = {names.PERIOD: slice(horizon), names.TACTIC: 0}
        came = counts_like(summed, actual).isel(ahead).sum(names.PERIOD, skipna=False).values
        chances = (summed.draws.isel(ahead).sum(names.PERIOD) > 0).mean(names.SAMPLE).values
        for place in np.flatnonzero((states[names.STATE] == CALM) & np.isfinite(came)):
            province = states[names.PROVINCE].iloc[place]
            rows.append((forecast.origin, province, float(chances[place]), bool(came[place] > 0)))
    return pd.DataFrame(rows, columns=list(ONSETS))
