"""A map of a forecast as an Altair chart: the shapes of the provinces, or points where no shapes are known."""

from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pandas as pd
import xarray as xr

from forecast import names
from forecast.errors import InputError
from forecast.events.boundaries import Boundaries, shipped_boundaries
from forecast.events.places import read_gazetteer

if TYPE_CHECKING:
    import altair as alt

__all__ = ["MapMeasure", "map_chart"]

MapMeasure = Literal["expected", "rise"]
# A rise is one above the mean of so many last periods, or of all that the history holds.
_SINCE = 12
_TITLES = {"expected": "attacks expected (median)", "rise": "chance of more attacks than before"}


def map_chart(dataset: xr.Dataset, boundaries: Boundaries | None, measure: MapMeasure) -> "alt.LayerChart":
    """The map; see `Forecast.plot_map`."""
    from forecast.plots import alt

    if measure not in get_args(MapMeasure):
        raise InputError("no such measure", where="measure", found=measure, expected=list(get_args(MapMeasure)))
    table = _values(dataset, measure)
    shapes = _shapes(dataset, boundaries)
    table["shown"] = [_text(value, measure) for value in table["value"]]
    # As on the page: purple is much, teal to orange which way.
    scale = (
        alt.Scale(scheme="purples")
        if measure == "expected"
        else alt.Scale(domain=[0, 0.5, 1], range=["#1b7f79", "#f0f0ee", "#b05a04"])
    )
    colour = alt.Color("value:Q", title=None, scale=scale)
    tooltip = ["name:N", alt.Tooltip("shown:N", title=_TITLES[measure])]
    if shapes:
        drawn, x, y = _drawn(shapes)
        rows = {str(row[names.PROVINCE]): row for row in table.to_dict("records")}
        features: list[dict[str, Any]] = [
            {"type": "Feature", "geometry": drawn[key], **{str(name): value for name, value in rows[key].items()}}
            for key in drawn
        ]
        areas = alt.Chart(alt.InlineData(values=features)).mark_geoshape(stroke="white")
        marks = areas.encode(color=colour, tooltip=tooltip)
        table = table[table[names.PROVINCE].isin(list(shapes))].assign(x=x, y=y)
    else:
        table = table.assign(x=dataset[names.LONGITUDE].values, y=dataset[names.LATITUDE].values).dropna(subset="x")
        if table.empty:
            hint = "Give boundaries"
            raise InputError("provinces have no shapes and no coordinates", where="boundaries", hint=hint)
        table["x"] *= np.cos(np.radians(table["y"].mean()))
        points = alt.Chart(table).mark_circle(size=500, opacity=1).encode(longitude="x:Q", latitude="y:Q")
        marks = points.encode(color=colour, tooltip=tooltip)
    # White on dark grounds.
    share = table["value"] / max(float(table["value"].max()), 1.0) if measure == "expected" else table["value"]
    is_dark = share > 0.6 if measure == "expected" else (share - 0.5).abs() > 0.35
    ink = alt.condition("datum.is_dark", alt.value("white"), alt.value("#1f2933"))
    labels = alt.Chart(table.assign(is_dark=is_dark)).mark_text(fontSize=10)
    labels = labels.encode(longitude="x:Q", latitude="y:Q", text="shown:N", color=ink)
    simulated = "SIMULATED DATA: " if '"simulated": true' in dataset.attrs.get("provenance", "") else ""
    span = f"{pd.Timestamp(dataset[names.PERIOD].values[0]):%Y-%m-%d} to "
    span += f"{pd.Timestamp(dataset[names.PERIOD_END].values[-1]):%Y-%m-%d}"
    chart = alt.LayerChart(layer=[marks, labels]).project(type="identity", reflectY=True)
    # From the left, where letters that are wider than measured have room.
    below = f"{span}: {dataset.attrs[names.MODEL]}"
    title = alt.TitleParams(f"{simulated}{_TITLES[measure]}", anchor="start", subtitle=below)
    return chart.properties(width=520, height=420, title=title)


def _values(dataset: xr.Dataset, measure: MapMeasure) -> pd.DataFrame:
    """One row per province: its key, its name, and the value of the measure over the horizon, all tactics."""
    sums = dataset[names.DRAWS].sum((names.TACTIC, names.PERIOD)).transpose(names.SAMPLE, names.PROVINCE).values
    if measure == "expected":
        values = np.quantile(sums, 0.5, axis=0, method="inverted_cdf").astype(float)
    else:
        past = dataset[names.HISTORY].sum(names.TACTIC, skipna=False).transpose(names.PROVINCE, ...).values
        past = past[:, -_SINCE:]
        observed = np.isfinite(past).sum(axis=1)
        # Compared as whole numbers, as the report does.
        share = (sums * observed > np.nansum(past, axis=1) * dataset.sizes[names.PERIOD]).mean(axis=0)
        values = np.where(observed > 0, share, np.nan)
    keys = dataset[names.PROVINCE].values.astype(str)
    called = dataset[names.PROVINCE_NAME].values.astype(str)
    return pd.DataFrame({names.PROVINCE: keys, "name": np.where(called == "", keys, called), "value": values})


def _text(value: float, measure: MapMeasure) -> str:
    if not np.isfinite(value):
        return "–"
    return f"{value:,.0f}" if measure == "expected" else f"{value:.0%}"


def _shapes(dataset: xr.Dataset, boundaries: Boundaries | None) -> dict[str, object]:
    """Polygons by province; those that ship where they are of all provinces, and none are given."""
    keys = dataset[names.PROVINCE].values.astype(str).tolist()
    given = boundaries or shipped_boundaries(read_gazetteer())
    shapes = {} if given is None else {key: shape for key, shape in given.shapes().items() if key in keys}
    if boundaries is None:
        return {key: shapes[key] for key in keys} if len(shapes) == len(keys) else {}
    if not shapes:
        raise InputError("have no shape of these provinces", where="boundaries", expected=f"some of {keys[:5]}")
    return {key: shapes[key] for key in keys if key in shapes}


def _drawn(shapes: dict[str, object]) -> tuple[dict[str, object], list[float], list[float]]:
    """The shapes on a plane on which near is near (longitudes shortened), and a point inside of each."""
    import shapely
    from shapely.geometry import mapping

    polygons = np.array(list(shapes.values()), dtype=object)
    _, south, _, north = shapely.total_bounds(polygons)
    scale = np.array([np.cos(np.radians((south + north) / 2)), 1.0])
    plane = shapely.simplify(shapely.transform(polygons, lambda corners: corners * scale), 0.01)
    inside = shapely.point_on_surface(plane)
    drawn = {key: mapping(shape) for key, shape in zip(shapes, plane, strict=True)}
    return drawn, shapely.get_x(inside).tolist(), shapely.get_y(inside).tolist()
