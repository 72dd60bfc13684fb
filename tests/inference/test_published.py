"""The likelihood of published counts: against brute force, the same in PyMC, and blind to what says nothing new."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from published_rows import row
from scipy import stats

import forecast as fc
from forecast.errors import InputError
from forecast.inference.likelihood.published import DISPERSION, FACTOR, Published, published_parameters
from forecast.inference.likelihood.splits import PSI, SHARE, SUBSET
from forecast.inference.mode.published_marginal import PublishedMarginal
from forecast.inference.nuts.engine import sample_nuts
from forecast.inference.nuts.options import NutsOptions
from forecast.inference.nuts.whitened import Whitened
from forecast.inference.posterior.pymc_form import build_pymc
from forecast.model.families import NUMPY

MODEL = fc.Model([fc.Intercept(), fc.Pooled("province"), fc.Walk(by="zone")], fc.NegativeBinomial(by=None), "m")


def published_log_mass(bound, eta, theta):
    """Log probability of all published counts, for eta on the grid (without exposure) and one value per parameter."""
    found = Published.of_bound(bound)
    members = (eta + bound.log_exposure).ravel()[found.members.cell]

    def summed(values, row, rows):
        return np.bincount(row, values, minlength=rows).astype(float)

    return float(found.log_mass(bound.model.family, members, theta, NUMPY, summed))


ROWS = [
    row("SY02|SY08|SY09", 42),
    row("SY09", 29),
    row("SY08", 5),
    row("SY02|SY08|SY09", 30, definition="claimed"),
    row("SY02|SY08|SY09", 20, "2021-04"),
    row("SY02|SY08|SY09", 12, "2021-05", definition="claimed"),
    row("SY02|SY08|SY09", 30, "2021-05", bound="at_least"),
    row("SY02|SY08|SY09", 9, "2021-04", publisher="other"),
    row("SY02|SY08|SY09", 150, "2021-03", "2021-06"),
]


def panel_of(rows, **options):
    return fc.Panel.from_published(pd.DataFrame(rows), **options)


@pytest.fixture(scope="module")
def panel():
    return panel_of(ROWS)


def test_the_panel_knows_sets_of_cells_only(panel, tmp_path):
    assert panel.provinces == ["SY02@northeast", "SY08", "SY09@northeast"]
    assert set(panel.dataset["zone"].values) == {"northeast"}
    assert panel.attacks.isnull().all()
    observations = panel.observations
    assert observations.table["kind"].value_counts().to_dict() == {"total": 6, "part": 2, "subset": 1}
    assert sorted(np.diff(observations.cells.indptr).tolist()) == [1, 1, 3, 3, 3, 3, 3, 3, 3]
    assert "9 published counts over sets of cells: 6 totals, 2 parts, 1 subsets" in repr(panel)
    panel.save(tmp_path / "panel.nc")
    again = fc.Panel.load(tmp_path / "panel.nc")
    pd.testing.assert_frame_equal(again.observations.table, observations.table)
    assert (again.observations.cells != observations.cells).nnz == 0


def test_a_slice_keeps_what_lies_in_it(panel):
    march = panel.between(end="2021-03-31").observations
    assert march.table["kind"].tolist() == ["total", "part", "part", "subset"]
    assert march.table["whole"].tolist() == [-1, 0, 0, 0]
    # Without the rest of its whole a part speaks for itself.
    alone = panel.select(provinces=["SY09@northeast"]).observations
    assert (alone.table["kind"].tolist(), alone.table["lower"].tolist()) == (["total"], [29.0])


def brute_force(bound, eta, log_phi, share, factor, psi, nu, own=0.0, omega=0.0):
    """Statement by statement, of `ROWS`; `own` is the log factor of the definition that is else the reference."""
    mu, phi = np.exp(eta + bound.log_exposure)[:, 0], np.exp(log_phi)

    def total(cells, scale=1.0):
        mean, spread = mu[cells].sum(), (mu[cells] ** 2).sum() / phi
        size = np.exp(omega) * mean**2 / spread
        return stats.nbinom(size, size / (size + np.exp(own) * scale * mean))

    whole, kept = np.s_[:, 0], 1 / (1 + np.exp(-share))

    def part(count, of, at):
        """One province's count given that of it and the provinces after it."""
        one, rest = mu[at, 0], mu[at + 1 :, 0].sum()
        spreads = one**2 / phi, (mu[at + 1 :, 0] ** 2).sum() / phi
        concentration = np.exp(psi) * one * rest * sum(spreads) / np.prod(spreads)
        p = one / (one + rest)
        return stats.betabinom(of, concentration * p, concentration * (1 - p)).logpmf(count)

    months = {"march": np.s_[:, 0], "april": np.s_[:, 1], "may": np.s_[:, 2]}
    value = total(whole).logpmf(42)
    value += part(8, 42, 0) + part(5, 34, 1)
    value += stats.betabinom(42, np.exp(nu) * kept, np.exp(nu) * (1 - kept)).logpmf(30)
    value += total(months["april"]).logpmf(20) + total(months["april"], np.exp(factor - own)).logpmf(9)
    value += total(months["may"], kept).logpmf(12)
    value += np.log(total(months["may"]).sf(29))
    # The span: 150 less 42, 20 and the floor of May leaves June.
    return value + total(np.s_[:, 3]).logpmf(150 - 42 - 20 - 30)


