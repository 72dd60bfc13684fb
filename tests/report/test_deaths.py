"""Deaths beside attacks: sums of provinces in the tables, what is not told is said, and that none is forecast."""

import io
import json
import re
from dataclasses import replace
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest

from forecast.report.build import render
from forecast.report.deaths import DeathsPart
from forecast.report.parts import plain_json


@pytest.fixture(scope="module")
def content(make_content):
    return make_content(evaluated=False, countries=("Iraq",))


@pytest.fixture(scope="module")
def part(content):
    keys = content.main.provinces
    table = pd.DataFrame({"province": keys, "deaths": np.arange(len(keys), dtype=float) * 100})
    table.loc[1, "deaths"] = np.nan
    return DeathsPart(12, table.assign(records=3, untold=[0, 3, 1] + [0] * (len(keys) - 3)))


def test_the_table_has_them_beside_attacks_and_says_what_they_are(content, part):
    page = render(replace(content, deaths=part, zones={"two": content.main.provinces[1:3]}))
    rows = dict(re.findall(r'<th scope="row"><a href="#([\w-]+)">.*?</th>((?:<td[^>]*>[^<]*</td>)+)', page))
    cells = {anchor: re.findall(r">([^<]*)</td>", row) for anchor, row in rows.items()}
    keys = content.main.provinces
    assert [cells[key][1] for key in keys[:3]] == ["0", "–", "200"]
    # 100 × (0 + 2 + … + 17), and of a zone what is known.
    assert cells["sum-0"][1] == f"{100 * (sum(range(18)) - 1):,}"
    assert cells["sum-1"][1] == "200"
    assert "by the first day of each record. They are not forecast: everything ahead counts attacks." in page
    assert "4 of 54 records do not tell their deaths, so that the true sums are larger." in page
    saved = unquote(re.search(r'download="outlook.csv" href="[^,]*,([^"]+)"', page)[1])
    table = pd.read_csv(io.StringIO(saved)).set_index("province")
    assert table.loc["All provinces", "deaths"] == 100 * (sum(range(18)) - 1)


def test_without_deaths_nothing_is_said_of_them(content, part):
    page = render(content)
    assert ">deaths<" not in page
    assert "Deaths are" not in page
    # Of another span than the numbers beside them they would mislead.
    assert ">deaths<" not in render(replace(content, deaths=replace(part, periods=6)))


def test_a_part_goes_through_json_and_back(content, part):
    back = DeathsPart.from_record(json.loads(json.dumps(plain_json(part.to_record()), allow_nan=False)))
    assert render(replace(content, deaths=back)) == render(replace(content, deaths=part))
