"""What a run takes from the backtest that its settings name."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from forecast import names
from forecast.config import Settings
from forecast.errors import InputError
from forecast.evaluation.onset import ONSETS, onset_history
from forecast.evaluation.rolling import load_backtest
from forecast.evaluation.rolling_data import Backtest
from forecast.evaluation.rolling_disk import AGAIN
from forecast.evaluation.triggers import HISTORY, Trigger, trigger_history
from forecast.files import damage_is_input
from forecast.panel.panel import Panel, panel_hash
from forecast.prediction.draws import Forecast
from forecast.report.backtest import BacktestPart, backtest_part
from forecast.report.onset import OnsetPart, onset_part

__all__ = ["Past", "past_of"]


@dataclass(frozen=True)
class Past:
    """What a report is told of a backtest.

    Attributes
    ----------
    part : BacktestPart or None
        Scores, skill and calibration; None where no backtest is shown.
    trigger_history : DataFrame
        How triggers would have fired at its origins.
    onsets : OnsetPart or None
        What came of provinces that were calm there; None where its forecasts cannot be read.
    notes : tuple of str
        What it lacks, or why it is not shown.
    """

    part: BacktestPart | None = None
    trigger_history: pd.DataFrame = field(default_factory=lambda: _joined([], HISTORY))
    onsets: OnsetPart | None = None
    notes: tuple[str, ...] = ()


def past_of(settings: Settings, triggers: Sequence[Trigger], model: str, panel: Panel, vintages: bool) -> Past:
    """What the report says of the backtest in the settings' folder.

    One that cannot be read is left out, with a note; so is what takes its forecasts, where these cannot be read. The
    run does not depend on it.
    """
    folder = settings.backtest.output
    if folder is None:
        return Past()
    shown = settings.as_written()["backtest"]["output"]
    if not folder.is_dir():
        return Past(notes=(f"no backtest lies in {shown}: 'forecast backtest' makes one",))
    try:
        done = load_backtest(folder)
        if model not in set(done.scores[names.MODEL]):
            return Past(notes=(f"the backtest in {shown} is of other models than {model}",))
        with damage_is_input(folder, AGAIN):
            part = backtest_part(done, model, vintages)
    except InputError as error:
        return Past(notes=(f"the backtest in {shown} is not shown: {_without_folder(error, folder, shown)}",))
    other = (f"the backtest in {shown} was made on other data than this report",) * (done.data != panel_hash(panel))
    horizon = min(settings.horizon, settings.backtest.horizon or settings.horizon)
    try:
        with damage_is_input(folder, AGAIN):
            history, onsets = _outcomes(_past_forecasts(done, model, panel), triggers, panel, horizon)
    except InputError as error:
        untold = "how triggers would have fired, and what came of calm provinces, is not told"
        return Past(part, notes=(*other, f"{untold}: {_without_folder(error, folder, shown)}"))
    return Past(part, history, onset_part(onsets, horizon), other)


def _outcomes(
    forecasts: Iterable[Forecast], triggers: Sequence[Trigger], panel: Panel, horizon: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Of triggers and of calm provinces, from forecasts that are read one by one, and once each."""
    histories, onsets = [], []
    for forecast in forecasts:
        histories.append(trigger_history(triggers, [forecast], panel))
        onsets.append(onset_history([forecast], panel, horizon))
    return _joined(histories, HISTORY), _joined(onsets, ONSETS)


def _joined(tables: Sequence[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    """Tables one below the other; those without rows have no types to keep."""
    filled = [table for table in tables if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=list(columns))


def _past_forecasts(done: Backtest, model: str, panel: Panel) -> Iterator[Forecast]:
    """The forecasts of a model in a backtest, but for those of which nothing has come in the panel."""
    days = done.scores.loc[done.scores[names.MODEL] == model, names.ORIGIN].unique()
    return (done.forecast(model, day) for day in map(pd.Timestamp, sorted(days)) if day < panel.settled.origin)


def _without_folder(error: InputError, folder: Path, shown: str) -> str:
    """An error as a report may show it, which goes to other people: the folder as the settings name it."""
    source = Path(error.source)
    return str(error.again(source=Path(shown, source.relative_to(folder))) if source.is_relative_to(folder) else error)
