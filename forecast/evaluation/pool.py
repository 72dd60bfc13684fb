"""Linear pools: each sample is one model's whole path, so that all sums stay sums of the same draws."""

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecast import names
from forecast.baselines.naive import RecentMean
from forecast.baselines.regression import NegativeBinomialRegression
from forecast.baselines.smoothing import ExponentialSmoothing
from forecast.errors import DiagnosticsError, ForecastError, InputError
from forecast.evaluation.sanity import excessive, implausible
from forecast.evaluation.weights import distances, pool_weights
from forecast.inference.dispatch import fit
from forecast.inference.posterior.base import Fit
from forecast.inference.posterior.diagnostics import failed_checks
from forecast.model.library import quick_model
from forecast.model.spec import Model, check_model_name
from forecast.panel.panel import Panel
from forecast.prediction.continuation import DEFAULT_DRAWS, NO_FUTURES, predict
from forecast.prediction.draws import ORACLE_SUFFIX, Forecast
from forecast.prediction.futures import Future, hold_last
from forecast.progress import progress

__all__ = ["POOL", "Pool", "PoolFit", "among", "default_model", "plausible", "pool"]

POOL = "pool"
# With this dispersion negative binomial counts are Poisson, to seven digits of their log mass.
_POISSON = 1e8
# Periods between the past days from which weights are learned, and how many a panel holds before the first at least.
# With six days weights are about as good as with all past ones (`tests/benchmarks/protocol.py`).
_EVERY, _FEWEST = 2, 12
# Draws of a forecast of the past: enough for sixty quantiles.
_PAST_DRAWS = 200


@dataclass(frozen=True)
class Pool:
    """Several models as one: its forecast is the linear pool of theirs, with weights learned from the past.

    The members forecast from past days too, as far as the panel knew then, and the weights are those with which the
    pool would have been best, held towards equal ones (`pool_weights`). A member that cannot be fitted, whose fit fails
    its checks, or whose forecast is not plausible (`implausible`) has no weight; of one whose tail alone is not, the
    paths beyond the limit are left out. Notes say so.

    Parameters
    ----------
    members : tuple of models
        Hierarchical models and baselines, with different names.
    name : str
        Name in tables.
    origins : int
        From how many past days forecasts are made, every second period; fewer where less than a year, or half of the
        panel, lies before. Without any, weights are equal.

    Examples
    --------
    >>> panel = fc.simulate_panel(4, 2, 36, seed=1).panel
    >>> members = fc.Pool((fc.RecentMean(), fc.ExponentialSmoothing()))
    >>> fc.fit(members, panel, seed=1).weights(3).keys()
    dict_keys(['recent_mean', 'smoothing'])
    """

    members: tuple[Any, ...]
    name: str = POOL
    origins: int = 6

    def __post_init__(self) -> None:
        check_model_name(self.name)
        labels = [member.name for member in self.members]
        if not labels or len(set(labels)) < len(labels):
            raise InputError("needs models with different names", where="members", found=labels or "none")
        if self.origins < 0:
            raise InputError("is a whole number from 0", where="Pool.origins", found=self.origins)


def default_model() -> Pool:
    """What `forecast run` uses unless told otherwise: the quick hierarchical model and its three best rivals.

    Examples
    --------
    >>> [member.name for member in fc.default_model().members]
    ['quick', 'recent_mean', 'regression', 'smoothing']
    """
    return Pool((quick_model(), RecentMean(), NegativeBinomialRegression(), ExponentialSmoothing()))


