"""The section on the last report: what it said of the periods that have come since, what came, and what changed."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from forecast import names
from forecast.evaluation.rank_tests import DOUBT
from forecast.evaluation.scores import CELL, LEVEL
from forecast.evaluation.verification import ALARM, COUNTRY, LEVELS, PROVINCE, TACTIC, TOTAL, Verification, verify
from forecast.panel.calendar import unit_name
from forecast.panel.panel import Panel
from forecast.prediction.draws import Forecast
from forecast.report.overlays import BAND
from forecast.report.parts import Part
from forecast.report.previous_chain import chain_said, covered_with, evidence_label, goes_on, is_doubted, reports_with
from forecast.report.wording import (
    amount,
    attacks,
    attacks_are,
    between,
    capital,
    counted,
    day_label,
    last_periods,
    listed,
    period_label,
    periods_label,
    province_labels,
    tactic_label,
)

__all__ = [
    "RULE",
    "PreviousPart",
    "needs_eyes",
    "previous_lead",
    "previous_part",
    "previous_said",
    "probability_of",
    "rows_of",
]

# Revisions that moved more than this share of the attacks of the last twelve periods need eyes.
_REVISED = 0.1
# Misses that are named in a sentence.
_NAMED = 3
_NOT_KNOWN = float("nan")
# What `forecast watch` ends with exit code 1 by; it is printed with every verdict.
RULE = (
    f"The rule: something needs eyes where a forecast that is right would lie so far off in {100 * ALARM:g}% of cases "
    "or fewer, all levels tested together; where the evidence against all reports since the last such alarm reaches "
    f"{DOUBT:g}, which it does in {100 / DOUBT:g}% of cases or fewer if they are right, however many follow; or where "
    f"revisions moved more than {100 * _REVISED:g}% of the attacks of the last twelve periods before it. "
    "Evidence is what a stake of 1 would have become in fair bets against the reports, one after the other: that "
    "misses are too large, and that totals lie to one side."
)


@dataclass(frozen=True)
class PreviousPart(Part):
    """What a report says of the last one.

    Attributes
    ----------
    data_end : str
        The last day of the earlier data.
    freq : str
        Of the periods.
    span : str
        The periods that have come; '' where none has.
    periods : int
        How many these are.
    p_value : float or None
        That a right forecast lies so far off, all levels tested together.
    levels, series : DataFrame
        As of `Verification`, the latter with `name`.
    outlook : DataFrame
        What was expected of each province in the periods of `outlook_span`, which both forecasts hold, then and now:
        province, name, then_median, then_lower, then_upper, now_median, now_lower, now_upper (attacks; central 80 %
        intervals), has_changed (whether the median of now lies outside the central 50 % interval of then).
    outlook_span : str
        '' where the two have no period in common.
    revised : DataFrame
        Counts that were revised, by province and period, all tactics, the most first: province, name, period, before,
        after (attacks).
    recent, moved : float or None
        Attacks in the last twelve periods of the earlier data, and by how many of them cells have changed.
    notes : DataFrame
        What could not be compared: note.
    bands : DataFrame
        What was said of each period that has come, all tactics together: level, province (or sum), period (YYYY-MM-DD),
        lower_90, lower_50, median, upper_50, upper_90 (attacks); of what has the same parts then and now.
    published : bool
        Whether provinces are publishers' totals of zones.
    reports : DataFrame
        This report and those before it that were compared in turn, since the first or the last alarm of all together:
        data_end, p_lower, p_upper, pit_lower, pit_upper (see `p_bounds` and `pit_bounds` of `Verification`).
    covered : DataFrame
        Of all these, by level: outcomes, inside_50, inside_90 (how many).
    """

    data_end: str
    freq: str
    span: str = ""
    periods: int = 0
    p_value: float | None = None
    levels: pd.DataFrame = field(default_factory=pd.DataFrame)
    series: pd.DataFrame = field(default_factory=pd.DataFrame)
    outlook: pd.DataFrame = field(default_factory=pd.DataFrame)
    outlook_span: str = ""
    revised: pd.DataFrame = field(default_factory=pd.DataFrame)
    recent: float | None = None
    moved: float | None = None
    notes: pd.DataFrame = field(default_factory=pd.DataFrame)
    bands: pd.DataFrame = field(default_factory=pd.DataFrame)
    published: bool = False
    reports: pd.DataFrame = field(default_factory=pd.DataFrame)
    covered: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def unit(self) -> str:
        """What a series is: 'province' or 'publisher's total'."""
        return "publisher's total" if self.published else "province"

    def units(self, number: int) -> str:
        """So many of them: '3 provinces'."""
        return (
            counted(number, self.unit) if not self.published or number == 1 else f"{amount(number)} publishers' totals"
        )

    @property
    def has_come(self) -> bool:
        """True where a period of the earlier forecast has come and was observed."""
        return self.periods > 0


