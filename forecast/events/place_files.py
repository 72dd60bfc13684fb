"""`forecast places`: any file of polygons or list of p-codes to a gazetteer and simplified boundaries."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecast import names
from forecast.errors import InputError
from forecast.events.boundaries import check_geometry, read_features
from forecast.events.countries import country_name
from forecast.events.neighbours import border_neighbours, point_neighbours
from forecast.events.places import Gazetteer, gazetteer_table, unit_keys, write_gazetteer
from forecast.events.spelling import normalise_name
from forecast.events.tactics import read_table
from forecast.files import sha256, write_text
from forecast.folders import PLACES, write_folder

__all__ = ["Places", "read_places"]

# Columns as geoBoundaries, HDX (COD-AB, old and new), GADM and Natural Earth call them, the best first.
_NAME = [
    "shapename",
    "adm1_en",
    "adm1_name",
    "name_1",
    "adm1_fr",
    "adm1_es",
    "adm1_pt",
    "admin1name",
    "admin1name_en",
    "province_name",
    "name_en",
    "name",
]
_CODE = ["adm1_pcode", "admin1pcode", "pcode", "shapeiso", "iso_3166_2", "iso_1", "gid_1", "hasc_1", "province"]
_COUNTRY = [
    "adm0_en",
    "adm0_name",
    "name_0",
    "country",
    "admin0name",
    "admin0name_en",
    "adm0_fr",
    "admin",
    "adm0_pcode",
    "adm0_a3",
    "gid_0",
    "shapegroup",
]
_ALIASES = [
    "adm1_fr",
    "adm1_es",
    "adm1_pt",
    "adm1_ar",
    "adm1_alt",
    "adm1_altnm",
    "adm1alt1en",
    "adm1_name1",
    "adm1_name2",
    "adm1_ref_name",
    "varname_1",
    "nl_name_1",
    "name_alt",
    "name_local",
    "shapeiso",
]
_LATITUDE, _LONGITUDE = ["latitude", "lat", "center_lat"], ["longitude", "lon", "long", "center_lon"]
# Borders are simplified to this many degrees (some 300 m).
_TOLERANCE = 0.003
_DIGITS = 4


@dataclass(frozen=True, repr=False)
class Places:
    """Provinces of a file: a gazetteer, their simplified polygons (none of a list), and what was read how.

    Attributes
    ----------
    gazetteer : Gazetteer
        Keys are the file's codes where it has one per province, else readable forms of the names.
    geometries : mapping of str to dict
        GeoJSON geometries by unit key.
    notes : tuple of str
        Which columns were taken, and what was joined or left out.
    source : Path
        The file.
    """

    gazetteer: Gazetteer
    geometries: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    source: Path = Path()

    def save(self, folder: str | Path) -> None:
        """Write `gazetteer.csv`, and `boundaries.geojson` where there are polygons, with the marker `places.json`.

        Never over the file itself, nor over files that are not of `save`.
        """
        with write_folder(folder, PLACES, inputs={sha256(self.source)}) as temporary:
            if self.geometries:
                write_text(temporary / "boundaries.geojson", self._geojson())
            write_gazetteer(temporary / "gazetteer.csv", self.gazetteer)

    def _geojson(self) -> str:
        labels = self.gazetteer.table[names.PROVINCE_NAME]
        features = [
            {
                "type": "Feature",
                "properties": {names.PROVINCE: key, names.PROVINCE_NAME: labels[key]},
                "geometry": geometry,
            }
            for key, geometry in self.geometries.items()
        ]
        lines = ",\n".join(json.dumps(feature, ensure_ascii=False) for feature in features)
        return f'{{"type": "FeatureCollection", "features": [\n{lines}\n]}}\n'


def read_places(path: str | Path, *, name: str | None = None, country: str | None = None) -> Places:
    """Read a GeoJSON file of polygons, or a table of p-codes (CSV, xlsx), as a gazetteer.

    Parameters
    ----------
    path : path
        Of geoBoundaries, HDX COD-AB, GADM, Natural Earth or any other with a column of names. Several rows or polygons
        of one province (a file of districts, say) are joined.
    name : str, optional
        The column of the provinces' names; without it the first known one (shapeName, ADM1_EN, NAME_1, name, …).
    country : str, optional
        The country, where no column tells it.

    Raises
    ------
    InputError
        When the file cannot be read, has no such column, or does not tell the country.
    """
    path = Path(path)
    drawn = path.suffix.casefold() in (".geojson", ".json")
    features, properties = read_features(path) if drawn else ([], [])
    frame = pd.DataFrame(properties).fillna("").astype(str) if drawn else read_table(path, []).reset_index(drop=True)
    taken = _columns(frame, path, name, country)
    rows, notes = _provinces(frame, taken, country)
    if rows.empty:
        raise InputError("names no province", source=path, where=f"column {taken['name']}")
    first = rows.drop_duplicates(names.PROVINCE).set_index(names.PROVINCE)
    table = gazetteer_table(
        list(first.index),
        country=first[names.COUNTRY],
        province_name=first["label"],
        aliases=_aliases(frame, rows, taken),
    )
    if not drawn:
        return Places(Gazetteer(_with_points(table, frame, rows)), notes=notes, source=path)
    for row, key in rows[names.PROVINCE].items():
        check_geometry(features[int(str(row))]["geometry"], f"feature {int(str(row)) + 1} ({key})", path)
    shapes = _dissolved(features, rows)
    table["neighbours"] = pd.Series(border_neighbours(shapes))
    table[[names.LATITUDE, names.LONGITUDE]] = [_point(shapes[key]) for key in table.index]
    return Places(Gazetteer(table), _simplified(shapes), notes, path)


def _provinces(
    frame: pd.DataFrame, taken: Mapping[str, str], country: str | None
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Label, country and province (the key) of each row that names one, and what is to be said of it."""
    told = frame[taken["country"]].str.strip() if country is None else pd.Series(country, index=frame.index)
    countries = told.map({value: country_name(value) for value in told.unique()})
    rows = pd.DataFrame({"label": frame[taken["name"]].str.strip(), names.COUNTRY: countries})
    named = rows["label"].ne("")
    rows = rows[named]
    codes = _codes(frame[named], taken, rows)
    rows = rows.assign(province=_slugs(rows) if codes is None else codes)
    notes = [f"names from column {taken['name']}"]
    notes.append(f"countries from column {taken['country']}" if country is None else f"country {country}, as given")
    notes.append("keys made of the names" if codes is None else f"keys from column {taken['code']}")
    if not named.all():
        notes.append(f"left out: {int((~named).sum())} without a name")
    provinces = rows[names.PROVINCE].nunique()
    if provinces < len(rows):
        notes.append(f"joined: {len(rows)} rows to {provinces} provinces")
    return rows, tuple(notes)


