import numpy as np
import pandas as pd
import pytest

from forecast.report import about


@pytest.fixture
def facts_of(make_panel, make_forecast):
    def made(counts):
        panel = make_panel(counts)
        return about.facts(make_forecast(panel, horizon=1), panel)

    return made


def test_facts(facts_of):
    facts = facts_of([[[1, 0, 0]], [[0, 0, 0]]])
    assert facts == {
        "Forecast": "attacks by province, tactic and month, Apr 2020 (1 month)",
        "Data": "Jan to Mar 2020 (3 months), 1 attack",
        "Data end on": "31 Mar 2020; nothing later was used",
        "Provinces": "2 in A and B",
        "Tactics": "t0",
        "Model": "regression on past counts (regression): negative binomial regression on province, tactic, season, "
        "trend and past counts; 200 joint draws of the whole future",
    }


def test_gaps_are_told(facts_of):
    facts = facts_of([[[1, np.nan, 0]], [[0, 0, 0]]])
    assert facts["Gaps"] == "1 of 6 counts were not observed; they are gaps, not zeros"


def test_sources_and_filters(gazetteer_panel, make_forecast):
    from dataclasses import replace

    panel = gazetteer_panel(countries=("Iraq",))
    sources = [{"path": f"{n}.csv", "source": "acled"} for n in "abcd"] + [{"path": "u.csv", "source": "ucdp"}]
    text = pd.Series({"sources": sources, "filters": {"actor": "IS", "target": None}}).to_json()
    panel = replace(panel, dataset=panel.dataset.assign_attrs(provenance=text))
    assert about.facts(make_forecast(panel), panel)["Data"].endswith(
        "attacks, from ACLED (4 files), from UCDP GED (u.csv); limited to actor IS"
    )


def test_the_scale_names_every_word():
    scale = about.scale()
    assert scale.startswith("almost no chance below 5%; very unlikely 5 to 19%")
    assert scale.endswith("almost certain from 95%")


def test_settings_are_flattened():
    settings = {"horizon": 6, "data": {"paths": ["a.csv"], "sheet": None, "simulated": False}, "output": ""}
    assert about.flat(settings) == {"horizon": "6", "data.paths": '["a.csv"]', "data.simulated": "false"}


def test_past_performance(make_content):
    content = make_content(countries=("Iraq",))
    text, caution = about.past_performance(content.scores, "regression", "MS")
    assert text.startswith(
        "Each model was fitted to the data up to 31 Mar 2024, and its forecast of Apr to Jun 2024 was compared"
    )
    assert caution == ""
    worse = content.scores.assign(crps_log=content.scores["crps_log"].where(content.scores["model"] == "zero", 9.0))
    assert "No attacks at all (zero) came clearly closer" in about.past_performance(worse, "regression", "MS")[1]
    assert about.past_performance(pd.DataFrame(), "regression", "MS") == ("", "")


def test_known_models_are_explained():
    scores = pd.DataFrame({"model": ["zero", "mine", "zero"]})
    assert about.model_notes(scores) == "no attacks at all (zero): no attack anywhere"
    assert about.model_notes(pd.DataFrame()) == ""


def test_a_province_called_total_is_a_province(make_content):
    scores = make_content(countries=("Syria",)).scores
    cells = scores[scores["level"] == "cell"].assign(province="total", tactic="all")
    totals = scores[scores["level"] == "total"]
    text, _ = about.past_performance(pd.concat([cells, totals]), "regression", "MS")
    assert text == about.past_performance(scores, "regression", "MS")[0]
    assert "was not among those" not in text
