"""Which provinces are neighbours, by their borders or, where there are none, by their points."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from forecast import names

__all__ = ["border_neighbours", "point_neighbours"]

# Borders count as shared where they are this near (degrees, some 100 m), over this length (some 1 km): files of
# polygons are seldom exact, and provinces that meet in a corner are no neighbours.
_NEAR = 0.001
_LENGTH = 0.01
# Longer sides of triangles, in medians, are drawn around the outside of the map (from Chihuahua to Quintana Roo, say).
_LONGEST = 3.0


def border_neighbours(polygons: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Units that share a border, by unit; `polygons` are shapely geometries in degrees by unit key."""
    import shapely

    keys, shapes = list(polygons), np.array(list(polygons.values()), dtype=object)
    rows, others = shapely.STRtree(shapes).query(shapes, predicate="dwithin", distance=_NEAR)
    rows, others = rows[rows < others], others[rows < others]
    borders = shapely.intersection(shapely.boundary(shapes[rows]), shapely.buffer(shapes[others], _NEAR))
    shared = shapely.length(borders) >= _LENGTH
    return _by_unit(keys, zip(rows[shared], others[shared], strict=True))


def point_neighbours(table: pd.DataFrame) -> dict[str, tuple[str, ...]]:
    """Units whose points are joined in Delaunay's triangulation, by unit; units at one point are neighbours too.

    Sides far longer than the others are left out: they join what lies far apart on the rim. `table` holds latitude and
    longitude by unit key; units without them have no neighbours. Points on one line are neighbours of the next on it.
    """
    from scipy.spatial import Delaunay, QhullError

    known = table[[names.LATITUDE, names.LONGITUDE]].dropna()
    degrees = known.to_numpy(float)
    scale = np.cos(np.radians(degrees[:, 0].mean())) if len(degrees) else 1.0
    points, point_of = np.unique(degrees * [1.0, scale], axis=0, return_inverse=True)
    try:
        triangles = Delaunay(points)
        joined = {(int(a), int(b)) for corners in triangles.simplices for a in corners for b in corners if a != b}
        length = {pair: float(np.linalg.norm(points[pair[0]] - points[pair[1]])) for pair in joined}
        longest = _LONGEST * float(np.median(list(length.values())))
        joined = {pair for pair in joined if length[pair] <= longest}
        joined |= {(int(point), int(corner)) for point, _, corner in triangles.coplanar}
    except (QhullError, ValueError):  # fewer than three points, or all on one line, along which they are sorted
        joined = {(row, row + 1) for row in range(len(points) - 1)}
    together = {frozenset(pair) for pair in joined}
    pairs = [
        (one, other)
        for one in range(len(known))
        for other in range(one)
        if point_of[one] == point_of[other] or frozenset((int(point_of[one]), int(point_of[other]))) in together
    ]
    return dict.fromkeys(map(str, table.index), ()) | _by_unit([str(key) for key in known.index], pairs)


def _by_unit(keys: list[str], pairs: Iterable[tuple[int, int]]) -> dict[str, tuple[str, ...]]:
    near: dict[str, set[str]] = {key: set() for key in keys}
    for one, other in pairs:
        near[keys[one]].add(keys[other])
        near[keys[other]].add(keys[one])
    return {key: tuple(sorted(others)) for key, others in near.items()}
