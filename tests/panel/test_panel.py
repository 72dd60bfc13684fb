"""The panel itself: ready counts, covariates, slices, sums, files."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from forecast.errors import InputError
from forecast.events.place_tables import read_zones
from forecast.events.places import read_gazetteer
from forecast.panel.calendar import ramadan_share
from forecast.panel.panel import Panel

PERIODS = pd.date_range("2020-01-01", periods=6, freq="MS")


@pytest.fixture
def table():
    rows = [
        (p, t, d, n)
        for n, (p, t, d) in enumerate(
            (p, t, d) for p in ("IQG10", "IQG06", "SY09") for t in ("ied", "other") for d in PERIODS
        )
    ]
    return pd.DataFrame(rows, columns=["province", "tactic", "period", "attacks"])


@pytest.fixture
def panel(table):
    return Panel.from_frame(table, gazetteer=read_gazetteer())


def test_round_trip_through_a_table(panel, table):
    assert panel.to_frame()[["province", "tactic", "period", "attacks"]].astype(table.dtypes).equals(table)
    assert panel.to_frame()["force"].unique().tolist() == ["ISF", "KSF", "SDF"]
    assert (
        Panel.from_frame(panel.to_frame(), gazetteer=read_gazetteer())
        .dataset["attacks"]
        .equals(panel.dataset["attacks"])
    )


def test_a_gap_is_no_zero(table):
    short = table.drop(index=3).astype({"attacks": float})
    short.loc[0, "attacks"] = np.nan
    panel = Panel.from_frame(short)
    assert panel.attacks.isnull().sum() == 2
    assert Panel.from_frame(short, missing="zero").attacks.isnull().sum() == 1
    assert not panel.observations.table["value"].isna().any()
    assert not panel.observations.is_published


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"attacks": -1}, "row 3, column attacks.*found -1"),
        ({"attacks": 1.5}, "row 3, column attacks"),
        ({"period": "soon"}, "row 3, column period"),
        ({"province": None}, "row 3, column province"),
        ({"period": PERIODS[1]}, "stands there twice"),
        ({"exposure": 0.0}, "row 3, column exposure"),
    ],
)
def test_wrong_counts_name_row_and_column(table, change, message):
    (column, value), *_ = change.items()
    table["exposure"] = 1.0
    table[column] = table[column].astype(object)
    table.loc[2, column] = value
    with pytest.raises(InputError, match=message):
        Panel.from_frame(table)


def test_missing_columns_and_empty_tables(table):
    with pytest.raises(InputError, match="columns are missing"):
        Panel.from_frame(table.drop(columns="tactic"))
    with pytest.raises(InputError, match="holds no rows"):
        Panel.from_frame(table.iloc[:0])
    assert Panel.from_frame(table.assign(note="x")).ledger.rows("unused column") == 1


def test_days_within_a_period_are_fine_but_not_twice(table):
    assert Panel.from_frame(table.assign(period=table["period"] + pd.Timedelta(days=9))).periods.equals(
        PERIODS.as_unit("ns")
    )


COVARIATES = {
    "by period": pd.Series(range(6), index=PERIODS, dtype=float),
    "by province": pd.DataFrame(
        [(p, d, i) for p in ("IQG10", "IQG06", "SY09") for i, d in enumerate(PERIODS)],
        columns=["province", "period", "x"],
    ),
    "by force": pd.DataFrame(
        [(f, d, i) for f in ("ISF", "KSF", "SDF") for i, d in enumerate(PERIODS)], columns=["force", "date", "value"]
    ),
    "by cell": pd.DataFrame(
        [(p, t, d, i) for p in ("IQG10", "IQG06", "SY09") for t in ("ied", "other") for i, d in enumerate(PERIODS)],
        columns=["province", "tactic", "period", "x"],
    ),
}


@pytest.mark.parametrize("kind", COVARIATES)
def test_covariates_of_every_shape(panel, kind):
    with_it = panel.with_covariate("x", COVARIATES[kind])
    assert with_it.covariates == ["x"]
    assert panel.covariates == []
    on_cells = with_it.covariate("x")
    assert on_cells.dims == ("province", "tactic", "period")
    assert (on_cells.values == np.arange(6)).all()


def test_covariate_of_a_force_does_not_apply_where_there_is_none(table):
    table["province"] = table["province"].replace("IQG06", "SY01")
    panel = Panel.from_frame(table, gazetteer=read_gazetteer()).with_covariate("x", COVARIATES["by force"])
    assert panel.covariate("x").sel(province="SY01").isnull().all()
    assert panel.covariate("x").sel(province="SY09").notnull().all()


def test_the_calendar_gives_every_panel_a_covariate(panel):
    share = panel.covariate("ramadan")
    assert panel.covariates == []
    assert share.dims == ("province", "tactic", "period")
    assert share.shape == panel.attacks.shape
    expected = ramadan_share(panel.periods, panel.freq)
    assert expected.any()
    assert (share.values == expected).all()
    attached = panel.with_covariate("ramadan", pd.Series(7.0, index=panel.periods))
    assert (attached.covariate("ramadan") == 7).all()


def test_an_unknown_covariate_is_refused(panel):
    with pytest.raises(InputError, match=r"rain: no such covariate \(expected x, ramadan\)\. .*with_covariate"):
        panel.with_covariate("x", COVARIATES["by period"]).covariate("rain")


def test_missing_periods_of_a_covariate_are_named(panel):
    with pytest.raises(InputError, match=r"2 periods are missing.*2020-03-01, 2020-05-01"):
        panel.with_covariate("x", COVARIATES["by period"].iloc[[0, 1, 3, 5]])
    holed = COVARIATES["by province"].astype({"x": float})
    holed.loc[3, "x"] = np.nan
    with pytest.raises(InputError, match=r"1 period is missing.*2020-04-01"):
        panel.with_covariate("x", holed)
    with pytest.raises(InputError, match=r"1 value of province is missing.*SY09"):
        panel.with_covariate("x", COVARIATES["by province"].iloc[:12])


def test_covariates_that_are_none(panel):
    with pytest.raises(InputError, match="name is taken"):
        panel.with_covariate("attacks", COVARIATES["by period"])
    with pytest.raises(InputError, match="several values for one cell"):
        panel.with_covariate("x", pd.concat([COVARIATES["by province"]] * 2))
    with pytest.raises(InputError, match="columns are missing"):
        panel.with_covariate("x", pd.DataFrame({"period": PERIODS, "y": 1}))
    with pytest.raises(InputError, match=r"column x: is not allowed.*found high"):
        panel.with_covariate("x", pd.DataFrame({"period": PERIODS, "x": "high"}))
    with pytest.raises(InputError, match="dims that a covariate cannot have"):
        panel.with_covariate(
            "x",
            xr.DataArray(
                np.zeros((2, 6)), dims=("tactic", "period"), coords={"tactic": ["ied", "other"], "period": PERIODS}
            ),
        )


def test_slices_share_no_surprises(panel):
    part = panel.between("2020-02-01", "2020-04-30")
    assert [f"{d:%m}" for d in part.periods] == ["02", "03", "04"]
    assert panel.between(end="2020-04-29").origin == pd.Timestamp("2020-03-31")
    with pytest.raises(ValueError, match="read-only"):
        part.dataset["attacks"].values[0, 0, 0] = 99
    with pytest.raises(dataclasses.FrozenInstanceError):
        part.dataset = panel.dataset
    with pytest.raises(InputError, match="no period of the panel"):
        panel.between("2021-01-01")


def test_select(panel):
    part = panel.select(provinces=["SY09", "IQG10"], tactics=["other"])
    assert part.provinces == ["SY09", "IQG10"]
    assert part.dataset["adjacency"].shape == (2, 2)
    with pytest.raises(InputError, match="unknown tactic"):
        panel.select(tactics=["drone"])


def test_select_takes_names_and_days(table):
    panel = Panel.from_frame(table, gazetteer=read_gazetteer())
    part = panel.select(provinces=["deir ez-zor governorate", "IQG10"], start="2020-02-01", end="2020-04-30")
    assert part.provinces == ["SY09", "IQG10"]
    assert list(part.periods) == list(PERIODS[1:4])
    chosen = table[table["province"].isin(["SY09", "IQG10"]) & table["period"].between("2020-02-01", "2020-04-30")]
    assert float(part.attacks.sum()) == chosen["attacks"].sum()
    assert panel.aggregate({"both": ["Diyala", "SY09"]}).equals(panel.aggregate({"both": ["IQG10", "SY09"]}))
    with pytest.raises(InputError, match=r"unknown province \(found Dyala\)\. Nearest: Diyala \(IQG10\), "):
        panel.select(provinces=["Dyala"])
    dataset = panel.dataset.assign_coords(province_name=("province", ["Centre", "Centre", "North"]))
    with pytest.raises(InputError, match=r"several provinces have this name \(found centre; expected IQG10, IQG06\)"):
        Panel(dataset).select(provinces=["centre"])


def test_select_takes_a_p_code_for_all_its_units(table):
    table["province"] = table["province"].replace({"IQG06": "SY09@east", "SY09": "SY09@west"})
    assert Panel.from_frame(table).select(provinces=["SY09"]).provinces == ["SY09@east", "SY09@west"]


def test_sums_over_groups(panel):
    by_country = panel.aggregate("country")
    assert by_country["group"].values.tolist() == ["Iraq", "Syria"]
    assert float(by_country.sum()) == float(panel.attacks.sum())
    zones = panel.aggregate({"east": ["SY09"], "all": panel.provinces})
    assert zones.sel(group="all").equals(
        panel.aggregate("total").sel(group="total", drop=True).assign_coords(group="all")
    )
    with pytest.raises(InputError, match="cannot group"):
        panel.aggregate("continent")
    with pytest.raises(InputError, match="unknown province"):
        panel.aggregate(read_zones())


@pytest.mark.parametrize("days", [True, False])
def test_exposure_goes_on_by_its_days_and_coverage_ends(table, days, tmp_path):
    """From March on: April has 30 days."""
    whole = Panel.from_frame(table.assign(coverage=0.5), days=days)
    panel = whole.between(end="2020-03-31")
    panel.save(tmp_path / "panel.nc")
    panel = Panel.load(tmp_path / "panel.nc")
    ahead = panel.exposure_ahead(3)
    assert ahead.shape == (*panel.attacks.shape[:2], 3)
    last = panel.dataset["exposure"].values[..., -1:]
    expected = last * (np.array([30, 31, 30]) / 31 if days else np.ones(3))
    np.testing.assert_allclose(ahead, expected)
    np.testing.assert_allclose(panel.recorded_exposure, 0.5 * panel.dataset["exposure"])
    np.testing.assert_allclose(whole.exposure_ahead(1, start=len(panel.periods)), ahead[..., :1])
    # Forecasts are of all attacks, and are held against what is recorded of them.
    np.testing.assert_array_equal(panel.outcomes, panel.attacks)
    np.testing.assert_array_equal(panel.completed, 2 * panel.attacks)
    assert panel.settled is panel


def test_completed_counts_add_up_where_each_is_small(table):
    """One attack of which four fifths are recorded is one and a quarter: every fourth period has two."""
    ones = Panel.from_frame(table.assign(attacks=1, coverage=0.8))
    completed = ones.completed
    assert set(np.unique(completed)) == {1, 2}
    np.testing.assert_allclose(completed.sum("period"), 1.25 * ones.attacks.sum("period"), atol=0.5)


def test_file_round_trip(panel, tmp_path):
    full = panel.with_covariate("x", COVARIATES["by force"])
    full.save(tmp_path / "panel.nc")
    loaded = Panel.load(tmp_path / "panel.nc")
    assert loaded.dataset.identical(full.dataset)
    assert loaded.ledger == full.ledger
    assert loaded.dataset["period"].dtype == "datetime64[ns]"


def test_files_that_are_no_panels(panel, tmp_path):
    panel.save(tmp_path / "panel.nc")
    content = (tmp_path / "panel.nc").read_bytes()
    (tmp_path / "short.nc").write_bytes(content[: len(content) // 2])
    (tmp_path / "text.nc").write_text("hello")
    for name, message in (("short.nc", "cut short"), ("text.nc", "no netCDF"), ("none.nc", "no such file")):
        with pytest.raises(InputError, match=message):
            Panel.load(tmp_path / name)


def test_for_people(panel):
    assert "3 provinces × 2 tactics × 6 months" in repr(panel)
    assert "<table" in panel._repr_html_()
    assert panel.plot().to_dict()["layer"][0]["mark"]["type"] == "line"
    assert panel.summary()["attacks"].sum() == panel.attacks.sum()


def test_broken_datasets_are_refused(panel):
    for change in (
        {"attacks": panel.dataset["attacks"] - 100},
        {"attacks": panel.dataset["attacks"].astype(float)},
        {"exposure": panel.dataset["exposure"] * 0},
        {"observed": panel.dataset["observed"].transpose("tactic", "province", "period")},
    ):
        with pytest.raises(InputError):
            Panel(panel.dataset.assign(change))
    with pytest.raises(InputError, match="consecutive"):
        Panel(panel.dataset.isel(period=[0, 2]))
