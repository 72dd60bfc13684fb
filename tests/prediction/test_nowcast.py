"""What will have been recorded in the end: exact given the recorded part, joint, and part of every forecast."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

import forecast as fc
from forecast.errors import InputError
from forecast.evaluation.pool import pool
from forecast.model.families import (
    Counts,
    HurdleNegativeBinomial,
    NegativeBinomial,
    Poisson,
    ZeroInflatedNegativeBinomial,
)
from forecast.model.recording import Recording
from forecast.model.spec import Model
from forecast.model.terms import Intercept, Pooled, Walk
from forecast.prediction.draws import Forecast
from forecast.prediction.nowcast import late_periods
from forecast.prediction.prior import prior_draws

TERMS = (Intercept(), Pooled("province"), Walk(by="tactic"))


def recorded_in_part(panel, shares=(0.5, 0.8), error=0.1, late=None):
    """A panel whose last periods are known in part: the last one of the first share, the one before of the second."""
    dataset = panel.dataset
    coverage = np.ones(dataset["attacks"].shape)
    for back, share in enumerate(shares):
        coverage[..., -1 - back] = share
    components = np.zeros((*coverage.shape, len(shares)))
    for back in range(len(shares)):
        components[..., -1 - back, back] = error
    known = np.random.default_rng(0).binomial(dataset["attacks"].values, np.minimum(coverage, 1.0))
    variables = {"attacks": (dataset["attacks"].dims, known), "coverage": (dataset["attacks"].dims, coverage)}
    variables["coverage_error"] = ((*dataset["attacks"].dims, "coverage_component"), components)
    return replace(panel, dataset=dataset.assign(variables))


@pytest.fixture(scope="module")
def late():
    return recorded_in_part(fc.simulate_panel(3, 2, 24, seed=5, mean=8.0).panel)


@pytest.fixture
def fitted(make_fit, late):
    def made(panel=late, family=None):
        model = Model(TERMS, family or NegativeBinomial(), "made")
        return make_fit(model, panel, prior_draws(model.bind(panel), 100, np.random.default_rng(4)))

    return made


# What is missing -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("family", "theta"),
    [
        (Poisson(), {}),
        (NegativeBinomial(by=None), {"log_phi": np.log(1.5)}),
        (ZeroInflatedNegativeBinomial(by=None), {"log_phi": np.log(1.5), "logit_pi": 0.4}),
        (HurdleNegativeBinomial(by=None), {"log_phi": np.log(1.5), "hurdle_a": -0.3, "hurdle_b": 0.7}),
    ],
)
@pytest.mark.parametrize("recorded", [0, 3])
def test_what_is_missing_has_its_distribution_given_what_is_recorded(family, theta, recorded):
    """By Bayes over whole counts: the family's mass times the chance that so many of them were recorded."""
    mu, known, number = 6.0, 0.4, 40_000
    whole = np.arange(200)
    cells = Counts.of(whole, np.zeros(200, dtype=int))
    mass = np.exp(family.log_mass(cells, np.full(200, np.log(mu)), theta)) * stats.binom.pmf(recorded, whole, known)
    mass /= mass.sum()
    shape = (number, 1, 1)
    values = {name: np.full(number, value) for name, value in theta.items()}
    drawn = family.missing(
        np.random.default_rng(3), np.full(shape, recorded), np.full(shape, np.log(mu)), np.full(shape, known), values
    )
    counted = np.bincount(recorded + drawn.ravel(), minlength=200)[:200]
    expected = number * mass
    tested = expected > 20
    statistic = ((counted - expected)[tested] ** 2 / expected[tested]).sum()
    assert stats.chi2.sf(statistic, tested.sum() - 1) > 1e-3


def test_nothing_is_missing_where_all_is_known():
    family = NegativeBinomial()
    counts = np.array([[[0, 4]]])
    theta = {"log_phi": np.zeros((1, 2))}
    assert family.missing(np.random.default_rng(1), counts, np.ones((1, 1, 2)), np.ones((1, 1, 2)), theta).sum() == 0


# The nowcast of a fit ------------------------------------------------------------------------------------------------


