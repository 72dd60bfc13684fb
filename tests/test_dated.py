"""Dated events: what is no day is refused, and charts mark those that they show, where they are of the place."""

import re

import numpy as np
import pandas as pd
import pytest
import vl_convert

import forecast as fc
from forecast.plots import event_layers

TRUCE = fc.DatedEvent("Truce in Diyala", "2021-03-06", "2021-05-31", provinces=("Diyala",))
VOTE = fc.DatedEvent("Election", "2021-10-10")
LATER = fc.DatedEvent("Much later", "2031-01-01")
EVENTS = [VOTE, LATER, TRUCE]


@pytest.fixture(scope="module")
def panel():
    months = pd.date_range("2020-01-01", periods=24, freq="MS")
    cells = pd.MultiIndex.from_product([["IQG01", "IQG10"], ["ied"], months], names=["province", "tactic", "period"])
    counts = np.random.default_rng(1).poisson(5, len(cells))
    table = pd.DataFrame({"attacks": counts}, cells).reset_index()
    return fc.Panel.from_frame(table, gazetteer=fc.read_gazetteer())


@pytest.fixture(scope="module")
def forecast(panel):
    return fc.predict(fc.fit(fc.RecentMean(), panel, seed=1), 3, draws=200, seed=1)


def _texts(chart):
    return re.findall(r"<text[^>]*>([^<]+)</text>", vl_convert.vegalite_to_svg(chart.to_dict(), allowed_base_urls=[]))


@pytest.mark.parametrize(
    ("days", "problem"),
    [
        (("2021-02-30",), "is no day"),
        (("2021-01-01", "soon"), "is no day"),
        (("2021-01-02", "2021-01-01"), "ends before it begins"),
    ],
)
def test_an_event_has_days_in_their_order(days, problem):
    with pytest.raises(fc.InputError, match=f"event x: {problem}"):
        fc.DatedEvent("x", *days)


def test_charts_mark_the_events_that_they_show(panel, forecast):
    charts = {"fan": forecast.plot(events=EVENTS), "panel": panel.plot(events=EVENTS)}
    for name, chart in charts.items():
        texts = _texts(chart)
        assert {"Truce in Diyala", "Election"} <= set(texts), name
        assert "Much later" not in texts
        # The axis ends where the chart does.
        assert not any("203" in text for text in texts)
    assert "Truce in Diyala" in _texts(forecast.plot("Diyala", events=EVENTS))
    assert "Truce in Diyala" not in _texts(forecast.plot("Anbar", events=EVENTS))
    assert "Election" in _texts(forecast.plot("Anbar", events=EVENTS))
    assert _texts(forecast.plot(events=())) == _texts(forecast.plot())


def test_quantiles_are_marked_too(forecast):
    shown = _texts(fc.QuantileForecast.of(forecast).plot("Anbar", events=EVENTS))
    assert "Election" in shown
    assert "Truce in Diyala" not in shown


def test_small_multiples_have_a_rule_in_each_province_that_an_event_is_of(forecast):
    def rules(events):
        spec = forecast.small_multiples(events=events).to_dict()
        return vl_convert.vegalite_to_svg(spec, allowed_base_urls=[]).count('stroke="#5a6672"')

    assert [rules(events) for events in ((), [LATER], [TRUCE], [VOTE], EVENTS)] == [0, 0, 1, 2, 3]


def test_names_stand_in_turn_on_three_lines(panel):
    events = [fc.DatedEvent(f"e{month}", f"2020-0{month}-01") for month in range(1, 6)]
    chart = fc.Panel.plot(panel, events=events)
    spec = chart.to_dict()
    lines = [layer["encoding"]["y"]["value"] for layer in spec["layer"] if layer["mark"].get("type") == "text"]
    assert lines == [2, 14, 26]
    assert {f"e{month}" for month in range(1, 6)} <= set(_texts(chart))
    assert event_layers([LATER], panel.periods[0], panel.origin) == []
