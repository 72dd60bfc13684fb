"""Policies for covariates after the data."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from forecast.errors import InputError
from forecast.panel.calendar import next_periods, ramadan_share
from forecast.panel.panel import Panel
from forecast.prediction.futures import future_covariates, hold_last, oracle, path


@pytest.fixture
def later(make_panel):
    """Panel of 33 months with covariates of three shapes; P1 has no force, P3 changed hands."""
    panel = make_panel(np.ones((4, 2, 33)))
    force = np.full((4, 33), "ISF", dtype="<U3")
    force[1], force[3, 20:] = "", "KSF"
    panel = Panel(panel.dataset.assign(force=(("province", "period"), force)))
    time = np.arange(33.0)
    coords = {"period": panel.periods}
    panel = panel.with_covariate("oil", pd.Series(time, index=panel.periods))
    local = xr.DataArray(np.add.outer(np.arange(4.0) * 100, time), dims=("province", "period"))
    panel = panel.with_covariate("strikes", local.assign_coords({**coords, "province": panel.provinces}))
    by_force = xr.DataArray(np.add.outer([0.0, 1000.0], time), dims=("force", "period"))
    return panel.with_covariate("raids", by_force.assign_coords({**coords, "force": ["ISF", "KSF"]}))


@pytest.fixture
def panel(later):
    return later.between(end="2022-06-30")


@pytest.fixture
def periods(panel):
    return next_periods(panel.periods[-1], 3, panel.freq)


def test_hold_last_stays_where_it_was(panel, periods):
    values = future_covariates(panel, ["oil", "raids"], {"oil": hold_last(), "raids": hold_last()}, periods)
    assert values["oil"].dims == ("province", "tactic", "period")
    assert (values["oil"] == 29).all()
    assert list(values["oil"].indexes["period"]) == list(periods)
    assert np.isnan(values["raids"].sel(province="P1")).all()
    assert (values["raids"].sel(province="P3") == 1029).all()


def test_oracle_is_what_happened(panel, later, periods):
    policy = oracle(later)
    assert policy.knows_outcome
    values = policy.values(panel, "strikes", periods)
    assert values.sel(province="P2", tactic="t1").values.tolist() == [230.0, 231.0, 232.0]


def test_oracle_must_know_all_periods(panel, later):
    with pytest.raises(InputError, match=r"ends too early.*1 missing, from 2022-10-01"):
        oracle(later).values(panel, "strikes", next_periods(panel.periods[-1], 4, panel.freq))


def test_oracle_must_know_all_provinces(panel, later, periods):
    with pytest.raises(InputError, match="lacks provinces"):
        oracle(later.select(provinces=["P0", "P1"])).values(panel, "strikes", periods)


def test_path_takes_every_shape(panel, periods):
    by_period = path(pd.Series([1.0, 2.0, 3.0], index=periods)).values(panel, "oil", periods)
    assert (by_period.values == [1.0, 2.0, 3.0]).all()
    table = pd.DataFrame({"force": ["ISF", "KSF"] * 3, "period": periods.repeat(2), "value": np.arange(6.0)})
    by_force = path(table).values(panel, "raids", periods)
    assert by_force.sel(province="P0", tactic="t0").values.tolist() == [0.0, 2.0, 4.0]
    assert by_force.sel(province="P3", tactic="t0").values.tolist() == [1.0, 3.0, 5.0]
    assert np.isnan(by_force.sel(province="P1")).all()


def test_path_with_holes_names_them(panel, periods):
    with pytest.raises(InputError, match="2022-09-01"):
        path(pd.Series([1.0, 2.0], index=periods[:2])).values(panel, "oil", periods)


def test_the_calendar_goes_on_by_itself_but_not_in_place_of_a_panels_own(panel, periods):
    ahead = next_periods(panel.periods[-1], 12, panel.freq)
    values = future_covariates(panel, ["ramadan", "oil"], {"oil": hold_last()}, ahead)
    assert list(values) == ["ramadan", "oil"]
    np.testing.assert_array_equal(values["ramadan"][2, 1], ramadan_share(ahead, panel.freq))
    attached = panel.with_covariate("ramadan", pd.Series(1.0, index=panel.periods))
    with pytest.raises(InputError, match="ramadan"):
        future_covariates(attached, ["ramadan"], {}, periods)
    assert (future_covariates(attached, ["ramadan"], {"ramadan": hold_last()}, periods)["ramadan"] == 1).all()


def test_covariates_without_a_policy_are_listed(panel, periods):
    with pytest.raises(InputError, match=r"strikes, raids.*hold_last\(\), path\(table\).*oracle\(panel\)"):
        future_covariates(panel, ["oil", "strikes", "raids"], {"oil": hold_last()}, periods)
