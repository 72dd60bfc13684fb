"""The fast engine behind `fit`: names and dims, seeds, the certificate, warm starts, and exact answers."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import forecast as fc
from forecast.errors import InputError
from forecast.inference.laplace.engine import LaplaceOptions, approximate
from forecast.inference.laplace.exploration import explore
from forecast.inference.mode import marginal
from forecast.inference.mode.search import climb
from forecast.inference.posterior.bayesian import BayesianFit
from forecast.inference.posterior.labels import posterior_names
from forecast.inference.weights.weighted import WeightedLatents, repeated
from forecast.model.families import (
    HurdleNegativeBinomial,
    NegativeBinomial,
    Poisson,
    ZeroInflatedNegativeBinomial,
)
from forecast.model.spec import Model
from forecast.model.terms import Excitation, Intercept, Pooled, Spatial, Walk

MODEL = Model([Intercept(), Pooled("province"), Walk(by="tactic"), Excitation()], NegativeBinomial(), "small")


@pytest.fixture(scope="module")
def small():
    """4 lattice provinces, 2 tactics, 30 months."""
    return fc.simulate_panel(4, 2, 30, seed=3, mean=4.0).panel


@pytest.fixture(scope="module")
def fitted(small) -> BayesianFit:
    return approximate(MODEL, small, LaplaceOptions(draws=400), seed=1)


def sparse_panel():
    """300 cells of one count each, 93 % of them zero on average: levels of SD 1.5 that the counts hardly inform."""
    rng = np.random.default_rng(1)
    counts = rng.poisson(np.exp(-4.0 + 1.5 * rng.standard_normal((20, 15, 1))))
    rows, columns, _ = np.indices(counts.shape).reshape(3, -1)
    table = {"province": [f"P{row}" for row in rows], "country": "A", "tactic": [f"t{column}" for column in columns]}
    return fc.Panel.from_frame(
        pd.DataFrame({**table, "period": pd.Timestamp("2020-01-01"), "attacks": counts.ravel(), "exposure": 1.0}),
        freq="MS",
    )


SPARSE = Model([Intercept(), Pooled("province", "tactic")], Poisson())


def test_names_dims_and_labels_are_those_of_the_sampled_posterior(fitted, small):
    posterior = fitted.posterior
    assert set(posterior.data_vars) == {*posterior_names(fitted.bound), "phi"}
    assert dict(posterior.sizes) == {"chain": 1, "draw": 400, "province": 4, "tactic": 2, "period": 30}
    for block in fitted.bound.blocks:
        assert posterior[block.name].dims == ("chain", "draw", *block.dims)
    assert posterior["log_phi"].dims == ("chain", "draw", "tactic")
    assert list(posterior["province"].values) == small.provinces
    np.testing.assert_array_equal(posterior["period"].values, small.periods.values)
    assert np.isfinite(posterior.to_array().values).all()
    assert set(fitted.idata.groups()) == {"posterior", "observed_data", "constant_data"}
    assert fitted.log_likelihood().shape == (1, 400, small.attacks[..., 1:].size)
    assert fitted.notes == ("the first 1 periods are conditioned on, not fitted",)


def test_the_same_seed_gives_the_same_draws(fitted, small):
    again, other = (approximate(MODEL, small, LaplaceOptions(draws=400), seed=seed) for seed in (1, 2))
    assert again.posterior.equals(fitted.posterior)
    assert not other.posterior.equals(fitted.posterior)


def test_threads_change_no_draw(monkeypatch):
    panel = fc.simulate_panel(24, 5, 50, seed=3, mean=4.0).panel
    assert not marginal.Marginal(MODEL.bind(panel)).is_cheap
    options = LaplaceOptions(draws=50)
    threaded = approximate(MODEL, panel, options, seed=1)
    monkeypatch.setattr(marginal, "in_threads", lambda function, *items: list(map(function, *items)))
    assert threaded.posterior.equals(approximate(MODEL, panel, options, seed=1).posterior)


def test_draws_of_a_mixture_have_the_density_that_is_said(small):
    density, rng = marginal.Marginal(MODEL.bind(small)), np.random.default_rng(1)
    made = explore(density, climb(density))
    # Along the axes alone the emulator may have tails that its proposals do not reach.
    made = replace(made, vanishing=())
    made = made.with_points([made.evaluator.at(z) for z in made.draw_mixture(24, rng)[0]])
    plain = made.draw_mixture(20_000, rng)[0]
    wide, mixture = made.draw_mixture(20_000, rng, ((1.0, 0.5), (0.5, 0.5)))
    weight = np.exp(made.emulated(wide) - mixture.log_density(wide))
    weight /= weight.sum()
    # Draws come from 160,000 proposals with weights of their own: errors of some 0.02 SDs.
    np.testing.assert_allclose(weight @ wide, plain.mean(axis=0), atol=0.08)
    np.testing.assert_allclose(np.sqrt(weight @ wide**2), np.sqrt((plain**2).mean(axis=0)), atol=0.08)
    assert (wide.std(axis=0) > 1.1 * plain.std(axis=0)).all()


def test_hyperparameters_come_no_more_than_a_few_times(fitted):
    """Of 400 draws 80 must be effective for hyperparameters: each point comes as often as its weight says."""
    assert len(np.unique(fitted.posterior["sigma_walk_tactic"])) > 80


def test_random_walks_start_at_0(small):
    model = Model([Intercept(), Walk(by="province", damping=1)], Poisson())
    path = approximate(model, small, LaplaceOptions(draws=50), seed=1).posterior["walk_province"]
    assert (path.isel(period=0) == 0).all()
    assert (path.isel(period=1) != 0).all()


def test_a_good_fit_has_a_passed_certificate(fitted):
    table = fitted.diagnostics
    assert list(table.columns) == ["check", "value", "passed", "advice"]
    assert table["passed"].all()
    assert (table["advice"] == "").all()
    assert "all diagnostics passed" in repr(fitted)


def test_sparse_counts_are_exact(sparse_truth):
    """300 groups of one Poisson cell, 93 % zeros: the posterior of the level and of its SD, by quadrature.

    The rule for the engines: 0.1 SD and 5 % for 20,000 draws.
    """
    fit = approximate(SPARSE, sparse_panel(), LaplaceOptions(draws=20_000), seed=1)
    assert fit.diagnostics["passed"].all(), fit.diagnostics
    for name, values in (
        ("intercept", fit.posterior["intercept"].values.ravel()),
        ("log_sigma", np.log(fit.posterior["sigma_level_province_tactic"].values.ravel())),
    ):
        mean, sd = sparse_truth[name]
        assert abs(values.mean() - mean) < 0.1 * sd, name
        assert abs(values.std() / sd - 1) < 0.05, name


@pytest.fixture
def sparse_truth():
    """Mean and SD of the intercept and of log sigma by quadrature over both and over each cell's level."""
    counts = sparse_panel().attacks.values.ravel()
    centre = np.log((counts.sum() + 0.5) / counts.size)
    intercept, log_sigma = np.linspace(-9, 1, 61)[:, None], np.linspace(-7, 2, 91)
    level = np.linspace(-8, 8, 101)
    weights = stats.norm.pdf(level) / stats.norm.pdf(level).sum()
    sigma = np.exp(log_sigma)
    log = stats.norm.logpdf(intercept, centre, 2) + stats.halfnorm.logpdf(sigma) + log_sigma
    mean = np.exp(intercept[..., None] + sigma[:, None] * level)
    for value, number in zip(*np.unique(counts, return_counts=True), strict=True):
        log = log + number * np.log(stats.poisson.pmf(value, mean) @ weights)
    joint = np.exp(log - log.max())
    joint /= joint.sum()
    moments = {"intercept": intercept, "log_sigma": log_sigma}
    means = {name: float((joint * values).sum()) for name, values in moments.items()}
    return {
        name: (means[name], float((joint * (values - means[name]) ** 2).sum()) ** 0.5)
        for name, values in moments.items()
    }


