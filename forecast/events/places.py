"""Places: the gazetteer of provinces and its names, units of divided provinces, zones, and forces."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecast import names
from forecast.datasets import data_path
from forecast.errors import InputError
from forecast.events.countries import country_key
from forecast.events.spelling import fold_name, normalise_name
from forecast.events.tactics import read_table, refuse
from forecast.files import write_csv

__all__ = ["Gazetteer", "gazetteer_table", "nearest_names", "read_gazetteer", "unit_keys", "write_gazetteer"]

_REQUIRED = [names.PROVINCE, names.COUNTRY, names.PROVINCE_NAME, names.LATITUDE, names.LONGITUDE]
_OPTIONAL = ["iso_3166_2", "partner_force", "aliases", "neighbours"]
# Share of letters in common, in order, from which an unknown name is said to be perhaps a province's: Idlib and Idleb
# have 80 %, Nasarawa and Nassarawa 94 %.
_NEAR_IDENTICAL = 80.0


@dataclass(frozen=True, repr=False)
class Gazetteer:
    """The provinces (units) that events can lie in.

    Attributes
    ----------
    table : DataFrame
        Indexed by unit key (`province`: the p-code, or `pcode@zone` for a part of a divided one), with the
        columns pcode, zone ('' for a whole province), iso_3166_2, country, province_name, latitude, longitude
        (degrees), partner_force ('' where there is none), aliases and neighbours (tuples), shared_names (those
        of the whole province, for a part of a divided one; further spellings of a whole one). Coordinates are NaN
        where they are not known.
    is_selected : bool
        True where it holds chosen countries only: records elsewhere are not asked for, and no loss.
    from_data : bool
        True where the provinces are the names in the events themselves.

    Examples
    --------
    >>> "IQG10" in fc.read_gazetteer().units
    True
    """

    table: pd.DataFrame
    is_selected: bool = False
    from_data: bool = False

    @property
    def units(self) -> list[str]:
        """Keys of all units."""
        return [str(key) for key in self.table.index]

    @cached_property
    def _by_spelling(self) -> dict[tuple[str, str], set[str]]:
        return self._matches(fold_name)

    @cached_property
    def _by_name(self) -> dict[tuple[str, str], set[str]]:
        return self._matches(normalise_name)

    def _matches(self, spell: Callable[[str], str]) -> dict[tuple[str, str], set[str]]:
        """(country or '', spelling) -> units that bear it, or the p-code for a name of a divided province."""
        matches: dict[tuple[str, str], set[str]] = {}
        for key, row in self.table.iterrows():
            of_unit = [str(key), row[names.PROVINCE_NAME], *row["aliases"]]
            shared = [row[names.PCODE], row["iso_3166_2"], *row["shared_names"]]
            named = [(name, str(key)) for name in of_unit] + [(name, row[names.PCODE]) for name in shared if name]
            for name, match in named:
                for country in ("", row[names.COUNTRY]):
                    matches.setdefault((country, spell(name)), set()).add(match)
        return matches

    @cached_property
    def _countries(self) -> dict[str, list[str]]:
        """Normalised name, and key, of each country -> the names that the gazetteer has for it."""
        countries: dict[str, list[str]] = {}
        for country in map(str, self.table[names.COUNTRY].unique()):
            for key in {normalise_name(country), country_key(country)}:
                countries.setdefault(key, []).append(country)
        return countries

    def countries_of(self, name: str) -> list[str]:
        """What the gazetteer calls a country: by the name's spelling, else by any other name that the country has."""
        return self._countries.get(normalise_name(name)) or self._countries.get(country_key(name), [])

    @cached_property
    def _units_of(self) -> dict[str, list[str]]:
        units: dict[str, list[str]] = {}
        for key, pcode in self.table[names.PCODE].items():
            units.setdefault(str(pcode), []).append(str(key))
        return units

    def units_of(self, pcode: str) -> list[str]:
        """Unit keys of a p-code: itself, or its parts where it is divided."""
        return self._units_of.get(pcode, [])

    def match(self, labels: pd.Series, country: pd.Series | None = None) -> pd.Series:
        """P-code (or unit key, where the label is one) of each name, NA where no name or several match.

        Names are compared after `fold_name` and, where that finds none, after `normalise_name`; nothing is guessed.
        Where a row's country is given, under any of its names, only its provinces count; a country that the gazetteer
        does not know matches nothing.
        """
        countries = pd.Series("", index=labels.index) if country is None else country.fillna("").astype(str)
        pairs = pd.DataFrame({"label": labels.astype("string"), "country": countries.astype("string")})
        distinct = pairs.dropna().drop_duplicates()
        distinct["match"] = [
            self._match_one(label, where) for label, where in zip(distinct["label"], distinct["country"], strict=True)
        ]
        merged = pairs.merge(distinct, on=["label", "country"], how="left")["match"]
        return pd.Series(merged.to_numpy(), index=labels.index, dtype="string")

    def _match_one(self, label: str, country: str) -> str | None:
        if label in self.table.index:
            return label
        countries = self.countries_of(country) if country else [""]
        for matches, spelling in ((self._by_spelling, fold_name(label)), (self._by_name, normalise_name(label))):
            units = {unit for where in countries for unit in matches.get((where, spelling), ())}
            if len(units) == 1:
                return units.pop()
        return None

    @cached_property
    def _spellings(self) -> pd.DataFrame:
        """Every name and alias: `spelling` as `normalise_name` gives it, country, unit key and province_name."""
        rows = [
            (normalise_name(name), row[names.COUNTRY], str(key), row[names.PROVINCE_NAME])
            for key, row in self.table.iterrows()
            for name in (row[names.PROVINCE_NAME], *row["aliases"])
        ]
        return pd.DataFrame(rows, columns=["spelling", names.COUNTRY, names.PROVINCE, names.PROVINCE_NAME])

    def _spellings_in(self, country: str | None) -> pd.DataFrame:
        countries = self.countries_of(country) if country else []
        return self._spellings[self._spellings[names.COUNTRY].isin(countries)] if countries else self._spellings

    def suggest(self, label: str, country: str | None = None) -> tuple[str, ...]:
        """The three names nearest in spelling, for messages: a suggestion is never taken up by itself."""
        from rapidfuzz import process

        spellings = self._spellings_in(country)
        ranked = process.extract(normalise_name(label), spellings["spelling"].tolist(), limit=None)
        return tuple(dict.fromkeys(spellings[names.PROVINCE_NAME].iloc[row] for _, _, row in ranked))[:3]

    def resembled(self, label: str, country: str | None = None) -> str | None:
        """Unit whose name or alias is nearest to the label and nearly the same, if any; for messages as well."""
        from rapidfuzz import fuzz, process

        spellings = self._spellings_in(country)
        nearest = process.extractOne(
            normalise_name(label),
            spellings["spelling"].tolist(),
            scorer=fuzz.token_sort_ratio,
            score_cutoff=_NEAR_IDENTICAL,
        )
        return None if nearest is None else str(spellings[names.PROVINCE].iloc[nearest[2]])

    def with_neighbours(self, neighbours: Mapping[str, tuple[str, ...]]) -> "Gazetteer":
        """Gazetteer in which some units have these neighbours among themselves, and the rest as before."""
        before = self.table["neighbours"]
        merged = {
            key: (*neighbours[key], *(near for near in before[key] if near not in neighbours))
            if key in neighbours
            else before[key]
            for key in self.units
        }
        return replace(self, table=self.table.assign(neighbours=pd.Series(merged)))

    def keys(self, labels: Sequence[str], where: str) -> list[str]:
        """Unit keys of provinces that are given by key, p-code, name or alias; all units of a divided one.

        Raises
        ------
        InputError
            For what is none of these, with the nearest names.
        """
        keys: dict[str, None] = {}
        for label, match in zip(labels, self.match(pd.Series(labels, dtype="str")), strict=True):
            if pd.isna(match):
                hint = f"Nearest: {', '.join(self.suggest(label))}"
                raise InputError("unknown province", where=where, found=label, hint=hint)
            keys |= dict.fromkeys([match] if match in self.table.index else self.units_of(match))
        return list(keys)

    def select(self, countries: Sequence[str]) -> "Gazetteer":
        """Gazetteer of some countries only, so that a point near a border is given to no province beyond it."""
        unknown = [name for name in countries if not self.countries_of(name)]
        if unknown:
            expected = list(self.table[names.COUNTRY].unique())
            raise InputError("unknown countries", where="countries", found=unknown, expected=expected)
        chosen = {country for name in countries for country in self.countries_of(name)}
        return replace(self, table=self.table[self.table[names.COUNTRY].isin(chosen)], is_selected=True)

    def divide(self, units: "pd.DataFrame | Gazetteer") -> "Gazetteer":
        """Gazetteer in which each province that `units` divides is replaced by its parts.

        `units` is a gazetteer (or its table) whose keys look like `SY09@northeast`. Neighbours of the rest that
        named the whole province name those parts that name them.
        """
        parts = units.table if isinstance(units, Gazetteer) else units
        divided = set(parts[names.PCODE])
        whole_units = [str(key) for key, zone in parts[names.ZONE].items() if not zone]
        if whole_units:
            expected = f"keys such as {whole_units[0]}@north"
            raise InputError("do not divide a province", where="units", found=whole_units, expected=expected)
        unknown = divided - set(self.table.index)
        if unknown:
            raise InputError("divides provinces that the gazetteer does not hold", where="units", found=sorted(unknown))
        rest = self.table[~self.table.index.isin(divided)].copy()
        rest["neighbours"] = [
            tuple(n for n in row["neighbours"] if n not in divided)
            + tuple(str(part) for part, near in parts["neighbours"].items() if key in near)
            for key, row in rest.iterrows()
        ]
        parts = parts[rest.columns].copy()
        whole = self.table.loc[parts[names.PCODE]]
        columns = (whole[names.PROVINCE_NAME], whole["aliases"], whole["shared_names"])
        shared = [(name, *aliases, *further) for name, aliases, further in zip(*columns, strict=True)]
        parts["shared_names"] = pd.Series(shared, index=parts.index)
        return replace(self, table=pd.concat([rest, parts]))

    def __repr__(self) -> str:
        counts = self.table[names.COUNTRY].value_counts()
        return f"Gazetteer: {', '.join(f'{n} units in {country}' for country, n in counts.items())}"


