"""Tables of the report, through great_tables; every text in them is escaped there."""

from collections.abc import Mapping, Sequence
from typing import Any

import great_tables as gt
import numpy as np
import pandas as pd

from forecast import names
from forecast.evaluation.scores import summarise
from forecast.ledger import Ledger
from forecast.prediction.draws import Forecast
from forecast.report.backtest import BacktestPart, score_rows, worst_rows
from forecast.report.capability import CapabilityPart, decomposition_rows, loading_rows, scenario_rows, slope_rows
from forecast.report.figures import Outlook, is_total
from forecast.report.published import PublishedPart, expected_rows, province_rows
from forecast.report.vega import COLOURS
from forecast.report.wording import amount, between, capital, mean_amount, model_label, province_labels, short_percent

__all__ = [
    "backtest_table",
    "capability_tables",
    "cell_table",
    "diagnostics_table",
    "expected_table",
    "informed_table",
    "input_table",
    "ledger_table",
    "model_table",
    "outlook_table",
    "parameter_table",
    "score_table",
    "worst_table",
]

# How many examples of a rule the page shows; ledger.csv has all.
_LEDGER_EXAMPLES = 20
_ACTIONS = {"dropped": "dropped", "excluded": "left out", "changed": "changed", "noted": "kept, noted"}
# Plain words for what a check is about, by the term in its name.
_CHECKS = {
    "R-hat": "agreement of chains",
    "ESS": "independent draws",
    "divergences": "steps that failed",
    "Pareto k": "weight of single draws",
}
_INSIDE = {"inside_50": "50%", "inside_80": "80%", "inside_90": "90%"}


def outlook_table(outlook: Outlook, simulated: bool) -> str:
    """The forecast of all provinces together, of countries and zones, and of each province."""
    total = pd.DataFrame([outlook.total]).assign(name="All provinces", group="Sums")
    several = len(outlook.provinces) > 1
    sums = [total, outlook.groups.assign(group="Sums")] if several else []
    provinces = outlook.provinces.sort_values(
        ["country", "sum_median", "name"], ascending=[True, False, True], kind="stable"
    )
    provinces = provinces.assign(group=provinces["country"].replace("", "Provinces"))
    frame = _figure_columns(pd.concat([*sums, provinces], ignore_index=True), outlook, {"name": "Province"})
    return _html(frame, "outlook", simulated, groups="group", spanners=_spanners(outlook))


def cell_table(outlook: Outlook, simulated: bool) -> str:
    """The forecast of every province and tactic."""
    frame = _figure_columns(outlook.cells, outlook, {"name": "Province", "tactic_name": "Tactic"})
    return _html(frame, "cells", simulated, spanners=_spanners(outlook))


def _figure_columns(table: pd.DataFrame, outlook: Outlook, labels: Mapping[str, str]) -> pd.DataFrame:
    frame = pd.DataFrame({label: table[column] for column, label in labels.items()})
    if outlook.is_compared:
        frame["recent"] = [mean_amount(value) for value in table["recent"]]
    for name in ("next", "sum") if outlook.horizon > 1 else ("next",):
        frame[f"{name}_median"] = [amount(value) for value in table[f"{name}_median"]]
        frame[f"{name}_interval"] = [
            between(*bounds) for bounds in zip(table[f"{name}_lower"], table[f"{name}_upper"], strict=True)
        ]
    if outlook.horizon > 1:
        frame["per_period"] = [mean_amount(value) for value in table["mean_median"]]
    if outlook.is_compared:
        frame["rise"] = [short_percent(value) for value in table["rise"]]
    if "group" in table:
        frame["group"] = table["group"]
    return frame


def _spanners(outlook: Outlook) -> dict[str, dict[str, str]]:
    """Headings above headings: {heading: {column: its own}}."""
    compared = {f"Last {outlook.since} {outlook.unit}s": {"recent": f"per {outlook.unit}"}}
    first = capital(outlook.next_period)
    ahead = {first: {"next_median": "median", "next_interval": "80% interval"}}
    if outlook.horizon > 1:
        ahead[outlook.span] = {
            "sum_median": "median",
            "sum_interval": "80% interval",
            "per_period": f"per {outlook.unit}",
        }
    return {**compared, **ahead, "Chance": {"rise": "of a rise"}} if outlook.is_compared else ahead


