"""Records without a province or a tactic: what share of the attacks has it, by hand and on the way to a panel."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forecast.events.reading import read_events
from forecast.events.table import Events
from forecast.events.tactics import read_crosswalk
from forecast.panel.build import build_panel
from forecast.panel.deaths import recorded_deaths
from forecast.panel.unlocated import located_share, missing_part, typed_share

MONTHS = pd.date_range("2020-01-01", periods=24, freq="MS")
SPAN = {"start": "2020-01-01", "end": "2020-12-31"}
IRAQ, TWO = np.array(["Iraq"], dtype=object), np.array(["Iraq", "Syria"], dtype=object)


def attacks(counts, country="Iraq", tactic="ied"):
    """A row per month with so many attacks."""
    table = pd.DataFrame({"date": MONTHS[: len(counts)], "attacks": counts, "country": country, "tactic": tactic})
    return table[table["attacks"] > 0]


def share(located, unlocated, country=IRAQ, tactics=("ied",)):
    return located_share(located, unlocated, country, list(tactics), MONTHS, "MS")


def test_counts_over_shares_add_up_to_all_attacks_where_there_are_many():
    """With shares that scatter far beyond chance each month's is what was counted."""
    placed = np.random.default_rng(1).integers(200, 1800, len(MONTHS))
    shares = share(attacks(placed), attacks(2000 - placed))[0, 0]
    np.testing.assert_allclose(placed / shares, 2000, rtol=0.01)


def test_a_few_attacks_have_the_share_of_the_year_around_them():
    """One in four lost every month: no more scatter than by chance."""
    shares = share(attacks(np.full(24, 3)), attacks(np.full(24, 1)))[0, 0]
    np.testing.assert_allclose(shares, 0.75, atol=0.005)
    # And half of them in the second year: the months in the middle lie between.
    lost = np.repeat([1, 3], 12)
    shares = share(attacks(np.full(24, 3)), attacks(lost))[0, 0]
    assert shares[0] == pytest.approx(0.75, abs=0.01)
    assert shares[-1] == pytest.approx(0.5, abs=0.01)
    assert (np.diff(shares[5:19]) < 0).all()


def test_a_month_without_placed_attacks_keeps_a_share_above_zero():
    shares = share(attacks([5, 0, 5]), attacks([1, 8, 1]))[0, 0]
    assert ((shares > 0) & (shares < 1)).all()
    assert shares[1] < shares[0]


def test_other_countries_and_tactics_of_the_grid_are_not_touched():
    located = pd.concat([attacks([8] * 24), attacks([8] * 24, "Syria")])
    shares = share(located, attacks([8] * 24), TWO)
    np.testing.assert_allclose(shares[0], 0.5, atol=0.01)
    assert (shares[1] == 1).all()
    assert (share(located, attacks([8] * 24, "Mali"), TWO) == 1).all()
    # What is of a tactic that the grid has not plays no part.
    assert (share(located, attacks([8] * 24, tactic="suicide"), TWO)[1] == 1).all()


def test_nothing_is_unlocated():
    assert (share(attacks([8] * 24), attacks([0])) == 1).all()


def test_a_tactic_that_is_placed_less_often_has_its_own_mean():
    """Too few in a month to tell, and enough in a year: one in ten of the one is lost, half of the other."""
    rng = np.random.default_rng(2)
    lost = {"ied": 0.1, "suicide": 0.5}
    every = {tactic: rng.poisson(4.0, len(MONTHS)) for tactic in lost}
    gone = {tactic: rng.binomial(every[tactic], chance) for tactic, chance in lost.items()}
    located = pd.concat([attacks(every[tactic] - gone[tactic], tactic=tactic) for tactic in lost])
    shares = share(located, pd.concat([attacks(gone[tactic], tactic=tactic) for tactic in lost]), tactics=tuple(lost))
    means = shares[0].mean(axis=1)
    # 96 attacks of each: errors of .03 and .05.
    np.testing.assert_allclose(means, [0.9, 0.5], atol=0.12)


def test_attacks_without_either_count_in_proportion_to_the_others():
    """Of each tactic 300 a month are placed, 300 are not; and of 400 without a tactic half are not either."""
    both = ("ied", "suicide")
    placed = pd.concat(
        [attacks([300] * 24, tactic=tactic) for tactic in both] + [attacks([200] * 24, tactic="unknown")]
    )
    nowhere = pd.concat([attacks([100] * 24, tactic="ied"), attacks([200] * 24, tactic="unknown")])
    shares = share(placed, nowhere, tactics=both)[0, :, 0]
    mix = np.array([400, 300]) / 700 * 200
    expected = (300 + mix) / (300 + mix + [100, 0] + mix)
    # Shares that differ so much, and never scatter, are as counted.
    np.testing.assert_allclose(shares, expected, atol=0.01)
    with_unknown = share(placed, nowhere, tactics=(*both, "unknown"))[0, :, 0]
    np.testing.assert_allclose(with_unknown, [0.75, 1.0, 0.5], atol=0.01)