def _columns(frame: pd.DataFrame, path: Path, name: str | None, country: str | None) -> dict[str, str]:
    """Which column holds the names, codes and countries ('' where none does)."""
    if name is not None and name not in frame:
        raise InputError("no such column", source=path, where="--name", found=name, expected=list(frame))
    taken = {"name": name or _first(frame, _NAME), "code": _first(frame, _CODE), "country": _first(frame, _COUNTRY)}
    if not taken["name"]:
        hint = "Name the column of the provinces' names: --name COLUMN"
        raise InputError("has no known column of names", source=path, found=list(frame), hint=hint)
    if not taken["country"] and country is None:
        hint = "Name it: --country NAME"
        raise InputError("has no column that tells the country", source=path, found=list(frame), hint=hint)
    return taken


def _first(frame: pd.DataFrame, known: Sequence[str]) -> str:
    """The first of the known columns that a table has (in any case) and that says something."""
    present = {str(column).casefold(): str(column) for column in reversed(list(frame))}
    said = (present[column] for column in known if column in present)
    return next((column for column in said if frame[column].str.strip().ne("").any()), "")


def _codes(frame: pd.DataFrame, taken: Mapping[str, str], rows: pd.DataFrame) -> pd.Series | None:
    """The codes of the rows' provinces, where each name of a country has one of its own."""
    if not taken["code"]:
        return None
    codes = frame[taken["code"]].str.strip()
    pairs = pd.DataFrame({"code": codes, "place": _slugs(rows)}).drop_duplicates()
    is_key = ~(pairs["code"].eq("") | pairs["code"].duplicated() | pairs["place"].duplicated())
    return codes if is_key.all() and not codes.str.contains("@").any() else None


