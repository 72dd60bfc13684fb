"""Boundaries: polygons of provinces, and the province of a point."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecast import names
from forecast.errors import InputError
from forecast.events.places import Gazetteer
from forecast.files import check_input_file

__all__ = ["Boundaries", "check_geometry", "locate", "read_boundaries"]

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
    """

    geometries: Mapping[str, dict[str, Any]]
    unmatched: tuple[str, ...] = ()

    def find(self, latitude: npt.ArrayLike, longitude: npt.ArrayLike) -> npt.NDArray[np.object_]:
        """Unit key of the polygon that covers each point, None where none does (or a coordinate is NaN)."""
        import shapely
        from shapely.geometry import shape

        keys = np.array([*self.geometries, None], dtype=object)
        tree = shapely.STRtree([shapely.make_valid(shape(geometry)) for geometry in self.geometries.values()])
        points = shapely.points(np.asarray(longitude, float), np.asarray(latitude, float))
        rows, shapes = tree.query(points, predicate="covered_by")
        found = np.full(len(points), len(self.geometries))
        found[rows[::-1]] = shapes[::-1]
        return np.asarray(keys[found])


def read_boundaries(path: str | Path, gazetteer: Gazetteer) -> Boundaries:
    """Read a GeoJSON FeatureCollection of polygons and match its features to the gazetteer's units.

    A feature is matched by any of its text properties (unit key, p-code, ISO 3166-2 code, name or alias).

    Raises
    ------
    InputError
        When the file is no GeoJSON of polygons in degrees, no feature matches, or several match one unit.
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
    geometries: dict[str, dict[str, Any]] = {}
    unmatched: list[str] = []
    for number, (feature, values) in enumerate(zip(features, properties, strict=True), start=1):
        labels = pd.Series([value for value in values.values() if isinstance(value, str)], dtype="string")
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
    return Boundaries(geometries, tuple(unmatched))


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
    max_distance_km: float = 100.0,
    among: pd.Series | None = None,
) -> pd.Series:
    """Unit key of each point: of the polygon that covers it, else of the nearest representative point.

    Parameters
    ----------
    latitude, longitude : Series of float
        Degrees; NaN gives NA.
    gazetteer : Gazetteer
        The units and their representative points.
    boundaries : Boundaries, optional
        Polygons; a point in none of them goes to the nearest representative point of the units without one.
    max_distance_km : float
        No unit is given to a point farther than this (great-circle km) from every representative point.
    among : Series of str, optional
        A p-code per point: only its units are considered, at any distance.

    Returns
    -------
    Series of string
        Unit keys, NA where none was found; indexed like `latitude`.
    """
    points = np.column_stack([latitude.to_numpy(float), longitude.to_numpy(float)])
    valid = ~np.isnan(points).any(axis=1)
    found = np.full(len(points), None, dtype=object)
    table = gazetteer.table
    if boundaries is not None:
        found[valid] = boundaries.find(points[valid, 0], points[valid, 1])
        drawn = list(boundaries.geometries)
        table = table[~(table.index.isin(drawn) | table[names.PCODE].isin(drawn))]
    if among is not None:
        pcodes = gazetteer.table[names.PCODE].reindex(found)
        found[pcodes.to_numpy() != among.to_numpy()] = None
        table = gazetteer.table
    todo = np.flatnonzero(valid & pd.isna(found))
    if len(todo) and len(table):
        distance = _distance_km(points[todo], table[[names.LATITUDE, names.LONGITUDE]].to_numpy(float))
        if among is None:
            distance[distance > max_distance_km] = np.inf
        else:
            distance[among.to_numpy()[todo, None] != table[names.PCODE].to_numpy()[None, :]] = np.inf
        near = distance.argmin(axis=1)
        reachable = np.isfinite(distance[np.arange(len(todo)), near])
        found[todo[reachable]] = table.index.to_numpy()[near[reachable]]
    return pd.Series(found, index=latitude.index, dtype="string")


def _distance_km(points: npt.NDArray[np.float64], centres: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Great-circle distances in km (haversine) between points and centres, both as degrees (latitude, longitude)."""
    first, second = np.radians(points)[:, None, :], np.radians(centres)[None, :, :]
    half = np.sin((first - second) / 2) ** 2
    chord = half[..., 0] + np.cos(first[..., 0]) * np.cos(second[..., 0]) * half[..., 1]
    return np.asarray(2 * _EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.minimum(chord, 1.0))))
