import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forecast.prediction.draws import Forecast
from forecast.report import wording
from forecast.report.capability import said, scenario_rows, slope_rows
from forecast.report.figures import Outlook, figures
from forecast.report.headline import headline, ranking
from forecast.report.sentences import caution, findings, score_sentence
from forecast.report.wording import LIKELIHOOD_SCALE

_CAUSAL = re.compile(r"\b(because|cause[sd]?|due to|leads? to|led to|effect|result|drives?|driven|thanks)\b", re.I)
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
        lately=_table([total], horizon).iloc[0],
        groups=pd.DataFrame(),
        provinces=_table(provinces, horizon),
        tactics=_table(tactics, horizon).assign(tactic_name=[row[0] for row in tactics]),
        cells=pd.DataFrame(),
        since=since,
        since_lately=min(3, since),
        unit=unit,
        span="Jan to Jun 2025",
        when=when,
        next_period="Jan 2025",
        steps=tuple(map(str, range(horizon))),
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


def test_the_sentences_word_by_word():
    found = findings(_outlook(PROVINCES, TOTAL))
    assert [finding.text for finding in found] == [
        "The largest expected rise is in Homs: from 4.0 a month over the last 12 months to 6.0 a month (+50%; 80% "
        "interval 4.0 to 9.0). It is very likely (83%) that attacks there will be more frequent than over that time.",
        "The largest expected fall is in Diyala: from 10.0 a month over the last 12 months to 8.0 a month (−20%; 80% "
        "interval 5.0 to 11.0). It is very unlikely (12%) that attacks there will be more frequent than over that "
        "time.",
        "The probability that at least one of the next six months brings more attacks than any of the last 12 months "
        "is highest in Homs (41%; 10 attacks or more), Basra (30%; 1 attack or more) and Raqqa (20%; 4 "
        "attacks or more).",
        "In Jan 2025, 16 attacks are expected (80% interval 12 to 20).",
    ]


@pytest.mark.parametrize(
    ("count", "text"), [(0, "no attacks are expected"), (1, "1 attack is expected"), (2, "2 attacks are expected")]
)
def test_small_numbers_have_their_grammar(count, text):
    total = ("total", 12, 0.1, 1, 0.2, 0.1, 0, 2 * count, 6)
    assert text in _texts(_outlook(PROVINCES, total, horizon=2))["The next month"]


def test_where_every_change_is_a_coin_flip_it_says_so():
    even = [
        (name, 12, 10.0, 20, rise, 0.1, 50, 66, 80) for name, rise in zip("ABCD", (0.36, 0.5, 0.64, 0.654), strict=True)
    ]
    texts = _texts(_outlook(even, TOTAL))
    than = "that attacks become more frequent than over the last 12 months"
    assert texts["No clear rise"] == f"In no province is the probability {than} above 65%."
    assert texts["No clear fall"] == f"In no province is the probability {than} below 35%."
    assert not [lead for lead in texts if lead.startswith("Largest")]


def test_one_province_fills_up_with_tactics_and_the_next_period():
    tactics = [("IED", 12, 3.0, 5, 0.9, 0.5, 24, 30, 36), ("kidnapping", 12, 1.0, 2, 0.5, 0.1, 3, 6, 9)]
    texts = _texts(_outlook(PROVINCES[:1], TOTAL, tactics))
    assert list(texts) == ["Above the recent maximum", "By tactic", "The next month"]
    assert texts["By tactic"].startswith("Of all tactics, the largest expected change is in “IED”: from 3.0 a month")
    assert "is 8% (18 attacks or more)." in texts["Above the recent maximum"]


def test_one_week_ahead():
    outlook = _outlook(PROVINCES, TOTAL, horizon=1, unit="week", when="in the week of 6 Jan 2025")
    texts = _texts(outlook)
    assert "that the next week brings more attacks than any of the last 12 weeks" in texts["Above the recent maximum"]
    assert "The next week" not in texts


