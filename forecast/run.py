"""The whole road in one call: settings → panel → fit → forecast → scores."""

import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pandas as pd

from forecast import __version__, names
from forecast.baselines.library import default_baselines
from forecast.baselines.regression import NegativeBinomialRegression, regression_cells
from forecast.capability.capability import CapabilitySource
from forecast.capability.indicators import Indicators
from forecast.config import Settings, read_settings
from forecast.datasets import data_path
from forecast.errors import DiagnosticsError, ForecastError, InputError
from forecast.evaluation.onset import onset_history
from forecast.evaluation.pool import PoolFit
from forecast.evaluation.rolling import backtest, load_backtest
from forecast.evaluation.rolling_data import Backtest
from forecast.evaluation.rolling_disk import AGAIN, check_backtest_folder
from forecast.evaluation.scores import CELL, LEVEL, score
from forecast.evaluation.skill import skill
from forecast.evaluation.triggers import HISTORY, Trigger, trigger_history
from forecast.events.boundaries import Boundaries
from forecast.events.places import Gazetteer
from forecast.files import check_output_folder, damage_is_input, readable_name, sha256, write_csv
from forecast.folders import locked
from forecast.inference.dispatch import fit
from forecast.inference.posterior.base import Fit
from forecast.inference.posterior.bayesian import BayesianFit
from forecast.inference.posterior.diagnostics import add_pareto_k, failed_checks
from forecast.inference.posterior.pull import path_given_counts
from forecast.inputs import input_files, load_activity, load_futures, load_source, load_zones, map_boundaries
from forecast.model.library import CAPABILITY
from forecast.model.spec import Model
from forecast.panel.calendar import next_periods, period_end, unit_name
from forecast.panel.deaths import recorded_deaths
from forecast.panel.groups import province_keys
from forecast.panel.panel import Panel, panel_hash
from forecast.panel.sources import CountsSource, PanelSource
from forecast.prediction.continuation import predict
from forecast.prediction.draws import Forecast
from forecast.prediction.futures import Future, hold_last, scenario
from forecast.prediction.nowcast import placed
from forecast.prediction.scenarios import contrast, decompose, percent_change
from forecast.report.backtest import BASELINE, TOTAL, BacktestPart, backtest_part
from forecast.report.deaths import DeathsPart
from forecast.report.figures import SINCE
from forecast.report.late import placed_said
from forecast.report.onset import OnsetPart, onset_part
from forecast.report.overlays import DatedEvent
from forecast.report.previous import previous_part
from forecast.report.published import published_part
from forecast.report.triggers import triggers_part
from forecast.report.wording import province_labels
from forecast.run_files import (
    RUN_FILES,
    Run,
    load_previous,
    load_run,
    output_folder,
    run_notes,
    write_report_again,
    write_run,
    write_run_report,
)
from forecast.run_record import RunRecord
from forecast.workers import process_pool

__all__ = [
    "RUN_FILES",
    "Prepared",
    "Run",
    "load_demo",
    "load_run",
    "output_folder",
    "prepare",
    "run",
    "run_backtest",
    "run_notes",
    "unscored",
    "write_report_again",
    "write_run",
    "write_run_report",
]

# Called with what is being done, how many steps are done, and of how many.
Step = Callable[[str, int, int], None]

_NO_HISTORY = pd.DataFrame(columns=list(HISTORY))
_BASIS = ("numpy", "pandas", "xarray", "scipy")
_SAMPLING = ("pymc", "pytensor", "nutpie", "arviz")
_VERSIONS = ("attack-forecast", *_BASIS, "statsmodels", *_SAMPLING, "scoringrules", "altair")


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
        What that backtest lacks, or why it is not shown.
    activity : Indicators or None
        Of partner forces, shown beside published totals.
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
    zones = load_zones(settings, panel.without_ended(), _own_gazetteer(source))
    futures = load_futures(settings)
    tried, notes = _backtest_before(settings, model.name, panel, source.has_vintages)
    scenarios = _scenarios(settings, futures)
    for future in scenarios.values():
        future.values(panel, CAPABILITY, next_periods(panel.periods[-1], settings.horizon, panel.freq))
    _check_serves(panel, model)
    previous = None if settings.previous is None else load_previous(settings.previous, panel)
    triggers = _triggers(settings, panel.without_ended(), zones)
    events = _events(settings, panel.without_ended(), zones)
    of_backtest = _of_backtest(settings, triggers, model.name, panel) if tried is not None else (_NO_HISTORY, None, [])
    fired, onsets, untold = of_backtest
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
        backtest=tried,
        previous=previous,
        triggers=triggers,
        trigger_history=fired,
        events=events,
        onsets=onsets,
        notes=(*notes, *untold),
        activity=activity,
        inputs=inputs,
    )


