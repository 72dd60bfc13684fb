"""Backtests on published counts: what is scored, against what, and that nothing of the future is seen."""

import numpy as np
import pandas as pd
import pytest
from published_rows import row
from scipy import special, stats

import forecast as fc
from forecast.evaluation.reports import score_reports
from forecast.evaluation.scores import SCORE_COLUMNS
from forecast.inference.laplace.engine import LaplaceOptions, approximate
from forecast.inference.posterior.bayesian import posterior_draws
from forecast.panel.zone_totals import totals_panel

MODEL = fc.Model([fc.Intercept(), fc.Pooled("province")], fc.NegativeBinomial(by=None), "level")
ZONE = "SY02|SY08|SY09"
TOTAL = "northeast: recorded, RIC"


def record(seed=1):
    """A year of totals with a gap in August, every other month a split, claimed numbers, and a floor in November."""
    rng, rows = np.random.default_rng(seed), []
    for number in range(1, 13):
        counts, month = rng.poisson([5, 10, 25]), f"2021-{number:02d}"
        if number != 8:
            rows.append(row(ZONE, int(counts.sum()), month, bound="at_least" if number == 11 else "exact"))
            rows.append(row(ZONE, int(counts.sum() // 2), month, definition="claimed"))
        if number % 2:
            rows.append(row("SY09", int(counts[2]), month))
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def panel():
    return fc.Panel.from_published(record())


@pytest.fixture(scope="module")
def fit(panel):
    return approximate(MODEL, panel.between(end="2021-06-30"), LaplaceOptions(draws=100), seed=1)


def test_exact_counts_are_scored_by_their_own_distribution(panel, fit):
    forecast = fc.predict(fit, 5, draws=800, seed=2)
    scores = score_reports(fit, forecast, panel).set_index(["province", "period"])
    july = pd.Timestamp("2021-07-01")
    assert set(scores.loc[TOTAL].index.month) == {7, 9, 10}
    assert (scores.loc[TOTAL, "level"] == "zone").all()
    assert scores.loc[(f"{TOTAL}, SY09@northeast", july), "level"] == "report"
    row_of = scores.loc[(TOTAL, july)]
    mu, phi = forecast.dataset["mu"].sel(period=july).values[:, :, 0], forecast.dataset["phi"].values
    mean, size = mu.sum(axis=1), mu.sum(axis=1) ** 2 / (mu**2 / phi.reshape(-1, 1)).sum(axis=1)
    mass = stats.nbinom(size, size / (size + mean)).logpmf(row_of["observed"])
    assert row_of["log_score"] == pytest.approx(np.log(len(mass)) - special.logsumexp(mass))
    assert row_of["horizon"] == 1
    # A part has the whole's dispersion, and that of its share.
    part = scores.loc[(f"{TOTAL}, SY09@northeast", july)]
    p, spread, rest = mu[:, 2] / mean, mu[:, 2] ** 2 / phi.ravel(), (mu[:, :2] ** 2).sum(axis=1) / phi.ravel()
    psi = np.exp(posterior_draws(fit, 800, 2)["log_psi"][:, 0])
    concentration = psi * mu[:, 2] * mu[:, :2].sum(axis=1) * (spread + rest) / (spread * rest)
    size = 1 / (1 / size + (1 - p) / p * (1 + 1 / size) / (1 + concentration))
    mass = stats.nbinom(size, size / (size + mu[:, 2])).logpmf(part["observed"])
    assert part["log_score"] == pytest.approx(np.log(len(mass)) - special.logsumexp(mass))


def test_months_without_exact_counts_have_no_scores(fit):
    """July's count is missing, or a floor."""
    forecast, before = fc.predict(fit, 1, draws=100, seed=2), record().query("period_start < '2021-07'")
    october, floor = row(ZONE, 40, "2021-10"), row(ZONE, 30, "2021-07", bound="at_least")
    for rows in ([october], [floor, october]):
        found = score_reports(fit, forecast, fc.Panel.from_published(pd.concat([before, pd.DataFrame(rows)])))
        assert len(found) == 0
        assert list(found.columns) == [*SCORE_COLUMNS, "level"]


def test_what_needs_observed_cells_says_that_there_are_none(panel, fit):
    for check in (fc.check_fit, fc.quantile_residuals):
        with pytest.raises(fc.InputError, match="no cell was observed: the fit is to published counts alone"):
            check(fit, seed=1)
    prior = fc.prior_predictive(MODEL, panel, draws=50, seed=1)
    assert prior.table["check"].tolist() == ["expected counts cut"]


def test_totals_of_zones_are_series_with_gaps(panel):
    totals = totals_panel(panel)
    assert totals.provinces == ["northeast: claimed, RIC", TOTAL]
    own = totals.attacks.sel(province=TOTAL, tactic="all")
    # August was not published, and November is known by a floor.
    assert np.flatnonzero(own.isnull()).tolist() == [7, 10]


def test_an_origin_without_scores_leaves_the_others_as_they_are(panel):
    """August was not published."""
    options = {"horizon": 1, "baselines": False, "draws": 100, "seed": 1}
    done, alone = (
        fc.backtest({"last": fc.Last()}, panel, origins=origins, **options)
        for origins in (["2021-06-30", "2021-07-31"], ["2021-06-30"])
    )
    assert done.failures.empty
    pd.testing.assert_frame_equal(done.scores, alone.scores)


def test_a_backtest_sees_nothing_of_what_it_scores(panel):
    options = {"origins": ["2021-06-30"], "horizon": 2, "baselines": False, "draws": 300, "seed": 1}
    models = {"level": MODEL, "last": fc.Last()}
    done = fc.backtest(models, panel, engine="laplace", **options)
    assert done.failures.empty
    zone = done.of("zone")
    assert zone.groupby("model")["period"].count().nunique() == 1
    assert (done.of("report")["model"] == "level").all()
    # Other numbers after the first origin change its scores only through what is observed.
    table = record()
    late = pd.to_datetime(table["period_start"]) > "2021-06-30"
    changed = table.assign(attacks=table["attacks"].where(~late, table["attacks"] + 3))
    again = fc.backtest(models, fc.Panel.from_published(changed), engine="laplace", **options)
    other = again.of("zone")
    pd.testing.assert_series_equal(zone["predicted"], other["predicted"])
    pd.testing.assert_series_equal(
        zone["observed"][zone["province"] == TOTAL] + 3, other["observed"][other["province"] == TOTAL]
    )
