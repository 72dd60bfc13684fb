"""What will have been recorded of the last periods in the end, given what is recorded of them so far."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from forecast import names
from forecast.inference.posterior.bayesian import BayesianFit
from forecast.model.recording import Recording
from forecast.panel.panel import Panel

__all__ = ["late_periods", "nowcast_draws"]

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
    """Joint draws of the whole counts of the late periods: (sample, province, tactic, period), or None without any.

    What is recorded counts, and what is missing is drawn given it: of a negative binomial count with mean mu and
    dispersion phi of which a share pi is recorded, y, the rest is negative binomial with mean (1 − pi) mu (phi + y) /
    (phi + pi mu) and dispersion phi + y. A cell that is not observed is drawn as a whole. Where more is recorded than
    is expected to stand, each record stands with the chance that it has.
    """
    panel, bound = fit.panel, fit.bound
    late = late_periods(panel)
    if not late:
        return None
    first = bound.grid[2] - late
    samples = len(next(iter(values.values())))
    log_mu = np.zeros((samples, *bound.grid[:2], late)) + np.log(panel.dataset[names.EXPOSURE].values[..., first:])
    coverage = panel.dataset[names.COVERAGE].values[..., first:]
    log_known = np.broadcast_to(np.log(coverage), log_mu.shape)
    for term, blocks in bound.terms:
        for block in blocks:
            added = block.added(values)
            added = added if added.shape[-1] == 1 else added[..., first:]
            if isinstance(term, Recording):
                log_known = log_known + added
            else:
                log_mu += added
    recorded = panel.dataset[names.ATTACKS].values[..., first:]
    observed = panel.dataset[names.OBSERVED].values[..., first:]
    family = bound.model.family
    theta = {name: values[name] for name in family.parameters()}
    whole = np.empty(log_mu.shape, dtype=np.int64)
    for step in range(late):
        # An unobserved cell is one of which nothing is known; an error makes no record one that will be withdrawn.
        most = np.where(coverage[..., step] > 1, np.inf, 1.0)
        known = np.where(observed[..., step], np.minimum(np.exp(log_known[..., step]), most), 0.0)
        seen = np.broadcast_to(recorded[..., step] * observed[..., step], known.shape)
        stands = rng.binomial(seen, np.where(known > 1, 1 / np.maximum(known, 1.0), 1.0))
        missing = family.missing(rng, seen, log_mu[..., step], np.minimum(known, 1.0), theta)
        whole[..., step] = np.where(known > 1, stands, seen + missing)
    return whole
