"""Charts of published totals, on the page and alone: what was published, fitted and is expected; and activity."""

from collections.abc import Iterator, Sequence

import pandas as pd

from forecast import names
from forecast.inference.posterior.bayesian import BayesianFit
from forecast.panel.calendar import unit_name
from forecast.panel.panel import Panel
from forecast.plots import alt
from forecast.prediction.draws import Forecast
from forecast.report.overlays import Overlays
from forecast.report.published import ABOUT, EXACT, FLOOR, PublishedPart, published_part, zone_label
from forecast.report.vega import COLOURS, Chart, data_label

__all__ = ["activity_charts", "plot_published", "totals_charts"]

_SHAPES = {EXACT: "circle", FLOOR: "triangle-up", ABOUT: "diamond"}


def plot_published(fit: BayesianFit, forecast: Forecast) -> alt.VConcatChart:
    """Altair chart of published totals, one row for each zone, with what is fitted and what is expected next.

    Points are totals as published, one colour per definition and publisher, with their bound as shape; rules are totals
    over several periods, per period. Lines and bands are the mean and the 90 % interval of what the model expects to be
    published, dashes and the light band at the end the median and the 90 % interval of the next ones.

    Parameters
    ----------
    fit : BayesianFit
        Of a panel of published counts (`Panel.from_published`).
    forecast : Forecast
        What `predict` made of it.

    Raises
    ------
    InputError
        For a panel without published counts, or a forecast that was not made of this fit.
    """
    rows = [
        chart.properties(width=640, height=220, title=alt.TitleParams(zone_label(zone), anchor="start"))
        for zone, chart in _zone_charts(published_part(fit, forecast), fit.panel, Overlays())
    ]
    chart: alt.VConcatChart = alt.vconcat(*rows).resolve_scale(color="independent", shape="independent")
    chart.title = data_label(forecast.simulated)
    return chart


def totals_charts(part: PublishedPart, panel: Panel, overlays: Overlays, simulated: bool) -> list[tuple[Chart, str]]:
    """One chart per zone: published totals, what is fitted, and what is expected next; with their zones."""
    charts = []
    for number, (zone, layers) in enumerate(_zone_charts(part, panel, overlays)):
        chart = layers.properties(width="container", height=280, title=data_label(simulated))
        words = f"Published totals of {zone} with their fitted values and the next expected ones"
        charts.append((Chart(f"totals-{number}", chart, words), zone_label(zone)))
    return charts


def activity_charts(part: PublishedPart, overlays: Overlays, simulated: bool) -> list[tuple[Chart, str]]:
    """One chart per force of its activity as published, with the forces."""
    charts = []
    for number, (force, table) in enumerate(part.activity.groupby(names.FORCE) if len(part.activity) else ()):
        shown = table.assign(series=table[names.INDICATOR].str.replace("_", " "))
        base = alt.Chart(shown)
        y = alt.Y("value:Q", title="per month", scale=alt.Scale(domainMin=0))
        colour = _colour(sorted(shown["series"].unique()))
        tip = [alt.Tooltip("series:N", title="What"), alt.Tooltip("first:N", title="From"), "end:N", "value:Q"]
        layers = [
            base.mark_rule(strokeWidth=2).encode(x=_x("first"), x2="end", y=y, color=colour, tooltip=tip),
            base.mark_circle(size=36, opacity=1).encode(x=_x("middle"), y=y, color=colour, tooltip=tip),
        ]
        chart = alt.layer(*layers, *_marks(overlays, (), shown))
        chart = chart.properties(width="container", height=180, title=data_label(simulated))
        charts.append((Chart(f"activity-{number}", chart, f"Activity of {force} as published"), str(force)))
    return charts


# Parts ---------------------------------------------------------------------------------------------------------------


