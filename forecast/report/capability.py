"""The section on the partner forces' capability: its paths, the indicators behind them, slopes and scenarios."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from forecast import names
from forecast.capability.capability import Capability
from forecast.panel.panel import Panel
from forecast.prediction.scenarios import ALL, TOTAL
from forecast.report.figures import Outlook
from forecast.report.overlays import Overlays
from forecast.report.slopes import signed_between, slopes_said
from forecast.report.vega import Chart, data_label
from forecast.report.wording import (
    amount,
    chance_that,
    change_between,
    listed,
    period_label,
    short_percent,
    signed,
    signed_percent,
    tactic_label,
)

__all__ = [
    "CapabilityPart",
    "latest_levels",
    "latest_rows",
    "latest_said",
    "level_text",
    "own_slopes",
    "path_charts",
    "said",
    "with_capability",
]

_LARGE_PULL = 1.0
# Provinces with fewer expected attacks over the horizon are left out of the table of scenarios.
_LEAST = 0.5
_BOUNDS = (0.05, 0.95)
# Levels are printed, and classed, to a tenth of an SD.
_DECIMALS = 1
# Columns of the figures that tell a level.
_FIGURES = ["capability", "capability_lower", "capability_upper"]


@dataclass(frozen=True)
class CapabilityPart:
    """What a report says of capability.

    Attributes
    ----------
    capability : Capability
        Measured by the indicators alone.
    slopes : DataFrame
        What `percent_change` gave; empty where the model has no slope on capability.
    decomposition : DataFrame
        What `decompose` gave.
    scenarios : DataFrame
        Tables of `contrast`, one after the other, with the column `scenario_name`.
    pull : DataFrame
        The rows of `path_given_counts` with the largest pull on each force.
    """

    capability: Capability
    slopes: pd.DataFrame = field(default_factory=pd.DataFrame)
    decomposition: pd.DataFrame = field(default_factory=pd.DataFrame)
    scenarios: pd.DataFrame = field(default_factory=pd.DataFrame)
    pull: pd.DataFrame = field(default_factory=pd.DataFrame)

    def without_chances(self) -> "CapabilityPart":
        """The same without probabilities of slopes and scenarios: a forecast that is not plausible gives none."""
        return replace(
            self,
            slopes=self.slopes.assign(probability_below_0=np.nan),
            scenarios=self.scenarios.assign(probability_rise=np.nan),
        )


def latest_levels(capability: Capability, panel: Panel) -> pd.DataFrame:
    """Where the path of each force of a panel stands in its last period.

    Columns: force, provinces (how many have it as their force then), capability (the mean), capability_lower and
    capability_upper (the 90 % interval), year_before (the mean a year earlier; NaN where the path is shorter), in SDs.
    Empty where the paths do not reach that period.
    """
    held = _forces(panel).value_counts()
    last = panel.periods[-1]
    earlier = last - pd.DateOffset(years=1)
    rows = []
    for force in capability.forces:
        if force not in held or last not in capability.periods:
            continue
        path = capability.dataset["path"].sel({names.FORCE: force})
        lower, upper = path.sel({names.PERIOD: last}).quantile(_BOUNDS).values.tolist()
        means = capability.mean.sel({names.FORCE: force}).to_series()
        before = means.loc[:earlier].iloc[-1] if means.index[0] <= earlier else np.nan
        rows.append((force, int(held[force]), float(means.loc[last]), lower, upper, float(before)))
    columns = [names.FORCE, "provinces", *_FIGURES, "year_before"]
    return pd.DataFrame(rows, columns=columns)


def with_capability(outlook: Outlook, latest: pd.DataFrame, panel: Panel) -> Outlook:
    """The figures of provinces with their force at the end of the data and its `latest` level; as they are without."""
    if latest.empty:
        return outlook
    forces = _forces(panel).reindex(outlook.provinces[names.PROVINCE]).to_numpy()
    levels = latest.set_index(names.FORCE)[_FIGURES].reindex(forces).reset_index(drop=True)
    levels.index = outlook.provinces.index
    provinces = outlook.provinces.assign(force=np.where(forces == "", np.nan, forces)).join(levels)
    return replace(outlook, provinces=provinces, capability_at=period_label(panel.periods[-1], panel.freq))


def level_text(level: float) -> str:
    """A level of capability as it is printed: '+0.4'; '–' where there is none."""
    return signed(level, _DECIMALS)


def _forces(panel: Panel) -> "pd.Series[str]":
    """The force of each province in the last period; '' for none."""
    last = panel.dataset[names.FORCE].isel({names.PERIOD: -1}).values.astype(str)
    return pd.Series(last, index=panel.provinces)


def latest_rows(latest: pd.DataFrame) -> pd.DataFrame:
    """The latest levels as a table for readers."""
    bounds = zip(latest["capability_lower"], latest["capability_upper"], strict=True)
    return pd.DataFrame(
        {
            "Force": latest[names.FORCE],
            "Capability": [level_text(value) for value in latest["capability"]],
            "90% interval": [f"{level_text(lower)} to {level_text(upper)}" for lower, upper in bounds],
            "A year before": [level_text(value) for value in latest["year_before"]],
            "Provinces": [amount(value) for value in latest["provinces"]],
        }
    )


def latest_said(outlook: Outlook) -> str:
    """What the levels in tables and on the map are; '' where there are none."""
    if not outlook.capability_at:
        return ""
    return (
        f"Capability is that of the province’s partner force in {outlook.capability_at}, as its indicators tell it, in "
        "SDs around that force’s own long-run level of 0: it says whether a force is stronger or weaker than it "
        "usually is, and not which of two forces is the stronger one. What goes with it in attacks is an association."
    )


def path_charts(capability: Capability, panel: Panel, overlays: Overlays, simulated: bool) -> list[tuple[Chart, str]]:
    """One chart per force: its path with its band, the indicators behind it, and dated events of its provinces."""
    charts = []
    for number, force in enumerate(capability.forces):
        held = (panel.dataset[names.FORCE] == force).any(names.PERIOD).values
        marked = overlays.of([key for key, is_held in zip(panel.provinces, held, strict=True) if is_held])
        letters, events = [letter for letter, _ in marked], [event for _, event in marked]
        chart = capability.plot_force(force, events=events, labels=letters)
        chart = chart.properties(width="container", height=190, title=data_label(simulated))
        words = f"Capability of {force} with its 90% band and indicators"
        charts.append((Chart(f"capability-{number}", chart, words), force))
    return charts


def said(part: CapabilityPart) -> list[str]:
    """What to know of capability, in sentences made from the numbers; none says why."""
    sentences = [_how_sure(part.capability)]
    if not part.slopes.empty:
        more, clause = "One SD more of a force’s capability", "more capability goes with fewer attacks"
        sentences.append(slopes_said(part.slopes, more, "in its provinces", clause))
    for name, table in part.scenarios.groupby("scenario_name", sort=False) if len(part.scenarios) else ():
        sentences.append(_of_scenario(str(name), table[table["level"] == TOTAL].iloc[0]))
    large = part.pull[part.pull["pull"].abs() > _LARGE_PULL] if len(part.pull) else part.pull
    for pulled in large.to_dict("records"):
        when = period_label(pd.Timestamp(pulled[names.PERIOD]), part.capability.dataset.attrs["freq"])
        sentences.append(
            f"The counts of attacks pulled the path of {pulled[names.FORCE]} by {signed(pulled['pull'], 1)} SDs of its "
            f"error in {when}, more than its indicators support: the model may read a change in attacks as one in "
            "capability."
        )
    return sentences


def _how_sure(capability: Capability) -> str:
    spread = capability.sd.mean(names.PERIOD)
    told = listed([f"{force} {float(spread.sel({names.FORCE: force})):.2f}" for force in capability.forces])
    return (
        "Capability is not observed. Each path is an estimate from the indicators alone, in units of its own long-run "
        f"SD around 0; the average error of the estimate, in the same unit, is: {told}. An error of 1 would mean that "
        "the indicators say nothing."
    )


def _of_scenario(name: str, total: "pd.Series[Any]") -> str:
    base, scenario, change = change_between(total["base"], total["scenario"])
    if total["ratio_lower"] == total["ratio_upper"] == 1:
        return f"In the scenario “{name}”, expected attacks over the horizon are those of the base forecast, {base}."
    interval = f"90% interval {_percent_between(total)}"
    told = f"a difference with the {interval}" if change == "–" else f"{change} ({interval})"
    chance = chance_that("more are expected than in the base forecast", total["probability_rise"])
    return (
        f"In the scenario “{name}”, {scenario} attacks are expected over the horizon, against {base} in the base "
        f"forecast: {told}, an association carried forward and not an effect. {chance}"
    ).rstrip()


def _signed(percent: float) -> str:
    return signed_percent(percent / 100)


def _percent_between(row: "pd.Series[float]") -> str:
    return signed_between(100 * (row["ratio_lower"] - 1), 100 * (row["ratio_upper"] - 1))


def _signed_ranges(table: pd.DataFrame) -> list[str]:
    return [signed_between(*bounds) for bounds in zip(table["lower"], table["upper"], strict=True)]


def _of_all_or(name: str) -> str:
    """A tactic's label, or 'all'."""
    return ALL if name == ALL else tactic_label(name)


