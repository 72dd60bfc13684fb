"""The fan chart: what was recorded and what is forecast, of any province and tactic, by selectors."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from forecast import names
from forecast.panel.calendar import unit_name
from forecast.panel.groups import sum_over
from forecast.panel.panel import Panel
from forecast.prediction.draws import Forecast
from forecast.report.figures import Group, groups_of
from forecast.report.vega import COLOURS, Chart, data_label
from forecast.report.wording import capital, province_labels, tactic_label

__all__ = ["fan_chart"]

# What stands for a sum, and for single provinces and tactics, in selectors: one never looks like the other.
_SUM, _ONE = "sum: ", "one: "
_LEVELS = (90, 80, 50)
_QUANTILES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
_SHOWN = {names.MONTHLY: 36} | dict.fromkeys(names.WEEKS, 78)


def fan_chart(panel: Panel, forecast: Forecast, zones: Mapping[str, Sequence[str]], simulated: bool) -> Chart:
    """History, median and central intervals of any province or group and any tactic or all, by selectors.

    Parameters
    ----------
    panel : Panel
        The history, up to the forecast's origin.
    forecast : Forecast
        The joint draws; groups and 'all tactics' are sums of them.
    zones : mapping of str to sequence of str
        Named sets of provinces to choose beside countries.
    """
    groups = groups_of(forecast, zones)
    provinces, tactics = _options(forecast, groups)
    n_history, unit = len(panel.periods), unit_name(panel.freq)
    # Of published totals no single count was observed: there is no past to show.
    seen = bool(panel.dataset[names.OBSERVED].any())
    shown = min(_SHOWN[panel.freq], n_history)
    history = alt.param(name="shown", value=n_history)
    if seen and shown < n_history:
        history = _select("shown", "History ", {shown: f"last {shown} {unit}s", n_history: "all"})
    chart = (
        alt.layer(*_layers(panel, forecast, seen), data=alt.InlineData(values=_series(panel, forecast, groups)))
        .transform_filter("datum.p === province && datum.t === tactic")
        .resolve_scale(color="shared")
        .add_params(_select("province", "Province ", provinces), _select("tactic", "Tactic ", tactics), history)
        .properties(width="container", height=330, title=data_label(simulated))
    )
    return Chart("fan", chart, "Recorded attacks and their forecast with 50, 80 and 90% intervals")


def _select(name: str, label: str, options: Mapping[Any, str]) -> alt.Parameter:
    binding = alt.binding_select(options=list(options), labels=list(options.values()), name=label)
    return alt.param(name=name, value=next(iter(options)), bind=binding)


def _options(forecast: Forecast, groups: list[Group]) -> tuple[dict[str, str], dict[str, str]]:
    """Labels of what can be chosen: groups first, then provinces by country and name; all tactics first."""
    labels, country = province_labels(forecast.dataset), forecast.dataset[names.COUNTRY].values.astype(str)
    several = len(set(country)) > 1
    ordered = sorted(zip(country, [labels[key] for key in forecast.provinces], forecast.provinces, strict=True))
    provinces = {_SUM + group.key: group.name if group.level == "total" else f"{group.name} (all)" for group in groups}
    provinces |= {_ONE + key: f"{label} ({where})" if several and where else label for where, label, key in ordered}
    tactics = {_ONE + key: tactic_label(key) for key in forecast.tactics}
    return provinces, {_SUM: "all tactics", **tactics} if len(tactics) > 1 else tactics


def _series(panel: Panel, forecast: Forecast, groups: list[Group]) -> list[dict[str, Any]]:
    """One record per series: p(rovince), t(actic), n(ame), k (tactic's name), h(istory), f(orecast quantiles)."""
    provinces, tactics = _options(forecast, groups)
    titles = {_ONE + key: label for key, label in province_labels(forecast.dataset).items()}
    titles |= {_SUM + group.key: group.name for group in groups}
    members = {group.key: group.members for group in groups}
    records = []
    for by in (members, None) if members else (None,):
        for summed in (True, False) if _SUM in tactics else (False,):
            past, ahead = _past(panel.attacks, by, summed), forecast.aggregate(by, tactics=summed)
            quantiles = np.moveaxis(ahead.quantiles(_QUANTILES).values, 0, -1)
            for row, column in np.ndindex(past.shape[:2]):
                province = (_ONE if by is None else _SUM) + ahead.provinces[row]
                tactic = _SUM if summed else _ONE + ahead.tactics[column]
                labels = {"p": province, "t": tactic, "n": titles[province], "k": tactics[tactic]}
                history = [None if np.isnan(count) else int(count) for count in past[row, column]]
                records.append({**labels, "h": history, "f": quantiles[row, column].tolist()})
    position = {key: place for place, key in enumerate(provinces)}
    return sorted(records, key=lambda record: position[record["p"]])


def _past(attacks: xr.DataArray, by: Mapping[str, Sequence[str]] | None, summed: bool) -> npt.NDArray[np.float64]:
    if summed:
        attacks = attacks.sum(names.TACTIC, skipna=False, keepdims=True)
    return (attacks if by is None else sum_over(attacks, by)).values


def _layers(panel: Panel, forecast: Forecast, seen: bool) -> list[alt.Chart]:
    start_history, start_forecast = panel.periods[0], forecast.periods[0]
    n_history = len(panel.periods)
    past = (
        alt.Chart()
        .transform_flatten(["h"])
        .transform_window(i="row_number()")
        .transform_filter(f"datum.i > {n_history} - shown")
        .transform_calculate(**_times(start_history, panel.freq))
    )
    ahead = (
        alt.Chart()
        .transform_flatten(["f"])
        .transform_window(i="row_number()")
        .transform_calculate(**_times(start_forecast, panel.freq), **_bounds())
    )
    first = panel.periods[-min(_SHOWN[panel.freq], n_history)] if seen else start_forecast
    x = alt.X(
        "s:T",
        title=None,
        scale=alt.Scale(type="utc"),
        axis=alt.Axis(format="%b %Y", labelOverlap=True, tickCount=_ticks(first, forecast), grid=False),
    )
    y = alt.Y(
        "md:Q",
        title=f"attacks per {unit_name(panel.freq)}",
        scale=alt.Scale(domainMin=0),
        axis=alt.Axis(format=",d", tickMinStep=1),
    )
    tooltip = alt.Tooltip("l:N", title=capital(unit_name(panel.freq)))
    bands = [
        _keyed(ahead.mark_rect(), f"{level}% interval").encode(x="s:T", x2="e", y=f"lo{level}:Q", y2=f"hi{level}")
        for level in _LEVELS
    ]
    shown = [tooltip, alt.Tooltip("h:Q", title="Recorded")]
    recorded = [
        _keyed(past.mark_line(strokeWidth=1.4), "recorded").encode(x="m:T", y="h:Q"),
        _keyed(past.mark_circle(size=22, opacity=1), "recorded").encode(x="m:T", y="h:Q", tooltip=shown),
    ]
    return [
        *bands,
        _keyed(ahead.mark_rule(strokeWidth=2.5), "median").encode(x=x, x2="e", y=y),
        *(recorded if seen else ()),
        _hover(ahead, tooltip),
        *_frame(panel),
    ]


def _ticks(first: pd.Timestamp, forecast: Forecast) -> alt.TimeIntervalStep:
    """Ticks at months that divide the year, few enough for what is shown first, from the day `first` on."""
    months = (forecast.periods[-1] - first).days / 30.4
    step = next((step for step in (1, 2, 3) if months <= 8 * step), 6)
    return alt.TimeIntervalStep(interval="month", step=step)


def _keyed(chart: alt.Chart, key: str) -> alt.Chart:
    """A layer with its entry in the legend that all layers share."""
    order = ["recorded", "median", *(f"{level}% interval" for level in reversed(_LEVELS))]
    scale = alt.Scale(domain=order, range=[COLOURS.ink, COLOURS.median, *reversed(COLOURS.bands)])
    legend = alt.Legend(
        orient="bottom", title=None, symbolType="square", symbolOpacity=1, columns=alt.ExprRef("width < 420 ? 3 : 5")
    )
    return chart.transform_calculate(key=f"'{key}'").encode(color=alt.Color("key:N", scale=scale, legend=legend))


def _times(first: pd.Timestamp, freq: str) -> dict[str, str]:
    """Expressions for a period's start, end, middle and label, from its number `i` (from 1) after the first."""
    if freq == names.MONTHLY:
        at = [f"utc({first.year}, {first.month - 1} + datum.i - {back}, 1)" for back in (1, 0)]
        label = "utcFormat(datum.s, '%B %Y')"
    else:
        at = [f"utc({first.year}, {first.month - 1}, {first.day} + 7 * (datum.i - {back}))" for back in (1, 0)]
        label = "'from ' + utcFormat(datum.s, '%-d %B %Y')"
    return {"s": at[0], "e": at[1], "m": "(datum.s + datum.e) / 2", "l": label}


def _bounds() -> dict[str, str]:
    """Expressions for the median and the bounds of the intervals, from the quantiles `f`."""
    bounds = {"md": "datum.f[3]"}
    for position, level in enumerate(_LEVELS):
        low, high = f"datum.f[{position}]", f"datum.f[{6 - position}]"
        bounds |= {f"lo{level}": low, f"hi{level}": high, f"t{level}": f"{low} + ' to ' + {high}"}
    return bounds


def _hover(ahead: alt.Chart, tooltip: alt.Tooltip) -> alt.Chart:
    """Invisible columns as high as the chart: an interval from 0 to 0 has no area to point at."""
    shown = [
        tooltip,
        alt.Tooltip("md:Q", title="Median"),
        *(alt.Tooltip(f"t{level}:N", title=f"{level}% interval") for level in reversed(_LEVELS)),
    ]
    columns: alt.Chart = ahead.mark_rect(opacity=0)
    return columns.encode(x="s:T", x2="e", y=alt.value(0), y2=alt.value("height"), tooltip=shown)


def _frame(panel: Panel) -> list[alt.Chart]:
    """The end of the data, the name of the series, and a point that keeps the axis from shrinking to nothing."""
    origin = int((panel.origin + pd.Timedelta(days=1)).timestamp() * 1000)
    here = alt.Chart().transform_calculate(o=str(origin), label="datum.n + ', ' + datum.k", floor="4")
    return [
        here.mark_rule(color=COLOURS.muted, strokeDash=[4, 3]).encode(x="o:T"),
        here.mark_text(align="left", baseline="bottom", dy=-8, fontSize=14, fontWeight=600, color=COLOURS.ink).encode(
            x=alt.value(0), y=alt.value(0), text="label:N"
        ),
        here.mark_point(opacity=0).encode(x="o:T", y="floor:Q"),
    ]