def previous_part(
    earlier: Forecast,
    before: Panel,
    panel: Panel,
    forecast: Forecast | None = None,
    *,
    published: bool = False,
    last: PreviousPart | None = None,
) -> PreviousPart:
    """Compare an earlier forecast with a panel that knows more, and with the forecast that is made from it.

    With `published` all four are of publishers' totals (`totals_panel`), each a series by itself. `last` is what the
    earlier report said of those before it; after an alarm of all together they are counted anew.

    Raises
    ------
    InputError
        Where they cannot be compared; see `forecast.evaluation.verification.matched`.
    """
    verification = verify(earlier, panel, before, levels=(PROVINCE,) if published else LEVELS)
    labels = province_labels(earlier.dataset) | ({} if forecast is None else province_labels(forecast.dataset))
    outlook, span = (pd.DataFrame(), "") if forecast is None else _outlook(verification.forecast, forecast, labels)
    periods, p_value = verification.periods, verification.p_value
    recent, changed = (value if math.isfinite(value) else None for value in verification.recent)
    reports, covered = (pd.DataFrame(), pd.DataFrame()) if last is None else goes_on(last.reports, last.covered)
    return PreviousPart(
        data_end=day_label(earlier.origin),
        freq=earlier.freq,
        span=periods_label(periods, earlier.freq) if len(periods) else "",
        periods=len(periods),
        p_value=p_value if math.isfinite(p_value) else None,
        levels=verification.levels,
        series=_named(verification, labels),
        outlook=outlook,
        outlook_span=span,
        revised=_revised(verification, labels),
        recent=recent,
        moved=changed,
        notes=pd.DataFrame({"note": [_readable(note, labels, published) for note in verification.notes]}),
        # No chart shows publishers' totals by these names.
        bands=pd.DataFrame() if published else _bands(verification, earlier, panel),
        published=published,
        reports=reports_with(reports, verification),
        covered=covered_with(covered, verification),
    )


# What is said ---------------------------------------------------------------------------------------------------------


def previous_lead(part: PreviousPart, most: int = _NAMED) -> str:
    """What the last report said and what came, in one sentence that names so many misses."""
    report = f"the report with data up to {part.data_end}"
    if not part.has_come:
        return f"None of the {unit_name(part.freq)}s that {report} forecast has come yet in these data."
    rows = rows_of(part, PROVINCE)
    if rows.empty:
        return f"{capital(_total_said(part))}, by {report}."
    missed, number = rows[~rows["inside_90"].astype(bool)], len(rows)
    said = f"as many attacks in {part.span} as {report} said (90% intervals)"
    if number == 1:
        return f"{capital(_missed(rows.iloc[0].to_dict()))} (90% interval) in {part.span}, by {report}."
    if missed.empty:
        return f"All {part.units(number)} had {said}."
    lead = f"Of {part.units(number)}, {amount(number - len(missed))} had {said}"
    named = [_missed(row) for row in missed.head(most).to_dict("records")]
    more = len(missed) - len(named)
    rest = f", and {amount(more)} more missed theirs" if more else ""
    return f"{lead}; {listed(named) if not more else ', '.join(named)}{rest}."