def test_kinds_are_known_less_often_in_some_provinces():
    table = pd.concat(
        [
            attacks([8] * 24).assign(province="A"),
            attacks([8] * 24, tactic="unknown").assign(province="A"),
            attacks([40] * 24).assign(province="B"),
            attacks([9] * 24).assign(province="C"),
        ]
    )
    shares = typed_share(table, np.array(["Iraq", "Iraq", "Syria"], dtype=object), ["A", "B", "C"], MONTHS, "MS")
    np.testing.assert_allclose(shares[0], 0.5, atol=0.02)
    assert (shares[1:] == 1).all()


# From a file to a panel ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def events(tmp_path_factory):
    """Each month eight attacks in Diyala by IS and four of which only the country is known, one of these by others."""
    rows = ["id,date,country,province,type,actor,place_precision"]
    for number, month in enumerate(pd.date_range("2020-01-01", periods=12, freq="MS")):
        day = f"{month:%Y-%m}-05"
        rows += [f"d{number}-{n},{day},Iraq,Diyala,ied,IS," for n in range(8)]
        rows += [f"n{number}-{n},{day},Iraq,,ied,IS," for n in range(2)]
        rows += [f"v{number},{day},Iraq,Anbar,ied,IS,country", f"o{number},{day},Iraq,,ied,others,"]
    path = tmp_path_factory.mktemp("unlocated") / "events.csv"
    path.write_text("\n".join(rows) + "\n")
    return read_events(path, source="plain", columns={"tactic": "type", "event_id": "id"})


def test_records_without_a_province_count_in_their_country(events):
    assert (len(events), len(events.unlocated)) == (96, 48)
    assert (events.ledger.rows("no province"), events.ledger.rows("imprecise place")) == (36, 12)
    assert events.ledger.loss == 0
    panel = build_panel(events, **SPAN)
    np.testing.assert_allclose(panel.dataset["located"], 8 / 12, rtol=0.01)
    assert (panel.completed == 12).all()
    (note,) = [note for note in panel.provenance["notes"] if "no province" in note]
    assert note.startswith("about 48 attacks (33%)")
    # Of an actor's attacks those count that are its own.
    assert (build_panel(events, **SPAN, actor="IS").completed == 11).all()
    assert (build_panel(events.select(actor="IS"), **SPAN).completed == 11).all()


def test_by_choice_they_do_not(events):
    panel = build_panel(events, **SPAN, unlocated=False)
    assert "coverage" not in panel.dataset
    assert panel.ledger.rows("unlocated") == 48
    assert not [note for note in panel.provenance["notes"] if "no province" in note]


def test_as_of_a_day_those_known_then_count(events):
    late = events.unlocated.assign(reported=pd.Timestamp("2021-06-01"))
    table = events.table.assign(reported=events.table["date"])
    known = replace(events, table=table, unlocated=late)
    assert "located" not in build_panel(known, as_of="2020-12-31").dataset
    assert "located" in build_panel(known, as_of="2021-06-30", end="2020-12-31").dataset


def test_order_and_a_round_trip_change_nothing(events, tmp_path):
    panel = build_panel(events, **SPAN)
    mixed = replace(events, unlocated=events.unlocated.sample(frac=1, random_state=1))
    assert panel.dataset.identical(build_panel(mixed, **SPAN).dataset)
    events.save(tmp_path / "kept")
    again = read_events(tmp_path / "kept" / "events.csv", source="plain")
    assert isinstance(again, Events)
    assert build_panel(again, **SPAN).dataset["located"].equals(panel.dataset["located"])


def test_without_a_count_they_are_lost_and_said(tmp_path):
    """Neither a number nor a province: nothing that could count in a country's total, and no gap of a province."""
    path = tmp_path / "events.csv"
    rows = ["2020-01-01,Iraq,,many,", "2020-01-02,Iraq,Diyala,3,", "2020-01-02,Iraq,Anbar,many,country"]
    path.write_text("\n".join(["date,country,province,attacks,place_precision", *rows]) + "\n")
    events = read_events(path, source="plain")
    assert events.unlocated is None
    assert events.gaps is None
    assert (events.ledger.rows("no place"), events.ledger.rows("imprecise place")) == (1, 1)
    assert (events.ledger.dropped, events.ledger.excluded, events.ledger.rows("no province")) == (1, 1, 0)


def test_a_file_of_such_records_only_says_what_is_missing(tmp_path):
    path = tmp_path / "events.csv"
    path.write_text("date,country,province\n2020-01-01,Iraq,\n2020-01-02,Iraq,\n")
    with pytest.raises(Exception, match=r"no record is left.*no province: .*Give every record a province"):
        read_events(path, source="plain")