def _zone_charts(part: PublishedPart, panel: Panel, overlays: Overlays) -> Iterator[tuple[str, alt.LayerChart]]:
    zones = panel.dataset[names.ZONE].values.astype(str).tolist()
    for zone in sorted(part.totals[names.ZONE].unique()):
        tables = (part.totals, part.fitted, part.expected)
        totals, fitted, expected = (_labelled(table[table[names.ZONE] == zone]) for table in tables)
        members = [key for key, zone_of in zip(panel.provinces, zones, strict=True) if zone_of == zone]
        marks = _marks(overlays, members, pd.concat([totals, fitted, expected]))
        layers = alt.layer(*_layers(totals, fitted, expected, unit_name(part.freq)), *marks)
        yield zone, layers.resolve_scale(color="shared", shape="shared")


def _labelled(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(series=table[names.DEFINITION] + ", " + table[names.PUBLISHER])


def _layers(totals: pd.DataFrame, fitted: pd.DataFrame, expected: pd.DataFrame, unit: str) -> list[alt.Chart]:
    """Band and mean of what is fitted, interval and median of the next reports, and what was published."""
    colour = _colour(sorted(totals["series"].unique()))
    y = alt.Y("lower_90:Q", title=f"attacks per {unit}", scale=alt.Scale(domainMin=0))
    ahead = expected[~expected["stopped"].astype(bool)]
    when = [
        alt.Tooltip("series:N", title="Counted"),
        alt.Tooltip("first:N", title="From"),
        alt.Tooltip("end:N", title="To"),
    ]
    tip = [
        *when,
        alt.Tooltip("value:Q", title=f"Published, per {unit}", format=".1f"),
        alt.Tooltip("bound:N", title="Bound"),
    ]
    bounds = [bound for bound in _SHAPES if (totals["bound"] == bound).any()]
    shape = alt.Shape(
        "bound:N",
        scale=alt.Scale(domain=list(_SHAPES), range=list(_SHAPES.values())),
        legend=alt.Legend(orient="top", title=None, values=bounds) if len(bounds) > 1 else None,
    )
    several = totals[totals["first"].str[:7] != totals["end"].str[:7]]
    middle = pd.to_datetime(totals["first"]) + (pd.to_datetime(totals["end"]) - pd.to_datetime(totals["first"])) / 2
    points = totals.assign(middle=middle.dt.strftime("%Y-%m-%d"))
    rule = alt.Chart(several).mark_rule(strokeWidth=2)
    point = alt.Chart(points).mark_point(filled=True, size=42, opacity=1)
    layers = [
        alt.Chart(fitted).mark_area(opacity=0.22).encode(x=_x("middle"), y=y, y2="upper_90:Q", color=colour),
        alt.Chart(fitted).mark_line(strokeWidth=1.2).encode(x=_x("middle"), y="mean:Q", color=colour),
        alt.Chart(ahead).mark_area(opacity=0.12).encode(x=_x("middle"), y=y, y2="upper_90:Q", color=colour),
        alt.Chart(ahead).mark_line(strokeDash=[4, 3]).encode(x=_x("middle"), y="median:Q", color=colour),
        rule.encode(x=_x("first"), x2="end", y="value:Q", color=colour, tooltip=tip),
        point.encode(x=_x("middle"), y="value:Q", color=colour, shape=shape, tooltip=tip),
    ]
    return [layer for layer in layers if len(layer.data)]


def _marks(overlays: Overlays, members: Sequence[str], table: pd.DataFrame) -> list[alt.Chart]:
    """The dated events of some provinces, by their letters, between the first and the last day of a table."""
    first, end = pd.to_datetime(table["first"]).min(), pd.to_datetime(table["end"]).max()
    return overlays.layers(members, first, end)


def _x(field: str) -> alt.X:
    axis = alt.Axis(format="%b %Y", labelOverlap=True, grid=False)
    return alt.X(f"{field}:T", title=None, scale=alt.Scale(type="utc"), axis=axis)


def _colour(series: list[str]) -> alt.Color:
    scale = alt.Scale(domain=series, range=list(COLOURS.series))
    # A name each line: where letters are wider than they were measured, names beside each other would overlap.
    return alt.Color("series:N", scale=scale, legend=alt.Legend(orient="bottom", title=None, labelLimit=0, columns=1))
