"""Attacks that follow attacks: slopes on past counts."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from forecast.errors import InputError
from forecast.model.blocks import Array, Block
from forecast.model.latents import Direct
from forecast.model.priors import TruncatedNormal
from forecast.model.terms.base import Term
from forecast.model.terms.labels import neighbours
from forecast.panel.panel import Panel

__all__ = ["Excitation", "Spillover"]


@dataclass(frozen=True)
class Feedback(Term):
    """Common to `Excitation` and `Spillover`: a slope on log(1 + past counts / exposure), less its training mean.

    Each count is divided by the exposure of its own period.
    """

    lags: int = 1
    slope: TruncatedNormal = TruncatedNormal(0.0, 0.3, -1.0, 1.0)
    impute: str = ""

    feeds_back = True
    # Whose counts the printed form says it looks back on.
    _whose: ClassVar[str]

    def __post_init__(self) -> None:
        if self.lags < 1:
            raise InputError("is a whole number from 1", where=f"{type(self).__name__}.lags", found=self.lags)
        if self.impute not in ("", "mean"):
            where = f"{type(self).__name__}.impute"
            raise InputError("unknown way to impute", where=where, found=self.impute, expected="mean")

    @abstractmethod
    def felt(self, panel: Panel, rates: Array) -> Array:
        """What each cell feels of the rates (counts per exposure) of all, over (…, province, tactic, period)."""

    def _centre(self, panel: Panel) -> float:
        return float(np.nanmean(np.log1p(self.felt(panel, panel.rates.values))))

    def blocks(self, panel: Panel) -> tuple[Block, ...]:
        """One slope per lag."""
        basis = np.zeros((self.lags, *panel.attacks.shape))
        past = np.log1p(self.felt(panel, panel.rates.values)) - self._centre(panel)
        for lag in range(1, self.lags + 1):
            basis[lag - 1, ..., lag:] = past[..., :-lag]
        if np.isnan(basis).any():
            if self.impute != "mean":
                hint = f"{type(self).__name__}(impute='mean') puts the mean in their place"
                raise InputError("looks back on cells that were not observed", where=self.label, hint=hint)
            basis = np.nan_to_num(basis)
        lags = list(range(1, self.lags + 1))
        if self.lags == 1:
            return (Block(self.label, (), {}, Direct(self.slope), basis),)
        return (Block(self.label, (f"{self.label}_lag",), {f"{self.label}_lag": lags}, Direct(self.slope), basis),)

    def ahead(self, panel: Panel, recent: Array) -> Array:
        """The basis of the next period, (lag, …, province, tactic), from `recent` rates (…, province, tactic, lag).

        `recent` holds the last counts, each per its own period's exposure, newest last; one that was not observed is
        NaN and counts as the mean.
        """
        past = np.nan_to_num(np.log1p(self.felt(panel, recent)) - self._centre(panel))
        return np.stack([past[..., -lag] for lag in range(1, self.lags + 1)])

    def equation(self) -> str:
        """Printed form."""
        past = f"{self._whose} counts per exposure of the {self.lags} periods before"
        return f"({self.label} ~ {self.slope}) · log(1 + {past}), centred"


@dataclass(frozen=True)
class Excitation(Feedback):
    """Attacks follow attacks: a slope on the cell's own past counts.

    Parameters
    ----------
    lags : int
        How many periods back, each with a slope of its own.
    slope : TruncatedNormal
        Prior of each slope.
    impute : {'', 'mean'}
        'mean': a lag that was not observed counts as the mean; else it is an error.

    Examples
    --------
    >>> fc.Excitation(lags=2).lags
    2
    """

    label = "excitation"
    _whose = "own"

    def felt(self, panel: Panel, rates: Array) -> Array:
        """Its own."""
        return rates


@dataclass(frozen=True)
class Spillover(Feedback):
    """Attacks follow attacks next door: a slope on the mean past count of the neighbours, same tactic.

    Parameters
    ----------
    lags, slope, impute
        As of `Excitation`.

    Examples
    --------
    >>> fc.Spillover().label
    'spillover'
    """

    label = "spillover"
    _whose = "neighbours' mean"

    def felt(self, panel: Panel, rates: Array) -> Array:
        """Mean over the neighbours; 0 where there are none, NaN where one has a gap."""
        near = np.zeros((len(panel.provinces),) * 2)
        for province, others in enumerate(neighbours(panel, self.label)):
            near[province, list(others)] = 1.0 / max(1, len(others))
        unknown = np.isnan(rates)
        mean = np.einsum("pq,...qkt->...pkt", near, np.where(unknown, 0.0, rates))
        # A gap leaves its neighbours without a mean, and no other province.
        return np.where(np.einsum("pq,...qkt->...pkt", near, unknown.astype(float)) > 0, np.nan, mean)
