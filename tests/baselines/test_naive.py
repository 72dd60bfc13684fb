"""Zero, last, conflictology and recent mean against their definitions."""

import numpy as np
import pytest
from scipy import stats

import forecast as fc


def predict(model, panel, horizon=2, draws=1000):
    return fc.predict(fc.fit(model, panel, seed=1), horizon, draws=draws, seed=2)


def test_zero_is_zero(gappy_panel):
    assert (predict(fc.Zero(), gappy_panel).draws == 0).all()


def test_last_is_poisson_around_the_last_observed_count(make_panel):
    counts = np.full((2, 1, 10), 3.0)
    counts[1, 0, 7], counts[1, 0, 8:] = 8.0, np.nan
    forecast = predict(fc.Last(), make_panel(counts), draws=20_000)
    assert forecast.dataset.attrs["family"] == "poisson"
    assert (forecast.dataset["mu"].values[0, :, 0, 0] == [3.0, 8.0]).all()
    error = 4 * np.sqrt(np.array([3.0, 8.0]) / 20_000)
    assert (abs(forecast.draws.values[..., 1].mean(0)[:, 0] - [3.0, 8.0]) < error).all()


def test_cell_never_observed_takes_the_counts_of_its_tactic(make_panel):
    counts = np.full((3, 1, 20), 4.0)
    counts[0] = np.nan
    panel = make_panel(counts)
    for model, expected in ((fc.Last(), 4.0), (fc.RecentMean(), 4.05)):
        fitted = fc.fit(model, panel, seed=1)
        assert fitted.state["mean"].sel(province="P0").item() == pytest.approx(expected)
        assert fitted.notes == ("1 cells were never observed: they take the counts of their tactic elsewhere",)
    assert (predict(fc.Conflictology(), panel).draws == 4).all()


def test_conflictology_draws_evenly_from_the_last_observed_counts(make_panel):
    counts = np.arange(20.0)[None, None]
    counts[0, 0, 15] = np.nan
    forecast = predict(fc.Conflictology(window=4), make_panel(counts), horizon=3, draws=4000)
    values, times = np.unique(forecast.draws.values, return_counts=True)
    assert values.tolist() == [16, 17, 18, 19]
    # Four standard deviations of a binomial count.
    assert (abs(times - 3000) < 4 * np.sqrt(12_000 * 0.25 * 0.75)).all()


def test_conflictology_reaches_over_a_gap_and_uses_what_there_is(make_panel):
    counts = np.arange(20.0)[None, None].repeat(2, axis=0)
    counts[1, 0, 3:18] = np.nan
    draws = predict(fc.Conflictology(window=6), make_panel(counts), draws=500).draws
    assert set(np.unique(draws.sel(province="P0"))) == {14, 15, 16, 17, 18, 19}
    assert set(np.unique(draws.sel(province="P1"))) == {0, 1, 2, 18, 19}


def test_conflictology_of_a_short_panel_says_so(make_panel):
    fitted = fc.fit(fc.Conflictology(), make_panel(np.ones((1, 1, 5))), seed=1)
    assert fitted.notes == ("5 past periods are drawn from where 12 were asked for",)


def test_whole_panel_keeps_what_cells_have_in_common(make_panel):
    shared = np.random.default_rng(1).poisson(5, 30)
    panel = make_panel(np.stack([[shared], [2 * shared]]))
    together = predict(fc.Conflictology(whole_panel=True), panel).draws.values
    apart = predict(fc.Conflictology(), panel).draws.values
    assert (together[:, 1] == 2 * together[:, 0]).all()
    assert abs(np.corrcoef(apart[:, 0].ravel(), apart[:, 1].ravel())[0, 1]) < 4 / np.sqrt(2000)
    steps = np.corrcoef(together[:, 0, 0, 0], together[:, 0, 0, 1])[0, 1]
    assert abs(steps) < 4 / np.sqrt(1000)


def test_whole_panel_fills_a_gap_from_the_cells_own_past(make_panel):
    counts = np.stack([[np.arange(12.0)], [np.arange(12.0) + 100]])
    counts[1, 0, 11] = np.nan
    panel = make_panel(counts)
    fitted = fc.fit(fc.Conflictology(window=2, whole_panel=True), panel, seed=1)
    assert "1 of 4 past cells were not observed" in fitted.notes[0]
    draws = fc.predict(fitted, 2, draws=500, seed=2).draws.values
    gap = draws[:, 0] == 11
    assert set(draws[:, 1][gap]) == {109, 110}
    assert set(draws[:, 1][~gap]) == {110}


def test_recent_mean_is_the_mean_of_the_last_counts_and_a_floor(make_panel):
    counts = np.random.default_rng(1).poisson(3, (2, 2, 40)).astype(float)
    counts[0, 0, -3] = np.nan
    fitted = fc.fit(fc.RecentMean(), make_panel(counts), seed=1)
    mean = fitted.state["mean"].values
    assert mean[1, 1] == pytest.approx(counts[1, 1, -4:].mean() + 0.05)
    assert mean[0, 0] == pytest.approx(counts[0, 0, [-5, -4, -2, -1]].mean() + 0.05)
    forecast = fc.predict(fitted, 3, seed=2)
    assert (forecast.dataset["mu"].values == mean[None, :, :, None]).all()


def test_recent_mean_recovers_the_dispersion(make_panel):
    truth, rng = 1.5, np.random.default_rng(1)
    counts = np.full((60, 2, 80), 6.0)
    for time in range(4, 80):
        means = counts[:, :, time - 4 : time].mean(-1) + 0.05
        counts[:, :, time] = rng.negative_binomial(truth, truth / (truth + means))
    found = fc.fit(fc.RecentMean(), make_panel(counts), seed=1).state["phi"].item()

    # The counts are drawn as the model says. Its standard error comes from the curvature of the likelihood.
    before = np.stack([counts[:, :, time - 4 : time].mean(-1) + 0.05 for time in range(4, 80)], axis=-1)

    def log_likelihood(phi):
        return stats.nbinom.logpmf(counts[:, :, 4:], phi, phi / (phi + before)).sum()

    step = 0.01
    curvature = (log_likelihood(found + step) - 2 * log_likelihood(found) + log_likelihood(found - step)) / step**2
    assert found == pytest.approx(truth, abs=4 / np.sqrt(-curvature))


def test_recent_mean_of_a_short_panel_is_poisson_and_says_so(make_panel):
    fitted = fc.fit(fc.RecentMean(), make_panel(np.ones((2, 1, 4))), seed=1)
    assert "fewer than 5 observed periods" in fitted.notes[0]
    assert fc.predict(fitted, 1, seed=1).dataset.attrs["family"] == "poisson"
