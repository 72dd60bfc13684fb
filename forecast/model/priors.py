"""Prior distributions of single numbers, as plain data that print themselves and go through TOML."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from scipy import stats

from forecast.errors import InputError

__all__ = ["Beta", "HalfNormal", "LogNormal", "Normal", "Prior", "TruncatedNormal", "prior_from_dict"]


@dataclass(frozen=True)
class Prior:
    """A distribution of one number; see its subclasses."""

    positive: ClassVar[bool] = False

    def frozen(self) -> Any:
        """The same distribution in SciPy (`rvs`, `logpdf`, `ppf`)."""
        raise NotImplementedError

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
    """Normal with a mean and a standard deviation."""

    mean: float = 0.0
    sd: float = 1.0

    def __post_init__(self) -> None:
        self._require_positive("sd")

    def frozen(self) -> Any:
        """SciPy's `norm`."""
        return stats.norm(self.mean, self.sd)


@dataclass(frozen=True)
class HalfNormal(Prior):
    """The absolute value of a Normal(0, scale): for standard deviations."""

    scale: float = 1.0
    positive: ClassVar[bool] = True

    def __post_init__(self) -> None:
        self._require_positive("scale")

    def frozen(self) -> Any:
        """SciPy's `halfnorm`."""
        return stats.halfnorm(scale=self.scale)


@dataclass(frozen=True)
class LogNormal(Prior):
    """log(x / median) ~ Normal(0, sd): for half-lives."""

    median: float = 1.0
    sd: float = 1.0
    positive: ClassVar[bool] = True

    def __post_init__(self) -> None:
        self._require_positive("median", "sd")

    def frozen(self) -> Any:
        """SciPy's `lognorm`."""
        return stats.lognorm(self.sd, scale=self.median)


@dataclass(frozen=True)
class Beta(Prior):
    """Beta(alpha, beta): for shares."""

    alpha: float = 1.0
    beta: float = 1.0

    def __post_init__(self) -> None:
        self._require_positive("alpha", "beta")

    def frozen(self) -> Any:
        """SciPy's `beta`."""
        return stats.beta(self.alpha, self.beta)


@dataclass(frozen=True)
class TruncatedNormal(Prior):
    """Normal(mean, sd) cut to (lower, upper): for slopes on past counts."""

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


_KINDS: dict[str, type[Prior]] = {
    kind.__name__: kind for kind in (Normal, HalfNormal, LogNormal, Beta, TruncatedNormal)
}


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
