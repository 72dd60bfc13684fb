"""`Pool`: several models as one, of which a bad one spoils nothing."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest

import forecast as fc
from forecast.baselines.common import BaselineFit
from forecast.evaluation import pool as pools
from forecast.inference.dispatch import fit
from forecast.prediction.continuation import predict


@dataclass(frozen=True)
class Exploding:
    """Forecasts one attack in each cell, but in a share of its paths a hundred thousand."""

    share: float = 1.0
    name: ClassVar[str] = "exploding"


@dataclass(frozen=True, repr=False)
class ExplodingFit(BaselineFit):
    """Its fit."""


@fit.register
def _fit(model: Exploding, panel: fc.Panel, *, engine="auto", start=None, max_seconds=None, seed):
    return ExplodingFit(model, panel, seed)


@predict.register
def _predict(fit: ExplodingFit, horizon, *, futures=None, draws=1000, seed):
    shape = (draws, len(fit.panel.provinces), len(fit.panel.tactics), horizon)
    values = np.where(np.arange(draws)[:, None, None, None] < fit.model.share * draws, 100_000, 1)
    return fc.Forecast.from_draws(fit.panel, np.broadcast_to(values, shape), model="exploding", seed=seed)


@pytest.fixture(scope="module")
def panel():
    return fc.simulate_panel(3, 2, 20, seed=1).panel


MEMBERS = (fc.RecentMean(), fc.Last())


def test_the_forecast_is_the_pool_of_the_members_forecasts(panel):
    fitted = fc.fit(fc.Pool(MEMBERS, origins=0), panel, seed=1)
    forecast = fc.predict(fitted, 3, draws=200, seed=2)
    alone = {member.name: fc.predict(fc.fit(member, panel, seed=1), 3, draws=200, seed=2) for member in MEMBERS}
    np.testing.assert_array_equal(forecast.draws, fc.pool(alone, draws=200, seed=2).draws)
    assert forecast.model == "pool"
    assert list(fitted.fits) == ["recent_mean", "last"]


def test_a_member_that_cannot_be_fitted_has_no_part():
    short = fc.simulate_panel(3, 2, 1, seed=1).panel
    fitted = fc.fit(fc.Pool((fc.quick_model(), *MEMBERS)), short, seed=1)
    assert list(fitted.fits) == ["recent_mean", "last"]
    assert any("quick has no part" in note and "two periods" in note for note in fitted.notes)
    assert any("quick has no part" in note for note in fc.predict(fitted, 2, seed=1).provenance["notes"])
    with pytest.raises(fc.InputError, match="two periods"):
        fc.fit(fc.Pool((fc.quick_model(),)), short, seed=1)


def test_a_member_whose_fit_fails_its_checks_has_no_part(panel, monkeypatch):
    monkeypatch.setattr(pools, "failed_checks", lambda table, name: "it failed" if name == "last" else "")
    fitted = fc.fit(fc.Pool(MEMBERS), panel, seed=1)
    assert (list(fitted.fits), fitted.notes) == (["recent_mean"], ("last has no part in the pool: it failed",))
    # Nothing is to be learned of one member.
    assert fitted.past == ()
    monkeypatch.setattr(pools, "failed_checks", lambda table, name: "it failed")
    with pytest.raises(fc.DiagnosticsError, match="no member"):
        fc.fit(fc.Pool(MEMBERS), panel, seed=1)


def test_weights_are_learned_from_what_was_known_on_past_days():
    panel = fc.simulate_panel(3, 2, 40, seed=1, mean=5.0).panel
    fitted = fc.fit(fc.Pool((fc.RecentMean(), fc.Zero(), fc.Last()), origins=4), panel, seed=1)
    ends = pd.DatetimeIndex(panel.dataset["period_end"].values)
    # The latest first; none knows what came.
    assert [fits["zero"].panel.origin for fits in fitted.past] == [ends[-1 - 2 * back] for back in range(1, 5)]
    weights = fitted.weights(3)
    assert sum(weights.values()) == pytest.approx(1)
    assert weights["recent_mean"] > 0.5 > 0.1 > weights["zero"]
    zeros = (fc.predict(fitted, 3, draws=1000, seed=1).draws.sum(("province", "tactic", "period")) == 0).mean()
    assert float(zeros) == pytest.approx(weights["zero"], abs=0.002)
    (note,) = [note for note in fc.predict(fitted, 3, seed=1).provenance["notes"] if "weights" in note]
    assert f"recent_mean {100 * weights['recent_mean']:.0f}%" in note
    assert "learned from forecasts of 4 past days" in note


@pytest.mark.parametrize(("periods", "days"), [(13, 0), (14, 1), (20, 4), (24, 6), (60, 6)])
def test_days_leave_a_year_and_half_of_the_panel_before_them(periods, days):
    panel = fc.simulate_panel(1, 1, periods, seed=1).panel
    fitted = fc.fit(fc.Pool(MEMBERS), panel, seed=1)
    assert len(fitted.past) == days
    assert all(len(each.panel.periods) >= max(12, periods // 2) for fits in fitted.past for each in fits.values())
    if not days:
        assert fitted.weights(2) == {"recent_mean": 0.5, "last": 0.5}


def test_where_time_runs_out_weights_are_learned_from_fewer_days(panel):
    fitted = fc.fit(fc.Pool(MEMBERS), panel, max_seconds=1e-6, seed=1)
    assert fitted.past == ()
    assert "the pool's weights are learned from 0 past days, for time ran out" in fitted.notes


def test_an_implausible_member_has_no_part(panel):
    forecast = fc.predict(fc.fit(fc.Pool((fc.RecentMean(), Exploding())), panel, seed=1), 3, draws=100, seed=1)
    assert forecast.draws.max() < 1000
    notes = forecast.provenance["notes"]
    assert any("exploding has no part" in note and "600,000 attacks" in note for note in notes)


@pytest.mark.parametrize(("share", "left"), [(0.005, "all"), (0.2, "20% of the paths of exploding are left out")])
def test_the_tail_of_a_member_is_cut_where_that_alone_is_implausible(panel, share, left):
    forecast = fc.predict(fc.fit(fc.Pool((Exploding(share),)), panel, seed=1), 3, draws=1000, seed=1)
    assert (forecast.draws.max() == 100_000) == (left == "all")
    assert any(left in note for note in forecast.provenance["notes"]) == (left != "all")
    assert forecast.draws.sizes["sample"] == 1000


def test_where_no_member_is_plausible_the_pool_is_not_either(panel):
    forecast = fc.predict(fc.fit(fc.Pool((Exploding(),)), panel, seed=1), 3, draws=100, seed=1)
    assert forecast.draws.min() == 100_000
    assert not any("no part" in note for note in forecast.provenance["notes"])


def test_what_members_tell_stands_under_their_names(panel):
    fitted = fc.fit(fc.Pool((fc.RecentMean(), fc.NegativeBinomialRegression())), panel, seed=1)
    assert fitted.equation.startswith("pool of recent_mean, regression")
    alone = fc.fit(fc.NegativeBinomialRegression(), panel, seed=1)
    pd.testing.assert_frame_equal(fitted.diagnostics, alone.diagnostics)
    two = fc.NegativeBinomialRegression(trend=False)
    both = pools.PoolFit(fitted.model, panel, 1, (), {"one": alone, "two": fc.fit(two, panel, seed=1)})
    assert set(both.diagnostics["check"].str.split(": ").str[0]) == {"one", "two"}
    assert both.parameters.empty
    short = fc.simulate_panel(3, 2, 1, seed=1).panel
    fitted = fc.fit(fc.Pool(MEMBERS), short, seed=1)
    note = fitted.notes[0]
    assert note.startswith("recent_mean: ")
    assert note.endswith("the counts are Poisson")
    assert note in fc.predict(fitted, 2, seed=1).provenance["notes"]


def test_members_have_different_names():
    with pytest.raises(fc.InputError, match="different names"):
        fc.Pool((fc.Last(), fc.Last()))
    with pytest.raises(fc.InputError, match="different names"):
        fc.Pool(())


def test_a_note_that_all_have_stands_once(panel):
    provenance = '{"sources": [], "notes": ["of the data"]}'
    noted = type(panel)(panel.dataset.assign_attrs(provenance=provenance))
    forecasts = {each.name: fc.predict(fc.fit(each, noted, seed=1), 2, draws=50, seed=1) for each in MEMBERS}
    assert all("of the data" in each.provenance["notes"] for each in forecasts.values())
    assert [note for note in fc.pool(forecasts, seed=1).provenance["notes"] if "of the data" in note] == ["of the data"]