def test_wrong_requests(small):
    with pytest.raises(InputError, match="draws"):
        LaplaceOptions(draws=0)
    with pytest.raises(InputError, match="seed"):
        approximate(MODEL, small, seed=-1)
    with pytest.raises(InputError, match="engine"):
        fc.fit(MODEL, small, engine="inla", seed=1)


@pytest.mark.parametrize(
    "family", [Poisson(), NegativeBinomial(by=None), ZeroInflatedNegativeBinomial(), HurdleNegativeBinomial()]
)
def test_every_family(small, family):
    model = Model([Intercept(), Pooled("province"), Walk(by="province")], family)
    fit = approximate(model, small, LaplaceOptions(draws=200), seed=1)
    assert np.isfinite(fit.posterior.to_array().values).all()
    assert fit.diagnostics["passed"].all(), fit.diagnostics
    assert fc.predict(fit, 3, seed=1).draws.shape == (1000, 4, 2, 3)


def test_no_hyperparameters_and_no_paths(small):
    """One latent and a large sum: its posterior is about normal around the log of the mean."""
    fit = approximate(Model([Intercept()], Poisson()), small, LaplaceOptions(draws=20_000), seed=1)
    total = float(small.attacks.sum())
    drawn = fit.posterior["intercept"].values.ravel()
    expected = stats.gamma(total + 0.5, scale=1 / small.attacks.size)
    assert abs(drawn.mean() - np.log(total / small.attacks.size)) < 0.1 * drawn.std()
    np.testing.assert_allclose(drawn.std(), expected.std() / expected.mean(), rtol=0.05)


