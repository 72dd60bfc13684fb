"""Tables that name provinces: aliases, zones, and partner forces."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from forecast import names
from forecast.datasets import data_path
from forecast.errors import InputError
from forecast.events.places import Gazetteer
from forecast.events.spelling import normalise_name
from forecast.events.tactics import read_table, refuse

__all__ = ["read_aliases", "read_forces", "read_zones"]


def read_aliases(path: str | Path, gazetteer: Gazetteer | None = None) -> dict[str, str]:
    """Which province the user takes a name of the data for: {name as `normalise_name` gives it: province}.

    Columns of the file (CSV): name (as the data write it) and province (a key or a name); any others are left alone.
    A row without a province says nothing.

    Raises
    ------
    InputError
        For missing columns, a name with two provinces, and, where a gazetteer is given, provinces that it lacks.
    """
    path = Path(path)
    table = read_table(path, ["name", names.PROVINCE])
    table = table[table[names.PROVINCE].ne("")]
    keys = table["name"].map(normalise_name)
    refuse(path, table, keys.eq(""), "name", "is empty", "a name as the data write it")
    twice = keys.duplicated(keep=False) & ~table.assign(name=keys).duplicated(["name", names.PROVINCE], keep=False)
    refuse(path, table, twice, "name", "stands there with two provinces", "each name once")
    if gazetteer is not None:
        unknown = gazetteer.match(table[names.PROVINCE]).isna()
        expected = gazetteer.suggest(table.loc[unknown, names.PROVINCE].iloc[0]) if unknown.any() else ()
        refuse(path, table, unknown, names.PROVINCE, "is no province", expected)
    return dict(zip(keys, table[names.PROVINCE], strict=True))


def read_zones(path: str | Path | None = None, gazetteer: Gazetteer | None = None) -> dict[str, tuple[str, ...]]:
    """Named sets of provinces (CSV with columns zone and provinces, separated by '|'); the shipped ones by default.

    `Panel.aggregate` and `Forecast.aggregate` take the result as `by`, whole or in part.

    Raises
    ------
    InputError
        For missing columns, a zone that stands there twice or holds nothing, and, where a gazetteer is given,
        provinces that it does not hold.
    """
    path = Path(path) if path is not None else data_path("zones.csv")
    table = read_table(path, [names.ZONE, "provinces"])
    members = table["provinces"].str.split("|").map(lambda keys: tuple(key.strip() for key in keys if key.strip()))
    refuse(path, table, table[names.ZONE].eq(""), names.ZONE, "is empty", "a name")
    refuse(path, table, table[names.ZONE].duplicated(), names.ZONE, "stands there twice", "each zone once")
    refuse(path, table, members.map(len).eq(0), "provinces", "names no province", "keys such as SY03|SY04")
    if gazetteer is not None:
        for row, keys in members.items():
            _refuse_unknown(path, f"row {row}, column provinces", keys, gazetteer)
    return dict(zip(table[names.ZONE], members, strict=True))


def read_forces(path: str | Path | None = None, gazetteer: Gazetteer | None = None) -> pd.DataFrame:
    """Partner force of each unit over time: columns province, force, start, end (NaT where open).

    A row for a p-code holds for all units of it. Later rows overrule earlier ones where they overlap.

    Raises
    ------
    InputError
        For missing columns, days that are none, an end before its start and, where a gazetteer is given, p-codes
        that it does not hold.
    """
    path = Path(path) if path is not None else data_path("forces.csv")
    raw = read_table(path, [names.PROVINCE, names.FORCE, "start", "end"])
    table = raw.copy()
    for column in ("start", "end"):
        table[column] = pd.to_datetime(raw[column].replace("", None), format="%Y-%m-%d", errors="coerce")
        refuse(path, raw, table[column].isna() & raw[column].ne(""), column, "is no date", "YYYY-MM-DD")
    refuse(path, raw, table["end"] < table["start"], "end", "lies before the start", "a later day")
    if gazetteer is not None:
        for row, key in raw[names.PROVINCE].items():
            _refuse_unknown(path, f"row {row}, column province", [key], gazetteer)
    return table


def _refuse_unknown(path: Path, where: str, keys: Sequence[str], gazetteer: Gazetteer) -> None:
    """Raise an InputError where a key is neither of the gazetteer nor a part of a province that it holds."""
    unknown = [key for key in keys if key not in gazetteer.table.index and not gazetteer.units_of(key.split("@")[0])]
    if unknown:
        expected = f"{gazetteer.units[0]} or another key of the gazetteer"
        raise InputError("is no province", source=path, where=where, found=unknown, expected=expected)
