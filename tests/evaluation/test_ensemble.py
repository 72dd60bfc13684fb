"""Linear pools: whole paths, weights by CRPS, learned on what was known."""

import numpy as np
import pandas as pd
import pytest

import forecast as fc
from forecast.errors import InputError
from forecast.evaluation.weights import _distance, distances


@pytest.fixture(scope="module")
def actual(make_panel):
    return make_panel(np.random.default_rng(1).poisson(4.0, (5, 2, 30)))


@pytest.fixture(scope="module")
def make(actual):
    """A forecast of the last six months with Poisson counts of a mean."""

    def made(mean, model, draws=400, seed=1):
        past = actual.between(end=actual.dataset["period_end"].values[23])
        values = np.random.default_rng(seed).poisson(mean, (draws, 5, 2, 6)).astype(np.int64)
        return fc.Forecast.from_draws(past, values, model=model, seed=seed)

    return made


def test_each_sample_is_one_models_whole_path(make):
    one, two = make(3.0, "one"), make(30.0, "two")
    pooled = fc.pool({"one": one, "two": two}, {"one": 3.0, "two": 1.0}, draws=200, seed=1)
    paths = {tuple(path.ravel()) for each in (one, two) for path in each.draws.values}
    drawn = [tuple(path.ravel()) for path in pooled.draws.values]
    assert set(drawn) <= paths
    assert len(set(drawn)) == 200
    assert (pooled.draws.values.reshape(200, -1).mean(axis=1) < 15).sum() == 150
    assert pooled.model == "pool"
    total = pooled.aggregate("total", tactics=True)
    np.testing.assert_array_equal(total.draws.values[:, 0, 0], pooled.draws.values.sum(axis=(1, 2)))


def test_the_log_score_of_a_pool_is_that_of_the_mixture(make, actual):
    """Of Poisson counts and negative binomial ones; none where a member has no mass function."""
    one, rng = make(3.0, "one"), np.random.default_rng(4)
    mu, phi = rng.gamma(4.0, 1.0, one.draws.shape), rng.gamma(5.0, 1.0, (400, 2))
    past = actual.between(end=one.origin)
    poisson, negative = (
        fc.Forecast.from_draws(past, one.draws.values, model=name, seed=1, mu=mu, phi=phi if name == "b" else None)
        for name in ("a", "b")
    )
    pooled = fc.pool({"a": poisson, "b": negative}, {"a": 3.0, "b": 1.0}, draws=400, seed=1)
    scored = fc.score(pooled, actual)
    a, b = (fc.score(each, actual)["log_score"] for each in (poisson, negative))
    # A sample of each member's samples stands for it.
    expected = -np.log(0.75 * np.exp(-a) + 0.25 * np.exp(-b))
    assert scored["log_score"].mean() == pytest.approx(expected.mean(), rel=0.01)
    np.testing.assert_allclose(scored["log_score"], expected, atol=0.4)
    whole = fc.pool({"a": poisson}, draws=400, seed=1)
    np.testing.assert_allclose(fc.score(whole, actual)["log_score"], a, atol=1e-5)
    assert fc.score(fc.pool({"a": poisson, "one": one}, seed=1), actual)["log_score"].isna().all()


def test_small_weights_count_on_average(make):
    forecasts = {"one": make(3.0, "one"), "two": make(30.0, "two")}
    drawn = [fc.pool(forecasts, {"one": 0.98, "two": 0.02}, draws=10, seed=seed) for seed in range(200)]
    share = np.mean([(each.draws.values.reshape(10, -1).mean(axis=1) > 15).mean() for each in drawn])
    assert share == pytest.approx(0.02, abs=4 * np.sqrt(0.02 / 2000))


def test_the_criterion_is_the_crps_of_the_pool(make, actual):
    """From distances of quantiles against the fair CRPS of a large pool's draws."""
    forecasts = {"one": make(3.0, "one", 4000), "two": make(7.0, "two", 4000, seed=2)}
    known = distances(forecasts, actual)
    for weights in ({"one": 0.3, "two": 0.7}, {"one": 1.0, "two": 0.0}):
        w = np.array(list(weights.values()))
        pooled = fc.pool(forecasts, weights, draws=4000, seed=3)
        cells = known.cells.sum()
        found = w @ known.to_outcome.sum(axis=0) / cells - 0.5 * w @ known.between.sum(axis=0) @ w / cells
        assert found == pytest.approx(fc.score(pooled, actual)["crps_log"].mean(), rel=0.02)


