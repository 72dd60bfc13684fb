"""What counts do not hold: the last periods beside what they will be, attacks without a province or a kind."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from markupsafe import Markup

from forecast import names
from forecast.panel.breaks import COMMON_BREAK
from forecast.panel.panel import Panel
from forecast.prediction.draws import Forecast
from forecast.report.html_tables import html_table
from forecast.report.wording import (
    amount,
    attacks,
    between,
    capital,
    counted,
    last_periods,
    listed,
    period_label,
    periods_label,
    tactic_label,
)

__all__ = ["Late", "both_readings", "late_records", "placed_said"]

_INTERVAL = (0.1, 0.5, 0.9)
# How many provinces a sentence names.
_NAMED = 5


@dataclass(frozen=True)
class Late:
    """What the page says of the last periods: a sentence, and a table of all provinces together."""

    text: str
    table: Markup


def late_records(panel: Panel, forecast: Forecast, unit: str, simulated: bool) -> Late | None:
    """Of a forecast with a nowcast: what is on record, and what is expected to be in the end; else None."""
    nowcast = forecast.nowcast
    if nowcast is None:
        return None
    recorded = panel.without_ended().attacks.sum((names.PROVINCE, names.TACTIC), skipna=False)
    whole = nowcast.aggregate("total", tactics=True)
    lower, median, upper = whole.quantiles(_INTERVAL).values[:, 0, 0]
    rows = []
    for at, period in reversed(list(enumerate(nowcast.periods))):
        so_far = float(recorded.sel({names.PERIOD: period}))
        if upper[at] == so_far:
            break
        rows.append(
            {
                capital(unit): period_label(period, forecast.freq),
                "On record": amount(so_far) if np.isfinite(so_far) else "too little",
                "Expected in the end": amount(median[at]),
                "80% interval": between(lower[at], upper[at]),
            }
        )
    if not rows:
        return None
    last, n = rows[0], len(rows)
    name = last[capital(unit)]
    begun = (
        f"Of {name}, {last['On record']} attacks are on record"
        if last["On record"] != "too little"
        else f"Of {name} too little is on record to count"
    )
    text = (
        f"Records of the last {counted(n, unit) if n > 1 else unit} are still coming in. {begun}; "
        f"{attacks(median[-1])} expected in the end, {last['80% interval']} likely."
    )
    caption = f"Attacks on record and expected in the end, by {unit}, all provinces"
    numbers = nowcast.to_frame(levels=[0.8])
    return Late(text, html_table(pd.DataFrame(rows), "late", caption, simulated, numbers=numbers))


def both_readings(forecast: Forecast) -> str:
    """What is expected in all if a common break of the data is one of attacks, and if it is one of records; or ''."""
    found = forecast.provenance.get(COMMON_BREAK)
    if found is None:
        return ""
    since, factor = found
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
