"""Scores against brute force and by hand; summaries; what cannot be scored."""

import itertools
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps
from scipy import stats

import forecast as fc
from forecast.errors import InputError
from forecast.evaluation.calibration import pit
from forecast.evaluation.scores import SCORE_COLUMNS


def forecast_of(panel, draws, **options):
    return fc.Forecast.from_draws(panel, np.asarray(draws, np.int64), **{"model": "made", "seed": 1, **options})


@pytest.fixture(scope="module")
def actual(make_panel):
    counts = np.random.default_rng(5).poisson(3, (4, 2, 15)).astype(float)
    counts[2, 1, 13] = np.nan
    return make_panel(counts)


@pytest.fixture(scope="module")
def forecast(actual):
    draws = np.random.default_rng(6).negative_binomial(2, 0.4, (40, 4, 2, 4))
    return forecast_of(actual.between(end="2020-12-31"), draws)


def fair_crps(sample, outcome):
    pairs = abs(sample[:, None] - sample[None, :]).sum() / (len(sample) * (len(sample) - 1))
    return abs(sample - outcome).mean() - pairs / 2


def test_columns_and_observed_cells_only(forecast, actual):
    table = fc.score(forecast, actual)
    assert tuple(table.columns) == SCORE_COLUMNS
    assert table.columns[:15].tolist() == [
        *("model", "origin", "horizon", "province", "tactic", "period", "observed", "predicted"),
        *("crps", "crps_log", "inside_50", "inside_80", "inside_90", "inside_95", "width_90"),
    ]
    # Three of the four periods have happened, and one cell of them was not observed.
    assert len(table) == 4 * 2 * 3 - 1
    assert not ((table["province"] == "P2") & (table["tactic"] == "t1") & (table["horizon"] == 2)).any()
    assert (table["origin"] == pd.Timestamp("2020-12-31")).all()
    cells = pd.MultiIndex.from_frame(table[["province", "tactic", "period"]])
    assert actual.attacks.to_series().loc[cells].tolist() == table["observed"].tolist()


def test_every_score_against_its_definition(forecast, actual):
    table = fc.score(forecast, actual)
    for _, row in table.iterrows():
        cell = {"province": row["province"], "tactic": row["tactic"], "period": row["period"]}
        sample, outcome = forecast.draws.sel(cell).values.astype(float), row["observed"]
        assert row["crps"] == pytest.approx(fair_crps(sample, outcome))
        assert row["crps_log"] == pytest.approx(fair_crps(np.log1p(sample), np.log1p(outcome)))
        for level in (50, 80, 95, 90):
            low, high = np.quantile(sample, [0.5 - level / 200, 0.5 + level / 200], method="inverted_cdf")
            assert row[f"inside_{level}"] == (low <= outcome <= high)
            missed = max(low - outcome, 0) + max(outcome - high, 0)
            assert row[f"interval_score_{level}"] == pytest.approx(high - low + 2 / (1 - level / 100) * missed)
        assert row["width_90"] == high - low
        assert row["predicted"] == np.quantile(sample, 0.5, method="inverted_cdf")
        assert row["pit_lower"] == (sample < outcome).mean()
        assert row["pit_upper"] == (sample <= outcome).mean()
        edges = [0, 0.5, 2.5, 5.5, 10.5, 25.5, 50.5, 100.5, 250.5, 500.5, 1000.5, np.inf]
        low, high = next(pair for pair in itertools.pairwise(edges) if pair[0] <= outcome < pair[1])
        inside = ((low <= sample) & (sample < high)).sum()
        assert row["ignorance"] == pytest.approx(-np.log2((inside + 1) / (40 + 11)))
        for threshold in (0, 5, 25):
            assert row[f"above_{threshold}"] == pytest.approx((sample > threshold).mean())
            missed_by = (sample > threshold).mean() - (outcome > threshold)
            assert row[f"brier_{threshold}"] == pytest.approx(missed_by**2)
    assert table["log_score"].isna().all()
    assert (table["draws"] == 40).all()


@pytest.mark.parametrize("phi", [None, np.array([2.0, 0.5])], ids=["poisson", "negative binomial"])
def test_the_log_score_is_that_of_the_mixture(actual, phi):
    mu = np.random.default_rng(7).gamma(2.0, 2.0, (30, 4, 2, 2))
    made = forecast_of(actual.between(end="2020-12-31"), np.ones(mu.shape), mu=mu, phi=phi)
    table = fc.score(made, actual)
    for _, row in table.iterrows():
        at = {"province": row["province"], "tactic": row["tactic"], "period": row["period"]}
        mean = made.dataset["mu"].sel(at).values
        law = stats.poisson(mean)
        if phi is not None:
            size = phi[made.tactics.index(row["tactic"])]
            law = stats.nbinom(size, size / (size + mean))
        assert row["log_score"] == pytest.approx(-np.log(law.pmf(row["observed"]).mean()))


