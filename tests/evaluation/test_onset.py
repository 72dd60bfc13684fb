"""Calm series are told from others by what was known at the origin, and what came of them is counted."""

import numpy as np
import pandas as pd
import pytest

import forecast as fc
from forecast.errors import InputError
from forecast.evaluation.onset import onset_history, series_states
from forecast.evaluation.rolling_data import Backtest, scored
from forecast.prediction.draws import Forecast


@pytest.fixture(scope="module")
def panel(make_panel):
    """P0 is calm up to June and attacked from July on; P1 always; of P2 the past is blank in May, of P3 in August."""
    counts = np.zeros((4, 2, 10))
    counts[0, 1, 6:] = 2
    counts[1, 0] = 1
    counts[2, :, 4] = np.nan
    counts[3, 0, 7] = np.nan
    return make_panel(counts, countries=("A", "B"))


def forecast(panel, end, values):
    """Two months by four draws: the first province has `values`, the others nothing."""
    draws = np.zeros((4, 4, 2, 2), np.int64)
    draws[:, 0, 1] = values
    return Forecast.from_draws(panel.between(end=end), draws, model="m", seed=1)


def states(made):
    table = series_states(made)
    return dict(zip(zip(table["province"], table["tactic"], strict=True), table["state"], strict=True))


def test_a_series_is_calm_by_its_last_six_periods_as_known_at_the_origin(panel):
    made = forecast(panel, "2020-06-30", [[0, 1], [0, 0], [2, 0], [0, 0]])
    known = states(made)
    assert [known[f"P{row}", "t1"] for row in range(4)] == ["calm", "calm", "unknown", "calm"]
    assert known["P1", "t0"] == "active"
    # A month later the first one is not, though five of its last six periods are empty.
    assert states(forecast(panel, "2020-07-31", [[0, 0]] * 4))["P0", "t1"] == "active"
    # Of sums the same, and of too short a past nothing is known.
    assert states(made.aggregate(tactics=True))["P1", "all"] == "active"
    assert states(forecast(panel, "2020-05-31", [[0, 0]] * 4))["P0", "t1"] == "unknown"


def test_what_came_of_calm_provinces_is_counted(panel):
    june = forecast(panel, "2020-06-30", [[0, 1], [0, 0], [2, 0], [0, 0]])
    august = forecast(panel, "2020-07-31", [[0, 0]] * 4)
    table = onset_history([june, august], panel, 2)
    # P1 is never calm, P2's past is not known, P0 is attacked in July, and P3 is not observed in August.
    assert table.to_numpy().tolist() == [[pd.Timestamp("2020-06-30"), "P0", 0.5, True]]
    table = onset_history([june, august], panel, 1)
    assert table["province"].tolist() == [
        "P0",
        "P3",
    ]
    assert table["chance"].tolist() == [0.25, 0.0]
    assert table["happened"].tolist() == [True, False]
    assert onset_history([june], panel, 3).empty


def test_where_no_province_is_known_by_itself_nothing_is_said(make_panel):
    unknown = make_panel(np.full((1, 1, 10), np.nan))
    made = Forecast.from_draws(unknown.between(end="2020-07-31"), np.zeros((4, 1, 1, 2), np.int64), model="m", seed=1)
    assert onset_history([made], unknown, 2).empty


def test_a_backtest_is_scored_apart_by_what_was_known(make_panel):
    counts = np.ones((2, 1, 14))
    counts[0, 0, 3:12] = 0
    panel, tables = make_panel(counts), []
    for end in ("2020-11-30", "2020-12-31", "2021-01-31"):
        past = panel.between(end=end)
        for model, count in (("one", 1), ("zero", 0)):
            made = Forecast.from_draws(past, np.full((20, 2, 1, 1), count, np.int64), model=model, seed=1)
            tables.append(scored(made, panel)[0])
    done = Backtest(pd.concat(tables, ignore_index=True), pd.DataFrame(), pd.DataFrame(), "")
    calm, active = done.of("cell", "calm"), done.of("cell", "active")
    # Up to November the first province is calm, up to January two of its months are not.
    assert set(zip(calm["province"], calm["origin"].dt.month, strict=True)) == {("P0", 11), ("P0", 12)}
    assert len(calm) + len(active) == len(done.of("cell")) == 2 * 2 * 3
    means = fc.summarise(done.of("cell"), ["model", "state"]).set_index(["model", "state"])
    assert means.loc[("zero", "calm"), "crps"] == calm.loc[calm["model"] == "zero", "crps"].mean()
    by_state = fc.skill(done.of("cell"), "one", by=["state"]).set_index("state")
    assert by_state["n"].to_dict() == {"active": 4, "calm": 2}
    with pytest.raises(InputError, match="no such state"):
        done.of("cell", "quiet")
    old = Backtest(done.scores.drop(columns="state"), done.energy, done.failures, done.data)
    with pytest.raises(InputError, match="holds no states"):
        old.of("cell", "calm")
