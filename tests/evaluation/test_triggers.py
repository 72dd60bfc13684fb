"""Triggers fire by the joint draws, and their past is what came in the periods that earlier forecasts were of."""

import numpy as np
import pandas as pd
import pytest

from forecast.evaluation.triggers import Trigger, trigger_history
from forecast.prediction.draws import Forecast


@pytest.fixture(scope="module")
def panel(make_panel):
    counts = np.zeros((2, 2, 8))
    counts[0, 0] = [1, 0, 0, 2, 3, 0, 5, 1]
    counts[1, 1, 6] = np.nan
    return make_panel(counts)


def forecast(panel, end, draws):
    """A forecast of two months, with the same draws in the first province and tactic, and none elsewhere."""
    values = np.zeros((len(draws), 2, 2, 2), np.int64)
    values[:, 0, 0] = draws
    return Forecast.from_draws(panel.between(end=end), values, model="m", seed=1)


def test_a_chance_is_that_of_the_sum_over_places_and_periods(panel):
    made = forecast(panel, "2020-04-30", [[0, 3], [2, 2], [4, 0], [1, 1]])
    total = Trigger("t", ("P0", "P1"), ("t0", "t1"), 4, 2, 0.5)
    assert total.chance(made) == 0.5
    assert Trigger("t", ("P0",), ("t0",), 3, 1, 0.5).chance(made) == 0.25
    assert Trigger("t", ("P1",), ("t0",), 1, 2, 0.5).chance(made) == 0
    assert total.came(made, panel) == 3
    assert total.is_within(made)
    assert not Trigger("t", ("P0",), ("t0",), 3, 3, 0.5).is_within(made)
    assert not Trigger("t", ("P2",), ("t0",), 3, 1, 0.5).is_within(made)


def test_it_fires_by_the_printed_percentage():
    trigger = Trigger("t", ("P0",), ("t0",), 1, 1, 0.5)
    assert [trigger.fires(chance) for chance in (0.494, 0.496, 0.5, 0.51)] == [False, True, True, True]


def test_the_past_holds_what_was_said_and_what_came(panel):
    trigger = Trigger("t", ("P0",), ("t0",), 3, 1, 0.5)
    everywhere = Trigger("all", ("P0", "P1"), ("t0", "t1"), 1, 1, 0.5)
    made = [
        forecast(panel, "2020-04-30", [[3, 0], [4, 0]]),
        forecast(panel, "2020-05-31", [[3, 0], [0, 0]]),
        forecast(panel, "2020-06-30", [[0, 0], [0, 0]]),
    ]
    table = trigger_history([trigger, everywhere], made, panel)
    own = table[table["name"] == "t"]
    assert own["origin"].tolist() == [pd.Timestamp(day) for day in ("2020-04-30", "2020-05-31", "2020-06-30")]
    assert own["chance"].tolist() == [1.0, 0.5, 0.0]
    assert own["fires"].tolist() == [True, True, False]
    assert own["came"].tolist() == [3, 0, 5]
    assert own["happened"].tolist() == [True, False, True]
    # A part of July was not observed.
    assert (table["name"] == "all").sum() == 2
    assert trigger_history([trigger], [], panel).empty
