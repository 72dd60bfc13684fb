"""The section on every province and sum."""

from collections.abc import Sequence

from markupsafe import Markup

from forecast.report.page import Page
from forecast.report.section import Section
from forecast.report.template import filled

__all__ = ["SECTION"]


def _blocks(page: Page) -> Sequence[Markup]:
    sums, provinces = page.folds
    return (filled("provinces.html.j2", sums=sums, provinces=provinces),)


SECTION: Section = Section("provinces", "Provinces", "Every province", _blocks)