def test_a_forecast_has_the_nowcast_of_its_late_periods(fitted, late):
    forecast = fc.predict(fitted(), 3, draws=80, seed=7)
    nowcast = forecast.nowcast
    assert late_periods(late) == 2
    assert list(nowcast.periods) == list(late.periods[-2:])
    assert nowcast.origin == late.dataset["period_end"].to_index()[-3]
    assert nowcast.provinces == late.provinces
    # What is recorded is among it, in every draw.
    assert (nowcast.draws.values >= late.attacks.values[None, ..., -2:]).all()
    assert nowcast.draws.values.sum() > 80 * late.attacks.values[..., -2:].sum()
    total = nowcast.aggregate("total", tactics=True)
    assert total.draws.values.sum() == nowcast.draws.values.sum()
    assert forecast.aggregate("total").nowcast.draws.values.sum() == nowcast.draws.values.sum()
    # The past that the forecast is held against is completed.
    assert forecast.dataset["history"].values[..., -1] == pytest.approx(np.round(late.attacks.values[..., -1] / 0.5))


def test_the_nowcast_moves_no_forecast(fitted, late):
    """The same posterior draws give the same forecasts, whether a nowcast is drawn beside them or not."""
    whole = replace(late, dataset=late.dataset.drop_vars(["coverage", "coverage_error"]))
    model = Model(TERMS, NegativeBinomial(), "made")
    assert fc.predict(fitted(), 2, draws=50, seed=1).draws.sizes["sample"] == 50
    assert [term.label for term, _ in model.bind(late).terms][-1] == "coverage_error"
    assert fc.predict(fitted(whole), 2, draws=50, seed=1).nowcast is None


def test_a_period_of_which_nothing_is_known_is_drawn_as_a_whole(fitted, late):
    observed = late.dataset["observed"].values.copy()
    observed[..., -1] = False
    panel = replace(late, dataset=late.dataset.assign(observed=(late.dataset["observed"].dims, observed)))
    nowcast = fc.predict(fitted(panel), 2, draws=200, seed=7).nowcast
    assert len(nowcast.periods) == 2
    assert (nowcast.draws.values[..., -1] < late.dataset["attacks"].values[..., -1]).any()
    # Where the last periods are all unknown, they are forecast like a gap, and there is no nowcast.
    observed = observed.copy()
    observed[..., -2] = False
    panel = replace(late, dataset=late.dataset.assign(observed=(late.dataset["observed"].dims, observed)))
    assert fc.predict(fitted(panel), 2, draws=20, seed=7).nowcast is None


def test_the_coverage_of_a_table_of_counts_is_for_good(fitted, late):
    counts = replace(late, dataset=late.dataset.drop_vars("coverage_error"))
    assert fc.predict(fitted(counts), 2, draws=20, seed=7).nowcast is None


def test_records_that_will_be_withdrawn_are_taken_out(make_fit):
    panel = recorded_in_part(fc.simulate_panel(3, 2, 24, seed=5, mean=20.0).panel, shares=(2.0,), error=1e-6)
    model = Model(TERMS, Poisson(), "made")
    fit = make_fit(model, panel, prior_draws(model.bind(panel), 100, np.random.default_rng(4)))
    nowcast = fc.predict(fit, 1, draws=400, seed=7).nowcast
    recorded = panel.attacks.values[..., -1]
    assert (nowcast.draws.values[..., -1] <= recorded).all()
    error = np.sqrt(recorded.sum() / 4 / 400)
    assert abs(nowcast.draws.values[..., -1].sum(axis=(1, 2)).mean() - recorded.sum() / 2) < 5 * error


def test_it_is_kept_on_disk_and_scored_once_records_are_complete(fitted, late, tmp_path):
    forecast = fc.predict(fitted(), 2, draws=60, seed=7)
    forecast.save(tmp_path / "forecast.nc")
    kept = Forecast.load(tmp_path / "forecast.nc")
    assert kept.nowcast.dataset.equals(forecast.nowcast.dataset)
    whole = fc.simulate_panel(3, 2, 24, seed=5, mean=8.0).panel
    assert len(fc.score(kept.nowcast, whole)) == 3 * 2 * 2
    # What is known in part is no outcome.
    with pytest.raises(InputError, match="holds no observed cell"):
        fc.score(kept.nowcast, late)


def test_a_pool_has_the_nowcast_of_its_hierarchical_member(fitted, late):
    forecast, rule = (
        fc.predict(fitted(), 2, draws=60, seed=7),
        fc.predict(fc.fit(fc.RecentMean(), late, seed=1), 2, seed=1),
    )
    assert rule.nowcast is None
    pooled = pool({"recent_mean": rule, "made": forecast}, draws=100, seed=3)
    assert pooled.nowcast.draws.sizes["sample"] == 100
    assert set(pooled.nowcast.draws.values[:, 0, 0, -1]) <= set(forecast.nowcast.draws.values[:, 0, 0, -1])
    assert pool({"recent_mean": rule}, draws=100, seed=3).nowcast is None


# The error of the share ----------------------------------------------------------------------------------------------


