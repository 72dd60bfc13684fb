"""What the page says of its data, its models' past and its making: labels, texts and tables for the template."""

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from forecast import names
from forecast.panel.calendar import period_end, unit_name
from forecast.panel.panel import Panel
from forecast.prediction.draws import Forecast
from forecast.report.figures import is_total
from forecast.report.sentences import caution, score_sentence
from forecast.report.wording import (
    LIKELIHOOD_SCALE,
    amount,
    counted,
    day_label,
    listed,
    model_label,
    span_label,
    tactic_label,
)

__all__ = ["facts", "flat", "model_notes", "past_performance", "scale", "scope"]

_SOURCES = {
    "ucdp": "UCDP GED",
    "acled": "ACLED",
    "acled-aggregated": "ACLED's weekly workbook",
    "gtd": "the Global Terrorism Database",
    "plain": "a table of events",
    "counts": "a table of counts",
    "published": "a table of published totals",
}
# What the models do, for readers of the score table; a model that is not here explains itself by its name.
_MODELS = {
    "zero": "no attack anywhere",
    "last": "Poisson counts around the last count",
    "conflictology": "counts drawn from each series' own last 12 periods",
    "conflictology_panel": "whole periods of all series drawn from the last 12",
    "recent_mean": "negative binomial counts around the mean of the last four periods",
    "regression": "negative binomial regression on province, tactic, season, trend and past counts",
    "smoothing": "exponential smoothing of each series",
    "pool": "a mixture of models, by how well each would have forecast of late",
    "standard": "hierarchical Bayesian model with levels and paths of countries, provinces, tactics and series",
    "quick": "hierarchical Bayesian model with levels and paths of provinces and tactics",
}


def scope(forecast: Forecast) -> str:
    """What is forecast, in a few words: 'attacks in 32 provinces of Iraq and Syria, Jan to Jun 2025'."""
    last = pd.Timestamp(forecast.dataset[names.PERIOD_END].values[-1])
    countries = list(dict.fromkeys(str(name) for name in forecast.dataset[names.COUNTRY].values if name))
    n_provinces = counted(len(forecast.provinces), "province")
    where = f"{n_provinces} of {listed(countries)}" if 0 < len(countries) <= 3 else n_provinces
    return f"attacks in {where}, {span_label(forecast.periods[0], last, forecast.freq)}"


def facts(forecast: Forecast, panel: Panel) -> dict[str, str]:
    """What is forecast and from which data, as label and text."""
    unit, attacks = unit_name(panel.freq), panel.attacks
    ends = pd.Timestamp(forecast.dataset[names.PERIOD_END].values[-1])
    ahead = f"{span_label(forecast.periods[0], ends, panel.freq)} ({counted(len(forecast.periods), unit)})"
    past = f"{span_label(panel.periods[0], panel.origin, panel.freq)} ({counted(len(panel.periods), unit)})"
    countries = list(dict.fromkeys(str(name) for name in panel.dataset[names.COUNTRY].values if name))
    reports = int((panel.observations.table[names.PUBLISHER] != "").sum())
    only_reports = reports > 0 and not panel.dataset[names.OBSERVED].values.any()
    told = [] if only_reports else [counted(int(attacks.sum()), "attack")]
    held = listed([*told, *([counted(reports, "published count")] if reports else ())])
    ended, draws = int(panel.ended.sum()), forecast.draws.sizes[names.SAMPLE]
    table = {
        "Forecast": f"attacks by province, tactic and {unit}, {ahead}",
        "Data": f"{past}, {held}{_origin_of(panel)}",
        "Data end on": f"{day_label(panel.origin)}; nothing later was used",
        "Provinces": f"{len(panel.provinces):,}"
        + (f" in {listed(countries)}" if countries else "")
        + (f"; {ended:,} of them, in zones that ended, are not forecast" if ended else ""),
        "Tactics": ", ".join(tactic_label(tactic) for tactic in panel.tactics),
        "Model": f"{_described(forecast.model)}; {amount(draws)} joint draws of the whole future",
    }
    if only_reports:
        table["Counted as"] = listed(_references(panel))
    gaps = int(attacks.isnull().sum())
    if gaps and not only_reports:
        table["Gaps"] = f"{gaps:,} of {attacks.size:,} counts were not observed; they are gaps, not zeros"
    return table


def _described(model: str) -> str:
    return f"{model_label(model)}: {_MODELS[model]}" if model in _MODELS else model


def _references(panel: Panel) -> list[str]:
    """Whose numbers those of each zone are, in words."""
    table = panel.observations.table
    references = table[table["is_reference"].astype(bool)].drop_duplicates(names.ZONE).sort_values(names.ZONE)
    rows = references[[names.ZONE, names.DEFINITION, names.PUBLISHER]].itertuples(index=False)
    return [f"“{definition}” by {publisher} ({zone.replace('_', ' ')})" for zone, definition, publisher in rows]


def _origin_of(panel: Panel) -> str:
    """Sources and filters, as the end of a sentence."""
    files: dict[str, list[str]] = {}
    for source in panel.provenance.get("sources", ()):
        files.setdefault(_SOURCES.get(source.get("source", ""), "a table"), []).append(str(source.get("path", "")))
    text = ""
    for kind, paths in files.items():
        text += f", from {kind} ({', '.join(paths) if len(paths) <= 3 else f'{len(paths)} files'})"
    filters = {key: value for key, value in (panel.provenance.get("filters") or {}).items() if value}
    chosen = [f"{key} {value if isinstance(value, str) else listed(list(value))}" for key, value in filters.items()]
    return f"{text}; limited to {listed(chosen)}" if chosen else text


def scale() -> str:
    """The words for probabilities and what they mean, as one line."""
    parts, lower = [], 0
    for bound, word in LIKELIHOOD_SCALE:
        upper = round(100 * bound)
        limits = f"below {upper}%" if lower == 0 else f"from {lower}%" if upper == 100 else f"{lower} to {upper - 1}%"
        parts.append(f"{word} {limits}")
        lower = upper
    return "; ".join(parts)


def past_performance(scores: pd.DataFrame, model: str, freq: str) -> tuple[str, str]:
    """How the models were tried and where the report's model stands, and a caution where another came clearly closer.

    Both are '' where nothing was held out.
    """
    if scores.empty:
        return "", ""
    periods = pd.DatetimeIndex(scores[names.PERIOD].unique()).sort_values()
    origins = pd.DatetimeIndex(scores[names.ORIGIN].unique()).sort_values()
    span = span_label(periods[0], period_end(periods[-1:], freq)[0], freq)
    known = f"data up to {day_label(origins[0])}"
    if len(origins) > 1:
        known = f"data up to each of {len(origins)} days, from {day_label(origins[0])} to {day_label(origins[-1])}"
    text = f"Each model was fitted to the {known}, and its forecast of {span} was compared with what was then recorded."
    cells = scores[~is_total(scores)]
    return f"{text} {score_sentence(cells, model)}", caution(cells, model)


def model_notes(scores: pd.DataFrame) -> str:
    """What each model in a table of scores does, as one line."""
    models = [] if scores.empty else [str(model) for model in scores[names.MODEL].unique()]
    return "; ".join(f"{model_label(model)}: {_MODELS[model]}" for model in models if model in _MODELS)


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested mappings as dotted keys and texts; what is empty is left out."""
    table: dict[str, str] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            table |= flat(value, f"{prefix}{key}.")
        elif value not in (None, "", [], ()):
            structured = isinstance(value, list | tuple | bool)
            table[f"{prefix}{key}"] = json.dumps(value, default=str, ensure_ascii=False) if structured else str(value)
    return table