def test_a_sum_of_negative_binomials_has_no_mass_function(actual):
    mu = np.full((30, 4, 2, 2), 2.0)
    past = actual.between(end="2020-12-31")
    for phi, known in ((np.array([2.0, 0.5]), False), (None, True)):
        total = forecast_of(past, np.ones(mu.shape), mu=mu, phi=phi).aggregate("total")
        assert fc.score(total, actual)["log_score"].notna().all() == known


def test_the_energy_score_against_its_definition(forecast, actual):
    table = fc.energy_score(forecast, actual)
    assert table["horizon"].tolist() == [1, 2, 3]
    assert table["cells"].tolist() == [8, 7, 8]
    for row, ahead in enumerate(range(3)):
        outcome = actual.attacks.values[..., 12 + ahead]
        seen = np.isfinite(outcome)
        sample = forecast.draws.values[:, seen, ahead].astype(float)
        apart = np.linalg.norm(sample[:, None] - sample[None], axis=2).sum() / (40 * 39)
        exact = np.linalg.norm(sample - outcome[seen], axis=1).mean() - apart / 2
        assert table["energy"].iloc[row] == pytest.approx(exact, rel=0.03)


def test_the_energy_score_sees_what_cells_have_in_common(actual):
    """The same cells one by one, in one forecast all high or low together: only here the truth is not."""
    past = actual.between(end="2020-12-31")
    draws = np.random.default_rng(6).negative_binomial(1.5, 1 / 3, (1000, 4, 2, 3))
    one, tied = forecast_of(past, draws), forecast_of(past, np.sort(draws, axis=0))
    assert fc.score(one, actual)["crps"].mean() == pytest.approx(fc.score(tied, actual)["crps"].mean())
    assert (fc.energy_score(one, actual)["energy"] < fc.energy_score(tied, actual)["energy"]).all()


def test_views_scores_are_views_own(actual):
    past = actual.between(end="2020-12-31")
    forecast = forecast_of(past, np.random.default_rng(6).negative_binomial(2, 0.4, (1000, 4, 2, 3)))
    table = fc.views_scores(forecast, actual)
    assert table.columns.tolist()[-3:] == ["crps", "ignorance", "interval_score_90"]
    row = table.iloc[5]
    at = {"province": row["province"], "tactic": row["tactic"], "period": row["period"]}
    sample, outcome = forecast.draws.sel(at).values.astype(float), row["observed"]
    pairs = abs(sample[:, None] - sample[None]).mean()
    assert row["crps"] == pytest.approx(abs(sample - outcome).mean() - pairs / 2)
    low, high = np.quantile(sample, [0.05, 0.95])
    assert row["interval_score_90"] == pytest.approx(high - low + 20 * (max(low - outcome, 0) + max(outcome - high, 0)))
    with pytest.raises(InputError, match="another number of draws"):
        fc.views_scores(forecast_of(past, forecast.draws.values[:999]), actual)


def test_views_scores_take_memory_that_is_linear_in_the_draws(make_panel):
    """500 cells of 1,000 draws are 4 MB; their pairs would be 4 GB."""
    panel = make_panel(np.random.default_rng(5).poisson(3, (250, 2, 13)))
    draws = np.random.default_rng(6).poisson(3, (1000, 250, 2, 1))
    forecast = forecast_of(panel.between(end="2020-12-31"), draws)
    tracemalloc.start()
    table = fc.views_scores(forecast, panel)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(table) == 500
    assert peak < 100e6


def test_interval_score_by_hand(make_panel):
    panel = make_panel(np.array([[[1, 1, 1, 7]]]))
    table = fc.score(forecast_of(panel.between(end="2020-03-31"), np.array([2, 3, 4])[:, None, None, None]), panel)
    # The interval is 2 to 4, the outcome 3 above it: 2 + 2 / 0.1 · 3.
    assert table["interval_score_90"].item() == pytest.approx(62)
    assert not table["inside_90"].item()
    # E|X − 7| = 4, and the mean distance of two different draws is 4/3.
    assert table["crps"].item() == pytest.approx(4 - (4 / 3) / 2)