def test_gaps_in_the_past_are_told():
    gaps = [(name, 10, *rest) for name, _, *rest in PROVINCES]
    assert "over the 10 observed of the last 12 months" in _texts(_outlook(gaps, TOTAL))["Largest expected rise"]


def test_no_sentence_says_why():
    tactics = [("IED", 12, 3.0, 5, 0.9, 0.5, 24, 30, 36), ("other", 12, 1.0, 2, 0.5, 0.1, 3, 6, 9)]
    texts = [
        finding.text
        for provinces in (PROVINCES, PROVINCES[:1], PROVINCES[3:])
        for finding in findings(_outlook(provinces, TOTAL, tactics))
    ]
    assert not [text for text in texts if _CAUSAL.search(text)]


def _scores(means):
    return pd.DataFrame([{"model": model, "crps_log": value} for model, value in means.items()])


def test_where_the_model_stands():
    best = "Of three models, that of this report, a, had the smallest forecast error (CRPS of log counts)."
    assert score_sentence(_scores({"a": 0.1, "b": 0.2, "c": 0.3}), "a") == best
    second = score_sentence(_scores({"a": 0.4, "b": 0.3, "c": 0.5}), "a")
    assert second.endswith(
        "came 2nd by forecast error (CRPS of log counts); the best was b, whose error is 25% smaller (0.300 against "
        "0.400)."
    )
    named = score_sentence(_scores({"zero": 0.4, "recent_mean": 0.3}), "zero")
    assert "that of this report, no attacks at all (zero), came 2nd" in named
    assert "the best was the recent mean (recent_mean)" in named
    assert score_sentence(_scores({"a": 0.4}), "a") == "Only the model of this report, a, was tried."
    assert "was not among those" in score_sentence(_scores({"b": 0.4}), "a")


def test_a_clearly_better_model_is_called_out():
    text = caution(_scores({"a": 0.4, "b": 0.3}), "a")
    assert text == "B came clearly closer; with one date to go by, that may be chance."
    assert caution(_scores({"a": 0.4, "b": 0.39}), "a") == ""
    assert caution(_scores({"a": 0.4, "recent_mean": 0.3}), "a") == ""
    assert caution(_scores({"a": 0.3, "b": 0.4}), "a") == ""
    assert caution(_scores({"b": 0.4}), "a") == ""


# Wording over simulated forecasts ------------------------------------------------------------------------------------

_WORDS = "|".join(word for _, word in LIKELIHOOD_SCALE)
_CHANCE = re.compile(rf"(?:It is|There is) (?:a )?({_WORDS}) \((less than 1|more than 99|\d+)%\)")
_CHANGE = re.compile(r"from ([\d.,]+) a month .*? to ([\d.,]+) a month \(([+−]?)([\d,]+)%;")