def ledger_table(ledger: Ledger, simulated: bool) -> str:
    """What cleaning did, rule by rule; '' where it did nothing."""
    frame = ledger.to_frame(_LEDGER_EXAMPLES)
    if frame.empty:
        return ""
    shown = pd.DataFrame(
        {
            "Rule": frame["rule"],
            "What happened": [_ACTIONS.get(action, action) for action in frame["action"]],
            "Rows": [amount(rows) for rows in frame["rows"]],
            "Why": frame["reason"],
            "Examples": frame["examples"].where(frame["examples"] != "", "–"),
        }
    )
    if frame["source"].ne("").any():
        shown.insert(0, "Source", frame["source"].where(frame["source"] != "", "–"))
    return _html(shown, "ledger", simulated, right=["Rows"], prose=True)


def score_table(scores: pd.DataFrame, main: str, unit: str, simulated: bool) -> str:
    """Mean scores of every model on periods that it did not see, by cell and on totals, best first; '' without any."""
    if scores.empty:
        return ""
    totals = is_total(scores)
    parts = []
    for rows, group in ((~totals, f"Each province, tactic and {unit}"), (totals, f"Total of each {unit}")):
        if rows.any():
            means = summarise(scores[rows]).sort_values(["crps_log", "crps"], kind="stable")
            parts.append(means.assign(group=group))
    table = pd.concat(parts, ignore_index=True)
    frame = pd.DataFrame({"Model": [_model(model, main) for model in table[names.MODEL]]})
    frame["Error (CRPS of log)"] = [_digits(value) for value in table["crps_log"]]
    frame["Error in attacks (CRPS)"] = [_digits(value) for value in table["crps"]]
    frame["Width of 90%"] = [mean_amount(value) for value in table["width_90"]]
    for column in _INSIDE:
        frame[column] = [f"{value:.0%}" for value in table[column]]
    frame["Counts"] = [amount(value) for value in table["n"]]
    return _html(
        frame.assign(group=table["group"]),
        "scores",
        simulated,
        groups="group",
        spanners={"Counts inside the interval of": _INSIDE},
    )


def model_table(forecasts: Mapping[str, Forecast], simulated: bool) -> str:
    """What every model expects of the total over the horizon."""
    rows = []
    for place, forecast in enumerate(forecasts.values()):
        total = forecast.draws.sum((names.PROVINCE, names.TACTIC, names.PERIOD)).values
        low, middle, high = np.quantile(total, [0.1, 0.5, 0.9], method="inverted_cdf")
        label = _model(forecast.model, forecast.model if place == 0 else "")
        rows.append({"Model": label, "Median": amount(middle), "80% interval": between(low, high)})
    return _html(pd.DataFrame(rows), "models", simulated, width="32rem")


def parameter_table(parameters: pd.DataFrame, simulated: bool) -> str:
    """Posterior of the main parameters: mean, standard deviation and 90 % interval."""
    if parameters.empty:
        return ""
    frame = pd.DataFrame({"Parameter": parameters["parameter"].map(_text)})
    frame["Mean"], frame["SD"] = parameters["mean"].map(_digits), parameters["sd"].map(_digits)
    bounds = zip(parameters["lower_90"], parameters["upper_90"], strict=True)
    frame["90% interval"] = [f"{_digits(lower)} to {_digits(upper)}" for lower, upper in bounds]
    return _html(frame, "parameters", simulated, prose=True, right=["Mean", "SD", "90% interval"], width="auto")


def diagnostics_table(diagnostics: pd.DataFrame) -> str:
    """Checks of the fit: whether each was passed, and what to do where not."""
    if diagnostics.empty:
        return ""
    checks = diagnostics["check"].map(_plain_check)
    frame = pd.DataFrame({"Check": checks, "Value": diagnostics["value"].map(_digits)})
    frame["Passed"] = ["yes" if passed else "NO" for passed in diagnostics["passed"]]
    frame["What to do"] = diagnostics["advice"].map(_text)
    return _html(frame, "diagnostics", simulated=False, prose=True, right=["Value"], width="auto")


def input_table(inputs: Sequence[Mapping[str, Any]]) -> str:
    """The files that went in, with their hashes; '' where none is known."""
    if not inputs:
        return ""
    labels = {"path": "File", "source": "Source", "rows": "Rows", "sha256": "SHA-256"}
    given = dict.fromkeys(key for item in inputs for key, value in item.items() if value not in (None, ""))
    columns = [*(key for key in labels if key in given), *(key for key in given if key not in labels)]
    rows = [{labels.get(column, str(column)): _text(item.get(column)) for column in columns} for item in inputs]
    return _html(pd.DataFrame(rows), "inputs", False, right=["Rows"], prose=True)


