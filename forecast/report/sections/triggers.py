"""The section on triggers."""

from collections.abc import Sequence

from markupsafe import Markup

from forecast.report.html_tables import prose_table
from forecast.report.page import Page
from forecast.report.section import Section, note, paragraphs
from forecast.report.triggers import trigger_rows, triggers_said

__all__ = ["SECTION"]


def _blocks(page: Page) -> Sequence[Markup]:
    part = page.content.triggers
    if part is None or page.content.no_chances:
        return ()
    caption, left = "Each trigger, its event and its past", ("Trigger", "Event")
    table = prose_table(trigger_rows(part), "triggers", caption, left, page.simulated, numbers=part.triggers)
    return (
        paragraphs(triggers_said(part)),
        table,
        note(
            "A trigger fires where the forecast gives its event the stated probability or more, in whole percent. That "
            "says nothing of why attacks come, nor what would prevent them."
        ),
    )


SECTION: Section = Section("triggers", "Triggers", "Triggers", _blocks)