def unscored(settings: Settings, training: Panel) -> dict[str, str]:
    """Models that cannot be fitted to what is left without the periods that are held out, and why."""
    reasons = {}
    for name, model in _models(settings).items():
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


def run(
    settings: Settings,
    *,
    allow_unconverged: bool = False,
    ready: Prepared | None = None,
    step: Step = lambda text, done, total: None,
) -> Run:
    """Go from raw files to a forecast and its scores; nothing is written.

    Parameters
    ----------
    settings : Settings
        From `read_settings`.
    allow_unconverged : bool
        Go on with a fit that failed its checks; the report then carries a warning.
    ready : Prepared, optional
        What `prepare` made of the settings, where that is done.
    step : callable, optional
        Told what begins, how many steps are done, and of how many.

    Raises
    ------
    InputError
        When a file or a setting is wrong.
    DiagnosticsError
        When the fit failed its checks.
    """
    total = 3 + len(_models(settings)) * (settings.held_out > 0)
    step("reading the data", 0, total)
    ready = ready or prepare(settings)
    model, panel, futures, zones = ready.model, ready.panel, ready.futures, ready.zones
    step(f"fitting {model.name}", 1, total)
    fitted = fit(model, panel, engine=settings.engine, max_seconds=settings.fit_seconds, seed=settings.seed)
    failures = failed_checks(fitted.diagnostics, model.name)
    if failures and not allow_unconverged:
        raise DiagnosticsError(f"{failures}. With --allow-unconverged the report is written, with a warning on it")
    forecast = predict(fitted, settings.horizon, futures=futures, draws=settings.draws, seed=settings.seed)
    if panel.observations.is_published and not zones:
        zones = _own_zones(forecast)
    scores, notes = _held_out_scores(settings, fitted, ready, step)
    notes = [*settings.notes, *notes, *ready.notes, *_placed_notes(fitted, settings.seed)]
    step("writing the report", total - 1, total)
    record = _record(settings, ready, zones, fitted, notes)
    record["capability"] = _answers(settings, fitted, forecast, futures, ready.scenarios)
    if ready.backtest is not None:
        record["backtest"] = ready.backtest.to_record()
    if ready.previous is not None:
        earlier = ready.previous
        record["previous"] = previous_part(earlier.forecast, earlier.panel, panel, forecast).to_record()
    if ready.triggers:
        labels = {"all": "all provinces", **province_labels(panel.dataset)}
        where = {given.name: labels.get(given.where, given.where.replace("_", " ")) for given in settings.triggers}
        record["triggers"] = triggers_part(ready.triggers, where, forecast, ready.trigger_history).to_record()
    if ready.events:
        record["events"] = [asdict(event) for event in ready.events]
    if isinstance(ready.source, PanelSource):
        periods = min(SINCE, len(panel.periods))
        table = recorded_deaths(ready.source.events, panel.without_ended(), periods, ready.source.settings)
        record["deaths"] = DeathsPart(periods, table).to_record() if len(table) else {}
    if ready.onsets is not None:
        record["onsets"] = ready.onsets.to_record()
    if isinstance(fitted, BayesianFit) and panel.observations.is_published:
        record["published"] = published_part(fitted, forecast, ready.activity).to_record()
    capability = None
    if settings.capability is not None:
        measured = ready.source.covariates[CAPABILITY]
        assert isinstance(measured, CapabilitySource)
        capability = measured.measured(panel)
    kept = RunRecord.of(record)
    return Run(panel, forecast, scores, kept, ready.boundaries, capability, _own_gazetteer(ready.source))


def _placed_notes(fitted: Fit, seed: int) -> list[str]:
    """Where attacks without a province lay, by the hierarchical model or that of the pool."""
    members = fitted.fits.values() if isinstance(fitted, PoolFit) else (fitted,)
    fits = [member for member in members if isinstance(member, BayesianFit)]
    if not fits or names.LOCATED not in fits[0].panel.dataset:
        return []
    periods = min(SINCE, len(fits[0].panel.periods))
    said = placed_said(placed(fits[0], periods=periods, seed=seed), periods, unit_name(fits[0].panel.freq))
    return [said] if said else []


