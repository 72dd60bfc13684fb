"""The ledger: what cleaning dropped or changed, counted, with reasons and examples."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import Literal

import pandas as pd

from forecast.errors import shorten

__all__ = ["Action", "Ledger", "LedgerEntry"]

Action = Literal["dropped", "changed", "noted"]
_MAX_EXAMPLES = 3
_MAX_EXAMPLE_CHARACTERS = 200


@dataclass(frozen=True)
class LedgerEntry:
    """One rule: what it did (`action`), to how many rows (or attacks), why, with examples: three, or all there are."""

    rule: str
    rows: int
    action: Action
    reason: str
    examples: tuple[str, ...] = ()
    source: str = ""

    def shown(self, limit: int | None = _MAX_EXAMPLES) -> str:
        """The first examples, joined by ' | ', and how many more there are; all of them with None."""
        left_out = 0 if limit is None else len(self.examples) - limit
        return " | ".join(self.examples[:limit]) + (f" | and {left_out:,} more" if left_out > 0 else "")


@dataclass(frozen=True, repr=False)
class Ledger:
    """All entries in the order in which the rules ran. Rules that touched no row have no entry."""

    entries: tuple[LedgerEntry, ...] = ()

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

    def __add__(self, other: "Ledger") -> "Ledger":
        return Ledger(self.entries + other.entries)

    def __iter__(self) -> Iterator[LedgerEntry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def rows(self, rule: str) -> int:
        """How many rows a rule touched, over all sources."""
        return sum(entry.rows for entry in self.entries if entry.rule == rule)

    @property
    def dropped(self) -> int:
        """How many rows were dropped in all."""
        return sum(entry.rows for entry in self.entries if entry.action == "dropped")

    def to_frame(self, limit: int | None = None) -> pd.DataFrame:
        """One row per entry: source, rule, action, rows, reason, examples (joined by ' | '; the first `limit`)."""
        columns = ["source", "rule", "action", "rows", "reason", "examples"]
        rows = [{**asdict(entry), "examples": entry.shown(limit)} for entry in self.entries]
        return pd.DataFrame(rows, columns=columns)

    def to_json(self) -> str:
        """The entries as one JSON string."""
        return json.dumps([asdict(entry) for entry in self.entries], ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "Ledger":
        """The ledger that `to_json` wrote."""
        entries: Sequence[dict[str, object]] = json.loads(text)
        return cls(tuple(LedgerEntry(**{**entry, "examples": tuple(entry["examples"])}) for entry in entries))  # type: ignore[arg-type]

    def __repr__(self) -> str:
        lines = [f"Ledger: {len(self)} rules touched rows, {self.dropped:,} dropped"]
        for entry in self.entries:
            examples = f" ({entry.shown()})" if entry.examples else ""
            lines.append(f"  {entry.action:8} {entry.rows:>9,}  {entry.rule}: {entry.reason}{examples}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return str(self.to_frame(_MAX_EXAMPLES).to_html(index=False, escape=True))
