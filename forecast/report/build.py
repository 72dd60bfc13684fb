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

from forecast import names
from forecast.dated import DatedEvent, in_order
from forecast.errors import InputError
from forecast.evaluation.sanity import implausible
from forecast.evaluation.scores import LEVEL
from forecast.files import write_text
from forecast.inference.posterior.diagnostics import failed_checks
from forecast.ledger import LOSS_TO_REFUSE, LOSS_TO_TELL, Ledger
from forecast.panel.panel import Panel
from forecast.panel.unlocated import missing_part, typed_notes, unlocated_notes
from forecast.prediction.caps import cap_warning
from forecast.prediction.draws import Forecast
from forecast.report import about, figure_tables, footer, tables
from forecast.report.backtest import BacktestPart, backtest_charts, backtest_said
from forecast.report.capability import (
    CapabilityPart,
    latest_levels,
    latest_said,
    path_charts,
    said,
    with_capability,
)
from forecast.report.deaths import DeathsPart, deaths_said, with_deaths
from forecast.report.figures import Outlook, groups_of, outlook
from forecast.report.headline import confidence, headline, ranking, tiles
from forecast.report.html_tables import csv_link
from forecast.report.late import both_readings, late_records
from forecast.report.maps import province_map
from forecast.report.onset import OnsetPart, calm_places
from forecast.report.overlays import Overlays
from forecast.report.population import PopulationPart, population_said, with_population
from forecast.report.previous import RULE, PreviousPart, previous_lead, previous_said
from forecast.report.priorities import priority_rule, with_priorities
from forecast.report.provinces import group_anchors, province_anchors, sections_of
from forecast.report.published import PublishedPart, next_reports, published_said
from forecast.report.sentences import findings
from forecast.report.totals import activity_charts, totals_charts
from forecast.report.triggers import TriggersPart, triggers_said
from forecast.report.wording import capital, day_label

