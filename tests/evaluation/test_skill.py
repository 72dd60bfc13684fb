"""Skill, its test and its interval."""

import numpy as np
import pandas as pd
import pytest

import forecast as fc
from forecast.errors import InputError


def scores_of(values, measure="crps_log"):
    """A table of scores: {model: (origin, horizon) array}, one cell."""
    rows = []
    for model, array in values.items():
        for (origin, ahead), value in np.ndenumerate(np.asarray(array)):
            start = pd.Timestamp("2015-01-31") + pd.offsets.MonthEnd(origin)
            period = start + pd.DateOffset(days=1) + pd.DateOffset(months=ahead)
            rows.append((model, start, ahead + 1, "P", "t", period, value))
    return pd.DataFrame(rows, columns=["model", "origin", "horizon", "province", "tactic", "period", measure])


def overlapping(rng, origins, horizon, mean):
    """Differences of scores whose errors last as long as forecasts overlap."""
    shocks = rng.normal(size=origins + horizon)
    errors = np.stack([[shocks[o : o + h + 1].mean() for h in range(horizon)] for o in range(origins)])
    return mean + errors


def test_skill_by_hand():
    table = scores_of({"a": [[1.0], [2.0], [3.0]], "b": [[2.0], [2.0], [4.0]]})
    row = fc.skill(table, "b").iloc[0]
    assert (row["model"], row["n"], row["origins"]) == ("a", 3, 3)
    assert row["score"] == pytest.approx(2.0)
    assert row["skill"] == pytest.approx(1 - 2.0 / (8 / 3))
    assert row["difference"] == pytest.approx(-2 / 3)
    assert row["lower"] <= row["difference"] <= row["upper"]


def test_only_common_cells_count_and_groups_stay_apart():
    table = scores_of({"a": [[1.0, 5.0]] * 4, "b": [[2.0, 4.0]] * 4})
    table = table[~((table["model"] == "a") & (table["origin"] == table["origin"].min()))]
    by = fc.skill(table, "b", by=["horizon"]).set_index("horizon")
    assert by["n"].tolist() == [3, 3]
    assert by["difference"].tolist() == [-1.0, 1.0]
    assert (by["p_value"] == 0).all()


def test_the_test_and_the_interval_are_calibrated_under_overlap():
    """No difference in truth: at 5 % about one in twenty is called one, though neighbours share their errors."""
    rng, called, missed = np.random.default_rng(1), [], []
    for _ in range(300):
        table = scores_of({"a": overlapping(rng, 60, 4, 0.0), "b": np.zeros((60, 4))})
        row = fc.skill(table, "b", "crps_log", resamples=200).iloc[0]
        called.append(row["p_value"] < 0.05)
        missed.append(not row["lower"] <= 0 <= row["upper"])
    # Both are known to be above their level in short series: 0.10 and 0.14 here. Without overlap in them, a third.
    assert 0.02 < np.mean(called) < 0.14
    assert 0.02 < np.mean(missed) < 0.2


def test_a_real_difference_is_found():
    rng = np.random.default_rng(2)
    row = fc.skill(scores_of({"a": overlapping(rng, 80, 3, -1.0), "b": np.zeros((80, 3))}), "b").iloc[0]
    assert row["p_value"] < 0.01
    assert row["upper"] < 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"baseline": "c"}, "not among the models"),
        ({"measure": "inside_90"}, "no score"),
        ({"measure": "beauty"}, "no score"),
        ({"by": ["moon"]}, "cannot be grouped"),
    ],
)
def test_wrong_questions_are_refused(options, message):
    table = scores_of({"a": [[1.0]] * 3, "b": [[2.0]] * 3})
    with pytest.raises(InputError, match=message):
        fc.skill(table, **{"baseline": "b", **options})
