"""Baselines are calibrated where their own assumptions hold: the randomised PIT over many simulated worlds is uniform.

Each replicate is a new simulated panel, and gives one PIT of a cell and one of the grand total over the horizon, so
that the values are independent and the Kolmogorov–Smirnov test is exact. The tests are seeded; a correct method fails
one with probability 0.001, and `test_the_test_sees_a_wrong_spread` shows that a wrong one does fail.
"""

import numpy as np
import pytest
from scipy.stats import kstest

import forecast as fc
from forecast.counts import draw_counts
from forecast.panel.panel import Panel

SMALLEST_P = 0.001
HORIZON = 4
DRAWS = 400


@pytest.fixture(scope="session")
def replicates(full) -> int:
    return 400 if full else 100


def randomised_pit(draws: np.ndarray, observed: float, rng: np.random.Generator) -> float:
    """Uniform in (0, 1) where the observed count is one more draw (ties broken at random)."""
    below, ties = (draws < observed).sum(), (draws == observed).sum()
    return (below + rng.uniform() * (ties + 1)) / (len(draws) + 1)


def pits(model, worlds) -> dict[str, np.ndarray]:
    """PIT of one random cell and of the grand total, for each world (a whole panel)."""
    found: dict[str, list[float]] = {"cell": [], "total": []}
    for seed, panel in enumerate(worlds):
        rng = np.random.default_rng([99, seed])
        training = panel.between(end=panel.dataset["period_end"].values[-HORIZON - 1])
        forecast = fc.predict(fc.fit(model, training, seed=seed), HORIZON, draws=DRAWS, seed=seed)
        actual = panel.attacks.values[:, :, -HORIZON:]
        cell = tuple(rng.integers(size) for size in actual.shape)
        found["cell"].append(randomised_pit(forecast.draws.values[(slice(None), *cell)], actual[cell], rng))
        found["total"].append(randomised_pit(forecast.draws.values.sum(axis=(1, 2, 3)), actual.sum(), rng))
    return {name: np.array(values) for name, values in found.items()}


def assert_uniform(values: dict[str, np.ndarray], *names: str) -> None:
    for name in names:
        assert kstest(values[name], "uniform").pvalue > SMALLEST_P, name


def regression_worlds(n: int):
    """Panels from the regression's own equation: levels, a season, a lag, one dispersion."""
    for seed in range(n):
        yield fc.simulate_panel(
            5, 2, 72, seed=seed, mean=2.0, cell_sd=0.0, province_walk_sd=0.0, tactic_walk_sd=0.0, excitation=0.3
        ).panel


def constant_worlds(n: int):
    """Panels of counts that neither rise nor fall: one mean and one dispersion for all cells."""
    for seed in range(n):
        yield fc.simulate_panel(
            5,
            2,
            60,
            seed=seed,
            mean=3.0,
            province_sd=0,
            tactic_sd=0,
            cell_sd=0,
            province_walk_sd=0,
            tactic_walk_sd=0,
            season_sd=0,
        ).panel


def smoothing_worlds(n: int):
    """Panels whose level follows its own counts, as exponential smoothing has it."""
    template = next(constant_worlds(1))
    for seed in range(n):
        rng = np.random.default_rng([7, seed])
        level, counts = rng.uniform(3, 8, size=(5, 2)), np.empty((5, 2, 60))
        for period in range(60):
            counts[:, :, period] = draw_counts(rng, level, 5.0)
            level = np.maximum(level + 0.25 * (counts[:, :, period] - level), 0.05)
        table = template.to_frame().assign(attacks=counts.ravel())
        yield Panel.from_frame(table)


@pytest.mark.slow
def test_regression_is_calibrated_on_its_own_equation(replicates):
    found = pits(fc.NegativeBinomialRegression(), regression_worlds(replicates))
    assert_uniform(found, "cell", "total")


@pytest.mark.slow
def test_conflictology_of_a_long_past_is_calibrated_on_constant_counts(replicates):
    assert_uniform(pits(fc.Conflictology(window=56), constant_worlds(replicates)), "cell", "total")


@pytest.mark.slow
def test_smoothing_is_calibrated_on_its_own_process(replicates):
    assert_uniform(pits(fc.ExponentialSmoothing(), smoothing_worlds(replicates)), "cell")


@pytest.mark.slow
def test_the_test_sees_a_wrong_spread(replicates):
    """`last` is far too narrow on such counts: a test that cannot fail would let it pass."""
    found = pits(fc.Last(), constant_worlds(replicates))
    assert kstest(found["cell"], "uniform").pvalue < SMALLEST_P or kstest(found["total"], "uniform").pvalue < SMALLEST_P


@pytest.mark.slow
def test_the_regression_recovers_its_lag(full):
    """Mean estimate of the slope on log(1 + last count) over worlds, within four standard errors and its known bias.

    Effects of provinces estimated from T periods pull a lagged slope down by about (1 + slope)/T (Nickell 1981).
    """
    n = 60 if full else 15
    estimates = []
    for seed in range(n):
        panel = fc.simulate_panel(
            5,
            2,
            120,
            seed=seed,
            mean=4.0,
            cell_sd=0.0,
            province_walk_sd=0.0,
            tactic_walk_sd=0.0,
            season_sd=0.0,
            excitation=0.4,
        ).panel
        fitted = fc.fit(fc.NegativeBinomialRegression(harmonics=0, trend=False), panel, seed=1)
        estimates.append(fitted.to_frame().set_index("term").loc["lag_1", "estimate"])
    allowed = 4 * np.std(estimates, ddof=1) / np.sqrt(n) + 1.4 / 120
    assert abs(np.mean(estimates) - 0.4) < allowed
