"""What terms say to a panel that cannot serve them, and to options that are impossible."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import forecast as fc
from forecast.errors import InputError
from forecast.model.spec import Model
from forecast.model.terms import (
    Covariate,
    Excitation,
    Intercept,
    Pooled,
    Season,
    Spatial,
    Spillover,
    Step,
    Walk,
)


@pytest.mark.parametrize(("term", "label"), [(Spatial(), "spatial"), (Spillover(), "spillover")])
def test_a_panel_without_neighbours_is_refused(term, label, make_panel):
    with pytest.raises(InputError, match=f"{label}.*no neighbours.*gazetteer"):
        Model([term]).bind(make_panel(np.ones((2, 1, 12))))


def test_a_missing_covariate_is_refused_by_the_terms_name(panel):
    with pytest.raises(InputError, match=r"slope_rain_lag_1.*found rain.*expected capability.*with_covariate"):
        Model([Covariate("rain", lag=1)]).bind(panel)


@pytest.mark.parametrize("value", [0.1, np.nan])
def test_a_covariate_that_does_not_vary_is_refused(value, panel):
    flat = panel.with_covariate("flat", pd.Series(0.1, index=panel.periods))
    flat = replace(flat, dataset=flat.dataset.assign(flat=xr.full_like(flat.dataset["flat"], value)))
    with pytest.raises(InputError, match=r"slope_flat.*does not vary"):
        Covariate("flat").blocks(flat)


@pytest.mark.parametrize(("freq", "short", "enough"), [("MS", 11, 12), ("W", 52, 53)])
def test_a_season_needs_a_year(freq, short, enough):
    make = fc.simulate_panel
    with pytest.raises(InputError, match=rf"season.*year.*{short} periods"):
        Season().blocks(make(2, 1, short, freq=freq, seed=1).panel)
    Season().blocks(make(2, 1, enough, freq=freq, seed=1).panel)


def test_a_season_has_no_waves_shorter_than_two_periods(panel):
    with pytest.raises(InputError, match=r"season.*harmonics.*found 7.*at most 6"):
        Season(7).blocks(panel)


@pytest.mark.parametrize("date", ["2015-01-01", "2010-05-01", "2018-05-01"])
def test_a_step_outside_the_panel_is_refused(date, panel):
    with pytest.raises(InputError, match=rf"step_{date}.*outside the panel"):
        Step(date).blocks(panel)


@pytest.mark.parametrize("lags", [1, 2])
@pytest.mark.parametrize("kind", [Excitation, Spillover])
def test_a_lag_that_falls_on_a_gap_is_refused_or_imputed(kind, lags, panel, with_gaps):
    gap = with_gaps(panel, (1, 0, 10))
    with pytest.raises(InputError, match=r"not observed.*impute='mean'"):
        kind(lags=lags).blocks(gap)
    (block,) = kind(lags=lags, impute="mean").blocks(gap)
    basis = block.basis
    assert np.isfinite(basis).all()
    felt = np.zeros(basis.shape, dtype=bool)
    near = gap.dataset["adjacency"].values[1] if kind is Spillover else np.arange(6) == 1
    for lag in range(1, lags + 1):
        felt[lag - 1, near, 0, 10 + lag] = True
    assert (basis[felt] == 0).all()
    felt_rates = kind(lags=lags).felt(gap, gap.rates.values)
    assert np.isnan(felt_rates).sum() == near.sum()
    assert (basis[~felt & (np.arange(40) >= lags)] != 0).any()


def test_a_gap_in_the_last_period_is_no_lag(panel, with_gaps):
    (block,) = Excitation().blocks(with_gaps(panel, (1, 0, 39)))
    assert np.isfinite(block.basis).all()


def test_more_lags_than_periods_are_refused(make_panel):
    with pytest.raises(InputError, match="too few periods"):
        Model([Excitation(lags=3)]).bind(make_panel(np.ones((1, 1, 3))))


def test_a_walk_needs_two_periods(make_panel):
    with pytest.raises(InputError, match=r"walk_province.*two periods"):
        Walk().blocks(make_panel(np.ones((1, 1, 1))))


@pytest.mark.parametrize(
    ("make", "where"),
    [
        (lambda: Pooled("region"), "Pooled"),
        (lambda: Pooled("province", "country"), "Pooled"),
        (lambda: Pooled("tactic", "tactic"), "Pooled"),
        (lambda: Walk(by="period"), "Walk"),
        (lambda: Walk(damping=0.5), "Walk.damping"),
        (lambda: Walk(breaks="soon"), "Walk.breaks"),
        (lambda: Walk(breaks="2020-01-01", damping=1), "Walk.breaks"),
        (lambda: Walk(break_chance=1.0), "Walk.break_chance"),
        (lambda: Walk(break_chance=0.1, damping=1), "Walk.break_chance"),
        (lambda: Season(0), "Season.harmonics"),
        (lambda: Season(by="weekday"), "Season"),
        (lambda: Step("soon"), "Step.date"),
        (lambda: Step(""), "Step.date"),
        (lambda: Step("2016-01-01", by="force"), "Step"),
        (lambda: Covariate("x", lag=-1), "Covariate.lag"),
        (lambda: Excitation(lags=0), "Excitation.lags"),
        (lambda: Spillover(impute="median"), "Spillover.impute"),
        (lambda: Intercept(sd=0.0), "Intercept.sd"),
    ],
)
def test_impossible_options_are_refused_with_their_place(make, where):
    with pytest.raises(InputError) as caught:
        make()
    assert caught.value.where == where
