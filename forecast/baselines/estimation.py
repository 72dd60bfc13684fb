"""The regression's maximum likelihood, by statsmodels, and effects where it does not exist."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from forecast import names
from forecast.baselines.common import Array
from forecast.baselines.design import LAG, TrainingCells
from forecast.errors import InputError

__all__ = ["LARGEST_FEEDBACK", "Estimate", "effects_without_attacks", "feedback", "maximum_likelihood"]


# Largest sum of the positive slopes on log(1 + past counts): above 1, simulated counts may grow without bound. On UCDP
# Myanmar and Mexico the estimate is .9 to 1.9, and six months ahead the median of the total was up to 41 and 16 times
# what came; with the bound at 1, .95, .9 and .8 up to 2.0, 1.5, 1.6, 1.5 and 4.1, 3.0, 2.0, 1.2 times, and the CRPS of
# log of totals .70 .70 .70 .73 (1.06 without it) and .41 .36 .38 .47 (.67). Iraq's slopes (.7) lie below.
LARGEST_FEEDBACK = 0.95
# What a province or tactic without a single attack is expected to have had in all.
_EMPTY_TOTAL = 0.5
# Below this 1/phi the negative binomial is Poisson, and its likelihood flat.
_SMALLEST_ALPHA = 1e-4
_POISSON_NOTE = "the counts are Poisson: the dispersion of the negative binomial could not be estimated"


@dataclass(frozen=True)
class Estimate:
    """Maximum likelihood: values and covariance of the terms, then of log_alpha unless Poisson; notes for readers."""

    values: Array
    covariance: Array
    converged: bool
    notes: tuple[str, ...] = ()


def maximum_likelihood(cells: TrainingCells) -> Estimate:
    """Negative binomial regression started from the Poisson one, which stays, with a note, where it fails.

    Where the slopes on past counts add up to more than `LARGEST_FEEDBACK` they are held there, with a note, and the
    others estimated given these.

    Raises
    ------
    InputError
        Where the Poisson regression has no finite estimate, as with a count or an exposure far from all others.
    """
    estimate = _unbounded(cells)
    if feedback(cells.terms, estimate.values) <= LARGEST_FEEDBACK:
        return estimate
    return _on_the_bound(cells, estimate)


def feedback(terms: Sequence[str], values: Array) -> Array:
    """Sum of the positive slopes on past counts, over the leading axes of `values` (…, term)."""
    lags = [number for number, term in enumerate(terms) if term.startswith(LAG)]
    total: Array = np.maximum(values[..., lags], 0.0).sum(-1)
    return total


def effects_without_attacks(cells: TrainingCells, estimate: Estimate) -> tuple[Array, tuple[str, ...]]:
    """Effects, on the log scale, of provinces and tactics without an attack, and a note on each kind.

    Their maximum likelihood is minus infinity. Each gets the effect with which half an attack was to be expected in
    all its usable cells; a province without usable cells gets the mean effect of the others.
    """
    eta = cells.offset + cells.matrix @ estimate.values[: len(cells.terms)]
    expected = np.where(cells.usable, np.exp(eta), 0.0).sum(-1)
    provinces, tactics = np.any(cells.busy, axis=1), np.any(cells.busy, axis=0)
    slopes = dict(zip(cells.terms, estimate.values, strict=False))
    effects = np.array([slopes.get(f"province[{label}]", 0.0) for label in cells.design.provinces])
    average = effects[provinces].mean()
    by_province = _effects(expected[:, tactics].sum(1), provinces, average)
    by_tactic = _effects(expected[provinces].sum(0), tactics, 0.0)
    notes = []
    for dim, busy, cells_of in ((names.PROVINCE, provinces, 1), (names.TACTIC, tactics, 0)):
        quiet = int((~busy & cells.usable.any((cells_of, 2))).sum())
        if quiet:
            notes.append(f"{quiet} of {busy.size} {dim}s had no attack: each is expected to have had half of one")
    unseen = int((~cells.usable.any((1, 2))).sum())
    if unseen:
        notes.append(
            f"{unseen} of {provinces.size} provinces have no usable cell: they take the mean effect of the others"
        )
    return np.add.outer(by_province, by_tactic), tuple(notes)


def _unbounded(cells: TrainingCells) -> Estimate:
    poisson = _poisson(cells)
    return _negative_binomial(cells, poisson) or replace(poisson, notes=(_POISSON_NOTE,))


def _on_the_bound(cells: TrainingCells, estimate: Estimate) -> Estimate:
    """The maximum likelihood of all other terms, with the slopes on past counts shrunk by one factor to the bound."""
    total = float(feedback(cells.terms, estimate.values))
    is_lag = np.array([term.startswith(LAG) for term in cells.terms])
    slopes = estimate.values[: len(cells.terms)][is_lag] * (LARGEST_FEEDBACK / total)
    others = _unbounded(
        replace(
            cells,
            terms=tuple(term for term, lag in zip(cells.terms, is_lag, strict=True) if not lag),
            matrix=cells.matrix[..., ~is_lag],
            offset=cells.offset + np.nan_to_num(cells.matrix[..., is_lag]) @ slopes,
        )
    )
    # Log alpha, where there is one, stands after the terms.
    is_lag = np.append(is_lag, np.zeros(len(others.values) - (~is_lag).sum(), bool))
    values, covariance = np.zeros(len(is_lag)), np.zeros((len(is_lag),) * 2)
    values[is_lag], values[~is_lag] = slopes, others.values
    covariance[np.ix_(~is_lag, ~is_lag)] = others.covariance
    note = (
        f"the regression's slopes on past counts add up to {total:.2f}, with which simulated counts may grow without "
        f"bound; they are held at {LARGEST_FEEDBACK:g}"
    )
    return Estimate(values, covariance, others.converged, (note, *others.notes))


def _poisson(cells: TrainingCells) -> Estimate:
    from statsmodels.genmod.families import Poisson
    from statsmodels.genmod.generalized_linear_model import GLM

    counts, exposure = cells.counts[cells.rows], np.exp(cells.offset[cells.rows])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = GLM(counts, cells.matrix[cells.rows], Poisson(), offset=cells.offset[cells.rows]).fit()
            values, covariance = np.array(result.params), np.array(result.cov_params())
        if not (np.isfinite(values).all() and np.isfinite(covariance).all()):
            raise ValueError("an estimate that is not finite")
    except (np.linalg.LinAlgError, ValueError) as error:
        raise InputError(
            "the regression has no estimate",
            source="panel",
            found=f"counts up to {counts.max():,.0f}, exposure from {exposure.min():.3g} to {exposure.max():.3g}",
            hint="Correct the count or exposure that lies far from all others, or use another model",
        ) from error
    return Estimate(values, covariance, bool(result.converged))


def _negative_binomial(cells: TrainingCells, poisson: Estimate) -> Estimate | None:
    """The estimate with log_alpha as last value; None where it does not converge."""
    from statsmodels.discrete.discrete_model import NegativeBinomial

    counts, matrix, offset = cells.counts[cells.rows], cells.matrix[cells.rows], cells.offset[cells.rows]
    means = np.exp(offset + matrix @ poisson.values)
    alpha = np.clip(((counts - means) ** 2 - means).sum() / (means**2).sum(), 0.01, 10.0)
    for method in ("newton", "bfgs"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                model = NegativeBinomial(counts, matrix, offset=offset)
                result = model.fit([*poisson.values, alpha], method=method, maxiter=200, disp=0)
                values, covariance = np.array(result.params), np.array(result.cov_params())
            except (np.linalg.LinAlgError, ValueError):
                continue
        sound = np.isfinite(values).all() and np.isfinite(covariance).all() and (np.diagonal(covariance) > 0).all()
        if result.mle_retvals["converged"] and sound and values[-1] > _SMALLEST_ALPHA:
            # The delta method: log(alpha) is nearer to normal than alpha.
            scale = np.append(np.ones(len(values) - 1), 1 / values[-1])
            values[-1] = np.log(values[-1])
            return Estimate(values, (covariance + covariance.T) / 2 * np.outer(scale, scale), converged=True)
    return None


def _effects(expected: Array, busy: npt.NDArray[np.bool_], unseen: float) -> Array:
    """0 for the busy levels; for the others what takes the expected total to half an attack, `unseen` without cells."""
    effect = np.log(_EMPTY_TOTAL / np.where(expected > 0, expected, 1.0))
    return np.where(busy, 0.0, np.where(expected > 0, effect, unseen))
