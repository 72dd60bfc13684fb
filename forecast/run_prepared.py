"""What a run has before its fit, in which all is found wrong that can be without one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from forecast import names
from forecast.baselines.regression import NegativeBinomialRegression, regression_cells
from forecast.capability.indicators import Indicators
from forecast.config import Settings
from forecast.dated import DatedEvent
from forecast.errors import InputError
from forecast.evaluation.triggers import Trigger
from forecast.events.boundaries import Boundaries
from forecast.events.places import Gazetteer
from forecast.files import readable_name, sha256
from forecast.inputs import input_files, load_activity, load_futures, load_source, load_zones, map_boundaries
from forecast.model.library import CAPABILITY
from forecast.model.spec import Model
from forecast.panel.calendar import next_periods
from forecast.panel.panel import Panel
from forecast.panel.sources import CountsSource, PanelSource
from forecast.prediction.futures import Future
from forecast.report.backtest import BacktestPart
from forecast.report.onset import OnsetPart
from forecast.report.population import PopulationPart
from forecast.run_files import Run, load_previous
from forecast.run_named import events_of, population_of, scenarios_of, scored_models, triggers_of
from forecast.run_past import past_of

__all__ = ["Prepared", "own_gazetteer", "prepare", "unscored"]


@dataclass(frozen=True)
class Prepared:
    """What a run has before its fit, in which all is found wrong that can be without one.

    Attributes
    ----------
    model : Model or a baseline
        What the settings name.
    source : PanelSource or CountsSource
        Where its panels come from.
    panel : Panel
        The data.
    training : Panel or None
        What was known before the periods that are held out; None where none are.
    zones : mapping of str to tuple of str
        Sums of provinces that the report shows.
    futures, scenarios : mapping of str to Future
        What covariates do after the data, and what if capability did otherwise.
    boundaries : Boundaries or None
        Polygons for the map.
    backtest : BacktestPart or None
        Made earlier, for the report.
    previous : Run or None
        An earlier run, to be held against what came.
    triggers : tuple of Trigger
        Events that somebody waits for.
    trigger_history : DataFrame
        How they would have fired at the origins of that backtest.
    events : tuple of DatedEvent
        What charts mark.
    onsets : OnsetPart or None
        What came of provinces that were calm at these origins.
    notes : tuple of str
        What that backtest lacks, or why it is not shown, and what a table of population does not match.
    activity : Indicators or None
        Of partner forces, shown beside published totals.
    population : PopulationPart or None
        People by province, shown beside attacks.
    inputs : tuple of mapping
        Files that were read: path (the name) and sha256.
    """

    model: Any
    source: PanelSource | CountsSource
    panel: Panel
    training: Panel | None
    zones: Mapping[str, tuple[str, ...]]
    futures: Mapping[str, Future]
    scenarios: Mapping[str, Future]
    boundaries: Boundaries | None
    backtest: BacktestPart | None
    previous: Run | None
    triggers: tuple[Trigger, ...]
    trigger_history: pd.DataFrame
    events: tuple[DatedEvent, ...]
    onsets: OnsetPart | None
    notes: tuple[str, ...]
    activity: Indicators | None
    population: PopulationPart | None
    inputs: tuple[dict[str, str], ...]


def prepare(settings: Settings) -> Prepared:
    """Read all that a run needs, and fit nothing.

    Raises
    ------
    InputError
        When a file or a setting is wrong, more rows were lost than the settings accept, or the data cannot serve the
        model.
    """
    contents = {file: sha256(file) for file in input_files(settings)}
    model, source, activity = settings.built_model(), load_source(settings), load_activity(settings)
    panel = source.at()
    zones = load_zones(settings, panel.without_ended(), own_gazetteer(source))
    futures = load_futures(settings)
    scenarios = scenarios_of(settings, futures)
    for future in scenarios.values():
        future.values(panel, CAPABILITY, next_periods(panel.periods[-1], settings.horizon, panel.freq))
    _check_serves(panel, model)
    previous = None if settings.previous is None else load_previous(settings.previous, panel)
    triggers = triggers_of(settings, panel.without_ended(), zones)
    events = events_of(settings, panel.without_ended(), zones)
    past = past_of(settings, triggers, model.name, panel, source.has_vintages)
    population, uncounted = population_of(settings, source, panel.without_ended())
    training, boundaries = _training(settings, source, panel.settled), map_boundaries(settings, source, panel)
    for file, content in contents.items():
        # Nothing is read after this: what was hashed is what was read.
        if not file.is_file() or sha256(file) != content:
            raise InputError("was changed while it was read", source=file, hint="Run it again")
    inputs = tuple({"path": readable_name(file), "sha256": content} for file, content in contents.items())
    return Prepared(
        model=model,
        source=source,
        panel=panel,
        training=training,
        zones=zones,
        futures=futures,
        scenarios=scenarios,
        boundaries=boundaries,
        backtest=past.part,
        previous=previous,
        triggers=triggers,
        trigger_history=past.trigger_history,
        events=events,
        onsets=past.onsets,
        notes=(*past.notes, *uncounted),
        activity=activity,
        population=population,
        inputs=inputs,
    )


def unscored(settings: Settings, training: Panel) -> dict[str, str]:
    """Models that cannot be fitted to what is left without the periods that are held out, and why."""
    reasons = {}
    for name, model in scored_models(settings).items():
        try:
            _check_serves(training, model)
        except InputError as error:
            reasons[name] = str(error)
    return reasons


def _check_serves(panel: Panel, model: Any) -> None:
    """An `InputError` where a panel cannot serve a model, as far as that can be told without a fit."""
    if isinstance(model, Model):
        model.bind(panel)
    elif isinstance(model, NegativeBinomialRegression):
        regression_cells(model, panel)


def _training(settings: Settings, source: PanelSource | CountsSource, panel: Panel) -> Panel | None:
    """The data as known before the periods that are held out; None where none are."""
    held_out = settings.held_out
    if not held_out:
        return None
    if held_out >= len(panel.periods):
        where, most = "evaluation.periods", len(panel.periods) - 1
        raise InputError("more periods than the data have", where=where, found=held_out, expected=f"at most {most}")
    return source.at(pd.Timestamp(panel.dataset[names.PERIOD_END].values[-held_out - 1]))


def own_gazetteer(source: PanelSource | CountsSource) -> Gazetteer | None:
    """The provinces of events, where they are the names in the data themselves."""
    gazetteer = source.events.gazetteer if isinstance(source, PanelSource) else None
    return gazetteer if gazetteer is not None and gazetteer.from_data else None