@settings(max_examples=30, deadline=None)
@given(nps.arrays(np.int64, (6, 4, 2, 4), elements=st.integers(0, 1000)), st.permutations(range(6)))
def test_scores_do_not_depend_on_the_order_of_samples(actual, draws, order):
    past = actual.between(end="2020-12-31")
    first, second = (fc.score(forecast_of(past, d), actual) for d in (draws, draws[list(order)]))
    pd.testing.assert_frame_equal(first, second)


def test_sums_are_scored_against_the_same_sums(forecast, actual):
    table = fc.score(forecast.aggregate("total", tactics=True), actual)
    assert table["province"].unique().tolist() == ["total"]
    assert table["tactic"].unique().tolist() == ["all"]
    # In the second period one part of the sum was not observed.
    assert table["horizon"].tolist() == [1, 3]
    assert table["observed"].tolist() == actual.attacks.sum(("province", "tactic")).values[[12, 14]].tolist()
    sample = forecast.draws.values.sum((1, 2))[:, 0].astype(float)
    assert table["crps"].iloc[0] == pytest.approx(fair_crps(sample, table["observed"].iloc[0]))
    groups = {"first": ["P0", "P1"], "both": ["P1", "P3"]}
    by_group = fc.score(forecast.aggregate(groups), actual)
    chosen = by_group[(by_group["province"] == "both") & (by_group["tactic"] == "t0")]
    assert chosen["observed"].tolist() == actual.attacks.values[[1, 3], 0, 12:].sum(0).tolist()


def test_sums_that_were_never_whole_give_an_empty_table(make_panel):
    counts = np.ones((2, 1, 6))
    counts[0, 0, 4:] = np.nan
    panel = make_panel(counts)
    total = forecast_of(panel.between(end="2020-04-30"), np.ones((5, 2, 1, 2))).aggregate("total")
    table = fc.score(total, panel)
    assert table.empty
    assert tuple(table.columns) == SCORE_COLUMNS
    assert fc.summarise(table).empty


def test_summaries_are_means_with_their_number(forecast, actual):
    scores = fc.score(forecast, actual)
    by_model = fc.summarise(scores)
    assert by_model["n"].tolist() == [23]
    assert by_model["crps"].item() == pytest.approx(scores["crps"].mean())
    assert by_model["inside_90"].item() == pytest.approx(scores["inside_90"].mean())
    by_cell = fc.summarise(scores, by=("tactic", "horizon"))
    assert by_cell["n"].tolist() == [4, 4, 4, 4, 3, 4]
    part = scores[(scores["tactic"] == "t1") & (scores["horizon"] == 3)]
    assert by_cell["crps_log"].iloc[-1] == pytest.approx(part["crps_log"].mean())


def test_summaries_refuse_what_cannot_be_compared(forecast, actual):
    scores = fc.score(forecast, actual)
    fewer = fc.score(forecast_of(actual.between(end="2020-12-31"), forecast.draws.values[:20]), actual)
    with pytest.raises(InputError, match="different numbers of draws"):
        fc.summarise(pd.concat([scores, fewer]))
    with pytest.raises(InputError, match="crps"):
        fc.summarise(scores, by=("crps",))
    with pytest.raises(InputError, match="no table of scores"):
        fc.summarise(scores.drop(columns="crps_log"))


def test_forecast_and_panel_must_meet(forecast, actual, make_panel):
    with pytest.raises(InputError, match="no observed cell"):
        fc.score(forecast, actual.between(end="2020-12-31"))
    with pytest.raises(InputError, match=r"lacks a province.*P3"):
        fc.score(forecast, actual.select(provinces=["P0", "P1", "P2"]))
    with pytest.raises(InputError, match="another frequency"):
        fc.score(forecast, make_panel(np.ones((4, 2, 60)), start="2020-12-07", freq="W-MON"))


def test_oracle_is_named_in_every_score(actual):
    forecast = forecast_of(actual.between(end="2020-12-31"), np.ones((5, 4, 2, 4)), oracle=["strikes"])
    assert fc.summarise(fc.score(forecast, actual))["model"].tolist() == ["made (oracle)"]


