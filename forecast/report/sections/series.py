"""The section on the past and the forecast: the total, and a small chart of every province."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from markupsafe import Markup

from forecast import names
from forecast.report.html_tables import html_table
from forecast.report.page import Page
from forecast.report.section import Section
from forecast.report.template import filled
from forecast.report.wording import amount, attacks, attacks_are, between, capital, last_periods, period_label

__all__ = ["SECTION", "late_records"]


def _blocks(page: Page) -> Sequence[Markup]:
    sums, provinces = page.folds
    charts = filled(
        "series.html.j2",
        page=page,
        has_bands=bool(len(page.overlays.bands)),
        events=page.overlays.listed(page.panel, page.forecast),
        total=sums[0] if sums else None,
        late=late_records(page),
        ranked=sorted(provinces, key=lambda fold: -fold.median),
    )
    return (charts,)


def late_records(page: Page) -> tuple[str, Markup] | None:
    """Of a forecast with a nowcast: what is on record of all provinces and expected in the end, as text and table."""
    nowcast, unit = page.forecast.nowcast, page.unit
    if nowcast is None:
        return None
    recorded = page.panel.without_ended().attacks.sum((names.PROVINCE, names.TACTIC), skipna=False)
    lower, median, upper = nowcast.aggregate("total", tactics=True).quantiles((0.1, 0.5, 0.9)).values[:, 0, 0]
    rows = []
    for at, period in reversed(list(enumerate(nowcast.periods))):
        so_far = float(recorded.sel({names.PERIOD: period}))
        if upper[at] == so_far:
            break
        rows.append((period_label(period, page.forecast.freq), so_far, median[at], between(lower[at], upper[at])))
    if not rows:
        return None
    name, so_far, _, likely = rows[0]
    begun = f", {attacks_are(so_far)} on record" if np.isfinite(so_far) else " too little is on record to count"
    text = (
        f"Records of {last_periods(len(rows), unit)} are still coming in. Of {name}{begun}; "
        f"{attacks(median[-1])} expected in the end, {likely} likely."
    )
    labels, counts, medians, intervals = zip(*rows, strict=True)
    frame = pd.DataFrame(
        {
            capital(unit): labels,
            "On record": [amount(count) if np.isfinite(count) else "too little" for count in counts],
            "Expected in the end": [amount(value) for value in medians],
            "80% interval": intervals,
        }
    )
    caption = f"Attacks on record and expected in the end, by {unit}, all provinces"
    return text, html_table(frame, "late", caption, page.simulated, numbers=nowcast.to_frame(levels=[0.8]))


SECTION: Section = Section("series", "Past and forecast", "Past and forecast", _blocks)