def run_backtest(
    settings: Settings,
    folder: str | Path,
    *,
    workers: int = 1,
    resume: bool = False,
    step: Step = lambda text, done, total: None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Backtest the settings' model and all baselines, and write the scores to a folder; see `forecast.backtest`.

    Parameters
    ----------
    settings : Settings
        From `read_settings`.
    folder : path
        Holds every origin's forecast and scores, `scores.csv` (all of them) and `skill.csv`.
    workers : int
        Processes.
    resume : bool
        Go on where an earlier run was broken off.
    step : callable, optional
        Told what was done.

    Returns
    -------
    skill, failures : DataFrame
        Skill of every model against `recent_mean`, by level: cells, countries, tactics, total; or zones' totals, where
        only published totals are known. And model, origin and error of every forecast that could not be made.

    Raises
    ------
    InputError
        As of `forecast.backtest`, and where another command writes to the folder.
    """
    if workers < 1:
        raise InputError("is a whole number from 1", where="workers", found=workers)
    # What is wrong with the data leaves no folder behind.
    model, source, futures = settings.built_model(), load_source(settings), load_futures(settings)
    folder, given = check_output_folder(folder), settings.backtest
    with locked(folder):
        check_backtest_folder(folder, resume)
        with process_pool(workers) if workers > 1 else nullcontext() as pool:
            done = backtest(
                {} if model.name in default_baselines() else {model.name: model},
                source,
                origins=given.origins,
                horizon=given.horizon or settings.horizon,
                window=given.window,
                futures=futures,
                draws=settings.draws,
                seed=settings.seed,
                engine=settings.engine,
                executor=pool,
                folder=folder,
                resume=resume,
                step=step,
            )
        # Single published counts, of which baselines know nothing, are scored and not compared.
        levels = list(dict.fromkeys(done.scores.loc[done.scores[names.MODEL] == BASELINE, LEVEL]))
        with damage_is_input(folder, AGAIN):
            tables = [skill(done.of(level), BASELINE).assign(**{LEVEL: level}) for level in levels]
        table = pd.concat(tables, ignore_index=True)
        write_csv(folder / "scores.csv", done.scores)
        write_csv(folder / "skill.csv", table)
        write_csv(folder / "failures.csv", done.failures)
    return table, done.failures


def load_demo() -> Panel:
    """The panel of the demonstration: simulated attacks in Iraq and Syria, 2019 to 2024, by month.

    Examples
    --------
    >>> fc.load_demo().simulated
    True
    """
    return load_source(read_settings(data_path("demo.toml"))).at()


# Parts ------------------------------------------------------------------------------------------------------


def _checks(fitted: Fit) -> pd.DataFrame:
    """What a fit was checked for, with what decides nothing: only after the sampler, whose libraries that takes.

    Published counts have no probabilities one by one, which that would need.
    """
    if isinstance(fitted, BayesianFit) and fitted.engine == "nuts" and not fitted.panel.observations.is_published:
        return add_pareto_k(fitted)
    return fitted.diagnostics


def _models(settings: Settings) -> dict[str, Any]:
    """All models that are scored, by name: the baselines and that of the settings."""
    model = settings.built_model()
    return {**default_baselines(), model.name: model}


def _training(settings: Settings, source: PanelSource | CountsSource, panel: Panel) -> Panel | None:
    """The data as known before the periods that are held out; None where none are."""
    held_out = settings.held_out
    if not held_out:
        return None
    if held_out >= len(panel.periods):
        where, most = "evaluation.periods", len(panel.periods) - 1
        raise InputError("more periods than the data have", where=where, found=held_out, expected=f"at most {most}")
    return source.at(pd.Timestamp(panel.dataset[names.PERIOD_END].values[-held_out - 1]))


def _held_out_scores(settings: Settings, main: Fit, ready: Prepared, step: Step) -> tuple[pd.DataFrame, list[str]]:
    """Scores of every model on the last periods, at cell level and for totals; covariates hold their last value.

    The main model's search starts where its fit to all periods ended; its weights leave no trace of that. A model that
    cannot be fitted to what is left, or fails, is left out, and the second value says so.
    """
    held_out, models, panel, training = settings.held_out, _models(settings), ready.panel, ready.training
    if training is None:
        return pd.DataFrame(), []
    origin = training.origin
    futures = {name: hold_last() for name in training.covariates}
    futures |= {name: future for name, future in ready.futures.items() if training.measured(name) is not None}
    tables, notes = [], []
    for number, (name, model) in enumerate(models.items()):
        step(f"scoring {name} on the last {held_out} periods", 2 + number, 3 + len(models))
        of_main: dict[str, Any] = {"engine": settings.engine, "start": main} if name == main.model.name else {}
        try:
            fitted = fit(model, training, max_seconds=settings.fit_seconds, seed=settings.seed, **of_main)
            past = predict(fitted, held_out, futures=futures, draws=settings.draws, seed=settings.seed)
        except ForecastError as error:
            notes.append(f"{name} is not scored: it cannot be fitted to the data up to {origin:%Y-%m-%d} ({error})")
            continue
        failures = failed_checks(fitted.diagnostics, name)
        if failures:
            notes.append(f"the scores of {name} are of a fit to the data up to {origin:%Y-%m-%d}: {failures}")
        total = past.aggregate("total", tactics=True)
        tables += [score(past, panel).assign(**{LEVEL: CELL}), score(total, panel).assign(**{LEVEL: TOTAL})]
    return (pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()), notes


def _backtest_before(
    settings: Settings, model: str, panel: Panel, vintages: bool
) -> tuple[BacktestPart | None, list[str]]:
    """What the report says of the backtest in the settings' folder, and notes on what it lacks.

    One that cannot be read is left out, with a note: the run does not depend on it.
    """
    folder = settings.backtest.output
    if folder is None:
        return None, []
    shown = settings.as_written()["backtest"]["output"]
    if not folder.is_dir():
        return None, [f"no backtest lies in {shown}: 'forecast backtest' makes one"]
    try:
        done = load_backtest(folder)
        if model not in set(done.scores[names.MODEL]):
            return None, [f"the backtest in {shown} is of other models than {model}"]
        with damage_is_input(folder, AGAIN):
            part = backtest_part(done, model, vintages)
    except InputError as error:
        return None, [f"the backtest in {shown} is not shown: {_without_folder(error, folder, shown)}"]
    other = done.data != panel_hash(panel)
    return part, [f"the backtest in {shown} was made on other data than this report"] if other else []


def _triggers(settings: Settings, panel: Panel, zones: Mapping[str, Sequence[str]]) -> tuple[Trigger, ...]:
    """The settings' triggers, each with the provinces and tactics whose attacks count."""
    made = []
    for given in settings.triggers:
        where = f"triggers.{given.name}"
        provinces = _provinces(given.where, panel, zones, where)
        if given.tactic is not None and given.tactic not in panel.tactics:
            raise InputError("unknown tactic", where=where, found=given.tactic, expected=panel.tactics)
        tactics = panel.tactics if given.tactic is None else [given.tactic]
        event = given.threshold, given.horizon, given.probability
        made.append(Trigger(given.name, tuple(provinces), tuple(tactics), *event))
    return tuple(made)


def _events(settings: Settings, panel: Panel, zones: Mapping[str, Sequence[str]]) -> tuple[DatedEvent, ...]:
    """The settings' dated events; an `InputError` for one that no chart could mark."""
    last = period_end(next_periods(panel.periods[-1], settings.horizon, panel.freq)[-1:], panel.freq)[0]
    labels = province_labels(panel.dataset)
    made = []
    for given in settings.events:
        where, first = f"events.{given.name}", pd.Timestamp(given.date)
        end = first if given.end is None else pd.Timestamp(given.end)
        if end < panel.periods[0] or first > last:
            expected = f"from {panel.periods[0]:%Y-%m-%d} to {last:%Y-%m-%d}"
            found = f"{first:%Y-%m-%d}"
            raise InputError("lies outside the data and the forecast", where=where, found=found, expected=expected)
        provinces = _provinces(given.where, panel, zones, where)
        place = "" if given.where == "all" else labels.get(given.where, given.where.replace("_", " "))
        made.append(DatedEvent(given.name, f"{first:%Y-%m-%d}", f"{end:%Y-%m-%d}", place, tuple(provinces)))
    return tuple(made)


def _provinces(named: str, panel: Panel, zones: Mapping[str, Sequence[str]], where: str) -> Sequence[str]:
    """The provinces of a panel that 'all', or the name of a zone, a country or a province stands for."""
    countries = panel.dataset[names.COUNTRY].values.astype(str)
    if named == "all":
        return panel.provinces
    if named in zones:
        return province_keys(panel.dataset, zones[named], where)
    if named in countries:
        return [key for key, country in zip(panel.provinces, countries, strict=True) if country == named]
    return province_keys(panel.dataset, [named], where)


def _of_backtest(
    settings: Settings, triggers: Sequence[Trigger], model: str, panel: Panel
) -> tuple[pd.DataFrame, OnsetPart | None, list[str]]:
    """How triggers would have fired at the origins of the settings' backtest, and what came of calm provinces there.

    Where its forecasts cannot be read there is neither, and the third value says so.
    """
    folder = settings.backtest.output
    assert folder is not None
    shown = settings.as_written()["backtest"]["output"]
    horizon = min(settings.horizon, settings.backtest.horizon or settings.horizon)
    try:
        done = load_backtest(folder)
        with damage_is_input(folder, AGAIN):
            fired = trigger_history(triggers, _past_forecasts(done, model, panel), panel) if triggers else _NO_HISTORY
            onsets = onset_part(onset_history(_past_forecasts(done, model, panel), panel, horizon), horizon)
            return fired, onsets, []
    except InputError as error:
        untold = "how triggers would have fired, and what came of calm provinces, is not told"
        return _NO_HISTORY, None, [f"{untold}: {_without_folder(error, folder, shown)}"]


def _past_forecasts(done: Backtest, model: str, panel: Panel) -> Iterator[Forecast]:
    """The forecasts of a model in a backtest, but for those of which nothing has come in the panel."""
    days = done.scores.loc[done.scores[names.MODEL] == model, names.ORIGIN].unique()
    return (done.forecast(model, day) for day in map(pd.Timestamp, sorted(days)) if day < panel.settled.origin)


def _without_folder(error: InputError, folder: Path, shown: str) -> str:
    """An error as a report may show it, which goes to other people: the folder as the settings name it."""
    source = Path(error.source)
    return str(error.again(source=Path(shown, source.relative_to(folder))) if source.is_relative_to(folder) else error)


def _record(
    settings: Settings, ready: Prepared, zones: Mapping[str, Sequence[str]], fitted: Fit, notes: list[str]
) -> dict[str, Any]:
    panel = ready.panel
    return {
        "forecast": __version__,
        "title": settings.title,
        "settings": settings.as_written(),
        "versions": {name: _version(name) for name in _VERSIONS} | {"python": platform.python_version()},
        "inputs": list(ready.inputs),
        "zones": dict(zones),
        "seed": settings.seed,
        "data_cut_off": f"{panel.origin:%Y-%m-%d}",
        "simulated": panel.simulated,
        "notes": notes,
        "model": {
            "equation": fitted.equation,
            "parameters": fitted.parameters.to_dict("records"),
            "diagnostics": _checks(fitted).to_dict("records"),
        },
    }


def _own_gazetteer(source: PanelSource | CountsSource) -> Gazetteer | None:
    """The provinces of events, where they are the names in the data themselves."""
    gazetteer = source.events.gazetteer if isinstance(source, PanelSource) else None
    return gazetteer if gazetteer is not None and gazetteer.from_data else None


def _own_zones(forecast: Forecast) -> dict[str, tuple[str, ...]]:
    """The zones in which published totals were counted, where several are forecast."""
    labels = forecast.dataset[names.ZONE].values.astype(str)
    units = pd.Series(forecast.provinces, index=labels)
    zones = {str(zone): tuple(own) for zone, own in units.groupby(level=0)}
    return zones if len(zones) > 1 else {}


def _scenarios(settings: Settings, futures: Mapping[str, Future]) -> dict[str, Future]:
    """The scenarios that the settings name."""
    found = {}
    for given in settings.capability.scenarios if settings.capability is not None else ():
        start = None if given.start is None else f"{given.start:%Y-%m-%d}"
        found[given.name] = scenario(given.force, given.shift_sd, start, given.ramp, base=futures[CAPABILITY])
    return found


def _answers(
    settings: Settings,
    fitted: Fit,
    forecast: Forecast,
    futures: Mapping[str, Future],
    scenarios: Mapping[str, Future],
) -> dict[str, Any]:
    """What the report says of capability, as tables: slopes, scenarios, parts of the change, the counts' pull."""
    if settings.capability is None or not isinstance(fitted, BayesianFit):
        return {}
    how: dict[str, Any] = {"draws": settings.draws, "seed": settings.seed}
    contrasts = []
    for name, shifted in scenarios.items():
        other = predict(fitted, settings.horizon, futures={**futures, CAPABILITY: shifted}, **how)
        contrasts.append(contrast(forecast, other).table.assign(scenario_name=name))
    tables = {
        "slopes": percent_change(fitted),
        "decomposition": decompose(fitted, settings.horizon, futures=futures, **how),
        "scenarios": pd.concat(contrasts) if contrasts else pd.DataFrame(),
    }
    if fitted.bound.errors:
        pulled = path_given_counts(fitted)
        largest = pulled.loc[pulled.groupby(names.FORCE)["pull"].apply(lambda pull: pull.abs().idxmax())]
        tables["pull"] = largest.assign(period=largest[names.PERIOD].dt.strftime("%Y-%m-%d"))
    return {name: table.to_dict("records") for name, table in tables.items()}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
