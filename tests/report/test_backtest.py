"""The report's section on the backtest: sentences, tables and charts from numbers."""

import json
from dataclasses import replace

import pandas as pd
import pytest

from forecast.report.backtest import BacktestPart, backtest_part, backtest_said, score_rows, worst_rows
from forecast.report.build import render


@pytest.fixture(scope="module")
def part(tried):
    return backtest_part(tried, "zero")


def test_sentences_say_where_the_model_stands(part, tried):
    text = "\n".join(backtest_said(part))
    assert "fitted to the final data up to each of four days" in text
    assert "does not tell when its records became known" in text
    assert "as known" not in text
    known = "\n".join(backtest_said(backtest_part(tried, "zero", vintages=True)))
    assert "fitted to the data as known at each of four days" in known
    assert "final data" not in known
    assert "up to two periods ahead" in text
    assert (
        "no attacks at all (zero) came number 2 of 2, after the recent mean (recent_mean); its forecast error" in text
    )
    assert "larger than that of the recent mean (recent_mean): worse." in text
    assert "In simulated backtests of two equally good models it left out 0 in 8 to 10%" in text
    few = replace(part, scores=part.scores.assign(lower=float("nan"), upper=float("nan")))
    untested = "\n".join(backtest_said(few))
    assert ": too few origins for a test." in untested
    assert "better" not in untested
    assert "worse" not in untested
    best = "\n".join(backtest_said(backtest_part(tried, "recent_mean")))
    assert "the recent mean (recent_mean) came first of 2." in best
    assert "could not be made" not in best
    assert "3 forecasts could not be made" in "\n".join(backtest_said(replace(part, failed=3)))


def test_tables_hold_the_numbers(part):
    rows = score_rows(part)
    assert rows["group"].unique().tolist() == [
        "Each province and tactic",
        "Series without an attack in the 6 periods before",
        "Series with an attack in the 6 periods before",
        "Total of each period",
    ]
    assert rows["Model"].tolist()[:2] == ["The recent mean (recent_mean)", "No attacks at all (zero), this report"]
    assert rows["Against the recent mean (recent_mean)"].iloc[0] == "–"
    assert rows["Against the recent mean (recent_mean)"].iloc[1].startswith("+")
    worst = worst_rows(part, {part.provinces["province"].iloc[0]: "There"})
    assert worst["Where"].iloc[0] == "There"
    assert worst["Difference"].str.startswith("+").all()


def test_a_part_goes_through_json_and_back(part):
    back = BacktestPart.from_record(json.loads(json.dumps(part.to_record())))
    assert backtest_said(back) == backtest_said(part)
    pd.testing.assert_frame_equal(score_rows(back), score_rows(part))


def test_the_section_stands_in_the_page_and_only_where_there_is_one(make_content, part):
    content = make_content(evaluated=False)
    assert "at many past dates" not in render(content)
    page = render(replace(content, backtest=part))
    for text in (
        "at many past dates",
        "Where it does worst",
        "Histogram of where outcomes fell in the forecasts of zero",
        "Intervals of 90% by zero held",
        "How often attacks came, by the probability",
    ):
        assert text in page
