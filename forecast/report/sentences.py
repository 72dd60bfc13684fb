"""The things to know, in plain sentences made from the numbers."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pandas as pd

from forecast import names
from forecast.report.backtest import BASELINE
from forecast.report.figures import Outlook
from forecast.report.wording import (
    attacks,
    attacks_are,
    between,
    capital,
    chance_that,
    change_between,
    direction,
    listed,
    model_label,
    percent,
    small_word,
)

__all__ = ["Finding", "caution", "findings", "score_sentence"]

_MOST = 5
_NAMED = 3
# An error that is smaller by this share or more is called out beside the findings.
_CLEARLY = 0.05


@dataclass(frozen=True)
class Finding:
    """One thing to know: what it is about, and the sentences."""

    lead: str
    text: str


def findings(outlook: Outlook) -> tuple[Finding, ...]:
    """At most five findings, the most important first; what the data cannot tell is left out.

    The words compare numbers and name probabilities, unless these were taken out; none says why.
    """
    return tuple(islice((finding for find in _FINDERS for finding in find(outlook)), _MOST))


def _changes(outlook: Outlook) -> Iterator[Finding]:
    """The largest rise and the largest fall, each among provinces where it is no coin flip."""
    provinces = _with_change(outlook.provinces)
    if len(provinces) < 2 or provinces["rise"].isna().all():
        return
    past = f"over {outlook.past}"
    for word, sign, limit in (("rise", 1, "above 65%"), ("fall", -1, "below 35%")):
        clear = provinces[(provinces["rise"].map(direction) == word) & (sign * provinces["change"] > 0)]
        if clear.empty:
            text = f"In no province is the probability that attacks become more frequent than {past} {limit}."
            yield Finding(f"No clear {word}", text)
            continue
        row = clear.iloc[int((sign * clear["change"]).to_numpy().argmax())]
        opening = f"The largest expected {word} is in {row['name']}"
        yield Finding(f"Largest expected {word}", _comparison(opening, row, outlook))


def _record(outlook: Outlook) -> Iterator[Finding]:
    top = outlook.provinces.dropna(subset=["above_record"]).nlargest(_NAMED, ["above_record", "sum_median"])
    if top.empty:
        return
    ahead = f"the next {outlook.unit}"
    if outlook.horizon > 1:
        ahead = f"at least one of the next {small_word(outlook.horizon)} {outlook.unit}s"
    text = f"The probability that {ahead} brings more attacks than any of {outlook.past}"
    places = [f"{percent(row['above_record'])}; {_above(row['record'])}" for _, row in top.iterrows()]
    if len(outlook.provinces) == 1:
        yield Finding(
            "Above the recent maximum",
            f"{text} is {percent(top['above_record'].iloc[0])} ({_above(top['record'].iloc[0])}).",
        )
        return
    named = [f"{name} ({place})" for name, place in zip(top["name"], places, strict=True)]
    yield Finding("Above the recent maximum", f"{text} is highest in {listed(named)}.")


def _tactic(outlook: Outlook) -> Iterator[Finding]:
    tactics = _with_change(outlook.tactics)
    clear = tactics[tactics["rise"].map(direction).astype(bool)]
    if len(tactics) < 2 or clear.empty:
        return
    row = clear.iloc[int(clear["change"].abs().to_numpy().argmax())]
    opening = f"Of all tactics, the largest expected change is in “{row['tactic_name']}”"
    yield Finding("By tactic", _comparison(opening, row, outlook, what="such attacks"))


def _next(outlook: Outlook) -> Iterator[Finding]:
    if outlook.horizon > 1:
        total = outlook.total
        interval = between(total["next_lower"], total["next_upper"])
        text = f"In {outlook.next_period}, {attacks_are(total['next_median'])} expected (80% interval {interval})."
        yield Finding(f"The next {outlook.unit}", text)


# Parts of sentences -----------------------------------------------------------------------------------------


def _comparison(opening: str, row: "pd.Series[Any]", outlook: Outlook, what: str = "attacks there") -> str:
    unit, past = outlook.unit, outlook.past
    if row["observed"] < outlook.since:
        past = f"the {int(row['observed'])} observed of {past}"
    before, after, percent_more = change_between(row["recent"], row["mean_median"])
    change = f"from {before} a {unit} over {past} to {after} a {unit}"
    interval = f"80% interval {between(row['mean_lower'], row['mean_upper'], decimals=1)}"
    told = interval if percent_more == "–" else f"{percent_more}; {interval}"
    chance = chance_that(f"{what} will be more frequent than over that time", row["rise"])
    return f"{opening}: {change} ({told}). {chance}".rstrip()


def _with_change(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(change=table["mean_median"] - table["recent"]).dropna(subset=["change"])


def _above(record: float) -> str:
    return f"{attacks(record + 1)} or more"


_FINDERS = (_changes, _record, _tactic, _next)


def score_sentence(scores: pd.DataFrame, main: str) -> str:
    """Where the report's model stands among those that were tried, by the mean CRPS of log(1 + count) over cells."""
    means, label = _mean_scores(scores), model_label(main)
    if main not in means.index:
        return f"The model of this report, {label}, was not among those that were tried on past periods."
    if len(means) == 1:
        return f"Only the model of this report, {label}, was tried."
    place, best = int((means < means[main]).sum()) + 1, str(means.index[0])
    tried = f"Of {small_word(len(means))} models, that of this report, {label},"
    if place == 1:
        return f"{tried} had the smallest forecast error (CRPS of log counts)."
    first, second = round(float(means[best]), 3), round(float(means[main]), 3)
    return (
        f"{tried} came {_ordinal(place)} by forecast error (CRPS of log counts); the best was {model_label(best)}, "
        f"whose error is {percent(1 - first / second)} smaller ({first:.3f} against {second:.3f})."
    )


def caution(scores: pd.DataFrame, main: str) -> str:
    """What a reader must know of how far to trust the numbers: that another model was clearly closer; else ''.

    One origin allows no test, so that neither is called better. The simple rule is left out: that line is about it.
    """
    means = _mean_scores(scores)
    if main not in means.index or means.iloc[0] > (1 - _CLEARLY) * means[main] or means.index[0] == BASELINE:
        return ""
    return (
        f"{capital(model_label(str(means.index[0])))} came clearly closer; with one date to go by, that may be chance."
    )


def _mean_scores(scores: pd.DataFrame) -> "pd.Series[float]":
    """Mean CRPS of log over cells by model, the best first."""
    return scores.groupby(names.MODEL, sort=False)["crps_log"].mean().sort_values(kind="stable")


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
