"""The likelihood of published counts: totals, their parts, and subsets of them (see `forecast.panel.facts`).

With mu the expected counts of cells and S their sum over a set of cells, per period and publisher:

    total | mu            ~ NB(κ·S, ω·S² / Σ mu²/phi)        for ω = 1 mean and variance of a sum of negative binomials
    parts | total         ~ beta-binomials in turn           around S_j / S; what is in no part is one more
    subset | whole        ~ beta-binomial                    around its share

κ is the factor of a publisher's definition, 1 for the reference of each zone: log κ ~ N(0, 1). A definition whose
attacks are among those of another by the same publisher (claimed of recorded) has that one's factor times its share,
logit share ~ N(0, 1.5²). ω is of each zone, where totals are of several, log ω ~ N(0, 1): one publisher's numbers
scatter more than another's. For parts and subsets see `forecast.inference.likelihood.splits`. A number that is known
between bounds gets the probability of all counts between them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecast import names
from forecast.inference.likelihood.counts import pytensor_maths
from forecast.inference.likelihood.splits import PSI, SHARE, SUBSET, Splits, Subsets
from forecast.model.families import Counts, Family, NegativeBinomial
from forecast.model.priors import Normal, Prior
from forecast.model.spec import BoundModel

__all__ = [
    "DISPERSION",
    "FACTOR",
    "Members",
    "Published",
    "add_published",
    "likelihood_parameters",
    "published_parameters",
    "published_prior",
]

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]
Summed = Callable[[Any, Index, int], Any]
FACTOR, DISPERSION = "log_factor", "log_omega"
# Prior and dim of each parameter.
_PARAMETERS: Mapping[str, tuple[Prior, str]] = {
    FACTOR: (Normal(0.0, 1.0), "factor"),
    SHARE: (Normal(0.0, 1.5), "share"),
    DISPERSION: (Normal(0.0, 1.0), "zone_of_totals"),
    PSI: (Normal(0.0, 1.0), "zone_of_parts"),
    SUBSET: (Normal(2.0, 1.5), "share_of_subsets"),
}
# Added to the probability between bounds: its logarithm must be a number.
_LEAST = 1e-12


@dataclass(frozen=True)
class Members:
    """The cells that published counts are of, one entry per observation and cell.

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