def capability_tables(part: CapabilityPart, simulated: bool) -> dict[str, str]:
    """The tables of the section on capability; '' for one that there is nothing to show in."""
    rows = {
        "loadings": (loading_rows(part.capability), None, ["Force", "Indicator"]),
        "slopes": (slope_rows(part.slopes) if len(part.slopes) else None, None, ["Force", "Tactic"]),
        "scenarios": (scenario_rows(part.scenarios) if len(part.scenarios) else None, "group", ["Sum of"]),
        "decomposition": (decomposition_rows(part.decomposition) if len(part.decomposition) else None, None, ["Part"]),
    }
    found = {}
    for name, (frame, groups, left) in rows.items():
        right = [] if frame is None else [column for column in frame.columns if column not in (*left, groups)]
        found[name] = (
            "" if frame is None else _html(frame, name, simulated, groups=groups, prose=True, right=right, width="auto")
        )
    return found


def backtest_table(part: BacktestPart, simulated: bool) -> str:
    """Scores and skill of every model in the backtest."""
    return _html(score_rows(part), "backtest", simulated, groups="group")


def worst_table(part: BacktestPart, forecast: Forecast, simulated: bool) -> str:
    """Where and when the report's model did worst."""
    rows = worst_rows(part, province_labels(forecast.dataset))
    right = [column for column in rows.columns if column not in ("group", "Where")]
    return _html(rows, "worst", simulated, groups="group", prose=True, right=right, width="auto")


def expected_table(part: PublishedPart, simulated: bool) -> str:
    """What each publisher is expected to report next."""
    frame = expected_rows(part)
    right = [column for column in frame.columns if column not in ("group", "For")]
    return _html(frame, "expected", simulated, groups="group", prose=True, right=right)


def informed_table(part: PublishedPart, simulated: bool) -> str:
    """How each province of a panel of published totals is known."""
    frame, left = province_rows(part), ("group", "Province", "Known lately by")
    right = [column for column in frame.columns if column not in left]
    return _html(frame, "informed", simulated, groups="group", prose=True, right=right)


def _model(name: str, main: str) -> str:
    return capital(model_label(name)) + (", this report" if name == main else "")


def _plain_check(check: object) -> str:
    """A check with a plain word before its term."""
    text = _text(check)
    word = next((word for term, word in _CHECKS.items() if term in text), "")
    return f"{word}: {text}" if word else text


def _text(value: object) -> str:
    if isinstance(value, int):
        return amount(value)
    return "–" if value is None or value == "" else str(value)


def _digits(value: float) -> str:
    """Three significant digits, at most three decimals: '0.312', '12.3'; '–' where there is no number."""
    if not np.isfinite(value):
        return "–"
    decimals = int(np.clip(2 - np.floor(np.log10(abs(value))), 0, 3)) if value else 3
    return f"{value:,.{decimals}f}"


def _html(
    frame: pd.DataFrame,
    name: str,
    simulated: bool,
    *,
    groups: str | None = None,
    spanners: Mapping[str, Mapping[str, str]] | None = None,
    right: list[str] | None = None,
    prose: bool = False,
    width: str = "100%",
) -> str:
    """A table as HTML. Text columns stand left: the first and those of `prose` tables that are not in `right`."""
    columns = [column for column in frame.columns if column != groups]
    left = (
        [column for column in columns if column not in (right or [])]
        if prose
        else [c for c in columns if c in ("Province", "Tactic", "Model")]
    )
    table = gt.GT(frame, id=f"table-{name}", groupname_col=groups)
    for heading, labels in (spanners or {}).items():
        table = table.tab_spanner(heading, columns=list(labels)).cols_label(dict(labels))
    table = table.cols_align("left", columns=left).cols_align("right", columns=[c for c in columns if c not in left])
    if simulated:
        table = table.tab_header("SIMULATED DATA")
    table = table.tab_options(
        table_width=width,
        table_font_size="13px",
        table_font_color=COLOURS.ink,
        table_border_top_style="none",
        table_border_bottom_style="none",
        heading_align="left",
        heading_title_font_size="11px",
        heading_title_font_weight="600",
        heading_border_bottom_style="none",
        column_labels_font_size="12px",
        column_labels_border_top_style="none",
        column_labels_border_bottom_width="1px",
        column_labels_border_bottom_color=COLOURS.muted,
        row_group_font_weight="600",
        row_group_padding="6px",
        row_group_border_top_style="none",
        row_group_border_bottom_width="1px",
        table_body_border_bottom_color=COLOURS.muted,
        table_body_border_bottom_width="1px",
        table_body_hlines_color=COLOURS.grid,
        data_row_padding="4px",
    )
    return str(table.as_raw_html())
