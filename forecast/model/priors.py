"""Prior distributions of single numbers, as plain data that print themselves and go through TOML."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from scipy import special, stats

from forecast.errors import InputError

__all__ = [
    "Beta",
    "HalfNormal",
    "LogNormal",
    "Normal",
    "Prior",
    "Share",
    "TruncatedNormal",
    "prior_from_dict",
]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Prior:
    """A distribution of one number; see its subclasses.

    In `quantile` and `slope` the parameters may be arrays, one element per distribution (`stacked`).
    """

    positive: ClassVar[bool] = False

    def frozen(self) -> Any:
        """The same distribution in SciPy (`rvs`, `logpdf`, `ppf`)."""
        raise NotImplementedError

    def quantile(self, z: Array) -> Array:
        """The value at each standard normal number z: the quantile at z's probability."""
        raise NotImplementedError

    def slope(self, z: Array) -> Array:
        """Derivative of `quantile` in z: the standard normal density at z over the prior's at the value."""
        raise NotImplementedError

    def to_pymc(self, name: str, dims: tuple[str, ...] = (), shape: tuple[int, ...] = ()) -> Any:
        """A random variable with this prior in the PyMC model of the context."""
        raise NotImplementedError

    @classmethod
    def stacked(cls, priors: Sequence[Self]) -> Self:
        """Priors of one class as one, whose parameters are arrays."""
        together = object.__new__(cls)
        for part in fields(cls):
            object.__setattr__(together, part.name, np.array([getattr(prior, part.name) for prior in priors]))
        return together

    def draw(self, rng: np.random.Generator, size: tuple[int, ...]) -> npt.NDArray[np.float64]:
        """Independent draws of shape `size`."""
        return np.asarray(self.frozen().rvs(size=size, random_state=rng), dtype=float)

    def to_dict(self) -> dict[str, Any]:
        """Plain data: the name of the distribution under 'prior', and its parameters."""
        return {"prior": type(self).__name__, **asdict(self)}

    def _require_positive(self, *names: str) -> None:
        for name in names:
            if not getattr(self, name) > 0:
                raise InputError(
                    "is a number above 0", where=f"{type(self).__name__}.{name}", found=getattr(self, name)
                )

    def __str__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{getattr(self, part.name):g}' for part in fields(self))})"


@dataclass(frozen=True)
class Normal(Prior):
    """Normal with a mean and a standard deviation.

    Examples
    --------
    >>> fc.Normal(0.0, 1.0)
    Normal(mean=0.0, sd=1.0)
    """

    mean: float = 0.0
    sd: float = 1.0

    def __post_init__(self) -> None:
        self._require_positive("sd")

    def frozen(self) -> Any:
        """SciPy's `norm`."""
        return stats.norm(self.mean, self.sd)

    def quantile(self, z: Array) -> Array:
        """mean + sd · z."""
        return self.mean + self.sd * z

    def slope(self, z: Array) -> Array:
        """The standard deviation."""
        return np.broadcast_to(self.sd, z.shape)

    def to_pymc(self, name: str, dims: tuple[str, ...] = (), shape: tuple[int, ...] = ()) -> Any:
        """PyMC's `Normal`."""
        import pymc as pm

        return pm.Normal(name, self.mean, self.sd, dims=dims or None, shape=shape)


@dataclass(frozen=True)
class HalfNormal(Prior):
    """The absolute value of a Normal(0, scale): for standard deviations.

    Examples
    --------
    >>> round(float(fc.HalfNormal(1.0).quantile(0.5)), 2)
    1.02
    """

    scale: float = 1.0
    positive: ClassVar[bool] = True

    def __post_init__(self) -> None:
        self._require_positive("scale")

    def frozen(self) -> Any:
        """SciPy's `halfnorm`."""
        return stats.halfnorm(scale=self.scale)

    def quantile(self, z: Array) -> Array:
        """By the error function below the median and by the upper tail above: each is exact in its own tail."""
        small, large = np.sqrt(2) * special.erfinv(special.ndtr(z)), -special.ndtri(0.5 * special.ndtr(-z))
        return np.asarray(self.scale * np.where(z < 0, small, large))

    def slope(self, z: Array) -> Array:
        """Density of z over that of the value."""
        log = -0.5 * (self.quantile(z) / self.scale) ** 2 + 0.5 * np.log(2 / np.pi) - np.log(self.scale)
        return np.asarray(np.exp(_log_normal(z) - log))

    def to_pymc(self, name: str, dims: tuple[str, ...] = (), shape: tuple[int, ...] = ()) -> Any:
        """PyMC's `HalfNormal`."""
        import pymc as pm

        return pm.HalfNormal(name, self.scale, dims=dims or None, shape=shape)


@dataclass(frozen=True)
class Share(HalfNormal):
    """For the standard deviations of terms that add up: half-normal, with `scale` over √(their number).

    Their variances are then Dirichlet(½) shares (Fuglstad et al. 2020) of a total that is expected to be scale²,
    however many there are: another term takes of the total and does not add to it.

    Examples
    --------
    >>> fc.Share(0.5)
    Share(scale=0.5)
    """

    def among(self, count: int) -> HalfNormal:
        """The prior of one of so many."""
        return HalfNormal(self.scale / count**0.5)


