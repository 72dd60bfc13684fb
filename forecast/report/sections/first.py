"""The first screen: one sentence, tiles, a map beside a ranking, how far to trust them, and the list of contents."""

from collections.abc import Mapping

from markupsafe import Markup

from forecast.report.about import scope
from forecast.report.headline import confidence, headline, ranking, tiles
from forecast.report.maps import province_map
from forecast.report.page import Page
from forecast.report.previous import previous_lead
from forecast.report.template import filled
from forecast.report.wording import day_label

__all__ = ["first_screen"]


def first_screen(page: Page, contents: Mapping[str, str]) -> Markup:
    """What stands before all sections; `contents` are their names by their addresses."""
    content, ahead, forecast = page.content, page.outlook, page.forecast
    last = content.previous
    return filled(
        "first.html.j2",
        page=page,
        outlook=ahead,
        contents=contents,
        last="" if last is None else previous_lead(last, 1),
        headline=headline(ahead),
        scope=scope(forecast),
        data_end=day_label(forecast.origin),
        tiles=tiles(ahead, page.panel, forecast),
        map=province_map(ahead, forecast.dataset, content.boundaries, page.anchors, page.simulated),
        ranking=ranking(ahead, page.anchors),
        confidence=confidence(content.scores, forecast.model, ahead.unit, content.backtest),
        caution=page.past_performance[1],
    )
