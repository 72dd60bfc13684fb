"""Counts simulated period by period, each period's counts feeding the terms that look back on them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from forecast.model.latents import Path
from forecast.model.spec import BoundModel
from forecast.model.terms import FutureValues, Term
from forecast.panel.calendar import next_periods

__all__ = ["Simulated", "added_ahead", "fed_back", "last_rates", "simulate_ahead", "simulate_counts"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Simulated:
    """Simulated counts and what they were drawn from.

    Attributes
    ----------
    counts : array of int64
        Over (sample, province, tactic, period).
    log_mu : array
        exposure · exp(eta), on the log scale and after cutting; of the same shape.
    cut : array of bool
        Where it was cut.
    """

    counts: npt.NDArray[np.int64]
    log_mu: Array
    cut: npt.NDArray[np.bool_]


def simulate_ahead(
    bound: BoundModel,
    values: Mapping[str, Array],
    horizon: int,
    *,
    futures: FutureValues,
    cap: float,
    rng: np.random.Generator,
) -> Simulated:
    """Simulate the periods after the panel, with `Panel.exposure_ahead`.

    Parameters
    ----------
    bound : BoundModel
        The model and the panel that it was fitted to.
    values : mapping
        Draws of all latents, hyperparameters and parameters of the family by name, the sample axis first.
    horizon : int
        Number of periods.
    futures : mapping
        The model's covariates in these periods, on (province, tactic, period).
    cap : float
        Larger expected counts are cut to it.
    rng : numpy.random.Generator
        Source of the draws.
    """
    # All innovations are drawn before the first count: two futures of the covariates then share them.
    static = np.zeros((_samples(values), *bound.grid[:2], horizon)) + np.log(bound.panel.exposure_ahead(horizon))
    for _, added in added_ahead(bound, values, horizon, futures=futures, rng=rng):
        static += added
    return simulate_counts(bound, static, values, bound.grid[2], cap, rng)


def added_ahead(
    bound: BoundModel,
    values: Mapping[str, Array],
    horizon: int,
    *,
    futures: FutureValues,
    rng: np.random.Generator,
) -> Iterator[tuple[Term, Array]]:
    """What each block adds to eta in the periods after the panel, with its term, but for those that feed back.

    Arrays over (sample, province, tactic, period), each 1 where it does not vary; arguments as of `simulate_ahead`.
    """
    periods = next_periods(bound.panel.periods[-1], horizon, bound.panel.freq)
    for term, blocks in bound.terms:
        for block in () if term.feeds_back else blocks:
            latents = values[block.name]
            if isinstance(block.prior, Path):
                latents = block.prior.continued(latents[..., -1], values, horizon, rng)
            yield term, block.on_grid(latents, term.basis_ahead(block, bound.panel, periods, futures))


def last_rates(bound: BoundModel, stop: int) -> Array:
    """Observed counts per exposure that the period at `stop` looks back on: (province, tactic, lag), newest last."""
    return np.asarray(bound.panel.rates.values[..., stop - _lookback(bound) : stop])


def simulate_counts(
    bound: BoundModel,
    static: Array,
    values: Mapping[str, Array],
    start: int,
    cap: float,
    rng: np.random.Generator,
) -> Simulated:
    """Draw counts period after period.

    Parameters
    ----------
    bound : BoundModel
        The model and the panel that its constants come from.
    static : array
        log mu without the terms that feed back, over (sample, province, tactic, period).
    values : mapping
        Draws of the latents and of the family's parameters by name, the sample axis first.
    start : int
        Position of the first period on the panel, whose observed counts before it the first periods look back on; the
        panel's number of periods for those after it.
    cap : float
        Larger expected counts are cut to it.
    rng : numpy.random.Generator
        Source of the draws.
    """
    family = bound.model.family
    theta = {name: values[name] for name in family.parameters()}
    feeds_back = _lookback(bound) > 0
    recent, ahead = last_rates(bound, start), bound.panel.exposure_ahead(static.shape[-1])
    exposure = np.concatenate([bound.panel.recorded_exposure.values[..., start:], ahead], axis=-1)
    past = np.broadcast_to(recent, (len(static), *recent.shape))
    log_mu, counts = np.empty(static.shape), np.empty(static.shape, np.int64)
    for step in range(static.shape[-1]):
        total = static[..., step] + fed_back(bound, values, past)
        log_mu[..., step] = total
        counts[..., step] = family.draw(rng, np.minimum(total, np.log(cap)), theta)
        if feeds_back:
            rate = counts[..., step] / exposure[..., step]
            past = np.concatenate([past, rate[..., None]], axis=-1)[..., 1:]
    cut = log_mu > np.log(cap)
    return Simulated(counts, np.where(cut, np.log(cap), log_mu), cut)


def fed_back(bound: BoundModel, values: Mapping[str, Array], past: Array) -> Array | float:
    """What terms that look back add to log mu in the next period: (sample, province, tactic), 0 where there are none.

    `past` holds the last counts per exposure, (sample or 1, province, tactic, lag), newest last.
    """
    terms: list[Any] = [term for term in bound.model.terms if term.feeds_back]
    added: Array | float = 0.0
    for term in terms:
        slopes = values[term.label].reshape(-1, term.lags)
        added = added + np.einsum("sl,lspk->spk", slopes, term.ahead(bound.panel, past))
    return added


def _lookback(bound: BoundModel) -> int:
    return max([term.lags for term in bound.model.terms if term.feeds_back], default=0)


def _samples(values: Mapping[str, Array]) -> int:
    return len(next(iter(values.values())))
