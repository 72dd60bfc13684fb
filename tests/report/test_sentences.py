import re

import pandas as pd
import pytest

from forecast.report.figures import Outlook
from forecast.report.sentences import caution, findings, score_sentence

COLUMNS = ["name", "observed", "recent", "record", "rise", "above_record", "sum_lower", "sum_median", "sum_upper"]


def _table(rows, horizon):
    table = pd.DataFrame(rows, columns=COLUMNS)
    for side in ("lower", "median", "upper"):
        table[f"mean_{side}"] = table[f"sum_{side}"] / horizon
        table[f"next_{side}"] = (table[f"sum_{side}"] / horizon).round()
    return table


def _outlook(provinces, total, tactics=(), *, horizon=6, unit="month", when="from Jan to Jun 2025", since=12):
    return Outlook(
        total=_table([total], horizon).iloc[0],
        groups=pd.DataFrame(),
        provinces=_table(provinces, horizon),
        tactics=_table(tactics, horizon).assign(tactic_name=[row[0] for row in tactics]),
        cells=pd.DataFrame(),
        since=since,
        unit=unit,
        span="Jan to Jun 2025",
        when=when,
        next_period="Jan 2025",
        horizon=horizon,
    )


PROVINCES = [
    ("Diyala", 12, 10.0, 17, 0.12, 0.08, 30, 48, 66),
    ("Homs", 12, 4.0, 9, 0.83, 0.41, 24, 36, 54),
    ("Raqqa", 12, 1.0, 3, 0.5, 0.2, 3, 6, 9),
    ("Basra", 12, 0.0, 0, 0.3, 0.3, 0, 0, 1),
]
TOTAL = ("total", 12, 15.0, 25, 0.52, 0.1, 70, 93, 120)


def _texts(outlook):
    return {finding.lead: finding.text for finding in findings(outlook)}


def test_the_five_sentences_word_by_word():
    found = findings(_outlook(PROVINCES, TOTAL))
    assert [finding.text for finding in found] == [
        "In all 4 provinces together, 93 attacks are expected from Jan to Jun 2025 (80% interval 70 to 120). That is "
        "15.5 a month, against 15.0 a month over the last 12 months. There is a roughly even chance (52%) that the "
        "monthly number will be above that of the last 12 months.",
        "The provinces with the most expected attacks from Jan to Jun 2025 are Diyala (48, 80% interval 30 to 66), "
        "Homs (36, 80% interval 24 to 54) and Raqqa (6, 80% interval 3 to 9).",
        "The largest expected rise is in Homs: from 4.0 a month over the last 12 months to 6.0 a month (80% interval "
        "4.0 to 9.0). It is very likely (83%) that attacks there will be more frequent than over that time.",
        "The largest expected fall is in Diyala: from 10.0 a month over the last 12 months to 8.0 a month (80% "
        "interval 5.0 to 11.0). It is very unlikely (12%) that attacks there will be more frequent than over that "
        "time.",
        "The probability that at least one of the next six months brings more attacks than any of the last 12 months "
        "is highest in Homs (41%; 10 attacks or more), Basra (30%; 1 attack or more) and Raqqa (20%; 4 "
        "attacks or more).",
    ]


@pytest.mark.parametrize(
    ("count", "text"), [(0, "no attacks are expected"), (1, "1 attack is expected"), (2, "2 attacks are expected")]
)
def test_small_numbers_have_their_grammar(count, text):
    total = ("total", 12, 0.1, 1, 0.2, 0.1, 0, count, 3)
    assert text in _texts(_outlook(PROVINCES, total))["The total"]


def test_without_a_rise_it_says_so():
    falling = [(name, 12, 10.0, 20, 0.2, 0.1, 5, 10, 15) for name in "ABCD"]
    assert _texts(_outlook(falling, TOTAL))["Rises"] == (
        "In no province is it more likely than not that attacks become more frequent than over the last 12 months."
    )


def test_one_province_fills_up_with_tactics_and_the_next_period():
    tactics = [("IED", 12, 3.0, 5, 0.9, 0.5, 24, 30, 36), ("kidnapping", 12, 1.0, 2, 0.5, 0.1, 3, 6, 9)]
    texts = _texts(_outlook(PROVINCES[:1], TOTAL, tactics))
    assert list(texts) == ["The total", "Above the recent maximum", "By tactic", "The next month"]
    assert texts["The total"].startswith("In Diyala, 93 attacks are expected")
    assert texts["By tactic"].startswith("Of all tactics, the largest expected change is in “IED”: from 3.0 a month")
    assert "is 8% (18 attacks or more)." in texts["Above the recent maximum"]


def test_one_week_ahead():
    outlook = _outlook(PROVINCES, TOTAL, horizon=1, unit="week", when="in the week of 6 Jan 2025")
    texts = _texts(outlook)
    assert "93 attacks are expected in the week of 6 Jan 2025" in texts["The total"]
    assert "that the next week brings more attacks than any of the last 12 weeks" in texts["Above the recent maximum"]
    assert "The next week" not in texts


def test_gaps_in_the_past_are_told():
    total = ("total", 10, *TOTAL[2:])
    text = _texts(_outlook(PROVINCES, total))["The total"]
    assert "against 15.0 a month over the 10 observed of the last 12 months" in text
    unobserved = ("total", 0, None, None, None, None, 70, 93, 120)
    assert (
        "not all counts were observed, so there is no comparison"
        in _texts(_outlook(PROVINCES, unobserved))["The total"]
    )


def test_no_sentence_says_why():
    tactics = [("IED", 12, 3.0, 5, 0.9, 0.5, 24, 30, 36), ("other", 12, 1.0, 2, 0.5, 0.1, 3, 6, 9)]
    texts = [
        finding.text
        for provinces in (PROVINCES, PROVINCES[:1], PROVINCES[3:])
        for finding in findings(_outlook(provinces, TOTAL, tactics))
    ]
    causal = re.compile(r"\b(because|cause[sd]?|due to|leads? to|led to|effect|result|drives?|driven|thanks)\b", re.I)
    assert not [text for text in texts if causal.search(text)]


def _scores(means):
    return pd.DataFrame([{"model": model, "crps_log": value} for model, value in means.items()])


def test_where_the_model_stands():
    best = "Of three models, that of this report, a, had the best score (CRPS of log)."
    assert score_sentence(_scores({"a": 0.1, "b": 0.2, "c": 0.3}), "a") == best
    second = score_sentence(_scores({"a": 0.4, "b": 0.3, "c": 0.5}), "a")
    assert second.endswith("came 2nd by the CRPS of log; the best was b, with a score 25% lower.")
    assert score_sentence(_scores({"a": 0.4}), "a") == "Only the model of this report, a, was tried."
    assert "was not among those" in score_sentence(_scores({"b": 0.4}), "a")


def test_a_clearly_better_model_is_called_out():
    text = caution(_scores({"a": 0.4, "b": 0.3}), "a")
    assert text.startswith("Read these with caution")
    assert text.endswith("the best was b, with a score 25% lower.")
    assert caution(_scores({"a": 0.4, "b": 0.39}), "a") == ""
    assert caution(_scores({"a": 0.3, "b": 0.4}), "a") == ""
    assert caution(_scores({"b": 0.4}), "a") == ""
