"""Exact derivatives of a family's log mass, without a line per family: Taylor arithmetic behind the family's `maths`.

A jet holds the Taylor coefficients of an expression in eta, or in a parameter (Griewank & Walther 2008, chapter 13).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import factorial
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

from forecast.model.families import Counts, Family

__all__ = ["JET_MATHS", "CellTerms", "Jet", "cell_terms"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class CellTerms:
    """Log mass of cells and its derivatives.

    Attributes
    ----------
    value : array
        Log mass (cell).
    eta : tuple of arrays
        Derivatives with respect to eta, of orders 1, 2, … (cell).
    parameters : dict of str to array
        By name of a parameter of the family: the derivative with respect to the cell's own element of it (cell).
    """

    value: Array
    eta: tuple[Array, ...]
    parameters: dict[str, Array]


def cell_terms(
    family: Family,
    counts: Counts,
    eta: Array,
    theta: Mapping[str, Array],
    *,
    order: int = 2,
    parameters: bool = False,
) -> CellTerms:
    """Log mass of cells, and its derivatives in eta and in the parameters.

    Parameters
    ----------
    family : Family
        What is differentiated.
    counts : Counts
        The counts.
    eta : array
        Log expected count, exposure included (cell).
    theta : mapping
        Parameters of the family, by name.
    order : int
        Highest derivative in eta, from 1 to 3.
    parameters : bool
        Whether to differentiate in the parameters as well.

    Notes
    -----
    An eta so far out that its exponential overflows gives terms that are not finite, without a warning.
    """

    def differentiated(eta: Any, theta: Mapping[str, Any]) -> list[Array]:
        return family.log_mass(counts, eta, theta, JET_MATHS).derivatives(shape)  # type: ignore[no-any-return]

    shape, names = eta.shape, family.parameters() if parameters else ()
    with np.errstate(all="ignore"):
        value, *derivatives = differentiated(Jet((eta, 1.0), order), theta)
        scores = {name: differentiated(eta, {**theta, name: Jet((theta[name], 1.0), 1)})[1] for name in names}
    return CellTerms(value, tuple(derivatives), scores)


class Jet:
    """Taylor coefficients in one variable, up to the last that is not 0 throughout.

    Attributes
    ----------
    parts : tuple of array or float
        The coefficients.
    order : int
        Where the series is cut.
    """

    __array_ufunc__ = None
    __slots__ = ("order", "parts")

    def __init__(self, parts: tuple[Any, ...], order: int) -> None:
        self.parts, self.order = parts, order

    def derivatives(self, shape: tuple[int, ...]) -> list[Array]:
        """The value and its derivatives, up to the order, each an array of this shape."""
        whole = [*self.parts, *[0.0] * (self.order + 1 - len(self.parts))]
        scaled = (part if k < 2 else _times(float(factorial(k)), part) for k, part in enumerate(whole))
        return [part if np.shape(part) == shape else np.full(shape, part) for part in scaled]

    def __getitem__(self, index: Any) -> "Jet":
        """Some elements along the last axis."""
        return Jet(tuple(part[..., index] if np.ndim(part) else part for part in self.parts), self.order)

    def __add__(self, other: Any) -> "Jet":
        parts, others = self.parts, other.parts if isinstance(other, Jet) else (other,)
        both = tuple(a + b for a, b in zip(parts, others, strict=False))
        return Jet((*both, *parts[len(both) :], *others[len(both) :]), self.order)

    __radd__ = __add__

    def __neg__(self) -> "Jet":
        return Jet(tuple(-part for part in self.parts), self.order)

    def __sub__(self, other: Any) -> "Jet":
        return self.__add__(-other)

    def __rsub__(self, other: Any) -> "Jet":
        return (-self).__add__(other)

    def __mul__(self, other: Any) -> "Jet":
        if not isinstance(other, Jet):
            return Jet(tuple(_times(other, part) for part in self.parts), self.order)
        return Jet(_product(self.parts, other.parts, self.order), self.order)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        return self * other**-1.0

    def __rtruediv__(self, other: Any) -> Any:
        return other * self**-1.0

    def __pow__(self, exponent: float) -> Any:
        slopes, inverse = [1.0], 1.0 / self.parts[0]
        for k in range(self.order):
            slopes.append(slopes[-1] * (exponent - k))
        ratios = Jet((1.0, *(_times(part, inverse) for part in self.parts[1:])), self.order)
        return self.parts[0] ** exponent * _composed(ratios, slopes)


def _times(a: Any, b: Any) -> Any:
    """Product in which a plain 1 costs nothing."""
    if isinstance(b, float) and b == 1.0:
        return a
    return b if isinstance(a, float) and a == 1.0 else a * b


def _product(a: tuple[Any, ...], b: tuple[Any, ...], order: int) -> tuple[Any, ...]:
    """Coefficients of a product."""
    parts: list[Any] = []
    for k in range(min(order, len(a) + len(b) - 2) + 1):
        first = max(0, k - len(b) + 1)
        total = _times(a[first], b[k - first])
        for j in range(first + 1, min(k, len(a) - 1) + 1):
            total = total + _times(a[j], b[k - j])
        parts.append(total)
    return tuple(parts)


def _composed(x: Jet, slopes: list[Any]) -> Jet:
    """A function of a jet, from its value and derivatives at the jet's value: Horner's scheme in what is above that."""
    above, last = x.parts[1:], x.order if len(x.parts) > 1 else 0
    if len(above) == 1:
        parts, power = [slopes[0]], 1.0
        for k in range(1, last + 1):
            power = power * above[0] * (1.0 / k)
            parts.append(_times(power, slopes[k]))
        return Jet(tuple(parts), x.order)
    slopes = [slope if k < 2 else slope * (1.0 / factorial(k)) for k, slope in enumerate(slopes[: last + 1])]
    result: tuple[Any, ...] = (slopes[last],)
    for k in range(last - 1, -1, -1):
        result = (slopes[k], *_product(result, above, last - k - 1))
    return Jet(result, x.order)


def _lifted(slopes: Callable[[Any, int], list[Any]]) -> Callable[[Any], Any]:
    """A function of numbers and of jets, from its value and derivatives at numbers."""
    return lambda x: _composed(x, slopes(x.parts[0], x.order)) if isinstance(x, Jet) else slopes(x, 0)[0]


def _exp(x: Any, order: int) -> list[Any]:
    return [np.exp(x)] * (order + 1)


def _expm1(x: Any, order: int) -> list[Any]:
    return [np.expm1(x), *_exp(x, order)[1:]]


def _softplus(x: Any, order: int) -> list[Any]:
    small = np.exp(-np.abs(x))
    value = np.log1p(small) + np.maximum(x, 0.0)
    if not order:
        return [value]
    share = 1.0 / (1.0 + small)
    # s(1 − s), from its own formula: 1 − s would lose the digits of an s near 1.
    both = small * share * share
    share = np.exp(np.minimum(x, 0.0)) * share
    slopes = [value, share, both]
    if order > 2:
        slopes.append(both * (1.0 - 2.0 * share))
    return slopes[: order + 1]


def _log(x: Any) -> Any:
    """Of ratios to the jet's value, whose powers neither overflow nor vanish: k·f_k = k·r_k − Σ_j j·f_j·r_(k−j)."""
    if not isinstance(x, Jet):
        return np.log(x)
    inverse = 1.0 / x.parts[0]
    ratios = [_times(part, inverse) for part in x.parts[1:]]
    ratios += [0.0] * (x.order - len(ratios))
    parts = [np.log(x.parts[0])]
    for k in range(1, x.order + 1):
        total = ratios[k - 1]
        for j in range(1, k):
            total = total - _times(j / k, parts[j]) * ratios[k - j - 1]
        parts.append(total)
    return Jet(tuple(parts), x.order)


_softplus_of = _lifted(_softplus)
_gammaln = _lifted(
    lambda x, order: [special.gammaln(x), *(special.polygamma(k, x) if k else special.digamma(x) for k in range(order))]
)


def _where(condition: Any, a: Any, b: Any) -> Any:
    jets = [x for x in (a, b) if isinstance(x, Jet)]
    if not jets:
        return np.where(condition, a, b)
    chosen, others = (x.parts if isinstance(x, Jet) else (x,) for x in (a, b))
    length = max(len(chosen), len(others))
    chosen, others = ((*parts, *[0.0] * (length - len(parts))) for parts in (chosen, others))
    return Jet(tuple(np.where(condition, *pair) for pair in zip(chosen, others, strict=True)), jets[0].order)


JET_MATHS = SimpleNamespace(
    exp=_lifted(_exp),
    log=_log,
    expm1=_lifted(_expm1),
    gammaln=_gammaln,
    logaddexp=lambda a, b: a + _softplus_of(b - a),
    softplus=_softplus_of,
    log_sigmoid=lambda x: -_softplus_of(-x),
    where=_where,
)