@dataclass(frozen=True, repr=False)
class PoolFit(Fit):
    """The fits of a pool's members.

    Attributes
    ----------
    fits : mapping of str to Fit
        By the names of the members that could be fitted, and passed their checks.
    past : tuple of mappings of str to Fit
        The same members' fits to the panel up to past days, from which weights are learned.
    """

    fits: Mapping[str, Fit] = field(default_factory=dict)
    past: tuple[Mapping[str, Fit], ...] = ()

    @property
    def diagnostics(self) -> pd.DataFrame:
        """Checks of the members that have any."""
        return _stacked({name: member.diagnostics for name, member in self.fits.items()}, "check")

    @property
    def equation(self) -> str:
        """The members, and the hierarchical models among them with their priors."""
        parts = [f"{name}:\n{member.equation}" for name, member in self.fits.items() if member.equation]
        return "\n\n".join([f"pool of {', '.join(self.fits)}", *parts])

    @property
    def parameters(self) -> pd.DataFrame:
        """Main parameters of the members that have any."""
        return _stacked({name: member.parameters for name, member in self.fits.items()}, "parameter")

    def weights(self, horizon: int) -> dict[str, float]:
        """The members' weights for forecasts of so many periods, learned from those of the past; else equal ones."""
        panel, known = self.panel.settled, []
        futures = {name: hold_last() for name in panel.covariates}
        ends = pd.DatetimeIndex(panel.dataset[names.PERIOD_END].values)
        how: dict[str, Any] = {"futures": futures, "draws": _PAST_DRAWS, "seed": self.seed}
        with progress(f"Learning the weights of {self.model.name}") as told:
            for number, fits in enumerate(self.past):
                told(number / len(self.past))
                origin = next(iter(fits.values())).panel.origin
                ahead = min(horizon, int((ends > origin).sum()))
                known.append(distances({name: predict(past, ahead, **how) for name, past in fits.items()}, panel))
        return pool_weights(known) if known else dict.fromkeys(self.fits, 1 / len(self.fits))


@fit.register
def fit_pool(
    model: Pool,
    panel: Panel,
    *,
    engine: str = "auto",
    start: Fit | None = None,
    max_seconds: float | None = None,
    seed: int,
) -> PoolFit:
    """Fit every member of a `Pool`, and again to the panel up to past days; see `fit`.

    `engine` is for its hierarchical models, `start` an earlier fit of the pool, or of one of these. Where `max_seconds`
    are over, weights are learned from fewer days.

    Raises
    ------
    ForecastError
        Where no member has a part in it: why the last one could not be fitted, or that none passes its checks.
    """
    before = start.fits if isinstance(start, PoolFit) else {start.model.name: start} if start is not None else {}
    fits: dict[str, Fit] = {}
    notes: list[str] = []
    error: ForecastError = DiagnosticsError("no member of the pool passes its checks")
    days = _past_days(model, panel.settled)
    rounds = 1 + len(days)
    with progress(f"Fitting {model.name}", max_seconds=max_seconds) as told:
        for member in model.members:
            options: dict[str, Any] = {"engine": engine, "start": before.get(member.name), "max_seconds": max_seconds}
            try:
                fitted = fit(member, panel, seed=seed, **(options if isinstance(member, Model) else {}))
            except ForecastError as problem:
                error = problem
                notes.append(f"{member.name} has no part in the pool: it cannot be fitted ({problem})")
                continue
            failures = failed_checks(fitted.diagnostics, member.name)
            if failures:
                notes.append(f"{member.name} has no part in the pool: {failures}")
            else:
                fits[member.name] = fitted
                notes += [f"{member.name}: {note}" for note in fitted.notes]
        if not fits:
            raise error
        past = []
        for number, day in enumerate(days if len(fits) > 1 else (), start=1):
            if not told(number / rounds):
                notes.append(f"the pool's weights are learned from {number - 1} past days, for time ran out")
                break
            with suppress(ForecastError):
                past.append(
                    {name: _past_fit(fitted.model, panel.between(end=day), seed) for name, fitted in fits.items()}
                )
    return PoolFit(model, panel, seed, tuple(dict.fromkeys(notes)), fits, tuple(past))


@predict.register
def predict_pool(
    fit: PoolFit,
    horizon: int,
    *,
    futures: Mapping[str, Future] = NO_FUTURES,
    draws: int = DEFAULT_DRAWS,
    seed: int,
) -> Forecast:
    """The pool of the members' forecasts; see `predict`.

    Where no member's forecast is plausible, all are in the pool, which is then no more plausible than they are.
    """
    forecasts = {
        name: predict(member, horizon, futures=futures, draws=draws, seed=seed) for name, member in fit.fits.items()
    }
    kept, notes = plausible(forecasts, fit.panel)
    weights = among(kept, fit.weights(horizon))
    shares = ", ".join(f"{name} {100 * weight:.0f}%" for name, weight in weights.items())
    source = f"learned from forecasts of {len(fit.past)} past days" if fit.past else "there is no past to learn from"
    notes = [*fit.notes, *notes, f"the pool's weights are {shares} ({source})"]
    return pool(kept, weights, name=fit.model.name, draws=draws, seed=seed, notes=notes)