def _slugs(rows: pd.DataFrame) -> pd.Series:
    """A readable key per row, the same for rows of one name and country."""
    folded = rows["label"].map(normalise_name)
    places = pd.DataFrame({"label": folded.mask(folded.eq(""), rows["label"]), "country": rows[names.COUNTRY]})
    distinct = places.drop_duplicates()
    keys = dict(zip(map(tuple, distinct.to_numpy()), unit_keys(distinct["label"], distinct["country"]), strict=True))
    return pd.Series([keys[place] for place in map(tuple, places.to_numpy())], index=rows.index)


def _aliases(frame: pd.DataFrame, rows: pd.DataFrame, taken: Mapping[str, str]) -> list[tuple[str, ...]]:
    """Other names of each province, in the order in which the provinces come first."""
    present = {str(column).casefold(): str(column) for column in frame}
    columns = [present[column] for column in _ALIASES if column in present and present[column] not in taken.values()]
    others = frame.loc[rows.index, columns].assign(label=rows["label"])
    aliases = []
    for _, group in others.groupby(rows[names.PROVINCE], sort=False):
        words = [part.strip() for value in group.to_numpy().ravel() for part in str(value).split("|")]
        aliases.append(tuple(dict.fromkeys(word for word in words if word and word != group["label"].iloc[0])))
    return aliases


def _with_points(table: pd.DataFrame, frame: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """The table with the mean of a list's coordinates, where it has some, and neighbours by these points."""
    columns = [_first(frame, _LATITUDE), _first(frame, _LONGITUDE)]
    if all(columns):
        degrees = frame[columns].apply(pd.to_numeric, errors="coerce")
        inside = degrees.abs().le([90.0, 180.0]).all(axis=1)
        points = degrees.where(inside).groupby(rows[names.PROVINCE]).mean().reindex(table.index)
        table[[names.LATITUDE, names.LONGITUDE]] = points.to_numpy()
        table["neighbours"] = pd.Series(point_neighbours(table))
    return table


def _dissolved(features: Sequence[Mapping[str, Any]], rows: pd.DataFrame) -> dict[str, Any]:
    """One valid shapely geometry per province, in the order in which they come first."""
    import shapely
    from shapely.geometry import shape

    polygons = pd.Series([shapely.make_valid(shape(features[int(row)]["geometry"])) for row in rows.index], rows.index)
    return {
        str(key): shapely.union_all(group.to_numpy())
        for key, group in polygons.groupby(rows[names.PROVINCE], sort=False)
    }


def _point(polygon: Any) -> tuple[float, float]:
    """Latitude and longitude of the centroid, or of a point inside where that lies outside."""
    point = polygon.centroid if polygon.covers(polygon.centroid) else polygon.representative_point()
    return round(point.y, _DIGITS), round(point.x, _DIGITS)


def _simplified(shapes: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """GeoJSON geometries with less detail: shared borders stay shared where the polygons fit together."""
    import shapely
    from shapely.geometry import mapping

    polygons = np.array(list(shapes.values()), dtype=object)
    whole = shapely.coverage_is_valid(polygons)
    simple = shapely.coverage_simplify(polygons, _TOLERANCE) if whole else shapely.simplify(polygons, _TOLERANCE)
    return {
        key: json.loads(json.dumps(mapping(shape)), parse_float=lambda digits: round(float(digits), _DIGITS))
        for key, shape in zip(shapes, simple, strict=True)
    }
