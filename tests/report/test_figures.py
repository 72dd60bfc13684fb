import numpy as np
import pytest

from forecast.prediction.draws import Forecast
from forecast.report.figures import figures, groups_of, outlook


@pytest.fixture
def small(make_panel):
    """Two provinces, one tactic, four periods of history; four draws of two periods."""
    panel = make_panel([[[1, 2, 3, 2]], [[0, 0, 0, 0]]])
    draws = np.array([[[[2, 2]], [[0, 0]]], [[[2, 2]], [[0, 1]]], [[[4, 1]], [[0, 0]]], [[[0, 1]], [[0, 0]]]])
    return Forecast.from_draws(panel, draws.astype(np.int64), model="zero", seed=1)


def test_figures_by_hand(small):
    first, second = figures(small, 4).to_dict("records")
    assert (first["recent"], first["record"], first["observed"]) == (2.0, 3.0, 4)
    # Sums of the draws are 4, 4, 5, 1: a mean of 2 is no rise above 2, so only one draw of four is.
    assert first["rise"] == 0.25
    assert first["above_record"] == 0.25
    assert (first["sum_lower"], first["sum_median"], first["sum_upper"]) == (1, 4, 5)
    assert (first["mean_median"], first["next_median"]) == (2.0, 2)
    assert (second["recent"], second["rise"], second["above_record"]) == (0.0, 0.25, 0.25)


def test_only_the_last_periods_count(small):
    assert figures(small, 2)["recent"].to_list() == [2.5, 0.0]


def test_gaps_are_left_out_of_the_comparison(make_panel):
    panel = make_panel([[[np.nan, 2, 4]], [[np.nan] * 3]])
    forecast = Forecast.from_draws(panel, np.full((3, 2, 1, 1), 4, np.int64), model="zero", seed=1)
    first, second = figures(forecast, 3).to_dict("records")
    assert (first["observed"], first["recent"], first["rise"], first["above_record"]) == (2, 3.0, 1.0, 0.0)
    assert second["observed"] == 0
    assert np.isnan([second["recent"], second["record"], second["rise"], second["above_record"]]).all()


def test_totals_come_from_the_same_draws(gazetteer_panel, make_forecast):
    panel = gazetteer_panel()
    forecast = make_forecast(panel)
    ahead = outlook(forecast, {"north_west": panel.provinces[:2]})
    total = forecast.draws.sum(("province", "tactic", "period")).values
    assert ahead.total["sum_median"] == np.quantile(total, 0.5, method="inverted_cdf")
    assert list(ahead.groups["name"]) == ["Iraq", "Syria", "North west"]
    assert len(ahead.provinces) == 32
    assert list(ahead.tactics["tactic_name"]) == ["IED", "small arms"]
    assert ahead.total["recent"] == pytest.approx(panel.attacks.values[..., -12:].sum() / 12)
    assert (ahead.since, ahead.horizon, ahead.when, ahead.span) == (12, 3, "from Jul to Sep 2024", "Jul to Sep 2024")


def test_one_province_makes_no_groups(make_panel, make_forecast):
    forecast = make_forecast(make_panel([[[1, 2, 3]]]), horizon=1)
    assert groups_of(forecast, {}) == []
    ahead = outlook(forecast, {})
    assert ahead.groups.empty
    assert (ahead.when, ahead.since) == ("in Apr 2020", 3)


def test_zones_that_look_alike_are_all_there(make_panel, make_forecast):
    panel = make_panel([[[1, 1, 1]], [[2, 2, 2]], [[4, 4, 4]]], countries=("A",))
    zones = {"border": ["P0", "P1"], "Border": ["P2"], "north_east": ["P0"], "North east": ["P1"], "south_east": ["P2"]}
    ahead = outlook(make_forecast(panel), zones)
    assert list(ahead.groups["name"]) == ["border", "Border", "north_east", "North east", "South east"]
    # Attacks per period: P0 1, P1 2, P2 4.
    assert list(ahead.groups["recent"]) == [3, 4, 1, 2, 4]
