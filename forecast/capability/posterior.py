"""Draws of paths and parameters, given the indicators of all forces."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import optimize

from forecast import names
from forecast.capability.measurement import Array, Measurement
from forecast.capability.parameters import Layout
from forecast.capability.state_space import Force
from forecast.errors import InputError
from forecast.progress import progress

__all__ = ["Posterior", "posterior"]

# Steps of the differences that the gradient and the Hessian are taken by, in prior SDs.
_STEP, _WIDE = 1e-4, 0.02
# Relative change of the log density that ends the search: parameters are drawn about its end, and weighed.
_ENOUGH = 1e-5
# So many parameters are drawn, and taken by their weights.
_PROPOSALS = 200
# The longest that is waited for: 20 counts by month over 5 years take 40 s, and twice as many eight times as long.
_MOST_SECONDS = 1800.0


@dataclass(frozen=True)
class Posterior:
    """Paths and parameters, drawn jointly.

    Attributes
    ----------
    paths : array
        (draw, force, period), in stationary SDs.
    half_life : array
        Months (draw).
    loading : array
        Signed by direction (draw, force, indicator); NaN where a force has no such indicator.
    noise : array
        (draw, indicator); NaN for ordinal ones.
    """

    paths: Array
    half_life: Array
    loading: Array
    noise: Array


def posterior(
    table: pd.DataFrame, periods: int, months: float, prior: Measurement, draws: int, rng: np.random.Generator
) -> Posterior:
    """Draw the paths of all forces of a table.

    Parameters
    ----------
    table : DataFrame
        What `on_working_scale` made of values with directions 1 and -1 only.
    periods : int
        Length of the paths.
    months : float
        Length of a period.
    prior : Measurement
        What is believed beforehand.
    draws : int
        How many.
    rng : Generator
        Source of randomness.

    Raises
    ------
    InputError
        Where so many indicators take longer than half an hour.
    """
    layout = Layout.of(table, months, prior)
    forces = [Force(layout, number, table, periods) for number in range(len(layout.forces))]
    what = f"Measuring capability by {table[names.INDICATOR].nunique()} indicators"
    with progress(what, max_seconds=_MOST_SECONDS, even=False) as work:

        def tell(stage: str) -> None:
            if not work(0.0, f"{what}: {stage}"):
                found, expected = f"{table[names.INDICATOR].nunique()} indicators", f"at most {_MOST_SECONDS:g} seconds"
                hint = "Leave out indicators that say the same, or those with few values"
                raise InputError(
                    "takes too long to measure", where="capability", found=found, expected=expected, hint=hint
                )

        mode, root = _searched(layout, forces, tell)
        away = rng.standard_normal((_PROPOSALS, len(mode)))
        proposed = mode + away @ root.T
        log_density = np.empty(_PROPOSALS)
        for number, vector in enumerate(proposed):
            tell(f"weight {number + 1} of {_PROPOSALS}")
            log_density[number] = _log_density(forces, vector)
    log_weight = log_density + 0.5 * (away**2).sum(axis=1)
    weight = np.exp(log_weight - log_weight.max())
    chosen = np.sort(rng.choice(_PROPOSALS, draws, p=weight / weight.sum()))
    paths = np.empty((draws, len(forces), periods))
    for place in np.unique(chosen):
        sampled = np.flatnonzero(chosen == place)
        for number, force in enumerate(forces):
            paths[sampled, number] = force.drawn(proposed[place], len(sampled), rng)
    mixed = rng.permutation(draws)
    vectors = proposed[chosen][mixed]
    loading = np.stack([[layout.loading(vector, number) for number in range(len(forces))] for vector in vectors])
    noise = np.stack([layout.noise(vector) for vector in vectors])
    return Posterior(paths[mixed], np.array([layout.half_life(vector) for vector in vectors]), loading, noise)


def _log_density(forces: Sequence["Force"], vector: Array) -> float:
    return sum(force.log_likelihood(vector) for force in forces) - 0.5 * float(vector @ vector)


def _searched(layout: Layout, forces: Sequence["Force"], tell: Callable[[str], None]) -> tuple[Array, Array]:
    """Mode of the parameters, and a root of their covariance there; `tell` is told what is done, and may raise."""
    elements_of = [layout.of_force(number) for number in range(len(forces))]
    steps = 0

    def value(vector: Array) -> tuple[float, Array]:
        nonlocal steps
        steps += 1
        total, gradient = 0.5 * float(vector @ vector), vector.copy()
        for force, elements in zip(forces, elements_of, strict=True):
            here = force.log_likelihood(vector)
            total -= here
            for element in elements:
                tell(f"step {steps} to the mode")
                gradient[element] -= (force.log_likelihood(_moved(vector, element, _STEP)) - here) / _STEP
        return total, gradient

    minimum = optimize.minimize(value, np.zeros(layout.size), jac=True, method="L-BFGS-B", options={"ftol": _ENOUGH})
    mode, hessian = np.asarray(minimum.x), np.eye(layout.size)
    for force, elements in zip(forces, elements_of, strict=True):
        here = force.log_likelihood(mode)
        ends = {one: [force.log_likelihood(_moved(mode, one, sign * _WIDE)) for sign in (1, -1)] for one in elements}
        for place, one in enumerate(elements):
            tell(f"curvature, {place + 1} of {len(elements)}")
            hessian[one, one] -= (sum(ends[one]) - 2 * here) / _WIDE**2
            for other in elements[:place]:
                both = force.log_likelihood(_moved(_moved(mode, one, _WIDE), other, _WIDE))
                mixed = (both - ends[one][0] - ends[other][0] + here) / _WIDE**2
                hessian[one, other] -= mixed
                hessian[other, one] -= mixed
    # Differences are noisy: no direction is believed to be less certain than the prior makes it.
    values, vectors = np.linalg.eigh(hessian)
    return mode, np.asarray(vectors / np.sqrt(np.maximum(values, 1.0)))


def _moved(vector: Array, element: int, step: float) -> Array:
    stepped = vector.copy()
    stepped[element] += step
    return stepped