def test_latents_have_the_spread_and_the_skewness_of_sparse_counts(make_panel):
    """Two attacks in four periods: the posterior of the log mean is skewed, and wider than its curvature says."""
    panel = make_panel(np.array([[[0, 1, 0, 1]]]))
    fit = approximate(Model([Intercept(0.0, 1.5)], Poisson()), panel, LaplaceOptions(draws=100_000), seed=1)
    drawn = fit.posterior["intercept"].values.ravel()
    eta = np.linspace(-7, 4, 20_001)
    exact = np.exp(2 * eta - 4 * np.exp(eta) - 0.5 * (eta / 1.5) ** 2)
    exact /= exact.sum()
    mean = float(exact @ eta)
    sd, skewness = float(exact @ (eta - mean) ** 2) ** 0.5, stats.skew(drawn)
    top = eta[exact.argmax()]
    # Errors of 100,000 draws: 0.003 SDs, 0.3 % and 0.01.
    assert abs(drawn.mean() - mean) < 0.03 * sd
    assert drawn.std() == pytest.approx(sd, rel=0.02)
    assert skewness == pytest.approx(float(exact @ (eta - mean) ** 3) / sd**3, abs=0.06)
    assert (4 * np.exp(top) + 1.5**-2) ** -0.5 < 0.96 * sd


# Against exact answers --------------------------------------------------------------------------------------


def test_against_quadrature(make_panel):
    """Six groups of counts with a shared mean and SD: the posterior by quadrature over both, and over each level.

    The tolerances are the rule for the engines: 0.1 SD and 5 %; at 20,000 draws chance is below 0.02 and 1 %.
    """
    rng = np.random.default_rng(5)
    counts = rng.poisson(np.exp(1.0 + 0.7 * rng.standard_normal((6, 1, 1))), (6, 1, 4))
    centre, sd, scale = 1.0, 2.0, 1.0
    model = Model([Intercept(centre, sd), Pooled("province", sigma=fc.HalfNormal(scale))], Poisson())
    posterior = approximate(model, make_panel(counts), LaplaceOptions(draws=20_000), seed=1).posterior
    means, sds = _by_quadrature(counts.reshape(6, 4), centre, sd, scale)
    for name in ("intercept", "log_sigma", "eta"):
        drawn = {
            "intercept": posterior["intercept"].values.ravel(),
            "log_sigma": np.log(posterior["sigma_level_province"].values.ravel()),
            "eta": (posterior["intercept"] + posterior["level_province"]).values.reshape(-1, 6)[:, 0],
        }[name]
        assert abs(drawn.mean() - means[name]) < 0.1 * sds[name], name
        assert abs(drawn.std() / sds[name] - 1) < 0.05, name


def _by_quadrature(counts, centre, sd, scale):
    """Mean and SD of the intercept, log sigma and the first group's eta."""
    intercept, log_sigma = np.linspace(-3, 5, 81)[:, None], np.linspace(-4, 2, 81)
    eta = np.linspace(-5, 6, 2201)
    sigma = np.exp(log_sigma)
    log = stats.norm.logpdf(intercept, centre, sd) + stats.halfnorm.logpdf(sigma, scale=scale) + log_sigma
    prior = np.exp(-0.5 * ((eta - intercept[..., None]) / sigma[:, None]) ** 2) / sigma[:, None]
    powers = []
    for own in counts:
        likelihood = stats.poisson.logpmf(own[:, None], np.exp(eta)).sum(axis=0)
        mass = prior @ (np.exp(likelihood - likelihood.max())[:, None] * np.stack([eta**0, eta, eta**2], axis=1))
        powers.append(mass)
        log = log + np.log(mass[..., 0])
    joint = np.exp(log - log.max())
    joint /= joint.sum()
    first = powers[0] / powers[0][..., :1]
    moments = {"intercept": (intercept, intercept**2), "log_sigma": (log_sigma, log_sigma**2)}
    moments["eta"] = first[..., 1], first[..., 2]
    means = {name: float((joint * one).sum()) for name, (one, _) in moments.items()}
    sds = {name: float((joint * two).sum() - means[name] ** 2) ** 0.5 for name, (_, two) in moments.items()}
    return means, sds


# Warm starts and the store ----------------------------------------------------------------------------------


@pytest.fixture
def work(monkeypatch):
    """Counts the gradients of the log density."""
    calls = []
    real = marginal.Marginal.best
    monkeypatch.setattr(marginal.Marginal, "best", lambda *args: calls.append(1) or real(*args))
    return calls


