"""Skill, its test and its interval."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

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


def test_the_error_by_hand():
    """Five periods, two cosines: the mean's error is the root of the mean square of the two weights, over n."""
    values = np.array([1.0, 3.0, 2.0, 5.0, 4.0])
    table = scores_of({"a": values[:, None], "b": np.zeros((5, 1))})
    row = fc.skill(table, "b").iloc[0]
    angles = np.pi * (np.arange(5) + 0.5) / 5
    weights = [np.sqrt(2 / 5) * np.sum((values - 3) * np.cos(number * angles)) for number in (1, 2)]
    error = np.sqrt(5 * np.mean(np.square(weights))) / 5
    assert row["difference"] == pytest.approx(3.0)
    assert row["p_value"] == pytest.approx(2 * stats.t.sf(3.0 / error, 2))
    assert [row["lower"], row["upper"]] == pytest.approx(3.0 + stats.t.ppf([0.025, 0.975], 2) * error)


def test_differences_are_summed_by_target_period():
    """Two origins ahead of another share all targets but two: copies of an origin tell nothing new."""
    rng = np.random.default_rng(3)
    shocks = rng.normal(size=30)
    one = scores_of({"a": shocks[:24, None], "b": np.zeros((24, 1))})
    # The same targets again from the origin before, with the same differences.
    twice = scores_of({"a": np.stack([shocks[:24], shocks[1:25]], axis=1), "b": np.zeros((24, 2))})
    width = [row["upper"] - row["lower"] for row in (fc.skill(table, "b").iloc[0] for table in (one, twice))]
    assert width[1] > 0.85 * width[0]


def test_too_few_origins_have_no_test():
    row = fc.skill(scores_of({"a": np.ones((2, 6)), "b": np.zeros((2, 6))}), "b").iloc[0]
    assert row["difference"] == 1.0
    assert row[["lower", "upper", "p_value"]].isna().all()


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
