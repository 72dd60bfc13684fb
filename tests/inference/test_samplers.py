"""PyMC's sampler gives the exact posterior, and says nothing needless."""

import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from published_rows import row

from forecast.inference.nuts.engine import sample_nuts
from forecast.inference.nuts.options import NutsOptions
from forecast.inference.posterior.backend import import_arviz
from forecast.model.families import Poisson
from forecast.model.spec import Model
from forecast.model.terms import Intercept
from forecast.panel.panel import Panel

COUNTS = np.random.default_rng(2).poisson(3.0, (1, 1, 40))


@pytest.mark.parametrize("terminal", [True, False])
def test_the_progress_bar_stands_on_terminals_only_unless_asked_for(terminal, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    assert NutsOptions().shows_progress is terminal
    assert NutsOptions(progress=True).shows_progress
    assert not NutsOptions(progress=False).shows_progress


def test_posterior_is_right_without_warnings(make_panel):
    """With so wide a prior the level's posterior is that of log Gamma(sum, periods), but for a shift below 0.01 SD."""
    options = NutsOptions(draws=500, tune=300, chains=2, sampler="pymc", cores=1, progress=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", module="arviz")
        # PyMC's first steps, before the step size is found, may overflow and are rejected.
        warnings.filterwarnings("ignore", message="overflow encountered", category=RuntimeWarning)
        drawn = sample_nuts(Model([Intercept(sd=10.0)], Poisson()), make_panel(COUNTS), options, seed=1)
    level = drawn.posterior["intercept"].transpose("chain", "draw").values
    exact = np.log(np.random.default_rng(1).gamma(COUNTS.sum(), 1 / COUNTS.size, 200_000))
    size = float(import_arviz().ess(level))
    assert size > 100
    # 4.5 Monte-Carlo errors each (of a nearly normal SD: SD / √(2 · size), with half as many effective draws).
    assert abs(level.mean() - exact.mean()) < 4.5 * exact.std() / np.sqrt(size) + 0.01 * exact.std()
    assert abs(level.std() - exact.std()) < 4.5 * exact.std() / np.sqrt(size) + 0.01 * exact.std()
    assert drawn.engine == "nuts"
    assert {"diverging", "energy"} <= set(drawn.idata["sample_stats"].data_vars)


def test_published_totals_are_sampled_too():
    """Four totals of 20 over one cell each, with a wide prior: the level's posterior is that of log Gamma(80, 4)."""
    rows = pd.DataFrame([row("SY08", 20, f"2021-{month:02}") for month in range(3, 7)])
    options = NutsOptions(draws=300, tune=300, chains=1, sampler="pymc", cores=1, progress=False)
    drawn = sample_nuts(Model([Intercept(sd=10.0)], Poisson()), Panel.from_published(rows), options, seed=1)
    level = drawn.posterior["intercept"].values
    # The SD of log Gamma(80, ·) is 0.112; at least 50 effective draws leave errors of 0.016 and 0.011: 4.5 of each.
    assert abs(level.mean() - np.log(20)) < 0.08
    assert abs(level.std() - 0.112) < 0.05