def test_the_likelihood_against_brute_force_and_pymc(panel):
    bound = MODEL.bind(panel)
    parameters = published_parameters(bound)
    assert parameters[FACTOR][2] == ("northeast: recorded, other",)
    assert parameters[SHARE][2] == parameters[SUBSET][2] == ("northeast: claimed, RIC",)
    # Totals are of one zone: phi is their dispersion.
    assert parameters[PSI][2] == ("northeast",)
    assert DISPERSION not in parameters
    rng = np.random.default_rng(1)
    graph = build_pymc(bound)
    for _ in range(5):
        log_phi, share, factor, psi, nu = rng.normal([1.0, 0.5, 0.0, 0.0, 2.0], [0.5, 0.3, 0.5, 0.5, 0.5])
        eta = rng.normal(2.0, 0.4, bound.grid)
        theta = parameters_at(log_phi, share, factor, psi, nu)
        expected = brute_force(bound, eta, log_phi, share, factor, psi, nu)
        assert published_log_mass(bound, eta, theta) == pytest.approx(expected)
    point = graph.initial_point()
    found = graph.compile_logp(vars=[graph["published"]])(point)
    eta = np.zeros(bound.grid) + bound.blocks[0].prior.mean
    theta = {name: np.array(point[name]) for name in ("log_phi", *parameters)}
    assert float(found) == pytest.approx(published_log_mass(bound, eta, theta))


def parameters_at(log_phi, share, factor, psi, nu, **more):
    """The parameters by name, of a panel of `ROWS`."""
    values = {SHARE: share, FACTOR: factor, PSI: psi, SUBSET: nu}
    return {"log_phi": np.array(log_phi)} | {name: np.atleast_1d(value) for name, value in (values | more).items()}


TACTICS = fc.Model(
    [fc.Intercept(), fc.Pooled("tactic"), fc.Pooled("province"), fc.Walk(by="province")],
    fc.NegativeBinomial(by="tactic"),
    "m",
)


@pytest.mark.parametrize(
    ("rows", "tactics", "model"),
    [
        (ROWS, [], MODEL),
        ([*ROWS, row("SY02|SY08|SY09", 15, tactic="ied")], ["ied"], TACTICS),
        ([*ROWS, row("SY09", 40, "2021-06", bound="approx")], [], fc.Model(MODEL.terms, fc.Poisson(), "m")),
    ],
    ids=["two levels", "tactics", "poisson"],
)
def test_the_samplers_form_is_the_same_with_an_exact_gradient(rows, tactics, model):
    bound = model.bind(panel_of(rows, tactics=tactics))
    marginal, rng = PublishedMarginal(bound), np.random.default_rng(0)
    x = rng.normal(0, 0.3, marginal.field.size) + marginal.field.mean
    theta = marginal.hyperparameters.constrained(rng.normal(0, 0.5, marginal.hyperparameters.size))
    terms = marginal.terms(theta, x, 1, parameters=True)
    eta = np.zeros(bound.grid)
    eta.flat[bound.cells] = marginal.eta(theta, x) - marginal.field.offset
    assert terms.value.sum() == pytest.approx(published_log_mass(bound, eta, theta))

    def value(x, theta=theta):
        return marginal.terms(theta, x, 1).value.sum()

    steps = 1e-5 * np.eye(len(x))
    slopes = [(value(x + step) - value(x - step)) / 2e-5 for step in steps]
    np.testing.assert_allclose(marginal.design(theta).back(terms.eta[0]), slopes, atol=1e-5)
    for name, gradient in terms.parameters.items():
        for at in np.ndindex(theta[name].shape):
            up, down = ({**theta, name: theta[name].copy()} for _ in range(2))
            up[name][at] += 1e-5
            down[name][at] -= 1e-5
            assert np.asarray(gradient)[at] == pytest.approx((value(x, up) - value(x, down)) / 2e-5, abs=1e-5)
    whitened = Whitened(bound)
    point = rng.normal(0, 0.5, whitened.size)
    _, gradient = whitened(point)
    steps = 1e-5 * np.eye(whitened.size)
    np.testing.assert_allclose(
        gradient, [(whitened(point + step)[0] - whitened(point - step)[0]) / 2e-5 for step in steps], atol=1e-5
    )