def plausible(forecasts: Mapping[str, Forecast], panel: Panel) -> tuple[dict[str, Forecast], list[str]]:
    """The forecasts that pass the gate (`implausible`), or all where none does, and notes on the others.

    A forecast whose median passes and whose tail does not is cut: paths with a total beyond the limit are left out,
    half of them at most. (Left out whole, `quick` was missed on UCDP Myanmar after 2021: CRPS of log(1 + count) of the
    pool's cells .241 without it and .222 with what is left of it, of totals .302 and .289; on nine other panels no
    difference: `tests/benchmarks/README.md`.)
    """
    kept: dict[str, Forecast] = {}
    notes = []
    for name, forecast in forecasts.items():
        findings = implausible(forecast, panel)
        cut = excessive(forecast, panel) if findings else np.zeros(1, dtype=bool)
        if all(finding.level != 0.5 for finding in findings) and cut.mean() <= 0.5:
            kept[name] = forecast
            if findings:
                kept[name] = Forecast(forecast.dataset.isel({names.SAMPLE: np.flatnonzero(~cut)}))
                notes.append(f"{100 * cut.mean():.0f}% of the paths of {name} are left out: {findings[0].reason}")
        else:
            notes.append(f"{name} has no part in the pool: its forecast is not plausible ({findings[0].reason})")
    return (kept, notes) if kept else (dict(forecasts), [])


def among(kept: Iterable[str], weights: Mapping[str, float]) -> dict[str, float]:
    """The weights of those that are kept, with the sum 1: equal ones where they had none beside the others."""
    left = {name: weights[name] for name in kept}
    total = sum(left.values())
    return {name: weight / total if total > 0 else 1 / len(left) for name, weight in left.items()}


def pool(
    forecasts: Mapping[str, Forecast],
    weights: Mapping[str, float] | None = None,
    *,
    name: str = POOL,
    draws: int = DEFAULT_DRAWS,
    seed: int,
    notes: Sequence[str] = (),
) -> Forecast:
    """The linear pool of several models' forecasts of the same periods and cells.

    Parameters
    ----------
    forecasts : mapping of str to Forecast
        By model.
    weights : mapping of str to float, optional
        How much each counts, from 0; equal by default. They are divided by their sum.
    name : str
        The pool's name in tables.
    draws, seed : int
        Samples of the pool. Each model gives its share of them, whole paths without repetition where it has enough.
    notes : sequence of str
        What the reader must be told, beside the notes of the forecasts, which get their model's name in front
        unless all have them.

    Returns
    -------
    Forecast
        With the mass function of the mixture (`mu` and `phi` by sample) where every model that counts has one.

    Raises
    ------
    InputError
        For forecasts of other cells or periods, and weights that are none.

    Examples
    --------
    >>> panel = fc.simulate_panel(4, 2, 36, seed=1).panel
    >>> forecast = fc.predict(fc.fit(fc.RecentMean(), panel.between(end="2017-09-30"), seed=1), 3, seed=1)
    >>> last = fc.predict(fc.fit(fc.Last(), panel.between(end="2017-09-30"), seed=1), 3, seed=1)
    >>> fc.pool({"mean": forecast, "last": last}, {"mean": 3, "last": 1}, seed=1).model
    'pool'
    """
    models = list(forecasts)
    given = dict.fromkeys(models, 1.0) if weights is None else dict(weights)
    total = sum(given.values())
    if not models:
        raise InputError("there are none to pool", where="forecasts")
    if set(given) - set(models) or min(given.values()) < 0 or not np.isfinite(total) or not total > 0:
        raise InputError("are no weights of these models", where="weights", found=str(given), expected=models)
    first = forecasts[models[0]]
    for model, forecast in forecasts.items():
        alike = forecast.provinces == first.provinces and forecast.tactics == first.tactics
        if not alike or forecast.origin != first.origin or not forecast.periods.equals(first.periods):
            raise InputError("is of other cells or periods", where=model, found=repr(forecast), expected=repr(first))
    rng = np.random.default_rng(seed)
    share = np.array([given.get(model, 0.0) for model in models]) / total * draws
    number = np.floor(share).astype(int)
    left = share - number
    if draws > number.sum():
        # What rounding leaves goes to models by chance, so that small weights count.
        number += rng.multinomial(draws - number.sum(), left / left.sum())
    parts = []
    for model, count in zip(models, number, strict=True):
        samples = forecasts[model].dataset.sizes[names.SAMPLE]
        chosen = rng.choice(samples, count, replace=count > samples)
        parts += [_samples(forecasts[model], chosen)] if count else []
    order = rng.permutation(draws)
    dims = {names.DRAWS: names.DRAW_DIMS, names.MU: names.DRAW_DIMS, names.PHI: (names.SAMPLE, names.TACTIC)}
    variables = {
        key: (along, np.concatenate([part[key] for part in parts])[order])
        for key, along in dims.items()
        if all(key in part for part in parts)
    }
    sampled = [names.DRAWS, names.MU, names.PHI, names.NOWCAST, names.NOWCAST_PERIOD, names.SAMPLE]
    kept = first.dataset.drop_vars(sampled, errors="ignore")
    nowcasts = [member.dataset[names.NOWCAST] for member in forecasts.values() if names.NOWCAST in member.dataset]
    if nowcasts:
        # Members that are simple rules have none.
        samples = nowcasts[0].sizes[names.SAMPLE]
        chosen = rng.choice(samples, draws, replace=draws > samples)
        kept = kept.assign({names.NOWCAST: nowcasts[0].isel({names.SAMPLE: chosen})})
    family = "negative_binomial" if names.MU in variables else ""
    oracle = sorted({label for member in forecasts.values() for label in member.provenance.get("oracle", ())})
    notes_of = {model: member.provenance.get("notes", ()) for model, member in forecasts.items()}
    # Those of the data are the same in all.
    shared = set(notes_of[models[0]]).intersection(*notes_of.values()) if len(models) > 1 else set()
    named = [note if note in shared else f"{model}: {note}" for model in models for note in notes_of[model]]
    provenance = {**first.provenance, "notes": list(dict.fromkeys([*named, *notes])), "oracle": oracle}
    attrs = {names.MODEL: name + (ORACLE_SUFFIX if oracle else ""), "family": family, "seed": str(seed)}
    attrs["provenance"] = json.dumps(provenance, ensure_ascii=False)
    return Forecast(kept.assign(variables).assign_attrs(attrs))


