"""What all baselines promise."""

import numpy as np
import pytest

import forecast as fc
from forecast.baselines.common import BaselineFit
from forecast.errors import InputError

MODELS = fc.default_baselines()


def test_names_in_tables():
    expected = ["zero", "last", "conflictology", "conflictology_panel", "recent_mean", "regression", "smoothing"]
    assert list(MODELS) == expected
    assert [model.name for model in MODELS.values()] == expected


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_gaps_and_quiet_series_are_forecast(model, gappy_panel):
    before = gappy_panel.dataset.copy(deep=True)
    fitted = fc.fit(model, gappy_panel, seed=1)
    forecast = fc.predict(fitted, 3, draws=50, seed=2)
    assert isinstance(fitted, BaselineFit)
    assert forecast.draws.shape == (50, 6, 3, 3)
    assert forecast.model == model.name
    assert gappy_panel.dataset.identical(before)
    assert set(fitted.notes) <= set(forecast.provenance["notes"])
    assert fitted.diagnostics["passed"].all()
    assert len(fitted.to_frame().columns) == 3
    assert type(fitted).__name__ in repr(fitted)
    assert type(fitted).__name__ in fitted._repr_html_()
    assert "layer" in fitted.plot().to_dict() or "mark" in fitted.plot().to_dict()


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_same_seed_same_numbers(model, gappy_panel):
    first, again = (fc.predict(fc.fit(model, gappy_panel, seed=1), 3, draws=50, seed=2) for _ in range(2))
    other = fc.predict(fc.fit(model, gappy_panel, seed=1), 3, draws=50, seed=3)
    assert first.dataset.identical(again.dataset)
    assert (first.draws.values != other.draws.values).any() == (model.name != "zero")


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_what_came_later_changes_nothing(model, gappy_panel, make_panel):
    counts = gappy_panel.attacks.values.copy()
    counts[:, :, 24:] = 99
    changed = make_panel(counts).between(end="2021-12-31")
    kept = gappy_panel.between(end="2021-12-31")
    first, second = (fc.predict(fc.fit(model, panel, seed=1), 2, draws=20, seed=2) for panel in (kept, changed))
    assert (first.draws.values == second.draws.values).all()


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_engine_cannot_be_chosen(model, gappy_panel):
    with pytest.raises(InputError, match="one way"):
        fc.fit(model, gappy_panel, engine="nuts", seed=1)


@pytest.mark.parametrize("name", [name for name in MODELS if name != "zero"])
def test_tactic_that_was_never_observed_is_refused(name, make_panel):
    counts = np.ones((2, 2, 30))
    counts[:, 1] = np.nan
    with pytest.raises(InputError, match=r"never observed \(found t1\)"):
        fc.fit(MODELS[name], make_panel(counts), seed=1)


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
@pytest.mark.parametrize("periods", [1, 5, 30])
def test_one_series_of_any_length(model, make_panel, periods):
    panel = make_panel(np.arange(periods)[None, None, :] % 4)
    if model.name == "regression" and periods < 30:
        with pytest.raises(InputError, match=r"too few cells|nothing to learn"):
            fc.fit(model, panel, seed=1)
        return
    forecast = fc.predict(fc.fit(model, panel, seed=1), 2, draws=20, seed=2)
    assert forecast.draws.shape == (20, 1, 1, 2)


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_weeks_are_forecast_like_months(model, make_panel):
    counts = np.random.default_rng(1).poisson(2, (3, 2, 60))
    panel = make_panel(counts, freq="W-MON", start="2020-01-06")
    forecast = fc.predict(fc.fit(model, panel, seed=1), 2, draws=20, seed=2)
    assert forecast.freq == "W-MON"
    if model.name == "regression":
        assert any("no season" in note for note in forecast.provenance["notes"])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: fc.Conflictology(window=0), "window"),
        (lambda: fc.RecentMean(window=0), "window"),
        (lambda: fc.RecentMean(floor=0.0), "floor"),
        (lambda: fc.ExponentialSmoothing(floor=-1.0), "floor"),
        (lambda: fc.NegativeBinomialRegression(lags=-1), "lags"),
        (lambda: fc.NegativeBinomialRegression(harmonics=-1), "harmonics"),
    ],
)
def test_impossible_options_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()