def test_the_information_is_that_of_poisson_counts(panel):
    """The mean of squared scores over simulated counts: of a total, of its parts given it."""
    bound = fc.Model([fc.Intercept(), fc.Pooled("province")], fc.Poisson(), "m").bind(panel.between(end="2021-03-31"))
    marginal = PublishedMarginal(bound)
    x = np.array([1.0, *np.log([0.5, 1.5, 4.0])])
    theta = marginal.hyperparameters.constrained(np.zeros(marginal.hyperparameters.size))
    root, period = marginal.information(marginal.sums(theta, x))
    assert set(period) == {0}
    mu = np.exp(marginal.eta(theta, x))
    share = mu / mu.sum()
    # 42 attacks were split, and the total is a Poisson count.
    expected = mu.sum() * np.outer(share, share) + 42 * (np.diag(share) - np.outer(share, share))
    np.testing.assert_allclose((root.T @ root).todense(), expected, rtol=1e-8)


@settings(max_examples=15, deadline=None)
@given(order=st.permutations(range(len(ROWS))), seed=st.integers(0, 100))
def test_neither_order_nor_names_nor_repetition_change_it(panel, order, seed):
    rng = np.random.default_rng(seed)
    bound = MODEL.bind(panel)
    eta = rng.normal(2.0, 0.4, bound.grid)
    theta = parameters_at(0.7, 0.4, 0.2, -0.5, 1.5)
    expected = published_log_mass(bound, eta, theta)
    shuffled = [ROWS[at] for at in order]
    # A complete split implies its total; a row may stand there twice.
    more = [*shuffled, row("SY02", 8), ROWS[0]]
    for rows in (shuffled, more, [each for each in more if each is not ROWS[0]]):
        other = MODEL.bind(panel_of(rows))
        assert published_log_mass(other, eta, theta) == pytest.approx(expected)
    renamed = [{**each, "publisher": f"z {each['publisher']}"} for each in shuffled]
    assert published_log_mass(MODEL.bind(panel_of(renamed)), eta, theta) == pytest.approx(expected)


def test_tactics_with_cells_of_their_own(panel):
    rows = [*ROWS, row("SY02|SY08|SY09", 15, tactic="ied"), row("SY02|SY08|SY09", 3, tactic="kidnapping")]
    split = panel_of(rows, tactics=["ied"])
    assert split.tactics == ["ied", "other"]
    assert split.ledger.rows("no cells") == 1
    model = fc.Model([fc.Intercept(), fc.Pooled("tactic")], fc.NegativeBinomial(by="tactic"), "m")
    bound, plain = model.bind(split), model.bind(panel_of(ROWS, tactics=["ied"]))
    # The month is split twice: by province, and by tactic.
    splits = Published.of_bound(bound).splits
    assert sorted(splits.count[splits.sign > 0]) == [5.0, 8.0, 15.0, 27.0, 29.0, 34.0]
    assert sorted(splits.count[splits.sign < 0]) == [34.0, 42.0, 42.0]
    eta = np.random.default_rng(1).normal(1.5, 0.3, bound.grid)
    theta = parameters_at([1.0, 2.0], 0.4, 0.2, -0.5, 1.5)
    mu = np.exp(eta[..., 0])
    share = mu[:, 0].sum() / mu.sum()
    sums, spreads = mu.sum(axis=0), (mu**2 / np.exp(theta["log_phi"])).sum(axis=0)
    concentration = np.exp(-0.5) * sums.prod() * spreads.sum() / spreads.prod()
    gained = published_log_mass(bound, eta, theta) - published_log_mass(plain, eta, theta)
    split = stats.betabinom(42, concentration * share, concentration * (1 - share))
    assert gained == pytest.approx(split.logpmf(15))


def test_floors_alone_are_refused():
    with pytest.raises(InputError, match="floors only: its level has no upper bound"):
        panel_of([row("SY08", 5, bound="at_least"), row("SY08", 7, "2021-04", bound="at_least")])