def own_slopes(slopes: pd.DataFrame) -> list[str]:
    """Forces with slopes of their own: one of their tactics differs from that of all forces together."""
    single = slopes[slopes[names.TACTIC] != ALL].pivot(index=names.TACTIC, columns=names.FORCE, values="percent")
    return [str(force) for force in single if not np.allclose(single[force], single[ALL])]


def slope_rows(slopes: pd.DataFrame) -> pd.DataFrame:
    """Slopes as a table for readers: those of all forces, and of each that has slopes of its own."""
    slopes = slopes[slopes[names.FORCE].isin([*own_slopes(slopes), ALL])]
    return pd.DataFrame(
        {
            "Force": slopes[names.FORCE],
            "Tactic": [_of_all_or(tactic) for tactic in slopes[names.TACTIC]],
            "Difference per +1 SD": [_signed(value) for value in slopes["percent"]],
            "90% interval": _signed_ranges(slopes),
            "Chance of fewer": [short_percent(value) for value in slopes["probability_below_0"]],
        }
    )


def scenario_rows(scenarios: pd.DataFrame) -> pd.DataFrame:
    """Scenarios as a table for readers: the total, tactics, and provinces whose expectation changes."""
    differs = (scenarios["difference"] != 0) & (scenarios[["base", "scenario"]].max(axis=1) >= _LEAST)
    shown = scenarios[(scenarios["level"] != names.PROVINCE) | differs]
    label = [_of_all_or(name) for name in shown["name"]]
    changes = [change_between(*pair) for pair in zip(shown["base"], shown["scenario"], strict=True)]
    return pd.DataFrame(
        {
            "group": shown["scenario_name"],
            "Sum of": [f"{level}: {text}" for level, text in zip(shown["level"], label, strict=True)],
            "Base": [base for base, _, _ in changes],
            "Scenario": [scenario for _, scenario, _ in changes],
            "Change": [change for _, _, change in changes],
            "90% interval": [_percent_between(row) for _, row in shown.iterrows()],
            "Chance of more": [short_percent(value) for value in shown["probability_rise"]],
        }
    )


def decomposition_rows(decomposition: pd.DataFrame) -> pd.DataFrame:
    """The decomposition as a table for readers."""
    return pd.DataFrame(
        {
            "Part": ["all parts" if part == ALL else part for part in decomposition["part"]],
            "Change": [_signed(value) for value in decomposition["percent"]],
            "90% interval": _signed_ranges(decomposition),
        }
    )


def loading_rows(capability: Capability) -> pd.DataFrame:
    """What each indicator says, as a table for readers."""
    table = capability.loadings
    bounds = zip(table["lower"], table["upper"], strict=True)
    return pd.DataFrame(
        {
            "Force": table[names.FORCE],
            "Indicator": table[names.INDICATOR].str.replace("_", " "),
            "Loading": [signed(value, 2) for value in table["loading"]],
            "90% interval": [f"{signed(lower, 2)} to {signed(upper, 2)}" for lower, upper in bounds],
            "Shared with capability": [short_percent(value) for value in table["reliability"]],
        }
    )
