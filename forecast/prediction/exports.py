"""What a forecast looks like to others: tidy tables, hubverse's and VIEWS' columns, a fan chart."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from forecast import names
from forecast.dated import DatedEvent
from forecast.errors import InputError
from forecast.panel.groups import province_keys
from forecast.prediction.arrays import HISTORY_LENGTH, mean, members, quantiles
from forecast.prediction.sums import summed_dataset

if TYPE_CHECKING:
    import altair as alt

__all__ = [
    "HUB_LEVELS",
    "VIEWS_FIRST_YEAR",
    "change_table",
    "check_months",
    "checked_series",
    "draw_fan",
    "fan_chart",
    "hub_table",
    "interval_columns",
    "small_multiples",
    "tidy_table",
    "views_table",
    "without_late_means",
]

# The levels that forecast hubs ask for.
HUB_LEVELS = (0.01, 0.025, *(round(0.05 * step, 2) for step in range(1, 20)), 0.975, 0.99)
_LABELS = [names.PROVINCE, names.PROVINCE_NAME, names.COUNTRY, names.TACTIC]
VIEWS_FIRST_YEAR = 1980
_BLUE = "#1f6f8b"
# Central intervals of a fan.
_FAN = (0.5, 0.8, 0.9)
# Means of totals are told this many periods ahead, half a year: beyond it a few of the draws make them (on UCDP Syria
# the mean total went 22 to 127 in 24 months, and the median 20 to 47).
_MEANS_AHEAD = {names.MONTHLY: 6} | dict.fromkeys(names.WEEKS, 26)


def tidy_table(dataset: xr.Dataset, levels: Sequence[float]) -> pd.DataFrame:
    """One row per province, tactic and period.

    Columns: province, province_name, country, tactic, period, horizon, mean, mcse (its Monte-Carlo error), median,
    and for each level the inclusive bounds of the central interval, `lower_90` and `upper_90` for 0.9. Of sums, and of
    a forecast of one series, mean and mcse are blank beyond six months.
    """
    bounds = interval_columns(levels)
    at_levels = quantiles(dataset, [0.5, *bounds.values()])
    table = mean(dataset)
    for row, name in enumerate(["median", *bounds]):
        table[name] = at_levels.isel(quantile=row, drop=True)
    frame = table.transpose(*names.CELL_DIMS).to_dataframe().reset_index()
    sums = any(len(keys) > 1 for groups in members(dataset).values() for keys in groups.values())
    if sums or dataset.sizes[names.PROVINCE] * dataset.sizes[names.TACTIC] == 1:
        frame = without_late_means(frame, dataset.attrs["freq"])
    return frame[[*_LABELS, names.PERIOD, names.HORIZON, "mean", "mcse", "median", *bounds]]


def without_late_means(table: pd.DataFrame, freq: str) -> pd.DataFrame:
    """The table with mean and mcse blank beyond six months ahead (`horizon`); medians and quantiles stay."""
    late = table[names.HORIZON] > _MEANS_AHEAD[freq]
    return table.assign(**{name: table[name].mask(late) for name in ("mean", "mcse")})


def interval_columns(levels: Sequence[float]) -> dict[str, float]:
    """Columns of central intervals and the quantiles in them: {'lower_90': 0.05, 'upper_90': 0.95} for 0.9."""
    sides = (("lower", -1), ("upper", 1))
    return {f"{side}_{100 * level:g}": (1 + sign * level) / 2 for level in levels for side, sign in sides}


def change_table(dataset: xr.Dataset, since: int) -> pd.DataFrame:
    """The mean per period over the horizon against the observed mean of the last `since` periods.

    Returns
    -------
    DataFrame
        One row per province and tactic: `observed_periods` (fewer than `since` where there are gaps or a short
        history), `observed_mean` (attacks per period, NaN where nothing was observed), `predicted_median` (of the
        draws' mean per period), `ratio` and `difference` to the observed mean with their 80 % intervals
        (`ratio_lower_80`, …; the ratio is NaN where the observed mean is 0), `probability_rise` (that the mean over
        the horizon is above the observed one).

    Raises
    ------
    InputError
        When `since` is below 1 or above the two years of history that a forecast keeps.
    """
    history = dataset[names.HISTORY]
    longest = HISTORY_LENGTH[dataset.attrs["freq"]]
    if not 1 <= since <= longest:
        raise InputError("is not a number of past periods", where="since", found=since, expected=f"1 to {longest}")
    last = history.isel({names.HISTORY_PERIOD: slice(-since, None)})
    observed = last.mean(names.HISTORY_PERIOD)
    means = dataset[names.DRAWS].mean(names.PERIOD)
    table = xr.Dataset(
        {
            "observed_periods": last.notnull().sum(names.HISTORY_PERIOD),
            "observed_mean": observed,
            "predicted_median": means.median(names.SAMPLE),
        }
    )
    for name, values in (("ratio", means / observed.where(observed > 0)), ("difference", means - observed)):
        table[name] = values.median(names.SAMPLE, skipna=False)
        for side, level in (("lower", 0.1), ("upper", 0.9)):
            table[f"{name}_{side}_80"] = values.quantile(level, names.SAMPLE, skipna=False).drop_vars("quantile")
    table["probability_rise"] = (means > observed).mean(names.SAMPLE).where(observed.notnull())
    frame = table.transpose(names.PROVINCE, names.TACTIC).to_dataframe().reset_index()
    return frame[[*_LABELS, *(str(name) for name in table.data_vars)]]


def hub_table(
    dataset: xr.Dataset,
    output_type: Literal["quantile", "median", "mean", "sample"],
    target: str,
    levels: Sequence[float],
) -> pd.DataFrame:
    """Model output as a forecast hub takes it (hubverse conventions), one output type at a time.

    Returns
    -------
    DataFrame
        The task columns origin_date (the last day of the data), target, horizon, location (the unit key), tactic,
        target_end_date, then output_type, output_type_id (the level of a quantile, the number of a sample from 1,
        the same number being one joint draw in all rows; missing for a median or mean) and value. Dates are
        `datetime.date`, which CSV and Parquet keep as dates.
    """
    values, ids = _hub_values(dataset, output_type, levels)
    task = ("id", *names.CELL_DIMS)
    cells = xr.DataArray(values, dims=task, coords={"id": ids, **{dim: dataset[dim] for dim in names.CELL_DIMS}})
    frame = (
        cells.assign_coords({name: dataset[name] for name in (names.HORIZON, names.PERIOD_END)})
        .to_dataframe(name="value")
        .reset_index()
    )
    table = pd.DataFrame(
        {
            "origin_date": pd.Timestamp(dataset.attrs[names.ORIGIN]).date(),
            "target": target,
            "horizon": frame[names.HORIZON],
            "location": frame[names.PROVINCE],
            "tactic": frame[names.TACTIC],
            "target_end_date": frame[names.PERIOD_END].dt.date,
            "output_type": output_type,
            "output_type_id": frame["id"] if output_type in ("quantile", "sample") else pd.NA,
            "value": frame["value"],
        }
    )
    return table.sort_values(["location", "tactic", "horizon"], kind="stable", ignore_index=True)


def _hub_values(
    dataset: xr.Dataset, output_type: str, levels: Sequence[float]
) -> tuple[npt.NDArray[Any], Sequence[float] | npt.NDArray[np.int64]]:
    if output_type == "quantile":
        return quantiles(dataset, levels).values, list(levels)
    if output_type == "sample":
        return dataset[names.DRAWS].values, np.arange(1, dataset.sizes[names.SAMPLE] + 1)
    if output_type == "median":
        return quantiles(dataset, [0.5]).values, [0.0]
    if output_type == "mean":
        return mean(dataset)["mean"].values[None], [0.0]
    raise InputError("no such output type", found=output_type, expected=["quantile", "median", "mean", "sample"])


def views_table(dataset: xr.Dataset) -> pd.DataFrame:
    """Draws as VIEWS takes them: month_id (January 1980 is 1), province, tactic, draw (from 0), outcome.

    Raises
    ------
    InputError
        When the forecast is not by month.
    """
    check_months(dataset.attrs["freq"])
    periods = pd.DatetimeIndex(dataset[names.PERIOD].values)
    months = (periods.year - VIEWS_FIRST_YEAR) * 12 + periods.month
    draws = dataset[names.DRAWS].transpose(names.PERIOD, names.PROVINCE, names.TACTIC, names.SAMPLE)
    month, province, tactic, draw = (index.ravel() for index in np.indices(draws.shape))
    return pd.DataFrame(
        {
            "month_id": months.to_numpy()[month],
            names.PROVINCE: dataset[names.PROVINCE].values.astype(str)[province],
            names.TACTIC: dataset[names.TACTIC].values.astype(str)[tactic],
            "draw": draw,
            "outcome": draws.values.ravel(),
        }
    )


def check_months(freq: str) -> None:
    """An InputError where periods are not months, which VIEWS counts."""
    if freq != names.MONTHLY:
        raise InputError("VIEWS counts months", where="freq", found=freq, expected=names.MONTHLY)


def fan_chart(
    dataset: xr.Dataset, province: str | None, tactic: str | None, events: Sequence[DatedEvent]
) -> "alt.LayerChart":
    """The history, the median and the central 50, 80 and 90 % intervals of one series, or of a sum."""
    province, tactic = checked_series(dataset, province, tactic)
    summed = summed_dataset(dataset, "total" if province is None else None, tactic is None)
    series = {names.PROVINCE: province or "total", names.TACTIC: tactic or str(summed[names.TACTIC].values[0])}
    marked = events if province is None else events_of(dataset, events, province)
    return draw_fan(summed, tidy_table(summed, _FAN), series, _FAN, marked)


def events_of(dataset: xr.Dataset, events: Sequence[DatedEvent], province: str) -> list[DatedEvent]:
    """Those that are of a province, or of all."""
    return [event for event in events if not event.provinces or province in province_keys(dataset, event.provinces)]


def checked_series(dataset: xr.Dataset, province: str | None, tactic: str | None) -> tuple[str | None, str | None]:
    """The key of a province under any of its names, and a tactic; an InputError where there is none of that name."""
    tactics = list(dataset[names.TACTIC].values)
    if tactic is not None and tactic not in tactics:
        raise InputError("unknown tactic", found=tactic, expected=tactics)
    if province is None:
        return None, tactic
    keys = province_keys(dataset, [province])
    if len(keys) > 1:
        raise InputError("is divided", where=names.PROVINCE, found=province, expected=f"one of {', '.join(keys)}")
    return keys[0], tactic


def draw_fan(
    dataset: xr.Dataset,
    table: pd.DataFrame,
    series: dict[str, str],
    levels: Sequence[float],
    events: Sequence[DatedEvent],
) -> "alt.LayerChart":
    """The history and one series of a table with a median and central intervals, the widest of which may be pointed at.

    Parameters
    ----------
    dataset : Dataset
        With the history.
    table : DataFrame
        As of `tidy_table`.
    series : dict
        Its province and tactic.
    levels : sequence of float
        Of the intervals, in ascending order.
    events : sequence of DatedEvent
        What is marked.
    """
    from forecast.plots import alt, event_layers

    bands = table[(table[names.PROVINCE] == series[names.PROVINCE]) & (table[names.TACTIC] == series[names.TACTIC])]
    history = dataset[names.HISTORY].sel(series).to_series().dropna().rename(names.ATTACKS).reset_index()
    base = alt.Chart(bands).encode(x=alt.X("period:T", title=None))
    widest, *narrower = [interval_columns([level]) for level in reversed(levels)]
    lower, upper = widest
    area = base.mark_area(opacity=0.25, color=_BLUE)
    layers = [
        area.encode(y=alt.Y(f"{lower}:Q", title="attacks"), y2=f"{upper}:Q"),
        *(area.encode(y=f"{below}:Q", y2=f"{above}:Q") for below, above in narrower),
        base.mark_line(color=_BLUE).encode(y="median:Q", tooltip=["period:T", "median:Q", f"{lower}:Q", f"{upper}:Q"]),
        alt.Chart(history).mark_line(color="#333333").encode(x=f"{names.HISTORY_PERIOD}:T", y="attacks:Q"),
        *event_layers(events, *_span(dataset)),
    ]
    title = f"{series[names.PROVINCE]}, {series[names.TACTIC]}: {dataset.attrs[names.MODEL]}"
    return alt.LayerChart(layer=layers, width=640, height=240, title=_data_label(dataset) + title)


def _span(dataset: xr.Dataset) -> tuple[pd.Timestamp, pd.Timestamp]:
    """The first day of the history and the last one of the forecast."""
    return pd.Timestamp(dataset[names.HISTORY_PERIOD].values[0]), pd.Timestamp(dataset[names.PERIOD_END].values[-1])


def small_multiples(dataset: xr.Dataset, columns: int, events: Sequence[DatedEvent]) -> "alt.FacetChart":
    """One small chart per province, all tactics together: history, median and two bands, each on its own scale."""
    from forecast.plots import alt

    summed = summed_dataset(dataset, None, True)
    bands = tidy_table(summed, (0.5, 0.9))
    history = summed[names.HISTORY].to_series().dropna().rename(names.ATTACKS).reset_index()
    history = history.rename(columns={names.HISTORY_PERIOD: names.PERIOD})
    # Layers of a facet share one table.
    table = pd.concat([history, bands], ignore_index=True)
    shown = dict(zip(bands[names.PROVINCE], bands[names.PROVINCE_NAME].replace("", pd.NA), strict=True))
    table["shown"] = table[names.PROVINCE].map(shown).fillna(table[names.PROVINCE])
    table = pd.concat([table, *_event_rows(dataset, events, shown)], ignore_index=True)
    base = alt.Chart().encode(x=alt.X("period:T", title=None))
    layers = [
        base.mark_area(opacity=0.25, color=_BLUE).encode(y=alt.Y("lower_90:Q", title=None), y2="upper_90:Q"),
        base.mark_area(opacity=0.4, color=_BLUE).encode(y="lower_50:Q", y2="upper_50:Q"),
        base.mark_line(color=_BLUE).encode(y="median:Q"),
        base.mark_line(color="#333333").encode(y="attacks:Q"),
    ]
    if "begins" in table:
        layers.append(base.mark_rule(color="#5a6672").encode(x="begins:T", tooltip=["event:N", "begins:T"]))
    chart = alt.layer(*layers, data=table).properties(width=170, height=90)
    facets = chart.facet(alt.Facet("shown:N", title=None), columns=columns).resolve_scale(y="independent")
    titled: alt.FacetChart = facets.properties(
        title=f"{_data_label(dataset)}attacks by province: {dataset.attrs[names.MODEL]}"
    )
    return titled


def _event_rows(dataset: xr.Dataset, events: Sequence[DatedEvent], shown: Mapping[str, str]) -> Iterator[pd.DataFrame]:
    """A row per event and province that it is of, within the charts."""
    first, end = _span(dataset)
    for event in events:
        keys = [key for key in shown if event.lies_within(first, end) and events_of(dataset, [event], key)]
        if keys:
            begins = max(pd.Timestamp(event.first), first)
            yield pd.DataFrame({"shown": [shown[key] for key in keys], "event": event.name, "begins": begins})


def _data_label(dataset: xr.Dataset) -> str:
    """What stands before a title where the data are simulated."""
    return "SIMULATED DATA: " if json.loads(dataset.attrs.get("provenance", "{}")).get("simulated") else ""
