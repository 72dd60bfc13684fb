"""The section on published totals: these against fitted ones, the next reports, and how each province is known."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from forecast import names
from forecast.capability.indicators import Indicators
from forecast.inference.posterior.bayesian import BayesianFit, posterior_draws
from forecast.inference.posterior.labels import eta
from forecast.panel.calendar import unit_name
from forecast.panel.panel import Panel
from forecast.panel.zone_totals import described_reports, zone_totals
from forecast.prediction.draws import ALL_TACTICS, Forecast
from forecast.prediction.reports import expected_published, fitted_published, fitted_totals
from forecast.report.parts import Part
from forecast.report.sentences import Finding
from forecast.report.wording import (
    amount,
    attacks,
    between,
    capital,
    counted,
    listed,
    mean_amount,
    period_label,
    province_labels,
    ranges,
)

__all__ = [
    "ABOUT",
    "EXACT",
    "FLOOR",
    "PublishedPart",
    "expected_rows",
    "informed_provinces",
    "next_reports",
    "province_rows",
    "published_part",
    "published_said",
    "zone_label",
]

_KEY = [names.ZONE, names.PUBLISHER, names.DEFINITION]
# How many periods are a year: provinces' fitted numbers are means of the last one.
_YEAR = {names.MONTHLY: 12} | dict.fromkeys(names.WEEKS, 52)
_DRAWS = 1000
EXACT: str = "exact"
FLOOR: str = "at least"
ABOUT: str = "about"


@dataclass(frozen=True)
class PublishedPart(Part):
    """What a report says of published totals; days are text, '2021-03-01'.

    Attributes
    ----------
    freq : str
        Frequency of the periods.
    totals : DataFrame
        Published totals of zones, one row each: zone, publisher, definition, first and end (first and last day), value
        (attacks per period), bound ('exact', 'at least', 'about').
    fitted : DataFrame
        `fitted_totals` from the first to the last of them: zone, publisher, definition, period, middle (a day), mean,
        lower_90, upper_90.
    expected : DataFrame
        `expected_published`, with middle, and stopped (whether the last such total is more than a year old).
    provinces : DataFrame
        `informed_provinces`, with name, zone, lately (whether there is a number of its own in the last year of its
        zone) and the posterior mean and 90 % interval of the expected count per period of that year (mean, lower,
        upper).
    zones : DataFrame
        zone, publisher and definition that its numbers are in, published (periods with a total), periods (in all).
    counts : DataFrame
        kind, n: how many totals, parts and subsets went in.
    cells : int
        How many cells were observed beside them.
    activity : DataFrame
        Activity of partner forces that stands beside the attacks: force, indicator, first, end, middle, value.
    """

    freq: str
    totals: pd.DataFrame
    fitted: pd.DataFrame
    expected: pd.DataFrame
    provinces: pd.DataFrame
    zones: pd.DataFrame
    counts: pd.DataFrame
    cells: int
    activity: pd.DataFrame = field(default_factory=pd.DataFrame)


def published_part(fit: BayesianFit, forecast: Forecast, activity: Indicators | None = None) -> PublishedPart:
    """Sum up what was published, fitted and is expected next.

    Parameters
    ----------
    fit : BayesianFit
        Of a panel of published counts.
    forecast : Forecast
        What `predict` made of it.
    activity : Indicators, optional
        Activity of partner forces, to be shown only.
    """
    panel = fit.panel
    ends = dict(zip(panel.periods, pd.DatetimeIndex(panel.dataset[names.PERIOD_END].values), strict=True))
    totals = _zone_rows(fitted_published(fit, _DRAWS, seed=fit.seed), panel)
    band = fitted_totals(fit, _DRAWS, seed=fit.seed)
    spans = totals.groupby(_KEY).agg(begin=("first", "min"), stop=("last", "max")).reset_index()
    band = band.merge(spans, on=_KEY)
    band = band[band[names.PERIOD].between(band["begin"], band["stop"])]
    expected = expected_published(fit, forecast)
    silent = forecast.origin - pd.DateOffset(years=1)
    future = dict(zip(forecast.periods, pd.DatetimeIndex(forecast.dataset[names.PERIOD_END].values), strict=True))
    expected = expected.assign(stopped=expected["last"] < silent, middle=_middle(expected[names.PERIOD], future))
    return PublishedPart(
        freq=panel.freq,
        totals=_plain(
            totals[_KEY].assign(
                first=totals["first"],
                end=totals["last"].map(ends),
                value=_value(totals) / totals["periods"],
                bound=_bound(totals),
            )
        ),
        fitted=_plain(
            band.assign(middle=_middle(band[names.PERIOD], ends))[
                [*_KEY, names.PERIOD, "middle", "mean", "lower_90", "upper_90"]
            ]
        ),
        expected=_plain(expected.drop(columns="mcse")),
        provinces=_plain(_provinces(fit)),
        zones=_zones(panel, totals),
        counts=described_reports(panel)["kind"].value_counts().rename_axis("kind").reset_index(name="n"),
        cells=int(panel.dataset[names.OBSERVED].sum()),
        activity=pd.DataFrame() if activity is None else _plain(_activity(activity, panel)),
    )


def informed_provinces(panel: Panel) -> pd.DataFrame:
    """Which provinces of a panel of published counts are known by numbers of their own.

    Returns
    -------
    DataFrame
        province, own (periods with a number of its own: published, or what is left of a total whose other provinces
        were), last (the last of them, NaT without one), shared (published counts over several provinces, with it).
    """
    table = described_reports(panel)
    single = table[(table["periods"] == 1) & (table[names.TACTIC] == ALL_TACTICS)]
    alone = single[single["units"].map(len) == 1]
    known = list(zip(alone["units"].str[0], alone["first"], strict=True))
    parts = single[single["kind"] == "part"]
    for whole, group in parts.groupby("whole"):
        rest = set(table["units"].iloc[int(str(whole))]).difference(*group["units"])
        known += [(rest.pop(), group["first"].iloc[0])] if len(rest) == 1 else []
    periods = pd.DataFrame(known, columns=[names.PROVINCE, "period"]).drop_duplicates()
    rows = periods.groupby(names.PROVINCE).agg(own=("period", "size"), last=("period", "max")).reindex(panel.provinces)
    shared = [sum(len(units) > 1 and unit in units for units in table["units"]) for unit in panel.provinces]
    rows = rows.assign(own=rows["own"].fillna(0).astype(int), last=pd.to_datetime(rows["last"]), shared=shared)
    return rows.reset_index(names=names.PROVINCE)


def published_said(part: PublishedPart) -> list[str]:
    """What was published and what that means, in sentences made from the numbers."""
    kinds = dict(zip(part.counts["kind"], part.counts["n"], strict=True))
    told = listed([counted(kinds[kind], kind) for kind in ("total", "part", "subset") if kind in kinds])
    opening = (
        f"Beside counts of {amount(part.cells)} single cells there are"
        if part.cells
        else "Nobody published these attacks one by one. What is known are"
    )
    sentences = [
        f"{opening} {amount(sum(kinds.values()))} published counts: {told}. What nobody mentions is unknown, not zero; "
        "the model spreads totals over provinces by what is known of single ones."
    ]
    if part.cells:
        sentences.append(
            "Each publisher counts by a definition of its own: by what factor its numbers differ from the counted "
            "events is learned where both are known."
        )
    for row in part.zones.to_dict("records"):
        sentences.append(
            f"{zone_label(row[names.ZONE])}: {amount(row['published'])} of {amount(row['periods'])} "
            f"{unit_name(part.freq)}s have a total or lie within one. Its numbers are attacks as "
            f"{row[names.PUBLISHER]} counts them under the name “{row[names.DEFINITION]}”."
        )
    if len(part.zones) > 1:
        sentences.append(
            "Zones are counted by different publishers or definitions: their numbers cannot be compared, and a sum "
            "over zones mixes quantities."
        )
    recent = part.provinces["lately"]
    sentences.append(
        f"{amount(recent.sum())} of {amount(len(recent))} provinces had a number of their own in the last year of "
        "their zone’s data. Of the others only totals are known since; their share of these is carried on from before."
    )
    return sentences


def next_reports(part: PublishedPart) -> list[Finding]:
    """The next number that each publisher who still reports is expected to give, as a thing to know."""
    first = part.expected[(part.expected[names.HORIZON] == 1) & ~part.expected["stopped"].astype(bool)]
    told = [
        f"{row[names.PUBLISHER]} is expected to report {attacks(row['median'])} in the zone "
        f"{str(row[names.ZONE]).replace('_', ' ')}, counted as “{row[names.DEFINITION]}” (80% interval "
        f"{between(row['lower_80'], row['upper_80'])}; last published for {_period(row['last'], part.freq)})"
        for row in first.to_dict("records")
    ]
    when = _period(part.expected[names.PERIOD].min(), part.freq) if told else ""
    return [Finding("The next report", f"For {when}, {'; '.join(told)}.")] if told else []


def expected_rows(part: PublishedPart) -> pd.DataFrame:
    """The next expected reports as a table for readers, with the column `group`; silent publishers come last."""
    table = part.expected.sort_values(["stopped", *_KEY, names.HORIZON], kind="stable")
    labels = [
        f"{zone_label(zone)}: {definition}, by {publisher} (last published for {_period(last, part.freq)})"
        for zone, publisher, definition, last in table[[*_KEY, "last"]].itertuples(index=False)
    ]
    frame = pd.DataFrame({"group": labels, "For": [_period(day, part.freq) for day in table[names.PERIOD]]})
    frame["Mean"] = [mean_amount(value) for value in table["mean"]]
    frame["Median"] = [amount(value) for value in table["median"]]
    for level in (50, 80, 90):
        frame[f"{level}% interval"] = ranges(table[f"lower_{level}"], table[f"upper_{level}"])
    return frame


def province_rows(part: PublishedPart) -> pd.DataFrame:
    """How each province is known, as a table for readers, with the column `group`."""
    table = part.provinces.sort_values([names.ZONE, "own"], ascending=[True, False])
    return pd.DataFrame(
        {
            "group": [zone_label(zone) for zone in table[names.ZONE]],
            "Province": table["name"],
            f"{capital(unit_name(part.freq))}s of its own": [amount(value) for value in table["own"]],
            "Last": [_period(day, part.freq) if day else "–" for day in table["last"]],
            "Totals with it": [amount(value) for value in table["shared"]],
            "Known lately by": table["lately"].map({True: "own numbers and totals", False: "totals only"}),
            f"Fitted per {unit_name(part.freq)}, last year": [mean_amount(value) for value in table["mean"]],
            "90% interval": ranges(table["lower"], table["upper"], decimals=1),
        }
    )


# Parts ---------------------------------------------------------------------------------------------------------------


def _zone_rows(table: pd.DataFrame, panel: Panel) -> pd.DataFrame:
    """Of published counts, the totals over the provinces that their publisher's newest total is of."""
    wanted = zone_totals(panel)
    merged = table.merge(wanted.assign(provinces=wanted["units"].map("|".join))[[*_KEY, "provinces"]])
    return merged[(merged["kind"] != "part") & (merged[names.TACTIC] == ALL_TACTICS)].reset_index(drop=True)


