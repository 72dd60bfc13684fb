"""The ledger: what cleaning dropped or changed, counted, with reasons and examples."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Literal

import pandas as pd

__all__ = ["Action", "Ledger", "LedgerEntry"]

Action = Literal["dropped", "changed", "noted"]
_MAX_EXAMPLES = 3


@dataclass(frozen=True)
class LedgerEntry:
    """One rule: what it did (`action`), to how many rows (or attacks), why, with up to three examples."""

    rule: str
    rows: int
    action: Action
    reason: str
    examples: tuple[str, ...] = ()
    source: str = ""


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
    ) -> "Ledger":
        """Ledger with one more entry; the same one where the rule touched no row."""
        if rows == 0:
            return self
        shown = tuple(str(example) for example, _ in zip(examples, range(_MAX_EXAMPLES), strict=False))
        return replace(self, entries=(*self.entries, LedgerEntry(rule, int(rows), action, reason, shown, source)))

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

    def to_frame(self) -> pd.DataFrame:
        """One row per entry: source, rule, action, rows, reason, examples (joined by ' | ')."""
        columns = ["source", "rule", "action", "rows", "reason", "examples"]
        rows = [{**asdict(entry), "examples": " | ".join(entry.examples)} for entry in self.entries]
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
        lines += [f"  {entry.action:8} {entry.rows:>9,}  {entry.rule}: {entry.reason}" for entry in self.entries]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return str(self.to_frame().to_html(index=False, escape=True))
