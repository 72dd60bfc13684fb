"""The likelihood of counts of single cells: pointwise in NumPy, and as one node of a PyMC model."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt

from forecast import names
from forecast.errors import InputError
from forecast.model.families import Counts, Family
from forecast.model.spec import BoundModel

__all__ = ["OBSERVATION", "add_likelihood", "observed_values", "pointwise", "pytensor_maths"]

Array = npt.NDArray[np.float64]
OBSERVATION = "observation"


def pytensor_maths() -> SimpleNamespace:
    """The functions that a family's log mass needs, in PyTensor."""
    import pytensor.tensor as pt

    return SimpleNamespace(
        exp=pt.exp,
        log=pt.log,
        expm1=pt.expm1,
        gammaln=pt.gammaln,
        logaddexp=pt.logaddexp,
        softplus=pt.softplus,
        log_sigmoid=lambda x: -pt.softplus(-x),
        where=pt.where,
    )


def observed_values(bound: BoundModel) -> Array:
    """The used counts; an `InputError` where there are none."""
    if not len(bound.rows):
        raise InputError("has no observation to fit to", source="panel")
    return bound.panel.observations.table[names.VALUE].to_numpy(dtype=float)[bound.rows]


def pointwise(bound: BoundModel, eta: Array, theta: Mapping[str, Array]) -> Array:
    """Log likelihood of every used observation, for every sample.

    Parameters
    ----------
    bound : BoundModel
        Model and panel.
    eta : array
        (sample, province, tactic, period), without exposure; see `forecast.inference.posterior.labels.eta`.
    theta : mapping
        The family's parameters, (sample) or (sample, tactic).

    Returns
    -------
    array
        (sample, observation).
    """
    if bound.is_published:
        raise InputError("are no probabilities of single observations", source="published counts and their parts")
    value, family = observed_values(bound), bound.model.family
    total = (eta + bound.log_exposure).reshape(len(eta), -1)
    result = np.empty((len(eta), len(value)))
    for sample in range(len(eta)):
        parameters = {name: np.asarray(theta[name])[sample] for name in family.parameters()}
        result[sample] = family.log_mass(bound.counts, total[sample, bound.cells], parameters)
    return result


def add_likelihood(bound: BoundModel, eta: Any, theta: Mapping[str, Any]) -> None:
    """Add the node `attacks` to the PyMC model of the context.

    Parameters
    ----------
    bound : BoundModel
        Model and panel.
    eta : PyTensor vector
        Eta of the cell of each used observation, exposure included.
    theta : mapping
        The family's parameters, in PyTensor.

    Notes
    -----
    Everything that depends on the counts is held as `pm.Data`. Log-gammas are evaluated once per distinct count and
    tactic.
    """
    import pymc as pm

    value = pm.Data("value", observed_values(bound), dims=OBSERVATION)
    family, maths = bound.model.family, pytensor_maths()
    held = {
        name: pm.Data(name, getattr(bound.counts, name))
        for name in ("tactic", "distinct_value", "distinct_tactic", "pair")
    }
    parameters = list(family.parameters())

    def logp(value: Any, eta: Any, *given: Any) -> Any:
        return family.log_mass(Counts(value, **held), eta, dict(zip(parameters, given, strict=True)), maths)

    def random(*given: Any, rng: Any = None, size: Any = None) -> Any:
        eta, drawn = np.asarray(given[0]), dict(zip(parameters, given[1:], strict=True))
        tactic = held["tactic"].get_value()
        return _drawn(family, rng, eta, {name: np.asarray(drawn[name]) for name in parameters}, tactic)

    dims = ["(t)" if theta[name].ndim else "()" for name in parameters]
    pm.CustomDist(
        names.ATTACKS,
        eta,
        *(theta[name] for name in parameters),
        logp=logp,
        random=random,
        signature=f"{','.join(['(n)', *dims])}->(n)",
        observed=value,
        dims=OBSERVATION,
    )


def _drawn(family: Family, rng: np.random.Generator, eta: Array, theta: Mapping[str, Array], tactic: Any) -> Array:
    """Counts of single cells, through the family's own draws: each cell is a tactic to it."""
    parameters = {name: (array[tactic] if array.ndim else array)[None] for name, array in theta.items()}
    return np.asarray(family.draw(rng, eta[None, None], parameters)[0, 0], dtype=float)
