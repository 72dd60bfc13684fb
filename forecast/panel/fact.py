"""One published number, a `Fact`, and lists of facts as trees: each knows by its position the whole that it belongs to.

Whoever drops, adds or reorders facts of a list moves these positions along; all functions here do.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from forecast.panel.reports import ALL

__all__ = ["Fact", "flat", "renumbered", "system_of", "wholes_first", "with_children"]


@dataclass(frozen=True)
class Fact:
    """One number.

    Attributes
    ----------
    kind : {'total', 'part', 'subset'}
        What it is; see `forecast.panel.facts`.
    zone, publisher, definition : str
        Whose number, of what.
    periods : tuple of Timestamp
        First days of the periods that it is summed over.
    provinces : tuple of str
        P-codes, in order.
    tactic : str
        'all' where it is not split.
    lower, upper : float
        Between which the count lies; equal where it is exact, upper infinite for a floor.
    rows : tuple of int
        Of the table.
    whole : int or None
        Position of the fact that a part or subset belongs to.
    """

    kind: str
    zone: str
    publisher: str
    definition: str
    periods: tuple[pd.Timestamp, ...]
    provinces: tuple[str, ...]
    tactic: str
    lower: float
    upper: float
    rows: tuple[int, ...]
    whole: int | None = None

    @property
    def is_exact(self) -> bool:
        """Whether the number itself is known."""
        return self.lower == self.upper

    def told(self) -> str:
        """In words, for messages."""
        span = f"{self.periods[0]:%Y-%m}" + (f" to {self.periods[-1]:%Y-%m}" if len(self.periods) > 1 else "")
        number = f"{self.lower:g}" if self.is_exact else f"{self.lower:g} to {self.upper:g}"
        what = f"{self.definition} {'' if self.tactic == ALL else self.tactic + ' '}attacks"
        return f"{number} {what} in {'|'.join(self.provinces)}, {span}, by {self.publisher} (row {self.rows[0]})"


def system_of(fact: Fact) -> tuple[object, ...]:
    """Whose number it is, of what and when: facts that share these hang together."""
    return fact.zone, fact.publisher, fact.definition, fact.periods


def with_children(facts: Sequence[Fact], chosen: Sequence[int]) -> set[int]:
    """Positions of facts and of all that hang on them."""
    positions = set(chosen)
    while True:
        more = {number for number, fact in enumerate(facts) if fact.whole in positions} - positions
        if not more:
            return positions
        positions |= more


def renumbered(facts: Sequence[Fact | None]) -> list[Fact]:
    """Without gaps; positions of wholes follow."""
    return _taken(facts, [at for at, fact in enumerate(facts) if fact is not None])


def wholes_first(facts: Sequence[Fact]) -> list[Fact]:
    """In an order in which every fact comes after the one that it belongs to."""

    def depth(at: int) -> int:
        whole = facts[at].whole
        return 0 if whole is None else 1 + depth(whole)

    return _taken(facts, sorted(range(len(facts)), key=depth))


def _taken(facts: Sequence[Fact | None], order: Sequence[int]) -> list[Fact]:
    """The facts at these positions, in this order; positions of wholes follow."""
    new = {old: number for number, old in enumerate(order)}
    chosen = [fact for fact in (facts[at] for at in order) if fact is not None]
    return [fact if fact.whole is None else replace(fact, whole=new[fact.whole]) for fact in chosen]


def flat(systems: Sequence[Sequence[Fact]]) -> list[Fact]:
    """All systems as one list; positions of wholes follow."""
    facts: list[Fact] = []
    for system in systems:
        start = len(facts)
        facts += [fact if fact.whole is None else replace(fact, whole=fact.whole + start) for fact in system]
    return facts
