"""The map of provinces as SVG: the user's boundaries, or tiles laid out from the coordinates, with several measures."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from forecast import names
from forecast.report.capability import level_text
from forecast.report.figures import LADDER, Outlook, records
from forecast.report.svg import element, line, place, words
from forecast.report.tiles import Tiles, short_names, tile_layout
from forecast.report.wording import (
    amount,
    attacks,
    between,
    capital,
    change_between,
    counted,
    short_percent,
    signed,
)

if TYPE_CHECKING:
    from shapely.geometry import Polygon

__all__ = ["Measure", "ProvinceMap", "measures_of", "province_map"]

Array = npt.NDArray[np.float64]
# Width and largest height of the map, in units of its own: pixels where there is room for it.
_WIDTH, _HEIGHT = 560, 500
# Size of names and numbers in those units, and on a phone, where the map is narrow, of numbers and of names.
_TEXT, _LARGE_TEXT, _SHORT_TEXT = 12, 19, 16
# Width of a letter by its height.
_LETTER = 0.62
_TILE_HEIGHT, _TILE_WIDTH = 62, 110
_GAP = 2
# Boundaries are drawn to this share of the map's extent; finer detail would only make the file large.
_TOLERANCE = 0.002
# The map of the user's boundaries is drawn when it covers at least this share of the provinces.
_COVERED = 0.5
# Upper bounds of all classes but the last: of probabilities those of the printed scale of words, of changes those that
# are commonly told (a tenth, a quarter), of a rise those between which it is a coin flip.
_CHANCES, _CHANGES, _RISES = (5, 20, 45, 55, 80), (-25, -10, 10, 25), (20, 35, 66, 80)
# Of levels of capability, in SDs.
_LEVELS = (-1.0, -0.5, 0.5, 1.0)


@dataclass(frozen=True)
class Measure:
    """What the map can be coloured by.

    Attributes
    ----------
    label : str
        Its name.
    classes : sequence of str
        The class of colour of each province: 'q0' to 'q5' from little to much, 'd0' to 'd4' from fall to rise, 'none'.
    texts : sequence of str
        The number of each province as printed.
    legend : sequence of (str, str)
        Classes of colour and what they hold.
    group : str
        The heading under which it is offered; '' for none.
    """

    label: str
    classes: Sequence[str]
    texts: Sequence[str]
    legend: Sequence[tuple[str, str]]
    group: str = ""


@dataclass(frozen=True)
class ProvinceMap:
    """The map as SVG, what it can show, and what must be said of it.

    Attributes
    ----------
    svg : str
        Coloured by the first measure of the first view. Each province holds all its classes and texts, view by view.
    views : mapping of str to sequence of Measure
        All tactics together, and each where there are several; all have the same measures.
    note : str
        What the reader must be told of it; '' for nothing.
    """

    svg: str
    views: Mapping[str, Sequence[Measure]]
    note: str


def province_map(
    outlook: Outlook,
    dataset: xr.Dataset,
    boundaries: Mapping[str, Mapping[str, Any]] | None,
    anchors: Mapping[str, str],
    simulated: bool,
) -> ProvinceMap:
    """Map of the expected attacks over the horizon by province, all tactics; each province leads to its section.

    Parameters
    ----------
    outlook : Outlook
        The figures.
    dataset : Dataset
        The forecast's, for the provinces' coordinates.
    boundaries : mapping of unit key to GeoJSON geometry, optional
        Drawn when they cover at least half of the provinces; else the provinces stand as tiles.
    anchors : mapping of unit key to str
        The section of each province in the page.
    simulated : bool
        Label the map as showing simulated data.
    """
    table, views = outlook.provinces, _views(outlook)
    measures = [measure for view in views.values() for measure in view]
    shapes = {key: boundaries[key] for key in table[names.PROVINCE] if key in boundaries} if boundaries else {}
    if len(shapes) >= _COVERED * len(table):
        marks, height = _shape_marks(table, shapes)
        missing = table.loc[~table[names.PROVINCE].isin(list(shapes)), "name"].to_list()
        note = f"Without a boundary, so not on the map: {', '.join(missing)}." if missing else ""
        over = ""
    else:
        tiles = tile_layout(*(dataset[name].values.astype(float) for name in (names.LATITUDE, names.LONGITUDE)))
        marks, height = _tile_marks(table, tiles), float(_TILE_HEIGHT * tiles.rows)
        note = "Tiles stand roughly where the provinces lie; their size means nothing."
        over = _borders(tiles, table["country"].to_list())
    links = "".join(
        _link(row, marks[key], measures, position, anchors[key])
        for position, (key, row) in enumerate(zip(table[names.PROVINCE], records(table), strict=True))
        if key in marks
    )
    if simulated:
        over += words("text", "SIMULATED DATA", class_="tick end simulated", x=_WIDTH - 2, y=12)
    top = table.nlargest(1, "sum_median")["name"].iloc[0]
    says = f"Map of {len(marks)} provinces by expected attacks, {outlook.span}; most in {top}"
    frame = f"0 0 {_WIDTH} {place(height)}"
    return ProvinceMap(
        element("svg", links + over, class_="map", viewBox=frame, role="group", aria_label=says), views, note
    )


def _views(outlook: Outlook) -> dict[str, list[Measure]]:
    """The measures of all tactics together and of each tactic, where there are several and not too many cells."""
    views = {"all tactics": measures_of(outlook, outlook.provinces)}
    if outlook.shows_tactics:
        views |= {
            str(label): measures_of(outlook, table)
            for label, table in outlook.cells.groupby("tactic_name", sort=False, observed=True)
        }
    return views


def measures_of(outlook: Outlook, table: pd.DataFrame) -> list[Measure]:
    """Expected attacks; where the past is known the change, the chance of a rise and of a record.

    Then the chances of any and of many attacks, the width, the capability of the partner force where there are
    indicators of it, and what is expected in each period. `table` has the figures of one row per province.
    """
    past = outlook.past
    measures = [_counts(f"Expected attacks, {outlook.span}", table["sum_median"])]
    if outlook.is_compared:
        texts = [change_between(*pair)[2] for pair in zip(table["recent"], table["mean_median"], strict=True)]
        values = 100 * (table["mean_median"] / table["recent"] - 1)
        values = values.where(np.array([text != "–" for text in texts]))
        measures.append(_classed(f"Change against {past}", values, texts, _CHANGES, "d"))
    if outlook.is_compared and outlook.tells_chances:
        rising, record = f"Chance of more attacks than in {past}", f"Chance of a {outlook.unit} above all of {past}"
        for label, column, bounds, kind in ((rising, "rise", _RISES, "d"), (record, "above_record", _CHANCES, "q")):
            # Classes go by the printed percentage, as words do.
            texts = [short_percent(value) for value in table[column]]
            measures.append(_classed(label, (100 * table[column]).round(), texts, bounds, kind))
    for threshold in LADDER if outlook.tells_chances else ():
        label = f"Chance of at least {counted(threshold, 'attack')}, {outlook.span}"
        chances = table[f"from_{threshold}"]
        texts = [short_percent(value) for value in chances]
        measures.append(_classed(label, (100 * chances).round(), texts, _CHANCES, "q"))
    measures.append(_counts("Width of the 80% interval, in attacks", table["sum_upper"] - table["sum_lower"]))
    if outlook.capability_at:
        # Of all tactics alike.
        measures.append(_levels(f"Partner force’s capability, {outlook.capability_at}, in SDs", outlook.provinces))
    # On one scale, so that colours can be compared between periods.
    steps = [f"step_{step}" for step in range(outlook.horizon)] if outlook.horizon > 1 else []
    top = table[steps].to_numpy().max(initial=0)
    of_steps = [
        replace(
            _counts(f"Expected attacks, {label}", table[name], top), group=f"{capital(outlook.unit)} by {outlook.unit}"
        )
        for name, label in zip(steps, outlook.steps, strict=bool(steps))
    ]
    return [*measures, *of_steps]


# Measures ------------------------------------------------------------------------------------------------------------


def _counts(label: str, values: "pd.Series[float]", most: float = 0) -> Measure:
    """A measure in whole attacks: a class for none, and up to five that grow as squares do, so that few differ too.

    They end at `most`, or at the largest value.
    """
    top = max(int(max(values.max(), most)), 1)
    bounds = sorted({0, *(int(np.ceil(top * (step / 5) ** 2)) for step in range(1, 6))})
    classes = [f"q{int(np.searchsorted(bounds, value))}" for value in values]
    legend = [("q0", "0")]
    for number, (below, bound) in enumerate(pairwise(bounds), 1):
        shown = amount(bound) if bound == below + 1 else between(below + 1, bound)
        legend.append((f"q{number}", shown))
    return Measure(label, classes, [amount(value) for value in values], legend)


def _classed(label: str, values: "pd.Series[float]", texts: Sequence[str], bounds: Sequence[int], kind: str) -> Measure:
    """A measure in percent, in classes with given bounds; a value on a bound is in the class above it."""
    rows = np.searchsorted(bounds, values, side="right")
    classes = [f"{kind}{row}" if np.isfinite(value) else "none" for row, value in zip(rows, values, strict=True)]
    # Probabilities are printed whole: a class ends below the bound of the next. Changes have a sign.
    sign, less = ("+", 0) if bounds[0] < 0 else ("", 1)
    low, high = signed(bounds[0]) if sign else bounds[0], signed(bounds[-1]) if sign else bounds[-1]
    middle = [f"{lower:{sign}} to {upper - less:{sign}}%".replace("-", "−") for lower, upper in pairwise(bounds)]
    labels = [f"below {low}%", *middle, f"from {high}%"]
    return Measure(label, classes, texts, [(f"{kind}{row}", label) for row, label in enumerate(labels)])


def _levels(label: str, provinces: pd.DataFrame) -> Measure:
    """The capability of partner forces, in classes by the printed level; those without one are told apart."""
    texts = [level_text(value) for value in provinces["capability"]]
    printed = [float(text.replace("−", "-")) if text != "–" else np.nan for text in texts]
    classes = [
        f"q{1 + int(np.searchsorted(_LEVELS, value, side='right'))}" if np.isfinite(value) else "none"
        for value in printed
    ]
    # A level is printed to a tenth: a class ends a tenth below the bound of the next.
    middle = [f"{level_text(lower)} to {level_text(upper - 0.1)}" for lower, upper in pairwise(_LEVELS)]
    labels = [f"below {level_text(_LEVELS[0])}", *middle, f"from {level_text(_LEVELS[-1])}"]
    legend = [(f"q{row}", text) for row, text in enumerate(labels, 1)]
    return Measure(
        label, classes, texts, [*legend, *([("none", "no force with indicators")] if "none" in classes else ())]
    )


# Marks ---------------------------------------------------------------------------------------------------------------


def _link(row: Mapping[str, Any], mark: str, measures: Sequence[Measure], position: int, anchor: str) -> str:
    """A province that leads to its section; what each measure says of it stands there as data."""
    shown = "|".join(f"{measure.classes[position]} {measure.texts[position]}" for measure in measures)
    likely = between(row["sum_lower"], row["sum_upper"])
    says = f"{row['name']}: {attacks(row['sum_median'])} expected, {likely} likely"
    return element(
        "a",
        words("title", says) + mark,
        href=f"#{anchor}",
        class_=measures[0].classes[position],
        data_name=row["name"],
        data_shown=shown,
    )


def _tile_marks(table: pd.DataFrame, tiles: Tiles) -> dict[str, str]:
    """Squares with a name and a number; on a phone and where tiles are narrow names are short."""
    width = _tile_width(tiles)
    letters = int((width - 4 * _GAP) / (_TEXT * _LETTER))
    marks = {}
    # On a phone, where the map is small and its text large.
    fewer = (width - 4 * _GAP) / (_SHORT_TEXT * _LETTER)
    shorts = [
        name if len(name) <= fewer else short
        for name, short in zip(table["name"], short_names(table["name"].to_list()), strict=True)
    ]
    places = zip(
        table[names.PROVINCE], table["name"], table["sum_median"], shorts, tiles.column, tiles.row, strict=True
    )
    for key, name, count, short, column, row in places:
        x, y = float(column * width), float(row * _TILE_HEIGHT)
        high = float(_TILE_HEIGHT - 2 * _GAP)
        mark = element("rect", x=x + _GAP, y=y + _GAP, width=width - 2 * _GAP, height=high, rx=3)
        middle, lines = x + width / 2, textwrap.wrap(name, letters, break_long_words=False)
        fits = 0 < len(lines) <= 2 and max(map(len, lines)) <= letters
        texts = "".join(
            words("text", text, class_="name", x=middle, y=y + (16 if len(lines) == 2 and fits else 22) + 14 * number)
            for number, text in enumerate(lines if fits else [short])
        )
        texts += words("text", short, class_="short", x=middle, y=y + 24)
        texts += words("text", amount(count), class_="number roomy", x=middle, y=y + 51)
        marks[key] = mark + element("g", texts, aria_hidden="true")
    return marks


def _tile_width(tiles: Tiles) -> float:
    return float(min(_WIDTH / tiles.columns, _TILE_WIDTH))


def _borders(tiles: Tiles, countries: list[str]) -> str:
    """A line between countries: in every row midway between the last tile of one and the first of the next."""
    order = sorted(zip(tiles.row.tolist(), tiles.column.tolist(), countries, strict=True))
    crossings: dict[tuple[int, str, str], float] = {}
    for (row, west, one), (next_row, east, other) in pairwise(order):
        if row == next_row and one != other:
            crossings[row, one, other] = (west + 1 + east) / 2
    width, path = _tile_width(tiles), ""
    for (row, one, other), x in crossings.items():
        below = crossings.get((row + 1, one, other), x)
        path += f"M{place(x * width)} {row * _TILE_HEIGHT}v{_TILE_HEIGHT}"
        path += "" if below == x else f"H{place(below * width)}"
    return element("path", class_="border", d=path) if path else ""


def _shape_marks(table: pd.DataFrame, shapes: Mapping[str, Mapping[str, Any]]) -> tuple[dict[str, str], float]:
    """Areas in Mercator's projection with a number and a name where these fit inside, and the height of the map."""
    areas, height = _projected(shapes)
    marks = {}
    for key, name, count in zip(table[names.PROVINCE], table["name"], table["sum_median"], strict=True):
        if key in areas:
            marks[key] = element("path", d=_outline(areas[key])) + _labels(areas[key], name, amount(count))
    return marks, height


