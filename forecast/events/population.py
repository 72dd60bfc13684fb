"""`read_population`: people by province, matched by name as records are."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from forecast import names
from forecast.errors import InputError
from forecast.events.places import Gazetteer
from forecast.events.plain import match_columns
from forecast.events.raw import RawTable, read_raw
from forecast.events.spelling import normalise_name
from forecast.events.values import amounts
from forecast.ledger import Ledger

__all__ = ["POPULATION", "Population", "read_population"]

POPULATION = "population"
# No province has more people; a larger number is a slip.
_MOST = 2_000_000_000


@dataclass(frozen=True)
class Population:
    """People by province.

    Attributes
    ----------
    people : Series
        By unit key; a province whose cell is empty is not there.
    unmatched : tuple of str
        Names of the table that are those of no province, each with the names nearest to it.
    """

    people: "pd.Series[float]"
    unmatched: tuple[str, ...]


def read_population(path: str | Path, gazetteer: Gazetteer, aliases: Mapping[str, str] | None = None) -> Population:
    """Read a table of people by province: columns province (key, p-code or name) and population, country if need be.

    Names are matched as those of records are, and never guessed. Names that match none are kept apart: a table of a
    whole country may hold more provinces than there are data of.

    Parameters
    ----------
    path : str or Path
        Any table that `read_raw` reads.
    gazetteer : Gazetteer
        The provinces.
    aliases : mapping of str to str, optional
        See `read_aliases`.

    Raises
    ------
    InputError
        For missing columns, a population that is no number above 0, a province that stands there twice or is divided in
        the gazetteer, and where no name matches.
    """
    raw = read_raw(path, pick=lambda header: _columns(header, path))
    frame = raw.frame
    people, _ = amounts(raw, POPULATION, Ledger(), whole=True)
    wrong = frame[POPULATION].notna() & ~people.between(0, _MOST, inclusive="right")
    _refuse(raw, wrong, POPULATION, "is no number of people", "a number above 0, or nothing where it is unknown")
    labels = frame[names.PROVINCE]
    _refuse(raw, labels.isna(), names.PROVINCE, "is empty", "a province")
    meant = labels.map({label: (aliases or {}).get(normalise_name(label), label) for label in labels.unique()})
    units = gazetteer.match(meant, frame.get(names.COUNTRY))
    whole = units.notna() & ~units.isin(gazetteer.table.index)
    parts = gazetteer.units_of(str(units[whole].iloc[0])) if whole.any() else []
    _refuse(raw, whole, names.PROVINCE, "is divided into parts", f"a row for each of {', '.join(parts)}")
    _refuse(raw, units.notna() & units.duplicated(), names.PROVINCE, "stands there twice", "each province once")
    if units.isna().all():
        near = ", ".join(gazetteer.suggest(str(labels.iloc[0])))
        found = labels.head(3).to_list()
        raise InputError("names no known province", source=raw.path, found=found, hint=f"Nearest to the first: {near}")
    unmatched = tuple(f"{label} (nearest: {', '.join(gazetteer.suggest(label))})" for label in labels[units.isna()])
    known = units.notna() & people.notna()
    return Population(pd.Series(people[known].to_numpy(), index=units[known].astype(str).to_numpy()), unmatched)


def _columns(header: list[str], path: str | Path) -> dict[str, str]:
    """{our name: the file's}; the country is taken where it is there."""
    needed = (names.PROVINCE, POPULATION)
    chosen = match_columns(header, [*needed, names.COUNTRY], {}, path)
    if not set(needed) <= set(chosen):
        raise InputError("lacks columns", source=path, where="header", found=header, expected=list(needed))
    return chosen


def _refuse(raw: RawTable, wrong: "pd.Series[bool]", column: str, problem: str, expected: str) -> None:
    if wrong.any():
        row = wrong.index[wrong][0]
        found = raw.frame.loc[row, column]
        shown = "" if pd.isna(found) else str(found)
        raise InputError(problem, source=raw.path, where=raw.where(column, row), found=shown, expected=expected)