def nearest_names(label: str, spellings: Mapping[str, str]) -> tuple[str, ...]:
    """The names of the three spellings nearest to a label, for messages; `spellings` is {spelling: name}."""
    from rapidfuzz import process, utils

    ranked = process.extract(label, list(spellings), processor=utils.default_process, limit=None)
    return tuple(dict.fromkeys(spellings[spelling] for spelling, _, _ in ranked))[:3]


def read_gazetteer(path: str | Path | None = None) -> Gazetteer:
    """Read a gazetteer (CSV); without a path, the shipped one of Iraq's and Syria's 32 governorates.

    Columns: province (unit key), country, province_name, latitude, longitude (both may be empty); optionally
    iso_3166_2, partner_force ('none' or empty where there is none), aliases and neighbours (separated by '|').

    Raises
    ------
    InputError
        For missing columns, coordinates that are none, keys that stand there twice and unknown neighbours.

    Examples
    --------
    >>> fc.read_gazetteer().select(["Syria"]).table["province_name"].head(2).tolist()
    ['Damascus', 'Aleppo']
    """
    spellings = _shipped_spellings() if path is None else {}
    path = Path(path) if path is not None else data_path("provinces.csv")
    raw = read_table(path, _REQUIRED)
    for column in _OPTIONAL:
        if column not in raw:
            raw[column] = ""
    empty = raw[names.LATITUDE].eq("") & raw[names.LONGITUDE].eq("")
    for column, limit in ((names.LATITUDE, 90.0), (names.LONGITUDE, 180.0)):
        values = pd.to_numeric(raw[column], errors="coerce")
        expected = f"degrees from -{limit:g} to {limit:g}, or both cells empty"
        refuse(path, raw, ~(values.abs() <= limit) & ~empty, column, "is no coordinate", expected)
        raw[column] = values
    refuse(path, raw, raw[names.PROVINCE].eq(""), names.PROVINCE, "is empty", "a key such as IQG01 or SY09@northeast")
    refuse(path, raw, raw[names.PROVINCE].duplicated(), names.PROVINCE, "stands there twice", "each key once")
    keys = raw[names.PROVINCE].str.split("@", n=1, expand=True).reindex(columns=[0, 1], fill_value="").fillna("")
    raw[names.PCODE], raw[names.ZONE] = keys[0], keys[1]
    raw["partner_force"] = raw["partner_force"].replace("none", "")
    for column in ("aliases", "neighbours"):
        raw[column] = [tuple(part.strip() for part in text.split("|") if part.strip()) for text in raw[column]]
    raw["shared_names"] = [spellings.get(key, ()) for key in raw[names.PROVINCE]]
    held = set(raw[names.PROVINCE]) | set(raw[names.PCODE])
    if not raw[names.ZONE].any():  # units of divided provinces have neighbours in the gazetteer that they divide
        foreign = sorted({near for neighbours in raw["neighbours"] for near in neighbours} - held)
        if foreign:
            raise InputError("names provinces that it does not hold", source=path, where="neighbours", found=foreign)
    table = raw.set_index(names.PROVINCE)
    columns = [names.PCODE, names.ZONE, "iso_3166_2", names.COUNTRY, names.PROVINCE_NAME, names.LATITUDE]
    return Gazetteer(table[[*columns, names.LONGITUDE, "partner_force", "aliases", "neighbours", "shared_names"]])


