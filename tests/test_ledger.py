"""The ledger counts what rules touched and survives a file."""

import pytest

from forecast.errors import InputError
from forecast.ledger import Ledger, LedgerEntry, refuse_loss


def test_rules_that_touch_nothing_leave_no_line():
    assert Ledger().add("a", 0, "dropped", "r") == Ledger()


def test_entries_add_up_and_keep_three_examples():
    ledger = Ledger().add("a", 5, "dropped", "r", range(9)) + Ledger().add("b", 2, "changed", "s", source="x.csv")
    assert (len(ledger), ledger.dropped, ledger.rows("a"), ledger.rows("b"), ledger.rows("c")) == (2, 5, 5, 2, 0)
    assert ledger.to_frame()["examples"].tolist() == ["0 | 1 | 2", ""]
    assert "5 dropped" in repr(ledger)


def test_all_examples_are_kept_where_asked_for_and_the_text_shows_three():
    ledger = Ledger().add("a", 9, "dropped", "r", range(5), limit=None)
    assert ledger.to_frame()["examples"].tolist() == ["0 | 1 | 2 | 3 | 4"]
    assert ledger.to_frame(4)["examples"].tolist() == ["0 | 1 | 2 | 3 | and 1 more"]
    assert "and 2 more" in ledger._repr_html_()
    assert Ledger.from_json(ledger.to_json()) == ledger


def test_the_loss_is_the_share_of_the_rows_that_were_meant_to_count():
    """Of 100 rows 20 are left out by choice: 8 of 80 are lost."""
    ledger = (
        Ledger().add("a", 20, "excluded", "r").add("b", 5, "dropped", "s").add("c", 3, "dropped", "t").with_kept(72)
    )
    assert (ledger.dropped, ledger.excluded, ledger.loss) == (8, 20, 0.1)
    assert ledger.loss_told == "10.0% of the rows that were meant to count were dropped (5 b; 3 c)"
    # A large table beside it does not hide it, and what a panel leaves out later does not change it.
    assert (Ledger().with_kept(10_000) + ledger + Ledger()).add("d", 50, "excluded", "u").loss == 0.1
    assert Ledger().with_kept(0).loss == 0


def test_a_loss_is_refused_above_a_tenth():
    refuse_loss(Ledger().add("a", 10, "dropped", "r").with_kept(90))
    ledger = (
        Ledger().add("future dates", 2, "dropped", "ahead").add("names", 9, "dropped", "unknown", ["Dyala", "Anbr"])
    )
    with pytest.raises(InputError) as error:
        refuse_loss(ledger.with_kept(89))
    assert str(error.value).startswith(
        "11.0% of the rows that were meant to count were dropped (9 names; 2 future dates). "
        "names: unknown, such as Dyala; Anbr (expected at most 10%)"
    )
    assert "--accept-loss" in str(error.value)


def test_a_printed_ledger_lists_names_whole_up_to_twenty():
    entry = LedgerEntry("names", 75, "dropped", "unknown", tuple(f"name {number:02}" for number in range(25)))
    head, line, *listed = repr(Ledger((entry,))).splitlines()
    assert head == "Ledger: 1 rules touched rows; 75 dropped, 0 excluded"
    assert line.split() == ["dropped", "75", "names:", "unknown"]
    assert [text.strip() for text in listed] == [*entry.examples[:20], "and 5 more in ledger.csv"]


def test_json_round_trip():
    ledger = Ledger().add("a", 1, "dropped", "ü \"'<", ["x"]).with_kept(3)
    assert Ledger.from_json(ledger.to_json()) == ledger


def test_html_is_escaped():
    assert "<script>" not in Ledger().add("a", 1, "noted", "r", ["<script>"])._repr_html_()


def test_a_long_example_is_cut():
    (line,) = Ledger().add("rule", 1, "dropped", "why", ["x" * 1000])
    assert line.examples == ("x" * 199 + "…",)
