"""The section on calm provinces: the chance that attacks begin, apart from where they go on, and its past."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from forecast import names
from forecast.evaluation.onset import CALM, CALM_PERIODS, series_states
from forecast.panel.panel import Panel
from forecast.prediction.draws import Forecast
from forecast.report.figures import Outlook, records
from forecast.report.html_tables import html_table
from forecast.report.parts import Part
from forecast.report.wording import (
    LIKELIHOOD_SCALE,
    amount,
    between,
    capital,
    chance_that,
    counted,
    day_label,
    last_periods,
    likelihood,
    period_label,
    province_labels,
    short_percent,
)

__all__ = ["CalmPlaces", "OnsetPart", "calm_places", "onset_part"]


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


@dataclass(frozen=True)
class CalmPlaces:
    """Sentences and tables of the section; `past` is empty where there is no backtest."""

    said: list[str]
    table: Markup
    past: Markup


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


def calm_places(
    panel: Panel,
    forecast: Forecast,
    outlook: Outlook,
    anchors: Mapping[str, str],
    part: OnsetPart | None,
    simulated: bool,
) -> CalmPlaces | None:
    """The provinces without an attack in the last six periods; None where there is none, or chances mean nothing."""
    table = _calm(panel, forecast, outlook)
    if table.empty or not outlook.tells_chances:
        return None
    calm, unit = last_periods(CALM_PERIODS, outlook.unit), outlook.unit
    of_all = (
        f"Of {counted(len(outlook.provinces), 'province')}, {amount(len(table))} had no attack on record in {calm}."
    )
    said = [f"{of_all} There the question is whether attacks begin; elsewhere, whether they go on."]
    top = table.iloc[0]
    said.append(chance_that(f"at least one attack comes in {top['name']}, {outlook.span}", top["chance"]))
    if len(table) > 1:
        expected = float(table["chance"].sum())
        places = f"{expected:.1f} of these {len(table)} provinces"
        said.append(f"By the sum of all chances below, an attack is expected in {places} in that time.")
    said.append(_past_said(part, unit))
    frame = pd.DataFrame(
        {
            "Province": table["name"],
            "Last attack on record": table["last"],
            "Chance of an attack": [short_percent(chance) for chance in table["chance"]],
            "90% interval": [between(*pair) for pair in zip(table["lower"], table["upper"], strict=True)],
        }
    )
    caption = f"Provinces without an attack in {calm}, by their chance of at least one, {outlook.span}"
    links, right = [anchors[key] for key in table[names.PROVINCE]], ["Chance of an attack", "90% interval"]
    shown = html_table(frame, "calm", caption, simulated, links=links, numbers=table, right=right, prose=True)
    return CalmPlaces(said, shown, _past_table(part, unit, simulated))


# Parts ---------------------------------------------------------------------------------------------------------------


def _calm(panel: Panel, forecast: Forecast, outlook: Outlook) -> pd.DataFrame:
    """The calm provinces, the likeliest onset first: province, name, last, chance, lower and upper (attacks)."""
    states = series_states(forecast.aggregate(tactics=True))
    rows = np.flatnonzero(states[names.STATE] == CALM)
    sums = forecast.draws.sum((names.TACTIC, names.PERIOD)).values[:, rows]
    lower, upper = np.quantile(sums, [0.05, 0.95], axis=0, method="inverted_cdf")
    labels, keys = province_labels(forecast.dataset), [forecast.provinces[row] for row in rows]
    counts = panel.without_ended().attacks.sum(names.TACTIC, skipna=True)
    table = pd.DataFrame(
        {
            names.PROVINCE: keys,
            "name": [labels[key] for key in keys],
            "last": [_last(counts.sel({names.PROVINCE: key}).values, panel, outlook.unit) for key in keys],
            "chance": (sums > 0).mean(axis=0),
            "lower": lower,
            "upper": upper,
        }
    )
    return table.sort_values(["chance", "upper", "name"], ascending=[False, False, True], ignore_index=True)


def _last(counts: "np.ndarray[Any, Any]", panel: Panel, unit: str) -> str:
    """The last period with an attack, as its reader writes it."""
    seen = np.flatnonzero(counts > 0)
    if not len(seen):
        return f"none in {counted(len(counts), unit)}"
    return capital(period_label(panel.periods[seen[-1]], panel.freq))


def _past_said(part: OnsetPart | None, unit: str) -> str:
    """How often such chances came true, in one sentence."""
    if part is None:
        return "No backtest is at hand, so that nothing here shows how often such chances come true."
    if part.classes.empty:
        return "At no past date of the backtest was a province calm whose later months are known."
    times, came = int(part.classes["times"].sum()), int(part.classes["came"].sum())
    expected = float((part.classes["times"] * part.classes["chance"]).sum())
    over = f"within {counted(part.horizon, unit)}"
    dates = f"At {counted(part.origins, 'past date')} of the backtest, from {part.first} to {part.last},"
    if part.origins == 1:
        dates = f"At one past date of the backtest, {part.first},"
    after = f"{over} after {amount(came) if came else 'none'} of them ({came / times:.0%})"
    return (
        f"{dates} provinces were calm {counted(times, 'time')}; an attack came {after}, where the forecasts’ chances "
        f"add up to {expected:.1f}. Dates whose {unit}s overlap share outcomes, so that these are little evidence."
    )


def _past_table(part: OnsetPart | None, unit: str, simulated: bool) -> Markup:
    """How often an attack came, by the word for its chance; empty without a backtest."""
    if part is None or part.classes.empty:
        return Markup()
    rows = records(part.classes)
    frame = pd.DataFrame(
        {
            "Chance that was given": [capital(row["word"]) for row in rows],
            "Times": [amount(row["times"]) for row in rows],
            "Mean chance": [short_percent(row["chance"]) for row in rows],
            "An attack came": [amount(row["came"]) for row in rows],
            "Share": [f"{row['came'] / row['times']:.0%}" for row in rows],
        }
    )
    caption = f"How often calm provinces had an attack within {counted(part.horizon, unit)}, in the backtest"
    return html_table(frame, "calm-past", caption, simulated, numbers=part.classes)
