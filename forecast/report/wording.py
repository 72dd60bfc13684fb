"""How numbers, periods, names and probabilities are written in the report."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr

from forecast import names
from forecast.panel.calendar import period_end
from forecast.prediction.draws import ALL_TACTICS

__all__ = [
    "LIKELIHOOD_SCALE",
    "amount",
    "attacks",
    "attacks_are",
    "between",
    "capital",
    "chance_that",
    "change_between",
    "counted",
    "day_label",
    "digits",
    "direction",
    "likelihood",
    "listed",
    "mean_amount",
    "model_label",
    "model_row",
    "percent",
    "period_label",
    "periods_label",
    "province_labels",
    "ranges",
    "short_percent",
    "signed",
    "signed_percent",
    "small_word",
    "span_label",
    "tactic_label",
]

# Words for probabilities, each up to its bound: the scale of ICD 203 (US Director of National Intelligence, 2015).
LIKELIHOOD_SCALE: tuple[tuple[float, str], ...] = (
    (0.05, "almost no chance"),
    (0.20, "very unlikely"),
    (0.45, "unlikely"),
    (0.55, "roughly even chance"),
    (0.80, "likely"),
    (0.95, "very likely"),
    (1.00, "almost certain"),
)
# A change is called a rise where its probability is above the second percentage, a fall where it is below the first:
# between them lies a coin flip, of which nothing is said.
_COIN_FLIP = (35, 65)
# What models are called before their names in code.
_MODELS = {
    "zero": "no attacks at all",
    "last": "the last count",
    "conflictology": "last year's counts of each series",
    "conflictology_panel": "whole periods of the last year",
    "recent_mean": "the recent mean",
    "regression": "regression on past counts",
    "smoothing": "exponential smoothing",
    "pool": "a mixture of models",
    "standard": "the hierarchical model",
    "quick": "the quick hierarchical model",
}
_SMALL_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_ABBREVIATIONS = {"ied": "IED", "vbied": "VBIED", "svbied": "SVBIED"}


def amount(count: float) -> str:
    """A whole number with thousands separated: '1,234'."""
    return f"{round(count):,}"


def mean_amount(value: float) -> str:
    """A mean, with one decimal below 100, or '–' where there is none."""
    if not np.isfinite(value):
        return "–"
    return f"{value:,.1f}" if abs(value) < 99.95 else f"{value:,.0f}"


def digits(value: float) -> str:
    """Three significant digits, at most three decimals: '0.312', '12.3'; '–' where there is no number."""
    if not np.isfinite(value):
        return "–"
    decimals = int(np.clip(2 - np.floor(np.log10(abs(value))), 0, 3)) if value else 3
    return f"{value:,.{decimals}f}"


def attacks(count: float) -> str:
    """'no attacks', '1 attack', '12 attacks'."""
    number = round(count)
    if number == 0:
        return "no attacks"
    return f"{number:,} attack" + ("" if number == 1 else "s")


def attacks_are(count: float) -> str:
    """'no attacks are', '1 attack is', '12 attacks are'."""
    return f"{attacks(count)} {'is' if round(count) == 1 else 'are'}"


def counted(number: int, noun: str) -> str:
    """'1 month', '1,200 months'."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def last_periods(number: int, unit: str) -> str:
    """'the last month', 'the last 12 months'."""
    return f"the last {counted(number, unit)}" if number > 1 else f"the last {unit}"


def between(lower: float, upper: float, decimals: int = 0) -> str:
    """An interval: '3 to 9'."""
    write = mean_amount if decimals else amount
    return f"{write(lower)} to {write(upper)}"


def ranges(lower: Iterable[float], upper: Iterable[float], decimals: int = 0) -> list[str]:
    """Intervals, one for each pair of bounds."""
    return [between(*bounds, decimals=decimals) for bounds in zip(lower, upper, strict=True)]


def capital(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]


def small_word(number: int) -> str:
    """'three' for 3; digits above twelve."""
    return _SMALL_WORDS[number] if 0 <= number < len(_SMALL_WORDS) else f"{number:,}"


def percent(probability: float) -> str:
    """'72%'; never 0% or 100%, which a finite number of draws cannot show; '–' where there is none."""
    if np.isnan(probability):
        return "–"
    rounded = _printed(probability)
    if rounded <= 0:
        return "less than 1%"
    return "more than 99%" if rounded >= 100 else f"{rounded}%"


def short_percent(probability: float) -> str:
    """The same for tables: '72%', '<1%', '>99%'."""
    return percent(probability).replace("less than ", "<").replace("more than ", ">")


def likelihood(probability: float) -> str:
    """The word for a probability, see `LIKELIHOOD_SCALE`; it belongs to the percentage that is printed."""
    printed = _printed(probability)
    return next(word for bound, word in LIKELIHOOD_SCALE if printed < round(100 * bound) or bound == 1.0)


def direction(probability: float) -> str:
    """'rise' or 'fall' where the printed probability of a rise is above 65 % or below 35 %, '' between them."""
    if np.isnan(probability):
        return ""
    lower, upper = _COIN_FLIP
    printed = _printed(probability)
    return "rise" if printed > upper else "fall" if printed < lower else ""