def _shipped_spellings() -> dict[str, tuple[str, ...]]:
    """Further spellings of the shipped provinces, by p-code."""
    table = pd.read_csv(data_path("spellings.csv"), dtype=str)
    return dict(zip(table[names.PROVINCE], table["spellings"].str.split("|").map(tuple), strict=True))


def write_gazetteer(path: str | Path, gazetteer: Gazetteer) -> None:
    """Write a gazetteer as a table (CSV) that `read_gazetteer` reads."""
    table = gazetteer.table.drop(columns=[names.PCODE, names.ZONE, "shared_names"]).reset_index()
    for column in ("aliases", "neighbours"):
        table[column] = table[column].str.join("|")
    write_csv(path, table)


def gazetteer_table(keys: Sequence[str], **columns: Any) -> pd.DataFrame:
    """The table of a gazetteer of whole provinces; the columns that are not given say nothing."""
    blank: dict[str, Any] = {"iso_3166_2": "", names.COUNTRY: "", names.PROVINCE_NAME: list(keys)}
    blank |= {names.LATITUDE: np.nan, names.LONGITUDE: np.nan, "partner_force": ""}
    nothing = [()] * len(keys)
    blank |= {"aliases": nothing, "neighbours": nothing, "shared_names": nothing}
    given = {name: list(values) for name, values in columns.items()}
    index = pd.Index(keys, name=names.PROVINCE)
    return pd.DataFrame({names.PCODE: list(keys), names.ZONE: "", **blank, **given}, index=index)


def unit_keys(labels: Sequence[str] | pd.Series, country: Sequence[str] | pd.Series) -> list[str]:
    """A readable key for each province name: with its country's where several countries have the name."""
    slugs = pd.Series([normalise_name(label).replace(" ", "-") for label in labels])
    lands = pd.Series([normalise_name(name).replace(" ", "-") for name in country])
    return [str(key) for key in slugs.mask(slugs.duplicated(keep=False), slugs + "-" + lands)]
