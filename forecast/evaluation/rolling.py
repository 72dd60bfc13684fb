"""`backtest`: models fitted at one origin after the other, on the data as known then, and scored on what came.

The unit of work is a model and a block of consecutive origins: the first is fitted cold, the others start from the one
before. Blocks do not depend on how many workers there are, nor on an interruption: what an origin leaves for the next
one goes through the disk in any case, so that a run which is resumed gives the numbers of one that was not.
"""

import json
import shutil
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor, as_completed
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import pandas as pd

from forecast import names
from forecast.baselines.library import default_baselines
from forecast.errors import InputError
from forecast.evaluation.reports import OVER_ZONE, score_reports
from forecast.evaluation.scores import CELL, ENERGY_COLUMNS, LEVEL, SCORE_COLUMNS, energy_score, read_scores, score
from forecast.files import read_csv, read_part, write_csv, write_text
from forecast.inference.dispatch import fit
from forecast.inference.machine import one_core
from forecast.inference.posterior.base import Fit
from forecast.inference.posterior.bayesian import BayesianFit
from forecast.model.spec import Model, check_model_name
from forecast.panel.panel import Panel, panel_hash
from forecast.panel.sources import CountsSource
from forecast.prediction.continuation import predict
from forecast.prediction.draws import Forecast
from forecast.prediction.futures import Future, hold_last
from forecast.prediction.reports import totals_panel
from forecast.progress import silent
from forecast.workers import end_with_parent, kill_workers

if TYPE_CHECKING:
    import altair as alt

__all__ = [
    "BLOCK",
    "CELL",
    "LEVEL",
    "TOTALS",
    "Backtest",
    "Source",
    "add_forecasts",
    "backtest",
    "load_backtest",
    "origin_days",
]

# Origins of a unit of work.
BLOCK = 10
# Sums that are scored beside the cells: label, groups of provinces, and whether tactics are summed too.
TOTALS = (("country", names.COUNTRY, True), ("tactic", "total", False), ("total", "total", True))
_RECORD, _FORECAST, _SCORES, _START, _ERROR = "backtest.json", "forecast.nc", "scores.csv", "start.nc", "error.txt"
_ENERGY = "energy.csv"
_AGAIN = "Make the backtest again, in another folder"
_NO_FUTURES: Mapping[str, Future] = MappingProxyType({})


class Source(Protocol):
    """Where panels come from, such as a `PanelSource`."""

    def at(self, origin: str | pd.Timestamp | None = None) -> Panel:
        """The panel as known at the end of the day; without one, all that is known."""


@dataclass(frozen=True)
class _Task:
    """A unit of work, as it goes to a worker."""

    name: str
    model: Any
    source: Source
    actual: Panel
    origins: tuple[pd.Timestamp, ...]
    horizon: int
    window: int | None
    futures: Mapping[str, Future]
    draws: int
    seed: int
    engine: str
    folder: Path


