"""The report's section on triggers: sentences and tables from numbers."""

import json
import re
from dataclasses import replace

import pandas as pd
import pytest

from forecast.evaluation.triggers import HISTORY, Trigger
from forecast.report.build import render
from forecast.report.parts import plain_json
from forecast.report.triggers import TriggersPart, trigger_rows, triggers_part, triggers_said


@pytest.fixture(scope="module")
def content(make_content):
    return make_content(evaluated=False, countries=("Syria",))


@pytest.fixture(scope="module")
def part(content):
    keys = content.main.provinces
    triggers = [
        Trigger("sure", tuple(keys), ("ied", "small_arms"), 1, 2, 0.9),
        Trigger("never", (keys[0],), ("ied",), 500, 1, 0.05),
    ]
    days = pd.to_datetime(["2023-01-31", "2023-02-28", "2023-03-31"])
    rows = [
        ("sure", day, 0.95, fires, came, came >= 1) for day, fires, came in zip(days, (1, 1, 0), (2, 0, 3), strict=True)
    ]
    history = pd.DataFrame(rows, columns=list(HISTORY))
    return triggers_part(triggers, {"sure": "all provinces", "never": "Aleppo"}, content.main, history)


def test_sentences_say_which_fire_and_what_the_past_is_worth(part):
    said = triggers_said(part)
    assert said[0] == (
        "Of 2 triggers, 1 fires: “sure” (at least 1 attack in all provinces, Jul to Aug 2024: more than 99%; it fires "
        "from 90% on)."
    )
    assert "from forecasts at past dates, from 31 Jan 2023 to 31 Mar 2023" in said[1]
    alone = replace(part, first="", triggers=part.triggers.assign(fires=False))
    assert triggers_said(alone)[0] == "None of 2 triggers fires."
    assert "No backtest is at hand" in triggers_said(alone)[1]
    assert triggers_said(replace(part, triggers=part.triggers[:1]))[0].startswith("The one trigger fires: “sure”")


def test_the_table_counts_hits_and_false_alarms(part):
    rows = trigger_rows(part)
    assert rows["Event"].tolist() == [
        "at least 1 attack in all provinces, Jul to Aug 2024",
        "at least 500 attacks (IED) in Aleppo, Jul 2024",
    ]
    assert rows["Fires"].tolist() == ["YES", "no"]
    assert rows.iloc[0, -4:].tolist() == ["3", "2", "1", "1"]
    assert rows.iloc[1, -4:].tolist() == ["–"] * 4
    assert list(trigger_rows(replace(part, first="")))[-1] == "Fires"


def test_a_part_goes_through_json_and_back(part):
    back = TriggersPart.from_record(json.loads(json.dumps(plain_json(part.to_record()), allow_nan=False)))
    assert triggers_said(back) == triggers_said(part)
    pd.testing.assert_frame_equal(trigger_rows(back), trigger_rows(part))


def test_the_section_stands_in_the_page(content, part):
    page = render(replace(content, triggers=part))
    section = page[page.index('<section id="triggers">') : page.index('<section id="know">')]
    assert "Of 2 triggers, 1 fires" in section
    assert re.search(r'<table id="table-triggers"', section)
