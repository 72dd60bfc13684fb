"""Answers about a covariate such as capability: what goes with it, scenarios, and what a change is made of.

All of them are associations that hold in the data: a slope says what attacks were like where capability was higher, not
what they would become if somebody raised it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecast import names
from forecast.errors import InputError
from forecast.inference.posterior.bayesian import BayesianFit, posterior_draws
from forecast.model.blocks import Block
from forecast.model.recording import Recording
from forecast.model.terms import Covariate, Season, Shock, Step, Term, Walk
from forecast.panel.calendar import periods_per_year
from forecast.prediction.caps import mean_cap
from forecast.prediction.continuation import DEFAULT_DRAWS, NO_FUTURES
from forecast.prediction.draws import Forecast
from forecast.prediction.futures import Future
from forecast.prediction.recursion import added_ahead, simulate_counts
from forecast.prediction.simulation import drawn_ahead

__all__ = ["ALL", "TOTAL", "Contrast", "contrast", "decompose", "percent_change"]

Array = npt.NDArray[np.float64]
# The level of a table's row that sums all cells, and its label of all forces or tactics.
TOTAL, ALL = "total", "all"
_BOUNDS = (0.05, 0.95)
# Parts of a change that several terms share.
_LEVEL, _FEEDBACK = "level", "past attacks"


@dataclass(frozen=True, repr=False)
class Contrast:
    """A scenario against a base forecast, draw by draw; made by `contrast`.

    Attributes
    ----------
    table : DataFrame
        One row per level ('total', 'province', 'tactic') and label: expected attacks over all periods of the
        horizon, `base` and `scenario` (medians over draws), their `difference` and `ratio` (medians), each with the
        bounds of 90 % (`_lower`, `_upper`), and `probability_rise`: the share of draws in which expected attacks rise.
    """

    table: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """The table."""
        return self.table

    def plot(self) -> Any:
        """Altair chart: the ratio of expected attacks with its 90 % interval, by label."""
        from forecast.plots import alt

        changed = self.table[self.table["difference"] != 0]
        base = alt.Chart(changed).encode(
            y=alt.Y("name:N", sort=None, title=None), color=alt.Color("level:N", title=None)
        )
        ratio = alt.X("ratio:Q", title="expected attacks, scenario over base", scale=alt.Scale(zero=False))
        one = alt.Chart(pd.DataFrame({"x": [1.0]})).mark_rule(strokeDash=[4, 3]).encode(x="x:Q")
        interval = base.mark_rule().encode(x=alt.X("ratio_lower:Q", title=None), x2="ratio_upper:Q")
        return alt.layer(one, interval, base.mark_point(filled=True).encode(x=ratio)).properties(width=420)

    def __repr__(self) -> str:
        total = self.table[self.table["level"] == TOTAL].iloc[0]
        return (
            f"Contrast: expected attacks {total['base']:.0f} → {total['scenario']:.0f} "
            f"({100 * (total['ratio'] - 1):+.0f} %, 90 % {100 * (total['ratio_lower'] - 1):+.0f} to "
            f"{100 * (total['ratio_upper'] - 1):+.0f} %), rise with probability {total['probability_rise']:.2f}"
        )

    def _repr_html_(self) -> str:
        from html import escape

        return f"<p>{escape(repr(self))}</p>{self.table.round(3).to_html(escape=True, index=False)}"


def contrast(base: Forecast, scenario: Forecast) -> Contrast:
    """Compare two forecasts of the same fit that differ in the future of a covariate only.

    Parameters
    ----------
    base, scenario : Forecast
        From `predict` with the same fit, seed and number of draws: then each draw of one is the twin of one of the
        other, with the same parameters and the same randomness. Expected attacks are `mu` where the forecast has it,
        else the counts.

    Raises
    ------
    InputError
        For forecasts that are no twins.
    """
    for what in ("origin", "model", "seed", "family", "freq"):
        found, expected = (str(one.dataset.attrs[what]) for one in (scenario, base))
        if found != expected:
            raise InputError(f"has another {what}", where="scenario", found=found, expected=expected)
    if base.draws.sizes != scenario.draws.sizes or base.provinces != scenario.provinces:
        found, expected = (str(dict(one.draws.sizes)) for one in (scenario, base))
        raise InputError("has other draws or cells", where="scenario", found=found, expected=expected)
    of_base, of_scenario = (_expected(one) for one in (base, scenario))
    place_names = base.dataset[names.PROVINCE_NAME].values.astype(str)
    rows = [_contrasted(TOTAL, ALL, ALL, of_base.sum(axis=(1, 2)), of_scenario.sum(axis=(1, 2)))]
    for number, province in enumerate(base.provinces):
        pair = (one[:, number].sum(axis=1) for one in (of_base, of_scenario))
        rows.append(_contrasted(names.PROVINCE, province, place_names[number], *pair))
    for number, tactic in enumerate(base.tactics):
        pair = (one[:, :, number].sum(axis=1) for one in (of_base, of_scenario))
        rows.append(_contrasted(names.TACTIC, tactic, tactic, *pair))
    return Contrast(pd.DataFrame(rows))


def _expected(forecast: Forecast) -> Array:
    """Expected attacks over the horizon: (sample, province, tactic)."""
    held = forecast.dataset[names.MU if names.MU in forecast.dataset else names.DRAWS]
    return np.asarray(held.transpose(*names.DRAW_DIMS).values.sum(axis=3), dtype=float)


def _contrasted(level: str, label: str, name: str, base: Array, scenario: Array) -> dict[str, Any]:
    row: dict[str, Any] = {"level": level, "label": label, "name": name}
    row |= {"base": np.median(base), "scenario": np.median(scenario)}
    ratio = np.divide(scenario, base, out=np.ones_like(base), where=base > 0)
    for what, values in (("difference", scenario - base), ("ratio", ratio)):
        row |= dict(zip((what, f"{what}_lower", f"{what}_upper"), _summary(values), strict=True))
    return {**row, "probability_rise": float((scenario > base).mean())}


def _summary(drawn: Array) -> tuple[float, float, float]:
    """Median and bounds of 90 %."""
    lower, upper = np.quantile(drawn, _BOUNDS)
    return float(np.median(drawn)), float(lower), float(upper)


def percent_change(fit: BayesianFit, name: str = "capability") -> pd.DataFrame:
    """Percent change of expected attacks that goes with +1 of a covariate, by force and tactic.

    Parameters
    ----------
    fit : BayesianFit
        Of a model with a term on the covariate.
    name : str
        The covariate: per SD of capability where it was measured with error, else per SD on the training panel.

    Returns
    -------
    DataFrame
        force, tactic ('all' for sums), percent (median), lower and upper (90 %), and probability_below_0. Sums weigh
        cells by their attacks in the last year. Provinces without a force count for no force, and not for 'all' where
        the covariate was measured by force.

    Raises
    ------
    InputError
        For a covariate that the model does not use.
    """
    blocks = [
        block
        for term, blocks in fit.bound.terms
        for block in blocks
        if isinstance(term, Covariate) and term.name == name and block.name not in fit.bound.errors
    ]
    if not blocks:
        expected = fit.model.covariates or "none"
        raise InputError("is no covariate of the model", where="name", found=name, expected=expected)
    values = _all_draws(fit)
    slope = sum((_slope(fit, block, values) for block in blocks), np.zeros(1))
    change, weight = np.expm1(slope), _recent_mean(fit)
    force = fit.panel.dataset[names.FORCE].values[:, -1].astype(str)
    measured = fit.panel.measured(name) is not None
    where = {str(partner): force == partner for partner in sorted(set(force) - {""})}
    where[ALL] = force != "" if measured else np.ones(len(force), dtype=bool)
    rows = []
    for label, held in where.items():
        for number, tactic in enumerate([*fit.panel.tactics, ALL]):
            some = slice(None) if tactic == ALL else slice(number, number + 1)
            weights = weight[held][:, some]
            drawn = 100 * (change[:, held][:, :, some] * weights).sum(axis=(1, 2)) / max(weights.sum(), 1e-300)
            rows.append((label, tactic, *_summary(drawn), float((drawn < 0).mean())))
    return pd.DataFrame(rows, columns=[names.FORCE, names.TACTIC, "percent", "lower", "upper", "probability_below_0"])


def _slope(fit: BayesianFit, block: Block, values: Mapping[str, Array]) -> Array:
    """A block of slopes on the grid: (sample, province, tactic)."""
    on_grid = block.on_grid(values[block.name], np.ones((1, 1, 1, 1)))[..., 0]
    return np.asarray(np.broadcast_to(on_grid, (len(on_grid), *fit.bound.grid[:2])))


def _all_draws(fit: BayesianFit) -> dict[str, Array]:
    held = fit.posterior.sizes[names.CHAIN] * fit.posterior.sizes[names.DRAW]
    return posterior_draws(fit, min(held, DEFAULT_DRAWS), 0)


def _recent_mean(fit: BayesianFit) -> Array:
    """Mean count of each cell in the last year, with a little for cells without any: (province, tactic)."""
    recent = fit.panel.attacks.values[..., -int(periods_per_year(fit.panel.freq)) :]
    seen = np.isfinite(recent).sum(axis=2)
    return np.asarray((np.nansum(recent, axis=2) + 0.01) / np.maximum(seen, 1))


def decompose(
    fit: BayesianFit,
    horizon: int,
    *,
    futures: Mapping[str, Future] = NO_FUTURES,
    draws: int = DEFAULT_DRAWS,
    seed: int,
) -> pd.DataFrame:
    """What the change from the last year to the forecast is made of, term by term.

    Parameters
    ----------
    fit, horizon, futures, draws, seed
        As of `predict`: with the same ones, it is that forecast's change.

    Returns
    -------
    DataFrame
        One row per part ('trend', 'season', 'step', each covariate, 'past attacks') and one for 'all': part, percent
        (median), lower and upper (90 %). The change is that of log expected attacks, from the mean over the last year
        to the mean over the horizon, of all cells weighed by their attacks in the last year; parts add up on the log
        scale, draw by draw.
    """
    bound, panel = fit.bound, fit.panel
    values, covariates, rng = drawn_ahead(fit, horizon, futures, draws, seed)
    weight = _recent_mean(fit) * ~panel.ended[:, None]
    weight = weight / weight.sum()
    last = slice(max(bound.model.lags, bound.grid[2] - int(periods_per_year(panel.freq))), None)

    def weighed(added: Array) -> Array:
        """Mean over cells and periods of what may not vary over some of them: (sample)."""
        fixed = tuple(axis for axis in (0, 1) if added.shape[axis - 3] == 1)
        return np.asarray(np.einsum("...pkt,pk->...", added, weight.sum(axis=fixed, keepdims=True)) / added.shape[-1])

    change: dict[str, Array] = {}
    total = np.zeros((draws, *bound.grid[:2], horizon)) + np.log(panel.exposure_ahead(horizon))
    for term, added in added_ahead(bound, values, horizon, futures=covariates, rng=rng):
        total += added
        change[_part(term)] = change.get(_part(term), np.zeros(draws)) + weighed(added)
    simulated = simulate_counts(bound, total, values, bound.grid[2], mean_cap(panel), rng)
    for term, blocks in bound.terms:
        for block in () if isinstance(term, Recording) else blocks:
            added = block.added(values)
            before = added if added.shape[-1] == 1 else added[..., last]
            change[_part(term)] = change.get(_part(term), np.zeros(draws)) - weighed(before)
    if any(term.feeds_back for term, _ in bound.terms):
        change[_FEEDBACK] += weighed(simulated.log_mu - total)
    change.pop(_LEVEL, None)
    change[ALL] = sum(change.values(), np.zeros(draws))
    rows = [(part, *_summary(100 * np.expm1(drawn))) for part, drawn in change.items()]
    return pd.DataFrame(rows, columns=["part", "percent", "lower", "upper"])


def _part(term: Term) -> str:
    """What a term is called in a decomposition."""
    if isinstance(term, Covariate):
        return term.name
    if term.feeds_back:
        return _FEEDBACK
    kinds: Sequence[tuple[type[Term], str]] = ((Walk, "trend"), (Shock, "shock"), (Season, "season"), (Step, "step"))
    return next((name for kind, name in kinds if isinstance(term, kind)), _LEVEL)