@dataclass(frozen=True, repr=False)
class Backtest:
    """Scores of several models at several origins; made by `backtest`.

    Attributes
    ----------
    scores : DataFrame
        What `score` gives, for cells and for sums, with the column `level`: 'cell', 'country' (all tactics), 'tactic'
        (all provinces) or 'total'; of published counts what `score_reports` gives, 'zone' and 'report'.
    energy : DataFrame
        What `energy_score` gives.
    failures : DataFrame
        model, origin and error, where a model could not be fitted or predicted.
    data : str
        SHA-256 of the panel that forecasts were scored against.
    folder : Path or None
        Where forecasts lie, `<model>/<origin>/forecast.nc`.
    """

    scores: pd.DataFrame
    energy: pd.DataFrame
    failures: pd.DataFrame
    data: str
    folder: Path | None = None

    @property
    def origins(self) -> list[pd.Timestamp]:
        """Last days of the data at each origin."""
        return sorted(pd.Timestamp(day) for day in self.scores[names.ORIGIN].unique())

    def of(self, level: str = CELL) -> pd.DataFrame:
        """Scores of one level."""
        found = self.scores[self.scores[LEVEL] == level]
        if found.empty:
            raise InputError("no such level", where="level", found=level, expected=list(self.scores[LEVEL].unique()))
        return found.drop(columns=LEVEL)

    def forecast(self, model: str, origin: str | pd.Timestamp) -> Forecast:
        """The forecast of a model at an origin."""
        if self.folder is None:
            raise InputError("was not kept", where="forecast", hint="Give `backtest` a folder")
        return Forecast.load(_place(self.folder, model, pd.Timestamp(origin)) / _FORECAST)

    def to_frame(self) -> pd.DataFrame:
        """The scores."""
        return self.scores

    def plot(
        self, kind: Literal["pit", "coverage", "reliability"] = "pit", level: str = CELL, *, threshold: int = 0
    ) -> "alt.FacetChart":
        """Altair chart of every model's calibration: histograms of PITs, coverage by horizon, or reliability."""
        from forecast.evaluation import calibration, charts

        scores = self.of(level)
        if kind == "pit":
            return charts.pit_chart(calibration.pit_table(scores, seed=0))
        if kind == "coverage":
            return charts.coverage_chart(calibration.coverage(scores, (names.MODEL, names.HORIZON), seed=0))
        if kind == "reliability":
            return charts.reliability_chart(calibration.reliability(scores, threshold))
        raise InputError("no such chart", where="kind", found=kind, expected=["pit", "coverage", "reliability"])

    def __repr__(self) -> str:
        models, failed = self.scores[names.MODEL].unique(), len(self.failures)
        first, last = self.origins[0], self.origins[-1]
        text = f"Backtest: {len(models)} models × {len(self.origins)} origins, {first:%Y-%m-%d} to {last:%Y-%m-%d}"
        return text + (f"; {failed} forecasts FAILED" if failed else "")


def backtest(
    models: Mapping[str, Any] | Sequence[Any],
    source: Source | Panel,
    *,
    origins: int | Iterable[str | pd.Timestamp],
    horizon: int,
    window: int | None = None,
    futures: Mapping[str, Future] = _NO_FUTURES,
    baselines: bool = True,
    draws: int = 1000,
    seed: int,
    engine: str = "auto",
    executor: Executor | None = None,
    folder: str | Path | None = None,
    resume: bool = False,
    step: Callable[[str, int, int], None] = lambda text, done, total: None,
) -> Backtest:
    """Forecast from one origin after the other, and score each forecast on what came.

    Parameters
    ----------
    models : mapping of str to model, or sequence of models with different names
        Models and baselines.
    source : Panel, PanelSource or CountsSource
        At an origin a panel is cut to its periods; a source gives what was known then (revisions, capability).
    origins : int or days
        Last days of the data; a number: that many, the last of which leaves one period to score.
    horizon : int
        Periods ahead. Of those after the last one that is known, nothing is scored.
    window : int, optional
        How many periods up to the origin models are fitted to (rolling); all of them by default (expanding).
    futures : mapping of str to Future
        Of covariates; the others hold their last value.
    baselines : bool
        Whether the baselines of `default_baselines` are tried too; with published counts only they are fitted to the
        totals of zones, each publisher's definition by itself.
    draws, seed, engine
        As of `predict` and `fit`. The same seed gives the same numbers, whatever the executor.
    executor : concurrent.futures.Executor, optional
        Who does the work: a process pool, or Dask's (`Client.get_executor()`); by default this process. Workers use
        one core each, and those of a process pool end with this process, or at Ctrl-C. A worker must be able to see
        the folder.
    folder : path, optional
        Where forecasts and scores are kept, each origin at once when it is done. A new or empty one, or with `resume`
        one of the same backtest that was broken off.
    resume : bool
        Go on with what is in the folder.
    step : callable, optional
        Told what was done, how many units are, and of how many.

    Returns
    -------
    Backtest
        Scores against the newest vintage. A model that fails at an origin stands in `failures`, and the rest goes on.

    Raises
    ------
    InputError
        For origins outside the data, names that stand there twice, and a folder of another backtest.
    """
    tried = _named(models, baselines)
    given: Source = CountsSource(source) if isinstance(source, Panel) else source
    actual = given.at()
    days = origin_days(actual, origins)
    for where, number, least in (("horizon", horizon, 1), ("window", window or 2, 2)):
        if number < least:
            raise InputError(f"is a whole number from {least}", where=where, found=number)
    kept = None if folder is None else Path(folder)
    place = Path(tempfile.mkdtemp(prefix="forecast-")) if kept is None else kept
    try:
        record = {"models": list(tried), "origins": [f"{day:%Y-%m-%d}" for day in days], "horizon": horizon}
        record |= {"window": window, "draws": draws, "seed": seed, "engine": engine, "data": panel_hash(actual)}
        _claim(place, record, resume)
        blocks = [tuple(days[first : first + BLOCK]) for first in range(0, len(days), BLOCK)]
        tasks = [
            _Task(name, model, given, actual, block, horizon, window, dict(futures), draws, seed, engine, place)
            for name, model in tried.items()
            for block in blocks
        ]
        _work(tasks, executor, step)
        return replace(load_backtest(place), folder=kept)
    finally:
        if kept is None:
            shutil.rmtree(place, ignore_errors=True)


