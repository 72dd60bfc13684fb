"""The report's section on capability: sentences and tables from numbers, and nothing where there is none."""

from dataclasses import replace

import pandas as pd
import pytest

from forecast.report.build import render
from forecast.report.capability import said, scenario_rows


@pytest.fixture(scope="module")
def part(capability_part):
    return capability_part()


def test_sentences_say_what_the_numbers_say(part):
    text = "\n".join(said(part))
    assert "Capability is not observed" in text
    assert "attacks in its provinces stood at −20% (90% interval −30 to −5%)" in text
    assert "the interval excludes 0 for IED" in text
    assert "In the scenario “SDF weakens”, expected attacks over the horizon go from 100 to 120: +20%" in text
    # Said of every association in its own paragraph.
    assert all("association" in line for line in text.split("\n") if "stood at" in line or "In the scenario" in line)
    assert "It is almost certain (98%)" in text
    assert "pulled the path of ISF in 2023-05 by +1.4 of its own SDs" in text
    calm = replace(part, pull=part.pull.assign(pull=0.4), slopes=part.slopes.assign(upper=5.0))
    text = "\n".join(said(calm))
    assert "pulled" not in text
    assert "excludes 0" not in text
    assert len(said(replace(part, slopes=pd.DataFrame(), scenarios=pd.DataFrame(), pull=pd.DataFrame()))) == 1


def test_provinces_that_do_not_change_are_left_out(part):
    still = part.scenarios.assign(difference=0.0)
    assert list(scenario_rows(still)["Sum of"]) == ["total: all", "tactic: IED"]
    few = part.scenarios.assign(base=0.2, scenario=0.3)
    assert list(scenario_rows(few)["Sum of"]) == ["total: all", "tactic: IED"]
    assert list(scenario_rows(part.scenarios)["Sum of"]) == ["total: all", "province: Diyala", "tactic: IED"]


def test_the_section_stands_in_the_page_and_only_where_there_is_one(make_content, part):
    content = make_content(evaluated=False)
    assert "partner forces’ capability" not in render(content)
    page = render(replace(content, capability=part))
    # Said before the first number of the section.
    assert page.index("These are associations, not effects") < page.index("Capability is not observed")
    for text in (
        "partner forces’ capability",
        "What if capability changed",
        "What goes with higher capability",
        "What the forecast change is made of",
        "These are associations, not effects",
    ):
        assert text in page
    shown = render(replace(content, capability=replace(part, slopes=pd.DataFrame(), scenarios=pd.DataFrame())))
    assert "The indicators behind the paths" in shown
    assert "What if capability changed" not in shown
