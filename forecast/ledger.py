"""The ledger: what cleaning dropped or changed, counted, with reasons and examples."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Literal

import pandas as pd

from forecast.errors import InputError, shorten

__all__ = ["LOSS_TO_REFUSE", "LOSS_TO_TELL", "Action", "Ledger", "LedgerEntry", "refuse_loss"]

# "dropped" was meant to count and could not, which is a loss; "excluded" is left out by the user's choice or the
# source's definition; "changed" and "noted" still count.
Action = Literal["dropped", "excluded", "changed", "noted"]
# Above these shares of lost rows a report says so on top, and a run ends before its fit unless the loss is accepted.
LOSS_TO_TELL, LOSS_TO_REFUSE = 0.02, 0.10
_MAX_EXAMPLES = 3
_MAX_EXAMPLE_CHARACTERS = 200
# Lines that a printed ledger has at most for the examples of one rule.
_MAX_LINES = 20


@dataclass(frozen=True)
class LedgerEntry:
    """One rule: what it did (`action`), to how many rows (or attacks), why, with examples: three, or all there are."""

    rule: str
    rows: int
    action: Action
    reason: str
    examples: tuple[str, ...] = ()
    source: str = ""

    def told(self) -> str:
        """The rule as one line, without its examples."""
        return f"  {self.action:8} {self.rows:>9,}  {self.rule}: {self.reason}"

    def shown(self, limit: int | None = _MAX_EXAMPLES) -> str:
        """The first examples, joined by ' | ', and how many more there are; all of them with None."""
        left_out = 0 if limit is None else len(self.examples) - limit
        return " | ".join(self.examples[:limit]) + (f" | and {left_out:,} more" if left_out > 0 else "")


@dataclass(frozen=True, repr=False)
class Ledger:
    """All entries in the order in which the rules ran. Rules that touched no row have no entry.

    Attributes
    ----------
    entries : tuple of LedgerEntry
        What the rules did.
    loss : float
        Share of the rows that were meant to count and were dropped (excluded rows were not meant to); where several
        tables were read, of the one that lost most.

    Examples
    --------
    >>> fc.Ledger().add("no date", 2, "dropped", "cannot be read").dropped
    2
    """

    entries: tuple[LedgerEntry, ...] = ()
    loss: float = 0.0

    def add(
        self,
        rule: str,
        rows: int,
        action: Action,
        reason: str,
        examples: Iterable[object] = (),
        source: str = "",
        *,
        limit: int | None = _MAX_EXAMPLES,
    ) -> "Ledger":
        """Ledger with one more entry; the same one where the rule touched no row.

        `limit` is how many examples are kept; None keeps all, for what a user has to see whole, such as names.
        """
        if rows == 0:
            return self
        kept = tuple(shorten(str(example), _MAX_EXAMPLE_CHARACTERS) for example in islice(examples, limit))
        return replace(self, entries=(*self.entries, LedgerEntry(rule, int(rows), action, reason, kept, source)))

    def with_kept(self, rows: int) -> "Ledger":
        """The ledger of a table that was read whole, of which so many rows are left: it knows its loss."""
        meant = self.dropped + rows
        return replace(self, loss=self.dropped / meant if meant else 0.0)

    def __add__(self, other: "Ledger") -> "Ledger":
        return Ledger(self.entries + other.entries, max(self.loss, other.loss))

    def __iter__(self) -> Iterator[LedgerEntry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def rows(self, rule: str) -> int:
        """How many rows a rule touched, over all sources."""
        return sum(entry.rows for entry in self.entries if entry.rule == rule)

    @property
    def dropped(self) -> int:
        """How many rows were lost: meant to count, and dropped."""
        return self._with_action("dropped")

    @property
    def excluded(self) -> int:
        """How many rows (or attacks) were left out by the user's choice or the source's definition."""
        return self._with_action("excluded")

    @property
    def loss_told(self) -> str:
        """How large the loss is, and which rules made it, the largest first."""
        rules = "; ".join(f"{entry.rows:,} {entry.rule}" for entry in self._losses())
        return f"{self.loss:.1%} of the rows that were meant to count were dropped ({rules})"

    def _with_action(self, action: Action) -> int:
        return sum(entry.rows for entry in self.entries if entry.action == action)

    def _losses(self) -> list[LedgerEntry]:
        return sorted((entry for entry in self.entries if entry.action == "dropped"), key=lambda entry: -entry.rows)

    def to_frame(self, limit: int | None = None) -> pd.DataFrame:
        """One row per entry: source, rule, action, rows, reason, examples (joined by ' | '; the first `limit`)."""
        columns = ["source", "rule", "action", "rows", "reason", "examples"]
        rows = [{**asdict(entry), "examples": entry.shown(limit)} for entry in self.entries]
        return pd.DataFrame(rows, columns=columns)

    def to_json(self) -> str:
        """The entries and the loss as one JSON string."""
        entries = [asdict(entry) for entry in self.entries]
        return json.dumps({"entries": entries, "loss": self.loss}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "Ledger":
        """The ledger that `to_json` wrote."""
        content = json.loads(text)
        entries = (LedgerEntry(**{**entry, "examples": tuple(entry["examples"])}) for entry in content["entries"])
        return cls(tuple(entries), content["loss"])

    def __repr__(self) -> str:
        share = f" ({self.loss:.1%} of those meant to count)" if self.loss else ""
        head = f"Ledger: {len(self)} rules touched rows; {self.dropped:,} dropped{share}, {self.excluded:,} excluded"
        return "\n".join([head, *(line for entry in self.entries for line in _lines(entry))])

    def _repr_html_(self) -> str:
        return str(self.to_frame(_MAX_EXAMPLES).to_html(index=False, escape=True))


def refuse_loss(ledger: Ledger, source: str | Path = "") -> None:
    """Refuse a table of which more than `LOSS_TO_REFUSE` was lost, with the rules and what the first of them met.

    Raises
    ------
    InputError
        Where more was lost.
    """
    if ledger.loss <= LOSS_TO_REFUSE:
        return
    main = ledger._losses()[0]
    met = f", such as {'; '.join(main.examples[:_MAX_EXAMPLES])}" if main.examples else ""
    raise InputError(
        f"{ledger.loss_told}. {main.rule}: {main.reason}{met}",
        source=source,
        expected=f"at most {LOSS_TO_REFUSE:.0%}",
        hint="Mend them ('forecast check' lists all), or go on without them (--accept-loss, or accept_loss in [data])",
    )


def _lines(entry: LedgerEntry) -> list[str]:
    """An entry as printed: one line, and one more for each example where all were kept (names that match nothing)."""
    line = entry.told()
    if len(entry.examples) <= _MAX_EXAMPLES:
        return [line + (f" ({' | '.join(entry.examples)})" if entry.examples else "")]
    more = len(entry.examples) - _MAX_LINES
    listed = [*entry.examples[:_MAX_LINES], *([f"and {more:,} more in ledger.csv"] if more > 0 else [])]
    return [line, *(f"{'':22}{example}" for example in listed)]
