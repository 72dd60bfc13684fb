"""Forecasts of others, read back from hubverse's and VIEWS' tables."""

import numpy as np
import pandas as pd
import pytest

import forecast as fc
from forecast.errors import InputError


def test_views_and_samples_come_back_as_they_were(forecast, panel):
    shuffled = forecast.to_views().sample(frac=1, random_state=1)
    samples = forecast.to_hub("sample", target="deaths").sample(frac=1, random_state=1)
    read = fc.Forecast.from_views(shuffled, panel, model="theirs")
    also = fc.Forecast.from_hub(samples, panel, model="theirs", target="deaths")
    for back in (read, also):
        np.testing.assert_array_equal(back.draws.values, forecast.draws.values)
        assert (back.model, back.origin) == ("theirs", forecast.origin)
        assert back.periods.equals(forecast.periods)


def test_a_file_comes_back_too(forecast, panel, tmp_path):
    forecast.to_views().to_parquet(tmp_path / "views.parquet")
    forecast.to_hub("sample").to_csv(tmp_path / "hub.csv", index=False)
    views = fc.Forecast.from_views(pd.read_parquet(tmp_path / "views.parquet"), panel, model="theirs")
    hub = fc.Forecast.from_hub(pd.read_csv(tmp_path / "hub.csv"), panel, model="theirs")
    for read in (views, hub):
        np.testing.assert_array_equal(read.draws.values, forecast.draws.values)


def test_quantiles_are_no_draws_and_draws_no_quantiles(forecast, panel):
    quantiles, samples = forecast.to_hub(), forecast.to_hub("sample")
    with pytest.raises(InputError, match=r"holds no samples.*QuantileForecast\.from_hub reads quantiles"):
        fc.Forecast.from_hub(quantiles, panel, model="theirs")
    with pytest.raises(InputError, match=r"holds no quantiles.*Forecast\.from_hub reads samples"):
        fc.QuantileForecast.from_hub(samples, panel, model="theirs")
    both = pd.concat([quantiles, samples])
    np.testing.assert_array_equal(fc.Forecast.from_hub(both, panel, model="theirs").draws, forecast.draws)
    assert len(fc.QuantileForecast.from_hub(both, panel, model="theirs").levels) == 23


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.drop(columns="draw"), "columns are missing"),
        (lambda table: table.iloc[:0], "no rows"),
        (lambda table: table.iloc[1:], "cells are missing"),
        (lambda table: pd.concat([table, table.iloc[:1]]), "twice"),
        (lambda table: table.assign(month_id=table["month_id"] + 1), "after the panel"),
        (lambda table: table.assign(month_id="May"), "whole number"),
        (lambda table: table.assign(province="Mars"), "not in the panel"),
        (lambda table: table.assign(outcome=table["outcome"] + 0.5), "whole numbers"),
        (lambda table: table.assign(outcome=-1), "whole numbers"),
    ],
)
def test_broken_draws_are_refused(forecast, panel, change, message):
    with pytest.raises(InputError, match=message):
        fc.Forecast.from_views(change(forecast.to_views()), panel, model="theirs")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.drop(columns="value"), "columns are missing"),
        (lambda table: table.assign(output_type="mean"), "holds no quantiles"),
        (lambda table: table.assign(target="deaths"), "no rows of the target"),
        (lambda table: table.assign(target_end_date="2022-07-15"), "after the panel"),
        (lambda table: table.assign(location="Mars"), "not in the panel"),
        (lambda table: table.assign(value=-table["value"]), "rise with their level"),
        (lambda table: table.assign(output_type_id=table["output_type_id"] + 1), "between 0 and 1"),
    ],
)
def test_broken_quantiles_are_refused(forecast, panel, change, message):
    with pytest.raises(InputError, match=message):
        fc.QuantileForecast.from_hub(change(forecast.to_hub()), panel, model="theirs")


def test_views_is_by_month(make_panel, forecast):
    weekly = make_panel(np.ones((4, 2, 3)), start="2020-01-06", freq="W-MON")
    with pytest.raises(InputError, match="counts months"):
        fc.Forecast.from_views(forecast.to_views(), weekly, model="theirs")