def _samples(forecast: Forecast, chosen: npt.NDArray[np.intp]) -> dict[str, npt.NDArray[Any]]:
    """Draws of some samples, and their mass function where there is one; Poisson counts have an endless phi."""
    dataset = forecast.dataset
    part = {names.DRAWS: forecast.draws.transpose(*names.DRAW_DIMS).values[chosen]}
    if not dataset.attrs["family"]:
        return part
    shape = len(chosen), dataset.sizes[names.TACTIC]
    phi = np.full(shape, _POISSON)
    if names.PHI in dataset:
        given = dataset[names.PHI]
        phi = given.values[chosen] if names.SAMPLE in given.dims else np.broadcast_to(given.values, shape)
    return {**part, names.MU: dataset[names.MU].transpose(*names.DRAW_DIMS).values[chosen], names.PHI: phi}


def _stacked(tables: Mapping[str, pd.DataFrame], column: str) -> pd.DataFrame:
    """Tables of all members as one, their names in front of a column's texts where several have rows."""
    filled = {name: rows for name, rows in tables.items() if len(rows)}
    if len(filled) > 1:
        filled = {name: rows.assign(**{column: f"{name}: " + rows[column]}) for name, rows in filled.items()}
    return pd.concat((filled or tables).values(), ignore_index=True)


def _past_days(model: Pool, panel: Panel) -> list[pd.Timestamp]:
    """Days from which members forecast to learn weights, the latest first."""
    ends = pd.DatetimeIndex(panel.dataset[names.PERIOD_END].values)
    fewest = max(_FEWEST, len(ends) // 2)
    return [ends[last] for last in range(len(ends) - 1 - _EVERY, fewest - 2, -_EVERY)][: model.origins]


def _past_fit(model: Any, panel: Panel, seed: int) -> Fit:
    """A member's fit from which little is asked."""
    if isinstance(model, Model):
        # Settings name the default pool, and need no compiler.
        from forecast.inference.laplace.engine import LaplaceOptions, approximate

        return approximate(model, panel, LaplaceOptions(draws=_PAST_DRAWS), seed=seed)
    return fit(model, panel, seed=seed)