def test_a_fit_by_the_sampler_knows_the_parameters_and_forecasts():
    """A year of totals, half of them with a split: levels of provinces follow the splits."""
    rows = []
    for number in range(1, 13):
        month = f"2021-{number:02d}"
        rows += [row("SY02|SY08|SY09", 40, month), row("SY02|SY08|SY09", 20, month, definition="claimed")]
        if number % 2:
            rows += [row("SY02", 5, month), row("SY08", 10, month)]
    panel = panel_of(rows)
    model = fc.Model([fc.Intercept(), fc.Pooled("province")], fc.NegativeBinomial(by=None), "m")
    options = NutsOptions(draws=400, tune=400, chains=2, progress=False, target_accept=0.95)
    fit = sample_nuts(model, panel, options, seed=1)
    means = fc.predict(fit, 3, seed=1).draws.mean(("sample", "tactic", "period"))
    np.testing.assert_allclose(means, [5, 10, 25], rtol=0.25)
    claimed = fit.parameters.set_index("parameter").loc["logit_share[northeast: claimed, RIC]"]
    assert abs(claimed["mean"]) < 0.2
    assert fit.notes == ()
    with pytest.raises(InputError, match="no probabilities of single observations"):
        fit.log_likelihood()


CELLS = np.array([[7, 3, np.nan, 2], [np.nan, 4, 0, 1], [20, 11, 9, np.nan]])


def mixed_panel(counts=CELLS, rows=ROWS):
    """Counts of events over the units of `ROWS` from March on, with gaps, and reports beside them."""
    units = ["SY02@northeast", "SY08", "SY09@northeast"]
    places, times = np.indices(counts.shape).reshape(2, -1)
    table = {"province": np.array(units)[places], "tactic": "all", "attacks": counts.ravel()}
    table["period"] = pd.date_range("2021-03", periods=counts.shape[1], freq="MS")[times]
    return fc.Panel.from_frame(pd.DataFrame(table)).with_published(pd.DataFrame(rows))


def test_reports_beside_counts_against_brute_force():
    bound = MODEL.bind(mixed_panel())
    parameters = published_parameters(bound)
    # The counts are the reference: each publisher has a factor, and what is part of another shares its.
    assert parameters[FACTOR][2] == ("northeast: recorded, RIC", "northeast: recorded, other")
    assert parameters[SHARE][2] == ("northeast: claimed, RIC",)
    assert parameters[DISPERSION][2] == ("northeast",)
    rng = np.random.default_rng(1)
    for _ in range(3):
        log_phi, share, own, factor, psi, nu, omega = rng.normal(0, 0.5, 7)
        eta = rng.normal(2.0, 0.4, bound.grid)
        theta = parameters_at(log_phi, share, [own, factor], psi, nu, **{DISPERSION: omega})
        mu, phi, seen = np.exp(eta + bound.log_exposure)[:, 0], np.exp(log_phi), np.isfinite(CELLS)
        counts = stats.nbinom(phi, phi / (phi + mu[seen])).logpmf(CELLS[seen]).sum()
        expected = counts + brute_force(bound, eta, log_phi, share, factor, psi, nu, own, omega)
        assert published_log_mass(bound, eta, theta) == pytest.approx(expected)


def test_a_factor_is_learned_where_events_and_totals_are_known():
    """Two years; events of the first, and of all a publisher who counts half of them."""
    rng = np.random.default_rng(2)
    counts = rng.poisson([[10.0], [20.0], [40.0]], (3, 24)).astype(float)
    months = pd.period_range("2021-03", periods=24, freq="M")
    half = rng.binomial(counts.sum(axis=0).astype(int), 0.5)
    rows = [row("SY02|SY08|SY09", number, str(month)) for number, month in zip(half, months, strict=True)]
    counts[:, 12:] = np.nan
    panel = mixed_panel(counts, rows)
    model = fc.Model([fc.Intercept(), fc.Pooled("province")], fc.Poisson(), "m")
    fit = fc.fit(model, panel, engine="laplace", seed=1)
    factor = fit.parameters.set_index("parameter").loc["log_factor[northeast: recorded, RIC]"]
    # Of 420 and 840 counts: an SD of 0.06.
    assert factor["mean"] == pytest.approx(np.log(0.5), abs=0.2)
    assert 0.02 < factor["sd"] < 0.12
    np.testing.assert_allclose(
        fc.predict(fit, 2, seed=1).draws.mean(("sample", "tactic", "period")), [10, 20, 40], rtol=0.2
    )
