"""Zones that ended: kept with the panel, told, and refused where the reports say otherwise."""

import numpy as np
import pandas as pd
import pytest

import forecast as fc
from forecast.errors import InputError


@pytest.fixture(scope="module")
def table(row):
    """Two zones; of one of them nothing is said after March."""
    return pd.DataFrame(
        [row("SY04|SY05", 20, zone="central"), row("SY08", 30, "2021-02"), row("SY08", 9), row("SY08", 40, "2021-06")]
    )


@pytest.fixture(scope="module")
def panel(table):
    return fc.Panel.from_published(table, zone_ends={"central": pd.Timestamp("2021-04-30")})


def test_an_end_stays_with_its_provinces(panel, table, tmp_path):
    assert panel.ended.tolist() == [True, True, False]
    assert "zones that ended: central on 2021-04-30" in repr(panel)
    panel.save(tmp_path / "panel.nc")
    assert fc.Panel.load(tmp_path / "panel.nc").dataset.identical(panel.dataset)
    assert panel.select(provinces=["SY08", "SY05"]).ended.tolist() == [False, True]
    assert panel.between(start="2021-05-01").ended.sum() == 2
    assert panel.without_ended().provinces == ["SY08"]
    # In March nobody knew it.
    early, never = panel.between(end="2021-03-31"), fc.Panel.from_published(table)
    for other in (early, never):
        assert not other.ended.any()
        assert "zones that ended" not in repr(other)
        assert other.without_ended() is other
    np.testing.assert_array_equal(early.dataset["zone"], panel.dataset["zone"])


@pytest.mark.parametrize(
    ("ends", "message"),
    [
        ({"west": "2021-04-30"}, "zone_ends: west: no report is of this zone .expected central, northeast"),
        ({"central": "2021-04-29"}, "zone_ends: central: is not the last day of a month .found 2021-04-29"),
        ({"central": "2021-07-31"}, "zone_ends: central: lies after the last period of the panel.*up to 2021-06-30"),
        (
            {"central": "2021-02-28"},
            "row 1, column period_end: is not allowed .found 2021-03-31; expected up to 2021-02-28",
        ),
        ({"central": "April"}, "zone_ends: central: is no day .found April"),
    ],
)
def test_each_wrong_end_has_its_own_error(table, ends, message):
    with pytest.raises(InputError, match=message):
        fc.Panel.from_published(table, zone_ends=ends)
