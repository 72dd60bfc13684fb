"""Facts from published counts: nothing twice, contradictions found, and an order that does not matter."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import forecast as fc
from forecast.datasets import data_path
from forecast.errors import InputError
from forecast.panel.facts import facts_of


def said(facts):
    """What facts say, without positions and rows."""
    return {
        (f.kind, f.zone, f.publisher, f.definition, f.periods, f.provinces, f.tactic, f.lower, f.upper, above(facts, f))
        for f in facts.facts
    }


def above(facts, fact):
    return () if fact.whole is None else (facts.facts[fact.whole].provinces, facts.facts[fact.whole].definition)


def of_kind(facts, kind):
    return [fact for fact in facts.facts if fact.kind == kind]


@pytest.fixture
def split(row, reports):
    """A month with its total, a complete split by province, one by tactic, and how many were claimed."""
    return [
        row("SY02|SY08|SY09", 42),
        row("SY08", 5),
        row("SY09", 29),
        row("SY02", 8),
        row("SY02|SY08|SY09", 15, tactic="ied"),
        row("SY02|SY08|SY09", 30, definition="claimed"),
    ]


def test_a_month_becomes_a_total_its_parts_and_a_subset(split, reports):
    facts = facts_of(reports(*split))
    (total,) = of_kind(facts, "total")
    assert (total.provinces, total.lower, total.upper) == (("SY02", "SY08", "SY09"), 42, 42)
    parts = {(part.provinces, part.tactic): part.lower for part in of_kind(facts, "part")}
    assert parts == {(("SY02",), "all"): 8, (("SY08",), "all"): 5, (("SY09",), "all"): 29, (total.provinces, "ied"): 15}
    (claimed,) = of_kind(facts, "subset")
    assert (claimed.definition, claimed.lower) == ("claimed", 30)
    assert facts.facts[claimed.whole] is total
    table = facts.to_frame()
    assert table["kind"].value_counts().to_dict() == {"part": 4, "total": 1, "subset": 1}
    for rows in (split, split[::-1]):
        table = facts_of(reports(*rows)).to_frame()
        assert (table["whole"] < table.index).all()


def test_nothing_is_counted_twice(split, row, reports):
    whole = facts_of(reports(*split))
    assert said(facts_of(reports(*split, split[2], split[0]))) == said(whole)
    # The total is what its complete split implies, so it may be missing.
    assert said(facts_of(reports(*split[1:]))) == said(whole)
    # A floor or an 'approx' beside the exact number says nothing more.
    more = row("SY02|SY08|SY09", 40, bound="at_least"), row("SY09", 27, bound="approx")
    assert said(facts_of(reports(*split, *more))) == said(whole)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_neither_order_nor_names_matter(row, reports, data):
    rows = [
        row("SY02|SY08|SY09", 42),
        row("SY08", 5),
        row("SY09", 29),
        row("SY02|SY08|SY09", 30, definition="claimed"),
        row("SY02|SY08|SY09", 400, "2021-01", "2021-12"),
        row("SY02|SY08|SY09", 30, "2021-05", bound="approx"),
        row("SY02|SY08|SY09", 20, "2021-06", publisher="other"),
    ]
    first = facts_of(reports(*rows))
    order = data.draw(st.permutations(rows))
    assert said(facts_of(reports(*order))) == said(first)
    renamed = facts_of(reports(*({**each, "publisher": f"z {each['publisher']}"} for each in order)))
    assert {each[:2] + each[3:] for each in said(renamed)} == {each[:2] + each[3:] for each in said(first)}


def test_a_year_is_the_rest_of_it(row, reports):
    months = [row("SY09", 10 + number, f"2021-0{number}") for number in (1, 2, 3)]
    facts = facts_of(reports(row("SY09", 100, "2021-01", "2021-12"), *months))
    (rest,) = [fact for fact in facts.facts if len(fact.periods) > 1]
    assert rest.lower == rest.upper == 100 - 36
    assert [period.month for period in rest.periods] == list(range(4, 13))
    # All its months are known: it says nothing more; and where it does not agree, it contradicts them.
    every = [row("SY09", 5, f"2021-{number:02d}") for number in range(1, 13)]
    assert len(facts_of(reports(row("SY09", 60, "2021-01", "2021-12"), *every)).facts) == 12
    for wrong in (59, 61):
        with pytest.raises(InputError, match=f"{wrong} recorded attacks in SY09, 2021-01 to 2021-12"):
            facts_of(reports(row("SY09", wrong, "2021-01", "2021-12"), *every))
    # A quarter within a year.
    facts = facts_of(reports(row("SY09", 100, "2021-01", "2021-12"), row("SY09", 30, "2021-01", "2021-03"), months[0]))
    assert sorted((fact.lower, len(fact.periods)) for fact in facts.facts) == [(11, 1), (19, 2), (70, 9)]
    # A month that is known to ± 5 counts by its middle.
    facts = facts_of(reports(row("SY09", 100, "2021-01", "2021-12"), row("SY09", 30, bound="approx")))
    assert sorted((fact.lower, fact.upper) for fact in facts.facts) == [(25, 35), (70, 70)]


def test_contradictions_are_listed_and_resolved_by_the_rule(row, reports):
    rows = [
        row("SY02|SY08|SY09", 20),
        row("SY09", 29),
        row("SY08", 4, "2021-04"),
        row("SY08", 6, "2021-04"),
        row("SY02", 10, "2021-05"),
        row("SY02", 12, "2021-05", definition="claimed"),
    ]
    with pytest.raises(InputError, match="3 published counts contradict others") as error:
        facts_of(reports(*rows))
    for text in ("29 recorded attacks in SY09", "6 recorded attacks in SY08", "12 claimed attacks", "by RIC (row 4)"):
        assert text in str(error.value)
    kept = facts_of(reports(*rows), conflicts="drop")
    assert sorted(fact.lower for fact in kept.facts) == [6, 10, 20]
    assert kept.ledger.dropped == 3
    # The later report stays, wherever it stands.
    later = [row("SY08", 4, reported="2021-05-01"), row("SY08", 6, reported="2021-04-01")]
    (fact,) = facts_of(reports(*later), conflicts="drop").facts
    assert fact.lower == 4


def test_a_complete_split_must_be_the_total(row, reports):
    rows = row("SY02|SY09", 20), row("SY02", 5), row("SY09", 14)
    with pytest.raises(InputError, match="are not the whole 20 recorded attacks"):
        facts_of(reports(*rows))


def test_parts_of_parts(row, reports):
    rows = row("SY02|SY08|SY09|SY11", 20), row("SY02|SY08|SY11", 13), row("SY08", 4)
    facts = facts_of(reports(*rows))
    by = {fact.provinces: fact for fact in facts.facts}
    assert by[("SY08",)].whole == facts.facts.index(by[("SY02", "SY08", "SY11")])
    assert by[("SY02", "SY08", "SY11")].whole == 0


def test_what_overlaps_or_is_split_two_ways_is_refused(row, reports):
    with pytest.raises(InputError, match="overlap, and neither holds the other"):
        facts_of(reports(row("SY02|SY08", 5), row("SY08|SY09", 5)))
    with pytest.raises(InputError, match="by province and tactic at once"):
        facts_of(reports(row("SY02|SY08", 5), row("SY08", 3, tactic="ied")))


def test_a_series_of_floors_is_exact_and_a_single_floor_is_a_bound(row, reports):
    months = [f"2020-{number:02d}" for number in range(1, 13)]
    regular = [row("SY04|SY05", 20, month, bound="at_least") for month in months]
    facts = facts_of(reports(*regular))
    assert all(fact.is_exact for fact in facts.facts)
    assert "12 floors of RIC in northeast (recorded) count as exact" in facts.notes[0]
    single = [{**each, "bound": "exact"} for each in regular[1:]]
    facts = facts_of(reports(regular[0], *single))
    assert not facts.notes
    (floor,) = [fact for fact in facts.facts if not fact.is_exact]
    assert floor.upper == float("inf")
    # A floor below its parts is raised.
    facts = facts_of(reports(row("SY04|SY05|SY09", 10, bound="at_least"), row("SY04", 8), row("SY05", 7)))
    assert facts.facts[0].lower == 15
    assert facts.ledger.rows("floor below its parts") == 1


def test_the_published_record_of_syria():
    reports = fc.read_published(data_path("syria_reports.csv"), publishers={"RIC": "Rojava Information Center"})
    facts = facts_of(reports)
    table = facts.to_frame()
    assert facts.ledger.dropped == 0
    assert facts.ledger.rows("series of floors") == 40
    spans = table[table["periods"] > 1]
    assert spans["lower"].tolist() == [38, 370, 619, 225, 16]
    # 906 of 2019 less February, June, July and August (about 85 and 95), September, November and December.
    assert 906 - (53 + 85 + 85 + 95 + 51 + 83 + 84) == 370
    assert (table["kind"] == "subset").sum() == 12
    # Every row is in a fact, and in no two of the same kind.
    rows = [number for fact in facts.facts for number in fact.rows]
    assert set(rows) == set(reports.table.index)
    assert pd.Series(rows).value_counts().max() <= 2


@pytest.mark.parametrize("part_of", [{"confirmed": "confirmed"}, {"confirmed": "claimed", "claimed": "confirmed"}])
def test_a_definition_is_no_part_of_itself(row, reports, part_of):
    with pytest.raises(InputError, match="subset_of: a definition would be part of itself"):
        facts_of(reports(row("SY09|SY02", 27)), subset_of=part_of)
