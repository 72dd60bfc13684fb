"""Breaks of collection that another source tells: the factor with its error, and how it enters as coverage."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import forecast as fc
from forecast import names
from forecast.errors import InputError
from forecast.panel.breaks import COMMON_BREAK

SINCE = 24


def two_sources(seed, factor, *, scatter=0.15):
    """A panel of which so many times as much is recorded from a month on, and another source of the same attacks."""
    rng = np.random.default_rng(seed)
    panel = fc.simulate_panel(6, 2, 48, seed=seed, mean=4.0).panel
    attacks, dims = panel.attacks.values.astype(int), panel.dataset[names.ATTACKS].dims
    share = np.where(np.arange(48) >= SINCE, factor, 1.0) / max(factor, 1.0)
    theirs = np.minimum(0.5 * np.exp(rng.normal(0, scatter, 48)), 1.0)
    # Each has provinces that it knows better.
    known = rng.uniform(0.6, 1.0, (2, 6, 1, 1))
    ours, other = (
        replace(panel, dataset=panel.dataset.assign({names.ATTACKS: (dims, rng.binomial(attacks, chance * known[at]))}))
        for at, chance in enumerate((share, theirs))
    )
    return ours, other, f"{panel.periods[SINCE]:%Y-%m-%d}"


@pytest.mark.parametrize("factor", [0.4, 2.5])
def test_the_side_that_has_less_is_a_share_of_the_other(factor):
    panel, other, day = two_sources(1, factor)
    told = fc.collection_break(panel, other, day)
    collected = told.dataset["collected"].values
    fuller, less = (slice(None, SINCE), slice(SINCE, None))[:: 1 if factor < 1 else -1]
    assert (collected[..., fuller] == 1).all()
    error = told.dataset["coverage_error"].values[..., 0]
    assert (error[..., fuller] == 0).all()
    assert 0 < error[..., less].min() == error[..., less].max() < 0.2
    # Within three errors of the truth.
    assert abs(np.log(collected[..., less].max()) + abs(np.log(factor))) < 3 * error.max()
    assert told.dataset["coverage"].equals(told.dataset["collected"])
    assert (told.known_share == 1).all()
    # All periods are outcomes, and none is late.
    assert told.outcomes.equals(told.attacks)
    assert told.settled.periods.equals(panel.periods)
    note = told.provenance["notes"][-1]
    assert f"from {day} on" in note
    assert note.endswith("recorded before" if factor < 1 else "recorded since")


@pytest.mark.slow
def test_intervals_of_the_factor_hold_it():
    """Of 80 breaks by all factors 90 % intervals miss 8; 14 and more, or 1 and fewer, have a chance of 3 %."""
    inside = 0
    for seed in range(80):
        factor = float(np.exp(np.random.default_rng([seed, 1]).uniform(-1.5, 1.0)))
        told = fc.collection_break(*two_sources(seed, factor))
        collected, error = float(told.dataset["collected"].min()), float(told.dataset["coverage_error"].max())
        # Which side is the fuller one is part of the estimate.
        since = float(told.dataset["collected"][0, 0, -1])
        estimate = np.log(collected) * (1 if since < 1 else -1)
        inside += abs(estimate - np.log(factor)) < 1.645 * error
    assert 67 <= inside <= 78


def test_order_and_names_of_provinces_change_nothing():
    panel, other, day = two_sources(2, 0.5)
    told = fc.collection_break(panel, other, day).dataset["collected"]
    turned = fc.collection_break(panel, other.select(provinces=other.provinces[::-1]), day).dataset["collected"]
    np.testing.assert_allclose(turned, told, rtol=1e-6)
    # Of a source that changed the other way at the same time the factor is the inverse.
    back = fc.collection_break(other, panel, day).dataset["collected"]
    assert float(back[0, 0, 0]) == pytest.approx(float(told[0, 0, -1]), rel=1e-4)


def test_it_adds_to_the_coverage_that_is_there():
    panel, other, day = two_sources(3, 0.5)
    shares = {name: (names.CELL_DIMS, np.full(panel.attacks.shape, 0.8)) for name in ("located", "coverage")}
    once = fc.collection_break(replace(panel, dataset=panel.dataset.assign(shares)), other, day)
    np.testing.assert_allclose(once.dataset["coverage"], 0.8 * once.dataset["collected"])
    assert (once.known_share == 1).all()
    twice = fc.collection_break(once, other, f"{panel.periods[12]:%Y-%m-%d}")
    assert twice.dataset["coverage_error"].shape[-1] == 2


def test_a_model_takes_the_error_and_forecasts_what_was_recorded_before(make_fit):
    panel, other, day = two_sources(4, 0.4)
    told = fc.collection_break(panel, other, day)
    fit = fc.fit(fc.Model([fc.Intercept(), fc.Pooled("province")], fc.NegativeBinomial()), told, seed=1)
    assert "error of log coverage" in fit.equation
    total = fc.predict(fit, 3, seed=1).aggregate("total", tactics=True).draws.mean().item()
    before = float(panel.attacks.values[..., :SINCE].sum(axis=(0, 1)).mean())
    # A level of the whole record, with a fifth for what attacks did in the meantime.
    assert total == pytest.approx(before, rel=0.35)


def test_what_cannot_tell_a_break_is_refused():
    panel, other, day = two_sources(5, 0.5)
    with pytest.raises(InputError, match="too little to tell a break by"):
        fc.collection_break(panel, other, f"{panel.periods[1]:%Y-%m-%d}")
    weekly = fc.simulate_panel(6, 2, 48, seed=1, freq="W").panel
    with pytest.raises(InputError, match="has other periods"):
        fc.collection_break(panel, weekly, day)
    renamed = replace(other, dataset=other.dataset.assign_coords(province=[f"X{at}" for at in range(6)]))
    with pytest.raises(InputError, match="no province and period in common"):
        fc.collection_break(panel, renamed, day)


def test_a_break_that_was_said_is_told_no_more():
    panel, other, day = two_sources(6, 0.2)
    broken = fc.Panel.from_frame(panel.to_frame()[["province", "tactic", "period", "attacks"]])
    assert COMMON_BREAK in broken.provenance
    known = fc.Panel.from_frame(other.to_frame()[["province", "tactic", "period", "attacks"]])
    assert COMMON_BREAK not in fc.collection_break(broken, known, day).provenance
    # Where it is seems by the counts alone within a month of it.
    assert abs(pd.Timestamp(broken.provenance[COMMON_BREAK][0]) - pd.Timestamp(day)) <= pd.Timedelta(days=31)
