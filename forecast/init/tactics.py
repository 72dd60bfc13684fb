"""Kinds of attack that files name, with proposals for those that the crosswalk does not know."""

from collections.abc import Mapping, Sequence

import pandas as pd

from forecast import names
from forecast.events.columns import plain_name
from forecast.events.tactics import Crosswalk

__all__ = ["labels_of_tactics"]

# Similarity (of 100) from which a label may be a misspelt tactic.
_MISSPELT = 75
# Beginnings of words, beside the labels of the crosswalk, by which a tactic is proposed; never taken without consent.
_WORDS = {
    "suicide": ("suicid", "kamikaze"),
    "ied": ("bomb", "explos", "landmine", "mina"),
    "indirect_fire": ("mort", "rocket", "roquette", "obus", "artill", "missile", "shell"),
    "kidnapping": ("kidnap", "abduct", "hostage", "enlev", "otage", "secuestr"),
    "assassination": ("assassin", "asesinat", "murder"),
    "complex_attack": ("ambush", "embuscade", "emboscada", "storming"),
    "small_arms": (
        "armed attack",
        "attaque arme",
        "ataque armado",
        "shoot",
        "gunfire",
        "gunmen",
        "firefight",
        "fusillade",
        "tirs",
        "tiroteo",
    ),
}


def labels_of_tactics(labels: pd.Series, source: str, crosswalk: Crosswalk) -> pd.DataFrame:
    """Every label with its rows, the crosswalk's value, and a proposal where it has none."""
    table = labels.dropna().value_counts().rename("rows").rename_axis("label").reset_index()
    table["value"] = crosswalk.apply(table["label"], source, names.TACTIC).fillna("")
    phrases = _phrases(crosswalk)
    known = table["value"].ne("")
    table["proposal"] = [
        "" if held else _proposal(str(label), phrases) for label, held in zip(table["label"], known, strict=True)
    ]
    return table


def _phrases(crosswalk: Crosswalk) -> dict[str, str]:
    """Words that stand for a tactic: labels of plain tables, and beginnings of words."""
    rows = crosswalk.table
    rows = rows[(rows["source"] == "plain") & (rows["field"] == names.TACTIC)]
    labels = {_words(label): str(value) for label, value in zip(rows["label"], rows["value"], strict=True)}
    return {**{word: tactic for tactic, words in _WORDS.items() for word in words}, **labels}


def _words(text: str) -> str:
    return plain_name(text).replace("_", " ")


def _proposal(label: str, phrases: Mapping[str, str]) -> str:
    """The tactic of the longest phrase whose words begin words of a label (suicide first), or that it misspells."""
    from rapidfuzz import fuzz, process

    words = _words(label).split()
    hits = [phrase for phrase in phrases if all(_begins(part, words) for part in phrase.split())]
    if hits:
        return phrases[max(hits, key=lambda phrase: (phrases[phrase] == "suicide", len(phrase)))]
    nearest = process.extractOne(" ".join(words), list(phrases), scorer=fuzz.ratio, score_cutoff=_MISSPELT)
    return phrases[nearest[0]] if nearest else ""


def _begins(part: str, words: Sequence[str]) -> bool:
    """Whether a word is, or from four letters on begins with, a part of a phrase."""
    return any(word == part or (len(part) > 3 and word.startswith(part)) for word in words)