def _projected(shapes: Mapping[str, Mapping[str, Any]]) -> tuple[dict[str, list["Polygon"]], float]:
    """Polygons in units of the map with less detail, and the map's height."""
    from shapely import affinity, transform
    from shapely.geometry import MultiPolygon, shape

    def mercator(points: Array) -> Array:
        latitude = np.radians(np.clip(points[:, 1], -85, 85))
        return np.column_stack([points[:, 0], -np.degrees(np.log(np.tan(np.pi / 4 + latitude / 2)))])

    flat = {key: transform(shape(given), mercator) for key, given in shapes.items()}
    bounds = np.array([area.bounds for area in flat.values()])
    west, north, east, south = bounds[:, 0].min(), bounds[:, 1].min(), bounds[:, 2].max(), bounds[:, 3].max()
    scale = min(_WIDTH / max(east - west, 1e-9), _HEIGHT / max(south - north, 1e-9))
    aside = (_WIDTH - scale * (east - west)) / 2
    areas = {}
    for key, area in flat.items():
        drawn = affinity.affine_transform(area, [scale, 0, 0, scale, aside - scale * west, -scale * north])
        simple = drawn.simplify(_TOLERANCE * _WIDTH)
        parts = simple.geoms if isinstance(simple, MultiPolygon) else [simple]
        areas[key] = [part for part in parts if part.geom_type == "Polygon" and not part.is_empty]
    return areas, float(scale * (south - north))


