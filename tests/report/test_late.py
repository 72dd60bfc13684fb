"""What the page says of periods whose records are still coming in."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forecast.prediction.draws import Forecast
from forecast.report.build import render
from forecast.report.content import ReportContent
from forecast.report.fans import series_of, small_fan
from forecast.report.late import both_readings, placed_said
from forecast.report.page import Page
from forecast.report.sections.series import late_records


@pytest.fixture
def panel(gazetteer_panel):
    return gazetteer_panel(countries=("Iraq",), tactics=("ied",), periods=24)


@pytest.fixture
def forecast(panel):
    """Two late months: ten more attacks in each province in the last one, and almost none in the one before."""
    rng = np.random.default_rng(1)
    draws = rng.poisson(3.0, (100, len(panel.provinces), 1, 3)).astype(np.int64)
    late = np.repeat(panel.attacks.values[None, ..., -2:], 100, axis=0).astype(np.int64)
    late[..., 1] += 10
    late[0, 0, 0, 0] += 1
    return Forecast.from_draws(panel, draws, model="made", seed=1, nowcast=late)


def page_of(panel, forecast):
    return Page(ReportContent("T", panel, {"made": forecast}))


def test_what_is_on_record_stands_beside_what_is_expected(panel, forecast):
    text, table = late_records(page_of(panel, forecast))
    recorded = int(panel.attacks.values[..., -1].sum())
    expected = recorded + 10 * len(panel.provinces)
    assert text == (
        f"Records of the last month are still coming in. Of Dec 2023, {recorded} attacks are on record; "
        f"{expected} attacks expected in the end, {expected} to {expected} likely."
    )
    assert f">{recorded}<" in table
    assert "Nov 2023" not in table, "as good as complete"
    assert late_records(page_of(panel, Forecast(forecast.dataset.drop_vars("nowcast")))) is None


def test_a_month_without_counts_has_none_on_record(panel, forecast):
    observed = panel.dataset["observed"].values.copy()
    observed[..., -1] = False
    blind = type(panel)(panel.dataset.assign(observed=(panel.dataset["observed"].dims, observed)))
    assert "Of Dec 2023 too little is on record to count" in late_records(page_of(blind, forecast))[0]


def test_charts_show_both(panel, forecast):
    series = series_of(panel, forecast, None, tactics=True)[panel.provinces[0], "all"]
    assert series.late[2].tolist() == [panel.attacks.values[0, 0, -2], panel.attacks.values[0, 0, -1] + 10]
    assert series.largest >= series.late.max()
    assert small_fan(series, "x").count('class="band90"') == 2
    whole = series_of(panel, Forecast(forecast.dataset.drop_vars("nowcast")), None, tactics=True)
    assert small_fan(whole[panel.provinces[0], "all"], "x").count('class="band90"') == 1


def test_the_page_says_it(panel, forecast):
    page = render(ReportContent("Test", panel, {"made": forecast}))
    assert "still coming in" in page
    assert 'id="table-late"' in page
    assert "still coming in" not in render(
        ReportContent("Test", panel, {"made": Forecast(forecast.dataset.drop_vars("nowcast"))})
    )


def test_where_attacks_without_a_province_lay_is_one_sentence():
    table = pd.DataFrame(
        {"province_name": list("ABCDEFG"), "lower": 1, "median": [9, 0, 3, 20, 4, 5, 2], "upper": 1200}
    )
    assert placed_said(table, 12, "month") == (
        "of the last 12 months, about 43 attacks without a province count; the model places most of them, with 90% "
        "intervals, in D 20 (1 to 1,200), A 9 (1 to 1,200), F 5 (1 to 1,200), E 4 (1 to 1,200) and C 3 (1 to 1,200)"
    )
    assert placed_said(table.assign(median=0), 12, "month") == ""


def test_of_which_kinds_attacks_without_one_are_taken_to_be():
    table = pd.DataFrame({"tactic": ["small_arms", "ied"], "lower": 1, "median": [9, 20], "upper": 30})
    assert placed_said(table, 1, "month") == (
        "of the last month, about 29 attacks without a kind count; the model takes most of them, with 90% intervals, "
        "for IED 20 (1 to 30) and small arms 9 (1 to 30)"
    )


def test_a_common_break_has_two_readings(panel):
    """To a quarter: what is expected, and four times that."""
    provenance = json.dumps(panel.provenance | {"common_break": ["2020-06-01", 0.25]})
    panel = replace(panel, dataset=panel.dataset.assign_attrs(provenance=provenance))
    forecast = Forecast.from_draws(panel, np.full((50, len(panel.provinces), 1, 3), 2), model="made", seed=1)
    said = both_readings(forecast)
    then, now = (
        f"{count} attacks ({count} to {count})" for count in (24 * len(panel.provinces), 6 * len(panel.provinces))
    )
    assert f"if attacks changed, {now} are expected in all" in said
    assert f"if what is recorded changed, that is {then} as records were before" in said
    # On the page it begins with a capital.
    assert said[1:] in render(ReportContent("Test", panel, {"made": forecast}))
