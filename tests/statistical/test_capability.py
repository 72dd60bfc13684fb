"""Capability is recovered: with parameters drawn from their priors, 90 % bands hold the truth as often as they say."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

import forecast as fc
from forecast.simulate.processes import unit_autoregression

MONTHS = pd.date_range("2019-01-01", periods=72, freq="MS")
FORCES = ("ISF", "KSF", "SDF")
PLACES = {"middle": 36, "end": 71}


def drawn(seed, missing, only=None):
    """Indicators of three forces whose path's half-life comes from its prior too, and the paths."""
    half_life = float(fc.Measurement().half_life.draw(np.random.default_rng(seed), ()))
    rng = np.random.default_rng([seed, 1])
    paths = unit_autoregression(rng, len(FORCES), len(MONTHS), half_life=half_life, freq="MS")
    truth = xr.DataArray(paths, {"force": list(FORCES), "period": MONTHS}, ("force", "period"))
    made = fc.simulate_indicators(truth, seed=seed, missing=missing)
    indicators = made.indicators
    if only is not None:
        table = indicators.to_frame()
        indicators = fc.Indicators.from_frame(table[table["indicator"] == only])
    return indicators, truth, made.truth


def held(seeds, missing, only=None):
    """Whether bands held the truth (replicate and force, place); and how many loadings had the wrong sign."""
    rows, wrong = [], 0
    for seed in seeds:
        indicators, truth, simulated = drawn(seed, missing, only)
        capability = fc.measure_capability(indicators, start=MONTHS[0], end=MONTHS[-1], draws=300, seed=seed)
        frame = capability.to_frame().set_index("force")
        for force in FORCES:
            of_force, path = frame.loc[force], truth.sel(force=force).values
            inside = (of_force["lower"].to_numpy() <= path) & (path <= of_force["upper"].to_numpy())
            rows.append([inside[at] for at in PLACES.values()])
        loadings = capability.loadings.set_index(["force", "indicator"])["loading"]
        known = simulated["loading"].to_series().loc[loadings.index]
        wrong += int((np.sign(loadings) != np.sign(known)).sum())
    return np.array(rows), wrong


@pytest.mark.slow
@pytest.mark.parametrize(
    ("missing", "only"), [(0.0, None), (0.3, None), (0.6, None), (0.0, "intelligence_rating")], ids=str
)
def test_bands_hold_the_truth_as_often_as_they_say(full, missing, only):
    """Replicates are independent, three forces of one nearly so: the share lies within what chance allows of 90 %."""
    if not full and not (missing == 0.3 or only):
        pytest.skip("only with --full")
    inside, wrong = held(range(60 if full else 4), missing, only)
    assert wrong == 0
    for place, column in zip(PLACES, inside.T, strict=True):
        low, high = stats.binom.ppf([0.0005, 0.9995], len(column), 0.9)
        assert low <= column.sum() <= high, f"{place}: {column.mean():.2f}"
