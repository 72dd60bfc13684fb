"""Attacks that counts do not hold: records that are still to come, and those without a province."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecast import names
from forecast.errors import InputError
from forecast.inference.posterior.bayesian import BayesianFit, posterior_draws
from forecast.model.recording import Recording
from forecast.panel.panel import Panel

__all__ = ["late_periods", "nowcast_draws", "placed"]

Array = npt.NDArray[np.float64]


def late_periods(panel: Panel) -> int:
    """How many periods at the end of a panel have records that are still coming in.

    A coverage without an error, of a table of counts, is for good.
    """
    if names.COVERAGE_ERROR not in panel.dataset:
        return 0
    whole = (panel.dataset[names.OBSERVED] & (panel.known_share == 1)).all((names.PROVINCE, names.TACTIC))
    late = int(np.argmax(np.append(whole.values[::-1], True)))
    return late if panel.dataset[names.OBSERVED].values[..., len(panel.periods) - late :].any() else 0


def nowcast_draws(
    fit: BayesianFit, values: Mapping[str, Array], rng: np.random.Generator
) -> npt.NDArray[np.int64] | None:
    """Joint draws of the whole counts of the late periods: (sample, province, tactic, period), or None without any."""
    late = late_periods(fit.panel)
    return _whole_counts(fit, values, slice(-late, None), rng) if late else None


def placed(fit: BayesianFit, *, periods: int = 12, draws: int = 400, seed: int) -> pd.DataFrame:
    """In which provinces a model places the attacks of which no more than the country is known.

    Parameters
    ----------
    fit : BayesianFit
        Of a panel with the variable `located`.
    periods : int
        The last so many whose records have come in.
    draws, seed : int
        Joint draws of the posterior.

    Returns
    -------
    DataFrame
        One row per province: province, province_name, recorded (attacks with this province), lower, median and upper
        (further attacks: the central 90 % interval).

    Raises
    ------
    InputError
        Where every place is known.
    """
    panel = fit.panel
    if names.LOCATED not in panel.dataset:
        raise InputError("the place of every attack is known, or was left out by choice", where="panel")
    last = len(panel.periods) - late_periods(panel)
    here = slice(max(last - periods, 0), last)
    values = posterior_draws(fit, draws, seed)
    whole = _whole_counts(fit, values, here, np.random.default_rng(seed))
    recorded = (panel.dataset[names.ATTACKS] * panel.dataset[names.OBSERVED]).values[..., here]
    further = (whole - recorded) * panel.dataset[names.OBSERVED].values[..., here]
    lower, median, upper = np.quantile(further.sum(axis=(2, 3)), [0.05, 0.5, 0.95], axis=0, method="inverted_cdf")
    labels = {name: panel.dataset[name].values for name in (names.PROVINCE, names.PROVINCE_NAME)}
    return pd.DataFrame(
        {**labels, "recorded": recorded.sum(axis=(1, 2)), "lower": lower, "median": median, "upper": upper}
    )


def _whole_counts(
    fit: BayesianFit, values: Mapping[str, Array], here: slice, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Joint draws of the whole counts of some periods: (sample, province, tactic, period).

    What is recorded counts, and what is missing is drawn given it: of a negative binomial count with mean mu and
    dispersion phi of which a share pi is recorded, y, the rest is negative binomial with mean (1 − pi) mu (phi + y) /
    (phi + pi mu) and dispersion phi + y. A cell that is not observed is drawn as a whole. Where more is recorded than
    is expected to stand, each record stands with the chance that it has.
    """
    panel, bound = fit.panel, fit.bound
    coverage = panel.dataset[names.COVERAGE].values[..., here]
    samples = len(next(iter(values.values())))
    log_mu = np.zeros((samples, *coverage.shape)) + np.log(panel.dataset[names.EXPOSURE].values[..., here])
    log_known = np.broadcast_to(np.log(coverage), log_mu.shape)
    for term, blocks in bound.terms:
        for block in blocks:
            added = block.added(values)
            added = added if added.shape[-1] == 1 else added[..., here]
            if isinstance(term, Recording):
                log_known = log_known + added
            else:
                log_mu += added
    recorded = panel.dataset[names.ATTACKS].values[..., here]
    observed = panel.dataset[names.OBSERVED].values[..., here]
    family = bound.model.family
    theta = {name: values[name] for name in family.parameters()}
    whole = np.empty(log_mu.shape, dtype=np.int64)
    for step in range(coverage.shape[-1]):
        # An unobserved cell is one of which nothing is known; an error makes no record one that will be withdrawn.
        most = np.where(coverage[..., step] > 1, np.inf, 1.0)
        known = np.where(observed[..., step], np.minimum(np.exp(log_known[..., step]), most), 0.0)
        seen = np.broadcast_to(recorded[..., step] * observed[..., step], known.shape)
        stands = rng.binomial(seen, np.where(known > 1, 1 / np.maximum(known, 1.0), 1.0))
        missing = family.missing(rng, seen, log_mu[..., step], np.minimum(known, 1.0), theta)
        whole[..., step] = np.where(known > 1, stands, seen + missing)
    return whole