def test_few_origins_leave_weights_near_equal(make, actual):
    forecasts = {"right": make(4.0, "right", seed=2), "near": make(5.0, "near", seed=3)}
    one = distances(forecasts, actual)
    few, many = (fc.pool_weights([one] * number)["right"] for number in (1, 50))
    assert 0.5 < few < 0.75
    assert many > 0.95


def test_weights_find_the_right_model_and_beat_each_alone(make, actual):
    forecasts = {"low": make(1.5, "low"), "right": make(4.0, "right", seed=2), "high": make(15.0, "high", seed=3)}
    weights = fc.pool_weights([distances(forecasts, actual)] * 30)
    assert sum(weights.values()) == pytest.approx(1.0)
    assert weights["right"] > 0.9
    # Truth between two models: both are used, and the pool is better than either.
    both = {"low": make(2.5, "low"), "high": make(6.5, "high", seed=3)}
    weights = fc.pool_weights([distances(both, actual)] * 30)
    assert 0.2 < weights["low"] < 0.8
    pooled = fc.score(fc.pool(both, weights, seed=1), actual)["crps_log"].mean()
    assert pooled < min(fc.score(each, actual)["crps_log"].mean() for each in both.values())


def test_only_outcomes_that_were_known_count(make, actual):
    forecasts = {"one": make(3.0, "one"), "two": make(9.0, "two")}
    known = distances(forecasts, actual)
    assert fc.pool_weights([known], pd.Timestamp("2021-12-31")) == {"one": 0.5, "two": 0.5}
    half = fc.pool_weights([known], pd.Timestamp("2022-03-31"))
    counts = actual.dataset["attacks"].values.copy()
    counts[..., 27:] = 90
    changed = fc.Panel(actual.dataset.assign(attacks=(actual.dataset["attacks"].dims, counts)))
    assert fc.pool_weights([distances(forecasts, changed)], pd.Timestamp("2022-03-31")) == half
    assert fc.pool_weights([distances(forecasts, changed)]) != half


def test_wrong_pools_are_refused(make, actual):
    one = make(3.0, "one")
    with pytest.raises(InputError, match="no weights"):
        fc.pool({"one": one}, {"two": 1.0}, seed=1)
    with pytest.raises(InputError, match="no weights"):
        fc.pool({"one": one}, {"one": 0.0}, seed=1)
    shorter = one.dataset.isel(period=slice(0, 3))
    with pytest.raises(InputError, match="other cells or periods"):
        fc.pool({"one": one, "two": fc.Forecast(shorter)}, seed=1)


def test_an_ensemble_stands_beside_its_models(tmp_path):
    panel = fc.simulate_panel(3, 2, 40, seed=8, mean=3.0).panel
    models = [fc.RecentMean(), fc.Last(), fc.Zero()]
    options = {"origins": 5, "horizon": 2, "draws": 100, "baselines": False, "seed": 1}
    done = fc.backtest(models, panel, folder=tmp_path / "bt", **options)
    both, weights = fc.ensemble(done, panel, list(done.scores["model"].unique()), draws=100, seed=2)
    assert set(both.scores["model"]) == {"recent_mean", "last", "zero", "ensemble"}
    assert set(both.of("total")["origin"]) == set(done.origins)
    table = weights.pivot(index="origin", columns="model", values="weight")
    np.testing.assert_allclose(table.sum(axis=1), 1.0)
    np.testing.assert_allclose(table.iloc[0], 1 / 3)
    assert table["zero"].iloc[-1] < table["recent_mean"].iloc[-1]
    _, weights = fc.ensemble(done, panel, draws=100, seed=2)
    assert set(weights["model"]) == {"recent_mean"}


def test_distances_between_models_are_those_of_all_pairs():
    rng = np.random.default_rng(4)
    first, second = rng.gamma(1.0, 3.0, (60, 7)), np.round(rng.gamma(2.0, 1.0, (60, 7)))
    for other in (first, second):
        pairs = np.abs(first[:, None] - other[None]).mean(axis=(0, 1))
        assert _distance(first, other) == pytest.approx(pairs, rel=1e-12)
