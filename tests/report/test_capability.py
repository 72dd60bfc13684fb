"""The report's section on capability: sentences and tables from numbers, and nothing where there is none."""

import io
import re
from dataclasses import replace
from urllib.parse import unquote

import pandas as pd
import pytest

from forecast.dated import DatedEvent
from forecast.report.build import render
from forecast.report.capability import latest_levels, own_slopes, said, scenario_rows, slope_rows, with_capability
from forecast.report.figures import outlook
from forecast.report.maps import measures_of


@pytest.fixture(scope="module")
def part(capability_part):
    return capability_part()


def test_sentences_say_what_the_numbers_say(part):
    text = "\n".join(said(part))
    assert "Capability is not observed" in text
    assert "a difference of −20% in the attacks expected in its provinces (90% interval −30 to −5%)" in text
    assert "It is almost certain (99%) that more capability goes with fewer attacks." in text
    assert "Of single tactics, the interval leaves out 0 for IED and small arms." in text
    assert "In the scenario “SDF weakens”, 120 attacks are expected over the horizon, against 100 in the base" in text
    assert "base forecast: +20% (90% interval +5 to +40%), an association carried forward and not an effect." in text
    assert "It is almost certain (98%) that more are expected" in text
    assert "pulled the path of ISF by +1.4 SDs of its error in May 2023" in text
    calm = replace(part, pull=part.pull.assign(pull=0.4), slopes=part.slopes.assign(upper=0.4))
    text = "\n".join(said(calm))
    assert "pulled" not in text
    assert "leaves out 0 for none" in text
    one = part.slopes[part.slopes["tactic"] != "small_arms"]
    assert "single tactics" not in "\n".join(said(replace(part, slopes=one)))
    assert len(said(replace(part, slopes=pd.DataFrame(), scenarios=pd.DataFrame(), pull=pd.DataFrame()))) == 1


def test_a_scenario_that_moves_nothing_or_next_to_nothing_is_told_without_a_chance_or_a_percent(part):
    same = {"scenario": 100.0, "ratio_lower": 1.0, "ratio_upper": 1.0, "probability_rise": 0.0}
    text = said(replace(part, scenarios=part.scenarios.assign(**same)))[2]
    assert text.endswith("“SDF weakens”, expected attacks over the horizon are those of the base forecast, 100.")
    few = said(replace(part, scenarios=part.scenarios.assign(base=0.4, scenario=0.5)))[2]
    assert "0.5 attacks are expected over the horizon, against 0.4 in the base forecast: a difference with" in few


def test_forces_that_share_all_slopes_have_one_table_of_them(part, make_content):
    assert slope_rows(part.slopes)["Force"].unique().tolist() == ["all"]
    assert own_slopes(part.slopes) == []
    of_isf = (part.slopes["force"] == "ISF") & (part.slopes["tactic"] == "ied")
    apart = part.slopes.assign(percent=part.slopes["percent"].where(~of_isf, -10.0))
    assert own_slopes(apart) == ["ISF"]
    assert slope_rows(apart)["Force"].unique().tolist() == ["ISF", "all"]
    content = make_content(evaluated=False)
    same = "The model has the same slopes for all forces."
    assert same in render(replace(content, capability=part))
    assert same not in render(replace(content, capability=replace(part, slopes=apart)))


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


def test_charts_of_paths_mark_events_of_the_provinces_of_the_force(make_content, part):
    content = make_content(evaluated=False, periods=24)
    forces = content.panel.dataset["force"].isel(period=-1).to_series()
    held = tuple(forces.index[forces == "SDF"])
    events = [DatedEvent("Talks", "2023-02-01", provinces=held), DatedEvent("Vote", "2022-06-01")]
    page = render(replace(content, capability=part, events=events))
    charts = re.findall(r'<div class="chart"[^>]*>(.*?)</div>', page, re.DOTALL)
    # Of the ISF and the SDF: letters in the order of their days.
    letters = [re.findall(r"<text[^>]*>([AB])</text>", chart) for chart in charts[:2]]
    assert letters == [["A"], ["A", "B"]]


def test_the_map_and_the_tables_say_the_same_latest_level(make_content, capability_part):
    content = make_content(evaluated=False, periods=24)
    panel, part = content.panel, capability_part()
    page = render(replace(content, capability=part))
    # By hand: the mean of the draws in the last month, of the force that each province has then.
    means = part.capability.dataset["path"].isel(period=-1).mean("sample").to_series()
    forces = dict(zip(panel.provinces, panel.dataset["force"].values[:, -1].tolist(), strict=True))
    assert {"ISF", "SDF"} < set(forces.values())
    shown = {
        key: f"{means[force]:+.1f}".replace("-", "−").replace("+0.0", "0.0") if force in means else "–"
        for key, force in forces.items()
    }
    options = re.findall(r"<option>([^<]+)</option>", page)
    number = next(row for row, label in enumerate(options) if label.startswith("Partner force"))
    assert options[number] == "Partner force’s capability, Dec 2023, in SDs"
    legend = dict(
        re.findall(r'<i class="(\w+)"></i>([^<]+)', page.split(f'aria-label="{options[number]}"')[1].split("</ul>")[0])
    )
    views = 1 + len(panel.tactics)
    each = len(options) - views
    for key, data in re.findall(r'href="#(\w+)"[^>]*data-shown="([^"]+)"', page):
        for view in range(views):
            class_, text = data.split("|")[number + view * each].split(" ", 1)
            assert text == shown[key]
            low, _, high = (
                legend[class_].replace("−", "-").replace("below ", "-99 to ").removeprefix("from ").partition(" to ")
            )
            if class_ != "none":
                assert float(low) <= float(text.replace("−", "-")) <= float(high or 99)
    table = re.search(r'id="table-outlook".*?</table>', page, re.DOTALL)[0]
    assert "Partner force" in table
    rows = dict(re.findall(r'<th scope="row"><a href="#([\w-]+)">.*?</th>((?:<td[^>]*>[^<]*</td>)+)', table))
    for key, force in forces.items():
        cells = re.findall(r">([^<]*)</td>", rows[key])
        assert cells[-3:-1] == [force or "–", shown[key]]
    assert re.findall(r">([^<]*)</td>", rows["sum-0"])[-3:-1] == ["–", "–"]
    latest = re.search(r'id="table-latest".*?</table>', page, re.DOTALL)[0]
    for force in ("ISF", "SDF"):
        told = re.search(f"<span>{force}</span></th><td[^>]*>([^<]+)</td>", latest)[1]
        assert told == f"{means[force]:+.1f}".replace("-", "−")
    saved = unquote(re.search(r'download="outlook.csv" href="[^,]*,([^"]+)"', page)[1])
    table = pd.read_csv(io.StringIO(saved)).set_index("province")
    assert table.loc["Diyala", "capability"] == pytest.approx(means[forces["IQG10"]], rel=1e-4)


def test_where_paths_end_before_the_data_or_there_are_none_no_level_is_shown(make_content, part):
    content = make_content(evaluated=False, periods=30)
    for shown in (None, part):
        page = render(replace(content, capability=shown))
        assert "Partner force" not in page
        assert 'id="table-latest"' not in page
    panel = content.panel
    ahead = outlook(content.main, {})
    assert with_capability(ahead, latest_levels(part.capability, panel), panel) is ahead
    assert not [measure for measure in measures_of(ahead, ahead.provinces) if "capability" in measure.label]
