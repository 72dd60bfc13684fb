"""A repair of calibration: maps of probabilities, learned from past forecasts and applied to later ones."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import optimize, special, stats

from forecast import names
from forecast.evaluation.calibration import pit
from forecast.evaluation.rolling_data import Backtest, add_forecasts
from forecast.evaluation.scores import CELL
from forecast.panel.panel import Panel
from forecast.prediction.draws import Forecast

__all__ = ["RECALIBRATED", "Recalibration", "learn_recalibration", "recalibrate"]

Array = npt.NDArray[np.float64]
# What a recalibrated model is called: this after its name.
RECALIBRATED = " recalibrated"
# SD of the prior of log a and log b, around 0: with few outcomes a map stays near the one that changes nothing.
_PRIOR_SD = 0.5


@dataclass(frozen=True)
class Recalibration:
    """A map of probabilities, the Beta(a, b) distribution function: what had probability p gets T(p).

    Attributes
    ----------
    a, b : float
        1 and 1 change nothing; both above 1 where forecasts were too wide, below 1 where they were too narrow.
    """

    a: float
    b: float

    def apply(self, forecast: Forecast, *, name: str | None = None, seed: int) -> Forecast:
        """The forecast with every cell's distribution F replaced by T(F), and its ranks kept.

        Each draw stays where it is among the draws of its cell, so that cells and periods stay as dependent as they
        were. No count above the largest draw of a cell can come out.

        Parameters
        ----------
        forecast : Forecast
            A forecast of cells; sums are then taken of the result.
        name : str, optional
            Its name in tables.
        seed : int
            Equal draws are ranked by chance.
        """
        draws = forecast.draws.transpose(*names.DRAW_DIMS).values
        number, rng = len(draws), np.random.default_rng(seed)
        ranks = np.argsort(np.lexsort((rng.random(draws.shape), draws), axis=0), axis=0)
        # Where a draw of this rank must come from.
        wanted = stats.beta.ppf((np.arange(number) + 0.5) / number, self.a, self.b)
        source = np.clip(np.floor(wanted * number).astype(int), 0, number - 1)
        mapped = np.take_along_axis(np.sort(draws, axis=0), source[ranks], axis=0)
        kept = forecast.dataset.drop_vars([names.MU, names.PHI], errors="ignore")
        attrs = {names.MODEL: name or forecast.model + RECALIBRATED, "family": ""}
        return Forecast(kept.assign({names.DRAWS: (names.DRAW_DIMS, mapped)}).assign_attrs(attrs))


def learn_recalibration(scores: pd.DataFrame, *, seed: int) -> Recalibration:
    """The map that makes a model's PITs uniform, by penalised maximum likelihood.

    Parameters
    ----------
    scores : DataFrame
        Of one model's cells, all of outcomes that are known.
    seed : int
        Of the randomised PIT.

    Notes
    -----
    Outcomes of one origin depend on each other; what they say together is taken to be worth one outcome per origin
    and horizon, so that a few origins with many cells do not turn the map at will.

    Examples
    --------
    >>> panel = fc.simulate_panel(4, 2, 36, seed=1).panel
    >>> forecast = fc.predict(fc.fit(fc.RecentMean(), panel.between(end="2017-09-30"), seed=1), 3, seed=1)
    >>> recalibration = fc.learn_recalibration(fc.score(forecast, panel), seed=1)
    >>> isinstance(recalibration, fc.Recalibration)
    True
    """
    values = np.clip(pit(scores, seed=seed), 1e-4, 1 - 1e-4)
    worth = scores.groupby([names.ORIGIN, names.HORIZON]).ngroups / len(values)
    logs = np.log(values).sum() * worth, np.log1p(-values).sum() * worth, len(values) * worth

    def loss(parameters: Array) -> float:
        a, b = np.exp(parameters)
        density = (a - 1) * logs[0] + (b - 1) * logs[1] - logs[2] * special.betaln(a, b)
        return float(0.5 * (parameters**2).sum() / _PRIOR_SD**2 - density)

    a, b = np.exp(optimize.minimize(loss, np.zeros(2), method="BFGS").x)
    return Recalibration(float(a), float(b))


def recalibrate(done: Backtest, actual: Panel, models: Sequence[str], *, seed: int) -> tuple[Backtest, pd.DataFrame]:
    """A backtest with recalibrated models beside its own, each map learned from outcomes known at the origin.

    Parameters
    ----------
    done : Backtest
        With its folder.
    actual : Panel
        What happened.
    models : sequence of str
        Which models.
    seed : int
        Of ranks among equal draws and of the randomised PIT.

    Returns
    -------
    Backtest
        With the scores of '<model> recalibrated' beside the others'.
    DataFrame
        The maps: origin, model, a, b. Nothing changes at origins before which no outcome is known.
    """
    ends = dict(zip(actual.periods, pd.DatetimeIndex(actual.dataset[names.PERIOD_END].values), strict=True))
    cells = done.of(CELL)
    known_from = cells[names.PERIOD].map(ends)
    maps, forecasts = [], []
    for model in models:
        of_model = cells[names.MODEL] == model
        for number, origin in enumerate(sorted(cells.loc[of_model, names.ORIGIN].unique())):
            known = cells[of_model & (cells[names.ORIGIN] < origin) & (known_from <= origin)]
            learned = learn_recalibration(known, seed=seed) if len(known) else Recalibration(1.0, 1.0)
            maps.append((origin, model, learned.a, learned.b))
            forecast = done.forecast(model, origin)
            forecasts.append(learned.apply(forecast, name=model + RECALIBRATED, seed=seed + number))
    return add_forecasts(done, forecasts, actual), pd.DataFrame(maps, columns=[names.ORIGIN, names.MODEL, "a", "b"])
