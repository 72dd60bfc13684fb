"""Quantiles of others: what is read off them, and that nothing sums them."""

import numpy as np
import pandas as pd
import pytest

import forecast as fc
from forecast.errors import InputError


@pytest.fixture
def told(forecast, panel):
    """What a hub holds of the forecast."""
    return fc.QuantileForecast.from_hub(forecast.to_hub().sample(frac=1, random_state=1), panel, model="theirs")


def test_quantiles_come_back_as_they_were(told, forecast, panel, tmp_path):
    np.testing.assert_array_equal(told.dataset["quantiles"], forecast.quantiles(told.levels))
    assert len(told.levels) == 23
    assert (told.model, told.origin, told.provinces) == ("theirs", forecast.origin, forecast.provinces)
    assert told.periods.equals(forecast.periods)
    np.testing.assert_array_equal(told.median(), forecast.median())
    np.testing.assert_array_equal(told.interval(0.9)["upper"], forecast.interval(0.9)["upper"])
    forecast.to_hub().to_csv(tmp_path / "hub.csv", index=False)
    again = fc.QuantileForecast.from_hub(pd.read_csv(tmp_path / "hub.csv"), panel, model="theirs")
    assert again.dataset.identical(told.dataset)
    of_ours = fc.QuantileForecast.of(forecast)
    np.testing.assert_array_equal(of_ours.dataset["quantiles"], told.dataset["quantiles"])
    assert of_ours.model == forecast.model


def test_no_sum_is_made_of_them(told, forecast):
    for arguments in ({"by": "total"}, {"tactics": True}, {}):
        with pytest.raises(InputError, match=r"cannot be summed.*Ask for joint samples"):
            told.aggregate(**arguments)
    with pytest.raises(InputError, match="province: is needed: quantiles cannot be summed"):
        told.plot()
    with pytest.raises(InputError, match="tactic: is needed"):
        told.plot("P1")
    with pytest.raises(InputError, match=r"wrong type.*expected a mapping of a text to Forecast"):
        fc.pool({"one": told, "other": told}, name="both", seed=1)
    # Quantiles of a sum are those of one series.
    total = fc.QuantileForecast.of(forecast.aggregate("total", tactics=True))
    np.testing.assert_array_equal(total.median(), forecast.aggregate("total", tactics=True).median())


def test_only_what_is_known_is_told(forecast):
    few = fc.QuantileForecast.of(forecast, (0.05, 0.5, 0.75, 0.95))
    assert few.intervals == [0.9]
    with pytest.raises(InputError, match="is not among the quantiles"):
        few.quantile(0.25)
    with pytest.raises(InputError, match=r"is no interval of its quantiles.*0\.9"):
        few.interval(0.5)
    table = few.to_frame()
    assert table.columns.tolist() == [
        *("province", "province_name", "country", "tactic", "period", "horizon", "median", "lower_90", "upper_90")
    ]
    assert len(table) == 4 * 2 * 3
    assert "median" not in fc.QuantileForecast.of(forecast, (0.1, 0.9)).to_frame()
    ours = forecast.to_frame(levels=[0.9])
    np.testing.assert_array_equal(table["upper_90"], ours["upper_90"])


def test_a_series_is_drawn_as_that_of_joint_draws(told, forecast):
    theirs, ours = (drawn.plot("P1", "t0").to_dict() for drawn in (told, forecast))
    assert [layer["mark"] for layer in theirs["layer"]] == [layer["mark"] for layer in ours["layer"]]
    assert theirs["title"] == "P1, t0: theirs"
    assert "no sums" in repr(told)
    assert "lower_98" in told._repr_html_()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda values, levels: (values[::-1], levels), "rise with their level"),
        (lambda values, levels: (values - 1e6, levels), "rise with their level"),
        (lambda values, levels: (values, levels[::-1]), "rise with their level"),
        (lambda values, levels: (values * np.nan, levels), "rise with their level"),
        (lambda values, levels: (values, [*levels[:-1], 1.0]), "between 0 and 1"),
        (lambda values, levels: (values, levels[:-1]), "have another shape"),
        (lambda values, levels: (values[:, 1:], levels), "have another shape"),
    ],
)
def test_what_are_no_quantiles_is_refused(told, panel, change, message):
    values, levels = change(told.dataset["quantiles"].values, told.levels)
    with pytest.raises(InputError, match=message):
        fc.QuantileForecast.from_quantiles(panel, values, levels, model="theirs")
