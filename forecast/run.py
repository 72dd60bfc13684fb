"""The whole road in one call: settings → panel → fit → forecast → scores → report, and the files of a run."""

import json
import platform
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pandas as pd

from forecast import __version__, names
from forecast.baselines.library import default_baselines
from forecast.baselines.regression import NegativeBinomialRegression, regression_cells
from forecast.capability.capability import Capability, CapabilitySource
from forecast.config import Settings, read_settings
from forecast.datasets import data_path
from forecast.errors import DiagnosticsError, ForecastError, InputError
from forecast.evaluation.rolling import backtest, load_backtest
from forecast.evaluation.scores import CELL, LEVEL, read_scores, score
from forecast.evaluation.skill import skill
from forecast.events.boundaries import Boundaries, check_geometry
from forecast.events.places import Gazetteer, read_gazetteer, write_gazetteer
from forecast.files import (
    check_output_files,
    check_output_folder,
    read_part,
    readable_name,
    sha256,
    write_csv,
    write_text,
    write_together,
)
from forecast.inference.dispatch import fit
from forecast.inference.posterior.base import Fit
from forecast.inference.posterior.bayesian import BayesianFit
from forecast.inference.posterior.diagnostics import add_pareto_k, failed_checks
from forecast.inference.posterior.pull import path_given_counts
from forecast.inputs import input_files, load_activity, load_futures, load_source, load_zones, map_boundaries
from forecast.model.library import CAPABILITY
from forecast.model.spec import Model
from forecast.panel.calendar import next_periods
from forecast.panel.panel import Panel, panel_hash
from forecast.panel.sources import CountsSource, PanelSource
from forecast.prediction.continuation import predict
from forecast.prediction.draws import Forecast
from forecast.prediction.futures import Future, hold_last, scenario
from forecast.prediction.scenarios import contrast, decompose, percent_change
from forecast.report.backtest import BASELINE, TOTAL, BacktestPart, backtest_part
from forecast.report.build import ReportContent, report_notes, write_report
from forecast.report.capability import CapabilityPart
from forecast.report.published import PublishedPart, published_part
from forecast.workers import process_pool

