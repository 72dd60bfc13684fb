"""Metrics by name: parts of the CRPS, its upper tail and the variogram, against definitions and scoringrules."""

import numpy as np
import pytest
import scoringrules

import forecast as fc
from forecast.errors import InputError
from forecast.evaluation.metrics import crps, dispersion, overprediction, tail_crps, underprediction
from forecast.evaluation.scores import SCORE_COLUMNS


@pytest.fixture(scope="module")
def cells():
    """300 counts and their draws, in ascending order."""
    rng = np.random.default_rng(3)
    draws = rng.negative_binomial(1.0, 0.1, (300, 41))
    return rng.negative_binomial(1.0, 0.1, 300), np.sort(draws, axis=1)


@pytest.fixture(scope="module")
def actual(make_panel):
    counts = np.random.default_rng(5).poisson(3, (3, 2, 14)).astype(float)
    counts[2, 1, 13] = np.nan
    return make_panel(counts)


@pytest.fixture(scope="module")
def forecast(actual):
    draws = np.random.default_rng(6).negative_binomial(2, 0.4, (40, 3, 2, 2))
    past = actual.between(end="2020-12-31")
    return fc.Forecast.from_draws(past, draws.astype(np.int64), model="made", seed=1)


def test_both_estimators_of_the_crps_are_those_of_scoringrules(cells):
    observed, draws = cells
    fair = scoringrules.crps_ensemble(observed, draws, estimator="fair", backend="numpy")
    assert crps(observed, draws) == pytest.approx(fair)
    plain = scoringrules.crps_ensemble(observed, draws, estimator="nrg", backend="numpy")
    assert crps(observed, draws, draws.shape[1] ** 2) == pytest.approx(plain)


def test_parts_add_up_to_the_crps_and_only_one_side_is_missed(cells):
    parts = [metric(*cells) for metric in (dispersion, overprediction, underprediction)]
    assert sum(parts) == pytest.approx(crps(*cells))
    assert min(part.min() for part in parts) >= -1e-12
    assert (np.minimum(parts[1], parts[2]) == 0).all()
    median = np.median(cells[1], axis=1)
    assert (parts[1][cells[0] >= median] == 0).all()
    assert (parts[1][cells[0] < median] > 0).all()


def test_parts_by_hand():
    """Draws 2, 3, 4: their fair spread is 4/3 / 2; the median as outcome is 2/3 from them, 7 is 4, and 0 is 3."""
    draws = np.array([[2, 3, 4]] * 3)
    observed = np.array([7, 0, 3])
    assert dispersion(observed, draws) == pytest.approx(2 / 3 - 2 / 3)
    assert underprediction(observed, draws) == pytest.approx([4 - 2 / 3, 0, 0])
    assert overprediction(observed, draws) == pytest.approx([0, 3 - 2 / 3, 0])


def test_the_tail_is_that_of_scoringrules_and_blind_below(cells):
    observed, draws = cells
    theirs = scoringrules.twcrps_ensemble(observed, draws, a=25.0, estimator="fair", backend="numpy")
    assert tail_crps(25)(observed, draws) == pytest.approx(theirs)
    assert tail_crps(0)(observed, draws) == pytest.approx(crps(observed, draws))
    assert (tail_crps(10**6)(observed, draws) == 0).all()


def test_metrics_stand_beside_the_standard_scores(forecast, actual):
    def distance(observed, draws):
        return np.abs(np.median(draws, axis=1) - observed)

    plain = fc.score(forecast, actual)
    table = fc.score(forecast, actual, metrics={**fc.METRICS, "distance": distance})
    assert tuple(table.columns) == (*SCORE_COLUMNS, *fc.METRICS, "distance")
    assert table[list(SCORE_COLUMNS)].equals(plain)
    for scale in ("", "_log"):
        parts = [table[f"{part}{scale}"] for part in ("dispersion", "overprediction", "underprediction")]
        assert sum(parts).to_numpy() == pytest.approx(table[f"crps{scale}"].to_numpy())
    means = fc.summarise(table.assign(remark="text"))
    assert means["distance"].item() == pytest.approx(table["distance"].mean())
    both = np.concatenate([table.index, table.index])
    rivals = table.iloc[both].assign(model=["made"] * len(table) + ["other"] * len(table))
    assert fc.skill(rivals, "other", "tail_crps_5")["difference"].item() == 0


def test_metrics_that_cannot_be_are_refused(forecast, actual):
    with pytest.raises(InputError, match=r"is the name of another column of scores \(found crps"):
        fc.score(forecast, actual, metrics={"crps": crps})
    with pytest.raises(InputError, match=r"metrics\['mean'\].*gives something else"):
        fc.score(forecast, actual, metrics={"mean": lambda observed, draws: draws.mean()})


def test_the_variogram_is_that_of_scoringrules(forecast, actual):
    table = fc.variogram_score(forecast, actual)
    assert table["cells"].tolist() == [6, 5]
    for ahead in range(2):
        outcome = actual.attacks.values[..., 12 + ahead]
        seen = np.isfinite(outcome)
        sample = forecast.draws.values[:, seen, ahead].astype(float)
        theirs = scoringrules.vs_ensemble(outcome[seen], sample, p=0.5, backend="numpy")
        assert table["variogram"].iloc[ahead] == pytest.approx(float(theirs))


def test_the_variogram_sees_what_cells_have_in_common(make_panel):
    """Counts that rise and fall together, forecast together and one by one."""
    rng = np.random.default_rng(7)
    level = rng.gamma(1.0, 10.0, (500, 1))
    tied, outcomes = rng.poisson(level, (500, 5)), rng.poisson(level[:40], (40, 5))
    loose = np.stack([rng.permutation(column) for column in tied.T], axis=1)
    panel = make_panel(np.concatenate([np.ones((5, 1, 12)), outcomes.T[:, None]], axis=2))
    means = []
    for draws in (tied, loose):
        ahead = np.repeat(draws[:, :, None, None], 40, axis=3).astype(np.int64)
        forecast = fc.Forecast.from_draws(panel.between(end="2020-12-31"), ahead, model="made", seed=1)
        means.append(fc.variogram_score(forecast, panel)["variogram"].mean())
    assert means[0] < 0.8 * means[1]
