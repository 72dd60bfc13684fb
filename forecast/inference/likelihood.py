"""The likelihood of a panel's observations: pointwise in NumPy, and as one node of a PyMC model."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt

from forecast import names
from forecast.counts import draw_counts
from forecast.errors import InputError
from forecast.model.families import NUMPY, Counts, Family, NegativeBinomial
from forecast.model.spec import BoundModel

__all__ = [
    "OBSERVATION",
    "Members",
    "add_likelihood",
    "matched_log_mass",
    "observed_values",
    "pointwise",
    "pytensor_maths",
]

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


@dataclass(frozen=True)
class Members:
    """The cells that the used observations are sums of, one entry per observation and cell.

    Attributes
    ----------
    cell : array of int
        Position of the cell, in C order of the grid.
    row : array of int
        Which of the used observations it belongs to.
    tactic : array of int
        Its tactic.
    """

    cell: npt.NDArray[np.intp]
    row: npt.NDArray[np.intp]
    tactic: npt.NDArray[np.intp]

    @classmethod
    def of(cls, bound: BoundModel) -> "Members":
        """Of the observations that a bound model uses."""
        cells = bound.panel.observations.cells[bound.rows].tocoo()
        _, tactic, _ = np.unravel_index(cells.col, bound.grid)
        return cls(cells.col.astype(np.intp), cells.row.astype(np.intp), np.asarray(tactic, dtype=np.intp))


def observed_values(bound: BoundModel) -> Array:
    """The used observations; an `InputError` where one is known by its bounds only."""
    table = bound.panel.observations.table.iloc[bound.rows]
    if not len(table):
        raise InputError("has no observation to fit to", source="panel")
    value = table[names.VALUE].to_numpy(dtype=float)
    inexact = ~((table[names.LOWER].to_numpy() == value) & (table[names.UPPER].to_numpy() == value))
    if inexact.any():
        found = f"{inexact.sum()} known by bounds only"
        raise InputError("takes exact counts only", source="observations", found=found)
    return value


def pointwise(bound: BoundModel, eta: Array, theta: Mapping[str, Array]) -> Array:
    """Log likelihood of every used observation, for every sample.

    Parameters
    ----------
    bound : BoundModel
        Model and panel.
    eta : array
        (sample, province, tactic, period), without exposure; see `forecast.inference.bayesian.eta`.
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
    members = Members.of(bound)
    for sample in range(len(eta)):
        own = {name: np.asarray(theta[name])[sample] for name in family.parameters()}
        if bound.is_cellwise:
            result[sample] = family.log_mass(bound.counts, total[sample, bound.cells], own)
        else:
            sums = np.bincount(members.row, np.exp(total[sample, members.cell]), minlength=len(value))
            matched = {}
            if "log_phi" in own:
                log_phi = _of_tactic(family, own["log_phi"], members.tactic)
                spread = np.exp(2 * total[sample, members.cell] - log_phi)
                matched = {"log_phi": 2 * np.log(sums) - np.log(np.bincount(members.row, spread, minlength=len(value)))}
            result[sample] = matched_log_mass(family, value, np.log(sums), matched, NUMPY)
    return result


def add_likelihood(bound: BoundModel, eta: Any, theta: Mapping[str, Any]) -> None:
    """Add the node `attacks` to the PyMC model of the context.

    Parameters
    ----------
    bound : BoundModel
        Model and panel.
    eta : PyTensor vector
        Eta of the cells, exposure included: of each used observation, or of each of its `Members` where
        observations are sums.
    theta : mapping
        The family's parameters, in PyTensor.

    Notes
    -----
    Everything that depends on the counts is held as `pm.Data`, so that another panel of the same shape needs no new
    compilation. Log-gammas are evaluated once per distinct count and tactic. A sum of negative binomial counts is
    taken as negative binomial with the same mean and variance.
    """
    import pymc as pm

    value = pm.Data("value", observed_values(bound), dims=OBSERVATION)
    if bound.is_cellwise:
        _add_cellwise(bound, value, eta, theta)
    else:
        _add_sums(bound, value, eta, theta)


def _add_cellwise(bound: BoundModel, value: Any, eta: Any, theta: Mapping[str, Any]) -> None:
    import pymc as pm

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
    _node(logp, random, value, [eta, *(theta[name] for name in parameters)], ["(n)", *dims])


def _add_sums(bound: BoundModel, value: Any, eta: Any, theta: Mapping[str, Any]) -> None:
    import pymc as pm
    import pytensor.tensor as pt

    family, maths, members = bound.model.family, pytensor_maths(), Members.of(bound)
    row, tactic = pm.Data("row", members.row), pm.Data("tactic", members.tactic)

    def summed(entries: Any) -> Any:
        return pt.inc_subtensor(pt.zeros_like(value)[row], entries)

    log_mu = pt.log(summed(pt.exp(eta)))
    given = [log_mu]
    if "log_phi" in theta:
        log_phi = _of_tactic(family, theta["log_phi"], tactic)
        given.append(2 * log_mu - pt.log(summed(pt.exp(2 * eta - log_phi))))

    def logp(value: Any, log_mu: Any, *log_phi: Any) -> Any:
        return matched_log_mass(family, value, log_mu, {"log_phi": log_phi[0]} if log_phi else {}, maths)

    def random(*drawn: Any, rng: Any = None, size: Any = None) -> Any:
        return draw_counts(rng, np.exp(drawn[0]), np.exp(drawn[1]) if len(drawn) > 1 else np.inf)

    _node(logp, random, value, given, ["(n)"] * len(given))


def _node(logp: Any, random: Any, value: Any, given: list[Any], dims: list[str]) -> None:
    import pymc as pm

    pm.CustomDist(
        names.ATTACKS,
        *given,
        logp=logp,
        random=random,
        signature=f"{','.join(dims)}->(n)",
        observed=value,
        dims=OBSERVATION,
    )


def _of_tactic(family: Family, parameter: Any, tactic: Any) -> Any:
    return parameter[tactic] if getattr(family, "by", None) else parameter


def matched_log_mass(family: Family, value: Any, log_mu: Any, theta: Mapping[str, Any], maths: Any) -> Any:
    """Log mass of sums: the family with a mean and a dispersion of each observation's own."""
    # 0, 1, 2, … in NumPy and PyTensor alike: each observation is a tactic to the family.
    own = (value * 0 + 1).cumsum().astype("int64") - 1
    counts = Counts(value, own, value, own, own)
    return (NegativeBinomial(by=names.TACTIC) if theta else family).log_mass(counts, log_mu, theta, maths)


def _drawn(family: Family, rng: np.random.Generator, eta: Array, theta: Mapping[str, Array], tactic: Any) -> Array:
    """Counts of single cells, through the family's own draws: each cell is a tactic to it."""
    own = {name: (array[tactic] if array.ndim else array)[None] for name, array in theta.items()}
    return np.asarray(family.draw(rng, eta[None, None], own)[0, 0], dtype=float)
