"""Boundaries: polygons of provinces, and the province of a point."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecast import names
from forecast.datasets import data_path
from forecast.errors import InputError
from forecast.events.places import Gazetteer
from forecast.files import check_input_file

__all__ = [
    "DOUBTFUL",
    "MARGIN_KM",
    "Boundaries",
    "check_geometry",
    "is_drawn",
    "locate",
    "read_boundaries",
    "read_features",
    "shipped_boundaries",
]

# A point this far outside all polygons (a coast, a simplified border) is given to the nearest of them.
MARGIN_KM = 10.0
# Two representative points whose distances differ by this share at most: which is nearer says little of the province.
DOUBTFUL = 0.2

_EARTH_RADIUS_KM = 6371.0


@dataclass(frozen=True, repr=False)
class Boundaries:
    """Polygons of units.

    Attributes
    ----------
    geometries : mapping of str to dict
        GeoJSON geometries (WGS 84, degrees) by unit key.
    unmatched : tuple of str
        Features of the file that bear the name of no unit.
    source : str
        The file, or what else they are, for messages.
    """

    geometries: Mapping[str, dict[str, Any]]
    unmatched: tuple[str, ...] = ()
    source: str = ""

    def shapes(self) -> dict[str, Any]:
        """The polygons as valid shapely geometries, by unit key."""
        import shapely
        from shapely.geometry import shape

        return {key: shapely.make_valid(shape(geometry)) for key, geometry in self.geometries.items()}

    def of(self, gazetteer: Gazetteer) -> "Boundaries":
        """Polygons of the gazetteer's units only."""
        keys = {*gazetteer.units, *gazetteer.table[names.PCODE]}
        return replace(self, geometries={key: shape for key, shape in self.geometries.items() if key in keys})

    def find(
        self, latitude: npt.ArrayLike, longitude: npt.ArrayLike, *, within_km: float = 0.0
    ) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.float64]]:
        """Unit key of the polygon that covers each point, or is the nearest within some km; None where none is.

        The second array holds the distance in km, 0 where the polygon covers the point.
        """
        import shapely

        coordinates = np.column_stack([np.asarray(longitude, float), np.asarray(latitude, float)])
        keys = np.array([*self.geometries, None], dtype=object)
        polygons = np.array(list(self.shapes().values()), dtype=object)
        position, distance = np.full(len(coordinates), len(polygons)), np.zeros(len(coordinates))
        if not len(polygons) or not len(coordinates):
            return keys[position], distance
        tree = shapely.STRtree(polygons)
        rows, shapes = tree.query(shapely.points(coordinates), predicate="covered_by")
        position[rows[::-1]] = shapes[::-1]
        outside = np.flatnonzero(position == len(polygons))
        if within_km > 0 and len(outside):
            nearest, km = _nearest_polygons(coordinates[outside], polygons)
            near = km <= within_km
            position[outside[near]], distance[outside[near]] = nearest[near], km[near]
        return keys[position], distance


def shipped_boundaries(gazetteer: Gazetteer) -> Boundaries | None:
    """The polygons that ship with the package, all of them; None where the gazetteer has no province of theirs."""
    content = json.loads(data_path("boundaries.geojson").read_text(encoding="utf-8"))
    shapes = {feature["properties"][names.PROVINCE]: feature["geometry"] for feature in content["features"]}
    known = gazetteer.table[names.PCODE].isin(list(shapes)).any()
    source = "the polygons that come with the package (simplified; see data/README.md)"
    return Boundaries(shapes, source=source) if known else None