def _outline(parts: Sequence["Polygon"]) -> str:
    """The path of all rings of polygons."""
    rings = (ring for part in parts for ring in (part.exterior, *part.interiors))
    return "".join(line(*np.asarray(ring.coords)[:-1, :2].T) + "Z" for ring in rings)


def _labels(parts: Sequence["Polygon"], name: str, number: str) -> str:
    """The number inside the largest part, and the name above it; each only where it stays inside its province."""
    from shapely.geometry import box
    from shapely.ops import polylabel

    if not parts:
        return ""
    largest = max(parts, key=lambda part: float(part.area))
    point = polylabel(largest, tolerance=2.0)

    def fits(text: str, size: float, above: float, below: float) -> bool:
        half = _LETTER * size * len(text) / 2
        return bool(largest.contains(box(point.x - half, point.y - above, point.x + half, point.y + below)))

    if not fits(number, _TEXT, _TEXT / 2, _TEXT / 2):
        return ""
    named = fits(name, _TEXT, _TEXT + 2, _TEXT)
    # Other measures have longer numbers: how many letters fit.
    room = next(
        length for length in (4, 3, 2, 1) if length <= len(number) or fits("0" * length, _TEXT, _TEXT / 2, _TEXT / 2)
    )
    large = " roomy" if fits(number, _LARGE_TEXT, _LARGE_TEXT / 2, _LARGE_TEXT / 2) else ""
    texts = words("text", name, class_="name", x=point.x, y=point.y - 2) if named else ""
    texts += words(
        "text", number, class_=f"number{large}", data_room=room, x=point.x, y=point.y + (_TEXT if named else _TEXT / 3)
    )
    return element("g", texts, aria_hidden="true")
