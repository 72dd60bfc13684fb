"""Published counts as facts: what each publisher says of each period, once, without contradictions.

Rows of one publisher, definition and span of periods say something of one number: a total, parts of it by province or
by tactic, and perhaps the same total again. `facts_of` puts each such system into one form, in which nothing stands
twice:

- a *total* over a set of cells, exact or between two bounds;
- *parts* of a total by disjoint sets of provinces, or by tactics, of which the rest is whatever is left;
- a *subset* of a total or part: how many of the recorded attacks were claimed, or confirmed.

A span of several months holds the months within it that were published by themselves: it becomes the total of the
rest.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

import numpy as np
import pandas as pd

from forecast import names
from forecast.errors import InputError
from forecast.ledger import Ledger
from forecast.panel.fact import Fact, flat, renumbered, system_of, wholes_first, with_children
from forecast.panel.reports import ALL, APPROX, AT_LEAST, EXACT, PublishedTotals

__all__ = ["SUBSET_OF", "Facts", "facts_of"]

# Definitions that count some of the attacks which another definition of the same publisher counts.
SUBSET_OF: Mapping[str, str] = MappingProxyType({"claimed": "recorded", "confirmed": "recorded"})
# What 'approx' means.
_ABOUT = 5
# A publisher's floors are a series of its own where they are at least so many and most of its totals in the zone.
_SERIES = 12

Conflicts = Literal["refuse", "drop"]


@dataclass(frozen=True)
class Facts:
    """All facts of a table of reports, and what was found on the way.

    Attributes
    ----------
    facts : tuple of Fact
        Wholes before their parts and subsets.
    ledger : Ledger
        Repetitions, contradictions and rules that were applied, with their sources.
    notes : tuple of str
        What a reader must be told.
    """

    facts: tuple[Fact, ...]
    ledger: Ledger = field(default_factory=Ledger)
    notes: tuple[str, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """One row per fact; `first` and `last` are the first days of its first and last period."""
        rows = [
            {
                "kind": fact.kind,
                names.ZONE: fact.zone,
                names.PUBLISHER: fact.publisher,
                names.DEFINITION: fact.definition,
                "first": fact.periods[0],
                "last": fact.periods[-1],
                "periods": len(fact.periods),
                "provinces": "|".join(fact.provinces),
                names.TACTIC: fact.tactic,
                names.LOWER: fact.lower,
                names.UPPER: fact.upper,
                "whole": -1 if fact.whole is None else fact.whole,
                "rows": fact.rows,
            }
            for fact in self.facts
        ]
        return pd.DataFrame(rows)


def facts_of(
    reports: PublishedTotals, *, subset_of: Mapping[str, str] = SUBSET_OF, conflicts: Conflicts = "refuse"
) -> Facts:
    """What a table of reports says, once.

    Parameters
    ----------
    reports : PublishedTotals
        What `read_published` gave.
    subset_of : mapping of str to str
        Definitions whose attacks are among those of another one, by the same publisher.
    conflicts : {'refuse', 'drop'}
        What happens to contradictions: an error that lists them all, or the rule: of two values for the same thing the
        one that was reported later stays, or else the one further down in the table; of parts that are more than their
        whole, and of a subset that is more than what it belongs to, the whole stays.

    Raises
    ------
    InputError
        For contradictions, unless they are dropped; for parts whose provinces overlap without one holding the other,
        and for counts by province and tactic at once beside their total.

    Notes
    -----
    Rules, each in the ledger where it was applied: rows that repeat another are one. 'approx' is ± 5. A publisher's
    series of floors in a zone (12 and more, and most of its totals there) is exact, of its own definition; other floors
    are bounds. A floor below the sum of its own parts is raised to it.
    """
    findings = _Finding(reports)
    single = findings.with_series_of_floors(findings.without_repetitions(_as_facts(reports)))
    systems = [findings.put_together(same) for same in _grouped(single, system_of)]
    for definition in subset_of:
        wider = [definition]
        while wider[-1] in subset_of:
            wider.append(subset_of[wider[-1]])
            if wider.count(wider[-1]) > 1:
                problem = "a definition would be part of itself"
                raise InputError(problem, where="subset_of", found=" < ".join(wider), expected="another, wider one")
    facts = findings.with_subsets(flat(findings.without_months(systems)), subset_of)
    if findings.contradictions and conflicts == "refuse":
        listed = "; ".join(findings.contradictions[:5]) + ("; …" if len(findings.contradictions) > 5 else "")
        hint = "Mend the table, or have them resolved by the stated rule: conflicts='drop'"
        problem = f"{len(findings.contradictions)} published counts contradict others: {listed}"
        raise InputError(problem, source="published totals", hint=hint)
    return Facts(tuple(facts), reports.ledger + findings.ledger, tuple(findings.notes))


# Parts ---------------------------------------------------------------------------------------------------------------


def _as_facts(reports: PublishedTotals) -> list[Fact]:
    """Each row by itself, as a total."""
    facts = []
    for number, row in zip(reports.table.index, reports.table.to_dict("records"), strict=True):
        value = float(row[names.ATTACKS])
        lower, upper = {
            EXACT: (value, value),
            AT_LEAST: (value, np.inf),
            APPROX: (max(0.0, value - _ABOUT), value + _ABOUT),
        }[row["bound"]]
        facts.append(
            Fact(
                "total",
                row[names.ZONE],
                row[names.PUBLISHER],
                row[names.DEFINITION],
                tuple(pd.date_range(row["period_start"], row[names.PERIOD_END], freq=reports.freq)),
                tuple(row["provinces"].split("|")),
                row[names.TACTIC],
                lower,
                upper,
                (int(number),),
            )
        )
    return facts


class _Finding:
    """What is found on the way: contradictions, entries of the ledger, notes."""

    def __init__(self, reports: PublishedTotals) -> None:
        self.reported = reports.table["reported"]
        self.contradictions: list[str] = []
        self.ledger = Ledger()
        self.notes: list[str] = []

    def contradiction(self, rule: str, text: str, dropped: int) -> None:
        self.contradictions.append(text)
        self.ledger = self.ledger.add(rule, dropped, "dropped", "contradicts another published count", [text])

    def without_repetitions(self, facts: Sequence[Fact]) -> list[Fact]:
        """One fact per number; rows that repeat another, or say less of the same number, are not counted twice."""
        kept = []
        for same in _grouped(facts, lambda fact: (*system_of(fact), fact.provinces, fact.tactic)):
            lower, upper = max(fact.lower for fact in same), min(fact.upper for fact in same)
            rows = tuple(sorted(row for fact in same for row in fact.rows))
            if lower <= upper:
                kept.append(replace(same[0], lower=lower, upper=upper, rows=rows))
                examples = [f"row {row}" for row in rows[1:]]
                why = "says again what another row says of the same number"
                self.ledger = self.ledger.add("repeated count", len(rows) - 1, "excluded", why, examples)
                continue
            chosen = max(same, key=lambda fact: (self._reported(fact), fact.rows))
            others = ", ".join(fact.told() for fact in same if fact is not chosen)
            self.contradiction("two values", f"{chosen.told()} and {others}", len(same) - 1)
            kept.append(chosen)
        return kept

    def _reported(self, fact: Fact) -> pd.Timestamp:
        return min(pd.Timestamp.min if pd.isna(self.reported[row]) else self.reported[row] for row in fact.rows)

    def with_series_of_floors(self, facts: Sequence[Fact]) -> list[Fact]:
        """A publisher's regular floors are exact, of its own definition; others stay bounds."""
        kept: list[Fact] = []
        for same in _grouped(facts, lambda fact: system_of(fact)[:3]):
            widest = max((fact.provinces for fact in same), key=len)
            totals = [fact for fact in same if fact.provinces == widest and fact.tactic == ALL]
            floors = [fact for fact in totals if np.isinf(fact.upper)]
            if len(floors) >= _SERIES and 2 * len(floors) > len(totals):
                every = [fact for fact in same if np.isinf(fact.upper)]
                one = same[0]
                text = f"{len(every)} floors of {one.publisher} in {one.zone} ({one.definition})"
                why = "a regular series of floors counts as exact, of its own definition"
                self.ledger = self.ledger.add("series of floors", len(every), "changed", why, [text])
                self.notes.append(f"{text} count as exact numbers of their own definition: there were at least as many")
                same = [replace(fact, upper=fact.lower) if np.isinf(fact.upper) else fact for fact in same]
            kept += same
        return kept

    def put_together(self, system: Sequence[Fact]) -> list[Fact]:
        """The facts of one publisher, definition and span as trees: wholes before parts, by position in the list."""
        whole_tactics = sorted((fact for fact in system if fact.tactic == ALL), key=_by_size)
        split = [fact for fact in system if fact.tactic != ALL]
        whole_tactics = self._under_one(whole_tactics)
        placed: list[Fact] = []
        for fact in whole_tactics:
            above = [at for at, other in enumerate(placed) if set(fact.provinces) < set(other.provinces)]
            parent = min(above, key=lambda at: len(placed[at].provinces)) if above else None
            siblings = [other for other in placed if other.whole == parent]
            crossing = [other for other in siblings if set(other.provinces) & set(fact.provinces)]
            if crossing:
                text = f"{fact.told()} and {crossing[0].told()}"
                raise InputError(
                    "provinces overlap, and neither holds the other", source="published totals", found=text
                )
            placed.append(replace(fact, whole=parent, kind="total" if parent is None else "part"))
        for fact in split:
            at = [number for number, other in enumerate(placed) if other.provinces == fact.provinces]
            if not at and any(set(fact.provinces) & set(other.provinces) for other in placed):
                hint = "Leave out the split or the total"
                raise InputError(
                    "by province and tactic at once", source="published totals", found=fact.told(), hint=hint
                )
            placed.append(replace(fact, whole=at[0], kind="part") if at else fact)
        return self._without_excess(placed)

    def _under_one(self, facts: list[Fact]) -> list[Fact]:
        """Numbers of disjoint sets of provinces are parts of their sum, so that a row with the sum adds nothing."""
        roots = [fact for fact in facts if not any(set(fact.provinces) < set(other.provinces) for other in facts)]
        sets = [set(fact.provinces) for fact in roots]
        disjoint = sum(map(len, sets)) == len(set().union(*sets)) if sets else False
        if len(roots) < 2 or not disjoint or not all(fact.is_exact for fact in roots):
            return facts
        value = sum(fact.lower for fact in roots)
        provinces = tuple(sorted(set().union(*sets)))
        rows = tuple(sorted(row for fact in roots for row in fact.rows))
        return [replace(roots[0], provinces=provinces, lower=value, upper=value, rows=rows), *facts]

    def _without_excess(self, placed: list[Fact]) -> list[Fact]:
        """Parts within their wholes: floors are raised to their parts' sum, and contradictions lose the parts."""
        dropped: set[int] = set()
        # From the leaves up, so that a floor that was raised is judged by what it is now.
        for at in reversed(range(len(placed))):
            for by_tactic in (False, True):
                children = [
                    number
                    for number, fact in enumerate(placed)
                    if fact.whole == at and (fact.tactic != placed[at].tactic) == by_tactic
                ]
                parts, whole = [placed[number] for number in children], placed[at]
                least = sum(part.lower for part in parts)
                complete = not by_tactic and {p for part in parts for p in part.provinces} == set(whole.provinces)
                most = sum(part.upper for part in parts) if complete else np.inf
                if least > whole.upper or most < whole.lower:
                    told = " and ".join(part.told() for part in parts)
                    word = "above" if least > whole.upper else "not"
                    self.contradiction("parts and whole", f"{told} are {word} the whole {whole.told()}", len(parts))
                    dropped |= with_children(placed, children)
                elif least > whole.lower:
                    text = f"{whole.told()}, its parts {least:g}"
                    self.ledger = self.ledger.add(
                        "floor below its parts", 1, "changed", "is raised to their sum", [text]
                    )
                    placed[at] = replace(whole, lower=least, upper=max(whole.upper, least))
        return renumbered([None if at in dropped else fact for at, fact in enumerate(placed)])

    def without_months(self, systems: Sequence[list[Fact]]) -> list[list[Fact]]:
        """A span of several periods without those within it that were published by themselves."""
        done: list[list[Fact]] = []
        for system in sorted(systems, key=lambda facts: len(facts[0].periods)):
            root = system[0]
            inside = [
                other[0]
                for other in done
                if len(root.periods) > 1
                and system_of(other[0])[:3] == system_of(root)[:3]
                and (other[0].provinces, other[0].tactic) == (root.provinces, root.tactic)
                and set(other[0].periods) <= set(root.periods)
            ]
            if not inside:
                done.append(system)
                continue
            # Of one that is known between bounds, the middle is taken off.
            known = sum((fact.lower + (fact.lower if np.isinf(fact.upper) else fact.upper)) / 2 for fact in inside)
            covered = {period for fact in inside for period in fact.periods}
            rest = tuple(period for period in root.periods if period not in covered)
            left = root.upper - known
            if left < 0 or (
                not rest and all(fact.is_exact for fact in inside) and not root.lower <= known <= root.upper
            ):
                text = f"{root.told()} and {known:g} in {len(covered)} periods of it"
                self.contradiction("span and its periods", text, len(root.rows))
                continue
            why = "holds periods that were published by themselves: the rest of it is used"
            self.ledger = self.ledger.add("span", 1, "changed", why, [root.told()])
            if len(system) > 1:
                why = "splits of a span of which periods were published by themselves"
                self.ledger = self.ledger.add("split of a span", len(system) - 1, "dropped", why)
            if rest:
                done.append([replace(root, periods=rest, lower=max(0.0, root.lower - known), upper=left)])
        return done

    def with_subsets(self, facts: Sequence[Fact], subset_of: Mapping[str, str]) -> list[Fact]:
        """Numbers of a definition that is part of another, beside that one, become subsets of it."""
        at = {(*system_of(fact), fact.provinces, fact.tactic): number for number, fact in enumerate(facts)}
        kept: list[Fact | None] = list(facts)
        for number, fact in enumerate(facts):
            wider = subset_of.get(fact.definition)
            key = (fact.zone, fact.publisher, wider, fact.periods, fact.provinces, fact.tactic)
            if wider is None or fact.kind != "total" or key not in at:
                continue
            whole = facts[at[key]]
            if fact.lower > whole.upper:
                self.contradiction("subset and whole", f"{fact.told()} is more than {whole.told()}", 1)
                for child in with_children(list(facts), [number]):
                    kept[child] = None
            elif fact.is_exact and whole.is_exact:
                kept[number] = replace(fact, kind="subset", whole=at[key])
        return wholes_first(renumbered(kept))


def _by_size(fact: Fact) -> tuple[int, tuple[str, ...]]:
    """The largest sets first."""
    return -len(fact.provinces), fact.provinces


def _grouped(facts: Sequence[Fact], key: Callable[[Fact], tuple[object, ...]]) -> list[list[Fact]]:
    groups: dict[tuple[object, ...], list[Fact]] = {}
    for fact in facts:
        groups.setdefault(key(fact), []).append(fact)
    return list(groups.values())
