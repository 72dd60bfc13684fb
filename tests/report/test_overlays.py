"""Dated events and the last report's bands stand in the charts where their days and periods are."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forecast.dated import DatedEvent, in_order
from forecast.report.build import render
from forecast.report.content import ReportContent
from forecast.report.fans import large_fan, series_of, small_fan
from forecast.report.overlays import Overlays
from forecast.report.previous import previous_part

TRUCE = DatedEvent("Truce", "2020-03-16", "2020-03-16", "P0", ("P0",))
VOTE = DatedEvent("Vote", "2020-01-31", "2020-04-30", "", ("P0", "P1"))
EARLY = DatedEvent("Early", "2019-05-01", "2019-05-01", "", ("P0", "P1"))


@pytest.fixture(scope="module")
def panel(make_panel):
    return make_panel([[[0, 8, 4, 2]], [[1, 1, 1, 1]]], countries=("A",))


@pytest.fixture(scope="module")
def series(panel, make_forecast):
    return series_of(panel, make_forecast(panel, horizon=2), None, tactics=True)


def test_an_event_stands_where_its_days_are_in_the_charts_of_its_places(series):
    overlays = Overlays(in_order([TRUCE, VOTE, EARLY]))
    first = overlays.over(series["P0", "all"], ("P0",))
    assert [(mark.letter, mark.text) for mark in first.marks] == [
        ("B", "Vote, 31 Jan 2020 to 30 Apr 2020"), ("C", "Truce (P0), 16 Mar 2020")
    ]  # fmt: skip
    vote, truce = first.marks
    assert (truce.first, truce.last) == (pytest.approx(2 + 15 / 31), truce.first)
    assert (vote.first, vote.last) == (pytest.approx(30 / 31), pytest.approx(3 + 29 / 30))
    assert first.marked == "Marked: B Vote, 31 Jan 2020 to 30 Apr 2020; C Truce (P0), 16 Mar 2020."
    assert [mark.letter for mark in overlays.over(series["P1", "all"], ("P1",)).marks] == ["B"]
    # A sum has the events of any of its provinces.
    assert len(overlays.over(series["P1", "all"], ("P0", "P1")).marks) == 2
    svg = large_fan(first, "x", simulated=False)
    # Six columns from 46 to 712.
    assert f'class="event" d="M{46 + 111 * truce.first:.1f} 34V226"' in svg
    assert "<title>C Truce (P0), 16 Mar 2020</title>" in svg
    assert svg.count('class="lasting"') == 1
    assert re.findall(r">([A-Z])</text>", svg) == ["B", "C"]
    small = small_fan(first, "x")
    assert (small.count('class="event"'), small.count("<text")) == (2, 0)


def test_letters_that_would_lie_on_each_other_stand_together(series):
    near = [replace(TRUCE, name=name, first="2020-03-16") for name in ("one", "two")]
    drawn = Overlays(in_order([*near, VOTE])).over(series["P0", "all"], ("P0",))
    assert re.findall(r">([A-Z]+)</text>", large_fan(drawn, "x", simulated=False)) == ["A", "BC"]


def test_bands_of_the_last_report_stand_behind_what_came(series):
    rows = [
        {"level": "province", "province": key, "period": f"2020-0{month}-01", "lower_90": 1, "lower_50": 3, "median": 4,
         "upper_50": 5, "upper_90": 90 + month}
        for key in ("P0", "P1") for month in (2, 4)
    ]  # fmt: skip
    overlays = Overlays(bands=pd.DataFrame(rows))
    drawn = overlays.over(series["P0", "all"], ("P0",), "province", "P0")
    assert drawn.earlier[:, 1].tolist() == [1, 3, 4, 5, 92]
    assert np.isnan(drawn.earlier[:, [0, 2]]).all()
    assert drawn.largest == 94
    svg = small_fan(drawn, "x")
    # Two stretches, of a period each.
    assert (svg.count('class="earlier90"'), svg.count('class="earlier50"')) == (2, 2)
    assert overlays.over(series["P0", "all"], ("P0",), "total", "total").earlier.shape == (5, 0)
    assert "earlier" not in small_fan(series["P0", "all"], "x")


def test_the_page_lists_events_and_bands_of_every_province_and_sum(previous, gazetteer_panel, make_forecast):
    panel = gazetteer_panel(countries=("Syria",))
    part = previous()
    assert set(part.bands["level"]) == {"total", "province"}
    assert len(part.bands) == 15 * 2
    event = DatedEvent("Vote & <b>truce", "2024-02-10", "2024-02-20", "Homs", (panel.provinces[0],))
    before = replace(event, name="Old", first="2020-01-01", last="2020-01-01")
    content = ReportContent(
        title="T", panel=panel, forecasts={"m": make_forecast(panel)}, previous=part, events=[event, before]
    )
    page = render(content)
    # The total stands twice; of every province a small and a large chart.
    assert page.count('<path class="earlier90"') == 2 + 14 * 2
    assert "the same, in the last report" in page
    assert "<li><b>B</b> Vote &amp; &lt;b&gt;truce (Homs), 10 Feb 2024 to 20 Feb 2024</li>" in page
    assert "<li><b>A</b> Old (Homs), 1 Jan 2020 (before the charts, which begin on 1 Jan 2022)</li>" in page
    key = panel.provinces[0]
    section = page[page.index(f'<div id="{key}">') :]
    assert "<figcaption>Marked: B Vote" in section[: section.index("</details>")]
    assert re.search(r'aria-label="[^"]*Marked: B Vote', section)
    plain = render(replace(content, previous=None, events=()))
    assert not {"Marked", 'class="earlier90"', 'class="event"', "in the last report"} & set(re.findall(
        r'Marked|class="earlier90"|class="event"|in the last report', plain))  # fmt: skip


def test_bands_are_of_what_has_the_same_parts_then_and_now(gazetteer_panel, make_forecast):
    panel = gazetteer_panel(countries=("Syria",))
    before = panel.between(end="2024-04-30")
    fewer = before.select(provinces=before.provinces[1:])
    part = previous_part(make_forecast(fewer), fewer, panel, make_forecast(panel))
    assert set(part.bands["level"]) == {"province"}
    one = before.select(tactics=["ied"])
    assert previous_part(make_forecast(one), one, panel, make_forecast(panel)).bands.empty


def test_one_province_alone_has_the_bands_of_the_total(make_panel, make_forecast):
    panel = make_panel(np.ones((1, 2, 12)), countries=("A",))
    before = panel.between(end="2020-10-31")
    part = previous_part(make_forecast(before), before, panel, make_forecast(panel))
    page = render(ReportContent(title="T", panel=panel, forecasts={"m": make_forecast(panel)}, previous=part))
    assert page.count('<path class="earlier90"') == 2
