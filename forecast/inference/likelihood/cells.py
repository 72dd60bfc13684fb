"""What observed cells add to a log density: expectations over a normal eta, and sums for many draws at once.

Any family is differentiated by `jets` and averaged over the nodes of a quadrature. Of a negative binomial only
log(1 + exp(eta − log phi)) is not linear in eta, and of a Poisson only exp(eta), whose expectation is known: for these
one pass of machine code does the same.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

from forecast.inference.likelihood.jets import CellTerms, cell_terms
from forecast.inference.machine import compiled
from forecast.model.families import Counts, Family, NegativeBinomial, Poisson

__all__ = ["expected_terms", "log_mass_of_draws"]

Array = npt.NDArray[np.float64]
# Gauss–Hermite nodes of expectations over eta of a cell; what they miss is left to the weights.
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(7)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


def expected_terms(
    family: Family, counts: Counts, eta: Array, variance: Array, theta: Mapping[str, Array], parameters: bool = False
) -> CellTerms:
    """Expectations of the log mass, and of its first two derivatives in eta, where eta is normal.

    Parameters
    ----------
    family : Family
        Of the counts.
    counts : Counts
        The counts.
    eta, variance : array
        Mean and variance of eta (cell).
    theta : mapping
        Parameters of the family, by name.
    parameters : bool
        Whether to add the expected first derivatives in the family's parameters.
    """
    if type(family) is Poisson:
        mean, log_factorial = np.exp(eta + 0.5 * variance), special.gammaln(counts.distinct_value + 1)[counts.pair]
        return CellTerms(counts.value * eta - mean - log_factorial, (counts.value - mean, -mean), {})
    if type(family) is NegativeBinomial:
        log_phi, phi, table = _of_negative_binomial(counts, theta)
        softplus, share, both = _softplus_moments(eta - log_phi, np.sqrt(variance), _NODES, _WEIGHTS)
        total = counts.value + phi
        value = table[counts.pair] + counts.value * (eta - log_phi) - total * softplus
        slope = counts.value - total * share
        by_name: dict[str, Array] = {}
        if parameters:
            pair_phi = np.exp(_of_tactic(theta["log_phi"], counts.distinct_tactic))
            rising = (special.digamma(counts.distinct_value + pair_phi) - special.digamma(pair_phi))[counts.pair]
            by_name["log_phi"] = phi * (rising - softplus) - slope
        return CellTerms(value, (slope, -total * both), by_name)
    terms = cell_terms(family, counts, eta + _NODES[:, None] * np.sqrt(variance), theta, order=2, parameters=parameters)
    by_name = {name: _WEIGHTS @ scores for name, scores in terms.parameters.items()}
    return CellTerms(_WEIGHTS @ terms.value, tuple(_WEIGHTS @ derivative for derivative in terms.eta), by_name)


def log_mass_of_draws(family: Family, counts: Counts, eta: Array, d: Array, theta: Mapping[str, Array]) -> Array:
    """Log mass of all counts together, at draws of eta + d.

    Parameters
    ----------
    family : Family
        Of the counts.
    counts : Counts
        The counts.
    eta : array
        (cell).
    d : array
        (cell, draw).
    theta : mapping
        Parameters of the family, by name.

    Returns
    -------
    array
        (draw).
    """
    if type(family) is NegativeBinomial:
        log_phi, phi, table = _of_negative_binomial(counts, theta)
        constant = float((table[counts.pair] + counts.value * (eta - log_phi)).sum())
        return np.asarray(constant + counts.value @ d - _softplus_sums(counts.value + phi, eta - log_phi, d))
    return np.asarray(family.log_mass(counts, (eta[:, None] + d).T, theta).sum(axis=1))


def _of_negative_binomial(counts: Counts, theta: Mapping[str, Array]) -> tuple[Array, Array, Array]:
    """log phi and phi of each cell, and what does not depend on eta for each distinct pair."""
    log_phi, pair_log_phi = (_of_tactic(theta["log_phi"], tactic) for tactic in (counts.tactic, counts.distinct_tactic))
    phi, value = np.exp(pair_log_phi), counts.distinct_value
    table = special.gammaln(value + phi) - special.gammaln(phi) - special.gammaln(value + 1)
    return log_phi, np.exp(log_phi), table


def _of_tactic(parameter: Any, tactic: npt.NDArray[np.intp]) -> Array:
    """A parameter that is one per tactic, or one for all, for each cell."""
    return np.asarray(parameter)[tactic] if np.ndim(parameter) else np.full(len(tactic), float(parameter))


@compiled
def _softplus_moments(mean: Any, sd: Any, nodes: Any, weights: Any) -> Any:
    """Expectations of log(1 + exp(x)) and its first two derivatives, of normal x."""
    softplus, share, both = np.empty(len(mean)), np.empty(len(mean)), np.empty(len(mean))
    for cell in range(len(mean)):
        one, two, three = 0.0, 0.0, 0.0
        for k in range(len(nodes)):
            x = mean[cell] + sd[cell] * nodes[k]
            small = np.exp(-abs(x))
            most = 1.0 / (1.0 + small)
            one += weights[k] * (np.log1p(small) + max(x, 0.0))
            two += weights[k] * (most if x > 0.0 else small * most)
            three += weights[k] * small * most * most
        softplus[cell], share[cell], both[cell] = one, two, three
    return softplus, share, both


@compiled
def _softplus_sums(coefficient: Any, mean: Any, away: Any) -> Any:
    """Σ_cell coefficient · log(1 + exp(mean + away)), for each column."""
    total = np.zeros(away.shape[1])
    for cell in range(away.shape[0]):
        for column in range(away.shape[1]):
            x = mean[cell] + away[cell, column]
            total[column] += coefficient[cell] * (np.log1p(np.exp(-abs(x))) + max(x, 0.0))
    return total
