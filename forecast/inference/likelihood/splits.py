"""How a published total falls into its parts: Dirichlet-multinomial; and what share of it a subset is: beta-binomial.

Cells with negative binomial counts, mean mu and dispersion phi, are Poisson with gamma rates. Where their mu are alike,
the rates' shares in their sum are Dirichlet with concentration S² / Σ mu²/phi, whatever the sum is. Where they differ
they scatter less, the small ones above all: of five cells with 40 attacks in all, SDs are too large by 3 to 22 % (of
the two smallest by 30 to 120 %) where the largest has half of them, by 55 to 110 % where it has four in five. What
publishers write need not scatter as attacks do either. psi holds both.

    parts | total    ~ Dirichlet-multinomial(total, psi·S_j·S / Σ mu²/phi)    log psi ~ N(0, 1), of each zone
    subset | whole   ~ beta-binomial(whole, nu·share, nu·(1 − share))         log nu ~ N(2, 1.5²), of each share

Their log masses are sums of log rising factorials, lnΓ(n + α) − lnΓ(α), whose log α is linear in the logs of sums over
cells. Poisson counts, which have no dispersion, fall into parts as multinomials.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from forecast.inference.likelihood.jets import JET_MATHS, Jet
from forecast.model.families import NUMPY

__all__ = ["PSI", "SHARE", "SUBSET", "Splits", "Subsets", "rising_derivatives"]

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]
PSI, SHARE, SUBSET = "log_psi", "logit_share", "log_nu"


def _log_rising(count: Any, log_alpha: Any, maths: Any) -> Any:
    """lnΓ(n + α) − lnΓ(α)."""
    alpha = maths.exp(log_alpha)
    return maths.gammaln(count + alpha) - maths.gammaln(alpha)


def rising_derivatives(count: Array, log_alpha: Array, order: int) -> list[Array]:
    """Log rising factorials and their derivatives in log α, up to an order."""
    log_mass: Jet = _log_rising(count, Jet((log_alpha, 1.0)[: order + 1], order), JET_MATHS)
    return log_mass.derivatives(log_alpha.shape)


@dataclass(frozen=True)
class Splits:
    """Totals that were split: a factor for each part, and for what is in no part; and one below the line for the total.

    Attributes
    ----------
    member : array of int
        The set of cells of each factor: that of a part, or of the whole itself.
    whole : array of int
        The set of the whole.
    count : array
        Published count of `member`.
    sign : array
        1 for parts, −1 for wholes.
    zone : array of int
        Which psi it has.
    zones : tuple of str
        The zones in which totals were split.
    """

    member: Index
    whole: Index
    count: Array
    sign: Array
    zone: Index
    zones: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.member)

    @property
    def constant(self) -> float:
        """What the multinomials' coefficients add."""
        return -float((self.sign * NUMPY.gammaln(self.count + 1)).sum())

    def log_mass(self, log_sum: Any, log_spread: Any, theta: Mapping[str, Any], maths: Any) -> Any:
        """Of each factor, from the logs of the sums mu and mu²/phi of every set (None for Poisson counts)."""
        own, whole = log_sum[self.member], log_sum[self.whole]
        if log_spread is None:
            return self.sign * self.count * own
        log_alpha = own + whole - log_spread[self.whole] + theta[PSI][self.zone]
        return self.sign * _log_rising(self.count, log_alpha, maths)

    def derivatives(self, argument: Array, psi: Array | None, order: int) -> list[Array]:
        """Of each factor's log mass in its argument, the sum of logs in log α, up to an order (factor, …).

        Without psi, of Poisson counts, of which the argument is the log of the sum.
        """
        each = (slice(None), *(None,) * (argument.ndim - 1))
        sign, count = self.sign[each], np.broadcast_to(self.count[each], argument.shape)
        if psi is None:
            slopes = [count * argument, count, *[np.zeros(argument.shape)] * order]
            return [sign * values for values in slopes[: order + 1]]
        log_alpha = argument + psi[self.zone][each]
        return [sign * values for values in rising_derivatives(count, log_alpha, order)]


@dataclass(frozen=True)
class Subsets:
    """Counts of a definition that is part of another, given that one's.

    Attributes
    ----------
    chosen, of : array
        The counts of subsets, and of their wholes.
    share : array of int
        Which share each has.
    scatter : array of int
        Which nu each has.
    labels : tuple of str
        Of each nu: 'zone: definition, publisher'.
    """

    chosen: Array
    of: Array
    share: Index
    scatter: Index
    labels: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.chosen)

    @property
    def constant(self) -> float:
        """What the binomials' coefficients add."""
        return float((NUMPY.gammaln(self.of + 1) - NUMPY.gammaln(self.chosen + 1) - NUMPY.gammaln(self.rest + 1)).sum())

    @property
    def rest(self) -> Array:
        """Of each whole, what is not in the subset."""
        return self.of - self.chosen

    def _log_alphas(self, theta: Mapping[str, Any], maths: Any) -> tuple[Any, Any, Any]:
        """Of what is in a subset, of what is not, and of both."""
        logit, log_nu = theta[SHARE][self.share], theta[SUBSET][self.scatter]
        return log_nu + maths.log_sigmoid(logit), log_nu + maths.log_sigmoid(-logit), log_nu

    def log_mass(self, theta: Mapping[str, Any], maths: Any) -> Any:
        """Of each subset."""
        chosen, rest, both = self._log_alphas(theta, maths)
        inside = _log_rising(self.chosen, chosen, maths) + _log_rising(self.rest, rest, maths)
        return inside - _log_rising(self.of, both, maths)

    def gradient(self, theta: Mapping[str, Array]) -> dict[str, Array]:
        """Of the log mass of all, in logit shares and in log nu."""
        counts = self.chosen, self.rest, self.of
        log_alphas = self._log_alphas(theta, NUMPY)
        inside, outside, both = (
            rising_derivatives(count, log_alpha, 1)[1] for count, log_alpha in zip(counts, log_alphas, strict=True)
        )
        kept = np.exp(NUMPY.log_sigmoid(theta[SHARE][self.share]))
        of_share, of_nu = inside * (1 - kept) - outside * kept, inside + outside - both
        return {
            SHARE: np.bincount(self.share, of_share, minlength=len(theta[SHARE])).astype(float),
            SUBSET: np.bincount(self.scatter, of_nu, minlength=len(self.labels)).astype(float),
        }