def load_backtest(folder: str | Path) -> Backtest:
    """The backtest whose files lie in a folder, as far as it went.

    Raises
    ------
    InputError
        Where the folder holds none, or nothing that was scored.
    """
    folder = Path(folder)
    record = _record(folder)
    tables: list[pd.DataFrame] = []
    energies: list[pd.DataFrame] = []
    failures = []
    for model in record["models"]:
        for day in record["origins"]:
            place = _place(folder, model, pd.Timestamp(day))
            if (place / _SCORES).is_file():
                tables.append(read_part(place / _SCORES, read_scores, _AGAIN))
                energies.append(read_part(place / _ENERGY, _read_energy, _AGAIN))
            elif (place / _ERROR).is_file():
                failures.append(
                    (model, pd.Timestamp(day), (place / _ERROR).read_text(encoding="utf-8", errors="replace"))
                )
    if not tables:
        why = failures[0][2] if failures else "no scores"
        raise InputError("no model could be scored at any origin", source=folder, found=why)
    failed = pd.DataFrame(failures, columns=[names.MODEL, names.ORIGIN, "error"])
    # A table without a row has no types, and would take those of the others away.
    scores, energy = (
        pd.concat([table for table in each if len(table)] or each[:1], ignore_index=True) for each in (tables, energies)
    )
    return Backtest(scores, energy, failed, record["data"], folder)


def add_forecasts(done: Backtest, forecasts: Sequence[Forecast], actual: Panel) -> Backtest:
    """The backtest with the scores of further forecasts, such as a pool's at each origin."""
    scores, energies = zip(*(_scored(each, actual) for each in forecasts), strict=True)
    return replace(
        done,
        scores=pd.concat([done.scores, *scores], ignore_index=True),
        energy=pd.concat([done.energy, *energies], ignore_index=True),
    )


# Parts ---------------------------------------------------------------------------------------------------------------


def _named(models: Mapping[str, Any] | Sequence[Any], baselines: bool) -> dict[str, Any]:
    pairs = list(models.items()) if isinstance(models, Mapping) else [(model.name, model) for model in models]
    pairs += list(default_baselines().items()) if baselines else []
    tried = dict(pairs)
    twice = sorted({name for name, _ in pairs if [other for other, _ in pairs].count(name) > 1})
    if twice or not tried:
        raise InputError("needs models with different names", where="models", found=twice or "none")
    for name in tried:
        check_model_name(name)
    return tried


