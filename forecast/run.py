"""The whole road in one call: settings → panel → fit → forecast → scores."""

import platform
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pandas as pd

from forecast import __version__, names
from forecast.baselines.library import default_baselines
from forecast.capability.capability import CapabilitySource
from forecast.config import Settings, read_settings
from forecast.datasets import data_path
from forecast.errors import DiagnosticsError, ForecastError, InputError
from forecast.evaluation.pool import PoolFit
from forecast.evaluation.rolling import backtest
from forecast.evaluation.rolling_disk import AGAIN, check_backtest_folder
from forecast.evaluation.scores import CELL, LEVEL, score
from forecast.evaluation.skill import skill
from forecast.files import check_output_folder, damage_is_input, write_csv
from forecast.folders import locked
from forecast.inference.dispatch import fit
from forecast.inference.posterior.base import Fit
from forecast.inference.posterior.bayesian import BayesianFit
from forecast.inference.posterior.diagnostics import add_pareto_k, failed_checks
from forecast.inference.posterior.pull import path_given_counts
from forecast.inputs import load_futures, load_source
from forecast.model.library import CAPABILITY
from forecast.panel.calendar import unit_name
from forecast.panel.deaths import recorded_deaths
from forecast.panel.panel import Panel
from forecast.panel.sources import PanelSource
from forecast.prediction.continuation import predict
from forecast.prediction.draws import Forecast
from forecast.prediction.futures import Future, hold_last
from forecast.prediction.nowcast import SHARES, placed
from forecast.prediction.report_totals import totals_forecast
from forecast.prediction.scenarios import contrast, decompose, percent_change
from forecast.report.backtest import BASELINE, TOTAL
from forecast.report.content import no_chances
from forecast.report.deaths import DeathsPart
from forecast.report.figures import SINCE
from forecast.report.late import placed_said
from forecast.report.published import published_part
from forecast.report.triggers import triggers_part
from forecast.report.wording import province_labels
from forecast.run_files import Run, part_of_previous
from forecast.run_named import covariates_said, scored_models
from forecast.run_prepared import Prepared, own_gazetteer, prepare
from forecast.run_record import RunRecord
from forecast.workers import process_pool

__all__ = ["Step", "load_demo", "run", "run_backtest"]

# Called with what is being done, how many steps are done, and of how many.
Step = Callable[[str, int, int], None]

_BASIS = ("numpy", "pandas", "xarray", "scipy")
_SAMPLING = ("pymc", "pytensor", "nutpie", "arviz")
_VERSIONS = ("attack-forecast", *_BASIS, "statsmodels", *_SAMPLING, "scoringrules", "altair")


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
    total = 3 + len(scored_models(settings)) * (settings.held_out > 0)
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
    record["covariates"] = covariates_said(settings, fitted, panel, chances=not no_chances(forecast, panel))
    record["capability"] = _answers(settings, fitted, forecast, futures, ready.scenarios)
    if ready.backtest is not None:
        record["backtest"] = ready.backtest.to_record()
    totals = None
    if isinstance(fitted, BayesianFit) and panel.observations.is_published:
        record["published"] = published_part(fitted, forecast, ready.activity).to_record()
        totals = totals_forecast(fitted, forecast)
    if ready.previous is not None:
        record["previous"] = part_of_previous(ready.previous, panel, forecast, totals).to_record()
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
    if ready.population is not None:
        record["population"] = ready.population.to_record()
    if ready.onsets is not None:
        record["onsets"] = ready.onsets.to_record()
    capability = None
    if settings.capability is not None:
        measured = ready.source.covariates[CAPABILITY]
        assert isinstance(measured, CapabilitySource)
        capability = measured.measured(panel)
    kept = RunRecord.of(record)
    return Run(panel, forecast, scores, kept, ready.boundaries, capability, own_gazetteer(ready.source), totals)


def _placed_notes(fitted: Fit, seed: int) -> list[str]:
    """Where attacks without a province lay, and of which kinds those without one were, by the hierarchical model."""
    members = fitted.fits.values() if isinstance(fitted, PoolFit) else (fitted,)
    fits = [member for member in members if isinstance(member, BayesianFit)]
    said = []
    for member in fits[:1]:
        panel = member.panel
        periods = min(SINCE, len(panel.periods))
        for by, share in SHARES.items():
            if share in panel.dataset:
                table = placed(member, by=by, periods=periods, seed=seed)
                said.append(placed_said(table, periods, unit_name(panel.freq)))
    return [text for text in said if text]


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


def _checks(fitted: Fit) -> pd.DataFrame:
    """What a fit was checked for, with what decides nothing: only after the sampler, whose libraries that takes.

    Published counts have no probabilities one by one, which that would need.
    """
    if isinstance(fitted, BayesianFit) and fitted.engine == "nuts" and not fitted.panel.observations.is_published:
        return add_pareto_k(fitted)
    return fitted.diagnostics


def _held_out_scores(settings: Settings, main: Fit, ready: Prepared, step: Step) -> tuple[pd.DataFrame, list[str]]:
    """Scores of every model on the last periods, at cell level and for totals; covariates hold their last value.

    The main model's search starts where its fit to all periods ended; its weights leave no trace of that. A model that
    cannot be fitted to what is left, or fails, is left out, and the second value says so.
    """
    held_out, models, panel, training = settings.held_out, scored_models(settings), ready.panel, ready.training
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
        "issued": f"{date.today():%Y-%m-%d}",
        "data_cut_off": f"{panel.origin:%Y-%m-%d}",
        "simulated": panel.simulated,
        "notes": notes,
        "model": {
            "equation": fitted.equation,
            "parameters": fitted.parameters.to_dict("records"),
            "diagnostics": _checks(fitted).to_dict("records"),
        },
    }


def _own_zones(forecast: Forecast) -> dict[str, tuple[str, ...]]:
    """The zones in which published totals were counted, where several are forecast."""
    labels = forecast.dataset[names.ZONE].values.astype(str)
    units = pd.Series(forecast.provinces, index=labels)
    zones = {str(zone): tuple(provinces) for zone, provinces in units.groupby(level=0)}
    return zones if len(zones) > 1 else {}


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