def test_a_warm_start_gives_the_same_answer_with_less_work(small, work):
    cold = approximate(MODEL, small, LaplaceOptions(draws=3200), seed=1)
    of_cold = len(work)
    work.clear()
    warm = approximate(MODEL, small, LaplaceOptions(draws=3200), start=cold, seed=1)
    assert len(work) < of_cold
    for name in ("sigma_level_province", "sigma_walk_tactic", "excitation"):
        ours, theirs = warm.posterior[name].values, cold.posterior[name].values
        # Two means of 300 effective draws differ by more than 0.3 SD once in 4,000 times.
        assert abs(ours.mean() - theirs.mean()) < 0.3 * theirs.std()


def test_a_panel_that_has_grown_starts_from_the_shorter_one(small, work):
    shorter = small.between(end=small.dataset["period_end"].values[-3])
    first = approximate(MODEL, shorter, LaplaceOptions(draws=50), seed=1)
    work.clear()
    approximate(MODEL, small, LaplaceOptions(draws=50), seed=1)
    cold = len(work)
    work.clear()
    assert approximate(MODEL, small, LaplaceOptions(draws=50), start=first, seed=1).diagnostics["passed"].all()
    assert len(work) < cold


def test_a_start_of_another_model_is_left_aside(fitted, small):
    other = Model([Intercept(), Spatial()], Poisson())
    cold, warm = (approximate(other, small, LaplaceOptions(draws=20), start=start, seed=1) for start in (None, fitted))
    assert cold.posterior.equals(warm.posterior)


def test_a_fit_on_disk_keeps_its_certificate_and_can_be_started_from(fitted, small, tmp_path):
    fitted.save(tmp_path / "fit.nc")
    back = BayesianFit.load(tmp_path / "fit.nc")
    assert back.engine == "laplace"
    assert back.diagnostics.equals(fitted.diagnostics)
    assert set(back.groups) == set(fitted.groups)
    again, first = (
        approximate(MODEL, small, LaplaceOptions(draws=20), start=start, seed=1) for start in (back, fitted)
    )
    assert again.posterior.equals(first.posterior)


def test_what_is_added_to_idata_is_kept(fitted, tmp_path):
    own = replace(fitted)
    own.idata.add_groups(log_likelihood=own.log_likelihood().to_dataset())
    own.save(tmp_path / "fit.nc")
    assert "log_likelihood" in BayesianFit.load(tmp_path / "fit.nc").groups


def test_the_fast_path_imports_no_sampler():
    code = (
        "import sys, forecast as fc; p = fc.simulate_panel(3, 2, 24, seed=1).panel;"
        "f = fc.fit(fc.quick_model(), p, engine='laplace', seed=1); fc.predict(f, 3, seed=1); f.diagnostics;"
        "print([m for m in ('arviz', 'pymc', 'pytensor', 'nutpie') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_warm_start_gives_the_same_mode(fitted, small):
    """The latents' prior mean stays what it is, and the hyperparameters' mode is found again."""
    warm = approximate(MODEL, small, LaplaceOptions(draws=50), start=fitted, seed=2)
    np.testing.assert_allclose(warm.state["mode"], fitted.state["mode"], atol=0.02)


def test_points_that_chance_made_heavy_are_estimated_again(small, monkeypatch):
    """Three estimates that are seven nats too high: they would hold nearly all of the weight."""
    sampler, counted = marginal.Marginal.sampler, []

    def spoiling(self, scatter):
        draw = sampler(self, scatter)

        def drawn(gaussian, count, rng):
            weighted = draw(gaussian, count, rng)
            counted.append(count)
            return replace(weighted, log_weight=weighted.log_weight + (7.0 if len(counted) <= 3 else 0.0))

        return drawn

    monkeypatch.setattr(marginal.Marginal, "sampler", spoiling)
    drawn = approximate(MODEL, small, LaplaceOptions(draws=400), seed=1)
    assert drawn.certificate["passed"].all()
    # Else rounds wait for others as heavy.
    assert len(counted) < 200


def test_the_mean_of_estimates_takes_draws_by_their_weights():
    """Two estimates, of which one has three times the weight of the other."""
    results = iter([(0.0, 0.0), (1.0, np.log(3.0))] * 200)

    def sampler(gaussian, count, rng):
        value, log_weight = next(results)
        return WeightedLatents(np.full((1, count), value), log_weight)

    rng = np.random.default_rng(1)
    parts = [repeated(sampler, 2)(None, 8, rng) for _ in range(200)]
    assert {part.latents.shape for part in parts} == {(1, 8)}
    np.testing.assert_allclose([part.log_weight for part in parts], np.log(2.0))
    # 200 times 8 draws, resampled with little scatter: 0.75 within 4.5 errors of independent ones.
    assert abs(np.mean([part.latents for part in parts]) - 0.75) < 4.5 * (0.75 * 0.25 / 1600) ** 0.5
