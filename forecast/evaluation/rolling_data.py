"""`Backtest`: scores of several models at several origins, as they are held and as they are read from a folder."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pandas as pd

from forecast import names
from forecast.errors import InputError
from forecast.evaluation import calibration, charts
from forecast.evaluation.joint_scores import ENERGY_COLUMNS, energy_score
from forecast.evaluation.onset import STATES, UNKNOWN, series_states
from forecast.evaluation.reports import OVER_ZONE, score_reports
from forecast.evaluation.rolling_disk import AGAIN, ENERGY, ERROR, FORECAST, SCORES, SECONDS, origin_folder, read_record
from forecast.evaluation.scores import CELL, LEVEL, SCORE_COLUMNS, read_scores, score
from forecast.files import read_csv, read_part
from forecast.inference.posterior.base import Fit
from forecast.inference.posterior.bayesian import BayesianFit
from forecast.panel.panel import Panel
from forecast.panel.zone_totals import totals_panel
from forecast.prediction.draws import Forecast

if TYPE_CHECKING:
    import altair as alt

__all__ = ["SECONDS_COLUMNS", "TOTALS", "Backtest", "add_forecasts", "holds_reports_only", "load_backtest", "scored"]

SECONDS_COLUMNS = (names.MODEL, names.ORIGIN, "fit", "forecast")
# Sums that are scored beside the cells: label, groups of provinces, and whether tactics are summed too.
TOTALS = (("country", names.COUNTRY, True), ("tactic", "total", False), ("total", "total", True))


@dataclass(frozen=True, repr=False)
class Backtest:
    """Scores of several models at several origins; made by `backtest`.

    Attributes
    ----------
    scores : DataFrame
        What `score` gives, for cells and for sums, with the column `level`: 'cell', 'country' (all tactics), 'tactic'
        (all provinces) or 'total'; of published counts what `score_reports` gives, 'zone' and 'report'. The column
        `state` says what was known of the series at the origin: 'calm', 'active' or 'unknown' (`series_states`).
    energy : DataFrame
        What `energy_score` gives.
    failures : DataFrame
        model, origin and error, where a model could not be fitted or predicted.
    data : str
        SHA-256 of the panel that forecasts were scored against.
    folder : Path or None
        Where forecasts lie, `<model>/<origin>/forecast.nc`.
    seconds : DataFrame
        model, origin, fit and forecast: how long each took by the clock, in seconds. Fits that start from the one
        before are quicker than first ones, and workers share a machine.
    """

    scores: pd.DataFrame
    energy: pd.DataFrame
    failures: pd.DataFrame
    data: str
    folder: Path | None = None
    seconds: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(SECONDS_COLUMNS)))

    @property
    def origins(self) -> list[pd.Timestamp]:
        """Last days of the data at each origin."""
        return sorted(pd.Timestamp(day) for day in self.scores[names.ORIGIN].unique())

    def of(self, level: str = CELL, state: str | None = None) -> pd.DataFrame:
        """Scores of one level; with `state` of series alone that were 'calm' or 'active' at the origin."""
        scores = self.scores[self.scores[LEVEL] == level]
        if scores.empty:
            raise InputError("no such level", where="level", found=level, expected=list(self.scores[LEVEL].unique()))
        if state is not None:
            if state not in STATES:
                raise InputError("no such state", where="state", found=state, expected=list(STATES))
            if names.STATE not in scores:
                raise InputError("holds no states", where="scores", hint="Make the backtest again, in another folder")
            scores = scores[scores[names.STATE] == state]
        return scores.drop(columns=LEVEL)

    def forecast(self, model: str, origin: str | pd.Timestamp) -> Forecast:
        """The forecast of a model at an origin."""
        if self.folder is None:
            raise InputError("was not kept", where="forecast", hint="Give `backtest` a folder")
        return Forecast.load(origin_folder(self.folder, model, pd.Timestamp(origin)) / FORECAST)

    def to_frame(self) -> pd.DataFrame:
        """The scores."""
        return self.scores

    def plot(
        self, kind: Literal["pit", "coverage", "reliability"] = "pit", level: str = CELL, *, threshold: int = 0
    ) -> "alt.FacetChart":
        """Altair chart of every model's calibration: histograms of PITs, coverage by horizon, or reliability."""
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