def _value(table: pd.DataFrame) -> "pd.Series[float]":
    """The count; of one that is known between bounds the middle, of a floor the floor."""
    return table[names.LOWER].where(np.isinf(table[names.UPPER]), (table[names.LOWER] + table[names.UPPER]) / 2)


def _bound(table: pd.DataFrame) -> list[str]:
    return [
        EXACT if lower == upper else FLOOR if np.isinf(upper) else ABOUT
        for lower, upper in zip(table[names.LOWER], table[names.UPPER], strict=True)
    ]


def _zones(panel: Panel, totals: pd.DataFrame) -> pd.DataFrame:
    """Per zone whose numbers it has, and of how many periods a total is known."""
    table = described_reports(panel)
    rows = []
    for zone, reference in table[table["is_reference"].astype(bool)].groupby(names.ZONE):
        spans = totals[totals[names.ZONE] == zone]
        covered = [panel.periods[(panel.periods >= first) & (panel.periods <= last)]
                   for first, last in zip(spans["first"], spans["last"], strict=True)]  # fmt: skip
        rows.append(
            {
                names.ZONE: zone,
                names.PUBLISHER: reference[names.PUBLISHER].iloc[0],
                names.DEFINITION: reference[names.DEFINITION].iloc[0],
                "published": len(set().union(*covered)),
                "periods": len(panel.periods),
            }
        )
    return pd.DataFrame(rows)


