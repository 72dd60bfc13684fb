"""The map of provinces: the user's boundaries, or tiles laid out from the coordinates."""

import json
import textwrap
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import xarray as xr

from forecast import names
from forecast.report.figures import Outlook
from forecast.report.tiles import Tiles, short_names, tile_layout
from forecast.report.vega import COLOURS, Chart, data_label
from forecast.report.wording import amount, between, mean_amount, percent

__all__ = ["province_map"]

# Below these widths (pixels) the map of boundaries goes without names, and tiles hold short ones.
_NARROW = 620
_NARROW_TILE = 82
# Above this share of the largest value the colour is dark, and text on it white.
_DARK = 0.35
# Height (pixels) that the legend takes below a map.
_AROUND = 70
_WRAP = 13
_TILE_HEIGHT = (38, 60)
_TILE_WIDTH = 120
_GAP = 0.03
# Boundaries are drawn to this share of the map's extent; finer detail would only make the file large.
_TOLERANCE = 0.001
# The map of the user's boundaries is drawn when it covers at least this share of the provinces.
_COVERED = 0.5


def province_map(
    outlook: Outlook,
    dataset: xr.Dataset,
    boundaries: Mapping[str, Mapping[str, Any]] | None,
    simulated: bool,
) -> Chart:
    """Map of the expected attacks over the horizon by province, all tactics.

    Parameters
    ----------
    outlook : Outlook
        The figures.
    dataset : Dataset
        The forecast's, for the provinces' coordinates.
    boundaries : mapping of unit key to GeoJSON geometry, optional
        Drawn when they cover at least half of the provinces; else the provinces stand as tiles.
    simulated : bool
        Label the chart as showing simulated data.
    """
    table = _map_table(outlook, dataset)
    shapes = {key: boundaries[key] for key in table["p"] if key in boundaries} if boundaries else {}
    if len(shapes) >= _COVERED * len(table):
        return _shape_map(table, shapes, outlook, simulated)
    return _tile_map(table, outlook, simulated)


def _map_table(outlook: Outlook, dataset: xr.Dataset) -> pd.DataFrame:
    """What both maps show, in short column names: key, name, value, tooltip texts, coordinates."""
    table = outlook.provinces
    return pd.DataFrame(
        {
            "p": table[names.PROVINCE],
            "n": table["name"],
            "c": table["country"],
            "v": table["sum_median"].astype(int),
            "m": [amount(value) for value in table["sum_median"]],
            "i": [between(low, high) for low, high in zip(table["sum_lower"], table["sum_upper"], strict=True)],
            "r": [mean_amount(value) for value in table["recent"]],
            "f": [mean_amount(value) for value in table["mean_median"]],
            "u": [percent(value) for value in table["rise"]],
            "d": table["sum_median"] > _DARK * table["sum_median"].max(),
            "lat": dataset[names.LATITUDE].values.astype(float),
            "lon": dataset[names.LONGITUDE].values.astype(float),
        }
    )


def _tooltip(outlook: Outlook, prefix: str = "") -> list[alt.Tooltip]:
    fields = {
        "n": "Province",
        "c": "Country",
        "m": f"Median, {outlook.span}",
        "i": "80% interval",
        "f": f"Per {outlook.unit}, median",
    }
    if outlook.is_compared:
        fields |= {"r": f"Per {outlook.unit}, last {outlook.since}", "u": "Chance of a rise"}
    return [alt.Tooltip(f"{prefix}{field}:N", title=title) for field, title in fields.items()]


def _colour(table: pd.DataFrame, outlook: Outlook, field: str) -> alt.Color:
    top = max(int(table["v"].max()), 1)
    ticks = sorted({round(top * share) for share in (0, 0.1, 0.35, 1)})
    return alt.Color(
        f"{field}:Q",
        title=f"Expected attacks (median), {outlook.span}",
        scale=alt.Scale(type="sqrt", domain=[0, top], range=list(COLOURS.ramp)),
        legend=alt.Legend(
            orient="bottom", direction="horizontal", gradientLength=260, values=ticks, format=",d", titleLimit=0
        ),
    )


def _tile_map(table: pd.DataFrame, outlook: Outlook, simulated: bool) -> Chart:
    tiles = tile_layout(table["lat"].to_numpy(), table["lon"].to_numpy())
    chart = alt.layer(*_tile_layers(table, tiles, outlook), *_borders(tiles, table["c"].to_list()))
    return Chart(
        "map",
        chart.properties(width="container", height=400, title=data_label(simulated)),
        description=f"Tiles of {len(table)} provinces, coloured by expected attacks",
        aspect=0.62 * tiles.rows / tiles.columns,
        least=_TILE_HEIGHT[0] * tiles.rows,
        most=_TILE_HEIGHT[1] * tiles.rows,
        extra=_AROUND,
        widest=_TILE_WIDTH * tiles.columns,
        note="Tiles stand roughly where the provinces lie; their size means nothing.",
    )


