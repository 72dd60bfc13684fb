import pytest

from forecast.panel.panel import Panel
from forecast.report.figures import groups_of, outlook
from forecast.report.provinces import folds_of, group_anchors, province_anchors


@pytest.fixture(scope="module")
def folds(gazetteer_panel, make_forecast):
    panel = gazetteer_panel()
    forecast = make_forecast(panel)
    zones = {"west": panel.provinces[:3]}
    ahead = outlook(forecast, zones)
    return *folds_of(panel, forecast, ahead, groups_of(forecast, zones), province_anchors(forecast), True), ahead


def test_sums_and_provinces_have_folds(folds):
    sums, provinces, ahead = folds
    assert [(item.anchor, item.name) for item in sums] == [
        ("sum-0", "All provinces"), ("sum-1", "Iraq"), ("sum-2", "Syria"), ("sum-3", "West"),
    ]  # fmt: skip
    assert len(provinces) == 32
    diyala = next(item for item in provinces if item.anchor == "IQG10")
    row = ahead.provinces.set_index("province").loc["IQG10"]
    assert (diyala.name, diyala.where, diyala.median) == ("Diyala", "Iraq", row["sum_median"])
    assert diyala.says.startswith(f"Diyala: {row['mean_median']:.1f} attacks a month expected from Jul to Sep 2024")
    assert [label for label, _, _ in diyala.tactics] == ["IED", "small arms"]
    assert "IQG10-tactics" in diyala.by_tactic
    assert "IQG10-periods" in diyala.by_period


def test_provinces_stand_by_country_and_expected_attacks(folds):
    order = [(item.where, -item.median) for item in folds[1]]
    assert order == sorted(order)


def test_one_tactic_has_no_table_of_tactics(make_panel, make_forecast):
    panel = make_panel([[[1, 2, 3]]])
    forecast = make_forecast(panel)
    ahead = outlook(forecast, {})
    sums, (only,) = folds_of(panel, forecast, ahead, groups_of(forecast, {}), province_anchors(forecast), False)
    assert sums == []
    assert list(only.tactics) == []
    assert only.by_tactic == ""


def test_addresses_are_keys_where_these_can_be(make_panel, make_forecast):
    panel = make_panel([[[1, 2, 3]]] * 6, countries=("A",))
    keys = ["SY09@northeast", "total: All provinces", "know", "sum-0", "Ünder", "P.5"]
    panel = Panel(panel.dataset.assign_coords(province=keys).drop_vars("adjacency", errors="ignore"))
    forecast = make_forecast(panel)
    anchors = [*province_anchors(forecast, {"know"}).values(), *group_anchors(groups_of(forecast, {})).values()]
    assert anchors == ["SY09@northeast", "province-1", "province-2", "province-3", "province-4", "P.5", "sum-0"]
