import numpy as np
import pandas as pd
import pytest

from forecast.prediction.draws import Forecast
from forecast.report.figures import outlook
from forecast.report.headline import confidence, headline, ranking, tiles


@pytest.fixture
def ahead_of(make_panel):
    """A panel of three provinces with 4, 2 and 0 attacks a month, and a forecast that multiplies them."""

    def make(factor, horizon=2):
        panel = make_panel([[[4] * 14 + [factor_, 4] for factor_ in (4,)], [[2] * 16], [[0] * 16]], countries=("A",))
        mean = np.array([4.0, 2.0, 0.0])[None, :, None, None] * factor
        draws = np.repeat(np.repeat(mean, 40, axis=0), horizon, axis=3).astype(np.int64)
        draws[:4], draws[-4:] = draws[:4] // 2, draws[-4:] * 2
        forecast = Forecast.from_draws(panel, draws, model="zero", seed=1)
        return outlook(forecast, {}), panel, forecast

    return make


@pytest.mark.parametrize(
    ("factor", "text"),
    [
        (1, "6 attacks a month expected, 3 to 6 likely; fewer than before (chance of more: 10%)."),
        (2, "12 attacks a month expected, 6 to 12 likely; more than before (chance of more: 90%)."),
    ],
)
def test_one_sentence_says_what_is_expected(ahead_of, factor, text):
    assert headline(ahead_of(factor)[0]) == text


def test_a_coin_flip_is_about_as_before_only_where_the_median_is_near(ahead_of):
    ahead = ahead_of(2)[0]
    for recent, text in ((11.0, "; about as before."), (4.0, "; more or fewer than before is open.")):
        total = ahead.total.copy()
        total["rise"], total["recent"] = 0.5, recent
        assert headline(type(ahead)(**{**ahead.__dict__, "total": total})).endswith(text)
    assert headline(ahead.without_chances()) == "12 attacks a month expected, 6 to 12 likely."


def test_one_period_is_told_as_a_total(ahead_of):
    assert headline(ahead_of(2, horizon=1)[0]).startswith("12 attacks expected in May 2021, 6 to 12 likely; more")


def test_tiles_hold_total_changes_record_and_place(ahead_of):
    shown = {tile.label: tile.values for tile in tiles(*ahead_of(2))}
    assert shown["Expected in all"] == (("24", "from May to Jun 2021; 12 to 24 likely"),)
    assert shown["Change"] == (
        ("+100%", "against the last 12 months: 6.0 to 12.0 a month"),
        ("+100%", "against the last 3 months: 6.0 to 12.0 a month"),
    )
    assert shown["Chance of a new record"] == (("90%", "of a month above 6 attacks, the most in 16 months of data"),)
    assert shown["Where"] == (("P0", "16 attacks (8 to 16 likely), the most of 3 provinces"),)


def test_a_forecast_that_is_not_plausible_tells_no_chance_of_a_record(ahead_of):
    ahead, panel, forecast = ahead_of(2)
    assert "Chance of a new record" not in {tile.label for tile in tiles(ahead.without_chances(), panel, forecast)}


def test_without_a_past_there_is_no_change(make_panel):
    panel = make_panel([[[np.nan] * 3]])
    forecast = Forecast.from_draws(panel, np.full((3, 1, 1, 1), 4, np.int64), model="zero", seed=1)
    ahead = outlook(forecast, {})
    assert [tile.label for tile in tiles(ahead, panel, forecast)] == ["Expected in all"]
    assert headline(ahead) == "4 attacks expected in Apr 2020, 4 to 4 likely."


def test_the_ranking_has_bars_on_one_scale_and_arrows_where_it_is_no_coin_flip(ahead_of):
    ahead = ahead_of(2)[0]
    ranks = ranking(ahead, {"P0": "a0", "P1": "a1", "P2": "a2"})
    assert [(rank.name, rank.anchor, rank.expected, rank.likely) for rank in ranks] == [
        ("P0", "a0", "16", "8 to 16"),
        ("P1", "a1", "8", "4 to 8"),
        ("P2", "a2", "0", "0 to 0"),
    ]
    assert [(rank.direction, rank.change) for rank in ranks[:2]] == [("rise", "chance of more than before: 90%")] * 2
    # The bar of P0 ends where the scale does; that of P1 at half of it.
    assert 'x="60" y="4" width="56"' in ranks[0].bar
    assert 'x="32" y="4" width="28"' in ranks[1].bar


def _scores(**means):
    rows = [
        {
            "model": model,
            "crps_log": value,
            "level": "cell",
            "period": pd.Timestamp("2024-01-01") + pd.DateOffset(months=m),
        }
        for model, value in means.items()
        for m in range(6)
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("means", "text"),
    [
        (
            {"m": 0.92, "recent_mean": 1.0},
            "Beat the simple rule, the recent mean (recent_mean), on 6 hidden months by 8%",
        ),
        (
            {"m": 1.1, "recent_mean": 1.0},
            "Did worse than the simple rule, the recent mean (recent_mean), on 6 hidden months by 10%",
        ),
        ({"m": 1.001, "recent_mean": 1.0}, "Did as well as the simple rule"),
        ({"m": 1.0}, "Not tested: no months were hidden"),
    ],
)
def test_one_line_says_how_far_to_trust_it(means, text):
    assert confidence(_scores(**means), "m", "month", None).startswith(text)


def test_the_simple_rule_has_nothing_to_beat():
    assert "has nothing to beat" in confidence(_scores(recent_mean=1.0), "recent_mean", "month", None)
    assert confidence(pd.DataFrame(), "m", "week", None).startswith("Not tested: no weeks were hidden")
