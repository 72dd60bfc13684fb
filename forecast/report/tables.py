"""Tables of the report: what stands in them. `html_tables` writes them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from forecast import names
from forecast.evaluation.scores import summarise
from forecast.ledger import Ledger
from forecast.prediction.draws import Forecast
from forecast.report.backtest import BacktestPart, score_rows, worst_rows
from forecast.report.capability import (
    CapabilityPart,
    decomposition_rows,
    latest_rows,
    loading_rows,
    scenario_rows,
    slope_rows,
)
from forecast.report.figures import is_total
from forecast.report.html_tables import html_table
from forecast.report.previous import PreviousPart
from forecast.report.previous_rows import level_rows, outcome_rows, outlook_rows, revision_rows
from forecast.report.published import PublishedPart, expected_rows, province_rows
from forecast.report.triggers import TriggersPart, trigger_rows
from forecast.report.wording import (
    amount,
    between,
    capital,
    mean_amount,
    model_label,
    province_labels,
)

__all__ = [
    "backtest_table",
    "capability_tables",
    "diagnostics_table",
    "expected_table",
    "informed_table",
    "input_table",
    "ledger_table",
    "model_table",
    "parameter_table",
    "previous_tables",
    "score_table",
    "trigger_table",
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
    return html_table(shown, "ledger", "What cleaning did, rule by rule", simulated, right=["Rows"], prose=True)


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
    return html_table(
        frame.assign(group=table["group"]),
        "scores",
        f"Forecast errors of every model on {unit}s that it did not see",
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
    return html_table(pd.DataFrame(rows), "models", "What every model expects of the total", simulated)


def parameter_table(parameters: pd.DataFrame, simulated: bool) -> str:
    """Posterior of the main parameters: mean, standard deviation and 90 % interval."""
    if parameters.empty:
        return ""
    frame = pd.DataFrame({"Parameter": parameters["parameter"].map(_text)})
    frame["Mean"], frame["SD"] = parameters["mean"].map(_digits), parameters["sd"].map(_digits)
    bounds = zip(parameters["lower_90"], parameters["upper_90"], strict=True)
    frame["90% interval"] = [f"{_digits(lower)} to {_digits(upper)}" for lower, upper in bounds]
    return html_table(
        frame, "parameters", "Main parameters of the model", simulated, prose=True, right=["Mean", "SD", "90% interval"]
    )


def diagnostics_table(diagnostics: pd.DataFrame) -> str:
    """Checks of the fit: whether each was passed, and what to do where not."""
    if diagnostics.empty:
        return ""
    checks = diagnostics["check"].map(_plain_check)
    frame = pd.DataFrame({"Check": checks, "Value": diagnostics["value"].map(_digits)})
    frame["Passed"] = ["yes" if passed else "NO" for passed in diagnostics["passed"]]
    frame["What to do"] = diagnostics["advice"].map(_text)
    return html_table(frame, "diagnostics", "Checks of the fit", simulated=False, prose=True, right=["Value"])


def input_table(inputs: Sequence[Mapping[str, Any]]) -> str:
    """The files that went in, with their hashes; '' where none is known."""
    if not inputs:
        return ""
    labels = {"path": "File", "source": "Source", "rows": "Rows", "sha256": "SHA-256"}
    given = dict.fromkeys(key for item in inputs for key, value in item.items() if value not in (None, ""))
    columns = [*(key for key in labels if key in given), *(key for key in given if key not in labels)]
    rows = [{labels.get(column, str(column)): _text(item.get(column)) for column in columns} for item in inputs]
    return html_table(pd.DataFrame(rows), "inputs", "The files that went in", False, right=["Rows"], prose=True)


def capability_tables(part: CapabilityPart, latest: pd.DataFrame, simulated: bool) -> dict[str, str]:
    """The tables of the section on capability; '' for one that there is nothing to show in. `latest`: see
    `latest_levels`."""
    rows = {
        "latest": (latest_rows(latest) if len(latest) else None, None, ["Force"]),
        "loadings": (loading_rows(part.capability), None, ["Force", "Indicator"]),
        "slopes": (slope_rows(part.slopes) if len(part.slopes) else None, None, ["Force", "Tactic"]),
        "scenarios": (scenario_rows(part.scenarios) if len(part.scenarios) else None, "group", ["Sum of"]),
        "decomposition": (decomposition_rows(part.decomposition) if len(part.decomposition) else None, None, ["Part"]),
    }
    captions = {
        "latest": "Where the capability of each force stands at the end of the data, in SDs of its own",
        "loadings": "What each indicator says of capability",
        "slopes": "Change of attacks that goes with higher capability, an association",
        "scenarios": "Attacks in the scenarios, associations carried forward",
        "decomposition": "What the forecast change is made of",
    }
    made = {}
    for name, (frame, groups, left) in rows.items():
        right = [] if frame is None else [column for column in frame.columns if column not in (*left, groups)]
        options: dict[str, Any] = {"groups": groups, "prose": True, "right": right}
        options["numbers"] = latest if name == "latest" else None
        made[name] = "" if frame is None else html_table(frame, name, captions[name], simulated, **options)
    return made


def backtest_table(part: BacktestPart, simulated: bool) -> str:
    """Scores and skill of every model in the backtest."""
    caption = "Forecast errors of every model at past dates"
    return html_table(score_rows(part), "backtest", caption, simulated, groups="group")


def worst_table(part: BacktestPart, forecast: Forecast, simulated: bool) -> str:
    """Where and when the report's model did worst."""
    rows = worst_rows(part, province_labels(forecast.dataset))
    right = [column for column in rows.columns if column not in ("group", "Where")]
    caption = "Where and when the model of this report did worst"
    return html_table(rows, "worst", caption, simulated, groups="group", prose=True, right=right)