def origin_days(actual: Panel, origins: int | Iterable[str | pd.Timestamp]) -> list[pd.Timestamp]:
    """Last days of the data at each origin, in order; a number means the last so many."""
    ends = [pd.Timestamp(day) for day in actual.dataset[names.PERIOD_END].values]
    if isinstance(origins, int):
        if not 1 <= origins < len(ends) - 1:
            expected = f"from 1 to {len(ends) - 2}"
            raise InputError("is out of range", where="origins", found=origins, expected=expected)
        return ends[-origins - 1 : -1]
    days = sorted({pd.Timestamp(day).normalize() for day in origins})
    wrong = [f"{day:%Y-%m-%d}" for day in days if day not in ends[1:-1]]
    if wrong or not days:
        expected = f"last days of periods, up to {ends[-2]:%Y-%m-%d}"
        raise InputError("are no origins", where="origins", found=wrong or "none", expected=expected)
    return days


def _place(folder: Path, model: str, origin: pd.Timestamp) -> Path:
    """Where an origin's files lie; the model's name is made harmless, and told apart by a checksum."""
    safe = "".join(letter if (letter.isascii() and letter.isalnum()) or letter in "-_" else "_" for letter in model)
    unique = safe if safe == model else f"{safe}-{zlib.crc32(model.encode()):08x}"
    return folder / unique / f"{origin:%Y-%m-%d}"


def _claim(folder: Path, record: Mapping[str, Any], resume: bool) -> None:
    """Writes down whose folder it is, or makes sure that it is the same backtest's."""
    if (folder / _RECORD).is_file():
        if not resume:
            hint = "Resume it, or choose another folder"
            raise InputError("holds a backtest already", source=folder, hint=hint)
        differing = sorted(key for key, value in _record(folder).items() if record.get(key) != value)
        if differing:
            raise InputError("holds another backtest", source=folder, found=f"other {', '.join(differing)}")
        return
    if folder.is_dir() and any(folder.iterdir()):
        raise InputError("is not empty", source=folder, hint="Choose another folder")
    write_text(folder / _RECORD, json.dumps(record, indent=2, ensure_ascii=False))


def _record(folder: Path) -> dict[str, Any]:
    if not (folder / _RECORD).is_file():
        raise InputError("holds no backtest", source=folder, expected=f"a folder with {_RECORD}")
    return read_part(folder / _RECORD, _read_record, _AGAIN)