@dataclass(frozen=True)
class Published:
    """The statements of a bound model's published counts, as arrays.

    Attributes
    ----------
    members : Members
        Cells of each set: of each observation, and then of what each split leaves.
    rows : int
        How many sets there are.
    factors, shares : tuple of str
        Labels of the parameters: 'zone: definition, publisher'.
    zones : tuple of str
        Those whose totals have a dispersion of their own; none where all totals are of one.
    factor, share, zone : array of int
        Of each set; −1 where it has none.
    exact, value : array
        Totals that are known: their sets, and the counts.
    between, above : array
        Totals known between bounds: their sets, and whether what is wanted lies above all of `count`.
    bounded, count : array
        Counts that are summed over, and which of `between` each is for.
    splits : Splits
        Totals that fall into parts.
    subsets : Subsets
        Counts that are among others.
    """

    members: Members
    rows: int
    factors: tuple[str, ...]
    shares: tuple[str, ...]
    zones: tuple[str, ...]
    factor: Index
    share: Index
    zone: Index
    exact: Index
    value: Array
    between: Index
    bounded: Index
    count: Array
    above: npt.NDArray[np.bool_]
    splits: Splits
    subsets: Subsets

    @classmethod
    def of_bound(cls, bound: BoundModel) -> "Published":
        """Of the observations that a bound model uses."""
        table = bound.panel.observations.table.iloc[bound.rows].reset_index(drop=True)
        position = np.full(len(bound.panel.observations) + 1, -1)
        position[bound.rows] = np.arange(len(table))
        whole = position[table["whole"].to_numpy()]
        kind = np.where(whole < 0, "total", table["kind"].to_numpy().astype(str))
        lower, upper = table[names.LOWER].to_numpy(float), table[names.UPPER].to_numpy(float)
        exact = np.flatnonzero((kind == "total") & (lower == upper))
        between = np.flatnonzero((kind == "total") & (lower != upper))
        above = np.isinf(upper[between])
        spans = [
            np.arange(0, lower[at]) if up else np.arange(lower[at], upper[at] + 1)
            for at, up in zip(between, above, strict=True)
        ]
        zone = table[names.ZONE].to_numpy().astype(str)
        part, subset = np.flatnonzero(kind == "part"), np.flatnonzero(kind == "subset")
        members, splits = _split(Members.of(bound), part, whole, lower, zone)
        rows = max(len(table), int(members.row.max(initial=-1)) + 1)
        factors, shares, factor, share = _scales(table, rows)
        labels, scatter = np.unique(share[subset], return_inverse=True)
        # Cells that were observed beside published counts are in no zone: theirs is the dispersion of the family.
        of_totals = sorted({*zone[exact], *zone[between]})
        zones = tuple(label for label in of_totals if label) if len(of_totals) > 1 else ()
        return cls(
            members,
            rows,
            factors,
            shares,
            zones,
            factor,
            share,
            np.array([zones.index(name) if name in zones else -1 for name in [*zone, *[""] * (rows - len(zone))]], int),
            exact,
            lower[exact],
            between,
            np.repeat(np.arange(len(between)), [len(span) for span in spans]),
            np.concatenate([np.zeros(0), *spans]),
            above,
            splits,
            Subsets(
                lower[subset],
                lower[whole[subset]],
                share[subset],
                scatter.astype(np.intp),
                tuple(shares[at] for at in labels),
            ),
        )

    @property
    def totals(self) -> Index:
        """Sets of which a count is modelled: those that are known, then those known between bounds."""
        return np.concatenate([self.exact, self.between])

    @property
    def constant(self) -> float:
        """What the coefficients of parts and subsets add."""
        return self.splits.constant + self.subsets.constant

    def log_scale(self, theta: Mapping[str, Any], maths: Any) -> Any:
        """Log of what the expected count of each set is multiplied by."""
        scale: Any = np.zeros(self.rows)
        if self.factors:
            scale = scale + _picked(theta[FACTOR], self.factor)
        if self.shares:
            scale = scale + _picked(maths.log_sigmoid(theta[SHARE]), self.share)
        return scale

    def log_dispersion(self, theta: Mapping[str, Any]) -> Any:
        """Log of what the dispersion of the sum of each set is multiplied by."""
        return _picked(theta[DISPERSION], self.zone) if self.zones else np.zeros(self.rows)

    def log_spread(self, eta: Any, log_phi: Any) -> Any:
        """Log of what is added up to the dispersion of a sum, mu²/phi, of each member."""
        return 2 * eta - (log_phi[self.members.tactic] if log_phi.ndim else log_phi)

    def log_mass_of_totals(self, family: Any, log_mu: Any, log_phi: Any, maths: Any, summed: Summed) -> tuple[Any, Any]:
        """Log probability of each total: of those that are known, and of those known between bounds.

        Parameters
        ----------
        family : Family
            Poisson or negative binomial.
        log_mu, log_phi : vector
            Of each of `totals`: log of the mean and of the dispersion; None for Poisson counts.
        maths, summed
            Functions of NumPy, PyTensor or jets; `summed(values, row, rows)` adds values up by row.
        """

        def counted(value: Array, at: Index) -> Any:
            dispersion = {} if log_phi is None else {"log_phi": log_phi[at]}
            return _matched_log_mass(family, value, log_mu[at], dispersion, maths)

        known = counted(self.value, np.arange(len(self.exact)))
        if not len(self.between):
            return known, np.zeros(0)
        held = summed(maths.exp(counted(self.count, len(self.exact) + self.bounded)), self.bounded, len(self.between))
        return known, maths.log(maths.where(self.above, 1.0 - held, held) + _LEAST)

    def log_mass(self, family: Any, eta: Any, theta: Mapping[str, Any], maths: Any, summed: Summed) -> Any:
        """Log probability of all that was published.

        Parameters
        ----------
        family : Family
            Poisson or negative binomial.
        eta : vector
            Of each member, exposure included.
        theta : mapping
            The parameters of the family and of published counts.
        maths, summed
            Functions of NumPy or PyTensor; `summed(values, row, rows)` adds values up by row.
        """
        log_sum = maths.log(summed(maths.exp(eta), self.members.row, self.rows))
        log_mu, log_phi, log_spread = (log_sum + self.log_scale(theta, maths))[self.totals], None, None
        if "log_phi" in theta:
            spread = summed(maths.exp(self.log_spread(eta, theta["log_phi"])), self.members.row, self.rows)
            log_spread = maths.log(spread)
            log_phi = (2 * log_sum - log_spread + self.log_dispersion(theta))[self.totals]
        known, between = self.log_mass_of_totals(family, log_mu, log_phi, maths, summed)
        total = known.sum() + between.sum() + self.constant
        if len(self.splits):
            total = total + self.splits.log_mass(log_sum, log_spread, theta, maths).sum()
        return total + self.subsets.log_mass(theta, maths).sum() if len(self.subsets) else total


