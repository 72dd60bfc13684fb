"""What charts of the technical sections share: colours, and how Altair's charts become SVG when the page is made."""

import re
from dataclasses import dataclass
from typing import Any

import altair as alt

__all__ = ["COLOURS", "Chart", "data_label"]

_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
_WIDTH = 640


@dataclass(frozen=True)
class Colours:
    """Colours of the charts; they can be told apart in grey and by colour-blind readers."""

    ink: str = "#1f2933"
    grid: str = "#dde3e8"
    muted: str = "#5a6672"
    warning: str = "#9a3412"
    series: tuple[str, ...] = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00")


COLOURS = Colours()
# Colours of the page that stand for those which Altair draws text, grids, bands and the ground in, so that the dark
# scheme has its own; those of series can be seen on either ground.
_OF_PAGE = {
    COLOURS.ink: "ink",
    "#000": "ink",
    COLOURS.muted: "muted",
    COLOURS.grid: "line",
    COLOURS.warning: "warn",
    "white": "ground",
    # Of calibration: bars and bands, and the line before them.
    "#9dc1d5": "band50",
    "#1f6f8b": "median",
}


@dataclass(frozen=True)
class Chart:
    """A chart for the page: its name there, what Altair made, and what it shows in words."""

    name: str
    chart: alt.LayerChart | alt.FacetChart
    description: str

    def to_svg(self) -> str:
        """The chart as SVG with its words, without names of marks that only a program could use."""
        import vl_convert

        spec = self.chart.configure(**_config()).to_dict()
        if spec.get("width") == "container":
            spec["width"] = _WIDTH
        version = ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])
        svg = str(vl_convert.vegalite_to_svg(spec, vl_version=version, allowed_base_urls=[]))
        # Names of parts are of one drawing, and the page has several.
        svg = re.sub(r'(\bid="|url\(#)', rf"\g<1>{self.name}-", svg)
        svg = re.sub(r"<[^>]*>", lambda tag: re.sub(r' (role|aria-[a-z]+)="[^"]*"', "", tag[0]), svg)
        svg = re.sub(r"<[^>]*>", lambda tag: re.sub(r'\b(fill|stroke)="([^"]+)"', _of_page, tag[0]), svg)
        return re.sub(r"<svg\b", '<svg aria-hidden="true"', svg, count=1)


def _of_page(colour: "re.Match[str]") -> str:
    """A colour as the page's own, where it has one."""
    what, drawn = colour.groups()
    return f'{what}="var(--{_OF_PAGE[drawn]}, {drawn})"' if drawn in _OF_PAGE else colour[0]


def data_label(simulated: bool) -> alt.TitleParams:
    """The title above a chart, which says so where the data are simulated."""
    text = "SIMULATED DATA" if simulated else ""
    return alt.TitleParams(text, color=COLOURS.warning, anchor="end", fontSize=11, fontWeight=600)


def _config() -> dict[str, Any]:
    text = {
        "labelColor": COLOURS.muted,
        "titleColor": COLOURS.muted,
        "labelFontSize": 11,
        "titleFontSize": 11,
        "titleFontWeight": "normal",
    }
    return {
        "aria": False,
        "font": _FONT,
        "background": "transparent",
        "view": {"stroke": None},
        "axis": {**text, "gridColor": COLOURS.grid, "domainColor": COLOURS.grid, "tickColor": COLOURS.grid},
        "legend": text,
    }
