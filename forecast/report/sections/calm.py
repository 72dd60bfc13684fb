"""The section on calm provinces."""

from collections.abc import Sequence

from markupsafe import Markup

from forecast.report.onset import calm_places
from forecast.report.page import Page
from forecast.report.section import Section, paragraphs

__all__ = ["SECTION"]


def _blocks(page: Page) -> Sequence[Markup]:
    calm = calm_places(page.panel, page.forecast, page.outlook, page.anchors, page.content.onsets, page.simulated)
    return () if calm is None else (paragraphs(calm.said), calm.table, calm.past)


SECTION: Section = Section("calm", "Calm places", "Where it is calm, and attacks may begin", _blocks)
