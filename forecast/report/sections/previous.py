"""The section on the last report and what came."""

from collections.abc import Iterator

from markupsafe import Markup

from forecast.report.html_tables import html_table
from forecast.report.page import Page
from forecast.report.previous import RULE, PreviousPart, previous_lead, previous_said
from forecast.report.previous_rows import level_heads, level_rows, outcome_rows, outlook_rows, revision_rows
from forecast.report.section import Section, note, paragraphs, subheading

__all__ = ["SECTION"]


def _blocks(page: Page) -> list[Markup]:
    part = page.content.previous
    if part is None:
        return []
    return [
        paragraphs([previous_lead(part), *previous_said(part)]),
        *(_outcomes(part, page) if part.has_come else ()),
        *(_outlook(part, page) if part.outlook_span else ()),
        *(_revisions(part, page) if len(part.revised) else ()),
    ]


def _outcomes(part: PreviousPart, page: Page) -> Iterator[Markup]:
    frame, provinces = outcome_rows(part)
    yield html_table(
        frame,
        "last-outcomes",
        f"What the last report expected in {part.span}, and what came",
        page.simulated,
        groups="group",
        links=[page.anchors.get(key, "") for key in provinces],
        numbers=part.series,
    )
    yield note(
        "The last report stands as it was issued. Of 90% intervals one in ten may miss by chance, of whole numbers "
        "fewer, since their bounds count as inside. Sums are of the same joint draws. Provinces are in the order of "
        "how improbable what came was; the file holds all of them."
    )
    caption = "Numbers that came inside their intervals, by level"
    yield html_table(level_rows(part), "last-levels", caption, page.simulated, spanners=level_heads(part))
    yield note(
        "The last column: the probability that what comes lies so far off if the forecast is right. Numbers of one "
        f"{page.unit} depend on each other; each of the forecast’s joint draws was taken in turn for what came, so "
        f"that the test holds its level all the same. {RULE}"
    )


def _outlook(part: PreviousPart, page: Page) -> Iterator[Markup]:
    frame, provinces = outlook_rows(part)
    heads = {"median": "median", "interval": "80% interval"}
    yield subheading("What is expected now, and was then")
    yield html_table(
        frame,
        "last-outlook",
        f"Attacks expected in {part.outlook_span}, in the last report and now",
        page.simulated,
        spanners={
            heading: {f"{name}_{column}": text for column, text in heads.items()}
            for name, heading in (("then", "In the last report"), ("now", "Now"))
        },
        links=[page.anchors.get(key, "") for key in provinces],
        numbers=part.outlook,
    )


def _revisions(part: PreviousPart, page: Page) -> Iterator[Markup]:
    caption = "The largest revisions of counts since the last report"
    yield subheading("Data that were revised since")
    yield html_table(revision_rows(part), "last-revised", caption, page.simulated, numbers=part.revised)


SECTION: Section = Section("previous", "Last report", "What the last report said and what came", _blocks)