__all__ = ["ReportContent", "render", "report_notes", "report_warnings", "write_report"]


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
    previous : PreviousPart, optional
        What the last report said, and what came.
    triggers : TriggersPart, optional
        Events that somebody waits for, and whether each fires.
    onsets : OnsetPart, optional
        What came of calm provinces at many past origins.
    events : sequence of DatedEvent
        Elections, truces and the like, which charts mark.
    deaths : DeathsPart, optional
        Recorded beside the attacks.
    population : PopulationPart, optional
        People by province.
    issued : str
        Day on which the forecast was made, YYYY-MM-DD; '' where it is not told.
    contact : str
        Whom readers may ask; '' where nobody is named.
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
    previous: PreviousPart | None = None
    triggers: TriggersPart | None = None
    onsets: OnsetPart | None = None
    events: Sequence[DatedEvent] = ()
    deaths: DeathsPart | None = None
    population: PopulationPart | None = None
    issued: str = ""
    contact: str = ""

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
    def failed(self) -> str:
        """What the fit failed of its checks, or ''."""
        return failed_checks(self.diagnostics, self.main.model)

    @property
    def lost(self) -> str:
        """How many rows were lost, where it is a share to tell, and not one to warn of; or ''."""
        return self.ledger.loss_told if LOSS_TO_TELL < self.ledger.loss <= LOSS_TO_REFUSE else ""

    @property
    def unplaced(self) -> str:
        """That the province of many attacks is not known, or ''."""
        return self._many_unknown(unlocated_notes(self.panel.dataset), names.LOCATED)

    @property
    def untyped(self) -> str:
        """That the kind of many attacks is not known, or ''."""
        return self._many_unknown(typed_notes(self.panel.dataset), names.TYPED)

    def _many_unknown(self, notes: list[str], share: str) -> str:
        return capital(notes[0]) if notes and missing_part(self.panel.dataset, share) > LOSS_TO_REFUSE else ""

    @property
    def explodes(self) -> str:
        """The warning of a forecast whose expected counts were cut, or ''."""
        return cap_warning(float(self.main.provenance.get("cut", 0.0)))

    @property
    def no_chances(self) -> bool:
        """True where the forecast's probabilities mean nothing, and none is told."""
        return bool(self.implausible or self.explodes)

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
    if content.no_chances:
        ahead, part = ahead.without_chances(), None if part is None else part.without_chances()
    groups = groups_of(forecast, content.zones)
    ahead = with_population(with_deaths(ahead, content.deaths, groups), content.population, groups)
    ahead = with_priorities(ahead, content.backtest)
    latest = pd.DataFrame() if part is None else latest_levels(part.capability, panel.without_ended())
    ahead = with_capability(ahead, latest, panel.without_ended())
    sums, anchors = group_anchors(groups), province_anchors(forecast)
    told, tried, last = content.published, content.backtest, content.previous
    overlays = Overlays(in_order(content.events), pd.DataFrame() if last is None else last.bands)
    of_sums, of_provinces = sections_of(panel, forecast, ahead, groups, simulated, overlays)
    past_performance, caution = about.past_performance(content.scores, forecast.model, forecast.freq)
    script = _template_text("report.js")
    provenance = dict(content.provenance)
    versions, inputs = provenance.pop("versions", {}), provenance.pop("inputs", ())
    page = _environment().get_template("report.html.j2")
    return page.render(
        title=content.title,
        simulated=simulated,
        warnings=[
            f"Do not rely on these numbers: {text}" if text == content.failed else capital(text)
            for text in report_warnings(content)
        ],
        lost=content.lost,
        outlook=ahead,
        data_end=day_label(forecast.origin),
        scope=about.scope(forecast),
        headline=headline(ahead),
        tiles=tiles(ahead, panel, forecast),
        ranking=ranking(ahead, anchors),
        confidence=confidence(content.scores, forecast.model, ahead.unit, tried),
        caution=caution,
        map=province_map(ahead, forecast.dataset, content.boundaries, anchors, simulated),
        findings=(*findings(ahead), *(next_reports(told) if told else ())),
        scale="" if content.no_chances else about.scale(),
        sums=of_sums,
        provinces=of_provinces,
        has_bands=bool(len(overlays.bands)),
        events=overlays.listed(panel, forecast),
        deaths=deaths_said(ahead, content.deaths),
        population=population_said(ahead, content.population),
        priorities=priority_rule(ahead),
        levels=latest_said(ahead),
        ranked=sorted(of_provinces, key=lambda section: -section.median),
        late=late_records(panel, forecast, ahead.unit, simulated),
        facts=about.facts(forecast, panel) | footer.facts(content.issued, content.contact),
        footer=footer.sentences(content.issued, content.contact),
        page_margins=Markup(footer.page_margins(content.title, content.issued, content.contact, simulated)),
        unplaced=content.unplaced,
        untyped=content.untyped,
        notes=[note for note in report_notes(content) if note not in (content.lost, content.unplaced, content.untyped)],
        tables={name: Markup(table) for name, table in _tables(content, ahead, sums, anchors, inputs).items()},
        everything=Markup(
            csv_link(forecast.to_frame(), "forecast", "every province, tactic and period", "All numbers as CSV")
        ),
        first_miss="" if last is None else previous_lead(last, 1),
        previous=None if last is None else {"said": [previous_lead(last), *previous_said(last)], "rule": RULE},
        previous_tables={
            name: Markup(table)
            for name, table in (tables.previous_tables(last, anchors, simulated) if last else {}).items()
        },
        triggers=None if content.triggers is None or content.no_chances else triggers_said(content.triggers),
        calm=calm_places(panel, forecast, ahead, anchors, content.onsets, simulated),
        published=None if told is None else published_said(told),
        totals_charts=[] if told is None else totals_charts(told, panel, overlays, simulated),
        activity_charts=[] if told is None else activity_charts(told, overlays, simulated),
        capability=None if part is None else said(part),
        capability_charts=[] if part is None else path_charts(part.capability, panel, overlays, simulated),
        capability_tables={
            name: Markup(table)
            for name, table in (tables.capability_tables(part, latest, simulated) if part else {}).items()
        },
        backtest=None if tried is None else backtest_said(tried),
        backtest_charts=[] if tried is None else backtest_charts(tried, simulated),
        dropped=content.ledger.dropped,
        excluded=content.ledger.excluded,
        past_performance=past_performance,
        equation=content.equation,
        model_notes=about.model_notes(content.scores),
        provenance={capital(key.replace("_", " ")): text for key, text in about.flat(provenance).items()},
        settings=about.flat(content.settings),
        versions=about.flat(versions),
        css=Markup(_template_text("report.css")),
        script=Markup(script),
        script_hash=_content_hash(script),
    )


def _tables(
    content: ReportContent,
    ahead: Outlook,
    sums: Mapping[str, str],
    anchors: Mapping[str, str],
    inputs: Sequence[Mapping[str, Any]],
) -> dict[str, str]:
    """The tables by name; '' for one that there is nothing to show in."""
    simulated, forecast, tried, told = content.simulated, content.main, content.backtest, content.published
    return {
        "outlook": figure_tables.outlook_table(ahead, sums, anchors, simulated),
        "models": tables.model_table(content.forecasts, simulated) if len(content.forecasts) > 1 else "",
        "ledger": tables.ledger_table(content.ledger, simulated),
        "backtest": "" if tried is None else tables.backtest_table(tried, simulated),
        "worst": "" if tried is None else tables.worst_table(tried, forecast, simulated),
        "expected": "" if told is None else tables.expected_table(told, simulated),
        "informed": "" if told is None else tables.informed_table(told, simulated),
        "scores": tables.score_table(content.scores, forecast.model, ahead.unit, simulated),
        "triggers": "" if content.triggers is None else tables.trigger_table(content.triggers, simulated),
        "parameters": tables.parameter_table(content.parameters, simulated),
        "diagnostics": tables.diagnostics_table(content.diagnostics),
        "inputs": tables.input_table(inputs),
    }


def report_warnings(content: ReportContent) -> list[str]:
    """Why the numbers may be of no use: the banners of the page."""
    warnings = (
        content.failed,
        *content.implausible,
        content.explodes,
        content.ledger.loss_told if content.ledger.loss > LOSS_TO_REFUSE else "",
        content.banner,
    )
    return [text for text in warnings if text]


def report_notes(content: ReportContent) -> list[str]:
    """What the reader must be told before anything else."""
    notes = [
        content.lost,
        *content.notes,
        both_readings(content.main),
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
