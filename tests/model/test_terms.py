"""Terms: labels, designs, priors, and futures."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import forecast as fc
from forecast.model.latents import Autoregressive, RandomWalk
from forecast.model.priors import Beta, HalfNormal, LogNormal, Normal, TruncatedNormal
from forecast.model.spec import Model
from forecast.model.terms import (
    Covariate,
    Excitation,
    Intercept,
    Pooled,
    Season,
    Shock,
    Spatial,
    Spillover,
    Step,
    Walk,
)
from forecast.panel.calendar import next_periods, ramadan_share


def only(term, panel):
    (block,) = term.blocks(panel)
    return block


def test_the_intercept_is_centred_on_the_mean_of_the_series_log_counts_per_exposure(make_panel):
    panel = make_panel([[[2, np.nan, 4, 0]]], exposure=np.array([[[1.0, 9.0, 2.0, 1.0]]]))
    assert only(Intercept(), panel).prior.mean == pytest.approx(np.log(6.5 / 4))
    two, few = make_panel([[[2, 4]], [[0, 0]]]), make_panel([[[0, 1]], [[0, 0]]])
    assert only(Intercept(), two).prior.mean == pytest.approx((np.log(6.5 / 2) + np.log(0.5 / 2)) / 2)
    assert only(Intercept(), few).prior.mean == pytest.approx(np.log(1.5 / 4))
    assert only(Intercept(centre=0.0, sd=0.5), panel).prior == replace(only(Intercept(), panel).prior, mean=0.0, sd=0.5)


@pytest.mark.parametrize(
    ("term", "dims", "shape"),
    [
        (Pooled(), ("province",), (6,)),
        (Pooled("tactic", "country"), ("country", "tactic"), (2, 3)),
        (Walk(by=()), ("period",), (40,)),
        (Walk(by=("tactic", "province")), ("province", "tactic", "period"), (6, 3, 40)),
        (Shock(by="country"), ("country", "period"), (2, 40)),
        (Season(2, by="country"), ("season_country_coefficient", "country"), (4, 2)),
        (Spatial(), ("province",), (6,)),
        (Excitation(lags=3), ("excitation_lag",), (3,)),
        (Excitation(), (), ()),
    ],
)
def test_latents_have_the_dims_and_sizes_of_their_labels(term, dims, shape, panel):
    block = only(term, panel)
    assert (block.dims, block.shape) == (dims, shape)


def test_slopes_by_a_label_are_one_slope_and_its_deviations(panel):
    slope, deviations = Covariate("capability", by="tactic").blocks(panel)
    assert (slope.name, slope.dims) == ("slope_capability", ())
    assert (deviations.name, deviations.dims) == ("slope_capability_tactic", ("tactic",))
    assert list(deviations.prior.hyperparameters) == ["sigma_slope_capability_tactic"]


def test_the_season_comes_back_every_year_and_its_waves_are_orthogonal(panel):
    basis = only(Season(3), panel).basis[:, 0, 0]
    np.testing.assert_allclose(basis[:, :12], basis[:, 12:24], atol=0.06)
    year = basis[:, :12] @ basis[:, :12].T / 6
    np.testing.assert_allclose(year, np.eye(6), atol=0.06)


def test_a_step_is_0_before_its_date_and_1_from_it_on(panel):
    basis = only(Step("2016-03-01"), panel).basis.ravel()
    np.testing.assert_array_equal(basis, panel.periods >= "2016-03-01")


def test_a_covariate_is_standardised_and_shifted_by_its_lag(panel):
    now, before = only(Covariate("capability"), panel), only(Covariate("capability", lag=2), panel)
    np.testing.assert_array_equal(before.basis[..., 2:], now.basis[..., :-2])
    known = np.isfinite(panel.covariate("capability").values)
    assert now.basis[0][known].mean() == pytest.approx(0, abs=1e-12)
    assert now.basis[0][known].std() == pytest.approx(1)


def test_a_covariate_that_does_not_apply_adds_nothing(panel):
    missing = ~np.isfinite(panel.covariate("capability").values)
    assert missing.any()
    assert (only(Covariate("capability"), panel).basis[0][missing] == 0).all()


def test_excitation_looks_back_on_the_cells_own_counts(panel):
    block, past = only(Excitation(lags=2), panel), np.log1p(panel.dataset["attacks"].values)
    np.testing.assert_allclose(block.basis[0, ..., 1:], past[..., :-1] - past.mean())
    np.testing.assert_allclose(block.basis[1, ..., 2:], past[..., :-2] - past.mean())
    assert (block.basis[0, ..., :1] == 0).all()
    assert (block.basis[1, ..., :2] == 0).all()


def test_past_counts_are_taken_per_exposure(make_panel):
    counts = np.arange(12.0).reshape(1, 1, 12)
    basis = only(Excitation(), make_panel(counts, exposure=2.0)).basis
    past = np.log1p(counts / 2)
    np.testing.assert_allclose(basis[0, ..., 1:], past[..., :-1] - past.mean())


def test_spillover_looks_back_on_the_mean_of_the_neighbours(panel, linked):
    panel = linked(panel, (0, 1), (0, 2), (3, 4))
    counts = panel.dataset["attacks"].values.astype(float)
    near = np.log1p([(counts[1] + counts[2]) / 2, counts[0], counts[0], counts[4], counts[3], 0 * counts[0]])
    np.testing.assert_allclose(only(Spillover(), panel).basis[0, ..., 1:], (near - near.mean())[..., :-1])


def test_hyperparameters_have_the_priors_of_the_design(full_model, panel):
    priors = full_model.bind(panel).hyperparameters
    levels, walks = (sum(label.startswith(f"sigma_{kind}") for label in priors) for kind in ("level", "walk"))
    # The scaled variances of all levels, and of all walks, have one expected total.
    assert priors["sigma_level_province"] == HalfNormal(1.0 / (levels + 1) ** 0.5)
    assert priors["sigma_walk_province"] == HalfNormal(0.5 / walks**0.5)
    assert priors["half_life_walk_province"] == LogNormal(24.0, 1.0)
    assert "half_life_walk_country_tactic" not in priors
    assert priors["sigma_season_tactic"] == HalfNormal(0.5)
    assert priors["sigma_step_2017-01-01_province"] == HalfNormal(0.5)
    assert (priors["sigma_spatial"], priors["mixing_spatial"]) == (priors["sigma_level_province"], Beta(0.5, 0.5))
    assert Excitation().slope == Spillover().slope == TruncatedNormal(0.0, 0.3, -1.0, 1.0)


@pytest.mark.parametrize("damping", ["learned", 1])
def test_a_walk_of_weeks_has_innovations_of_a_week(damping):
    weekly = fc.simulate_panel(2, 2, 60, freq="W", seed=1).panel
    prior = only(Walk(by="province", damping=damping), weekly).prior
    assert isinstance(prior, RandomWalk if damping == 1 else Autoregressive)
    (sigma,) = [of_sigma for name, of_sigma in prior.hyperparameters.items() if name.startswith("sigma")]
    # Variances of independent innovations add up: those of a month's 4.35 weeks are that of a month.
    assert sigma.scale**2 * 365.25 / 7 / 12 == pytest.approx(0.5**2, rel=1e-3)
    if damping == "learned":
        assert prior.rho({"half_life_walk_province": 12.0}) ** (365.25 / 7) == pytest.approx(0.5, rel=1e-3)


CHANGES = [
    (Pooled("province"), {"sigma": HalfNormal(0.11)}),
    (Walk(), {"sigma": HalfNormal(0.11)}),
    (Walk(), {"half_life": LogNormal(6.0, 0.11)}),
    (Shock(), {"sigma": HalfNormal(0.11)}),
    (Season(), {"sigma": HalfNormal(0.11)}),
    (Step("2016-03-01", by="tactic"), {"effect": Normal(0.5, 0.11)}),
    (Step("2016-03-01", by="tactic"), {"sigma": HalfNormal(0.11)}),
    (Spatial(), {"sigma": HalfNormal(0.11)}),
    (Spatial(), {"mixing": Beta(2.0, 0.11)}),
    (Covariate("capability", by="tactic"), {"slope": Normal(0.5, 0.11)}),
    (Covariate("capability", by="tactic"), {"sigma": HalfNormal(0.11)}),
    (Excitation(), {"slope": TruncatedNormal(0.0, 0.11, 0.0, 1.0)}),
    (Spillover(), {"slope": TruncatedNormal(0.0, 0.11, 0.0, 1.0)}),
]


def priors_of(term, panel):
    """Every prior of a term against a panel: of the latents that are numbers, and of the hyperparameters."""
    blocks = term.blocks(panel)
    priors = {name: prior for block in blocks for name, prior in block.prior.hyperparameters.items()}
    for block in blocks:
        latents = block.prior
        direct = getattr(latents, "prior", None) if not latents.hyperparameters else None
        priors[block.name] = direct or (getattr(latents, "mean", None), getattr(latents, "sd", None))
    return priors


@pytest.mark.parametrize(("term", "change"), CHANGES)
def test_a_prior_is_changed_alone_and_printed(term, change, panel):
    changed = Pooled(*term.by, **change) if isinstance(term, Pooled) else replace(term, **change)
    before, after = priors_of(term, panel), priors_of(changed, panel)
    assert before.keys() == after.keys()
    assert sum(before[name] != after[name] for name in before) == 1
    (prior,) = change.values()
    assert str(prior) in str(Model([changed]))
    assert str(prior) not in str(Model([term]))


def test_the_intercepts_prior_is_changed_and_printed(panel):
    changed = Intercept(centre=1.25, sd=0.75)
    assert "Normal(1.25, 0.75)" in str(Model([changed]))
    assert (only(changed, panel).prior.mean, only(changed, panel).prior.sd) == (1.25, 0.75)


def test_breaks_are_the_periods_of_days_within_the_panel(panel):
    first, third, last = (str(panel.periods[at].date()) for at in (0, 2, -1))
    middle = str((panel.periods[2] + pd.Timedelta(days=14)).date())
    for days, expected in [
        ((), ()),
        (third, (2,)),
        ((third, middle, last), (2, len(panel.periods) - 1)),
        ((first, "1990-01-01", "2090-01-01"), ()),
    ]:
        prior = only(Walk(breaks=days), panel).prior
        assert prior.breaks == expected
        assert ("kappa_walk_province" in prior.hyperparameters) == bool(expected)
    plain = Walk(breaks=[third]).to_dict()
    assert Model.from_dict({"terms": [plain]}).terms == (Walk(breaks=third),)
    assert f"variance × (1 + kappa²) at {third}" in Walk(breaks=third).equation()
    both = Walk(breaks=third, break_chance=0.02)
    assert f"at {third} and in a month ahead with probability 0.02, kappa ~ HalfNormal(3)" in both.equation()


def test_a_stated_chance_of_breaks_is_of_the_length_of_periods_and_no_parameter(panel, make_panel):
    prior = only(Walk(break_chance=0.2), panel).prior
    assert prior.break_chance == pytest.approx(0.2)
    assert list(prior.hyperparameters) == ["sigma_walk_province", "half_life_walk_province"]
    weekly = only(Walk(break_chance=0.2), make_panel(np.ones((2, 1, 30)), freq="W-MON")).prior
    assert 1 - (1 - weekly.break_chance) ** (365.2425 / 12 / 7) == pytest.approx(0.2, rel=0.01)
    assert only(Walk(), panel).prior.break_chance == 0


@pytest.mark.parametrize("freq", ["MS", "W"])
@pytest.mark.parametrize(
    "term", [Season(3), Season(1, by="tactic"), Step("2015-06-01"), Step("2015-06-01", by="province")]
)
def test_calendar_terms_go_on_as_on_a_longer_panel(term, freq):
    longer = fc.simulate_panel(2, 2, 80, freq=freq, seed=3).panel
    panel = longer.between(end=longer.dataset["period_end"].values[59])
    periods = next_periods(panel.periods[-1], 20, panel.freq)
    for block, whole in zip(term.blocks(panel), term.blocks(longer), strict=True):
        np.testing.assert_array_equal(block.basis, whole.basis[..., :60])
        np.testing.assert_array_equal(term.basis_ahead(block, panel, periods, {}), whole.basis[..., 60:])


@pytest.mark.parametrize("lag", [0, 1, 3, 8])
@pytest.mark.parametrize("horizon", [1, 5])
def test_a_covariate_goes_on_as_on_a_longer_panel_with_the_constants_of_the_training_panel(panel, lag, horizon):
    term, size = Covariate("capability", by="tactic", lag=lag), 40 - horizon
    short = panel.between(end=panel.dataset["period_end"].values[size - 1])
    future = {"capability": panel.covariate("capability").values[..., size:]}
    mean, spread = term.constants(short)
    assert (mean, spread) != term.constants(panel)
    values = panel.covariate("capability").values
    expected = np.nan_to_num((values - mean) / spread)[..., size - lag : 40 - lag]
    for block in term.blocks(short):
        ahead = term.basis_ahead(block, short, panel.periods[size:], future)
        np.testing.assert_allclose(ahead[0], expected)


@pytest.mark.parametrize("lag", [0, 2])
def test_ramadan_is_known_by_name_in_the_past_and_in_the_future(panel, lag):
    short = panel.between(end=panel.dataset["period_end"].values[35])
    term = Covariate("ramadan", lag=lag)
    share = ramadan_share(panel.periods, panel.freq)
    mean = share[:36].mean()
    (block,) = term.blocks(short)
    expected = np.zeros(36)
    expected[lag:] = (share[:36] - mean)[: 36 - lag]
    np.testing.assert_allclose(block.basis[0], np.broadcast_to(expected, block.basis[0].shape), atol=1e-12)
    future = {"ramadan": panel.covariate("ramadan").values[..., 36:]}
    ahead = term.basis_ahead(block, short, panel.periods[36:], future)[0]
    expected = (share - mean)[36 - lag : len(share) - lag]
    np.testing.assert_allclose(ahead, np.broadcast_to(expected, ahead.shape))


def test_a_panels_own_covariate_goes_before_the_calendars(panel):
    values = panel.covariate("capability").fillna(0.0)
    attached = panel.with_covariate("ramadan", values).with_covariate("other", values)
    np.testing.assert_array_equal(only(Covariate("ramadan"), attached).basis, only(Covariate("other"), attached).basis)


@pytest.mark.parametrize("term", [Intercept(), Pooled("province"), Spatial()])
def test_levels_stay(term, panel):
    assert term.basis_ahead(only(term, panel), panel, panel.periods[:3], {}) is None


@pytest.mark.parametrize("lags", [1, 3])
@pytest.mark.parametrize("kind", [Excitation, Spillover])
def test_past_counts_feed_the_next_period_as_in_the_sample(kind, lags, panel):
    term = kind(lags=lags)
    basis = only(term, panel).basis
    for period in (lags, 25, 39):
        recent = panel.rates.values[..., period - lags : period]
        np.testing.assert_allclose(term.ahead(panel, recent), basis[..., period])


def test_each_past_count_is_per_its_own_periods_exposure(panel):
    exposure = np.random.default_rng(3).uniform(0.5, 4.0, panel.attacks.shape)
    uneven = replace(panel, dataset=panel.dataset.assign(exposure=(panel.dataset["exposure"].dims, exposure)))
    rates = panel.attacks.values / exposure
    of_cell = np.log1p(rates)
    weights = panel.dataset["adjacency"].values.astype(float)
    near = np.log1p(np.einsum("pq,qkt->pkt", weights / weights.sum(axis=1, keepdims=True), rates))
    for term, past in ((Excitation(), of_cell), (Spillover(), near)):
        np.testing.assert_allclose(only(term, uneven).basis[0, ..., 1:], past[..., :-1] - past.mean())


@pytest.mark.parametrize("kind", [Excitation, Spillover])
def test_past_counts_of_many_samples_are_fed_together(kind, panel):
    term = kind(lags=2)
    recent = np.random.default_rng(0).poisson(3.0, (5, 6, 3, 2)).astype(float)
    together = term.ahead(panel, recent)
    assert together.shape == (2, 5, 6, 3)
    for sample in range(5):
        np.testing.assert_allclose(together[:, sample], term.ahead(panel, recent[sample]))


def test_a_past_count_that_was_not_observed_counts_as_the_mean(panel):
    recent = panel.attacks.values[..., -1:].copy()
    recent[2, 1] = np.nan
    ahead = Excitation().ahead(panel, recent)
    assert ahead[0, 2, 1] == 0
    np.testing.assert_array_equal(
        ahead != 0, (Excitation().ahead(panel, np.nan_to_num(recent)) != 0) & ~np.isnan(recent[None, ..., 0])
    )
