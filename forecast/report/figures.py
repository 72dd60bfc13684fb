"""The numbers of the report, computed once, so that its sentences, tables and charts agree."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from forecast import names
from forecast.evaluation.scores import LEVEL
from forecast.panel.calendar import unit_name
from forecast.prediction.draws import Forecast
from forecast.report.backtest import TOTAL
from forecast.report.wording import capital, last_periods, period_label, province_labels, span_label, tactic_label

__all__ = ["LADDER", "SINCE", "Group", "Outlook", "figures", "groups_of", "is_total", "outlook", "records"]

# What the horizon is compared with: this many last periods, or as many as the history holds.
SINCE = 12
# The total is also compared with this many last periods: what is new may not show in a year.
_LATELY = 3
# Above this many provinces × tactics the page leaves tactics to the files of the run.
_MOST_CELLS = 1500
_INTERVAL = (0.1, 0.5, 0.9)
# Attacks over the whole horizon from which on a chance is told, whatever the past: any, and many.
LADDER = (1, 25)
_CHANCES = ["rise", "above_record", *(f"from_{threshold}" for threshold in LADDER)]


@dataclass(frozen=True)
class Group:
    """A set of provinces that the report shows like a province: all, a country, or a named zone."""

    level: str
    label: str
    name: str
    members: tuple[str, ...]

    @property
    def key(self) -> str:
        """What stands for it among groups: what they show may be the same, 'north_east' and 'North east'."""
        return f"{self.level}: {self.label}"


@dataclass(frozen=True)
class Outlook:
    """What the report says in words and tables, per group, province and tactic.

    Attributes
    ----------
    total, lately : Series
        The figures (see `figures`) of all provinces and tactics, against the last `since` and `since_lately` periods.
    groups, provinces, tactics : DataFrame
        The figures of countries and zones, of provinces (all tactics) and of tactics (all provinces).
    cells : DataFrame
        The figures of every province and tactic.
    since, since_lately : int
        How many last periods the horizon is compared with.
    unit, span, when, next_period : str
        'month', 'Jan to Jun 2025', 'from Jan to Jun 2025', 'Jan 2025'.
    steps : tuple of str
        Its periods: 'Jan 2025', 'Feb 2025', ….
    tells_chances : bool
        Whether its probabilities are told.
    capability_at : str
        The period of which provinces have the capability of their partner force: 'Dec 2024'; '' where they have none.
    """

    total: "pd.Series[Any]"
    lately: "pd.Series[Any]"
    groups: pd.DataFrame
    provinces: pd.DataFrame
    tactics: pd.DataFrame
    cells: pd.DataFrame
    since: int
    since_lately: int
    unit: str
    span: str
    when: str
    next_period: str
    steps: tuple[str, ...]
    tells_chances: bool = True
    capability_at: str = ""

    @property
    def past(self) -> str:
        """What it is compared with: 'the last 12 months'."""
        return last_periods(self.since, self.unit)

    @property
    def horizon(self) -> int:
        """Number of periods."""
        return len(self.steps)

    @property
    def is_compared(self) -> bool:
        """True where some of the last periods were observed, so that the horizon can be compared with them."""
        return bool(self.cells["recent"].notna().any())

    @property
    def shows_tactics(self) -> bool:
        """True where tactics stand beside their sum: there are several, and not more cells than a page can hold."""
        return len(self.tactics) > 1 and len(self.cells) <= _MOST_CELLS

    def without_chances(self) -> "Outlook":
        """The same without probabilities: a forecast that is not plausible (`implausible`) gives none."""
        tables = {name: getattr(self, name) for name in ("groups", "provinces", "tactics", "cells")}
        blank = {name: table.assign(**dict.fromkeys(_CHANCES, np.nan)) for name, table in tables.items() if len(table)}
        total, lately = self.total.copy(), self.lately.copy()
        total[_CHANCES] = lately[_CHANCES] = np.nan
        return replace(self, total=total, lately=lately, tells_chances=False, **blank)

    def beside(
        self, groups: Sequence[Group], add: Callable[[pd.DataFrame, list[list[str]]], pd.DataFrame]
    ) -> "Outlook":
        """The same with what `add` gives beside the figures of a table, told the provinces of each of its rows."""
        keys, members = self.provinces[names.PROVINCE].to_list(), {group.key: list(group.members) for group in groups}
        sums = self.groups
        return replace(
            self,
            total=add(pd.DataFrame([self.total]), [keys]).iloc[0],
            groups=add(sums, [members[key] for key in sums[names.PROVINCE]]) if len(sums) else sums,
            provinces=add(self.provinces, [[key] for key in keys]),
        )

    def figures(self, forecast: Forecast) -> pd.DataFrame:
        """Figures of other sums, against the same past, without probabilities where this has none."""
        table = figures(forecast, self.since)
        return table if self.tells_chances else table.assign(**dict.fromkeys(_CHANCES, np.nan))


def groups_of(forecast: Forecast, zones: Mapping[str, Sequence[str]]) -> list[Group]:
    """All provinces together, the countries where there are several, and the named zones."""
    countries = pd.Series(forecast.dataset[names.COUNTRY].values.astype(str), index=forecast.provinces)
    groups = []
    if len(forecast.provinces) > 1:
        groups.append(Group("total", "", "All provinces", tuple(forecast.provinces)))
    if countries.nunique() > 1:
        members = {str(name): tuple(part.index) for name, part in countries.groupby(countries) if name}
        groups += [Group("country", name, name, keys) for name, keys in members.items()]
    shown = {zone: capital(zone.replace("_", " ")) for zone in zones}
    written = list(shown.values())
    return groups + [
        Group("zone", zone, shown[zone] if written.count(shown[zone]) == 1 else zone, tuple(keys))
        for zone, keys in zones.items()
    ]


def figures(forecast: Forecast, since: int) -> pd.DataFrame:
    """One row per province (or group) and tactic, in attacks.

    Columns: province, tactic, observed (how many of the last `since` periods were), recent (their mean), record (the
    largest of them); `next_*` (the first period), `sum_*` (the horizon) and `mean_*` (per period of the horizon) with
    lower, median and upper (the central 80 % interval); rise (probability that the mean over the horizon is above
    recent) and above_record (that at least one period is above record), NaN where none of the past was observed;
    from_1 and from_25 (that the horizon brings so many or more), and step_0, step_1, … (the median of each period).
    """
    draws = forecast.draws.values
    past = forecast.dataset[names.HISTORY].transpose(names.PROVINCE, names.TACTIC, ...).values[..., -since:]
    observed, past_sum = np.isfinite(past).sum(axis=-1), np.nansum(past, axis=-1)
    record = np.nanmax(past, axis=-1, initial=0)
    sums, horizon = draws.sum(axis=-1), draws.shape[-1]
    columns = {
        "observed": observed,
        "recent": past_sum / np.maximum(observed, 1),
        "record": record,
        # Compared as whole numbers, so that equal means are equal whatever the rounding.
        "rise": (sums * observed > past_sum * horizon).mean(axis=0),
        "above_record": (draws.max(axis=-1) > record).mean(axis=0),
    }
    for name in ("recent", "record", "rise", "above_record"):
        columns[name] = np.where(observed > 0, columns[name], np.nan)
    columns |= {f"from_{threshold}": (sums >= threshold).mean(axis=0) for threshold in LADDER}
    medians = np.quantile(draws, 0.5, axis=0, method="inverted_cdf")
    columns |= {f"step_{step}": medians[..., step] for step in range(horizon)}
    for name, values, divisor in (("next", draws[..., 0], 1), ("sum", sums, 1), ("mean", sums, horizon)):
        bounds = np.quantile(values, _INTERVAL, axis=0, method="inverted_cdf") / divisor
        columns |= {f"{name}_{side}": bound for side, bound in zip(("lower", "median", "upper"), bounds, strict=True)}
    labels = {
        names.PROVINCE: np.repeat(forecast.provinces, len(forecast.tactics)),
        names.TACTIC: np.tile(forecast.tactics, len(forecast.provinces)),
    }
    return pd.DataFrame({**labels, **{name: values.ravel() for name, values in columns.items()}})


def outlook(forecast: Forecast, zones: Mapping[str, Sequence[str]]) -> Outlook:
    """All figures of a forecast; totals are sums of the same draws."""
    since = min(SINCE, forecast.dataset.sizes[names.HISTORY_PERIOD])
    groups = [group for group in groups_of(forecast, zones) if group.level != "total"]
    named, group_names = {group.key: group.members for group in groups}, {group.key: group.name for group in groups}
    labels = province_labels(forecast.dataset)
    whole = forecast.aggregate("total", tactics=True)
    first, last_end = forecast.periods[0], pd.Timestamp(forecast.dataset[names.PERIOD_END].values[-1])
    span, next_period = span_label(first, last_end, forecast.freq), period_label(first, forecast.freq)
    return Outlook(
        total=figures(whole, since).iloc[0],
        lately=figures(whole, min(_LATELY, since)).iloc[0],
        groups=_labelled(figures(forecast.aggregate(named, tactics=True), since), group_names)
        if named
        else pd.DataFrame(),
        provinces=_labelled(figures(forecast.aggregate(tactics=True), since), labels).assign(
            country=forecast.dataset[names.COUNTRY].values.astype(str)
        ),
        tactics=_labelled(figures(forecast.aggregate("total"), since), labels),
        cells=_labelled(figures(forecast, since), labels),
        since=since,
        since_lately=min(_LATELY, since),
        unit=unit_name(forecast.freq),
        span=span,
        when=f"from {span}" if len(forecast.periods) > 1 else f"in {next_period}",
        next_period=next_period,
        steps=tuple(period_label(start, forecast.freq) for start in forecast.periods),
    )


def _labelled(table: pd.DataFrame, labels: Mapping[str, str]) -> pd.DataFrame:
    return table.assign(
        name=[labels.get(key, key) for key in table[names.PROVINCE]],
        tactic_name=[tactic_label(key) for key in table[names.TACTIC]],
    )


def is_total(table: pd.DataFrame) -> "pd.Series[bool]":
    """Rows of a score table that are about the total of all provinces and tactics."""
    return table[LEVEL] == TOTAL


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table by the names of its columns."""
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]
