"""Families of counts: their parameters, log mass and draws, given eta (the log of the expected count).

The log mass is written once for NumPy and for PyTensor: `maths` brings the functions of either.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from scipy import special

from forecast import names
from forecast.counts import draw_coupled
from forecast.errors import InputError
from forecast.model.missing import missing_counts
from forecast.model.priors import Normal, Prior

__all__ = [
    "FAMILIES",
    "Counts",
    "Family",
    "HurdleNegativeBinomial",
    "NegativeBinomial",
    "Poisson",
    "ZeroInflatedNegativeBinomial",
]

Array = npt.NDArray[np.float64]

# The functions that a log mass needs, in NumPy; engines bring their own.
NUMPY = SimpleNamespace(
    exp=np.exp,
    log=np.log,
    expm1=np.expm1,
    gammaln=special.gammaln,
    logaddexp=np.logaddexp,
    softplus=lambda x: np.logaddexp(0.0, x),
    log_sigmoid=special.log_expit,
    where=np.where,
)


@dataclass(frozen=True)
class Counts:
    """Observed counts of single cells, with each distinct pair of count and tactic once.

    Attributes
    ----------
    value : array
        The counts, one per cell.
    tactic : array of int
        Position of each cell's tactic.
    distinct_value, distinct_tactic : array
        The pairs that occur.
    pair : array of int
        Which pair each cell is: what depends on count and tactic only is evaluated once per pair.
    """

    value: Array
    tactic: npt.NDArray[np.intp]
    distinct_value: Array
    distinct_tactic: npt.NDArray[np.intp]
    pair: npt.NDArray[np.intp]

    @classmethod
    def of(cls, value: npt.ArrayLike, tactic: npt.ArrayLike) -> "Counts":
        """From counts and the positions of their tactics."""
        value, tactic = np.asarray(value, dtype=float), np.asarray(tactic, dtype=np.intp)
        pairs, inverse = np.unique(np.stack([tactic, value], axis=1), axis=0, return_inverse=True)
        return cls(value, tactic, pairs[:, 1], pairs[:, 0].astype(np.intp), inverse.ravel())

    def at(self, cells: npt.NDArray[np.intp]) -> "Counts":
        """Those of some cells."""
        held = self.distinct_value, self.distinct_tactic
        return Counts(self.value[cells], self.tactic[cells], *held, self.pair[cells])


@dataclass(frozen=True)
class Family(ABC):
    """How counts scatter around exp(eta)."""

    # Whether sums over several cells have a distribution of the same kind.
    sums: ClassVar[bool] = False

    @abstractmethod
    def parameters(self, months: float = 1.0) -> dict[str, tuple[Prior, tuple[str, ...]]]:
        """Parameters by name, each with its prior for periods of so many months, and dims (none, or the tactic)."""

    def correlations(self, tactics: int) -> dict[str, Array]:
        """Of parameters whose elements are correlated under the prior: by name, a matrix over the tactics."""
        return {}

    @abstractmethod
    def log_mass(self, counts: Counts, eta: Any, theta: Mapping[str, Any], maths: Any = NUMPY) -> Any:
        """Log probability of each count; `eta` per cell, `theta` the parameters by name."""

    @abstractmethod
    def draw(self, rng: np.random.Generator, eta: Array, theta: Mapping[str, Array]) -> npt.NDArray[np.int64]:
        """Counts for `eta` over (sample, province, tactic); parameters over (sample) or (sample, tactic)."""

    def missing(
        self,
        rng: np.random.Generator,
        counts: npt.NDArray[np.int64],
        eta: Array,
        known: Array,
        theta: Mapping[str, Array],
    ) -> npt.NDArray[np.int64]:
        """How many attacks are not among `counts`, of which each was recorded with the chance `known`.

        All over (sample, province, tactic); `eta` is of all attacks, recorded or not. Whole counts are drawn until so
        many of them are recorded as were; where that does not come about, as many are missing as are on average.
        """
        return missing_counts(self.draw, rng, counts, eta, known, theta, np.ones(eta.shape, dtype=bool))

    @abstractmethod
    def equation(self) -> str:
        """Printed form."""

    def to_dict(self) -> dict[str, Any]:
        """Plain data: the name under 'family', and options that differ from the defaults."""
        plain: dict[str, Any] = {"family": type(self).__name__}
        for part in fields(self):
            value = getattr(self, part.name)
            if value != part.default:
                plain[part.name] = value.to_dict() if isinstance(value, Prior) else value or ""
        return plain


@dataclass(frozen=True)
class Poisson(Family):
    """Variance equal to the mean.

    Examples
    --------
    >>> fc.Poisson().equation()
    'Poisson(mu)'
    """

    sums: ClassVar[bool] = True

    def parameters(self, months: float = 1.0) -> dict[str, tuple[Prior, tuple[str, ...]]]:
        """None."""
        return {}

    def log_mass(self, counts: Counts, eta: Any, theta: Mapping[str, Any], maths: Any = NUMPY) -> Any:
        """y·eta − exp(eta) − log y!."""
        return counts.value * eta - maths.exp(eta) - maths.gammaln(counts.distinct_value + 1.0)[counts.pair]

    def draw(self, rng: np.random.Generator, eta: Array, theta: Mapping[str, Array]) -> npt.NDArray[np.int64]:
        """Poisson counts."""
        return draw_coupled(rng, np.exp(eta), np.inf)

    def missing(
        self,
        rng: np.random.Generator,
        counts: npt.NDArray[np.int64],
        eta: Array,
        known: Array,
        theta: Mapping[str, Array],
    ) -> npt.NDArray[np.int64]:
        """Poisson counts, whatever was recorded."""
        return rng.poisson((1.0 - known) * np.exp(eta)).astype(np.int64)

    def equation(self) -> str:
        """Printed form."""
        return "Poisson(mu)"


@dataclass(frozen=True)
class NegativeBinomial(Family):
    """Variance mu + mu²/phi.

    Parameters
    ----------
    by : {'tactic', None}
        One dispersion per tactic, or one for all (in TOML, which has no None: '').
    log_phi : Normal
        Prior of log phi of counts in a month. Sums of independent counts have the sum of their phi, so that in a week
        it is that less the log of a month's weeks.
    correlation : float
        Of log phi between tactics under the prior, from 0 to below 1: what is seen of one says that much of another.

    Examples
    --------
    >>> fc.NegativeBinomial(by=None).equation()
    'NegativeBinomial(mu, phi), log phi in a month ~ Normal(2, 1.5)'
    """

    by: str | None = names.TACTIC
    log_phi: Normal = Normal(2.0, 1.5)
    correlation: float = field(default=0.8, kw_only=True)

    sums: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.by == "":
            object.__setattr__(self, "by", None)
        if self.by not in (None, names.TACTIC):
            raise InputError("cannot vary by this", where=f"{type(self).__name__}.by", found=self.by, expected="tactic")
        if not 0 <= self.correlation < 1:
            where = f"{type(self).__name__}.correlation"
            raise InputError("is a number from 0 to below 1", where=where, found=self.correlation)

    @property
    def _dims(self) -> tuple[str, ...]:
        return (names.TACTIC,) if self.by else ()

    def parameters(self, months: float = 1.0) -> dict[str, tuple[Prior, tuple[str, ...]]]:
        """`log_phi`."""
        return {"log_phi": (replace(self.log_phi, mean=self.log_phi.mean + np.log(months)), self._dims)}

    def correlations(self, tactics: int) -> dict[str, Array]:
        """Of `log_phi`."""
        if not self.by or not self.correlation:
            return {}
        return {"log_phi": (1 - self.correlation) * np.eye(tactics) + self.correlation}

    def _of(self, parameter: Any, tactic: npt.NDArray[np.intp]) -> Any:
        return parameter[tactic] if self.by else parameter

    def _negative_binomial(self, counts: Counts, eta: Any, theta: Mapping[str, Any], maths: Any) -> tuple[Any, Any]:
        """Log mass of each count, and of 0 in the same cell."""
        log_phi = self._of(theta["log_phi"], counts.tactic)
        phi = maths.exp(log_phi)
        pair_phi = maths.exp(self._of(theta["log_phi"], counts.distinct_tactic))
        table = maths.gammaln(counts.distinct_value + pair_phi) - maths.gammaln(pair_phi)
        table = table - maths.gammaln(counts.distinct_value + 1.0)
        excess = eta - log_phi
        log_total = maths.softplus(excess)
        return table[counts.pair] + counts.value * excess - (counts.value + phi) * log_total, -phi * log_total

    def log_mass(self, counts: Counts, eta: Any, theta: Mapping[str, Any], maths: Any = NUMPY) -> Any:
        """Negative binomial, its log-gammas once per distinct count and tactic."""
        return self._negative_binomial(counts, eta, theta, maths)[0]

    def draw(self, rng: np.random.Generator, eta: Array, theta: Mapping[str, Array]) -> npt.NDArray[np.int64]:
        """Negative binomial counts."""
        return draw_coupled(rng, np.exp(eta), np.exp(_spread(theta["log_phi"])))

    def missing(
        self,
        rng: np.random.Generator,
        counts: npt.NDArray[np.int64],
        eta: Array,
        known: Array,
        theta: Mapping[str, Array],
    ) -> npt.NDArray[np.int64]:
        """Negative binomial counts whose gamma variable is given what was recorded."""
        mu, phi = np.exp(eta), np.exp(_spread(theta["log_phi"]))
        return rng.poisson((1.0 - known) * mu * rng.gamma(phi + counts) / (phi + known * mu)).astype(np.int64)

    def equation(self) -> str:
        """Printed form."""
        which = f"phi[{self.by}]" if self.by else "phi"
        between = f", correlation {self.correlation:g} between tactics" if self.by else ""
        return f"NegativeBinomial(mu, {which}), log {which} in a month ~ {self.log_phi}{between}"


def _missing_beside_zeros(
    family: NegativeBinomial,
    rng: np.random.Generator,
    counts: npt.NDArray[np.int64],
    eta: Array,
    known: Array,
    theta: Mapping[str, Array],
) -> npt.NDArray[np.int64]:
    """`Family.missing` where only zeros have a law of their own: all others are negative binomial counts."""
    beside_zeros = missing_counts(family.draw, rng, counts, eta, known, theta, counts == 0)
    return np.where(counts > 0, NegativeBinomial.missing(family, rng, counts, eta, known, theta), beside_zeros)


@dataclass(frozen=True)
class ZeroInflatedNegativeBinomial(NegativeBinomial):
    """With probability pi a zero, else negative binomial; logit pi ~ Normal(−2, 1), per tactic or shared like phi.

    Parameters
    ----------
    by : {'tactic', None}
        Parameters per tactic, or for all.
    log_phi, logit_pi : Normal
        Priors.

    Examples
    --------
    >>> sorted(fc.ZeroInflatedNegativeBinomial().parameters())
    ['log_phi', 'logit_pi']
    """

    logit_pi: Normal = Normal(-2.0, 1.0)
    sums: ClassVar[bool] = False

    def parameters(self, months: float = 1.0) -> dict[str, tuple[Prior, tuple[str, ...]]]:
        """`log_phi` and `logit_pi`."""
        return {**super().parameters(months), "logit_pi": (self.logit_pi, self._dims)}

    def log_mass(self, counts: Counts, eta: Any, theta: Mapping[str, Any], maths: Any = NUMPY) -> Any:
        """The mixture."""
        mass, _ = self._negative_binomial(counts, eta, theta, maths)
        logit = self._of(theta["logit_pi"], counts.tactic)
        kept = maths.log_sigmoid(-logit) + mass
        return maths.where(counts.value < 1, maths.logaddexp(maths.log_sigmoid(logit), kept), kept)

    def draw(self, rng: np.random.Generator, eta: Array, theta: Mapping[str, Array]) -> npt.NDArray[np.int64]:
        """Negative binomial counts, some of them set to 0."""
        zero = rng.random(eta.shape) < special.expit(_spread(theta["logit_pi"]))
        return np.where(zero, 0, super().draw(rng, eta, theta))

    missing = _missing_beside_zeros

    def equation(self) -> str:
        """Printed form."""
        return f"ZeroInflated({super().equation()}), logit pi ~ {self.logit_pi}"


@dataclass(frozen=True)
class HurdleNegativeBinomial(NegativeBinomial):
    """P(y > 0) = 1 − exp(−exp(a + b·eta)), and above 0 a truncated negative binomial; zeros inform eta.

    Parameters
    ----------
    by : {'tactic', None}
        phi and a per tactic, or for all.
    log_phi, a, b : Normal
        Priors.

    Examples
    --------
    >>> sorted(fc.HurdleNegativeBinomial().parameters())
    ['hurdle_a', 'hurdle_b', 'log_phi']
    """

    a: Normal = Normal(0.0, 1.0)
    b: Normal = Normal(1.0, 0.5)
    sums: ClassVar[bool] = False

    def parameters(self, months: float = 1.0) -> dict[str, tuple[Prior, tuple[str, ...]]]:
        """`log_phi`, `hurdle_a` and `hurdle_b`."""
        return {**super().parameters(months), "hurdle_a": (self.a, self._dims), "hurdle_b": (self.b, ())}

    def log_mass(self, counts: Counts, eta: Any, theta: Mapping[str, Any], maths: Any = NUMPY) -> Any:
        """Zeros by the hurdle, the rest by the truncated negative binomial."""
        mass, zero = self._negative_binomial(counts, eta, theta, maths)
        rate = maths.exp(self._of(theta["hurdle_a"], counts.tactic) + theta["hurdle_b"] * eta)
        above = maths.log(-maths.expm1(-rate)) + mass - maths.log(-maths.expm1(zero))
        return maths.where(counts.value < 1, -rate, above)

    def draw(self, rng: np.random.Generator, eta: Array, theta: Mapping[str, Array]) -> npt.NDArray[np.int64]:
        """Over the hurdle or not, and if so a count above 0."""
        rate = np.exp(_spread(theta["hurdle_a"]) + np.reshape(theta["hurdle_b"], (-1, 1, 1)) * eta)
        positive = rng.random(eta.shape) < -np.expm1(-rate)
        counts = np.zeros(eta.shape, dtype=np.int64)
        phi = np.broadcast_to(np.exp(_spread(theta["log_phi"])), eta.shape)
        counts[positive] = _truncated(rng, np.exp(eta[positive]), phi[positive])
        return counts

    missing = _missing_beside_zeros

    def equation(self) -> str:
        """Printed form."""
        return f"Hurdle(P(y > 0) = 1 − exp(−exp(a + b·eta)), {super().equation()}), a ~ {self.a}, b ~ {self.b}"


FAMILIES: dict[str, type[Family]] = {
    family.__name__: family
    for family in (Poisson, NegativeBinomial, ZeroInflatedNegativeBinomial, HurdleNegativeBinomial)
}


def _spread(parameter: Array) -> Array:
    """A parameter over (sample) or (sample, tactic) as (sample, 1, tactic or 1)."""
    return np.reshape(parameter, (len(parameter), 1, -1))


def _truncated(rng: np.random.Generator, mu: Array, phi: Array) -> npt.NDArray[np.int64]:
    """Negative binomial counts above 0, by inversion of the survival function: exact also where 0 is near certain."""
    from scipy.stats import nbinom

    above = -np.expm1(-phi * np.log1p(mu / phi)) * (1.0 - rng.random(mu.shape))
    return np.asarray(np.maximum(nbinom.isf(above, phi, phi / (phi + mu)), 1), dtype=np.int64)