def published_parameters(bound: BoundModel) -> dict[str, tuple[Prior, tuple[str, ...], tuple[str, ...]]]:
    """Parameters of published counts by name: prior, dims and labels; none for a panel without them."""
    if not bound.is_published:
        return {}
    published = Published.of_bound(bound)
    labels = {FACTOR: published.factors, SHARE: published.shares, SUBSET: published.subsets.labels}
    if "log_phi" in bound.model.family.parameters():
        labels |= {DISPERSION: published.zones, PSI: published.splits.zones}
    return {name: (prior, (dim,), labels[name]) for name, (prior, dim) in _PARAMETERS.items() if labels.get(name)}


def likelihood_parameters(bound: BoundModel) -> dict[str, tuple[Prior, tuple[str, ...], tuple[str, ...]]]:
    """Parameters of the family and of published counts by name: prior, dims and labels, one per element."""
    tactics = tuple(map(str, bound.panel.tactics))
    of_family = {name: (prior, dims, tactics if dims else ()) for name, (prior, dims) in bound.parameters.items()}
    return of_family | published_parameters(bound)


def published_prior(name: str) -> Prior:
    """The prior of a parameter of published counts."""
    return _PARAMETERS[name][0]


def add_published(bound: BoundModel, eta: Callable[[Index], Any], theta: Mapping[str, Any]) -> None:
    """Add the likelihood of published counts to the PyMC model of the context; `eta` gives that of cells."""
    import pymc as pm
    import pytensor.tensor as pt

    def summed(values: Any, row: Index, rows: int) -> Any:
        return pt.inc_subtensor(pt.zeros(rows)[row], values)

    published = Published.of_bound(bound)
    of_members = eta(published.members.cell)
    pm.Potential("published", published.log_mass(bound.model.family, of_members, theta, pytensor_maths(), summed))


def _matched_log_mass(family: Family, value: Any, log_mu: Any, theta: Mapping[str, Any], maths: Any) -> Any:
    """Log mass of sums over cells: the family with a mean and a dispersion of each observation's own."""
    # 0, 1, 2, … in NumPy and PyTensor alike: each observation is a tactic to the family.
    index = (value * 0 + 1).cumsum().astype("int64") - 1
    counts = Counts(value, index, value, index, index)
    return (NegativeBinomial(by=names.TACTIC) if theta else family).log_mass(counts, log_mu, theta, maths)


def _picked(values: Any, index: Index) -> Any:
    """Values by index, 0 where that is −1."""
    return values[np.maximum(index, 0)] * (index >= 0)