def _provinces(fit: BayesianFit) -> pd.DataFrame:
    panel, table = fit.panel, informed_provinces(fit.panel)
    values = posterior_draws(fit, _DRAWS, fit.seed)
    mu = np.exp(eta(fit.bound, values) + fit.bound.log_exposure).sum(axis=2)
    last = np.full(len(panel.provinces), np.datetime64(panel.origin))
    if panel.ended.any():
        last = np.where(panel.ended, panel.dataset[names.ZONE_END].values, last)
    rows = []
    for unit, stop in enumerate(np.searchsorted(panel.periods.values, last)):
        year = slice(max(int(stop) - _YEAR[panel.freq], 0), int(stop))
        expected = mu[:, unit, year].mean(axis=-1)
        lower, upper = np.quantile(expected, [0.05, 0.95])
        lately = bool(table["last"].iloc[unit] >= panel.periods[year][0])
        rows.append({"lately": lately, "mean": expected.mean(), "lower": lower, "upper": upper})
    labels = province_labels(panel.dataset)
    return table.join(pd.DataFrame(rows)).assign(
        name=[labels[unit] for unit in panel.provinces], zone=panel.dataset[names.ZONE].values.astype(str)
    )


def _activity(activity: Indicators, panel: Panel) -> pd.DataFrame:
    """Values by force and indicator, per month; those in the panel's span."""
    table = activity.known(panel.origin).table
    table = table[table[names.PERIOD_END] >= panel.periods[0]]
    months = ((table[names.PERIOD_END] - table["period_start"]).dt.days / 30.4).round().clip(lower=1)
    shown = table.rename(columns={"period_start": "first", names.PERIOD_END: "end"})
    shown = shown.assign(value=shown[names.VALUE] / months, middle=shown["first"] + (shown["end"] - shown["first"]) / 2)
    return shown[[names.FORCE, names.INDICATOR, "first", "end", "middle", "value"]]


def _middle(periods: "pd.Series[pd.Timestamp]", ends: dict[pd.Timestamp, pd.Timestamp]) -> "pd.Series[pd.Timestamp]":
    return periods + (periods.map(ends) - periods) / 2


def _plain(table: pd.DataFrame) -> pd.DataFrame:
    """Days as text, '' for none, so that the table goes through JSON."""
    days = [str(column) for column in table if pd.api.types.is_datetime64_any_dtype(table[column])]
    return table.assign(**{column: table[column].dt.strftime("%Y-%m-%d").fillna("") for column in days}).reset_index(
        drop=True
    )


def zone_label(zone: str) -> str:
    """A zone as a heading writes it."""
    return capital(str(zone).replace("_", " "))


def _period(day: str, freq: str) -> str:
    return period_label(pd.Timestamp(day), freq)
