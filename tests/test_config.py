"""Settings are refused as a whole, each with its key, where a run could not use them or a reader be misled."""

import pytest

from forecast.config import read_settings
from forecast.errors import InputError
from forecast.model.library import standard_model

COUNTS = 'horizon = 2\n{top}\n[data]\nsource = "counts"\npaths = ["counts.csv"]\n{rest}\n'


@pytest.fixture
def settings(tmp_path):
    def read(top="", rest=""):
        (tmp_path / "counts.csv").write_text("province,tactic,period,attacks\nA,ied,2020-01-01,1\n")
        (tmp_path / "forecast.toml").write_text(COUNTS.format(top=top, rest=rest))
        return read_settings(tmp_path / "forecast.toml")

    return read


def spelled_out(name):
    return f'[model]\nname = "{name}"\n[[model.terms]]\nterm = "Intercept"\n'


@pytest.mark.parametrize("name", ["recent_mean", "regression", "zero", "quick", "standard"])
def test_a_model_of_ones_own_does_not_bear_the_name_of_another(settings, name):
    with pytest.raises(InputError, match=f"model: name: is the name of another model \\(found {name}\\)"):
        settings(rest=spelled_out(name))


def test_the_standard_model_spelled_out_keeps_its_name(settings):
    text = standard_model().to_toml().replace("[family]", "[model.family]").replace("[[terms]]", "[[model.terms]]")
    assert settings(rest=f"[model]\n{text}").built_model() == standard_model()


@pytest.mark.parametrize("name", ["", " ", "a\\u001b]0;x\\u0007", "x" * 61, "two\\nlines", "x "])
def test_a_models_name_can_stand_in_tables_and_folders(settings, name):
    with pytest.raises(InputError, match="model: name: is no name of a model"):
        settings(rest=spelled_out(name))


@pytest.mark.parametrize("wrong", ["inf", "-inf", "nan"])
def test_numbers_of_settings_are_finite(settings, wrong):
    with pytest.raises(InputError, match=f"max_seconds: .*found {wrong}"):
        settings(top=f"max_seconds = {wrong}")
    with pytest.raises(InputError, match=f"places.max_distance_km: .*found {wrong}"):
        settings(rest=f"[places]\nnearest = true\nmax_distance_km = {wrong}")


def test_dated_events_have_names_of_their_own_and_end_after_they_begin(settings):
    event = '[[events]]\nname = "a"\ndate = 2020-03-01\n'
    assert settings(rest=event).events[0].where == "all"
    with pytest.raises(InputError, match="events: two have the same name"):
        settings(rest=event + event)
    with pytest.raises(InputError, match=r"events\.0: ends \(2020-02-01\) before it begins \(2020-03-01\)"):
        settings(rest=event + "end = 2020-02-01\n")


def test_triggers_have_names_of_their_own_and_stay_within_the_horizon(settings):
    event = '[[triggers]]\nname = "{}"\nthreshold = 3\nprobability = 0.5\nhorizon = {}\n'
    with pytest.raises(InputError, match="triggers: two have the same name"):
        settings(rest=event.format("a", 1) * 2)
    with pytest.raises(InputError, match=r"triggers: a reaches beyond the horizon \(2\)"):
        settings(rest=event.format("a", 3))
    with pytest.raises(InputError, match=r"triggers\.0\.probability: .*less than 1, found 50"):
        settings(rest=event.format("a", 1).replace("0.5", "50"))
