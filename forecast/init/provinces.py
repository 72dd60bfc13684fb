"""Provinces that files name, and the gazetteer that serves them."""

from typing import Any

import pandas as pd

from forecast import names
from forecast.events.places import Gazetteer
from forecast.events.spelling import normalise_name

__all__ = [
    "choose_gazetteer",
    "countries_held",
    "names_of_provinces",
    "number_of_provinces",
    "with_similar_names",
]

# The shipped gazetteer serves where it holds the countries of so many records; where the file names no country, where
# it holds the names of so many: names of a file are misspelt, names of countries hardly ever.
_HELD_COUNTRIES, _HELD_NAMES = 0.9, 0.5
# Similarity (of 100) from which two names of one file may be two spellings.
_ALIKE = 85


def names_of_provinces(draft: pd.DataFrame, shipped: Gazetteer, by_key: bool) -> pd.DataFrame:
    """Every name with its rows, the shipped gazetteer's key for it, and the nearest names where it has none."""
    labels = draft[["place_label", names.COUNTRY]].dropna(subset=["place_label"])
    table = labels.value_counts(dropna=False).rename("rows").reset_index()
    table = table.rename(columns={"place_label": "name"})
    if by_key:
        table[names.PROVINCE] = table["name"].where(table["name"].isin(shipped.units), "")
    else:
        table[names.PROVINCE] = shipped.match(table["name"], table[names.COUNTRY]).fillna("")
    table["nearest"] = ["" if by_key else _nearest(row, shipped) for _, row in table.iterrows()]
    return table


def _nearest(row: "pd.Series[Any]", shipped: Gazetteer) -> str:
    """The gazetteer's name of the province that a name matches; of others the three nearest."""
    if row[names.PROVINCE] in shipped.table.index:
        return str(shipped.table.loc[row[names.PROVINCE], names.PROVINCE_NAME])
    country = None if pd.isna(row[names.COUNTRY]) else str(row[names.COUNTRY])
    return " | ".join(shipped.suggest(str(row["name"]), country))


def choose_gazetteer(draft: pd.DataFrame, provinces: pd.DataFrame, shipped: Gazetteer) -> tuple[str, str]:
    """'' where the shipped gazetteer serves, else 'data'; and why."""
    countries = draft[names.COUNTRY].dropna()
    shipped_countries = " and ".join(map(str, shipped.table[names.COUNTRY].unique()))
    if len(countries):
        held = countries.isin([country for country in countries.unique() if _held(str(country), shipped)]).mean()
        reason = f"{held:.0%} of the rows that name a country lie in {shipped_countries}"
        return ("" if held >= _HELD_COUNTRIES else "data"), reason
    if len(provinces):
        held = provinces.loc[provinces[names.PROVINCE].ne(""), "rows"].sum() / provinces["rows"].sum()
        reason = f"{held:.0%} of the rows bear a name of a province of {shipped_countries}"
        return ("" if held >= _HELD_NAMES else "data"), reason
    points, known = draft[[names.LATITUDE, names.LONGITUDE]].dropna(), shipped.table[[names.LATITUDE, names.LONGITUDE]]
    near = points.ge(known.min() - 1).all(axis=1) & points.le(known.max() + 1).all(axis=1)
    reason = f"{near.mean():.0%} of the points lie around {shipped_countries}"
    return ("" if near.mean() >= _HELD_NAMES else "data"), reason


def _held(country: str, shipped: Gazetteer) -> str:
    """The shipped gazetteer's name of a country; '' where it does not hold it."""
    return next(iter(shipped.countries_of(country)), "")


def countries_held(draft: pd.DataFrame, provinces: pd.DataFrame, shipped: Gazetteer) -> tuple[str, ...]:
    """Countries of the shipped gazetteer that rows name, or in which the provinces lie that they name."""
    named = [_held(str(country), shipped) for country in draft[names.COUNTRY].dropna().unique()]
    keys = provinces.loc[provinces[names.PROVINCE].isin(shipped.units), names.PROVINCE]
    held = {*named, *shipped.table.loc[keys, names.COUNTRY]} - {""}
    return tuple(str(country) for country in shipped.table[names.COUNTRY].unique() if country in held)


def with_similar_names(provinces: pd.DataFrame) -> pd.DataFrame:
    """The names by their most frequent spelling, each beside more frequent ones of its country that resemble it."""
    from rapidfuzz import fuzz, process

    spelling, nearest = [], []
    before: dict[str, dict[str, str]] = {}
    for _, row in provinces.iterrows():
        earlier, key = before.setdefault(str(row[names.COUNTRY]), {}), normalise_name(str(row["name"]))
        others = [] if key in earlier else list(earlier)
        hits = process.extract(key, others, scorer=fuzz.ratio, limit=3, score_cutoff=_ALIKE)
        nearest.append(" | ".join(earlier[hit] for hit, _, _ in hits))
        spelling.append(earlier.setdefault(key, str(row["name"])))
    return provinces.assign(**{names.PROVINCE: spelling}, nearest=nearest)


def number_of_provinces(provinces: pd.DataFrame, shipped: Gazetteer) -> int:
    """Provinces that the rows name; all that ship, where they give coordinates only."""
    keys = provinces[names.PROVINCE].where(provinces[names.PROVINCE].ne(""), provinces["name"].map(normalise_name))
    return int(keys.nunique()) or len(shipped.units)