def _nearest_polygons(
    points: npt.NDArray[np.float64], polygons: npt.NDArray[np.object_]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    """Position of the nearest polygon and its distance in km, for points as (longitude, latitude)."""
    import shapely

    # A degree of longitude is shortened to the length of one of latitude, so that near is near on the ground.
    _, south, _, north = shapely.total_bounds(polygons)
    scale = np.array([np.cos(np.radians((south + north) / 2)), 1.0])
    scaled = shapely.transform(polygons, lambda corners: corners * scale)
    tree = shapely.STRtree(scaled)
    nearest = tree.nearest(shapely.points(points * scale))
    line = shapely.shortest_line(shapely.points(points * scale), scaled[nearest])
    ends = shapely.get_coordinates(line).reshape(-1, 2, 2)[:, 1] / scale
    return nearest, _great_circle_km(points[:, ::-1], ends[:, ::-1])


def read_boundaries(path: str | Path, gazetteer: Gazetteer) -> Boundaries:
    """Read a GeoJSON FeatureCollection of polygons and match its features to the gazetteer's units.

    A feature is matched by any of its text properties (unit key, p-code, ISO 3166-2 code, name or alias).

    Raises
    ------
    InputError
        When the file is no GeoJSON of polygons in degrees, no feature matches, or several match one unit.
    """
    features, properties = read_features(path)
    geometries: dict[str, dict[str, Any]] = {}
    unmatched: list[str] = []
    shared = _shared_values(properties)
    for number, (feature, values) in enumerate(zip(features, properties, strict=True), start=1):
        texts = [value for name, value in values.items() if isinstance(value, str) and name not in shared]
        labels = pd.Series(texts, dtype="string")
        matches = [str(key) for key in gazetteer.match(labels).dropna().unique()]
        if len(matches) != 1:
            unmatched.append(str(next(iter(values.values()), f"feature {number}")))
            continue
        if matches[0] in geometries:
            hint = "One polygon (or multipolygon) per province is needed: dissolve them by province"
            raise InputError("several features are of one province", source=path, found=matches[0], hint=hint)
        check_geometry(feature["geometry"], f"feature {number} ({matches[0]})", path)
        geometries[matches[0]] = {key: feature["geometry"][key] for key in ("type", "coordinates")}
    if not geometries:
        raise InputError("no feature bears the name of a province", source=path, found=unmatched)
    return Boundaries(geometries, tuple(unmatched), Path(path).name)


def read_features(path: str | Path) -> tuple[list[Any], list[dict[str, Any]]]:
    """The features of a GeoJSON FeatureCollection of polygons, and the properties of each.

    Raises
    ------
    InputError
        When the file is none, or holds other shapes.
    """
    check_input_file(path)
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8-sig"))
        features = content["features"]
        properties = [dict(feature["properties"] or {}) for feature in features]
        kinds = {str(feature["geometry"]["type"]) for feature in features}
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError("is no GeoJSON FeatureCollection", source=path, found=str(error)) from error
    if not kinds <= {"Polygon", "MultiPolygon"}:
        raise InputError("holds other shapes than polygons", source=path, found=sorted(kinds))
    return features, properties


def _shared_values(properties: Sequence[Mapping[str, Any]]) -> set[str]:
    """Text properties that are the same in all features, such as the country's name, which may be a province's too."""
    texts = {name for values in properties for name, value in values.items() if isinstance(value, str)}
    shared = {name for name in texts if all(values.get(name) == properties[0].get(name) for values in properties)}
    return shared if len(properties) > 1 and shared < texts else set()


def check_geometry(geometry: Any, where: str, path: str | Path = "") -> None:
    """Raise an InputError where a GeoJSON geometry is no polygon in degrees that can be drawn and searched."""
    import shapely
    from shapely.errors import ShapelyError
    from shapely.geometry import shape

    try:
        with np.errstate(invalid="ignore"):  # a corner that is NaN is refused below
            polygon = shape(geometry)
        if polygon.is_empty:
            raise ValueError("no corners")
        # Bounds pass over corners and heights that are NaN, and JSON has no word for them.
        if not np.isfinite(shapely.get_coordinates(polygon, include_z=bool(polygon.has_z))).all():
            raise ValueError("a coordinate that is no finite number")
        west, south, east, north = polygon.bounds
    except (ShapelyError, ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise InputError("is no polygon", source=path, where=where, found=str(error)) from error
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        hint = "Convert the file to WGS 84 (EPSG:4326)"
        found = f"{west:g} to {east:g}, {south:g} to {north:g}"
        raise InputError("is not in degrees", source=path, where=where, found=found, hint=hint)


def locate(
    latitude: pd.Series,
    longitude: pd.Series,
    gazetteer: Gazetteer,
    boundaries: Boundaries | None = None,
    *,
    nearest: bool = False,
    max_distance_km: float = 100.0,
    among: pd.Series | None = None,
) -> pd.DataFrame:
    """Unit of each point: of the polygon that covers it; of the nearest representative point by consent only.

    Parameters
    ----------
    latitude, longitude : Series of float
        Degrees; NaN gives NA.
    gazetteer : Gazetteer
        The units and their representative points.
    boundaries : Boundaries, optional
        Polygons. A point in none of them goes to the nearest within `MARGIN_KM`; one in (or near) a polygon of no unit
        of the gazetteer goes nowhere.
    nearest : bool
        Give a point that no polygon takes to the nearest representative point of the units without a polygon.
    max_distance_km : float
        No unit is given to a point farther than this (great-circle km) from every representative point.
    among : Series of str, optional
        A p-code per point: only its units are considered, by polygon or the nearest point at any distance.

    Returns
    -------
    DataFrame
        Indexed like `latitude`: province (unit key, or p-code of a divided province; NA where none was found), how
        ('polygon', 'margin', 'nearest' or ''), distance_km (from the polygon or representative point), doubtful (two
        representative points are about as near: their distances differ by up to `DOUBTFUL`).
    """
    points = np.column_stack([latitude.to_numpy(float), longitude.to_numpy(float)])
    valid = ~np.isnan(points).any(axis=1)
    placed = pd.DataFrame({"province": None, "how": "", "distance_km": np.nan, "doubtful": False}, range(len(points)))
    placed["province"] = placed["province"].astype("string")
    table = gazetteer.table
    todo = np.flatnonzero(valid)
    if boundaries is not None:
        keys, distance = boundaries.find(
            points[todo, 0], points[todo, 1], within_km=0 if among is not None else MARGIN_KM
        )
        inside = _is_of(keys, table, None if among is None else among.to_numpy()[todo])
        rows = todo[inside]
        placed.loc[rows, "province"], placed.loc[rows, "distance_km"] = keys[inside], distance[inside]
        placed.loc[rows, "how"] = np.where(distance[inside] > 0, "margin", "polygon")
        # A point of a foreign polygon is no point of a province without one.
        todo = todo[pd.isna(keys)] if among is None else todo[~inside]
        if among is None:
            table = table[~_drawn(table, boundaries)]
    table = table[table[[names.LATITUDE, names.LONGITUDE]].notna().all(axis=1)]
    if (nearest or among is not None) and len(todo) and len(table):
        of = None if among is None else among.to_numpy()[todo]
        keys, distance, doubtful = _nearest_points(points[todo], table, max_distance_km, of)
        near = ~pd.isna(keys)
        rows = todo[near]
        placed.loc[rows, "province"], placed.loc[rows, "distance_km"] = keys[near], distance[near]
        placed.loc[rows, "how"], placed.loc[rows, "doubtful"] = "nearest", doubtful[near]
    return placed.set_axis(latitude.index)


def is_drawn(gazetteer: Gazetteer, boundaries: Boundaries | None) -> bool:
    """Whether every unit has a polygon, or is part of a province that has one."""
    return boundaries is not None and bool(_drawn(gazetteer.table, boundaries).all())


def _drawn(table: pd.DataFrame, boundaries: Boundaries) -> pd.Series:
    drawn = list(boundaries.geometries)
    return table.index.to_series().isin(drawn) | table[names.PCODE].isin(drawn)


def _is_of(
    keys: npt.NDArray[np.object_], table: pd.DataFrame, pcodes: npt.NDArray[np.object_] | None
) -> npt.NDArray[np.bool_]:
    """Which keys are units (or p-codes) of the table; of the given p-codes only, where there are any."""
    if pcodes is not None:
        return np.asarray(table[names.PCODE].reindex(keys).to_numpy() == pcodes)
    return np.asarray(pd.Series(keys, dtype=object).isin([*table.index, *table[names.PCODE]]))


def _nearest_points(
    points: npt.NDArray[np.float64],
    table: pd.DataFrame,
    max_distance_km: float,
    pcodes: npt.NDArray[np.object_] | None,
) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Unit of the nearest representative point (or None), its distance, and whether that is doubtful."""
    centres = table[[names.LATITUDE, names.LONGITUDE]].to_numpy(float)
    distance = _great_circle_km(points[:, None, :], centres[None, :, :])
    if pcodes is not None:
        distance[pcodes[:, None] != table[names.PCODE].to_numpy()[None, :]] = np.inf
    order = np.sort(distance, axis=1)
    nearest = order[:, 0]
    doubtful = order[:, 1] <= (1 + DOUBTFUL) * nearest if order.shape[1] > 1 else np.zeros(len(points), bool)
    reachable = np.isfinite(nearest) if pcodes is not None else nearest <= max_distance_km
    keys: npt.NDArray[np.object_] = table.index.to_numpy(object)[distance.argmin(axis=1)]
    keys[~reachable] = None
    return keys, nearest, doubtful & np.isfinite(nearest)


def _great_circle_km(first: npt.NDArray[np.float64], second: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Great-circle distance in km (haversine) of points as degrees (latitude, longitude), by broadcasting."""
    first, second = np.radians(first), np.radians(second)
    half = np.sin((first - second) / 2) ** 2
    chord = half[..., 0] + np.cos(first[..., 0]) * np.cos(second[..., 0]) * half[..., 1]
    return np.asarray(2 * _EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.minimum(chord, 1.0))))
