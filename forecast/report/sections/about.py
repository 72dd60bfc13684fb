"""The fold about the forecast: its data, how they were cleaned, the model, and where all of it comes from."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from markupsafe import Markup

from forecast.ledger import Ledger
from forecast.report import about, footer
from forecast.report.html_tables import html_table
from forecast.report.page import Page
from forecast.report.template import filled
from forecast.report.wording import amount, capital, digits

__all__ = ["about_fold", "diagnostics_table", "input_table", "ledger_table", "parameter_table"]

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


def about_fold(page: Page) -> Markup:
    """What stands folded up at the end of the page."""
    content, simulated = page.content, page.simulated
    provenance = dict(content.provenance)
    versions, inputs = provenance.pop("versions", {}), provenance.pop("inputs", ())
    return filled(
        "about.html.j2",
        facts=about.facts(page.forecast, page.panel)
        | ({"Covariates": " ".join(content.covariates)} if content.covariates else {})
        | footer.facts(content.issued, content.contact),
        notes=page.notes,
        dropped=content.ledger.dropped,
        excluded=content.ledger.excluded,
        ledger=ledger_table(content.ledger, simulated),
        equation=content.equation,
        parameters=parameter_table(content.parameters, simulated),
        diagnostics=diagnostics_table(content.diagnostics),
        provenance={capital(key.replace("_", " ")): text for key, text in about.flat(provenance).items()},
        inputs=input_table(inputs),
        settings=about.flat(content.settings),
        versions=about.flat(versions),
    )


def ledger_table(ledger: Ledger, simulated: bool) -> Markup:
    """What cleaning did, rule by rule; empty where it did nothing."""
    frame = ledger.to_frame(_LEDGER_EXAMPLES)
    if frame.empty:
        return Markup()
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


def parameter_table(parameters: pd.DataFrame, simulated: bool) -> Markup:
    """Posterior of the main parameters: mean, standard deviation and 90 % interval."""
    if parameters.empty:
        return Markup()
    frame = pd.DataFrame({"Parameter": parameters["parameter"].map(_text)})
    frame["Mean"], frame["SD"] = parameters["mean"].map(digits), parameters["sd"].map(digits)
    bounds = zip(parameters["lower_90"], parameters["upper_90"], strict=True)
    frame["90% interval"] = [f"{digits(lower)} to {digits(upper)}" for lower, upper in bounds]
    return html_table(
        frame, "parameters", "Main parameters of the model", simulated, prose=True, right=["Mean", "SD", "90% interval"]
    )


def diagnostics_table(diagnostics: pd.DataFrame) -> Markup:
    """Checks of the fit: whether each was passed, and what to do where not."""
    if diagnostics.empty:
        return Markup()
    checks = diagnostics["check"].map(_plain_check)
    frame = pd.DataFrame({"Check": checks, "Value": diagnostics["value"].map(digits)})
    frame["Passed"] = ["yes" if passed else "NO" for passed in diagnostics["passed"]]
    frame["What to do"] = diagnostics["advice"].map(_text)
    return html_table(frame, "diagnostics", "Checks of the fit", simulated=False, prose=True, right=["Value"])


def input_table(inputs: Sequence[Mapping[str, Any]]) -> Markup:
    """The files that went in, with their hashes; empty where none is known."""
    if not inputs:
        return Markup()
    labels = {"path": "File", "source": "Source", "rows": "Rows", "sha256": "SHA-256"}
    given = dict.fromkeys(key for item in inputs for key, value in item.items() if value not in (None, ""))
    columns = [*(key for key in labels if key in given), *(key for key in given if key not in labels)]
    rows = [{labels.get(column, str(column)): _text(item.get(column)) for column in columns} for item in inputs]
    return html_table(pd.DataFrame(rows), "inputs", "The files that went in", False, right=["Rows"], prose=True)


# Parts ---------------------------------------------------------------------------------------------------------------


def _plain_check(check: object) -> str:
    """A check with a plain word before its term."""
    text = _text(check)
    word = next((word for term, word in _CHECKS.items() if term in text), "")
    return f"{word}: {text}" if word else text


def _text(value: object) -> str:
    if isinstance(value, int):
        return amount(value)
    return "–" if value is None or value == "" else str(value)
