"""A small forecast: four provinces, two tactics, three months, 300 joint draws."""

import numpy as np
import pytest

from forecast.prediction.draws import Forecast


@pytest.fixture
def panel(make_panel):
    return make_panel(np.random.default_rng(1).poisson(3, (4, 2, 30)))


@pytest.fixture
def make_forecast(panel):
    """Forecast with given draws (random ones by default) after `panel`."""

    def make(draws=None, *, after=panel, **options):
        if draws is None:
            draws = np.random.default_rng(2).negative_binomial(2, 0.4, (300, 4, 2, 3))
        return Forecast.from_draws(after, np.asarray(draws, np.int64), **{"model": "made", "seed": 7, **options})

    return make


@pytest.fixture
def forecast(make_forecast):
    return make_forecast()