def _tile_layers(table: pd.DataFrame, tiles: Tiles, outlook: Outlook) -> list[alt.Chart]:
    """Squares, names and numbers. Names of two lines begin higher, so that they stay clear of the number below."""
    placed = table.drop(columns=["lat", "lon"]).assign(x=tiles.column, y=tiles.row, s=short_names(table["n"].to_list()))
    records = _records(placed)
    for record in records:
        record["w"] = textwrap.wrap(record["n"], _WRAP, max_lines=2, placeholder="…")
    x = alt.X("x1:Q", axis=None, scale=alt.Scale(domain=[0, tiles.columns], nice=False, zero=False))
    y = alt.Y("y1:Q", axis=None, scale=alt.Scale(domain=[tiles.rows, 0], nice=False, zero=False))
    narrow = f"width / {tiles.columns} < {_NARROW_TILE}"
    edges = {f"{axis}{side}": f"datum.{axis} + {at}" for axis in "xy" for side, at in ((1, _GAP), (2, 1 - _GAP))}
    base = alt.Chart(alt.InlineData(values=records)).transform_calculate(
        **edges,
        label=f"{narrow} ? [datum.s] : datum.w",
        middle="datum.x + 0.5",
        above="datum.y + 0.5 - 0.12 * length(datum.label)",
        below="datum.y + 0.74",
    )
    squares = base.mark_rect(cornerRadius=3).encode(
        x=x, x2="x2", y=y, y2="y2", color=_colour(table, outlook, "v"), tooltip=_tooltip(outlook)
    )
    ink = alt.condition("datum.d", alt.value("#ffffff"), alt.value(COLOURS.ink))
    size = alt.ExprRef(f"{narrow} ? 10 : 11.5")
    style: dict[str, Any] = {"baseline": "middle", "fontSize": size, "tooltip": None}
    numbers: dict[str, Any] = {**style, "fontWeight": 600}
    texts = [
        base.mark_text(**look).encode(x="middle:Q", y=f"{place}:Q", text=f"{text}:N", color=ink)
        for text, place, look in (("label", "above", style), ("m", "below", numbers))
    ]
    return [squares, *texts]


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in record.items()} for record in table.to_dict("records")]


def _borders(tiles: Tiles, countries: list[str]) -> list[alt.Chart]:
    """A line between countries: in every row midway between the last tile of one and the first of the next."""
    order = sorted(zip(tiles.row.tolist(), tiles.column.tolist(), countries, strict=True))
    crossings: dict[tuple[int, str, str], float] = {}
    for (row, west, one), (next_row, east, other) in pairwise(order):
        if row == next_row and one != other:
            crossings[row, one, other] = (west + 1 + east) / 2
    lines = []
    for (row, one, other), x in crossings.items():
        lines.append({"x": x, "x2": x, "y": row, "y2": row + 1})
        below = crossings.get((row + 1, one, other), x)
        if below != x:
            lines.append({"x": min(x, below), "x2": max(x, below), "y": row + 1, "y2": row + 1})
    if not lines:
        return []
    rules = alt.Chart(alt.InlineData(values=lines)).mark_rule(strokeWidth=1.5, color=COLOURS.muted, strokeCap="round")
    return [rules.encode(x="x:Q", x2="x2", y="y:Q", y2="y2")]


def _shape_map(
    table: pd.DataFrame, shapes: Mapping[str, Mapping[str, Any]], outlook: Outlook, simulated: bool
) -> Chart:
    geometries, aspect = _drawable(shapes)
    records = {record["p"]: record for record in _records(table.drop(columns=["lat", "lon"]))}
    features = [{"type": "Feature", "geometry": geometries[key], "properties": records[key]} for key in geometries]
    areas = (
        alt.Chart(alt.InlineData(values=features))
        .mark_geoshape(stroke="#ffffff", strokeWidth=0.8)
        .encode(color=_colour(table, outlook, "properties.v"), tooltip=_tooltip(outlook, "properties."))
    )
    points = table[table["p"].isin(list(shapes)) & table["lat"].notna() & table["lon"].notna()]
    labels = alt.Chart(alt.InlineData(values=_records(points[["n", "m", "lat", "lon"]]))).encode(
        longitude="lon:Q", latitude="lat:Q"
    )
    layers = [areas]
    for text, dy, opacity in (("n:N", -6, alt.ExprRef(f"width < {_NARROW} ? 0 : 1")), ("m:N", 7, 1)):
        style: dict[str, Any] = {"dy": dy, "fontSize": 11.5, "opacity": opacity, "tooltip": None}
        halo = labels.mark_text(stroke="#ffffff", strokeWidth=3, strokeOpacity=0.8, **style)
        layers += [halo.encode(text=text), labels.mark_text(color=COLOURS.ink, **style).encode(text=text)]
    missing = table.loc[~table["p"].isin(list(shapes)), "n"].to_list()
    return Chart(
        "map",
        alt.layer(*layers).project("mercator").properties(width="container", height=480, title=data_label(simulated)),
        aspect=aspect,
        extra=_AROUND,
        description=f"Map of {len(features)} provinces, coloured by expected attacks",
        note=f"Without a boundary, so not on the map: {', '.join(missing)}." if missing else "",
    )


def _drawable(shapes: Mapping[str, Mapping[str, Any]]) -> tuple[dict[str, dict[str, Any]], float]:
    """Geometries with less detail, rings in the order that a map projection needs, and height by width."""
    from shapely.geometry import MultiPolygon, mapping, shape
    from shapely.geometry.polygon import orient

    polygons = {key: shape(geometry) for key, geometry in shapes.items()}
    bounds = np.array([polygon.bounds for polygon in polygons.values()])
    west, south, east, north = bounds[:, 0].min(), bounds[:, 1].min(), bounds[:, 2].max(), bounds[:, 3].max()
    tolerance = _TOLERANCE * max(east - west, north - south)
    drawn = {}
    for key, polygon in polygons.items():
        simple = polygon.simplify(tolerance)
        parts = [
            part for part in getattr(simple, "geoms", [simple]) if part.geom_type == "Polygon" and not part.is_empty
        ]
        # Clockwise exteriors: on a sphere the other order means everything but the province.
        clockwise = MultiPolygon([orient(part, sign=-1.0) for part in parts])
        drawn[key] = json.loads(json.dumps(mapping(clockwise)), parse_float=lambda text: round(float(text), 3))
    width = (east - west) * np.cos(np.radians((south + north) / 2))
    return drawn, float((north - south) / max(width, 1e-9))
