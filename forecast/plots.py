"""Altair, whose charts are shown without a network, and what they mark.

Shown as Altair shows charts in a notebook, they load JavaScript from the network, and leave an error where there is
none. Charts of this package are shown as SVG, which notebooks keep with their outputs too. Who has chosen a renderer of
Altair, or chooses one afterwards, keeps it.
"""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from forecast.dated import DatedEvent, in_order

__all__ = ["alt", "event_layers"]

# Pixels right of a chart: letters of a browser may be wider than those that the picture was measured with.
_ROOM = {"left": 5, "top": 5, "bottom": 5, "right": 25}


def _use_svg() -> None:
    """Show charts as Altair's SVG does, with room for wider letters."""
    alt.renderers.enable("svg")
    as_svg = alt.renderers.get()
    assert as_svg is not None
    alt.renderers.register("forecast", lambda spec, **options: as_svg({"padding": _ROOM, **spec}, **options))
    alt.renderers.enable("forecast")


if alt.renderers.active == "default":
    _use_svg()

_COLOUR = "#5a6672"
# Names of events stand in turn on so many lines above a chart, so far from each other.
_LINES, _LINE = 3, 12


def event_layers(
    events: Sequence[DatedEvent], first: pd.Timestamp, end: pd.Timestamp, labels: Sequence[str] = ()
) -> list[alt.Chart]:
    """Layers for a chart over time that runs from `first` to `end`: a rule where an event begins, a veil as it lasts.

    Parameters
    ----------
    events : sequence of DatedEvent
        Those outside the chart are left out.
    first, end : Timestamp
        Of the chart.
    labels : sequence of str, optional
        What stands above each in the order of their days; their names by default.
    """
    given = in_order(events)
    rows = [
        {
            "label": label,
            "event": event.name,
            "begins": max(pd.Timestamp(event.first), first),
            "ends": min(pd.Timestamp(event.last), end),
        }
        for event, label in zip(given, labels or [event.name for event in given], strict=True)
        if event.lies_within(first, end)
    ]
    if not rows:
        return []
    table = pd.DataFrame(rows)
    base = alt.Chart(table)
    when = alt.X("begins:T", title=None)
    layers = [base.mark_rect(color=_COLOUR, opacity=0.12).encode(x=when, x2="ends:T")]
    layers.append(base.mark_rule(color=_COLOUR).encode(x=when, tooltip=["event:N", "begins:T", "ends:T"]))
    for line in range(min(_LINES, len(table))):
        text = alt.Chart(table.iloc[line::_LINES]).mark_text(
            color=_COLOUR, align="left", baseline="top", dx=3, fontSize=10
        )
        layers.append(text.encode(x=when, y=alt.value(2 + line * _LINE), text="label:N"))
    return layers
