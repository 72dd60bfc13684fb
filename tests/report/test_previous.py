"""The report's section on the last one: sentences, tables and the rule, from numbers."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from forecast.report import previous_chain
from forecast.report.build import render
from forecast.report.parts import plain_json
from forecast.report.previous import (
    PreviousPart,
    needs_eyes,
    previous_lead,
    previous_said,
)
from forecast.report.previous_chain import evidence_of
from forecast.report.previous_rows import level_heads, level_rows, outcome_rows, outlook_rows, revision_rows


@pytest.fixture(scope="module")
def part(previous):
    return previous()


def test_the_lead_counts_hits_and_names_misses_the_furthest_first(part):
    table = part.series[part.series["level"] == "province"]
    missed = table[~table["inside_90"]]
    lead = previous_lead(part)
    assert lead.startswith(
        f"Of 14 provinces, {14 - len(missed)} had as many attacks in May to Jun 2024 as the report with data up to "
        "30 Apr 2024 said (90% intervals); in "
    )
    first = table.iloc[0]
    named = (
        f"in {first['name']} {first['observed']} came where {first['lower_90']} to {first['upper_90']} were expected"
    )
    assert f"; {named}" in lead
    right = replace(part, series=part.series.assign(inside_90=True))
    assert previous_lead(right).startswith("All 14 provinces had as many attacks in May to Jun 2024 as the report")
    wrong = replace(part, series=part.series.assign(inside_90=False))
    assert re.search(r"Of 14 provinces, 0 had .*, and 11 more missed theirs\.$", previous_lead(wrong))


def test_every_number_in_the_sentences_stands_in_the_tables(part):
    outcomes, _ = outcome_rows(part)
    text = " ".join([previous_lead(part), *previous_said(part)])
    cells = outcomes.astype(str).agg(" ".join, axis=1).str.cat(sep=" ")
    for came, interval in re.findall(r"(\d+)(?: attacks)? came (?:in .*? )?where (\d+ to \d+) were expected", text):
        assert ((outcomes["Came"] == came) & (outcomes["90% interval"] == interval)).any()
    assert re.search(r"In all, \d+ attacks came in May to Jun 2024 where \d+ to \d+ were expected", text)
    assert "NO" in cells
    for name, now, then in re.findall(r"([A-Z][\w’' -]+) \((\d+|no) attacks? now, (\d+) then\)", text):
        table, _ = outlook_rows(part)
        row = table[table["Province"] == name.removeprefix("then): ").strip()].iloc[0]
        assert (row["now_median"], row["then_median"], row["Another outlook"]) == (now.replace("no", "0"), then, "yes")
    # What cannot be said by the rules of the page's words.
    assert not re.search(r"\b(rise|fall|likely|increase|decrease|effect|cause)", text)


def test_what_is_off_is_said_with_the_printed_probability(part, previous):
    off = " ".join(previous_said(part))
    assert re.search(r"That is more than chance explains: if the forecast is right, .* in \d\.\d% of cases\.", off)
    assert "Too far off to be the worst of so many by chance: " in off
    assert needs_eyes(part)[0].startswith("what came is further off than chance explains (")
    right = previous(broken=0, revised=0)
    assert "That is within chance: " in " ".join(previous_said(right))
    assert "Too far off" not in " ".join(previous_said(right))
    assert needs_eyes(right) == []
    # At the edge the printed percentage agrees with the verdict.
    for p_value, printed, verdict in ((0.05, "5.0%", "more than chance"), (0.0501, "5.1%", "within chance")):
        said = " ".join(previous_said(replace(part, p_value=p_value)))
        assert f"in {printed} of cases" in said
        assert f"That is {verdict}" in said


def test_revisions_are_told_and_large_ones_need_eyes(part, previous):
    text = " ".join(previous_said(part))
    assert "Counts up to 30 Apr 2024 were revised since, in 1 province and 1 month: " in text
    row = revision_rows(part).iloc[0]
    assert int(row["Now"]) - int(row["In the last report"]) == 4
    assert (
        f"{row['Now']} attacks are recorded there now, where the last report had {row['In the last report']}." in text
    )
    assert len(needs_eyes(part)) == 1
    moved = replace(part, recent=100.0, moved=10.0)
    assert len(needs_eyes(moved)) == 1
    assert needs_eyes(replace(moved, moved=11.0))[1] == (
        "revisions moved 11 attacks of the 100 in the last 12 months up to 30 Apr 2024"
    )
    unchanged = previous(revised=0)
    assert "No count up to 30 Apr 2024 was revised since." in previous_said(unchanged)
    assert (unchanged.moved, unchanged.revised.empty) == (0.0, True)


def test_nothing_is_claimed_where_nothing_has_come(previous, make_content):
    part = previous(come=0)
    assert previous_lead(part) == (
        "None of the months that the report with data up to 30 Jun 2024 forecast has come yet in these data."
    )
    assert not any("chance" in sentence or " came " in sentence for sentence in previous_said(part))
    assert needs_eyes(part) == []
    page = render(replace(make_content(evaluated=False, countries=("Syria",)), previous=part))
    assert "table-last-outcomes" not in page
    assert "table-last-outlook" in page


def test_forecasts_without_a_common_period_have_no_outlook(previous):
    part = previous(horizon=2)
    assert part.outlook_span == ""
    assert not any("outlook" in sentence for sentence in previous_said(part))


def test_one_province_is_told_by_its_total(part, previous):
    one = replace(part, series=part.series[part.series["level"] == "total"])
    assert re.fullmatch(
        r"In all, \d+ attacks came in May to Jun 2024 where \d+ to \d+ were expected \(90% interval\), by the report "
        r"with data up to 30 Apr 2024\.",
        previous_lead(one),
    )


def test_levels_are_shares_of_what_was_compared(part):
    rows = level_rows(part)
    assert rows["Compared"].tolist() == ["2", "4", "28", "56"]
    assert rows["90%"].iloc[0] in ("0%", "50%", "100%")
    own = part.levels["inside_90"].to_numpy()
    np.testing.assert_allclose(rows["90%"].str.rstrip("%").astype(float), 100 * own, atol=0.5)


def test_reports_in_a_row_are_counted_together(previous):
    first = previous(broken=0, revised=0)
    assert len(first.reports) == 1
    assert not any("Taken together" in sentence for sentence in previous_said(first))
    assert "over" not in " ".join(level_rows(first))
    second = previous(broken=0, revised=0, last=first)
    said = [sentence for sentence in previous_said(second) if "Taken together" in sentence]
    assert len(said) == 1
    assert re.fullmatch(
        r"Taken together, 2 reports are within chance \(evidence \d+\.\d, where 20 needs eyes\); "
        r"the total came above the middle of what was expected in [02] of 2\.",
        said[0],
    )
    # Numbers of outcomes, and of those inside, are sums over both.
    assert (second.covered["outcomes"] == 2 * second.levels["outcomes"]).all()
    np.testing.assert_allclose(second.covered["inside_90"], 2 * second.levels["inside_90"] * second.levels["outcomes"])
    rows = level_rows(second)
    assert rows["Compared over 2 reports"].tolist() == ["4", "8", "56", "112"]
    assert rows["50% over 2 reports"].tolist() == rows["50%"].tolist()
    assert set(level_heads(second)["Over 2 reports"]) <= set(rows)
    # Where nothing has come they stay as they were.
    none = previous(come=0, last=second)
    assert (len(none.reports), none.covered["outcomes"].sum()) == (2, second.covered["outcomes"].sum())
    assert not any("Taken together" in sentence for sentence in previous_said(none))


def test_reports_that_are_off_together_need_eyes_once(previous):
    right = previous(broken=0, revised=0)
    lopsided = right.reports.assign(p_lower=0.2, p_upper=0.21, pit_lower=0.9, pit_upper=0.91)
    last = replace(right, reports=lopsided.loc[[0] * 4].reset_index(drop=True))
    assert needs_eyes(last) == []
    alarm = replace(last, reports=lopsided.loc[[0] * 8].reset_index(drop=True))
    reasons = needs_eyes(alarm)
    assert len(reasons) == 1
    assert re.fullmatch(r"8 reports together are further off than chance explains \(evidence \d+\.\d\)", reasons[0])
    assert any(
        sentence.startswith("Taken together, 8 reports are further off than chance explains (evidence ")
        and sentence.endswith("the total came above the middle of what was expected in 8 of 8.")
        for sentence in previous_said(alarm)
    )
    # The next report is counted anew, with what came since.
    anew = previous(broken=0, revised=0, last=alarm)
    assert (len(anew.reports), anew.covered["outcomes"].tolist()) == (1, right.covered["outcomes"].tolist())
    assert len(previous(broken=0, revised=0, last=last).reports) == 5


def test_evidence_that_is_printed_agrees_with_the_verdict(previous, monkeypatch):
    reports = previous(broken=0).reports
    for value, printed, verdict in ((19.99, "19.9", "within chance"), (20.0, "20.0", "further off than chance ")):
        monkeypatch.setattr(previous_chain, "evidence_of", lambda _, value=value: value)
        assert re.match(
            rf"Taken together, 1 report is {verdict}.*\(evidence {printed},", previous_chain.chain_said(reports)
        )
    monkeypatch.undo()
    # A total that is not known bets nothing, and is not counted.
    unknown = reports.assign(pit_lower=0.0, pit_upper=1.0)
    assert "the total" not in previous_chain.chain_said(unknown)
    assert evidence_of(reports.head(0)) == 1.0


def test_a_part_goes_through_json_and_back(part, previous):
    for given in (part, previous(come=0, revised=0)):
        back = PreviousPart.from_record(json.loads(json.dumps(plain_json(given.to_record()), allow_nan=False)))
        assert previous_lead(back) == previous_lead(given)
        assert previous_said(back) == previous_said(given)
        assert needs_eyes(back) == needs_eyes(given)


def test_the_section_stands_in_the_page_and_only_where_there_is_one(make_content, part, previous):
    content = make_content(evaluated=False, countries=("Syria",))
    bare = render(content)
    assert "What the last report said" not in bare
    assert 'id="triggers"' not in bare
    page = render(replace(content, previous=part))
    # The sentence stands before the new numbers, and its section leads to the provinces.
    assert page.index("What the last report said and what came.</b> Of 14 provinces") < page.index('<section id="now">')
    section = page[page.index('<section id="previous">') : page.index('<section id="know">')]
    assert re.search(r'<a href="#SY\d+">', section)
    for name in ("levels", "outcomes", "outlook", "revised"):
        assert f'<table id="table-last-{name}"' in section
    assert "Over 2 reports" not in section
    again = render(replace(content, previous=previous(broken=0, last=previous(broken=0))))
    assert re.search(r'colspan="3"[^>]*>Over 2 reports<', again)
    assert "Taken together, 2 reports are within chance" in again
