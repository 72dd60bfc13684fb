import re

import altair as alt
import pandas as pd
import pytest

from forecast.report.vega import Chart


@pytest.fixture(scope="module")
def svg():
    table = pd.DataFrame({"x": [1, 2, 3], "y": [2.0, 4.03, 3.0], "c": ["<b>a</b>", "b", "b"]})
    chart = alt.Chart(table).mark_line(clip=True).encode(x="x:Q", y="y:Q", color="c:N").properties(width="container")
    return Chart("mine", alt.layer(chart), "what it shows").to_svg()


def test_a_chart_is_drawn_when_the_page_is_made(svg):
    assert svg.startswith("<svg")
    assert "<script" not in svg
    assert "http" not in svg.replace("http://www.w3.org/", "")


def test_readers_are_not_told_of_marks(svg):
    assert not re.search(r"aria-label|aria-roledescription|role=", svg)
    assert svg.count('aria-hidden="true"') == 1


def test_names_of_parts_are_those_of_the_chart(svg):
    names = re.findall(r'\bid="([^"]+)"', svg)
    assert all(name.startswith("mine-") for name in names)
    assert set(re.findall(r"url\(#([^)]+)\)", svg)) <= set(names)


def test_text_grid_and_ground_have_the_colours_of_the_page_and_series_their_own(svg):
    assert 'fill="var(--muted, #5a6672)"' in svg
    assert 'stroke="var(--line, #dde3e8)"' in svg
    drawn = set(re.findall(r'(?:fill|stroke)="(#[0-9a-f]+|white)"', svg))
    assert drawn == {"#4c78a8", "#f58518"}


def test_text_in_the_data_is_escaped(svg):
    assert "<b>" not in svg
    assert "&lt;b&gt;a" in svg