def test_a_share_that_is_uncertain_widens_the_nowcast(make_fit):
    simulated = fc.simulate_panel(3, 2, 24, seed=5, mean=50.0).panel
    widths = []
    for error in (1e-6, 0.5):
        panel = recorded_in_part(simulated, error=error)
        model = Model(TERMS, Poisson(), "made")
        values = prior_draws(model.bind(panel), 100, np.random.default_rng(4))
        values = {
            name: values[name][:1].repeat(100, 0) if name != "coverage_error" else values[name] for name in values
        }
        total = fc.predict(make_fit(model, panel, values), 1, draws=200, seed=7).nowcast.aggregate(
            "total", tactics=True
        )
        widths.append(float(total.draws.std("sample").values[..., -1].item()))
    assert widths[1] > 1.5 * widths[0]


def test_recording_adds_the_error_to_past_periods_only(late):
    bound = Model(TERMS, Poisson(), "made").bind(late)
    term, (block,) = bound.terms[-1]
    assert isinstance(term, Recording)
    added = block.added({"coverage_error": np.array([[1.0, -2.0]])})
    assert added[0, 0, 0, -3:].tolist() == pytest.approx([0.0, -0.2, 0.1])
    ahead = block.on_grid(np.ones((1, 2)), term.basis_ahead(block, late, late.periods, {}))
    assert not ahead.any()
    assert "coverage" in term.equation()


# Attacks without a province -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lossy(make_fit):
    """The true fit of a model's own counts: a quarter lose their province, and a fifth of the others their tactic.

    With it stand a fit of counts that lost nothing, and how many attacks of each cell lost their tactic and province.
    """
    bare = fc.simulate_panel(40, 2, 24, seed=6, mean=4.0).panel
    model = Model((Intercept(), Pooled("province"), Pooled("tactic")), NegativeBinomial(), "made")
    bound = model.bind(bare)
    values = prior_draws(bound, 100, np.random.default_rng(4))
    truth = {name: np.repeat(array[:1], 100, axis=0) for name, array in values.items()}
    truth["intercept"] = np.ones_like(truth["intercept"])
    rng = np.random.default_rng(3)
    mu = np.exp(sum(block.added(truth)[0] for block in bound.blocks)) + np.zeros(bare.attacks.shape)
    phi = np.exp(truth["log_phi"][0]).reshape(1, -1, 1)
    whole = rng.poisson(mu * rng.gamma(np.broadcast_to(phi, mu.shape)) / phi)
    placed = rng.binomial(whole, 0.75)
    seen = rng.binomial(placed, 0.8)
    dims = bare.dataset["attacks"].dims
    located, typed = (np.full(whole.shape, share) for share in (0.75, 0.8))
    variables = {"attacks": seen, "located": located, "typed": typed, "coverage": located * typed}
    panel = replace(bare, dataset=bare.dataset.assign({name: (dims, array) for name, array in variables.items()}))
    fits = [make_fit(model, known, truth) for known in (panel, bare)]
    return *fits, placed - seen, whole - placed


def test_attacks_without_a_province_are_placed_where_they_lay(lossy):
    """Intervals of what each of 40 provinces lost hold it; central 90 % of whole numbers hold more."""
    fit, whole, _, nowhere = lossy
    table = fc.placed(fit, periods=6, draws=100, seed=1)
    lost = nowhere[..., -6:].sum(axis=(1, 2))
    assert table["recorded"].tolist() == fit.panel.attacks.values[..., -6:].sum(axis=(1, 2)).tolist()
    assert ((table["lower"] <= lost) & (lost <= table["upper"])).mean() >= 0.8
    assert abs(table["median"].sum() / lost.sum() - 1) < 0.1
    for by, what in (("province", "place"), ("tactic", "kind")):
        with pytest.raises(InputError, match=f"the {what} of every attack is known"):
            fc.placed(whole, by=by, seed=1)


def test_attacks_without_a_tactic_are_taken_for_those_that_they_were(lossy):
    """Sums over 40 provinces and six months: several hundred of each tactic, known within their Poisson error."""
    fit, _, untyped, _ = lossy
    table = fc.placed(fit, by="tactic", periods=6, draws=100, seed=1)
    lost = untyped[..., -6:].sum(axis=(0, 2))
    assert table["tactic"].tolist() == fit.panel.tactics
    # Four SDs, a quarter wider for the dispersion of what is missing.
    np.testing.assert_allclose(table["median"], lost, atol=5 * np.sqrt(lost.max()))
    assert ((table["lower"] < table["median"]) & (table["median"] < table["upper"])).all()
