"""A level that no observation tells of: it is drawn from the distribution of the others."""

import numpy as np
import pytest
from scipy import stats

from forecast.inference.nuts.engine import sample_nuts
from forecast.inference.nuts.options import NutsOptions
from forecast.inference.posterior.backend import import_arviz
from forecast.model.families import Poisson
from forecast.model.spec import Model
from forecast.model.terms import Intercept, Pooled
from forecast.prediction.caps import mean_cap
from forecast.prediction.continuation import predict


@pytest.fixture(scope="module")
def fit(make_panel):
    """Six provinces, of which the last stands in the panel as a gap."""
    rate = np.exp([0.0, 0.5, 1.0, 1.5, 2.0, 0.0])[:, None, None]
    counts = np.random.default_rng(4).poisson(rate, (6, 1, 30)).astype(float)
    counts[5] = np.nan
    options = NutsOptions(draws=1000, tune=500, chains=2, progress=False)
    return sample_nuts(Model([Intercept(), Pooled("province")], Poisson()), make_panel(counts), options, seed=2)


def test_an_unseen_level_is_normal_with_the_spread_that_was_learned(fit):
    """Mean and SD of level / sigma, each within 4 Monte-Carlo errors of 0 and 1."""
    posterior = fit.posterior
    ratio = (posterior["level_province"][..., 5] / posterior["sigma_level_province"]).transpose("chain", "draw").values
    size = float(import_arviz().ess(ratio))
    assert size > 400
    assert abs(ratio.mean()) < 4 / np.sqrt(size)
    # The effective size of squares may be half of that of values.
    assert abs(ratio.std() - 1) < 4 / np.sqrt(size)
    # The others were seen.
    assert (posterior["level_province"][..., :5].std(("chain", "draw")) < 0.8 * ratio.std()).all()


def test_its_forecast_has_that_spread(fit):
    forecast = predict(fit, 1, draws=2000, seed=1)
    log_mu = np.log(forecast.dataset["mu"].values[..., 0, 0])
    held = fit.posterior.stack(sample=("chain", "draw"))
    expected = held["intercept"].values + held["level_province"].transpose("sample", "province").values[:, 5]
    # A draw of a level that was never seen may lie beyond what forecasts are cut to.
    expected = np.minimum(expected, np.log(mean_cap(fit.panel)))
    np.testing.assert_allclose(np.sort(log_mu[:, 5]), np.sort(expected))
    assert stats.iqr(log_mu[:, 5]) > 3 * stats.iqr(log_mu[:, 0])
    assert np.isnan(forecast.dataset["history"].sel(province="P5")).all()
