"""The section on calm provinces: the chance that attacks begin, apart from where they go on, and its past."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from forecast import names
from forecast.evaluation.onset import CALM, CALM_PERIODS, series_states
from forecast.panel.panel import Panel
from forecast.prediction.draws import Forecast
from forecast.report.figures import records
from forecast.report.html_tables import html_table
from forecast.report.onset import OnsetPart
from forecast.report.page import Page
from forecast.report.section import Section, paragraphs
from forecast.report.wording import (
    amount,
    capital,
    chance_that,
    counted,
    last_periods,
    period_label,
    province_labels,
    ranges,
    short_percent,
)

__all__ = ["SECTION"]


def _blocks(page: Page) -> Sequence[Markup]:
    """The provinces without an attack in the last six periods; none where there is none, or chances mean nothing."""
    outlook, unit, part = page.outlook, page.unit, page.content.onsets
    table = _calm(page.panel, page.forecast, unit)
    if table.empty or not outlook.tells_chances:
        return ()
    calm, provinces = last_periods(CALM_PERIODS, unit), counted(len(outlook.provinces), "province")
    said = [
        f"Of {provinces}, {amount(len(table))} had no attack on record in {calm}. There the question is whether "
        "attacks begin; elsewhere, whether they go on."
    ]
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
            "90% interval": ranges(table["lower"], table["upper"]),
        }
    )
    caption = f"Provinces without an attack in {calm}, by their chance of at least one, {outlook.span}"
    links, right = [page.anchors[key] for key in table[names.PROVINCE]], ["Chance of an attack", "90% interval"]
    shown = html_table(frame, "calm", caption, page.simulated, links=links, numbers=table, right=right, prose=True)
    return paragraphs(said), shown, _past_table(part, unit, page.simulated)


# Parts ---------------------------------------------------------------------------------------------------------------


def _calm(panel: Panel, forecast: Forecast, unit: str) -> pd.DataFrame:
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
            "last": [_last(counts.sel({names.PROVINCE: key}).values, panel, unit) for key in keys],
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


SECTION: Section = Section("calm", "Calm places", "Where it is calm, and attacks may begin", _blocks)
