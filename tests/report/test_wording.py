import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from forecast.report import wording


@pytest.mark.parametrize(
    ("count", "text"), [(0, "no attacks"), (1, "1 attack"), (2, "2 attacks"), (1234, "1,234 attacks")]
)
def test_attacks_are_counted_with_grammar(count, text):
    assert wording.attacks(count) == text


@pytest.mark.parametrize(
    ("probability", "text"),
    [
        (0.0, "less than 1%"),
        (0.004, "less than 1%"),
        (0.006, "1%"),
        (0.5, "50%"),
        (0.994, "99%"),
        (0.996, "more than 99%"),
        (1.0, "more than 99%"),
        (np.nan, "–"),
    ],
)
def test_percent_never_claims_certainty(probability, text):
    assert wording.percent(probability) == text
    assert wording.short_percent(probability) == text.replace("less than ", "<").replace("more than ", ">")


@pytest.mark.parametrize(
    ("probability", "word"),
    [
        (0.0, "almost no chance"),
        (0.049, "very unlikely"),  # printed as 5%
        (0.12, "very unlikely"),
        (0.3, "unlikely"),
        (0.5, "roughly even chance"),
        (0.55, "likely"),
        (0.79, "likely"),
        (0.8, "very likely"),
        (0.951, "almost certain"),
        (1.0, "almost certain"),
    ],
)
def test_likelihood_follows_the_scale(probability, word):
    assert wording.likelihood(probability) == word


@given(st.floats(0, 1))
def test_word_and_direction_go_by_the_printed_percentage(probability):
    shown = wording.percent(probability)
    number = {"less than 1%": 0, "more than 99%": 100}.get(shown)
    number = int(shown[:-1]) if number is None else number
    bounds = [0, *(round(100 * bound) for bound, _ in wording.LIKELIHOOD_SCALE)]
    row = [word for _, word in wording.LIKELIHOOD_SCALE].index(wording.likelihood(probability))
    assert bounds[row] <= number < bounds[row + 1] or number == 100
    assert wording.direction(probability) == ("rise" if number > 65 else "fall" if number < 35 else "")


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        (10.0, 8.0, ("10.0", "8.0", "−20%")),
        (3.44, 3.46, ("3.4", "3.5", "+3%")),  # as printed: the numbers themselves differ by half a percent
        (100.4, 100.3, ("100", "100", "0%")),
        (0.04, 2.0, ("0.0", "2.0", "–")),
        (np.nan, 2.0, ("–", "2.0", "–")),
        (1000.0, 12345.0, ("1,000", "12,345", "+1,134%")),
    ],
)
def test_a_change_is_that_of_the_printed_numbers(before, after, shown):
    assert wording.change_between(before, after) == shown


@pytest.mark.parametrize(
    ("value", "text"), [(0.4, "0"), (-0.4, "0"), (-0.6, "−1"), (1234.2, "+1,234"), (np.nan, "–"), (np.inf, "–")]
)
def test_nothing_has_a_sign_that_is_printed_as_zero(value, text):
    assert wording.signed(value) == text


def test_models_are_told_in_plain_words_first():
    assert wording.model_label("recent_mean") == "the recent mean (recent_mean)"
    assert wording.model_label("mine") == "mine"


@given(st.floats(0, 1))
def test_a_chance_is_a_sentence_with_the_number(probability):
    sentence = wording.chance_that("it rains", probability)
    assert sentence.startswith(("It is ", "There is "))
    assert sentence.endswith(" that it rains.")
    assert f"({wording.percent(probability)})" in sentence
    assert "is a almost" not in sentence


def test_even_and_small_chances_read_well():
    assert wording.chance_that("it rains", 0.5) == "There is a roughly even chance (50%) that it rains."
    assert wording.chance_that("it rains", 0.01) == "There is almost no chance (1%) that it rains."
    assert wording.chance_that("it rains", 0.72) == "It is likely (72%) that it rains."


@pytest.mark.parametrize(
    ("first", "last", "freq", "text"),
    [
        ("2025-01-01", "2025-01-31", "MS", "Jan 2025"),
        ("2025-01-01", "2025-06-30", "MS", "Jan to Jun 2025"),
        ("2024-11-01", "2025-04-30", "MS", "Nov 2024 to Apr 2025"),
        ("2025-01-06", "2025-01-12", "W-MON", "6 Jan to 12 Jan 2025"),
        ("2024-12-30", "2025-01-05", "W-MON", "30 Dec 2024 to 5 Jan 2025"),
    ],
)
def test_spans(first, last, freq, text):
    assert wording.span_label(pd.Timestamp(first), pd.Timestamp(last), freq) == text


def test_periods():
    assert wording.period_label(pd.Timestamp("2025-01-01"), "MS") == "Jan 2025"
    assert wording.period_label(pd.Timestamp("2025-01-06"), "W-MON") == "the week of 6 Jan 2025"


@pytest.mark.parametrize(
    ("items", "text"), [([], ""), (["A"], "A"), (["A", "B"], "A and B"), (["A", "B", "C"], "A, B and C")]
)
def test_lists(items, text):
    assert wording.listed(items) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.04, "0.0"), (12.34, "12.3"), (99.97, "100"), (1234.5, "1,234"), (np.nan, "–")]
)
def test_means(value, text):
    assert wording.mean_amount(value) == text


def test_tactics_are_written_for_readers():
    assert [wording.tactic_label(t) for t in ("ied", "small_arms", "all")] == ["IED", "small arms", "all tactics"]


def test_province_labels_are_unique():
    dataset = xr.Dataset(
        coords={
            "province": ["A1", "A2@northeast", "A2@centre", "B1", "B2", "C1"],
            "province_name": ("province", ["Homs", "Raqqa", "Raqqa", "Homs", "Same", "Same"]),
            "zone": ("province", ["", "northeast", "centre", "", "", ""]),
            "country": ("province", ["Syria", "Syria", "Syria", "Iraq", "Iraq", "Iraq"]),
        }
    )
    labels = wording.province_labels(dataset)
    assert list(labels.values()) == [
        "Homs, Syria",
        "Raqqa (northeast)",
        "Raqqa (centre)",
        "Homs, Iraq",
        "Same, Iraq, B2",
        "Same, Iraq, C1",
    ]