def previous_said(part: PreviousPart) -> list[str]:
    """What follows the lead: the total, whether chance explains the misses, what is expected otherwise, revisions."""
    said = []
    if part.has_come:
        if len(rows_of(part, PROVINCE)) and not part.published:
            said.append(f"{capital(_total_said(part))}.")
        said.append(_verdict(part))
        broken = part.series[part.series["adjusted"] <= ALARM]
        if len(broken):
            places = [_missed(row) for row in broken.head(_NAMED).to_dict("records")]
            said.append(
                f"Too far off to be the worst of so many by chance: {'; '.join(places)}"
                f"{_and_more(len(broken) - len(places))}."
            )
        if len(part.reports) > 1 or is_doubted(part.reports):
            said.append(chain_said(part.reports))
    if part.outlook_span:
        said.append(_outlook_said(part))
    said.append(_revisions_said(part))
    return [*said, *(f"{capital(note)}." for note in (part.notes["note"] if len(part.notes) else ()))]


def needs_eyes(part: PreviousPart) -> list[str]:
    """Why somebody should look, by `RULE`; nothing where all is as it may be."""
    reasons = []
    if part.p_value is not None and part.p_value <= ALARM:
        reasons.append(f"what came is further off than chance explains ({probability_of(part.p_value)})")
    if is_doubted(part.reports):
        together = f"{counted(len(part.reports), 'report')} together are"
        reasons.append(f"{together} further off than chance explains (evidence {evidence_label(part.reports)})")
    if part.recent is not None and part.moved is not None and part.moved > _REVISED * part.recent:
        unit = unit_name(part.freq)
        reasons.append(
            f"revisions moved {attacks(part.moved)} of the {amount(part.recent)} in {last_periods(12, unit)} up to "
            f"{part.data_end}"
        )
    return reasons


def _total_said(part: PreviousPart) -> str:
    row = rows_of(part, TOTAL)
    if row.empty:
        return f"the total of {part.span} cannot be compared, since not all of its parts were observed"
    total = row.iloc[0]
    interval = between(total["lower_90"], total["upper_90"])
    return f"in all, {attacks(total[names.OBSERVED])} came in {part.span} where {interval} were expected (90% interval)"


def _verdict(part: PreviousPart) -> str:
    assert part.p_value is not None
    chance = (
        f"if the forecast is right, what came lies so far off, all levels tested together, in "
        f"{probability_of(part.p_value)} of cases"
    )
    return f"That is {'more than chance explains' if part.p_value <= ALARM else 'within chance'}: {chance}."


def _outlook_said(part: PreviousPart) -> str:
    table = part.outlook
    changed = table[table["has_changed"].astype(bool)]
    what = f"another outlook for {part.outlook_span} than then (a median outside the 50% interval of then)"
    if changed.empty:
        return f"No {part.unit} has {what}." if len(table) > 1 else f"The one {part.unit} does not have {what}."
    named = [
        f"{row['name']} ({attacks(row['now_median'])} now, {amount(row['then_median'])} then)"
        for row in changed.head(_NAMED).to_dict("records")
    ]
    have = "has" if len(changed) == 1 else "have"
    of_all = f"Of {part.units(len(table))}, {amount(len(changed))} {have} {what}"
    return f"{of_all}: {', '.join(named)}{_and_more(len(changed) - len(named))}."


def _revisions_said(part: PreviousPart) -> str:
    if part.revised.empty:
        return f"No count up to {part.data_end} was revised since."
    unit, table = unit_name(part.freq), part.revised
    places = table[names.PROVINCE].nunique()
    before, after = float(table["before"].sum()), float(table["after"].sum())
    where = f"in {part.units(places)} and {counted(table[names.PERIOD].nunique(), unit)}"
    return (
        f"Counts up to {part.data_end} were revised since, {where}: {attacks_are(after)} recorded there now, where the "
        f"last report had {amount(before)}."
    )


def _missed(row: Mapping[Any, Any]) -> str:
    """'in Homs 41 came where 8 to 25 were expected'."""
    where = {
        TOTAL: "in all",
        TACTIC: f"by {tactic_label(row[names.TACTIC])}",
        CELL: f"in {row['name']} by {tactic_label(row[names.TACTIC])}",
    }.get(row[LEVEL], f"in {row['name']}")
    came = amount(row[names.OBSERVED]) if row[names.OBSERVED] else "none"
    return f"{where} {came} came where {between(row['lower_90'], row['upper_90'])} were expected"


def _and_more(number: int) -> str:
    return f", and {amount(number)} more" if number > 0 else ""


