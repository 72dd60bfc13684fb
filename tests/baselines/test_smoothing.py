"""Exponential smoothing against statsmodels and its own recursion."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from statsmodels.tsa.holtwinters import SimpleExpSmoothing

import forecast as fc
from forecast.baselines.common import dispersion


@pytest.fixture(scope="module")
def counts():
    """Levels that wander, so that the weight is not 0."""
    rng = np.random.default_rng(2)
    level = np.exp(np.cumsum(rng.normal(0, 0.25, (4, 2, 60)), axis=-1) + 1)
    return rng.negative_binomial(3, 3 / (3 + level)).astype(float)


@pytest.fixture(scope="module")
def fitted(make_panel, counts):
    return fc.fit(fc.ExponentialSmoothing(), make_panel(counts), seed=1)


def test_level_and_weight_are_those_of_statsmodels(fitted, counts):
    expected = SimpleExpSmoothing(counts[1, 0], initialization_method="estimated").fit()
    assert fitted.state["weight"].values[1, 0] == pytest.approx(expected.params["smoothing_level"])
    assert fitted.state["level"].values[1, 0] == pytest.approx(expected.forecast(1)[0])
    assert (fitted.state["weight"] > 0.05).any()


def test_dispersion_is_that_of_the_one_step_errors(fitted, counts):
    means = [
        SimpleExpSmoothing(series, initialization_method="estimated").fit().fittedvalues for series in counts[:, 1]
    ]
    expected = dispersion(counts[:, 1].ravel(), np.maximum(np.concatenate(means), 0.05))
    assert fitted.state["phi"].values[1] == pytest.approx(expected)


def test_each_draw_moves_its_own_level(fitted):
    forecast = fc.predict(fitted, 4, draws=200, seed=3)
    draws, mu = forecast.draws.values, forecast.dataset["mu"].values
    weight = fitted.state["weight"].values
    level = np.broadcast_to(fitted.state["level"].values, draws.shape[:3])
    for step in range(4):
        assert mu[..., step] == pytest.approx(np.maximum(level, 0.05))
        level = level + weight * (draws[..., step] - level)


def test_uncertainty_grows_with_the_horizon(fitted):
    weight = xr.full_like(fitted.state["weight"], 0.4)
    moving = replace(fitted, state=fitted.state.assign(weight=weight))
    spread = fc.predict(moving, 8, draws=4000, seed=3).draws.var("sample").sum(("province", "tactic")).values
    # Each step adds 16 % of a step's variance to that of the level: seven of them double the whole.
    assert spread[-1] > 1.5 * spread[0]


def test_gap_is_skipped_and_told(make_panel, counts):
    gappy = np.insert(counts, 30, np.nan, axis=-1)
    fitted, whole = (fc.fit(fc.ExponentialSmoothing(), make_panel(values), seed=1) for values in (gappy, counts))
    assert fitted.state["level"].values == pytest.approx(whole.state["level"].values)
    assert fitted.notes == ("8 cells not observed are skipped: the level stays as it was",)


def test_series_with_little_to_learn_from_take_the_median_weight(make_panel, counts):
    sparse = counts.copy()
    sparse[0, 0], sparse[1, 0, 3:] = 0.0, np.nan
    fitted = fc.fit(fc.ExponentialSmoothing(), make_panel(sparse), seed=1)
    weight = fitted.state["weight"].values
    others = np.delete(weight.ravel(), [0, 2])
    assert weight[0, 0] == weight[1, 0] == pytest.approx(np.median(others))
    assert fitted.state["level"].values[1, 0] == pytest.approx(counts[1, 0, :3].mean())
    assert fitted.notes[0].startswith("2 cells without an attack or with fewer than 4 counts")
    mu = fc.predict(fitted, 1, draws=5, seed=1).dataset["mu"].values
    assert (mu[:, 0, 0, 0] == 0.05).all()
