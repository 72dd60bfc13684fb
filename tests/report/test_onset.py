"""The report's section on calm provinces: sentences and tables from the forecast and from what came of such before."""

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forecast.prediction.draws import Forecast
from forecast.report.build import render
from forecast.report.content import ReportContent
from forecast.report.onset import OnsetPart, onset_part
from forecast.report.page import Page
from forecast.report.parts import plain_json
from forecast.report.sections.calm import SECTION


@pytest.fixture(scope="module")
def panel(make_panel):
    """P0 was attacked in March last, P1 never, P2 always."""
    counts = np.zeros((3, 1, 12))
    counts[0, 0, 2], counts[2, 0] = 4, 5
    return make_panel(counts, countries=("A", "A", "A"))


@pytest.fixture(scope="module")
def made(panel):
    """Attacks in P0 in a quarter of the draws, in P1 in half of them."""
    draws = np.zeros((20, 3, 1, 2), np.int64)
    draws[:5, 0, 0, 1], draws[:10, 1, 0, 0], draws[:, 2] = 2, 1, 5
    return Forecast.from_draws(panel, draws, model="m", seed=1)


@pytest.fixture(scope="module")
def part():
    days = pd.to_datetime(["2019-06-30", "2019-07-31"])
    chances = [(0.1, False), (0.12, True), (0.5, True), (0.9, True)]
    rows = [(days[row % 2], f"P{row}", chance, came) for row, (chance, came) in enumerate(chances)]
    return onset_part(pd.DataFrame(rows, columns=["origin", "province", "chance", "happened"]), 2)


def blocks(panel, made, part):
    return SECTION.blocks(Page(ReportContent("T", panel, {"m": made}, onsets=part)))


def section(panel, made, part):
    """The sentences of the section, its table, and the table of the past."""
    said, table, past = blocks(panel, made, part)
    return re.findall(r"<p>(.*?)</p>", said), table, past


def test_sentences_and_table_say_the_same_chances(panel, made, part):
    said, table, _ = section(panel, made, part)
    assert said[0].startswith("Of 3 provinces, 2 had no attack on record in the last 6 months.")
    assert said[1] == "There is a roughly even chance (50%) that at least one attack comes in P1, Jan to Feb 2021."
    assert "expected in 0.8 of these 2 provinces" in said[2]
    rows = re.findall(r'<th scope="row"><a href="#(P\d)">.*?</th>(.*?)</tr>', table)
    cells = {key: re.findall(r"<td[^>]*>(.*?)</td>", row) for key, row in rows}
    assert cells == {"P1": ["none in 12 months", "50%", "0 to 1"], "P0": ["Mar 2020", "25%", "0 to 2"]}


def test_the_past_says_how_often_such_chances_came_true(panel, made, part):
    said, _, table = section(panel, made, part)
    past = said[3]
    assert past.startswith(
        "At 2 past dates of the backtest, from 30 Jun 2019 to 31 Jul 2019, provinces were calm 4 times;"
    )
    assert "an attack came within 2 months after 3 of them (75%), where the forecasts’ chances add up to 1.6." in past
    assert part.classes.to_dict("list") == {
        "word": ["very unlikely", "roughly even chance", "very likely"],
        "times": [2, 1, 1],
        "chance": pytest.approx([0.11, 0.5, 0.9]),
        "came": [1, 1, 1],
    }
    assert '<td class="r">50%</td>' in table
    assert "nothing here shows how often" in section(panel, made, None)[0][3]
    none = onset_part(pd.DataFrame(columns=["origin", "province", "chance", "happened"]), 2)
    said, _, table = section(panel, made, none)
    assert "At no past date" in said[3]
    assert table == ""


def test_nothing_is_said_where_none_is_calm_or_chances_mean_nothing(panel, made, part):
    exploding = replace(made, dataset=made.dataset.assign_attrs(provenance=json.dumps({"cut": 0.5})))
    assert not blocks(panel, exploding, part)
    busy = replace(panel, dataset=panel.dataset.assign(attacks=panel.dataset["attacks"] + 1))
    draws = Forecast.from_draws(busy, made.draws.values, model="m", seed=1)
    assert not blocks(busy, draws, part)


def test_a_part_goes_through_json_and_back(panel, made, part):
    back = OnsetPart.from_record(json.loads(json.dumps(plain_json(part.to_record()), allow_nan=False)))
    assert section(panel, made, back) == section(panel, made, part)


def test_the_section_stands_in_the_page(panel, made, part):
    page = render(ReportContent(title="T", panel=panel, forecasts={"m": made}, onsets=part))
    found = page[page.index('<section id="calm">') : page.index('<section id="know">')]
    assert re.search(r'<table id="table-calm-past"', found)
    assert '<a href="#calm">' in page
