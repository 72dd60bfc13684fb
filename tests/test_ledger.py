"""The ledger counts what rules touched and survives a file."""

from forecast.ledger import Ledger


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
    assert "a: r (0 | 1 | 2 | and 2 more)" in repr(ledger)
    assert "and 2 more" in ledger._repr_html_()
    assert Ledger.from_json(ledger.to_json()) == ledger


def test_json_round_trip():
    ledger = Ledger().add("a", 1, "noted", "ü \"'<", ["x"])
    assert Ledger.from_json(ledger.to_json()) == ledger


def test_html_is_escaped():
    assert "<script>" not in Ledger().add("a", 1, "noted", "r", ["<script>"])._repr_html_()


def test_a_long_example_is_cut():
    (line,) = Ledger().add("rule", 1, "dropped", "why", ["x" * 1000])
    assert line.examples == ("x" * 199 + "…",)
