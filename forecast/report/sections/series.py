"""The section on the past and the forecast: the total, and a small chart of every province."""

from collections.abc import Sequence

from markupsafe import Markup

from forecast.report.late import late_records
from forecast.report.page import Page
from forecast.report.section import Section
from forecast.report.template import filled

__all__ = ["SECTION"]


def _blocks(page: Page) -> Sequence[Markup]:
    sums, provinces = page.folds
    charts = filled(
        "series.html.j2",
        page=page,
        has_bands=bool(len(page.overlays.bands)),
        events=page.overlays.listed(page.panel, page.forecast),
        total=sums[0] if sums else None,
        late=late_records(page.panel, page.forecast, page.unit, page.simulated),
        ranked=sorted(provinces, key=lambda fold: -fold.median),
    )
    return (charts,)


SECTION: Section = Section("series", "Past and forecast", "Past and forecast", _blocks)