def signed(value: float, decimals: int = 0) -> str:
    """'+20', '−4', and '0' for what rounds to it, whatever its sign; '–' where there is no number."""
    if not np.isfinite(value):
        return "–"
    text = f"{abs(value):,.{decimals}f}"
    is_zero = float(text.replace(",", "")) == 0
    return text if is_zero else f"{'+' if value > 0 else '−'}{text}"


def signed_percent(share: float) -> str:
    """'+20%' for 0.2."""
    text = signed(100 * share)
    return text if text == "–" else f"{text}%"


def change_between(before: float, after: float) -> tuple[str, str, str]:
    """Two means as printed, and the percent from the one to the other as their readers would work it out from these.

    The percent is '–' where the first is below 1: a share of next to nothing says nothing.
    """
    shown = mean_amount(before), mean_amount(after)
    first, second = (np.nan if text == "–" else float(text.replace(",", "")) for text in shown)
    return *shown, signed_percent(second / first - 1 if first >= 1 else np.nan)


def _printed(probability: float) -> int:
    """The percentage that is printed: words and directions go by it, so that they never contradict it."""
    return round(100 * probability)


def chance_that(clause: str, probability: float) -> str:
    """A sentence such as 'It is likely (72%) that …', with the word that belongs to the probability; '' without one."""
    if np.isnan(probability):
        return ""
    word, shown = likelihood(probability), percent(probability)
    if word.endswith("chance"):
        article = "" if word.startswith("almost") else "a "
        return f"There is {article}{word} ({shown}) that {clause}."
    return f"It is {word} ({shown}) that {clause}."


def model_label(name: str) -> str:
    """A model as a reader is told it, with its name behind: 'the recent mean (recent_mean)'."""
    return f"{_MODELS[name]} ({name})" if name in _MODELS else name


def model_row(name: str, main: str) -> str:
    """A model as a row of a table begins with it; `main` is the report's."""
    return capital(model_label(name)) + (", this report" if name == main else "")


def listed(items: Sequence[str]) -> str:
    """'A', 'A and B', 'A, B and C'."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"


def day_label(day: pd.Timestamp) -> str:
    """'6 Jan 2025'."""
    return f"{day.day} {day:%b %Y}"


def period_label(start: pd.Timestamp, freq: str) -> str:
    """'Jan 2025', or 'the week of 6 Jan 2025'."""
    return f"{start:%b %Y}" if freq == names.MONTHLY else f"the week of {day_label(start)}"


def span_label(first: pd.Timestamp, last_end: pd.Timestamp, freq: str) -> str:
    """From the first day of the first period to the last day of the last: 'Jan to Jun 2025'."""
    if freq != names.MONTHLY:
        start = f"{first.day} {first:%b}" if first.year == last_end.year else day_label(first)
        return f"{start} to {day_label(last_end)}"
    if (first.year, first.month) == (last_end.year, last_end.month):
        return f"{first:%b %Y}"
    start = f"{first:%b}" if first.year == last_end.year else f"{first:%b %Y}"
    return f"{start} to {last_end:%b %Y}"


def periods_label(periods: pd.DatetimeIndex, freq: str) -> str:
    """Periods that follow each other: 'Oct 2024', 'Oct to Dec 2024', 'the week of 7 Oct 2024'."""
    if len(periods) == 1:
        return period_label(periods[0], freq)
    return span_label(periods[0], period_end(periods[-1:], freq)[0], freq)


def tactic_label(tactic: str) -> str:
    """A tactic as a reader writes it: 'small arms', 'IED', 'all tactics'."""
    if tactic == ALL_TACTICS:
        return "all tactics"
    return _ABBREVIATIONS.get(tactic, tactic.replace("_", " "))


def province_labels(dataset: xr.Dataset) -> dict[str, str]:
    """A name per unit key that no two share: with its zone, then its country, then its key where names repeat.

    A zone that stands in the name already, 'Raqqa (northeast)', is not said again.
    """
    labels = {}
    keys = [str(key) for key in dataset[names.PROVINCE].values]
    columns = {name: dataset[name].values.astype(str) for name in (names.PROVINCE_NAME, names.ZONE, names.COUNTRY)}
    for row, key in enumerate(keys):
        name, zone = columns[names.PROVINCE_NAME][row] or key, columns[names.ZONE][row]
        told = _letters(zone) in _letters(name)
        labels[key] = name if told else f"{name} ({zone.replace('_', ' ')})"
    for extra in (dict(zip(keys, columns[names.COUNTRY], strict=True)), {key: key for key in keys}):
        repeated = _repeated(labels)
        labels = {
            key: f"{label}, {extra[key]}" if label in repeated and extra[key] else label
            for key, label in labels.items()
        }
    return labels


def _letters(text: str) -> str:
    return "".join(character for character in text.lower() if character.isalnum())


def _repeated(labels: Mapping[str, str]) -> set[str]:
    seen = pd.Series(list(labels.values()), dtype=object)
    return set(seen[seen.duplicated()])
