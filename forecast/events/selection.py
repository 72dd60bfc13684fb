"""Which records an actor or a class of target stands in."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

import pandas as pd

from forecast.errors import InputError
from forecast.events.draft import SIDE
from forecast.ledger import Ledger

__all__ = ["involved", "select_events"]


def select_events(
    table: pd.DataFrame,
    ledger: Ledger,
    *,
    actor: str | Sequence[str] | None = None,
    target: str | Sequence[str] | None = None,
) -> tuple[pd.DataFrame, Ledger]:
    """`Events.select` on a table and its ledger."""
    if actor is not None:
        both = pd.concat([table["actor"], table["opponent"]])
        table, ledger = _filtered(table, ledger, involved(table, actor=actor), "actor", _listed(actor), both)
    if target is not None:
        keep = involved(table, target=target)
        table, ledger = _filtered(table, ledger, keep, "target", _listed(target), table["target"])
    return table, ledger


def involved(
    table: pd.DataFrame, *, actor: str | Sequence[str] | None = None, target: str | Sequence[str] | None = None
) -> pd.Series:
    """Which records `Events.select` chooses."""
    chosen = pd.Series(True, index=table.index)
    if actor is not None:
        chosen &= _involves(table, actor)
    if target is not None:
        chosen &= table["target"].isin(_listed(target))
    return chosen


def _involves(table: pd.DataFrame, actor: str | Sequence[str]) -> pd.Series:
    """Whether one of the actors of either side matches."""
    sides = table["actor"], table["opponent"]
    chosen = [label for label in pd.unique(pd.concat(sides).dropna()) if _matches(str(label), _listed(actor))]
    return sides[0].isin(chosen) | sides[1].isin(chosen)


def _matches(side: str, patterns: Sequence[str]) -> bool:
    labels = [label.casefold() for label in (side, *side.split(SIDE))]
    return any(fnmatchcase(label, pattern.casefold()) for label in labels for pattern in patterns)


def _listed(wanted: str | Sequence[str]) -> list[str]:
    return [wanted] if isinstance(wanted, str) else list(wanted)


def _filtered(
    table: pd.DataFrame, ledger: Ledger, keep: pd.Series, what: str, wanted: Sequence[str], labels: pd.Series
) -> tuple[pd.DataFrame, Ledger]:
    if not keep.any():
        frequent = labels.astype("str").str.split(SIDE).explode().value_counts().index[:8].tolist()
        raise InputError(f"no record has this {what}", where=what, found=list(wanted), expected=frequent)
    reason = f"{what} is none of: {', '.join(wanted)}"
    others = table[what][~keep].value_counts().index
    ledger = ledger.add(f"{what} not chosen", (~keep).sum(), "excluded", reason, others)
    return table[keep], ledger
