"""Tables that others read: tidy, hubverse, VIEWS."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from forecast.errors import InputError
from forecast.prediction.draws import Forecast
from forecast.prediction.exports import HUB_LEVELS


def test_tidy_table_has_one_row_per_cell_in_order(forecast):
    table = forecast.to_frame(levels=[0.5, 0.975])
    assert table.columns.tolist() == [
        *("province", "province_name", "country", "tactic", "period", "horizon", "mean", "mcse", "median"),
        *("lower_50", "upper_50", "lower_97.5", "upper_97.5"),
    ]
    assert len(table) == 4 * 2 * 3
    assert table["horizon"].tolist()[:3] == [1, 2, 3]
    cell = table.iloc[7]
    bounds = forecast.interval(0.975).sel(province=cell["province"], tactic=cell["tactic"], period=cell["period"])
    assert cell["lower_97.5"] == bounds["lower"]
    assert cell["upper_97.5"] == bounds["upper"]


@pytest.mark.parametrize(("freq", "ahead", "last"), [("MS", 8, 6), ("W-MON", 28, 26)])
def test_means_of_totals_end_after_six_months(make_panel, freq, ahead, last):
    start = "2020-01-01" if freq == "MS" else "2020-01-06"
    panel = make_panel(np.ones((3, 1, 12)), freq=freq, start=start)
    draws = np.random.default_rng(1).poisson(2.0, (50, 3, 1, ahead)).astype(np.int64)
    forecast = Forecast.from_draws(panel, draws, model="made", seed=1)
    assert forecast.to_frame()["mean"].notna().all()
    one = Forecast.from_draws(make_panel(np.ones((1, 1, 12)), freq=freq, start=start), draws[:, :1], model="m", seed=1)
    for table in (forecast.aggregate("total").to_frame(), one.to_frame()):
        assert table.loc[table["mean"].notna(), "horizon"].tolist() == list(range(1, last + 1))
        assert table["mcse"].isna().equals(table["mean"].isna())
        assert table["median"].notna().all()


def test_hub_quantiles_follow_the_conventions(forecast, tmp_path):
    table = forecast.to_hub()
    assert table.columns.tolist() == [
        *("origin_date", "target", "horizon", "location", "tactic", "target_end_date"),
        *("output_type", "output_type_id", "value"),
    ]
    assert len(HUB_LEVELS) == 23
    assert len(table) == 4 * 2 * 3 * 23
    assert not table.duplicated(["location", "tactic", "horizon", "output_type_id"]).any()
    assert table["value"].notna().all()
    groups = table.groupby(["location", "tactic", "horizon"])
    assert groups["value"].apply(lambda values: values.is_monotonic_increasing).all()
    assert groups["output_type_id"].apply(lambda levels: levels.tolist() == list(HUB_LEVELS)).all()
    first = table.iloc[0]
    assert first["origin_date"] == dt.date(2022, 6, 30)
    assert first["target_end_date"] == dt.date(2022, 7, 31)
    table.to_parquet(tmp_path / "hub.parquet")
    assert pd.read_parquet(tmp_path / "hub.parquet")["target_end_date"].iloc[0] == dt.date(2022, 7, 31)


def test_hub_sample_number_is_one_joint_draw(forecast):
    table = forecast.to_hub("sample", target="deaths")
    assert (table["output_type"] == "sample").all()
    assert (table["target"] == "deaths").all()
    assert sorted(table["output_type_id"].unique()) == list(range(1, 301))
    chosen = table[table["output_type_id"] == 17].set_index(["location", "tactic", "horizon"])["value"]
    assert (chosen.to_numpy().reshape(4, 2, 3) == forecast.draws.values[16]).all()


def test_hub_medians_and_means_have_no_id(forecast):
    for kind, values in (("median", forecast.median()), ("mean", forecast.mean()["mean"])):
        table = forecast.to_hub(kind)
        assert table["output_type_id"].isna().all()
        assert table["value"].to_numpy() == pytest.approx(values.values.ravel())


def test_unknown_hub_output_is_refused(forecast):
    with pytest.raises(InputError, match="quantile, median, mean, sample"):
        forecast.to_hub("cdf")


def test_views_counts_months_from_january_1980(forecast):
    table = forecast.to_views()
    assert table.columns.tolist() == ["month_id", "province", "tactic", "draw", "outcome"]
    assert table["month_id"].unique().tolist() == [511, 512, 513]
    assert table["draw"].unique().tolist() == list(range(300))
    row = table[(table["month_id"] == 512) & (table["province"] == "P2") & (table["tactic"] == "t1")]
    assert row["outcome"].tolist() == forecast.draws.values[:, 2, 1, 1].tolist()


def test_month_1_of_views_is_january_1980(make_panel):
    panel = make_panel(np.ones((1, 1, 2)), start="1979-11-01")
    forecast = Forecast.from_draws(panel, np.ones((2, 1, 1, 1), np.int64), model="made", seed=1)
    assert forecast.to_views()["month_id"].unique().tolist() == [1]


def test_views_takes_months_only(make_panel):
    panel = make_panel(np.ones((1, 1, 3)), start="2020-01-06", freq="W-MON")
    forecast = Forecast.from_draws(panel, np.ones((2, 1, 1, 1), np.int64), model="made", seed=1)
    with pytest.raises(InputError, match="counts months"):
        forecast.to_views()
