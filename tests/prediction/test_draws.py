"""`Forecast`: what is read off joint draws, sums of them, and the file."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from forecast.errors import InputError
from forecast.prediction.draws import Forecast

COUNTS = nps.arrays(np.int64, (9, 4, 2, 3), elements=st.integers(0, 50))
REUSING_FIXTURES = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)


def test_labels_follow_the_panel(forecast, panel):
    assert forecast.draws.dims == ("sample", "province", "tactic", "period")
    assert forecast.provinces == panel.provinces
    assert forecast.tactics == panel.tactics
    assert list(forecast.periods) == list(pd.date_range("2022-07-01", periods=3, freq="MS"))
    assert forecast.horizons == [1, 2, 3]
    assert forecast.origin == pd.Timestamp("2022-06-30")
    assert forecast.dataset["period_end"].values[-1] == np.datetime64("2022-09-30")
    assert forecast.dataset["country"].values.tolist() == ["A", "B", "A", "B"]
    assert (forecast.freq, forecast.model) == ("MS", "made")
    assert all(isinstance(value, str) for value in forecast.dataset.attrs.values())


def test_history_is_the_last_two_years(forecast, panel):
    history = forecast.dataset["history"]
    assert history.dims == ("province", "tactic", "history_period")
    assert history.sizes["history_period"] == 24
    assert (history.values == panel.attacks.values[:, :, -24:]).all()


def test_weeks_follow_weeks(make_panel):
    panel = make_panel(np.ones((1, 1, 120)), start="2020-01-06", freq="W-MON")
    forecast = Forecast.from_draws(panel, np.ones((5, 1, 1, 2), np.int64), model="made", seed=1)
    assert list(forecast.periods) == [pd.Timestamp("2022-04-25"), pd.Timestamp("2022-05-02")]
    assert forecast.dataset.sizes["history_period"] == 104


def test_arrays_are_read_only(forecast):
    with pytest.raises(ValueError, match="read-only"):
        forecast.draws.values[0, 0, 0, 0] = 1


def test_family_follows_from_what_is_given(make_forecast):
    mu = np.full((300, 4, 2, 3), 2.0)
    assert make_forecast().dataset.attrs["family"] == ""
    assert make_forecast(mu=mu).dataset.attrs["family"] == "poisson"
    by_tactic = make_forecast(mu=mu, phi=np.ones(2))
    assert by_tactic.dataset.attrs["family"] == "negative_binomial"
    assert by_tactic.dataset["phi"].dims == ("tactic",)
    assert make_forecast(mu=mu, phi=np.ones((300, 2))).dataset["phi"].dims == ("sample", "tactic")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.assign(draws=d["draws"].astype(float)), "whole draws"),
        (lambda d: d.assign(draws=d["draws"] - 100), "whole numbers from 0"),
        (lambda d: d.assign(draws=d["draws"].transpose("province", ...)), "whole draws"),
        (lambda d: d.drop_vars("history"), "needs its history"),
        (lambda d: d.assign_coords(period=d["period"] + np.timedelta64(31, "D")), "follow the history"),
        (lambda d: d.assign_coords(horizon=d["horizon"] + 1), "counts the periods from 1"),
        (lambda d: d.assign(mu=d["draws"].isel(sample=0, drop=True)), "other dims"),
        (lambda d: d.assign_attrs(family="gamma"), "family"),
        (lambda d: d.assign_attrs(freq="D"), "frequency"),
    ],
)
def test_what_is_no_forecast_is_refused(forecast, change, message):
    with pytest.raises(InputError, match=message):
        Forecast(change(forecast.dataset))


@REUSING_FIXTURES
@given(COUNTS, st.floats(0.001, 0.999))
def test_quantile_is_the_smallest_count_that_a_share_of_draws_does_not_exceed(make_forecast, draws, level):
    quantiles = make_forecast(draws).quantiles([level]).values[0]
    for cell in np.ndindex(quantiles.shape):
        sample = draws[(slice(None), *cell)]
        reached = [count for count in np.unique(sample) if (sample <= count).mean() >= level - 1e-12]
        assert quantiles[cell] == min(reached)


@REUSING_FIXTURES
@given(COUNTS, st.sampled_from([0.5, 0.8, 0.9]))
def test_interval_holds_at_least_its_level_of_the_draws(make_forecast, draws, level):
    forecast = make_forecast(draws)
    bounds = forecast.interval(level)
    inside = (forecast.draws >= bounds["lower"]) & (forecast.draws <= bounds["upper"])
    assert (inside.mean("sample") >= level - 1e-12).all()
    assert (bounds["lower"] <= forecast.median()).all()
    assert (forecast.median() <= bounds["upper"]).all()


def test_mean_exceedance_and_their_errors(forecast):
    draws = forecast.draws.values
    assert forecast.mean()["mean"].values == pytest.approx(draws.mean(0))
    assert forecast.mean()["mcse"].values == pytest.approx(draws.std(0, ddof=1) / np.sqrt(300))
    assert forecast.exceedance(3).values == pytest.approx((draws >= 4).mean(0))


@pytest.mark.parametrize("levels", [[], [0.0], [1.0], [0.5, 1.2], [-0.1]])
def test_levels_outside_0_to_1_are_refused(forecast, levels):
    with pytest.raises(InputError, match="between 0 and 1"):
        forecast.quantiles(levels)


@REUSING_FIXTURES
@given(
    COUNTS,
    st.lists(st.sets(st.integers(0, 3), min_size=1), min_size=1, max_size=3),
    st.booleans(),
    st.floats(0.05, 0.95),
)
def test_quantiles_of_sums_are_those_of_summed_draws(make_forecast, draws, sets, tactics, level):
    groups = {f"g{number}": [f"P{member}" for member in members] for number, members in enumerate(sets)}
    forecast = make_forecast(draws).aggregate(groups, tactics=tactics)
    assert forecast.provinces == list(groups)
    assert forecast.tactics == (["all"] if tactics else ["t0", "t1"])
    for row, members in enumerate(sets):
        summed = draws[:, sorted(members)].sum(1)
        expected = summed.sum(1, keepdims=True) if tactics else summed
        assert (forecast.draws.values[:, row] == expected).all()
        quantile = np.quantile(expected, level, axis=0, method="inverted_cdf")
        assert (forecast.quantiles([level]).values[0, row] == quantile).all()


def test_sums_keep_their_labels_and_members(make_forecast):
    forecast = make_forecast(mu=np.full((300, 4, 2, 3), 2.0), phi=np.ones(2))
    country = forecast.aggregate("country")
    assert country.provinces == ["A", "B"]
    assert country.dataset["country"].values.tolist() == ["A", "B"]
    assert country.dataset["pcode"].values.tolist() == ["", ""]
    assert (country.dataset["mu"] == 4.0).all()
    assert "phi" not in country.dataset
    assert country.dataset.attrs["family"] == ""
    total = country.aggregate("total", tactics=True)
    assert total.members == {"province": {"total": ["P0", "P2", "P1", "P3"]}, "tactic": {"all": ["t0", "t1"]}}
    assert (total.draws.values[:, 0, 0] == forecast.draws.values.sum((1, 2))).all()
    assert (total.dataset["mu"] == 16.0).all()


def test_sums_of_poisson_counts_are_poisson(make_forecast):
    forecast = make_forecast(mu=np.full((300, 4, 2, 3), 2.0))
    assert forecast.aggregate("total").dataset.attrs["family"] == "poisson"


def test_no_sum_is_the_forecast_itself(forecast):
    assert forecast.aggregate() is forecast
    by_province = forecast.aggregate(tactics=True)
    assert by_province.provinces == forecast.provinces
    assert by_province.dataset["country"].values.tolist() == ["A", "B", "A", "B"]


def test_a_gap_in_a_part_is_a_gap_in_the_sum(make_panel, make_forecast):
    counts = np.ones((4, 2, 30))
    counts[1, 0, -1] = np.nan
    total = make_forecast(after=make_panel(counts)).aggregate("total", tactics=True)
    assert np.isnan(total.dataset["history"].values[0, 0, -1])
    assert total.dataset["history"].values[0, 0, -2] == 8


def test_unknown_group_is_refused(forecast):
    with pytest.raises(InputError, match="P9"):
        forecast.aggregate({"mine": ["P9"]})
    with pytest.raises(InputError, match="mine: the group holds no province"):
        forecast.aggregate({"mine": []})
    with pytest.raises(InputError, match="total, pcode"):
        forecast.aggregate("region")


def test_change_by_hand(make_panel, make_forecast):
    counts = np.full((4, 2, 30), 2.0)
    counts[0, 0, -12:] = 4.0
    counts[1, 0] = 0.0
    counts[2, 0, -12:-3] = np.nan
    draws = np.ones((4, 4, 2, 3), np.int64) * np.array([2, 4, 6, 8])[:, None, None, None]
    table = make_forecast(draws, after=make_panel(counts)).change(since=12).set_index(["province", "tactic"])
    risen = table.loc[("P0", "t0")]
    assert (risen["observed_periods"], risen["observed_mean"], risen["predicted_median"]) == (12, 4.0, 5.0)
    assert (risen["ratio"], risen["difference"], risen["probability_rise"]) == (1.25, 1.0, 0.5)
    assert risen["ratio_lower_80"] == pytest.approx(np.quantile([0.5, 1, 1.5, 2], 0.1))
    assert risen["difference_upper_80"] == pytest.approx(np.quantile([-2, 0, 2, 4], 0.9))
    assert np.isnan(table.loc[("P1", "t0"), "ratio"])
    assert table.loc[("P1", "t0"), "difference"] == 5.0
    assert table.loc[("P2", "t0"), "observed_periods"] == 3


def test_change_without_any_observation_is_unknown(make_panel, make_forecast):
    counts = np.full((4, 2, 30), 2.0)
    counts[3, 1] = np.nan
    row = make_forecast(after=make_panel(counts)).change().set_index(["province", "tactic"]).loc[("P3", "t1")]
    assert row["observed_periods"] == 0
    assert row[["observed_mean", "ratio", "difference", "probability_rise"]].isna().all()


@pytest.mark.parametrize("since", [0, 25])
def test_change_needs_periods_that_are_kept(forecast, since):
    with pytest.raises(InputError, match="1 to 24"):
        forecast.change(since)


@settings(REUSING_FIXTURES, max_examples=10)
@given(COUNTS, st.text(min_size=1), st.booleans())
def test_file_gives_the_forecast_back(make_forecast, tmp_path_factory, draws, note, aggregated):
    forecast = make_forecast(draws, mu=draws + 0.25, phi=np.array([0.5, 2.0]), notes=[note])
    forecast = forecast.aggregate("country") if aggregated else forecast
    path = tmp_path_factory.mktemp("saved") / "forecast.nc"
    forecast.save(path)
    loaded = Forecast.load(path)
    assert loaded.dataset.identical(forecast.dataset)
    assert loaded.provenance["notes"] == [note]
    assert loaded.members == forecast.members


def test_file_of_something_else_is_refused(forecast, panel, tmp_path):
    with pytest.raises(InputError, match="no such file"):
        Forecast.load(tmp_path / "none.nc")
    (tmp_path / "text.nc").write_text("no netCDF")
    with pytest.raises(InputError, match="no netCDF file"):
        Forecast.load(tmp_path / "text.nc")
    panel.save(tmp_path / "panel.nc")
    with pytest.raises(InputError, match=r"holds something else.*forecast\.Panel"):
        Forecast.load(tmp_path / "panel.nc")
    forecast.save(tmp_path / "whole.nc")
    (tmp_path / "cut.nc").write_bytes((tmp_path / "whole.nc").read_bytes()[:2000])
    with pytest.raises(InputError, match="cut short"):
        Forecast.load(tmp_path / "cut.nc")


def test_text_says_what_it_is(make_forecast):
    text = repr(make_forecast(notes=["a fallback"], oracle=["strikes"]))
    assert "by made (oracle): 4 provinces × 2 tactics × 3 months" in text
    assert "300 joint draws" in text
    assert "note: a fallback" in text


def test_html_shows_text_from_data_as_text(make_panel, make_forecast):
    panel = make_panel(np.ones((4, 2, 30)))
    names = ["<script>alert(1)</script>", "b", "c", "d"]
    dataset = panel.dataset.assign_coords(province_name=("province", names))
    html = make_forecast(after=type(panel)(dataset), notes=["<b>"])._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "<b>" not in html


def test_oracle_marks_the_model_for_good(make_forecast, tmp_path):
    make_forecast(oracle=["strikes"]).aggregate("total").save(tmp_path / "f.nc")
    loaded = Forecast.load(tmp_path / "f.nc")
    assert loaded.model == "made (oracle)"
    assert loaded.provenance["oracle"] == ["strikes"]


@pytest.mark.parametrize(("province", "tactic"), [(None, None), ("P1", None), (None, "t1"), ("P1", "t1")])
def test_plot_draws_one_series_or_a_sum(forecast, province, tactic):
    chart = forecast.plot(province, tactic).to_dict()
    rows = {name: table for name, table in chart["datasets"].items() if "lower_90" in table[0]}
    (bands,) = rows.values()
    summed = forecast.aggregate("total" if province is None else None, tactics=tactic is None)
    expected = summed.median().sel(province=province or "total", tactic=tactic or "all")
    assert [row["median"] for row in bands] == expected.values.tolist()


def test_small_multiples_show_every_province_with_its_history(forecast):
    chart = forecast.small_multiples(columns=2).to_dict()
    (rows,) = chart["datasets"].values()
    summed = forecast.aggregate(tactics=True)
    for province in forecast.provinces:
        medians = [row["median"] for row in rows if row["province"] == province and row["median"] is not None]
        assert medians == summed.median().sel(province=province, tactic="all").values.tolist()
        seen = [row["attacks"] for row in rows if row["province"] == province and row["attacks"] is not None]
        assert seen == summed.dataset["history"].sel(province=province, tactic="all").values.tolist()
    assert chart["columns"] == 2


def test_plot_takes_a_name(make_panel, make_forecast):
    panel = make_panel(np.ones((4, 2, 30)))
    named = panel.dataset.assign_coords(province_name=("province", ["Diyala", "b", "c", "d"]))
    forecast = make_forecast(after=type(panel)(named))
    assert forecast.plot("diyala province").to_dict() == forecast.plot("P0").to_dict()


def test_plot_of_an_unknown_series_is_refused(forecast):
    with pytest.raises(InputError, match="unknown province"):
        forecast.plot("P9")