__all__ = [
    "RUN_FILES",
    "Prepared",
    "Run",
    "check_output",
    "load_demo",
    "load_run",
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

_BASIS = ("numpy", "pandas", "xarray", "scipy")
_SAMPLING = ("pymc", "pytensor", "nutpie", "arviz")
_VERSIONS = ("attack-forecast", *_BASIS, "statsmodels", *_SAMPLING, "scoringrules", "altair")
_AGAIN = "Run the forecast again"
# What the report takes from `run.json`.
_RECORD = {
    "forecast": str,
    "title": str,
    "settings": dict,
    "versions": dict,
    "inputs": list,
    "zones": dict,
    "seed": int,
    "data_cut_off": str,
    "notes": list,
    "model": dict,
}
# The files of a run; the last stands for all, see `write_together`.
RUN_FILES = (
    "report.html",
    "forecast.csv",
    "scores.csv",
    "ledger.csv",
    "panel.nc",
    "forecast.nc",
    "boundaries.json",
    "gazetteer.csv",
    "capability.nc",
    "run.json",
)


@dataclass(frozen=True)
class Run:
    """What a run made.

    Attributes
    ----------
    panel : Panel
        The data.
    forecast : Forecast
        Of the model that the settings name.
    scores : DataFrame
        How every model did on the last periods, which it had not seen: one row per model, cell and horizon, for
        cells and for totals (column `level`: 'cell', 'total'). Empty where the settings ask for no evaluation.
    record : dict
        Settings, versions, inputs with their SHA-256, seed and data cut-off.
    boundaries : Boundaries or None
        Polygons for the map.
    capability : Capability or None
        Of the partner forces, where the settings name indicators of it.
    gazetteer : Gazetteer or None
        The provinces, where they are the names in the data themselves.
    """

    panel: Panel
    forecast: Forecast
    scores: pd.DataFrame
    record: Mapping[str, Any]
    boundaries: Boundaries | None = None
    capability: Capability | None = None
    gazetteer: Gazetteer | None = None


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
    notes : tuple of str
        What that backtest lacks.
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
    notes: tuple[str, ...]


def prepare(settings: Settings) -> Prepared:
    """Read all that a run needs, and fit nothing.

    Raises
    ------
    InputError
        When a file or a setting is wrong, more rows were lost than the settings accept, or the data cannot serve the
        model.
    """
    model, source = settings.built_model(), load_source(settings)
    panel = source.at()
    zones = load_zones(settings, panel.without_ended(), _own_gazetteer(source))
    futures = load_futures(settings)
    tried, notes = _backtest_before(settings, model.name, panel, source.has_vintages)
    scenarios = _scenarios(settings, futures)
    for future in scenarios.values():
        future.values(panel, CAPABILITY, next_periods(panel.periods[-1], settings.horizon, panel.freq))
    _check_serves(panel, model)
    training, boundaries = _training(settings, source, panel), map_boundaries(settings, source, panel)
    return Prepared(model, source, panel, training, zones, futures, scenarios, boundaries, tried, tuple(notes))


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


def run(settings: Settings, *, allow_unconverged: bool = False, step: Step = lambda text, done, total: None) -> Run:
    """Go from raw files to a forecast and its scores; nothing is written.

    Parameters
    ----------
    settings : Settings
        From `read_settings`.
    allow_unconverged : bool
        Go on with a fit that failed its checks; the report then carries a warning.
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
    ready = prepare(settings)
    model, panel, futures, zones = ready.model, ready.panel, ready.futures, ready.zones
    step(f"fitting {model.name}", 1, total)
    fitted = fit(model, panel, engine=settings.engine, max_seconds=settings.max_seconds, seed=settings.seed)
    failures = failed_checks(fitted.diagnostics, model.name)
    if failures and not allow_unconverged:
        raise DiagnosticsError(f"{failures}. With --allow-unconverged the report is written, with a warning on it")
    forecast = predict(fitted, settings.horizon, futures=futures, draws=settings.draws, seed=settings.seed)
    if panel.observations.is_published and not zones:
        zones = _own_zones(forecast)
    scores, notes = _held_out_scores(settings, fitted, ready, step)
    notes = [*settings.notes, *notes, *ready.notes]
    step("writing the report", total - 1, total)
    record = _record(settings, panel, zones, fitted, notes)
    record["capability"] = _answers(settings, fitted, forecast, futures, ready.scenarios)
    record["backtest"] = {} if ready.backtest is None else ready.backtest.to_record()
    if isinstance(fitted, BayesianFit) and panel.observations.is_published:
        record["published"] = published_part(fitted, forecast, load_activity(settings)).to_record()
    capability = None
    if settings.capability is not None:
        measured = ready.source.covariates[CAPABILITY]
        assert isinstance(measured, CapabilitySource)
        capability = measured.measured(panel)
    return Run(panel, forecast, scores, record, ready.boundaries, capability, _own_gazetteer(ready.source))


def run_backtest(
    settings: Settings,
    folder: str | Path,
    *,
    workers: int = 1,
    resume: bool = False,
    step: Step = lambda text, done, total: None,
) -> pd.DataFrame:
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
    DataFrame
        Skill of every model against `recent_mean`, by level: cells, countries, tactics, total; or zones' totals, where
        only published totals are known.
    """
    if workers < 1:
        raise InputError("is a whole number from 1", where="workers", found=workers)
    model, given = settings.built_model(), settings.backtest
    with process_pool(workers) if workers > 1 else nullcontext() as pool:
        found = backtest(
            {} if model.name in default_baselines() else {model.name: model},
            load_source(settings),
            origins=given.origins,
            horizon=given.horizon or settings.horizon,
            window=given.window,
            futures=load_futures(settings),
            draws=settings.draws,
            seed=settings.seed,
            engine=settings.engine,
            executor=pool,
            folder=folder,
            resume=resume,
            step=step,
        )
    # Single published counts, of which baselines know nothing, are scored and not compared.
    levels = list(dict.fromkeys(found.scores.loc[found.scores[names.MODEL] == BASELINE, "level"]))
    table = pd.concat([skill(found.of(level), BASELINE).assign(level=level) for level in levels], ignore_index=True)
    write_csv(Path(folder) / "scores.csv", found.scores)
    write_csv(Path(folder) / "skill.csv", table)
    write_csv(Path(folder) / "failures.csv", found.failures)
    return table


def check_output(settings: Settings, folder: str | Path) -> Path:
    """Make the output folder before a run; refuse one that cannot be written to or in which an input would be lost."""
    folder = check_output_folder(folder)
    check_output_files(folder, RUN_FILES, [sha256(file) for file in input_files(settings)])
    return folder


def write_run(result: Run, folder: str | Path) -> Path:
    """Write a run's files to a folder, all or none, and return the path of the report.

    Files: `report.html`, `forecast.csv`, `scores.csv`, `ledger.csv`, `panel.nc`, `forecast.nc`, `run.json`,
    `boundaries.json` where there are boundaries, and `gazetteer.csv` where the provinces are the names in the data. A
    folder with `run.json` holds a whole run.
    """
    inputs = [given["sha256"] for given in result.record["inputs"]]
    with write_together(folder, RUN_FILES, inputs=inputs) as temporary:
        result.panel.save(temporary / "panel.nc")
        result.forecast.save(temporary / "forecast.nc")
        write_csv(temporary / "forecast.csv", result.forecast.to_frame())
        write_csv(temporary / "scores.csv", result.scores)
        write_csv(temporary / "ledger.csv", result.panel.ledger.to_frame())
        if result.capability is not None:
            result.capability.save(temporary / "capability.nc")
        if result.boundaries is not None:
            write_text(temporary / "boundaries.json", json.dumps(dict(result.boundaries.geometries)))
        if result.gazetteer is not None:
            write_gazetteer(temporary / "gazetteer.csv", result.gazetteer)
        write_text(temporary / "run.json", json.dumps(result.record, indent=2, ensure_ascii=False))
        write_run_report(result, temporary)
    return Path(folder) / "report.html"


def write_run_report(result: Run, folder: str | Path) -> Path:
    """Render a run's report into a folder and return its path."""
    return write_report(Path(folder) / "report.html", _content(result))


def write_report_again(folder: str | Path) -> Path:
    """Render the report of the run in a folder again, and return its path.

    Raises
    ------
    InputError
        As of `load_run`, and where what was read cannot be shown: it was shown once, before `run.json` was written.
    """
    result = load_run(folder)
    try:
        return write_run_report(result, folder)
    except (ForecastError, MemoryError):
        raise
    except Exception as error:
        found = f"{type(error).__name__}: {error}"
        problem = "holds a file that was edited or damaged, and cannot be shown"
        raise InputError(problem, source=folder, found=found, hint=_AGAIN) from error


def run_notes(result: Run) -> list[str]:
    """What stands on top of a run's report."""
    return report_notes(_content(result))


def load_run(folder: str | Path) -> Run:
    """The run whose files `write_run` wrote to a folder.

    Raises
    ------
    InputError
        When the folder holds no finished run, or a file of it is damaged or missing.
    """
    folder = Path(folder)
    if not (folder / "run.json").is_file():
        hint = "Give the output folder of a run that ended well"
        raise InputError("is no folder of a finished run", source=folder, expected="a folder with run.json", hint=hint)
    record = read_part(folder / "run.json", _read_record, _AGAIN)
    scores = read_part(folder / "scores.csv", _read_scores, _AGAIN)
    shapes = folder / "boundaries.json"
    boundaries = read_part(shapes, _read_shapes, _AGAIN) if shapes.is_file() else None
    panel, forecast = (
        read_part(folder / "panel.nc", Panel.load, _AGAIN),
        read_part(folder / "forecast.nc", Forecast.load, _AGAIN),
    )
    measured = folder / "capability.nc"
    capability = read_part(measured, Capability.load, _AGAIN) if measured.is_file() else None
    places = folder / "gazetteer.csv"
    gazetteer = read_part(places, read_gazetteer, _AGAIN) if places.is_file() else None
    return Run(panel, forecast, scores, record, boundaries, capability, gazetteer)


def load_demo() -> Panel:
    """The panel of the demonstration: simulated attacks in Iraq and Syria, 2019 to 2024, by month."""
    return load_source(read_settings(data_path("demo.toml"))).at()


# Parts ------------------------------------------------------------------------------------------------------


def _read_json(file: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise ValueError("no JSON object")
    return content


def _read_record(file: Path) -> dict[str, Any]:
    record = _read_json(file)
    wrong = [key for key, kind in _RECORD.items() if not isinstance(record.get(key), kind)]
    if wrong:
        raise ValueError(f"{', '.join(wrong)} missing or of another type")
    return record


def _read_shapes(file: Path) -> Boundaries:
    shapes = _read_json(file)
    for unit, geometry in shapes.items():
        check_geometry(geometry, unit)
    return Boundaries(shapes)


def _read_scores(file: Path) -> pd.DataFrame:
    try:
        return read_scores(file)
    except pd.errors.EmptyDataError:  # nothing was held out
        return pd.DataFrame()


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
    cannot be fitted to what is left is left out, and the second value says so.
    """
    held_out, models, panel, training = settings.held_out, _models(settings), ready.panel, ready.training
    if training is None:
        return pd.DataFrame(), []
    origin = pd.Timestamp(panel.dataset[names.PERIOD_END].values[-held_out - 1])
    futures = {name: hold_last() for name in training.covariates}
    futures |= {name: future for name, future in load_futures(settings).items() if training.measured(name) is not None}
    tables, notes = [], []
    for number, (name, model) in enumerate(models.items()):
        step(f"scoring {name} on the last {held_out} periods", 2 + number, 3 + len(models))
        of_main: dict[str, Any] = {"engine": settings.engine, "start": main} if name == main.model.name else {}
        try:
            fitted = fit(model, training, max_seconds=settings.max_seconds, seed=settings.seed, **of_main)
        except InputError as error:
            notes.append(f"{name} is not scored: it cannot be fitted to the data up to {origin:%Y-%m-%d} ({error})")
            continue
        failures = failed_checks(fitted.diagnostics, name)
        if failures:
            notes.append(f"the scores of {name} are of a fit to the data up to {origin:%Y-%m-%d}: {failures}")
        past = predict(fitted, held_out, futures=futures, draws=settings.draws, seed=settings.seed)
        total = past.aggregate("total", tactics=True)
        tables += [score(past, panel).assign(**{LEVEL: CELL}), score(total, panel).assign(**{LEVEL: TOTAL})]
    return (pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()), notes


def _backtest_before(
    settings: Settings, model: str, panel: Panel, vintages: bool
) -> tuple[BacktestPart | None, list[str]]:
    """What the report says of the backtest in the settings' folder, and notes on what it lacks."""
    folder = settings.backtest.output
    if folder is None:
        return None, []
    if not folder.is_dir():
        return None, [f"no backtest lies in {folder}: 'forecast backtest' makes one"]
    done = load_backtest(folder)
    if model not in set(done.scores[names.MODEL]):
        return None, [f"the backtest in {folder} is of other models than {model}"]
    notes = (
        [] if done.data == panel_hash(panel) else [f"the backtest in {folder} was made on other data than this report"]
    )
    return backtest_part(done, model, vintages), notes


def _record(
    settings: Settings, panel: Panel, zones: Mapping[str, Sequence[str]], fitted: Fit, notes: list[str]
) -> dict[str, Any]:
    return {
        "forecast": __version__,
        "title": settings.title,
        "settings": settings.as_written(),
        "versions": {name: _version(name) for name in _VERSIONS} | {"python": platform.python_version()},
        "inputs": [{"path": readable_name(file), "sha256": sha256(file)} for file in input_files(settings)],
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


def _content(result: Run) -> ReportContent:
    record = result.record
    provenance = {key: record[key] for key in ("forecast", "versions", "inputs", "seed", "data_cut_off")}
    return ReportContent(
        title=str(record["title"]),
        panel=result.panel,
        forecasts={result.forecast.model: result.forecast},
        scores=result.scores,
        ledger=result.panel.ledger,
        settings=dict(record["settings"]),
        provenance=provenance,
        boundaries=None if result.boundaries is None else dict(result.boundaries.geometries),
        zones=record["zones"],
        notes=tuple(record["notes"]),
        equation=record["model"]["equation"],
        parameters=pd.DataFrame(record["model"]["parameters"]),
        diagnostics=pd.DataFrame(record["model"]["diagnostics"]),
        capability=None if result.capability is None else _capability_part(result.capability, record),
        backtest=BacktestPart.from_record(record["backtest"]) if record.get("backtest") else None,
        published=PublishedPart.from_record(record["published"]) if record.get("published") else None,
    )


def _capability_part(capability: Capability, record: Mapping[str, Any]) -> CapabilityPart:
    tables = record.get("capability", {})
    return CapabilityPart(capability, **{name: pd.DataFrame(rows) for name, rows in tables.items()})
