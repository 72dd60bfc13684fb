"""Scores of published counts that came after a forecast's origin."""

import numpy as np
import pandas as pd

from forecast import names
from forecast.evaluation.scores import mixture_log_score, score_table
from forecast.inference.posterior.bayesian import BayesianFit
from forecast.panel.panel import Panel
from forecast.panel.zone_totals import series_label
from forecast.prediction.draws import Forecast
from forecast.prediction.reports import report_predictive

__all__ = ["OVER_ZONE", "REPORT", "score_reports"]

# Levels of a backtest: a zone's total of one period, and every other published count.
OVER_ZONE, REPORT = "zone", "report"


def score_reports(fit: BayesianFit, forecast: Forecast, actual: Panel) -> pd.DataFrame:
    """Score every exact published count in the periods of a forecast, of definitions that the fit knows.

    Parameters
    ----------
    fit : BayesianFit
        Of a panel of published counts.
    forecast : Forecast
        What `predict` made of it.
    actual : Panel
        A later panel of published counts.

    Returns
    -------
    DataFrame
        As of `score`, with the column `level`: 'zone' for a zone's total of one period, else 'report'; no row where
        nothing was published. `province` is 'zone: definition, publisher', for a report followed by its provinces;
        horizon and period are those of the last period that it counts.

    Raises
    ------
    InputError
        As of `published_draws`.
    """
    draws, mean, size = report_predictive(fit, forecast, actual)
    table = draws.coords.to_dataset().reset_coords().to_dataframe().reset_index(drop=True)
    exact = (table[names.LOWER] == table[names.UPPER]).to_numpy()
    table, observed = table[exact], table[names.LOWER].to_numpy()[exact].astype(np.int64)
    sorted_draws = np.sort(draws.values.T[exact], axis=1)
    steps = dict(zip(forecast.periods, forecast.horizons, strict=True))
    over_zone = table["over_zone"].to_numpy(dtype=bool)
    label = series_label(table)
    keys = {
        names.HORIZON: table["last"].map(steps),
        names.PROVINCE: label.where(over_zone, label + ", " + table["provinces"]),
        names.TACTIC: table[names.TACTIC],
        names.PERIOD: table["last"],
    }
    log_score = mixture_log_score(observed, mean[:, exact], None if size is None else size[:, exact])
    scores = score_table(forecast, keys, observed, sorted_draws, log_score)
    return scores.assign(level=np.where(over_zone, OVER_ZONE, REPORT))
