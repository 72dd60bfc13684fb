"""What all charts share: colours, the form in which they stand in the page, and the script that draws them."""

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import altair as alt

__all__ = ["COLOURS", "Chart", "data_label", "embedded_json", "javascript_bundle"]

_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


@dataclass(frozen=True)
class Colours:
    """Colours of the charts; they can be told apart in grey and by colour-blind readers."""

    ink: str = "#1f2933"
    grid: str = "#dde3e8"
    muted: str = "#66727d"
    bands: tuple[str, str, str] = ("#cfe0ea", "#9dc1d5", "#6199b8")
    median: str = "#0b3c5d"
    warning: str = "#9a3412"
    series: tuple[str, ...] = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00")
    ramp: tuple[str, ...] = ("#e9eff3", "#c3d9e6", "#8db8d0", "#4f8db0", "#1f6489", "#0b3c5d")


COLOURS = Colours()


@dataclass(frozen=True)
class Chart:
    """A chart for the page: its name there, what Altair made, and words for it.

    It is as wide as the page, up to `widest` pixels. With an `aspect` its height follows: width × aspect, at least
    `least` and at most `most` pixels, and `extra` pixels for what stands around the marks.
    """

    name: str
    chart: alt.LayerChart | alt.FacetChart
    description: str
    aspect: float | None = None
    least: int = 200
    most: int = 600
    extra: int = 0
    widest: int = 960
    note: str = ""

    def to_json(self) -> str:
        """Vega-Lite as JSON for a script element; without the address of its schema, for nothing is fetched."""
        config = _config()
        if isinstance(self.chart, alt.FacetChart):
            # Vega-Lite fits single and layered views only; the page scales a drawing that is too wide.
            config.pop("autosize")
        spec = self.chart.configure(**config).to_dict()
        spec.pop("$schema", None)
        return embedded_json(spec)


def embedded_json(value: object) -> str:
    """JSON that no text inside can end or turn into markup: `<`, `>` and `&` stand as escapes."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


@lru_cache(maxsize=1)
def javascript_bundle() -> str:
    """Vega, Vega-Lite and vega-embed as one script for the version of Altair that is installed."""
    import vl_convert

    version = ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])
    script = str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", version))
    return script.replace("</script", "<\\/script").replace("<!--", "<\\!--")


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
        "font": _FONT,
        "background": "transparent",
        "view": {"stroke": None},
        "axis": {**text, "gridColor": COLOURS.grid, "domainColor": COLOURS.grid, "tickColor": COLOURS.grid},
        "legend": text,
        "autosize": {"type": "fit", "contains": "padding"},
    }
