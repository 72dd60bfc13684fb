"""The report's section on published totals: numbers, sentences and tables of a known fit, and the whole page."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from published_rows import row

import forecast as fc
from forecast.report import about
from forecast.report.build import render
from forecast.report.content import ReportContent
from forecast.report.overlays import Overlays
from forecast.report.published import (
    PublishedPart,
    expected_rows,
    informed_provinces,
    next_reports,
    province_rows,
    published_part,
    published_said,
)
from forecast.report.totals import totals_charts

EAST = "SY02|SY08|SY09"
ROWS = [
    row(EAST, 42),
    row("SY09", 29),
    row("SY08", 5),
    row(EAST, 30, definition="claimed"),
    row(EAST, 20, "2021-04"),
    row(EAST, 30, "2021-05", bound="at_least"),
    row(EAST, 60, "2021-06", "2021-07"),
    row(EAST, 41, "2022-06"),
    row("SY04|SY05", 10, zone="central", publisher="CEP", definition="confirmed"),
    row("SY04", 6, "2021-05", zone="central", publisher="CEP", definition="confirmed"),
]
ACTIVITY = {"force": "SDF", "indicator": "raids", "value": 12, "scale": "count", "direction": 0}


@pytest.fixture(scope="module")
def fit(make_fit):
    panel = fc.Panel.from_published(pd.DataFrame(ROWS), zone_ends={"central": "2021-05-31"}, days=False)
    model = fc.Model([fc.Intercept(), fc.Pooled("province")], fc.NegativeBinomial(by=None), "published")
    levels = pd.Series({"SY02@northeast": 5.0, "SY08": 10.0, "SY09@northeast": 25.0, "SY04": 6.0, "SY05": 4.0})
    values = {"intercept": 0.0, "level_province": np.log(levels[panel.provinces]), "sigma_level_province": 1.0}
    return make_fit(model, panel, {**values, "log_phi": 2.0, "logit_share": [0.0]}, draws=200)


@pytest.fixture(scope="module")
def forecast(fit):
    return fc.predict(fit, 2, draws=300, seed=1)


@pytest.fixture(scope="module")
def part(fit, forecast):
    days = {"period_start": ["2021-03-01", "2021-05-01"], "period_end": ["2021-03-31", "2021-06-30"]}
    activity = fc.Indicators.from_frame(pd.DataFrame(days).assign(**ACTIVITY))
    return published_part(fit, forecast, activity)


def test_the_numbers(part):
    totals = part.totals.set_index(["definition", "first"])
    assert totals.loc[("recorded", "2021-06-01"), ["end", "value"]].tolist() == ["2021-07-31", 30.0]
    assert totals["bound"].value_counts().to_dict() == {"exact": 6, "at least": 1}
    # Bands go from the first to the last total of each.
    assert part.fitted.groupby("definition").size().to_dict() == {"claimed": 1, "confirmed": 1, "recorded": 16}
    assert part.fitted.groupby("definition")["mean"].mean().round(3).to_dict() == {
        "claimed": 20, "confirmed": 10, "recorded": 40
    }  # fmt: skip
    assert dict(zip(part.expected["definition"], part.expected["stopped"], strict=True)) == {
        "claimed": True, "recorded": False
    }  # fmt: skip
    assert part.activity["value"].tolist() == [12.0, 6.0]


def test_provinces_are_known_by_their_own_numbers_or_by_what_is_left(fit, part):
    known = informed_provinces(fit.panel).set_index("province")
    # March: 42 less 29 and 5 are of SY02.
    assert known["own"].to_dict() == {"SY02@northeast": 1, "SY04": 1, "SY05": 0, "SY08": 1, "SY09@northeast": 1}
    assert known.loc["SY04", "last"] == pd.Timestamp("2021-05-01")
    assert known["shared"].to_dict() == {"SY02@northeast": 6, "SY04": 1, "SY05": 1, "SY08": 6, "SY09@northeast": 6}
    table = province_rows(part).set_index("Province")
    assert table.loc["Homs (central)", ["Last", "Known lately by"]].tolist() == ["May 2021", "own numbers and totals"]
    assert table.loc["Hama (central)", ["Last", "Known lately by"]].tolist() == ["–", "totals only"]
    assert table.loc["Hasakah (northeast)", "Fitted per month, last year"] == "10.0"


def test_sentences_say_what_the_numbers_say(part):
    text = "\n".join(published_said(part))
    assert "10 published counts: 7 totals, 2 parts and 1 subset." in text
    assert "Northeast: 6 of 16 months have a total or lie within one" in text
    assert "attacks as CEP counts them under the name “confirmed”" in text
    (finding,) = next_reports(part)
    assert finding.text.startswith("For Jul 2022, RIC is expected to report ")
    assert "counted as “recorded”" in finding.text
    rows = expected_rows(part)
    assert rows["group"].tolist()[::2] == [
        "Northeast: recorded, by RIC (last published for Jun 2022)",
        "Northeast: claimed, by RIC (last published for Mar 2021)",
    ]


def test_it_goes_through_json(part, fit):
    again = PublishedPart.from_record(json.loads(json.dumps(part.to_record(), allow_nan=False)))
    assert published_said(again) == published_said(part)
    once, twice = (totals_charts(given, fit.panel, Overlays(), False) for given in (part, again))
    assert [chart.chart.to_json() for chart, _ in twice] == [chart.chart.to_json() for chart, _ in once]


def test_totals_mark_events_of_their_zone(part, fit):
    events = (fc.DatedEvent("Fall", "2021-03-10", provinces=("SY04",)), fc.DatedEvent("Vote", "2021-06-01"))
    for chart, zone in totals_charts(part, fit.panel, Overlays(events), False):
        letters = re.findall(r"<text[^>]*>([AB])</text>", chart.to_svg())
        assert letters == (["A"] if zone == "Central" else ["B"])


def test_the_same_chart_stands_by_itself(fit, forecast, part, make_panel, make_fit):
    chart = fc.plot_published(fit, forecast).to_dict()
    on_page = [item.chart.to_dict() for item, _ in totals_charts(part, fit.panel, Overlays(), False)]
    assert [zone["title"]["text"] for zone in chart["vconcat"]] == ["Central", "Northeast"]
    assert [zone["layer"] for zone in chart["vconcat"]] == [zone["layer"] for zone in on_page]
    plain = make_panel([[[1, 2, 3]]])
    model = fc.Model([fc.Intercept()], fc.Poisson(), "plain")
    with pytest.raises(fc.InputError, match="published"):
        fc.plot_published(make_fit(model, plain, {"intercept": 0.0}, draws=20), forecast)


def test_the_whole_page(fit, forecast, part):
    content = ReportContent(title="T", panel=fit.panel, forecasts={"published": forecast}, published=part)
    page = render(content)
    for text in (
        "Northeast: published totals and fitted ones",
        "Activity of SDF, as published",
        "by themselves they are no measure of a force’s capability",
        "The next expected reports",
        "How each province is known",
        "2 of them, in zones that ended, are not forecast",
    ):
        assert text in page
    # Nothing was observed cell by cell: no column compares with it.
    assert "of a rise" not in page
    assert "<h2>Expected attacks, " in page
    facts = about.facts(forecast, fit.panel)
    assert facts["Counted as"] == "“confirmed” by CEP (central) and “recorded” by RIC (northeast)"
    assert "Gaps" not in facts
