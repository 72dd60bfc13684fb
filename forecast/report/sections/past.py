"""The section on how the models did on periods that were hidden from them."""

from collections.abc import Sequence

import pandas as pd
from markupsafe import Markup

from forecast import names
from forecast.evaluation.scores import summarise
from forecast.report.about import model_notes
from forecast.report.figures import is_total
from forecast.report.html_tables import html_table
from forecast.report.page import Page
from forecast.report.section import Section, note, paragraphs
from forecast.report.wording import amount, digits, mean_amount, model_row

__all__ = ["SECTION", "score_table"]

_INSIDE = {"inside_50": "50%", "inside_80": "80%", "inside_90": "90%"}


def _blocks(page: Page) -> Sequence[Markup]:
    scores, unit = page.content.scores, page.unit
    table = score_table(scores, page.forecast.model, unit, page.simulated)
    if not table:
        none = f"No {unit}s were held out in this run, so this report does not show how well its model forecasts."
        return (paragraphs([none]),)
    models = model_notes(scores)
    return (
        paragraphs([" ".join(page.past_performance).rstrip()]),
        table,
        note(f"The models: {models}.") if models else Markup(),
        note(
            "Error (CRPS): the distance between the forecast distribution and the recorded number, in attacks; lower "
            "is better. Error (CRPS of log): the same of log(1 + count), so that large counts do not drown small "
            "ones. Counts inside the interval: reported and not judged, because an interval of whole numbers that "
            "includes its bounds holds more than its level by construction, most of all where counts are small. A few "
            f"{unit}s of comparison are little evidence: small differences between models are within chance."
        ),
    )


def score_table(scores: pd.DataFrame, main: str, unit: str, simulated: bool) -> Markup:
    """Mean scores of every model on hidden periods, by cell and on totals, best first; empty without any."""
    if scores.empty:
        return Markup()
    totals = is_total(scores)
    parts = []
    for rows, group in ((~totals, f"Each province, tactic and {unit}"), (totals, f"Total of each {unit}")):
        if rows.any():
            means = summarise(scores[rows]).sort_values(["crps_log", "crps"], kind="stable")
            parts.append(means.assign(group=group))
    table = pd.concat(parts, ignore_index=True)
    frame = pd.DataFrame({"Model": [model_row(model, main) for model in table[names.MODEL]]})
    frame["Error (CRPS of log)"] = [digits(value) for value in table["crps_log"]]
    frame["Error in attacks (CRPS)"] = [digits(value) for value in table["crps"]]
    frame["Width of 90%"] = [mean_amount(value) for value in table["width_90"]]
    for column in _INSIDE:
        frame[column] = [f"{value:.0%}" for value in table[column]]
    frame["Counts"] = [amount(value) for value in table["n"]]
    return html_table(
        frame.assign(group=table["group"]),
        "scores",
        f"Forecast errors of every model on {unit}s that it did not see",
        simulated,
        groups="group",
        spanners={"Counts inside the interval of": _INSIDE},
    )


SECTION: Section = Section("past", "Past performance", "How the models did on {unit}s that they did not see", _blocks)