def test_true_forecast_covers_as_its_distribution_says_and_beats_a_wrong_one(make_panel):
    rng, mu, phi = np.random.default_rng(8), 4.0, 1.5
    exact = stats.nbinom(phi, phi / (phi + mu))
    panel = make_panel(exact.rvs((40, 5, 14), random_state=rng))
    past = panel.between(end="2020-12-31")
    scores = fc.score(forecast_of(past, exact.rvs((2000, 40, 5, 2), random_state=rng)), panel)
    number = len(scores)
    assert number == 400
    for level in (50, 80, 90):
        low, high = exact.ppf([0.5 - level / 200, 0.5 + level / 200])
        expected = exact.cdf(high) - exact.cdf(low - 1)
        # Four standard errors of a share; the bounds from 2,000 draws are off by one count now and then.
        slack = 4 * np.sqrt(expected * (1 - expected) / number) + 0.02
        assert scores[f"inside_{level}"].mean() == pytest.approx(expected, abs=slack)
    grid = np.arange(400)
    crps = [((exact.cdf(grid) - (grid >= count)) ** 2).sum() for count in scores["observed"]]
    # The fair CRPS is an unbiased estimate of the exact one: the error of its mean comes from the differences.
    difference = scores["crps"] - crps
    assert difference.mean() == pytest.approx(0, abs=4 * difference.std() / np.sqrt(number))
    wrong = fc.score(forecast_of(past, stats.poisson(mu).rvs((2000, 40, 5, 2), random_state=rng)), panel)
    gain = wrong["crps"] - scores["crps"]
    assert gain.mean() > 4 * gain.std() / np.sqrt(number)


def test_randomised_pit_of_a_true_forecast_is_uniform(make_panel):
    rng = np.random.default_rng(9)
    means = rng.gamma(1, 2, (50, 4, 1)) + 0.1
    panel = make_panel(rng.poisson(means, (50, 4, 15)))
    past = panel.between(end="2020-12-31")
    draws = rng.poisson(means, (4000, 50, 4, 3))
    outcome = panel.attacks.values[:, :, 12:]
    below, upto = (draws < outcome).mean(0), (draws <= outcome).mean(0)
    pit = below + rng.random(outcome.shape) * (upto - below)
    assert stats.kstest(pit.ravel(), "uniform").pvalue > 1e-3
    scores = fc.score(forecast_of(past, draws), panel)
    inside = stats.poisson.cdf(stats.poisson.ppf(0.95, means), means)
    inside -= stats.poisson.cdf(stats.poisson.ppf(0.05, means) - 1, means)
    error = np.sqrt((inside * (1 - inside)).mean() / outcome.size)
    assert scores["inside_90"].mean() == pytest.approx(inside.mean(), abs=4 * error + 0.01)


# What is recorded in part ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def partial(make_panel):
    """A forecast that is the truth, of 300 provinces, and a panel of the next period that records from 0.2 to 0.9."""
    rng = np.random.default_rng(8)
    phi, mu = 2.0, rng.uniform(0.5, 20, (300, 1, 1))
    share = rng.uniform(0.2, 0.9, mu.shape)

    def drawn(*size):
        return rng.poisson(mu * rng.gamma(phi, 1 / phi, (*size, *mu.shape)))

    past = make_panel(rng.poisson(5.0, (300, 1, 12)).astype(float))
    whole = np.concatenate([past.attacks.values, rng.binomial(drawn(), share).astype(float)], axis=-1)
    actual = make_panel(whole)
    coverage = np.concatenate([np.ones((300, 1, 12)), share], axis=-1)
    actual = fc.Panel(actual.dataset.assign(coverage=(("province", "tactic", "period"), coverage)))
    mass = {"mu": np.broadcast_to(mu, (400, *mu.shape)), "phi": np.full((400, 1), phi)}
    return forecast_of(past, drawn(400), **mass), actual, mu, phi, share


def test_forecasts_are_held_against_the_part_that_is_recorded(partial):
    forecast, actual, mu, phi, share = partial
    table = fc.score(forecast, actual)
    assert 0.85 <= fc.coverage(table, levels=[0.9], seed=1)["share"].iloc[0] <= 0.95
    observed = table["observed"].to_numpy()
    exact = -stats.nbinom.logpmf(observed, phi, phi / (phi + (mu * share).ravel()))
    np.testing.assert_allclose(table["log_score"], exact, rtol=1e-6)
    # As if all were recorded, counts lie far too low.
    whole = fc.Panel(actual.dataset.drop_vars("coverage"))
    assert pit(fc.score(forecast, whole), seed=1).mean() < 0.35
    assert 0.45 <= pit(table, seed=1).mean() <= 0.55


def test_sums_are_held_against_the_sum_of_the_parts(partial):
    forecast, actual, mu, _, share = partial
    table = fc.score(forecast.aggregate("total", tactics=True), actual)
    assert table["predicted"].item() == pytest.approx((mu * share).sum(), rel=0.1)
