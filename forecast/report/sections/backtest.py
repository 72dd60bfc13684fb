"""The section on the backtest."""

from markupsafe import Markup

from forecast.report.backtest import backtest_charts, backtest_said, score_rows, worst_rows
from forecast.report.html_tables import html_table, prose_table
from forecast.report.page import Page
from forecast.report.section import Section, drawing, note, paragraphs, subheading
from forecast.report.wording import province_labels

__all__ = ["SECTION"]


def _blocks(page: Page) -> list[Markup]:
    part, simulated = page.content.backtest, page.simulated
    if part is None:
        return []
    caption = "Forecast errors of every model at past dates"
    worst = worst_rows(part, province_labels(page.forecast.dataset))
    where = "Where and when the model of this report did worst"
    return [
        paragraphs(backtest_said(part)),
        html_table(score_rows(part), "backtest", caption, simulated, groups="group"),
        note(
            "Lower scores are closer to what came; below 0% means a lower score than the rival’s. Errors (CRPS) as "
            "above; surprise (ignorance): bits needed to tell the outcome’s class of size. The 95% interval is that "
            "of the mean difference in CRPS of log; neighbouring origins share outcomes, and the interval counts each "
            f"target {page.unit} once."
        ),
        subheading("Calibration"),
        *(drawing(chart, shown) for chart, shown in backtest_charts(part, simulated)),
        subheading("Where it does worst"),
        prose_table(worst, "worst", where, ["Where"], simulated, groups="group"),
        note(
            "Provinces and dates at which the model’s score is furthest above that of the rival. Where the difference "
            "is below 0, the model’s score was the lower one even there."
        ),
    ]


SECTION: Section = Section("backtest", "Backtest", "How the models did at many past dates", _blocks)
