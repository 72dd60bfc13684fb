"""Priority classes by expected attacks and grades by a tested skill, by the rule that the page prints."""

import json
import re
from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.report.backtest import BacktestPart, backtest_part
from forecast.report.build import render
from forecast.report.content import ReportContent
from forecast.report.parts import plain_json
from forecast.report.priorities import grades, priorities


def classes(*expected):
    return priorities(pd.Series(expected, dtype=float)).tolist()


def test_classes_by_hand():
    # Half of 100 is reached by the first alone, 80 with the second, 95 with the third.
    assert classes(50, 30, 15, 4, 1, 0) == [1, 2, 3, 4, 4, 5]
    assert classes(4, 0, 49, 30, 17) == [4, 5, 1, 1, 2]
    # Equal numbers have equal classes, and nothing is of the first class where nothing is expected.
    assert classes(10, 10, 10) == [1, 1, 1]
    assert classes(0, 0) == [5, 5]
    assert classes(1, 0) == [1, 5]


@given(st.lists(st.integers(0, 500), min_size=1, max_size=40))
def test_the_first_classes_are_the_fewest_that_reach_their_shares(expected):
    found, whole = classes(*expected), sum(expected)
    for highest, share in ((1, 0.5), (2, 0.8), (3, 0.95)):
        chosen = [value for value, number in zip(expected, found, strict=True) if number <= highest]
        assert sum(chosen) >= share * whole - 1e-9
        if chosen and whole:
            fewer = [value for value in chosen if value > min(chosen)]
            assert sum(fewer) < share * whole
    for value, number in zip(expected, found, strict=True):
        assert (number == 5) == (value == 0)


@pytest.fixture(scope="module")
def part(tried):
    return backtest_part(tried, "zero")


def test_a_grade_is_what_the_test_of_skill_says(part):
    found = grades(part)
    assert len(found) == 14
    rows = part.places.set_index("province")
    for key, grade in found.items():
        lower, upper = rows.loc[key, ["lower", "upper"]]
        assert grade == ("A" if upper < 0 else "C" if lower > 0 else "B")
    # Nothing at all, against the recent mean: worse in some provinces, and turned around better.
    assert "C" in found.values()
    turned = part.places.assign(lower=-part.places["upper"], upper=-part.places["lower"])
    assert list(grades(replace(part, places=turned)).values()).count("A") == list(found.values()).count("C")
    few = replace(part, places=part.places.assign(lower=float("nan"), upper=float("nan")))
    assert grades(few) == {}
    back = BacktestPart.from_record(json.loads(json.dumps(plain_json(part.to_record()), allow_nan=False)))
    assert grades(back) == found


def test_classes_and_their_rule_stand_in_the_table(make_content, part):
    content = make_content(evaluated=False, countries=("Syria",))
    page = render(replace(content, backtest=part))
    rows = dict(re.findall(r'<th scope="row"><a href="#([\w-]+)">[^<]*</a></th>((?:<td[^>]*>[^<]*</td>)+)', page))
    cells = {anchor: re.findall(r">([^<]*)</td>", row)[-2:] for anchor, row in rows.items()}
    sums = content.main.draws.sum(("tactic", "period")).quantile(0.5, "sample", method="inverted_cdf")
    expected = priorities(pd.Series(sums.values, content.main.provinces))
    known = grades(part)
    for key in content.main.provinces:
        assert cells[key] == [str(expected[key]), known[key]]
    assert cells["sum-0"] == ["–", "–"]
    assert "1 are the fewest provinces whose medians make up half of the sum of all medians" in page
    assert "A where the model was better than the recent mean (recent_mean), C where it was worse" in page
    # Without a backtest nothing is known of the model's past there.
    plain = render(content)
    assert ">priority<" in plain
    assert ">grade<" not in plain
    assert "Grade, by" not in plain


def test_headings_span_the_columns_below_them(make_content, part):
    page = render(replace(make_content(evaluated=False, countries=("Syria",)), backtest=part))
    for head in re.findall(r'<table id="table-(?:outlook|\w+-tactics)".*?<thead>(.*?)</thead>', page, flags=re.DOTALL):
        upper, lower = re.findall(r"<tr>(.*?)</tr>", head)
        assert sum(map(int, re.findall(r'colspan="(\d+)"', upper))) == lower.count("<th")


def test_one_province_has_no_class(make_panel, make_forecast):
    panel = make_panel([[[1, 2, 3]]])
    content = ReportContent(title="T", panel=panel, forecasts={"m": make_forecast(panel, horizon=1)})
    assert ">priority<" not in render(content)
