"""The unit of work of a backtest: one model at a block of consecutive origins, each starting from the one before."""

import sys
import time
import zlib
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from forecast import names
from forecast.errors import ForecastError
from forecast.evaluation.pool import Pool, PoolFit
from forecast.evaluation.rolling_data import SECONDS_COLUMNS, holds_reports_only, scored
from forecast.evaluation.rolling_disk import ENERGY, ERROR, FORECAST, SCORES, SECONDS, START, is_done, origin_folder
from forecast.files import write_csv, write_text
from forecast.inference.dispatch import fit
from forecast.inference.machine import one_core
from forecast.inference.posterior.base import Fit
from forecast.inference.posterior.bayesian import BayesianFit
from forecast.model.spec import Model
from forecast.panel.panel import Panel
from forecast.panel.zone_totals import totals_panel
from forecast.prediction.continuation import predict
from forecast.prediction.draws import Forecast
from forecast.prediction.futures import Future, hold_last
from forecast.progress import silent
from forecast.workers import end_with_parent

__all__ = ["Block", "Source", "run_block", "run_elsewhere"]


class Source(Protocol):
    """Where panels come from, such as a `PanelSource`."""

    def at(self, origin: str | pd.Timestamp | None = None) -> Panel:
        """The panel as known at the end of the day; without one, all that is known."""


@dataclass(frozen=True)
class Block:
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


def run_elsewhere(block: Block) -> None:
    """A block in a worker, which shows nothing, and ends with the process that started it."""
    end_with_parent()
    with silent():
        run_block(block)


def run_block(block: Block) -> None:
    """Forecasts and scores of one model at a block of origins; what lies there already is not made again.

    A model that fails leaves its error, and the next origin is tried. Whatever else goes wrong, such as a full disk,
    ends the work: it says nothing of the model, and the origin is made when the backtest is resumed.
    """
    start: BayesianFit | None = None
    with one_core(), _local_files():
        for origin in block.origins:
            place = origin_folder(block.folder, block.name, origin)
            if is_done(place):
                start = BayesianFit.load(place / START) if (place / START).is_file() else None
                continue
            try:
                fitted, forecast, seconds = _forecast_at(block, origin, start)
                scores, energy = scored(forecast, block.actual, fitted)
            except ForecastError as error:
                write_text(place / ERROR, f"{type(error).__name__}: {error}")
                start = None
                continue
            start = _as_start(fitted)
            if start is not None:
                start.save(place / START)
            forecast.save(place / FORECAST)
            write_csv(place / ENERGY, energy)
            times = pd.DataFrame([(block.name, origin, *seconds)], columns=list(SECONDS_COLUMNS))
            write_csv(place / SECONDS, times)
            # The scores come last: where they lie, the origin is done.
            write_csv(place / SCORES, scores)


def _local_files() -> AbstractContextManager[Any]:
    """In a worker of Dask xarray would ask the cluster for a lock of each file, which the cluster does not know."""
    dask = sys.modules.get("dask")
    return nullcontext() if dask is None else dask.config.set(scheduler="synchronous")


def _forecast_at(block: Block, origin: pd.Timestamp, start: Fit | None) -> tuple[Fit, Forecast, tuple[float, float]]:
    """The fit at an origin, its forecast, and the seconds that each took."""
    panel = block.source.at(origin)
    if not isinstance(block.model, Model) and holds_reports_only(panel):
        panel = totals_panel(panel)
    if block.window is not None:
        panel = panel.between(start=panel.periods[-min(block.window, len(panel.periods))])
    seed = int(
        np.random.SeedSequence([block.seed, zlib.crc32(block.name.encode()), origin.toordinal()]).generate_state(1)[0]
    )
    # Baselines have one way.
    engine = block.engine if isinstance(block.model, Model | Pool) else "auto"
    began = time.perf_counter()
    fitted = fit(block.model, panel, engine=engine, start=start, seed=seed)
    fitted_at = time.perf_counter()
    futures = {name: block.futures.get(name, hold_last()) for name in panel.covariates}
    forecast = predict(fitted, block.horizon, futures=futures, draws=block.draws, seed=seed)
    forecast = replace(forecast, dataset=forecast.dataset.assign_attrs({names.MODEL: block.name}))
    return fitted, forecast, (fitted_at - began, time.perf_counter() - fitted_at)


def _as_start(fitted: Fit) -> BayesianFit | None:
    """What the next origin starts from: the state, and the posterior means; None where it starts cold.

    A pool's hierarchical member starts from its own, the first of several.
    """
    if isinstance(fitted, PoolFit):
        return next((start for member in fitted.fits.values() if (start := _as_start(member)) is not None), None)
    if not isinstance(fitted, BayesianFit) or fitted.state is None:
        return None
    means = fitted.posterior.mean((names.CHAIN, names.DRAW)).expand_dims({names.CHAIN: [0], names.DRAW: [0]})
    return replace(fitted, groups={"posterior": means})
