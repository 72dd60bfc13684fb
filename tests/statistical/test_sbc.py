"""Calibration of the sampled posterior, reduced: few replicates, and models that are wrong on purpose are caught.

The whole form is `sbc.py --full`; with --full the test runs its band on more replicates.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import sbc
from scipy import stats

from forecast.model.families import NegativeBinomial
from forecast.model.priors import Normal
from forecast.model.spec import Model

NAME = "excitation"
REPLICATES = 8
# A false alarm once in 10,000 seeds over all quantities; the seed is fixed.
ALARM = 1e-4


@pytest.fixture(scope="module", autouse=True)
def quick():
    """Fewer draws per fit than the whole form has."""
    before, sbc.OPTIONS = sbc.OPTIONS, replace(sbc.OPTIONS, draws=189, tune=120)
    yield
    sbc.OPTIONS = before


def smallest_p_value(ranks):
    """Of all quantities, Bonferroni-corrected: normal scores of right ranks have mean 0 and variance 1.

    The sum of the scores over independent replicates is normal, the sum of their squares about chi-square.
    """
    table = ranks.table
    scores = stats.norm.ppf((table.to_numpy() + 0.5) / (sbc.RANKS + 1))
    n = len(table)
    shift = 2 * stats.norm.sf(np.abs(scores.sum(axis=0)) / np.sqrt(n))
    squares = (scores**2).sum(axis=0)
    spread = 2 * np.minimum(stats.chi2.sf(squares, n), stats.chi2.cdf(squares, n))
    return min(1.0, 2 * scores.shape[1] * float(np.minimum(shift, spread).min()))


@pytest.mark.slow
def test_ranks_of_truths_are_uniform(full):
    if not full:
        ranks = sbc.ranks_of(sbc.MODELS[NAME], REPLICATES)
        assert smallest_p_value(ranks) > ALARM
        # Ranks of few replicates say little where the draws behind them are not about independent.
        assert np.median(ranks.smallest_size) > sbc.RANKS
        return
    for name, model in sbc.MODELS.items():
        judged = sbc.judged(name, sbc.ranks_of(model, sbc.OTHERS // 3))
        assert judged["inside_band"].all(), judged


@pytest.mark.slow
def test_doubled_counts_are_caught():
    assert smallest_p_value(sbc.ranks_of(sbc.MODELS[NAME], REPLICATES, factor=2)) < ALARM


@pytest.mark.slow
def test_a_shifted_dispersion_is_caught():
    """Truths lie 6 SDs above the prior that the fit believes, where counts say little of the dispersion."""
    model = sbc.MODELS[NAME]
    source = Model(model.terms, NegativeBinomial(log_phi=Normal(4.0, 0.1)))
    assert smallest_p_value(sbc.ranks_of(model, REPLICATES, source=source)) < ALARM


def test_the_whole_calibration_holds():
    """By the file that `sbc.py` wrote: of each model its largest run, since one outside the band is run again."""
    table = pd.read_csv(sbc.REFERENCES["nuts"])
    assert set(table["model"]) == set(sbc.MODELS)
    assert (table["divergences"] == 0).all()
    for name, runs in table.groupby("model"):
        assert runs["replicates"].min() >= sbc.REPLICATES.get(name, sbc.OTHERS)
        last = runs[runs["replicates"] == runs["replicates"].max()]
        assert last["inside_band"].all()
        assert (last["pointwise_probability"] >= sbc.band(int(last["replicates"].iloc[0]), simulations=4000) / 2).all()
        if len(last) < len(runs):
            assert last["replicates"].iloc[0] >= 5 * runs["replicates"].min()


def test_the_fast_engine_is_calibrated():
    """By its own file: inside the band, and no rank is biased by significantly more than 0.1 SD (at 99.9 %)."""
    table = pd.read_csv(sbc.REFERENCES["laplace"])
    assert (table["replicates"] >= 1000).all()
    assert table["inside_band"].all()
    error = 1 / np.sqrt(table["replicates"])
    assert (table["mean_score"].abs() <= 0.1 + stats.norm.isf(0.001) * error).all()


def test_the_band_holds_uniform_ranks_and_no_others():
    """Of 1,000 sets of uniform ranks about 1 leaves the 99.9 % band: more than 8 would be a chance of 1 in 10⁶."""
    rng = np.random.default_rng(3)
    limit = sbc.band(60, simulations=4000)
    uniform = sbc.rarest(rng.integers(0, sbc.RANKS + 1, (1000, 60)))
    assert (uniform < limit).sum() <= 8
    narrow = np.clip(rng.normal(31.5, 9.0, (50, 60)).round(), 0, 63).astype(int)
    assert (sbc.rarest(narrow) < limit).mean() > 0.9


@pytest.mark.parametrize("name", sbc.MODELS)
def test_the_test_prior_does_not_explode_and_truths_come_back_with_the_seed(name):
    model = sbc.MODELS[name]
    (truth, panel), (again, same) = sbc.simulated(model, 5), sbc.simulated(model, 5)
    np.testing.assert_array_equal(panel.attacks.values, same.attacks.values)
    assert set(truth) == set(again)
    assert panel.attacks.values.max() < 5000
    assert panel.attacks.shape == (8, 3, 40)
    ranked = sbc.quantities(model.bind(panel), truth)
    assert {"log_likelihood", "eta[0, 0, 5]"} <= set(ranked)
    assert all(values.shape == (1,) for values in ranked.values())