def load_backtest(folder: str | Path) -> Backtest:
    """The backtest whose files lie in a folder, as far as it went.

    Raises
    ------
    InputError
        Where the folder holds none, or nothing that was scored.
    """
    folder = Path(folder)
    record = read_record(folder)
    tables: list[pd.DataFrame] = []
    energies: list[pd.DataFrame] = []
    times: list[pd.DataFrame] = []
    failures = []
    for model in record.models:
        for day in record.origins:
            place = origin_folder(folder, model, pd.Timestamp(day))
            if (place / SCORES).is_file():
                for name, read, parts in ((SCORES, read_scores, tables), (ENERGY, _read_energy, energies)):
                    part = partial(_part_of, read=read, model=model, origin=day)
                    parts.append(read_part(place / name, part, AGAIN))
                # Backtests of earlier versions have none.
                if (place / SECONDS).is_file():
                    part = partial(_part_of, read=_read_seconds, model=model, origin=day)
                    times.append(read_part(place / SECONDS, part, AGAIN))
            elif (place / ERROR).is_file():
                failures.append(
                    (model, pd.Timestamp(day), (place / ERROR).read_text(encoding="utf-8", errors="replace"))
                )
    if not tables:
        why = failures[0][2] if failures else "no scores"
        raise InputError("no model could be scored at any origin", source=folder, found=why)
    failed = pd.DataFrame(failures, columns=[names.MODEL, names.ORIGIN, "error"])
    # A table without a row has no types, and would take those of the others away.
    scores, energy = (
        pd.concat([table for table in parts if len(table)] or parts[:1], ignore_index=True)
        for parts in (tables, energies)
    )
    seconds = {"seconds": pd.concat(times, ignore_index=True)} if times else {}
    return Backtest(scores, energy, failed, record.data, folder, **seconds)


def add_forecasts(done: Backtest, forecasts: Sequence[Forecast], actual: Panel) -> Backtest:
    """The backtest with the scores of further forecasts, such as a pool's at each origin."""
    scores, energies = zip(*(scored(forecast, actual) for forecast in forecasts), strict=True)
    return replace(
        done,
        scores=pd.concat([done.scores, *scores], ignore_index=True),
        energy=pd.concat([done.energy, *energies], ignore_index=True),
    )


def scored(forecast: Forecast, actual: Panel, fitted: Fit | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores of a forecast's cells and sums, with the column `level`, and of its cells together.

    Of published counts those that a fit knows; a baseline was fitted to the totals of zones.
    """
    tables = []
    if isinstance(fitted, BayesianFit) and actual.observations.is_published:
        tables.append(score_reports(fitted, forecast, actual).assign(**{names.STATE: UNKNOWN}))
    if holds_reports_only(actual):
        if not tables:
            totals = totals_panel(actual)
            seen = totals.attacks.sel({names.PERIOD: totals.periods.isin(forecast.periods)}).notnull().any()
            scores = score(forecast, totals) if seen else pd.DataFrame(columns=list(SCORE_COLUMNS))
            tables.append(scores.assign(**{LEVEL: OVER_ZONE, names.STATE: UNKNOWN}))
        return tables[0], pd.DataFrame(columns=list(ENERGY_COLUMNS))
    tables.append(_with_states(forecast, actual, CELL))
    for level, by, tactics in TOTALS:
        tables.append(_with_states(forecast.aggregate(by, tactics=tactics), actual, level))
    return pd.concat(tables, ignore_index=True), energy_score(forecast, actual)


def holds_reports_only(actual: Panel) -> bool:
    """Whether a panel has published counts, and not one of a cell."""
    return actual.observations.is_published and bool(actual.attacks.isnull().all())


# Parts ---------------------------------------------------------------------------------------------------------------


def _with_states(forecast: Forecast, actual: Panel, level: str) -> pd.DataFrame:
    """Scores with their level and with what was known of each series at the origin."""
    scores = score(forecast, actual).assign(**{LEVEL: level})
    return scores.merge(series_states(forecast), how="left", on=[names.PROVINCE, names.TACTIC])


def _part_of(file: Path, read: Callable[[Path], pd.DataFrame], model: str, origin: str) -> pd.DataFrame:
    """A table of one model at one origin; a ValueError where it is of others."""
    table = read(file)
    if not ((table[names.MODEL] == model) & (table[names.ORIGIN] == pd.Timestamp(origin))).all():
        raise ValueError("scores of another model or origin")
    return table


def _read_energy(file: Path) -> pd.DataFrame:
    return read_csv(file, (names.MODEL,), (names.ORIGIN, names.PERIOD))


def _read_seconds(file: Path) -> pd.DataFrame:
    return read_csv(file, (names.MODEL,), (names.ORIGIN,))
