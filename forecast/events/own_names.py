"""The gazetteer of data whose provinces nobody listed: the source's own names."""

from collections.abc import Callable

import pandas as pd

from forecast import names
from forecast.errors import InputError
from forecast.events.countries import country_key
from forecast.events.neighbours import point_neighbours
from forecast.events.places import Gazetteer, gazetteer_table, unit_keys
from forecast.events.spelling import normalise_name
from forecast.ledger import Ledger

__all__ = ["gazetteer_of"]

# Whose coordinates say where a province lies, the best first.
_PRECISIONS = ("exact", "district", "province")


def gazetteer_of(draft: pd.DataFrame, ledger: Ledger, country: str = "") -> tuple[Gazetteer, Ledger]:
    """Gazetteer of the names in a draft table of events, and the ledger with lines on it.

    Names of a country that are the same after `normalise_name` are one province, called as most records call it; the
    other spellings are its aliases. Its point is the mean of its exact records' coordinates (of its less precise ones
    where there are none), its neighbours follow from the points. `country` is that of records that name none.

    Raises
    ------
    InputError
        When no record names a province.
    """
    labels = draft["place_label"].astype("str").str.replace(r"\s+", " ", regex=True)
    rows = pd.DataFrame({"label": labels, names.COUNTRY: draft[names.COUNTRY].fillna(country)})
    rows = rows[draft["place_precision"].isin(_PRECISIONS) & rows["label"].notna()]
    rows["name"] = _folded(rows["label"], normalise_name)
    rows["land"] = _folded(rows[names.COUNTRY], country_key)
    rows = rows[rows["name"].ne("")]
    # A record without a country is of the province that bears the name elsewhere.
    abroad = rows["land"].eq("") & rows["name"].isin(rows.loc[rows["land"].ne(""), "name"])
    listed = rows[~abroad]
    if listed.empty:
        hint = "Give a gazetteer and boundaries, or the column of the province's name"
        raise InputError("no record names a province, so that no gazetteer can be made of them", hint=hint)
    frequent = listed.groupby("land")[names.COUNTRY].agg(_most_frequent)
    spelled = listed.groupby(["land", "name"])["label"].agg([_most_frequent, "unique"]).reset_index()
    spelled.columns = pd.Index(["land", "name", "label", "spellings"])
    called = spelled["land"].map(frequent)
    table = gazetteer_table(
        unit_keys(spelled["label"], called),
        country=called,
        province_name=spelled["label"],
        aliases=[
            tuple(sorted(set(spellings) - {label}))
            for label, spellings in zip(spelled["label"], spelled["spellings"], strict=True)
        ],
    )
    places = spelled.set_index(["land", "name"]).index
    points = _points(draft.loc[listed.index], listed).reindex(places)
    table[[names.LATITUDE, names.LONGITUDE]] = points.to_numpy()
    table["neighbours"] = pd.Series(point_neighbours(table))
    reason = (
        f"the {len(table)} provinces are the source's own names; their points are means of records, and their "
        "neighbours follow from these (Delaunay); gazetteer.csv holds them, to be edited and given back"
    )
    ledger = ledger.add("gazetteer from the data", len(rows), "noted", reason, table[names.PROVINCE_NAME])
    renamed = listed.merge(spelled, on=["land", "name"], suffixes=("", "_called"))
    other = renamed[renamed["label"] != renamed["label_called"]]
    examples = (other["label"] + " as " + other["label_called"]).value_counts().index
    reason = "spellings that are the same without accents and words such as 'state' are one province"
    ledger = ledger.add("names taken as one", len(other), "changed", reason, examples)
    twins = _at_one_point(table)
    reason = "two names at one point may be one province, renamed: make one an alias of the other in gazetteer.csv"
    return Gazetteer(table, from_data=True), ledger.add("names at one point", len(twins), "noted", reason, twins)


def _at_one_point(table: pd.DataFrame) -> list[str]:
    """Pairs of provinces of a country whose points, to two decimals of a degree, are the same."""
    known = table.dropna(subset=[names.LATITUDE, names.LONGITUDE])
    points = [known[names.COUNTRY], known[names.LATITUDE].round(2), known[names.LONGITUDE].round(2)]
    together = known.groupby(points)[names.PROVINCE_NAME].agg(list)
    return [" and ".join(labels) for labels in together if len(labels) > 1]


def _folded(labels: pd.Series, fold: Callable[[str], str]) -> pd.Series:
    return labels.map({label: fold(label) for label in labels.unique()})


def _most_frequent(labels: pd.Series) -> str:
    counts = labels.value_counts()
    return str(min(counts.index[counts == counts.max()]))


def _points(draft: pd.DataFrame, listed: pd.DataFrame) -> pd.DataFrame:
    """Mean coordinates by (land, name) of the most precise records that have some."""
    columns = [names.LATITUDE, names.LONGITUDE]
    keys = [listed["land"], listed["name"]]
    means = None
    for precision in _PRECISIONS:
        chosen = draft[columns].where(draft["place_precision"].eq(precision) & draft[columns].notna().all(axis=1))
        mean = chosen.groupby(keys).mean()
        means = mean if means is None else means.fillna(mean)
    assert means is not None
    return means
