"""The likelihood of published counts: totals, their parts, and subsets of them (see `forecast.panel.facts`).

With mu the expected counts of cells and S their sum over a set of cells, per period and publisher:

    total | mu            ~ NB(κ·S, S² / Σ mu²/phi)          the mean and variance of a sum of negative binomial counts
    parts | total         ~ Multinomial(total, S_j / S)      what is in no part is one more
    subset | whole        ~ Binomial(whole, share)

κ is the factor of a publisher's definition, 1 for the reference of each zone: log κ ~ N(0, 1). A definition whose
attacks are among those of another by the same publisher (claimed of recorded) has that one's factor times its share,
logit share ~ N(0, 1.5²). A number that is known between bounds gets the probability of all counts between them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from forecast import names
from forecast.inference.likelihood import Members, matched_log_mass, pytensor_maths
from forecast.model.priors import Normal, Prior
from forecast.model.spec import BoundModel

__all__ = ["FACTOR", "SHARE", "Published", "add_published", "published_parameters"]

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]
FACTOR, SHARE = "log_factor", "logit_share"
_PRIORS: Mapping[str, Prior] = {FACTOR: Normal(0.0, 1.0), SHARE: Normal(0.0, 1.5)}
# Probability that is left above a floor, at least: its logarithm must be a number.
_LEAST = 1e-12


@dataclass(frozen=True)
class Published:
    """The statements of a bound model's published counts, as arrays.

    Attributes
    ----------
    members : Members
        Cells of each observation.
    rows : int
        How many observations there are.
    factors, shares : tuple of str
        Labels of the parameters: 'zone: definition, publisher'.
    factor, share : array of int
        Of each observation; −1 where it has none.
    exact, value : array
        Totals that are known: their observations, and the counts.
    between, above : array
        Totals known between bounds: their observations, and whether what is wanted lies above all of `count`.
    bounded, count : array
        Counts that are summed over, and which of `between` each is for.
    part, whole, number, group : array
        Parts: their observations, those of their wholes, their counts, and which split each belongs to.
    group_whole, rest : array
        Of each split: the observation that is split, and what is in none of its parts.
    constant : float
        What the coefficients of the multinomials and binomials add.
    subset, chosen, of : array
        Subsets: their observations, their counts and those of their wholes.
    """

    members: Members
    rows: int
    factors: tuple[str, ...]
    shares: tuple[str, ...]
    factor: Index
    share: Index
    exact: Index
    value: Array
    between: Index
    bounded: Index
    count: Array
    above: npt.NDArray[np.bool_]
    part: Index
    whole: Index
    number: Array
    group: Index
    group_whole: Index
    rest: Array
    constant: float
    subset: Index
    chosen: Array
    of: Array

    @classmethod
    def of_bound(cls, bound: BoundModel) -> "Published":
        """Of the observations that a bound model uses."""
        from scipy.special import gammaln

        table = bound.panel.observations.table.iloc[bound.rows].reset_index(drop=True)
        position = np.full(len(bound.panel.observations) + 1, -1)
        position[bound.rows] = np.arange(len(table))
        whole = position[table["whole"].to_numpy()]
        kind = table["kind"].to_numpy().astype(str)
        kind = np.where(whole < 0, "total", kind)
        label, wide = (
            (table[names.ZONE] + ": " + table[column] + ", " + table[names.PUBLISHER]).to_numpy().astype(str)
            for column in (names.DEFINITION, "within")
        )
        is_share = (table["within"].to_numpy().astype(str) != "") & ~table["is_reference"].to_numpy(bool)
        own = np.where(is_share, wide, label)
        references = set(label[table["is_reference"].to_numpy(bool)])
        factors = tuple(sorted(set(own) - references))
        shares = tuple(sorted(set(label[is_share])))
        factor = np.array([factors.index(each) if each in factors else -1 for each in own], dtype=np.intp)
        share = np.array([shares.index(each) if each in shares else -1 for each in label], dtype=np.intp)
        lower, upper = table[names.LOWER].to_numpy(float), table[names.UPPER].to_numpy(float)
        exact = np.flatnonzero((kind == "total") & (lower == upper))
        between = np.flatnonzero((kind == "total") & (lower != upper))
        above = np.isinf(upper[between])
        spans = [
            np.arange(0, lower[at]) if up else np.arange(lower[at], upper[at] + 1)
            for at, up in zip(between, above, strict=True)
        ]
        part, subset = np.flatnonzero(kind == "part"), np.flatnonzero(kind == "subset")
        members = Members.of(bound)
        pairs = np.unique(np.stack([members.row, members.tactic]), axis=1)
        tactics = np.bincount(pairs[0], minlength=len(table))
        # A whole is split by province or by tactic, or twice, once by each.
        splits = {key: at for at, key in enumerate(dict.fromkeys(_split_of(part, whole, tactics)))}
        group = np.array([splits[key] for key in _split_of(part, whole, tactics)], dtype=np.intp)
        group_whole = np.array([key[0] for key in splits], dtype=np.intp)
        rest = lower[group_whole] - np.bincount(group, lower[part], minlength=len(splits)).astype(float)
        constant = float(
            gammaln(lower[group_whole] + 1).sum()
            - gammaln(lower[part] + 1).sum()
            - gammaln(rest + 1).sum()
            + (gammaln(lower[whole[subset]] + 1) - gammaln(lower[subset] + 1)).sum()
            - gammaln(lower[whole[subset]] - lower[subset] + 1).sum()
        )
        return cls(
            members,
            len(table),
            factors,
            shares,
            factor,
            share,
            exact,
            lower[exact],
            between,
            np.repeat(np.arange(len(between)), [len(span) for span in spans]),
            np.concatenate([np.zeros(0), *spans]),
            above,
            part,
            whole[part],
            lower[part],
            group,
            group_whole,
            rest,
            constant,
            subset,
            lower[subset],
            lower[whole[subset]],
        )

    @property
    def split(self) -> Array:
        """The count that each split is of."""
        return np.bincount(self.group, self.number, minlength=len(self.rest)) + self.rest

    def log_scale(self, theta: Mapping[str, Any], maths: Any) -> Any:
        """Log of what the expected count of each observation is multiplied by."""
        scale: Any = 0.0
        if self.factors:
            scale = scale + _picked(theta[FACTOR], self.factor)
        if self.shares:
            scale = scale + _picked(maths.log_sigmoid(theta[SHARE]), self.share)
        return scale

    def log_mass(
        self,
        family: Any,
        eta: Any,
        theta: Mapping[str, Any],
        maths: Any,
        summed: Callable[[Any, Index, int], Any],
    ) -> Any:
        """Log probability of all that was published.

        Parameters
        ----------
        family : Family
            Poisson or negative binomial.
        eta : vector
            Of each member, exposure included.
        theta : mapping
            The family's parameters, and `log_factor` and `logit_share`.
        maths, summed
            Functions of NumPy or PyTensor; `summed(values, row, rows)` adds values up by row.
        """
        sums = summed(maths.exp(eta), self.members.row, self.rows)
        log_sum = maths.log(sums)
        log_mu = log_sum + self.log_scale(theta, maths)
        own: dict[str, Any] = {}
        if "log_phi" in theta:
            log_phi = theta["log_phi"]
            log_phi = log_phi[self.members.tactic] if getattr(family, "by", None) else log_phi
            own["log_phi"] = 2 * log_sum - maths.log(summed(maths.exp(2 * eta - log_phi), self.members.row, self.rows))

        def counted(value: Any, at: Index) -> Any:
            return matched_log_mass(family, value, log_mu[at], {name: each[at] for name, each in own.items()}, maths)

        total = counted(self.value, self.exact).sum() + self.constant
        if len(self.between):
            mass = maths.exp(counted(self.count, self.between[self.bounded]))
            held = summed(mass, self.bounded, len(self.between))
            wanted = maths.where(self.above, 1.0 - held, held)
            total = total + maths.log(maths.where(wanted > _LEAST, wanted, _LEAST)).sum()
        if len(self.part):
            share = sums[self.part] / sums[self.whole]
            left = 1.0 - summed(share, self.group, len(self.group_whole))
            total = total + (self.number * maths.log(share)).sum()
            some = np.flatnonzero(self.rest > 0)
            left = left[some]
            total = total + (self.rest[some] * maths.log(maths.where(left > _LEAST, left, _LEAST))).sum()
        if len(self.subset):
            logit = theta[SHARE][self.share[self.subset]]
            total = total + (self.chosen * logit - self.of * maths.softplus(logit)).sum()
        return total


def published_parameters(bound: BoundModel) -> dict[str, tuple[Prior, tuple[str, ...], tuple[str, ...]]]:
    """Parameters of published counts by name: prior, dims and labels; none for a panel without them."""
    if not bound.is_published:
        return {}
    found = Published.of_bound(bound)
    labels = {FACTOR: found.factors, SHARE: found.shares}
    return {name: (_PRIORS[name], (name.split("_")[1],), each) for name, each in labels.items() if each}


def add_published(bound: BoundModel, eta: Any, theta: Mapping[str, Any]) -> None:
    """Add the likelihood of published counts to the PyMC model of the context."""
    import pymc as pm
    import pytensor.tensor as pt

    def summed(values: Any, row: Index, rows: int) -> Any:
        return pt.inc_subtensor(pt.zeros(rows)[row], values)

    found = Published.of_bound(bound)
    pm.Potential("published", found.log_mass(bound.model.family, eta, theta, pytensor_maths(), summed))


def _picked(values: Any, index: Index) -> Any:
    """Values by index, 0 where that is −1."""
    return values[np.maximum(index, 0)] * (index >= 0)


def _split_of(part: Index, whole: Index, tactics: Index) -> list[tuple[int, bool]]:
    """Of each part: its whole, and whether it is split by tactic."""
    return [(int(whole[at]), bool(tactics[at] < tactics[whole[at]])) for at in part]
