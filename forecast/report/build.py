"""`write_report`: everything to one page that fetches nothing."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from forecast.errors import InputError
from forecast.evaluation.sanity import implausible
from forecast.evaluation.scores import LEVEL
from forecast.files import write_text
from forecast.inference.posterior.diagnostics import failed_checks
from forecast.ledger import LOSS_TO_REFUSE, LOSS_TO_TELL, Ledger
from forecast.panel.panel import Panel
from forecast.prediction.caps import cap_warning
from forecast.prediction.draws import Forecast
from forecast.report import about, tables
from forecast.report.backtest import BacktestPart, backtest_charts, backtest_said
from forecast.report.capability import CapabilityPart, path_charts, said
from forecast.report.charts import fan_chart
from forecast.report.figures import Outlook, outlook
from forecast.report.maps import province_map
from forecast.report.published import PublishedPart, next_reports, published_said
from forecast.report.sentences import findings
from forecast.report.totals import activity_charts, totals_charts
from forecast.report.vega import javascript_bundle
from forecast.report.wording import capital, small_word

__all__ = ["ReportContent", "render", "report_notes", "report_warnings", "write_report"]

# Above this many provinces × tactics the table of all of them is left to forecast.csv.
_MOST_CELLS = 1500


@dataclass(frozen=True)
class ReportContent:
    """What a report is made of.

    Attributes
    ----------
    title : str
        Heading of the page.
    panel : Panel
        The data; periods after the forecast's origin are not shown.
    forecasts : mapping of str to Forecast
        By model; the first is the one that the report is about, the others stand in one table.
    scores : DataFrame
        What `score` gave for every model on periods that it did not see, with the column `level`: 'cell', or 'total'
        for sums of all provinces and tactics; empty where nothing was held out.
    ledger : Ledger
        What cleaning did.
    settings : mapping
        Settings of the run, nested as in `forecast.toml`.
    provenance : mapping
        `versions` {package: version}, `inputs` (one mapping per file: path, sha256, rows, source), and anything else
        that can be written as JSON (seed, origin).
    boundaries : mapping of unit key to GeoJSON geometry, optional
        For the map.
    zones : mapping of str to sequence of str
        Named sets of provinces, summed like countries.
    notes : tuple of str
        What the reader must be told, beside the notes of the panel and of the forecast.
    banner : str
        A warning for the top of the page, beside that of a fit that failed its checks.
    equation : str
        The printed model with its priors; '' for a model that has none.
    parameters, diagnostics : DataFrame
        Posterior of the main parameters (parameter, mean, sd, lower_90, upper_90) and checks of the fit (check, value,
        passed, advice); empty for a model that has none.
    capability : CapabilityPart, optional
        Of the partner forces.
    backtest : BacktestPart, optional
        How the models did at many past origins.
    published : PublishedPart, optional
        Of a panel of published totals: these against fitted ones, and the next expected ones.
    """

    title: str
    panel: Panel
    forecasts: Mapping[str, Forecast]
    scores: pd.DataFrame = field(default_factory=pd.DataFrame)
    ledger: Ledger = field(default_factory=Ledger)
    settings: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    boundaries: Mapping[str, Mapping[str, Any]] | None = None
    zones: Mapping[str, Sequence[str]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    banner: str = ""
    equation: str = ""
    parameters: pd.DataFrame = field(default_factory=pd.DataFrame)
    diagnostics: pd.DataFrame = field(default_factory=pd.DataFrame)
    capability: CapabilityPart | None = None
    backtest: BacktestPart | None = None
    published: PublishedPart | None = None

    def __post_init__(self) -> None:
        if not self.forecasts:
            raise InputError("a report needs a forecast", where="forecasts")
        # Provinces whose zone ended are in the data and not in the forecast.
        if self.main.provinces != self.panel.without_ended().provinces or self.main.tactics != self.panel.tactics:
            raise InputError("the forecast is of other provinces or tactics than the panel", where="forecasts")
        if len(self.scores) and LEVEL not in self.scores:
            raise InputError("scores need the column level", where="scores", expected="cell or total")

    @property
    def main(self) -> Forecast:
        """The forecast that the report is about."""
        return next(iter(self.forecasts.values()))

    @cached_property
    def implausible(self) -> tuple[str, ...]:
        """What is not plausible in the forecast, in sentences."""
        return tuple(f"{finding}." for finding in implausible(self.main, self.panel))

    @property
    def simulated(self) -> bool:
        """True where the report must be labelled as showing simulated data."""
        return self.panel.simulated or any(forecast.simulated for forecast in self.forecasts.values())


def write_report(path: str | Path, content: ReportContent) -> Path:
    """Write the report to `path`, whole or not at all; the same content gives the same file."""
    write_text(path, render(content))
    return Path(path)


def render(content: ReportContent) -> str:
    """The report as one HTML page."""
    forecast, simulated = content.main, content.simulated
    panel = content.panel.between(end=forecast.origin)
    ahead, part = outlook(forecast, content.zones), content.capability
    if content.implausible:
        ahead, part = ahead.without_chances(), None if part is None else part.without_chances()
    found = (*findings(ahead), *(next_reports(content.published) if content.published else ()))
    charts = [
        province_map(ahead, forecast.dataset, content.boundaries, simulated),
        fan_chart(panel.without_ended(), forecast, content.zones, simulated),
    ]
    of_capability = [] if part is None else path_charts(part.capability, simulated)
    tried = content.backtest
    of_backtest = [] if tried is None else backtest_charts(tried, simulated)
    told = content.published
    of_totals = [] if told is None else totals_charts(told, simulated)
    of_activity = [] if told is None else activity_charts(told, simulated)
    charts += [*of_capability, *(chart for chart, _ in (*of_backtest, *of_totals, *of_activity))]
    provenance = dict(content.provenance)
    versions, inputs = provenance.pop("versions", {}), provenance.pop("inputs", ())
    past_performance, caution = about.past_performance(content.scores, forecast.model, forecast.freq)
    scripts = [javascript_bundle(), _template_text("report.js")]
    page = _environment().get_template("report.html.j2")
    return page.render(
        title=content.title,
        simulated=simulated,
        warnings=report_warnings(content),
        facts=about.facts(forecast, panel),
        notes=report_notes(content),
        outlook=ahead,
        findings=found,
        findings_number=capital(small_word(len(found))),
        scale="" if content.implausible else about.scale(),
        charts={chart.name: chart for chart in charts},
        chart_data={chart.name: Markup(chart.to_json()) for chart in charts},
        tables={name: Markup(table) for name, table in _tables(content, ahead, inputs).items()},
        capability=None if part is None else said(part),
        capability_charts=[
            (chart, force) for chart, force in zip(of_capability, part.capability.forces if part else (), strict=True)
        ],
        capability_tables={
            name: Markup(table) for name, table in (tables.capability_tables(part, simulated) if part else {}).items()
        },
        backtest=None if tried is None else backtest_said(tried),
        backtest_charts=of_backtest,
        published=None if told is None else published_said(told),
        totals_charts=of_totals,
        activity_charts=of_activity,
        dropped=content.ledger.dropped,
        excluded=content.ledger.excluded,
        past_performance=past_performance,
        caution=caution,
        equation=content.equation,
        model_notes=about.model_notes(content.scores),
        provenance={capital(key.replace("_", " ")): text for key, text in about.flat(provenance).items()},
        settings=about.flat(content.settings),
        versions=about.flat(versions),
        css=Markup(_template_text("report.css")),
        scripts=[Markup(script) for script in scripts],
        script_hashes=[_content_hash(script) for script in scripts],
    )


def _tables(content: ReportContent, ahead: Outlook, inputs: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The tables by name; '' for one that there is nothing to show in."""
    simulated, forecast = content.simulated, content.main
    cells = len(forecast.tactics) > 1 and len(ahead.cells) <= _MOST_CELLS
    return {
        "outlook": tables.outlook_table(ahead, simulated),
        "cells": tables.cell_table(ahead, simulated) if cells else "",
        "models": tables.model_table(content.forecasts, simulated) if len(content.forecasts) > 1 else "",
        "ledger": tables.ledger_table(content.ledger, simulated),
        "backtest": "" if content.backtest is None else tables.backtest_table(content.backtest, simulated),
        "worst": "" if content.backtest is None else tables.worst_table(content.backtest, forecast, simulated),
        "expected": "" if content.published is None else tables.expected_table(content.published, simulated),
        "informed": "" if content.published is None else tables.informed_table(content.published, simulated),
        "scores": tables.score_table(content.scores, forecast.model, ahead.unit, simulated),
        "parameters": tables.parameter_table(content.parameters, simulated),
        "diagnostics": tables.diagnostics_table(content.diagnostics),
        "inputs": tables.input_table(inputs),
    }


def report_warnings(content: ReportContent) -> list[str]:
    """Why the numbers may be of no use: the banners of the page."""
    warnings = (
        failed_checks(content.diagnostics, content.main.model),
        *content.implausible,
        cap_warning(float(content.main.provenance.get("cut", 0.0))),
        content.ledger.loss_told if content.ledger.loss > LOSS_TO_REFUSE else "",
        content.banner,
    )
    return [text for text in warnings if text]


def report_notes(content: ReportContent) -> list[str]:
    """What the reader must be told before anything else."""
    lost = [content.ledger.loss_told] if LOSS_TO_TELL < content.ledger.loss <= LOSS_TO_REFUSE else []
    notes = [
        *lost,
        *content.notes,
        *content.main.provenance.get("notes", ()),
        *content.panel.provenance.get("notes", ()),
    ]
    return [capital(note) for note in dict.fromkeys(notes) if note]


def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("forecast.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _template_text(name: str) -> str:
    return (Path(__file__).parent / "templates" / name).read_text(encoding="utf-8")


def _content_hash(script: str) -> str:
    """What the page's policy says of a script: with it, no other script on the page can run."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
