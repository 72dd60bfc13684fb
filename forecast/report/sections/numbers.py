"""The section on the forecast in numbers."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from markupsafe import Markup

from forecast import names
from forecast.prediction.draws import Forecast
from forecast.report.deaths import deaths_said
from forecast.report.figure_tables import outlook_table
from forecast.report.figures import Outlook
from forecast.report.html_tables import csv_link, html_table
from forecast.report.page import Page
from forecast.report.population import population_said
from forecast.report.priorities import priority_rule
from forecast.report.section import Section, note, subheading
from forecast.report.wording import amount, between, model_row

__all__ = ["SECTION"]


def _blocks(page: Page) -> list[Markup]:
    content, ahead = page.content, page.outlook
    beside = (population_said(ahead, content.population), priority_rule(ahead), page.levels)
    every = csv_link(page.forecast.to_frame(), "forecast", "every province, tactic and period", "All numbers as CSV")
    files = (
        '<p>{} <span class="note">Every province, tactic and {}, with all intervals: the file '
        "<code>forecast.csv</code> of the run. The joint draws are in <code>forecast.nc</code>.</span></p>"
    )
    return [
        outlook_table(ahead, page.sums, page.anchors, page.simulated),
        note(_how_to_read(ahead, deaths_said(ahead, content.deaths))),
        *(note(text) for text in beside if text),
        Markup(files).format(every, page.unit),
        *_others(content.forecasts, page.simulated),
    ]


def _how_to_read(ahead: Outlook, deaths: str) -> str:
    text = (
        "All tactics together. Medians of parts do not add up to the median of their sum; sums are computed from the "
        "same joint draws."
    )
    if ahead.is_compared:
        text += (
            f" “Chance of a rise” is the probability that the {ahead.unit}ly mean of the forecast is above that of "
            f"{ahead.past}."
        )
    return f"{text} {deaths}".rstrip()


def _others(forecasts: Mapping[str, Forecast], simulated: bool) -> Iterator[Markup]:
    """What every model expects of the total over the horizon, where there are several."""
    if len(forecasts) < 2:
        return
    rows = []
    for place, forecast in enumerate(forecasts.values()):
        total = forecast.draws.sum((names.PROVINCE, names.TACTIC, names.PERIOD)).values
        low, middle, high = np.quantile(total, [0.1, 0.5, 0.9], method="inverted_cdf")
        label = model_row(forecast.model, forecast.model if place == 0 else "")
        rows.append({"Model": label, "Median": amount(middle), "80% interval": between(low, high)})
    yield subheading("What other models expect of the total")
    yield html_table(pd.DataFrame(rows), "models", "What every model expects of the total", simulated)


SECTION: Section = Section("numbers", "Table", "The forecast in numbers", _blocks)