def previous_tables(part: PreviousPart, anchors: Mapping[str, str], simulated: bool) -> dict[str, str]:
    """The tables of the section on the last report; '' for one that there is nothing to show in."""
    made = dict.fromkeys(("levels", "outcomes", "outlook", "revised"), "")
    if part.has_come:
        made["levels"] = html_table(
            level_rows(part),
            "last-levels",
            "Numbers that came inside their intervals, by level",
            simulated,
            spanners={"Inside the interval of": {"50%": "50%", "90%": "90%"}},
        )
        frame, provinces = outcome_rows(part)
        made["outcomes"] = html_table(
            frame,
            "last-outcomes",
            f"What the last report expected in {part.span}, and what came",
            simulated,
            groups="group",
            links=[anchors.get(key, "") for key in provinces],
            numbers=part.series,
        )
    if part.outlook_span:
        frame, provinces = outlook_rows(part)
        heads = {"median": "median", "interval": "80% interval"}
        made["outlook"] = html_table(
            frame,
            "last-outlook",
            f"Attacks expected in {part.outlook_span}, in the last report and now",
            simulated,
            spanners={
                heading: {f"{name}_{column}": text for column, text in heads.items()}
                for name, heading in (("then", "In the last report"), ("now", "Now"))
            },
            links=[anchors.get(key, "") for key in provinces],
            numbers=part.outlook,
        )
    if len(part.revised):
        caption = "The largest revisions of counts since the last report"
        made["revised"] = html_table(revision_rows(part), "last-revised", caption, simulated, numbers=part.revised)
    return made


def expected_table(part: PublishedPart, simulated: bool) -> str:
    """What each publisher is expected to report next."""
    frame = expected_rows(part)
    right = [column for column in frame.columns if column not in ("group", "For")]
    return html_table(
        frame, "expected", "The next expected reports", simulated, groups="group", prose=True, right=right
    )


def informed_table(part: PublishedPart, simulated: bool) -> str:
    """How each province of a panel of published totals is known."""
    frame, left = province_rows(part), ("group", "Province", "Known lately by")
    right = [column for column in frame.columns if column not in left]
    return html_table(
        frame, "informed", "How each province is known", simulated, groups="group", prose=True, right=right
    )


def trigger_table(part: TriggersPart, simulated: bool) -> str:
    """Which triggers fire, and how each would have fired before."""
    frame, left = trigger_rows(part), ("Trigger", "Event")
    right = [column for column in frame.columns if column not in left]
    return html_table(
        frame,
        "triggers",
        "Each trigger, its event and its past",
        simulated,
        prose=True,
        right=right,
        numbers=part.triggers,
    )


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
