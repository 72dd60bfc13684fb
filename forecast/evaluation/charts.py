"""Altair charts of calibration, made from its tables."""

from typing import TYPE_CHECKING

import pandas as pd

from forecast import names

if TYPE_CHECKING:
    import altair as alt

__all__ = ["coverage_chart", "pit_chart", "reliability_chart"]

_BLUE, _PALE, _INK = "#1f6f8b", "#9dc1d5", "#1f2933"


def pit_chart(table: pd.DataFrame, group: str = names.MODEL) -> "alt.FacetChart":
    """Histograms of `pit_table`, one per group, with the band within which bars of a calibrated forecast lie."""
    from forecast.plots import alt

    rows = table.assign(width=1 / table.groupby(group)["bin"].transform("size"), zero=0.0)
    rows["end"] = rows["bin"] + rows["width"]
    base = alt.Chart(rows).encode(x=alt.X("bin:Q", title="PIT", scale=alt.Scale(domain=[0, 1])), x2="end")
    bars = base.mark_rect(color=_PALE, stroke="white").encode(y=alt.Y("zero:Q", title="share of outcomes"), y2="share")
    edges = [base.mark_rule(color=_INK, strokeDash=[3, 3]).encode(y=f"{bound}:Q") for bound in ("lower", "upper")]
    return alt.layer(bars, *edges).properties(width=190, height=130).facet(_by(group), columns=3)


def coverage_chart(table: pd.DataFrame, group: str = names.MODEL) -> "alt.FacetChart":
    """Shares of `coverage` by horizon, one panel per group: lines with their intervals, dashes where they should be."""
    from forecast.plots import alt

    rows = table.assign(interval=[f"{100 * level:g}%" for level in table["nominal"]])
    x = alt.X(f"{names.HORIZON}:Q", title="periods ahead", axis=alt.Axis(tickMinStep=1, format="d"))
    base = alt.Chart(rows).encode(x=x, color=alt.Color("interval:N", title="interval", sort=None))
    scale = alt.Scale(domain=[0, 1])
    layers = [
        base.mark_rule(strokeDash=[4, 3]).encode(x=alt.value(0), x2=alt.value("width"), y="nominal:Q"),
        base.mark_rule(opacity=0.5).encode(
            y=alt.Y("lower:Q", title="share of outcomes inside", scale=scale), y2="upper"
        ),
        base.mark_line(point=True).encode(y=alt.Y("share:Q", scale=scale)),
    ]
    return alt.layer(*layers).properties(width=190, height=160).facet(_by(group), columns=3)


def reliability_chart(table: pd.DataFrame, group: str = names.MODEL) -> "alt.FacetChart":
    """What `reliability` gives, one diagram per group: how often it came against how probable it was said to be."""
    from forecast.plots import alt

    scale = alt.Scale(domain=[0, 1])
    base = alt.Chart(table).encode(x=alt.X("predicted:Q", title="probability that was given", scale=scale))
    layers = [
        base.mark_area(color=_PALE, opacity=0.5).encode(
            y=alt.Y("lower:Q", title="how often it came", scale=scale), y2="upper"
        ),
        base.mark_line(color=_INK, strokeDash=[3, 3]).encode(y="predicted:Q"),
        base.mark_line(color=_BLUE, point=True).encode(y="happened:Q", tooltip=["n:Q", "predicted:Q", "happened:Q"]),
    ]
    return alt.layer(*layers).properties(width=190, height=160).facet(_by(group), columns=3)


def _by(group: str) -> "alt.Facet":
    from forecast.plots import alt

    return alt.Facet(f"{group}:N", title=None, sort=None)