def probability_of(p_value: float) -> str:
    """'0.8%', rounded up, so that what is printed as 5.0% is no more than that."""
    return f"{math.ceil(round(1000 * p_value, 6)) / 10:.1f}%"


# Parts ----------------------------------------------------------------------------------------------------------------


def rows_of(part: PreviousPart, level: str) -> pd.DataFrame:
    """What was compared of one level."""
    return part.series[part.series[LEVEL] == level] if len(part.series) else part.series


def _bands(verification: Verification, earlier: Forecast, panel: Panel) -> pd.DataFrame:
    """What was said of periods that have come, where it was said of what the new data hold."""
    if set(earlier.tactics) != set(panel.tactics):
        return pd.DataFrame()
    whole = set(earlier.provinces) == set(panel.without_ended().provinces)
    table = verification.outcomes
    table = table[table[LEVEL].isin([TOTAL, COUNTRY, PROVINCE] if whole else [PROVINCE])]
    days = pd.DatetimeIndex(table[names.PERIOD]).strftime("%Y-%m-%d")
    return table[[LEVEL, names.PROVINCE, *BAND]].assign(**{names.PERIOD: days}).reset_index(drop=True)


def _named(verification: Verification, labels: Mapping[str, str]) -> pd.DataFrame:
    series = verification.series
    named = series.assign(name=[labels.get(key, key) for key in series[names.PROVINCE]])
    return named.astype({"p_value": float, "adjusted": float}) if len(named) else named


def _readable(note: str, labels: Mapping[str, str], published: bool) -> str:
    """A note with the names of provinces, as the page has them, in place of their keys."""
    if published:
        note = note.replace("province ", "publisher's total ").replace("provinces ", "publishers' totals ")
    for key, label in labels.items():
        note = note.replace(f" {key},", f" {label},")
    return note


def _outlook(then: Forecast, now: Forecast, labels: Mapping[str, str]) -> tuple[pd.DataFrame, str]:
    """What both forecasts expect of each province in the periods that they share, those that changed most first."""
    periods = then.periods.intersection(now.periods)
    provinces = [key for key in then.provinces if key in now.provinces]
    tactics = [key for key in then.tactics if key in now.tactics]
    if not len(periods) or not provinces or not tactics:
        return pd.DataFrame(), ""
    chosen = {names.PROVINCE: provinces, names.TACTIC: tactics, names.PERIOD: periods}
    sums = [forecast.draws.sel(chosen).sum((names.TACTIC, names.PERIOD)).values for forecast in (then, now)]
    columns: dict[str, Any] = {names.PROVINCE: provinces, "name": [labels.get(key, key) for key in provinces]}
    for name, values in zip(("then", "now"), sums, strict=True):
        bounds = np.quantile(values, [0.5, 0.1, 0.9], axis=0, method="inverted_cdf")
        columns |= {f"{name}_{side}": row for side, row in zip(("median", "lower", "upper"), bounds, strict=True)}
    lower, upper = np.quantile(sums[0], [0.25, 0.75], axis=0, method="inverted_cdf")
    table = pd.DataFrame(columns)
    changed = (table["now_median"] < lower) | (table["now_median"] > upper)
    apart = (np.sqrt(table["now_median"]) - np.sqrt(table["then_median"])).abs()
    order = np.lexsort((-apart, ~changed))
    return table.assign(has_changed=changed).iloc[order].reset_index(drop=True), periods_label(periods, now.freq)


def _revised(verification: Verification, labels: Mapping[str, str]) -> pd.DataFrame:
    """Revised counts by province and period, the most first."""
    if verification.revisions.empty:
        return pd.DataFrame()
    keys = [names.PROVINCE, names.PERIOD]
    table = verification.revisions.groupby(keys, sort=False)[["before", "after"]].sum().reset_index()
    table = table.iloc[np.argsort(-(table["after"] - table["before"]).abs().to_numpy(), kind="stable")]
    days = [period_label(day, verification.forecast.freq) for day in table[names.PERIOD]]
    named = table.assign(name=[labels.get(key, key) for key in table[names.PROVINCE]], **{names.PERIOD: days})
    return named.reset_index(drop=True)
