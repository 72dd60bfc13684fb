"""Approximate leave-future-out against exact refits."""

import numpy as np
import pandas as pd
import pytest

import forecast as fc
from forecast.errors import InputError

LEVELS = (fc.Intercept(), fc.Pooled("province", "tactic"))
STILL = fc.Model(LEVELS, name="still")
FED = fc.Model([*LEVELS, fc.Excitation()], name="fed")


@pytest.fixture(scope="module")
def panel():
    """Levels that hold, and negative binomial counts."""
    rng = np.random.default_rng(2)
    level = rng.gamma(2.0, 1.0, (5, 2, 1))
    return fc.Panel.from_frame(
        pd.DataFrame(
            [
                (f"P{p}", f"t{k}", month, rng.negative_binomial(3, 3 / (3 + level[p, k, 0])))
                for p in range(5)
                for k in range(2)
                for month in pd.date_range("2018-01-01", periods=48, freq="MS")
            ],
            columns=["province", "tactic", "period", "attacks"],
        ),
        freq="MS",
    )


def exact(model, panel, origins):
    done = fc.backtest(
        [model], panel, origins=origins, horizon=1, baselines=False, draws=1000, seed=1, engine="laplace"
    )
    return done.of("cell").groupby("origin")["log_score"].mean()


@pytest.mark.parametrize("model", [STILL, FED], ids=lambda model: model.name)
def test_it_agrees_with_refits_and_needs_few(model, panel):
    found = fc.leave_future_out(model, panel, origins=8, seed=1, engine="laplace")
    by_origin = found.groupby("origin")
    assert by_origin.size().tolist() == [10] * 8
    refits = by_origin["refitted"].first()
    assert refits.iloc[0]
    assert refits.sum() <= 3
    assert (by_origin["pareto_k"].first() <= 0.7).all()
    apart = by_origin["log_score"].mean() - exact(model, panel, 8)
    assert apart.abs().max() < 0.05
    assert abs(apart.mean()) < 0.01


def test_fitting_everywhere_is_the_exact_way(panel):
    found = fc.leave_future_out(STILL, panel, origins=3, threshold=-1.0, seed=1, engine="laplace")
    assert found["refitted"].all()
    np.testing.assert_allclose(found.groupby("origin")["log_score"].mean(), exact(STILL, panel, 3), atol=0.01)


def test_a_change_of_level_asks_for_a_new_fit(panel):
    counts = panel.dataset["attacks"].values.copy()
    counts[..., 40:] = counts[..., 40:] * 6 + 5
    changed = fc.Panel(panel.dataset.assign(attacks=(panel.dataset["attacks"].dims, counts)))
    found = fc.leave_future_out(STILL, changed, origins=12, seed=1, engine="laplace")
    refits = found.groupby("origin")["refitted"].first()
    assert refits.loc["2021-05-01":].sum() >= 3
    calm = fc.leave_future_out(STILL, panel, origins=12, seed=1, engine="laplace").groupby("origin")["refitted"].first()
    assert calm.sum() < refits.sum()


def test_what_it_cannot_do_is_refused(panel):
    days = panel.dataset["period_end"].values
    with pytest.raises(InputError, match="not consecutive"):
        fc.leave_future_out(STILL, panel, origins=[days[30], days[33]], seed=1)
    with pytest.raises(InputError, match="model: is of the wrong type"):
        fc.leave_future_out(fc.RecentMean(), panel, origins=3, seed=1)
