"""The section on what changes."""

from collections.abc import Sequence

from markupsafe import Markup

from forecast.report.about import scale
from forecast.report.page import Page
from forecast.report.published import next_reports
from forecast.report.section import Section, note
from forecast.report.sentences import findings

__all__ = ["SECTION"]


def _blocks(page: Page) -> Sequence[Markup]:
    published = page.content.published
    items = (*findings(page.outlook), *(next_reports(published) if published else ()))
    lines = Markup("\n").join(Markup("<li><b>{}.</b> {}</li>").format(finding.lead, finding.text) for finding in items)
    words = f"Words for probabilities: {scale()}; beside two numbers, “likely” is their 80% interval. "
    return (
        Markup('<ul class="findings">\n{}\n</ul>').format(lines),
        note(
            f"Expected numbers are medians: the outcome is as likely above as below. "
            f"{'' if page.content.no_chances else words}"
            "The sentences compare the forecast with the past; they do not say why anything changes."
        ),
    )


SECTION: Section = Section("know", "Changes", "What changes, and what may", _blocks)