def _scales(table: pd.DataFrame, rows: int) -> tuple[tuple[str, ...], tuple[str, ...], Index, Index]:
    """Labels of factors and of shares, and which of them each set has."""
    label, wide = (
        (table[names.ZONE] + ": " + table[column] + ", " + table[names.PUBLISHER]).to_numpy().astype(str)
        for column in (names.DEFINITION, "within")
    )
    is_share = (table["within"].to_numpy().astype(str) != "") & ~table["is_reference"].to_numpy(bool)
    factor_label = np.where(is_share, wide, label)
    references = set(label[table["is_reference"].to_numpy(bool)])
    factors = tuple(sorted(set(factor_label) - references))
    shares = tuple(sorted(set(label[is_share])))
    factor, share = np.full((2, rows), -1)
    factor[: len(table)] = [factors.index(name) if name in factors else -1 for name in factor_label]
    share[: len(table)] = [shares.index(name) if name in shares else -1 for name in label]
    return factors, shares, factor, share


def _split(
    members: Members, part: Index, whole: Index, lower: Array, zone: npt.NDArray[np.str_]
) -> tuple[Members, Splits]:
    """Members with those of further sets, of what is in no part of a whole and of what is left at a step; the splits.

    A whole may be split twice, by province and by tactic. What is in no part is one more, so that it is the same
    whether it was published or not.
    """
    pairs = np.unique(np.stack([members.row, members.tactic]), axis=1)
    tactics = np.bincount(pairs[0])
    children: dict[tuple[int, bool], list[int]] = {}
    for at in part:
        children.setdefault((int(whole[at]), bool(tactics[at] < tactics[whole[at]])), []).append(int(at))
    cells = {row: np.sort(members.cell[members.row == row]) for row in {*map(int, part), *map(int, whole[part])}}
    tactic_of = dict(zip(members.cell, members.tactic, strict=True))
    blocks, next_row = [members], len(whole)

    def with_row(left_over: Index) -> int:
        nonlocal next_row
        tactic = np.array([tactic_of[cell] for cell in left_over])
        blocks.append(Members(left_over, np.full(len(left_over), next_row), tactic))
        next_row += 1
        return next_row - 1

    factors: list[tuple[float, ...]] = []
    for (root, _), rows in children.items():
        parts = [(cells[row], row, lower[row]) for row in rows]
        nowhere = np.setdiff1d(cells[root], np.concatenate([cells[row] for row in rows]))
        if len(nowhere):
            parts.append((nowhere, with_row(nowhere), lower[root] - lower[rows].sum()))
        parts.sort(key=lambda entry: int(entry[0][0]))
        both, left = root, lower[root]
        for number, (_, row, count) in enumerate(parts[:-1]):
            others = parts[number + 1 :]
            rest = others[0][1] if len(others) == 1 else with_row(np.concatenate([of_part for of_part, _, _ in others]))
            counts = (count, 1.0), (left - count, 1.0), (left, -1.0)
            sets = row, rest, both
            factors += [
                (member, *sets, *counted, root, lower[root]) for member, counted in zip(sets, counts, strict=True)
            ]
            both, left = rest, left - count
    names_of_arrays = ("cell", "row", "tactic")
    joined = Members(*(np.concatenate([getattr(block, name) for block in blocks]) for name in names_of_arrays))
    columns = np.array(factors, dtype=float).reshape(-1, 8).T
    member, first, rest_of, both_of, root_of = (columns[at].astype(np.intp) for at in (0, 1, 2, 3, 6))
    zones, number_of = np.unique(zone[root_of], return_inverse=True)
    splits = Splits(
        member,
        first,
        rest_of,
        both_of,
        columns[4],
        columns[5],
        root_of,
        columns[7],
        number_of.astype(np.intp),
        tuple(map(str, zones)),
    )
    return joined, splits