def _read_record(file: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    for name in record["models"]:
        check_model_name(name)
    if any(f"{pd.Timestamp(day):%Y-%m-%d}" != day for day in record["origins"]) or not isinstance(record["data"], str):
        raise ValueError("origins or data are of another type")
    return record


def _read_energy(file: Path) -> pd.DataFrame:
    return read_csv(file, (names.MODEL,), (names.ORIGIN, names.PERIOD))


def _work(tasks: Sequence[_Task], executor: Executor | None, step: Callable[[str, int, int], None]) -> None:
    if executor is None:
        for number, task in enumerate(tasks):
            step(task.name, number, len(tasks))
            _run_block(task)
        return
    running = {executor.submit(_run_elsewhere, task): task for task in tasks}
    try:
        for number, done in enumerate(as_completed(running)):
            done.result()
            step(running[done].name, number + 1, len(tasks))
    except BaseException as error:
        for future in running:
            future.cancel()
        if not isinstance(error, Exception):
            # An interruption: a pool would wait for what its processes do.
            kill_workers(executor)
        raise


def _run_elsewhere(task: _Task) -> None:
    """A block in a worker, which shows nothing, and ends with the process that started it."""
    end_with_parent()
    with silent():
        _run_block(task)


def _run_block(task: _Task) -> None:
    """Forecasts and scores of one model at a block of origins; what lies there already is not made again."""
    start: Fit | None = None
    with one_core(), _local_files():
        for origin in task.origins:
            place = _place(task.folder, task.name, origin)
            if not (place / _SCORES).is_file() and not (place / _ERROR).is_file():
                try:
                    start = _run_origin(task, origin, start, place)
                except Exception as error:
                    write_text(place / _ERROR, f"{type(error).__name__}: {error}")
                    start = None
            else:
                start = BayesianFit.load(place / _START) if (place / _START).is_file() else None


def _local_files() -> AbstractContextManager[Any]:
    """In a worker of Dask xarray would ask the cluster for a lock of each file, which the cluster does not know."""
    dask = sys.modules.get("dask")
    return nullcontext() if dask is None else dask.config.set(scheduler="synchronous")


def _run_origin(task: _Task, origin: pd.Timestamp, start: Fit | None, place: Path) -> Fit | None:
    """Writes an origin's files, and gives what the next one starts from, which is also in one of them."""
    panel = task.source.at(origin)
    if not isinstance(task.model, Model) and _holds_reports_only(panel):
        panel = totals_panel(panel)
    if task.window is not None:
        panel = panel.between(start=panel.periods[-min(task.window, len(panel.periods))])
    seed = int(
        np.random.SeedSequence([task.seed, zlib.crc32(task.name.encode()), origin.toordinal()]).generate_state(1)[0]
    )
    # Baselines have one way.
    engine = task.engine if isinstance(task.model, Model) else "auto"
    fitted = fit(task.model, panel, engine=engine, start=start, seed=seed)
    futures = {name: task.futures.get(name, hold_last()) for name in panel.covariates}
    forecast = predict(fitted, task.horizon, futures=futures, draws=task.draws, seed=seed)
    forecast = replace(forecast, dataset=forecast.dataset.assign_attrs({names.MODEL: task.name}))
    left = None
    if isinstance(fitted, BayesianFit) and fitted.state is not None:
        left = _as_start(fitted)
        left.save(place / _START)
    forecast.save(place / _FORECAST)
    # The scores come last: where they lie, the origin is done.
    scores, energy = _scored(forecast, task.actual, fitted)
    write_csv(place / _ENERGY, energy)
    write_csv(place / _SCORES, scores)
    return left


def _holds_reports_only(actual: Panel) -> bool:
    return actual.observations.is_published and bool(actual.attacks.isnull().all())


def _scored(forecast: Forecast, actual: Panel, fitted: Fit | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores of a forecast's cells and sums, with the column `level`, and of its cells together.

    Of published counts those that a fit knows; a baseline was fitted to the totals of zones.
    """
    tables = []
    if isinstance(fitted, BayesianFit) and actual.observations.is_published:
        tables.append(score_reports(fitted, forecast, actual))
    if _holds_reports_only(actual):
        if not tables:
            totals = totals_panel(actual)
            seen = totals.attacks.sel({names.PERIOD: totals.periods.isin(forecast.periods)}).notnull().any()
            scores = score(forecast, totals) if seen else pd.DataFrame(columns=list(SCORE_COLUMNS))
            tables.append(scores.assign(**{LEVEL: OVER_ZONE}))
        return tables[0], pd.DataFrame(columns=list(ENERGY_COLUMNS))
    tables.append(score(forecast, actual).assign(**{LEVEL: CELL}))
    for level, by, tactics in TOTALS:
        tables.append(score(forecast.aggregate(by, tactics=tactics), actual).assign(**{LEVEL: level}))
    return pd.concat(tables, ignore_index=True), energy_score(forecast, actual)


def _as_start(fitted: BayesianFit) -> BayesianFit:
    """What the next origin starts from: the state, and the posterior means."""
    means = fitted.posterior.mean((names.CHAIN, names.DRAW)).expand_dims({names.CHAIN: [0], names.DRAW: [0]})
    return replace(fitted, groups={"posterior": means})
