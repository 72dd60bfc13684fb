"""`ReportContent`: what a report is made of, and what its readers must be told first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd

from forecast import names
from forecast.dated import DatedEvent
from forecast.errors import InputError
from forecast.evaluation.sanity import implausible
from forecast.evaluation.scores import LEVEL
from forecast.inference.posterior.diagnostics import failed_checks
from forecast.ledger import LOSS_TO_REFUSE, LOSS_TO_TELL, Ledger
from forecast.panel.panel import Panel
from forecast.panel.unlocated import missing_part, typed_notes, unlocated_notes
from forecast.prediction.caps import cap_warning
from forecast.prediction.draws import Forecast
from forecast.report.backtest import BacktestPart
from forecast.report.capability import CapabilityPart
from forecast.report.deaths import DeathsPart
from forecast.report.late import both_readings
from forecast.report.onset import OnsetPart
from forecast.report.population import PopulationPart
from forecast.report.previous import PreviousPart
from forecast.report.published import PublishedPart
from forecast.report.triggers import TriggersPart
from forecast.report.wording import capital

__all__ = ["ReportContent", "no_chances", "report_notes", "report_warnings"]


def no_chances(forecast: Forecast, panel: Panel) -> bool:
    """Whether a forecast's probabilities mean nothing: it is not plausible, or its expected counts were cut."""
    return bool(implausible(forecast, panel) or _explosion(forecast))


def _explosion(forecast: Forecast) -> str:
    return cap_warning(float(forecast.provenance.get("cut", 0.0)))


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
    covariates : sequence of str
        What is told of other covariates: their slopes and futures, and those that the model does not use.
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
    covariates: Sequence[str] = ()
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
        return _explosion(self.main)

    @cached_property
    def no_chances(self) -> bool:
        """True where the forecast's probabilities mean nothing, and none is told."""
        return no_chances(self.main, self.panel)

    @property
    def simulated(self) -> bool:
        """True where the report must be labelled as showing simulated data."""
        return self.panel.simulated or any(forecast.simulated for forecast in self.forecasts.values())


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
