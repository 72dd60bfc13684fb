"""What counts do not hold, in sentences: a break in how they were collected, attacks without a province or a kind."""

import numpy as np
import pandas as pd

from forecast import names
from forecast.panel.breaks import COMMON_BREAK
from forecast.prediction.draws import Forecast
from forecast.report.wording import (
    amount,
    attacks,
    between,
    last_periods,
    listed,
    periods_label,
    tactic_label,
)

__all__ = ["both_readings", "placed_said"]

_INTERVAL = (0.1, 0.5, 0.9)
# How many provinces a sentence names.
_NAMED = 5


def both_readings(forecast: Forecast) -> str:
    """What is expected in all if a common break of the data is one of attacks, and if it is one of records; or ''."""
    common_break = forecast.provenance.get(COMMON_BREAK)
    if common_break is None:
        return ""
    since, factor = common_break
    total = forecast.aggregate("total", tactics=True).draws.sum(names.PERIOD).values.ravel()
    lower, median, upper = np.quantile(total, _INTERVAL)
    said = [f"{attacks(scale * median)} ({between(scale * lower, scale * upper)})" for scale in (1.0, 1 / factor)]
    span = periods_label(forecast.periods, forecast.freq)
    return (
        f"the break about {since} can be read in two ways: if attacks changed, {said[0]} are expected in all in {span} "
        f"(80% interval); if what is recorded changed, that is {said[1]} as records were before"
    )


def placed_said(table: pd.DataFrame, periods: int, unit: str) -> str:
    """Where a model places attacks without a province, or of which kinds those without one, as one sentence; or ''.

    Parameters
    ----------
    table : DataFrame
        As of `forecast.placed`, by province or by tactic.
    periods : int
        The last so many that it is about.
    unit : str
        'month' or 'week'.
    """
    most = table[table["median"] > 0].sort_values("median", ascending=False, kind="stable").head(_NAMED)
    if most.empty:
        return ""
    by_kind = names.TACTIC in table
    labels = most[names.TACTIC].map(tactic_label) if by_kind else most[names.PROVINCE_NAME]
    places = listed(
        [
            f"{label} {amount(row['median'])} ({between(row['lower'], row['upper'])})"
            for label, (_, row) in zip(labels, most.iterrows(), strict=True)
        ]
    )
    lack, done = (
        ("kind", "takes most of them, with 90% intervals, for")
        if by_kind
        else ("province", "places most of them, with 90% intervals, in")
    )
    return (
        f"of {last_periods(periods, unit)}, about {attacks(table['median'].sum())} without a {lack} count; the model "
        f"{done} {places}"
    )
