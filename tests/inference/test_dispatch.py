"""`fit`: 'auto' is the fast engine and never samples, and `max_seconds` bounds it."""

import re

import pytest

import forecast as fc
from forecast.errors import DiagnosticsError, InputError
from forecast.inference.gaussian.block_arrow import NotPositiveDefinite
from forecast.inference.laplace import engine as laplace
from forecast.inference.laplace.evaluation import Evaluator
from forecast.inference.nuts import engine as nuts
from forecast.inference.weights.by_province import ByProvince

MODEL = fc.Model([fc.Intercept(), fc.Pooled("province"), fc.Walk(by="tactic")], fc.NegativeBinomial(), "small")


@pytest.fixture(scope="module")
def small():
    """4 lattice provinces, 2 tactics, 30 months."""
    return fc.simulate_panel(4, 2, 30, seed=3, mean=4.0).panel


@pytest.fixture(autouse=True)
def never_sampled(monkeypatch):
    def sample(*args, **options):
        raise AssertionError("sampled unasked")

    monkeypatch.setattr(nuts, "sample_nuts", sample)


def test_auto_is_the_fast_engine(small):
    fit, fast = (fc.fit(MODEL, small, engine=engine, seed=1) for engine in ("auto", "laplace"))
    assert fit.engine == "laplace"
    assert fit.posterior.equals(fast.posterior)
    assert fit.notes == ()


@pytest.mark.parametrize("engine", ["auto", "laplace"])
def test_without_a_mode_an_error_names_the_sampler(engine, monkeypatch, small):
    def failing(*args, **options):
        raise NotPositiveDefinite("step 3")

    monkeypatch.setattr(laplace, "climb", failing)
    with pytest.raises(DiagnosticsError, match=r"small: no mode was found \(step 3\)\. Sample it: engine='nuts'"):
        fc.fit(MODEL, small, engine=engine, seed=1)


def test_little_time_gives_a_batch_with_its_certificate_and_a_note(small, monkeypatch):
    points = []
    real = ByProvince.draw
    monkeypatch.setattr(ByProvince, "draw", lambda *args: points.append(1) or real(*args))
    fit = fc.fit(MODEL, small, max_seconds=1e-9, seed=1)
    assert len(points) == 8
    assert fit.posterior.sizes["draw"] == 1000
    assert not fit.diagnostics["passed"].all()
    (note,) = fit.notes
    assert re.fullmatch(r"stopped after \d+ s \(max_seconds\) with 8 of 125 weighted points", note)
    assert fc.predict(fit, 2, draws=20, seed=1).draws.sizes["sample"] == 20


def test_points_that_numbers_ran_out_at_are_told(small, monkeypatch):
    real, calls = Evaluator.near, []

    def lossy(self, *args):
        calls.append(1)
        return None if len(calls) % 10 == 0 else real(self, *args)

    monkeypatch.setattr(Evaluator, "near", lossy)
    fit = fc.fit(MODEL, small, seed=1)
    (note,) = fit.notes
    assert re.fullmatch(r"\d+ of \d+ points were left out: numbers ran out there", note)


def test_enough_time_changes_nothing(small):
    free, bounded = (fc.fit(MODEL, small, max_seconds=seconds, seed=1) for seconds in (None, 600.0))
    assert bounded.notes == ()
    assert bounded.posterior.equals(free.posterior)


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan")])
def test_time_is_a_number_above_0(seconds, small):
    with pytest.raises(InputError, match="max_seconds: is a number above 0"):
        fc.fit(MODEL, small, max_seconds=seconds, seed=1)


def test_the_sampler_cannot_be_bounded_and_baselines_take_no_time(small):
    with pytest.raises(InputError, match="max_seconds: engine 'nuts' cannot be stopped early"):
        fc.fit(MODEL, small, engine="nuts", max_seconds=5.0, seed=1)
    for baseline in fc.default_baselines().values():
        assert fc.fit(baseline, small, max_seconds=5.0, seed=1).model == baseline


def test_the_search_for_a_mode_has_an_end_and_says_it(monkeypatch, small):
    monkeypatch.setattr(laplace, "_SEARCH_SECONDS", 0.0)
    with pytest.raises(DiagnosticsError, match=r"small: no mode was found within 0 seconds\. Fit fewer provinces"):
        fc.fit(MODEL, small, max_seconds=1e-9, seed=1)
