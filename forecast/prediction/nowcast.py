"""Attacks that counts do not hold: records that are still to come, and those without a province or a kind."""

from collections.abc import Mapping
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from forecast import names
from forecast.errors import InputError
from forecast.inference.posterior.bayesian import BayesianFit, posterior_draws
from forecast.model.recording import Recording
from forecast.panel.panel import Panel

__all__ = ["SHARES", "late_periods", "nowcast_draws", "placed"]

Array = npt.NDArray[np.float64]
Lacking = Literal["province", "tactic"]
# The share of attacks that have what others lack.
SHARES: Final[Mapping[Lacking, str]] = {"province": names.LOCATED, "tactic": names.TYPED}


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


def placed(
    fit: BayesianFit,
    *,
    by: Lacking = "province",
    periods: int = 12,
    draws: int = 400,
    seed: int,
) -> pd.DataFrame:
    """In which provinces a model places the attacks without one, or of which tactics it takes those without one.

    Parameters
    ----------
    fit : BayesianFit
        Of a panel with the variable `located` or, by tactic, `typed`.
    by : {'province', 'tactic'}
        Attacks of which no more than the country is known, or attacks in a known province of unknown tactic.
    periods : int
        The last so many whose records have come in.
    draws, seed : int
        Joint draws of the posterior.

    Returns
    -------
    DataFrame
        One row per province: province, province_name, recorded (attacks that count in its cells), lower, median and
        upper (further attacks: the central 90 % interval). By tactic the same, with tactic in place of both names.

    Raises
    ------
    InputError
        Where the place, or the tactic, of every attack is known.
    """
    panel = fit.panel
    if by not in SHARES:
        raise InputError("unknown choice", where="by", found=by, expected=list(SHARES))
    if SHARES[by] not in panel.dataset:
        what = "place" if by == names.PROVINCE else "kind"
        raise InputError(f"the {what} of every attack is known, or left as it is by choice", where="panel")
    last = len(panel.periods) - late_periods(panel)
    here = slice(max(last - periods, 0), last)
    values = posterior_draws(fit, draws, seed)
    rng = np.random.default_rng(seed)
    whole = _whole_counts(fit, values, here, rng)
    recorded = (panel.dataset[names.ATTACKS] * panel.dataset[names.OBSERVED]).values[..., here]
    further = (whole - recorded) * panel.dataset[names.OBSERVED].values[..., here]
    known = xr.ones_like(panel.dataset[names.EXPOSURE])
    located, typed, collected = (panel.dataset.get(name, known).values[..., here] for name in names.SHARES)
    # The chance that what is missing has no province, or has one and no tactic.
    lacking = collected * (located * (1 - typed) if by == names.TACTIC else 1 - located)
    missing = 1 - collected * located * typed
    further = rng.binomial(further, lacking / np.maximum(missing, np.finfo(float).tiny))
    axis, labelled = (0, (names.TACTIC,)) if by == names.TACTIC else (1, (names.PROVINCE, names.PROVINCE_NAME))
    sums = further.sum(axis=(axis + 1, 3))
    lower, median, upper = np.quantile(sums, [0.05, 0.5, 0.95], axis=0, method="inverted_cdf")
    labels = {name: panel.dataset[name].values for name in labelled}
    return pd.DataFrame(
        {**labels, "recorded": recorded.sum(axis=(axis, 2)), "lower": lower, "median": median, "upper": upper}
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
