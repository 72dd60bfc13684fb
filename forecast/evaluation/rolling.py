"""`backtest`: models fitted at one origin after the other, on the data as known then, and scored on what came.

The unit of work is a model and a block of consecutive origins: the first is fitted cold, the others start from the one
before. Blocks do not depend on how many workers there are, nor on an interruption: what an origin leaves for the next
one goes through the disk in any case, so that a run which is resumed gives the numbers of one that was not.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Executor, as_completed
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd

from forecast import __version__, names
from forecast.baselines.library import default_baselines
from forecast.errors import InputError
from forecast.evaluation.fingerprint import fingerprint
from forecast.evaluation.rolling_blocks import Block, Source, run_block, run_elsewhere
from forecast.evaluation.rolling_data import TOTALS, Backtest, add_forecasts, load_backtest
from forecast.evaluation.rolling_disk import BacktestRecord, check_backtest_folder, claim
from forecast.evaluation.scores import CELL, LEVEL
from forecast.files import check_output_folder
from forecast.folders import locked
from forecast.model.spec import check_model_name
from forecast.panel.panel import Panel, panel_hash
from forecast.panel.sources import CountsSource
from forecast.prediction.futures import Future
from forecast.workers import kill_workers

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
_NO_FUTURES: Mapping[str, Future] = MappingProxyType({})


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

    Examples
    --------
    >>> panel = fc.simulate_panel(2, 1, 24, seed=1).panel
    >>> done = fc.backtest([], panel, origins=1, horizon=1, seed=1)
    >>> len(done.of("total")) == len(fc.default_baselines())
    True
    """
    tried = _named(models, baselines)
    given: Source = CountsSource(source) if isinstance(source, Panel) else source
    actual = given.at()
    days = origin_days(actual, origins)
    for where, number, least in (("horizon", horizon, 1), ("window", window or 2, 2)):
        if number < least:
            raise InputError(f"is a whole number from {least}", where=where, found=number)
    kept = None if folder is None else check_output_folder(folder)
    place = Path(tempfile.mkdtemp(prefix="forecast-")) if kept is None else kept
    try:
        with locked(place):
            check_backtest_folder(place, resume)
            record = BacktestRecord(
                version=__version__,
                models={name: fingerprint(model) for name, model in tried.items()},
                origins=[f"{day:%Y-%m-%d}" for day in days],
                horizon=horizon,
                window=window,
                draws=draws,
                seed=seed,
                engine=engine,
                futures={name: fingerprint(future) for name, future in futures.items()},
                data=panel_hash(actual),
                vintages=fingerprint(given),
            )
            claim(place, record, resume)
            firsts = range(0, len(days), BLOCK)
            blocks = [
                Block(name, model, given, actual, tuple(days[first : first + BLOCK]), horizon, window, dict(futures),
                      draws, seed, engine, place)
                for name, model in tried.items()
                for first in firsts
            ]  # fmt: skip
            _work(blocks, executor, step)
            return replace(load_backtest(place), folder=kept)
    finally:
        if kept is None:
            shutil.rmtree(place, ignore_errors=True)


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
    panel = actual.settled if isinstance(origins, int) else actual
    ends = [pd.Timestamp(day) for day in panel.dataset[names.PERIOD_END].values]
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


def _work(blocks: Sequence[Block], executor: Executor | None, step: Callable[[str, int, int], None]) -> None:
    if executor is None:
        for number, block in enumerate(blocks):
            step(block.name, number, len(blocks))
            run_block(block)
        return
    running: dict[Any, Block] = {}
    try:
        running |= {executor.submit(run_elsewhere, block): block for block in blocks}
        for number, done in enumerate(as_completed(running)):
            done.result()
            step(running[done].name, number + 1, len(blocks))
    except BrokenExecutor as error:
        hint = "Go on with --resume, where memory may be lacking with fewer workers"
        raise InputError("a worker was ended from outside", where="workers", hint=hint) from error
    except BaseException as error:
        for future in running:
            future.cancel()
        if not isinstance(error, Exception):
            # An interruption: a pool would wait for what its processes do.
            kill_workers(executor)
        raise
