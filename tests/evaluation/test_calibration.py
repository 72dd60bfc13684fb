"""PIT, coverage, reliability, and recalibration that knows the past only."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import forecast as fc
from forecast.errors import InputError
from forecast.evaluation.calibration import pit


def told(provinces=6, origins=60, spread=1.0, seed=1):
    """A table of scores of continuous forecasts whose truth is as wide as `spread` of what they say."""
    rng = np.random.default_rng(seed)
    days = pd.date_range("2015-01-31", periods=origins, freq="ME")
    table = pd.DataFrame(
        [(day, f"P{number}") for day in days for number in range(provinces)], columns=["origin", "province"]
    )
    values = stats.norm.cdf(rng.normal(size=len(table)) * spread)
    following = table["origin"] + pd.Timedelta(days=1)
    return table.assign(model="m", horizon=1, tactic="t", period=following, pit_lower=values, pit_upper=values)


def test_the_pit_of_a_perfect_forecast_is_uniform_and_of_a_narrow_one_is_not():
    rng = np.random.default_rng(3)
    tables = []
    for model, scale in (("perfect", 1.0), ("narrow", 0.3)):
        outcome = rng.poisson(rng.gamma(2.0, 1.0, 4000))
        draws = rng.poisson((rng.gamma(2.0, 1.0, (4000, 200)) - 2) * scale + 2)
        lower = (draws < outcome[:, None]).mean(axis=1)
        upper = (draws <= outcome[:, None]).mean(axis=1)
        tables.append(pd.DataFrame({"model": model, "pit_lower": lower, "pit_upper": upper}))
    table = pd.concat(tables, ignore_index=True)
    values = pit(table, seed=1)
    assert stats.kstest(values[:4000], "uniform").pvalue > 0.001
    assert stats.kstest(values[4000:], "uniform").pvalue < 1e-6
    shares = fc.pit_table(table, seed=1).set_index("model")
    assert shares.loc["perfect", "inside_90"].iloc[0] == pytest.approx(0.9, abs=0.02)
    assert shares.loc["narrow", "inside_90"].iloc[0] < 0.87
    perfect = shares.loc["perfect"]
    assert ((perfect["lower"] <= perfect["share"]) & (perfect["share"] <= perfect["upper"])).mean() >= 0.8
    assert perfect["share"].sum() == pytest.approx(1.0)


def test_coverage_of_right_and_wrong_forecasts():
    held = []
    for seed in range(60):
        right = fc.coverage(told(seed=seed), levels=[0.5, 0.9], seed=seed)
        held.append((right["lower"] <= right["nominal"]) & (right["nominal"] <= right["upper"]))
    assert 0.88 < np.mean(held) < 0.99
    narrow = fc.coverage(told(spread=2.0, origins=400), seed=1).set_index("nominal")
    assert (narrow["upper"] < narrow.index).all()
    assert narrow.loc[0.9, "share"] == pytest.approx(2 * stats.norm.cdf(stats.norm.ppf(0.95) / 2) - 1, abs=0.05)
    both = fc.coverage(
        told().assign(horizon=lambda table: 1 + (table["province"] > "P2")), ["model", "horizon"], seed=1
    )
    assert both.groupby("horizon")["n"].first().tolist() == [180, 180]


def test_bounds_know_that_cells_of_an_origin_stand_together():
    one = told(provinces=1)
    copies = pd.concat([one.assign(province=f"P{number}") for number in range(30)])
    width = [
        table["upper"].iloc[0] - table["lower"].iloc[0]
        for table in (fc.coverage(one, seed=1), fc.coverage(copies, seed=1))
    ]
    assert width[1] == pytest.approx(width[0], rel=0.2)


def test_reliability_by_hand():
    table = pd.DataFrame(
        {"model": "m", "observed": [0, 3, 0, 9, 1], "above_0": [0.04, 0.06, 0.55, 0.58, 1.0], "above_5": 0.0}
    )
    found = fc.reliability(table)
    assert found["bin"].tolist() == [0.0, 0.5, 0.9]
    assert found["n"].tolist() == [2, 2, 1]
    assert found["predicted"].tolist() == pytest.approx([0.05, 0.565, 1.0])
    assert found["happened"].tolist() == [0.5, 0.5, 1.0]
    assert fc.reliability(table, 5)["happened"].tolist() == [0.2]
    with pytest.raises(InputError, match="not looked at"):
        fc.reliability(table, 3)


def test_reliability_of_a_right_forecast_lies_within_its_bounds():
    rng = np.random.default_rng(3)
    chance = rng.random(20_000)
    table = pd.DataFrame({"model": "m", "observed": rng.random(20_000) < chance, "above_0": chance})
    found = fc.reliability(table)
    assert ((found["lower"] <= found["happened"]) & (found["happened"] <= found["upper"])).mean() >= 0.8
    wrong = fc.reliability(table.assign(above_0=chance**2))
    assert ((wrong["lower"] <= wrong["happened"]) & (wrong["happened"] <= wrong["upper"])).mean() <= 0.3


def test_a_map_that_is_learned_makes_pits_uniform():
    for spread in (0.6, 1.8):
        table = told(spread=spread, origins=200)
        found = fc.learn_recalibration(table, seed=1)
        mapped = stats.beta.cdf(pit(table, seed=1), found.a, found.b)
        assert stats.kstest(mapped, "uniform").statistic < 0.06 < stats.kstest(pit(table, seed=1), "uniform").statistic
    assert found.a < 1 > found.b


def test_little_history_changes_little():
    few = fc.learn_recalibration(told(spread=3.0, origins=2), seed=1)
    many = fc.learn_recalibration(told(spread=3.0, origins=100), seed=1)
    assert abs(np.log(few.a)) < 0.5 * abs(np.log(many.a))


def test_recalibrated_draws_have_the_new_distribution_and_the_old_ranks(make_panel):
    panel = make_panel(np.ones((3, 2, 20)))
    rng = np.random.default_rng(1)
    common = rng.gamma(2.0, 0.5, (2000, 1, 1, 1))
    draws = rng.poisson(50 * common, (2000, 3, 2, 4)).astype(np.int64)
    forecast = fc.Forecast.from_draws(panel, draws, model="m", seed=1)
    same = fc.Recalibration(1.0, 1.0).apply(forecast, seed=1)
    np.testing.assert_array_equal(same.draws.values, draws)
    wider = fc.Recalibration(0.6, 0.6).apply(forecast, seed=1)
    assert wider.model == "m recalibrated"
    for cell in ((0, 0, 0), (2, 1, 3)):
        own = wider.draws.values[:, *cell]
        expected = np.quantile(draws[:, *cell], stats.beta.ppf([0.1, 0.5, 0.9], 0.6, 0.6))
        np.testing.assert_allclose(np.quantile(own, [0.1, 0.5, 0.9]), expected, rtol=0.02)
        assert stats.spearmanr(own, draws[:, *cell]).statistic > 0.99


def test_maps_are_learned_on_what_was_known(tmp_path):
    panel = fc.simulate_panel(3, 2, 60, seed=8, mean=6.0).panel
    options = {"origins": 30, "horizon": 2, "draws": 200, "baselines": False, "seed": 1}
    done = fc.backtest([fc.RecentMean()], panel, folder=tmp_path / "bt", **options)
    both, maps = fc.recalibrate(done, panel, ["recent_mean"], seed=1)
    assert set(both.scores["model"]) == {"recent_mean", "recent_mean recalibrated"}
    assert len(both.energy) == 2 * len(done.energy)
    assert (maps["a"].iloc[0], maps["b"].iloc[0]) == (1.0, 1.0)
    assert (maps["a"].iloc[1:] != 1.0).all()
    # What came after an origin does not move its map.
    later = done.origins[20]
    changed = done.scores.assign(
        pit_lower=done.scores["pit_lower"].where(done.scores["period"] <= later, 0.0),
        pit_upper=done.scores["pit_upper"].where(done.scores["period"] <= later, 0.01),
    )
    from dataclasses import replace

    _, again = fc.recalibrate(replace(done, scores=changed), panel, ["recent_mean"], seed=1)
    before = maps["origin"] <= later
    pd.testing.assert_frame_equal(maps[before], again[before])
    assert (maps["a"][~before].iloc[3:] != again["a"][~before].iloc[3:]).all()
