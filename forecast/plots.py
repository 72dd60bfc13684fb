"""Altair, whose charts are shown without a network.

Shown as Altair shows charts in a notebook, they load JavaScript from the network, and leave an error where there is
none. Charts of this package are shown as SVG, which notebooks keep with their outputs too. Who has chosen a renderer of
Altair, or chooses one afterwards, keeps it.
"""

import altair as alt

__all__ = ["alt"]

if alt.renderers.active == "default":
    alt.renderers.enable("svg")