@pytest.fixture(scope="module")
def simulated(make_panel):
    """200 forecasts of five provinces and two tactics, from nearly certain to wild; each with what is said of it."""
    n, members, rng = 200, 5, np.random.default_rng(1)
    shape = (n, members, 2)
    levels = rng.gamma(1.0, 3.0, (*shape, 1))
    past = rng.poisson(levels, (*shape, 24))
    spread = rng.choice([0.1, 0.5, 1.5], (n, 1, 1, 1))
    means = levels * np.exp(spread * rng.normal(size=levels.shape)) * rng.gamma(4, 0.25, (60, *levels.shape))
    draws = rng.poisson(means, (60, *shape, 3))

    def table(*summed):
        """Figures of all forecasts in one call, after sums over provinces (axis 1), tactics (2) or both."""
        counts, ahead = past.sum(summed, keepdims=True), draws.sum(tuple(1 + axis for axis in summed), keepdims=True)
        panel = make_panel(counts.reshape(-1, *counts.shape[2:]), countries=("A",))
        ahead = ahead.reshape(60, -1, *ahead.shape[3:])
        rows = figures(Forecast.from_draws(panel, ahead, model="regression", seed=1), 12)
        rows = rows.assign(name="X", tactic_name="x", number=np.arange(n).repeat(len(rows) // n))
        return [part for _, part in rows.groupby("number")]

    blank = _outlook(PROVINCES, TOTAL, horizon=3)
    tables = zip(table(1, 2), table(2), table(1), table(), strict=True)
    ahead = [
        replace(blank, total=total.iloc[0], provinces=provinces, tactics=tactics, cells=cells)
        for total, provinces, tactics, cells in tables
    ]
    return [(one, [f"{finding.lead}: {finding.text}" for finding in findings(one)]) for one in ahead]


@pytest.fixture(scope="module")
def slopes(capability_part):
    """200 parts on capability, from clear links to none at all; each with its sentences."""
    part, rng = capability_part(), np.random.default_rng(2)
    told = []
    for _ in range(200):
        slope = rng.normal(rng.normal(0, 0.3), rng.uniform(0.02, 0.5), 400)
        tactics = {tactic: 100 * np.expm1(slope + rng.normal(0, 0.2, 400)) for tactic in ("ied", "small_arms", "all")}
        rows = [
            {"force": "all", "tactic": tactic, **_summary("percent", drawn, "lower", "upper")}
            | {"probability_below_0": (drawn < 0).mean()}
            for tactic, drawn in tactics.items()
        ]
        base = np.exp(rng.normal(rng.uniform(-2, 7), rng.uniform(0.05, 0.5), 400))
        other = base * np.exp(slope * rng.normal())
        row = {"level": "total", "name": "all", "base": np.median(base), "scenario": np.median(other)}
        row |= _summary("ratio", other / base, "ratio_lower", "ratio_upper")
        row |= {"difference": np.median(other - base), "probability_rise": (other > base).mean(), "scenario_name": "S"}
        one = replace(part, slopes=pd.DataFrame(rows), scenarios=pd.DataFrame([row]))
        told.append((one, said(one)))
    return told


def _summary(name, drawn, lower, upper):
    return dict(zip((name, lower, upper), np.quantile(drawn, [0.5, 0.05, 0.95]), strict=True))


def test_no_simulated_forecast_calls_a_coin_flip_a_rise_or_a_fall(simulated):
    directed = 0
    for _, texts in simulated:
        for text in texts:
            for word in re.findall(r"largest expected (rise|fall|change)", text):
                (_, percentage), directed = _CHANCE.search(text).groups(), directed + 1
                number = {"less than 1": 0, "more than 99": 100}.get(percentage) or int(percentage.split()[-1])
                assert number > 65 if word == "rise" else number < 35 if word == "fall" else not 35 <= number <= 65, (
                    text
                )
    assert directed > 200


def test_every_word_for_a_probability_is_that_of_the_printed_scale(simulated, slopes):
    words, links = set(), {text for _, texts in slopes for text in texts}
    for text in (*(text for _, texts in simulated for text in texts), *links):
        for word, percentage in _CHANCE.findall(text):
            number = {"less than 1": 0, "more than 99": 100}.get(percentage)
            number = int(percentage) if number is None else number
            bounds = [0, *(round(100 * bound) for bound, _ in LIKELIHOOD_SCALE)]
            row = [scale_word for _, scale_word in LIKELIHOOD_SCALE].index(word)
            assert bounds[row] <= number < bounds[row + 1] + (bounds[row + 1] == 100), text
            words |= set() if text in links else {word}
    # Where the chance is even no finding compares.
    assert words == {word for _, word in LIKELIHOOD_SCALE} - {"roughly even chance"}


def test_every_percent_is_that_of_the_two_numbers_beside_it(simulated):
    compared = 0
    for text in (text for _, texts in simulated for text in texts):
        for before, after, sign, share in _CHANGE.findall(text):
            first, second, share = (float(number.replace(",", "")) for number in (before, after, share))
            change = 100 * (second / first - 1)
            assert abs(abs(change) - share) <= 0.5 + 1e-9, text
            assert (sign == "") == (share == 0), text
            assert share == 0 or (sign == "+") == (change > 0), text
            compared += 1
    assert compared > 200


def test_numbers_on_the_first_screen_are_those_of_the_tables(simulated):
    for ahead, _ in simulated:
        text, total = headline(ahead), ahead.total
        expected, lower, upper = (float(n.replace(",", "")) for n in re.findall(r"\d[\d,]*(?:\.\d)?", text)[:3])
        for shown, column in ((expected, "median"), (lower, "lower"), (upper, "upper")):
            assert abs(shown - total[f"mean_{column}"]) <= (0.5 if total[f"mean_{column}"] >= 9.95 else 0.05) + 1e-9, (
                text
            )
        way = wording.direction(total["rise"])
        assert ("more than before" in text, "fewer than before" in text) == (way == "rise", way == "fall")


def test_arrows_of_the_ranking_are_no_coin_flips(simulated):
    arrows = 0
    for ahead, _ in simulated:
        rows = ahead.provinces.nlargest(5, ["sum_median", "sum_upper"])
        for rank, chance in zip(ranking(ahead, dict.fromkeys(rows["province"], "x")), rows["rise"], strict=True):
            assert rank.direction == (
                "rise" if round(100 * chance) > 65 else "fall" if round(100 * chance) < 35 else ""
            )
            assert (wording.percent(chance) in rank.change) == bool(rank.direction)
            arrows += bool(rank.direction)
    assert arrows > 100


def test_sentences_on_slopes_have_the_numbers_of_their_table(slopes):
    number = r"[+−]?[\d,]+"
    for part, texts in slopes:
        table = slope_rows(part.slopes).set_index("Tactic")
        row = table.loc["all"]
        (text,) = [text for text in texts if "SD more" in text]
        assert f"a difference of {row['Difference per +1 SD']} in" in text
        assert f"(90% interval {row['90% interval']})" in text
        shown = _CHANCE.search(text)[2].replace("less than ", "<").replace("more than ", ">")
        assert f"{shown}%" == row["Chance of fewer"]
        clear = [
            tactic
            for tactic, (lower, upper) in table["90% interval"].str.findall(number).items()
            if tactic != "all" and "0" not in (lower, upper) and lower[0] == upper[0]
        ]
        assert text.endswith(f"the interval leaves out 0 for {' and '.join(clear) or 'none'}."), text


def test_sentences_on_scenarios_have_the_numbers_of_their_table_and_a_percent_that_agrees(slopes):
    compared = 0
    for part, texts in slopes:
        row = scenario_rows(part.scenarios).iloc[0]
        (text,) = [text for text in texts if "In the scenario" in text]
        assert f"{row['Scenario']} attacks are expected over the horizon, against {row['Base']} in the base" in text
        assert f"90% interval {row['90% interval']}" in text
        shown = _CHANCE.search(text)[2].replace("less than ", "<").replace("more than ", ">")
        assert f"{shown}%" == row["Chance of more"]
        told = re.search(r"base forecast: ([+−]?)([\d,]+)% \(", text)
        assert (told is None) == (row["Change"] == "–")
        if told:
            change = 100 * (float(row["Scenario"].replace(",", "")) / float(row["Base"].replace(",", "")) - 1)
            sign, share = told[1], float(told[2].replace(",", ""))
            assert abs(abs(change) - share) <= 0.5 + 1e-9, text
            assert share == 0 or (sign == "+") == (change > 0), text
            compared += 1
    assert compared > 150


def test_links_are_called_associations_where_they_are_told_and_none_is_a_cause_or_takes_a_side_by_itself(slopes):
    for _, texts in slopes:
        for text in (text for text in texts if "%" in text):
            assert re.search(r"an association( carried forward)?(,| and) not an effect", text), text
            assert not _CAUSAL.search(text.replace("not an effect", "")), text
            # Sides stand beside their probability only.
            alone = re.sub(r"(It is|There is)[^.]* that [^.]*\.", "", text)
            assert not re.search(r"\b(fewer|higher|lower|rises?|falls?|increases?|decreases?|reduces?)\b", alone), text
