"""Population beside attacks: rates are the printed attacks by people, sums only where all are known."""

import io
import json
import re
from dataclasses import replace
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest

from forecast.report.build import render
from forecast.report.parts import plain_json
from forecast.report.population import PopulationPart, rate_text


@pytest.fixture(scope="module")
def content(make_content):
    return make_content(evaluated=False, countries=("Iraq",))


@pytest.fixture(scope="module")
def part(content):
    keys = content.main.provinces[1:]
    return PopulationPart("people.csv", pd.DataFrame({"province": keys, "population": 50_000.0 * np.arange(1, 18)}))


def _cells(page):
    rows = re.findall(r'<th scope="row"><a href="#([\w-]+)">.*?</th>((?:<td[^>]*>[^<]*</td>)+)', page)
    return {anchor: re.findall(r">([^<]*)</td>", row) for anchor, row in rows}


def test_the_table_has_people_and_attacks_per_100_000(content, part):
    zones = {"known": content.main.provinces[1:3], "part": content.main.provinces[:2]}
    page = render(replace(content, population=part, zones=zones))
    cells, keys = _cells(page), content.main.provinces
    head = re.search(r'id="table-outlook".*?</thead>', page, re.DOTALL)[0]
    assert "attacks per 100,000" in head
    sums = content.main.draws.sum(("tactic", "period"))
    for key, people in zip(keys[1:], part.provinces["population"], strict=True):
        median = np.quantile(sums.sel(province=key), 0.5, method="inverted_cdf")
        assert cells[key][-3:-1] == [f"{people:,.0f}", rate_text(median / people * 1e5)]
    assert cells[keys[0]][-3:-1] == ["–", "–"]
    # Of all provinces, and of a zone with the first one, the people are not known.
    assert cells["sum-0"][-3:-1] == cells["sum-2"][-3:-1] == ["–", "–"]
    both = np.quantile(sums.sel(province=zones["known"]).sum("province"), 0.5, method="inverted_cdf")
    assert cells["sum-1"][-3:-1] == ["150,000", rate_text(both / 1.5)]
    assert "People are as people.csv gives them" in page
    assert "not the risk of a person" in page
    saved = unquote(re.search(r'download="outlook.csv" href="[^,]*,([^"]+)"', page)[1])
    row = pd.read_csv(io.StringIO(saved)).iloc[-1]
    assert row["per_100_000_upper"] == pytest.approx(row["sum_upper"] / row["population"] * 1e5, rel=1e-4)


def test_without_a_table_nothing_is_said_of_people(content, part):
    page = render(content)
    assert "per 100,000" not in page
    assert "People" not in page
    back = PopulationPart.from_record(json.loads(json.dumps(plain_json(part.to_record()), allow_nan=False)))
    assert render(replace(content, population=back)) == render(replace(content, population=part))


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0.00"), (0.456, "0.46"), (9.996, "10.0"), (1234.5, "1,234.5"), (np.nan, "–")]
)
def test_rates_have_two_decimals_where_they_are_small(value, text):
    assert rate_text(value) == text
