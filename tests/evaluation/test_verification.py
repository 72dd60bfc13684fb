"""An earlier forecast against what came: the numbers are those of its draws, and its test holds its level."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forecast.errors import InputError
from forecast.evaluation.verification import matched, revisions, verify
from forecast.prediction.draws import Forecast

PAST, AHEAD, DRAWS = 6, 3, 400


@pytest.fixture(scope="module")
def case(make_panel):
    """Four provinces in two countries, two tactics: data, a forecast of three months, and the data with what came."""
    rng = np.random.default_rng(1)
    past = rng.poisson(4.0, (4, 2, PAST))
    draws = rng.poisson(rng.gamma(4.0, 1.0, (DRAWS, 1, 1, AHEAD)), (DRAWS, 4, 2, AHEAD)).astype(np.int64)
    before = make_panel(past)
    forecast = Forecast.from_draws(before, draws, model="m", seed=1)

    def after(came, past=past):
        return make_panel(np.concatenate([past, came], axis=-1))

    return before, forecast, after, draws


def test_outcomes_hold_what_the_draws_said_and_what_came(case):
    before, forecast, after, draws = case
    came = draws[7]
    found = verify(forecast, after(came), before, seed=3)
    assert found.levels["level"].tolist() == ["total", "country", "tactic", "province", "cell"]
    assert found.levels["outcomes"].tolist() == [AHEAD, 2 * AHEAD, 2 * AHEAD, 4 * AHEAD, 8 * AHEAD]
    table = found.outcomes
    row = table[(table["level"] == "province") & (table["province"] == "P2")].iloc[1]
    own = np.sort(draws[:, 2, :, 1].sum(axis=1))
    assert row["observed"] == came[2, :, 1].sum()
    assert (row["period"], row["horizon"]) == (pd.Timestamp("2020-08-01"), 2)
    # The smallest counts that so large a share of the draws does not exceed.
    wanted = [own[int(np.ceil(DRAWS * level)) - 1] for level in (0.5, 0.25, 0.75, 0.05, 0.95)]
    assert row[["median", "lower_50", "upper_50", "lower_90", "upper_90"]].tolist() == wanted
    assert row["inside_90"] == (wanted[3] <= row["observed"] <= wanted[4])
    assert (own < row["observed"]).mean() <= row["pit"] <= (own <= row["observed"]).mean()
    series = found.series[(found.series["level"] == "cell") & (found.series["province"] == "P0")]
    assert sorted(series["observed"]) == sorted(came[0].sum(axis=1))
    assert set(series["periods"]) == {AHEAD}
    pd.testing.assert_frame_equal(found.outcomes, verify(forecast, after(came), before, seed=3).outcomes)


def test_a_draw_passes_and_a_broken_series_is_named(case):
    before, forecast, after, draws = case
    right = verify(forecast, after(draws[3]), before)
    assert not right.is_off
    assert right.broken.empty
    came = draws[3].copy()
    came[1, 0] += 40
    off = verify(forecast, after(came), before)
    assert off.is_off
    first = off.broken[off.broken["level"] == "cell"].iloc[0]
    assert (first["province"], first["tactic"], first["inside_90"]) == ("P1", "t0", False)
    assert first["adjusted"] >= first["p_value"]
    # Where three months came, one of which tells nothing, the other two are compared.
    some = verify(forecast, after(came).between(end="2020-08-31"), before)
    assert some.periods.tolist() == [pd.Timestamp("2020-07-01"), pd.Timestamp("2020-08-01")]


def test_where_nothing_has_come_nothing_is_claimed(case):
    before, forecast, _, _ = case
    found = verify(forecast, before, before)
    assert found.outcomes.empty
    assert found.periods.empty
    assert np.isnan(found.p_value)
    assert not found.is_off


def test_sums_with_a_part_that_was_not_observed_are_left_out(case, make_panel):
    before, forecast, _, draws = case
    came = draws[0].astype(float)
    came[0, 0, 1:] = np.nan
    table = verify(forecast, make_panel(np.concatenate([before.attacks.values, came], axis=-1))).outcomes
    assert (table["level"] == "total").sum() == 1
    assert (table["level"] == "cell").sum() == 8 * AHEAD - 2
    came[0, 0] = np.nan
    found = verify(forecast, make_panel(np.concatenate([before.attacks.values, came], axis=-1)))
    assert "total" not in set(found.levels["level"])
    assert any("level 'total' is not compared" in note for note in found.notes)


def test_revisions_are_the_counts_that_are_others_now(case):
    before, forecast, after, draws = case
    past = before.attacks.values.astype(int)
    past[3, 1, 2] += 5
    past[0, 0, 0] += 1
    now = after(draws[0], past)
    table = revisions(before, now)
    assert table[["province", "tactic"]].values.tolist() == [["P0", "t0"], ["P3", "t1"]]
    assert (table["after"] - table["before"]).tolist() == [1, 5]
    assert table["period"].tolist() == [pd.Timestamp("2020-01-01"), pd.Timestamp("2020-03-01")]
    assert verify(forecast, now, before).recent == (before.attacks.values.sum(), 6)
    assert revisions(before, after(draws[0])).empty


def told(panel, **more):
    text = json.dumps({**panel.provenance, **more})
    return replace(panel, dataset=panel.dataset.assign_attrs(provenance=text))


def test_what_cannot_be_compared_is_refused(case, make_panel):
    _, forecast, after, draws = case
    now = after(draws[0])
    weekly = make_panel(np.ones((4, 2, 8)), start="2020-01-06", freq="W-MON")
    for other, problem in (
        (weekly, r"is by other periods than the new data \(found MS; expected W-MON\)"),
        (told(now, simulated=True), "one of the two is of simulated data"),
        (told(now, filters={"actor": "IS"}), "counts attacks of others"),
    ):
        with pytest.raises(InputError, match=problem):
            verify(forecast, other)
    ucdp, acled = (told(now, sources=[{"source": name}]) for name in ("ucdp", "acled"))
    old = Forecast(forecast.dataset.assign_attrs(provenance=ucdp.dataset.attrs["provenance"]))
    assert len(verify(old, ucdp).outcomes)
    with pytest.raises(InputError, match=r"is of another source than the new data \(found ucdp; expected acled\)"):
        verify(old, acled)
    elsewhere = replace(now, dataset=now.dataset.assign_coords(province=["Q0", "Q1", "Q2", "Q3"]))
    with pytest.raises(InputError, match="has no province in common with the new data"):
        verify(forecast, elsewhere)


def test_other_provinces_are_left_out_with_a_note(case):
    _, forecast, after, draws = case
    now = after(draws[0])
    part, notes = matched(forecast, now.select(provinces=["P0", "P2", "P3"]))
    assert part.provinces == ["P0", "P2", "P3"]
    assert notes == (
        "left out of the comparison: province P1, which the earlier forecast has and the new data have not",
    )
    small = Forecast(forecast.dataset.sel(province=["P0", "P1"]))
    _, notes = matched(small, now)
    assert notes == (
        "left out of the comparison: provinces P2, P3, which the new data have and the earlier forecast had not",
    )


def test_levels_can_be_chosen_and_one_series_is_one(case):
    """Of provinces alone nothing is summed over them; one province by itself repeats no total."""
    before, forecast, after, draws = case
    found = verify(forecast, after(draws[7]), before, levels=("province",))
    assert found.levels["level"].tolist() == ["province"]
    whole = verify(forecast, after(draws[7]), before)
    pd.testing.assert_frame_equal(found.outcomes[["observed", "pit"]], _of_provinces(whole)[["observed", "pit"]])
    one = Forecast(forecast.dataset.sel(province=["P0"]))
    assert verify(one, after(draws[7]), before, levels=("province",)).levels["level"].tolist() == ["province"]
    assert "province" not in verify(one, after(draws[7]), before).levels["level"].tolist()


def _of_provinces(found):
    return found.outcomes[found.outcomes["level"] == "province"].reset_index(drop=True)