@dataclass(frozen=True)
class LogNormal(Prior):
    """log(x / median) ~ Normal(0, sd): for half-lives.

    Examples
    --------
    >>> fc.LogNormal(24.0, 1.0)
    LogNormal(median=24.0, sd=1.0)
    """

    median: float = 1.0
    sd: float = 1.0
    positive: ClassVar[bool] = True

    def __post_init__(self) -> None:
        self._require_positive("median", "sd")

    def frozen(self) -> Any:
        """SciPy's `lognorm`."""
        return stats.lognorm(self.sd, scale=self.median)

    def quantile(self, z: Array) -> Array:
        """median · exp(sd · z)."""
        return np.asarray(self.median * np.exp(self.sd * z))

    def slope(self, z: Array) -> Array:
        """sd times the value."""
        return self.sd * self.quantile(z)

    def to_pymc(self, name: str, dims: tuple[str, ...] = (), shape: tuple[int, ...] = ()) -> Any:
        """PyMC's `LogNormal`."""
        import pymc as pm

        return pm.LogNormal(name, np.log(self.median), self.sd, dims=dims or None, shape=shape)


@dataclass(frozen=True)
class Beta(Prior):
    """Beta(alpha, beta): for shares.

    Examples
    --------
    >>> fc.Beta(2.0, 2.0)
    Beta(alpha=2.0, beta=2.0)
    """

    alpha: float = 1.0
    beta: float = 1.0

    def __post_init__(self) -> None:
        self._require_positive("alpha", "beta")

    def frozen(self) -> Any:
        """SciPy's `beta`."""
        return stats.beta(self.alpha, self.beta)

    def quantile(self, z: Array) -> Array:
        """By the inverse of the incomplete beta function."""
        return np.asarray(special.betaincinv(self.alpha, self.beta, special.ndtr(z)))

    def slope(self, z: Array) -> Array:
        """Density of z over that of the value."""
        value = self.quantile(z)
        log = special.xlogy(self.alpha - 1, value) + special.xlog1py(self.beta - 1, -value)
        return np.asarray(np.exp(_log_normal(z) - (log - special.betaln(self.alpha, self.beta))))

    def to_pymc(self, name: str, dims: tuple[str, ...] = (), shape: tuple[int, ...] = ()) -> Any:
        """PyMC's `Beta`."""
        import pymc as pm

        return pm.Beta(name, self.alpha, self.beta, dims=dims or None, shape=shape)


@dataclass(frozen=True)
class TruncatedNormal(Prior):
    """Normal(mean, sd) cut to (lower, upper): for slopes on past counts.

    Examples
    --------
    >>> fc.TruncatedNormal(0.3, 0.2)
    TruncatedNormal(mean=0.3, sd=0.2, lower=-1.0, upper=1.0)
    """

    mean: float = 0.0
    sd: float = 1.0
    lower: float = -1.0
    upper: float = 1.0

    def __post_init__(self) -> None:
        self._require_positive("sd")
        if not self.lower < self.upper:
            raise InputError("lower lies below upper", where="TruncatedNormal", found=f"{self.lower} and {self.upper}")

    def frozen(self) -> Any:
        """SciPy's `truncnorm`."""
        bounds = ((edge - self.mean) / self.sd for edge in (self.lower, self.upper))
        return stats.truncnorm(*bounds, loc=self.mean, scale=self.sd)

    def quantile(self, z: Array) -> Array:
        """The whole normal distribution's, between its probabilities below the two bounds."""
        lower, upper = self._below()
        return np.asarray(self.mean + self.sd * special.ndtri(lower + (upper - lower) * special.ndtr(z)))

    def slope(self, z: Array) -> Array:
        """Density of z over that of the value."""
        lower, upper = self._below()
        log = _log_normal((self.quantile(z) - self.mean) / self.sd) - np.log(self.sd * (upper - lower))
        return np.asarray(np.exp(_log_normal(z) - log))

    def to_pymc(self, name: str, dims: tuple[str, ...] = (), shape: tuple[int, ...] = ()) -> Any:
        """PyMC's `TruncatedNormal`."""
        import pymc as pm

        bounds = {"lower": self.lower, "upper": self.upper}
        return pm.TruncatedNormal(name, self.mean, self.sd, **bounds, dims=dims or None, shape=shape)

    def _below(self) -> tuple[Array, Array]:
        """Probabilities of the whole normal distribution below the two bounds."""
        lower, upper = special.ndtr((np.array([self.lower, self.upper]) - self.mean) / self.sd)
        return lower, upper


_KINDS: dict[str, type[Prior]] = {
    kind.__name__: kind for kind in (Normal, HalfNormal, Share, LogNormal, Beta, TruncatedNormal)
}


def _log_normal(z: Array) -> Array:
    """Log density of standard normal numbers."""
    return np.asarray(-0.5 * z**2 - 0.5 * np.log(2 * np.pi))


def prior_from_dict(values: Mapping[str, Any], where: str = "prior") -> Prior:
    """The prior that `to_dict` wrote."""
    given = dict(values)
    name = given.pop("prior", None)
    if name not in _KINDS:
        raise InputError("unknown prior", where=where, found=str(name), expected=sorted(_KINDS))
    known = [part.name for part in fields(_KINDS[name])]
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise InputError("unknown parameters", where=where, found=unknown, expected=known)
    for key, value in given.items():
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise InputError("is no number", where=f"{where}.{key}", found=str(value))
    return _KINDS[name](**{key: float(value) for key, value in given.items()})
