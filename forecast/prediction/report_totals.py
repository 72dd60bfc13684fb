"""What publishers' totals of zones will be, as a forecast of these series: what later totals are held against."""

import numpy as np

from forecast.inference.posterior.bayesian import BayesianFit
from forecast.panel.zone_totals import exact_totals, series_label, totals_panel
from forecast.prediction.draws import Forecast
from forecast.prediction.reports import published_draws

__all__ = ["totals_forecast"]


def totals_forecast(fit: BayesianFit, forecast: Forecast) -> Forecast | None:
    """Joint draws of the exact totals of zones that publishers will give.

    Parameters
    ----------
    fit : BayesianFit
        Of a panel of published counts.
    forecast : Forecast
        What `predict` made of it.

    Returns
    -------
    Forecast or None
        Of the series of `totals_panel` whose zones go on, 'zone: definition, publisher'; of one tactic, 'all'. They are
        no parts of one whole: sums of them mean nothing. None where there is no such series.

    Raises
    ------
    InputError
        As of `published_draws`.
    """
    drawn = published_draws(fit, forecast)
    table = drawn["report"].to_dataset().reset_coords().to_dataframe()
    series, period = series_label(table), table["first"]
    kept = sorted(set(series_label(exact_totals(fit.panel))) & set(series))
    if not kept:
        return None
    at = {(label, day): number for number, (label, day) in enumerate(zip(series, period, strict=True))}
    columns = np.array([[at[label, day] for day in forecast.periods] for label in kept])
    draws = drawn.values[:, columns][:, :, None, :]
    panel = totals_panel(fit.panel).select(provinces=kept)
    return Forecast.from_draws(panel, draws, model=forecast.model, seed=int(forecast.dataset.attrs["seed"]))