# Records without a tactic -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def kinds(tmp_path_factory):
    """Each month in Diyala eight bombs, four shots and four attacks whose kind nobody knows; eight bombs in Anbar."""
    rows = ["id,date,country,province,type,nkill"]
    for number, month in enumerate(pd.date_range("2020-01-01", periods=12, freq="MS")):
        day = f"{month:%Y-%m}-05"
        labels = ["ied"] * 8 + ["saf"] * 4 + ["Unknown", "", "unknown", ""]
        rows += [f"d{number}-{n},{day},Iraq,Diyala,{label},1" for n, label in enumerate(labels)]
        rows += [f"a{number}-{n},{day},Iraq,Anbar,ied,1" for n in range(8)]
    path = tmp_path_factory.mktemp("kinds") / "events.csv"
    path.write_text("\n".join(rows) + "\n")
    return read_events(path, source="plain", columns={"tactic": "type", "event_id": "id", "fatalities": "nkill"})


def test_records_without_a_tactic_count_in_their_province(kinds):
    assert kinds.ledger.rows("no tactic") == 48
    assert kinds.ledger.loss == 0
    panel = build_panel(kinds, **SPAN)
    assert panel.tactics == ["ied", "small_arms"]
    typed = panel.dataset["typed"]
    np.testing.assert_allclose(typed.sel(province="IQG10"), 0.75, atol=0.01)
    assert (typed.sel(province="IQG01") == 1).all()
    completed = panel.completed.sum(("tactic", "period")).to_series()
    np.testing.assert_allclose(completed[["IQG10", "IQG01"]], [192, 96], atol=2)
    assert missing_part(panel.dataset, "typed") == pytest.approx(48 / 288, abs=0.01)
    (note,) = [note for note in panel.provenance["notes"] if "unknown kind" in note]
    assert re.match(r"about 4[78] attacks \(1[67]%\) are of unknown kind \(most in Diyala 4[78]\): ", note)
    assert not [note for note in panel.provenance["notes"] if "no province" in note]
    # Deaths of theirs are deaths of the province.
    deaths = recorded_deaths(kinds, panel, 12, SPAN).set_index("province")["deaths"]
    assert deaths.to_dict() == {"IQG10": 192, "IQG01": 96}


def test_by_choice_unknown_is_a_tactic(kinds):
    for panel in (
        build_panel(kinds, **SPAN, untyped=False),
        build_panel(kinds, **SPAN, tactics=["ied", "small_arms", "unknown"]),
    ):
        assert panel.tactics == ["ied", "small_arms", "unknown"]
        assert panel.attacks.sel(tactic="unknown").sum() == 48
        assert "coverage" not in panel.dataset
    # Without it where only others are asked for.
    panel = build_panel(kinds, **SPAN, untyped=False, tactics=["ied"])
    assert panel.ledger.rows("tactic not in the panel") == 96
    assert "coverage" not in panel.dataset


def test_of_one_tactic_a_share_of_the_unknown_counts(kinds):
    """Two thirds of the known ones in Diyala are bombs: of all sixteen as many."""
    panel = build_panel(kinds, **SPAN, tactics=["ied"])
    np.testing.assert_allclose(panel.completed.sel(province="IQG10").sum(), 12 * 16 * 2 / 3, atol=2)
    assert panel.ledger.rows("tactic not in the panel") == 48


def test_where_too_few_tell_a_kind_unknown_is_one(kinds):
    few = kinds.table["tactic"].eq("ied") & kinds.table["province"].eq("IQG10")
    events = replace(kinds, table=kinds.table.assign(tactic=kinds.table["tactic"].astype(str).mask(few, "unknown")))
    panel = build_panel(replace(events, table=events.table[~events.table["tactic"].eq("small_arms")]), **SPAN)
    assert panel.tactics == ["ied", "unknown"]
    assert "typed" not in panel.dataset
    assert any("too few attacks are of known kind (96 of 240)" in note for note in panel.provenance["notes"])
    # A quarter of Diyala's is enough.
    assert "typed" in build_panel(events, **SPAN).dataset
    # Where none tells it there is nothing to say.
    none = build_panel(replace(kinds, table=kinds.table.assign(tactic="unknown")), **SPAN)
    assert none.tactics == ["unknown"]
    assert not [note for note in none.provenance["notes"] if "known kind" in note]


def test_a_number_nobody_knows_of_a_kind_nobody_knows_hides_all_kinds(tmp_path):
    path = tmp_path / "events.csv"
    rows = ["2020-01-01,Diyala,saf,3", "2020-01-20,Diyala,ied,3", "2020-02-02,Diyala,,many", "2020-03-02,Diyala,ied,3"]
    path.write_text("\n".join(["date,province,tactic,attacks", *rows]) + "\n")
    panel = build_panel(read_events(path, source="plain"), start="2020-01-01", end="2020-03-31")
    assert panel.attacks.isnull().values[0].tolist() == [[False, True, False]] * 2


def test_gtd_tells_which_attacks_are_of_unknown_kind():
    labels = pd.Series(["Unknown", "Facility/Infrastructure Attack"])
    assert read_crosswalk().apply(labels, "gtd", "tactic").tolist() == ["unknown", "other"]
