"""Terms: what adds to eta. A term is one class, and knows four things.

Its latents and their labels; its design against a panel; its prior, as a structured precision and as a non-centred
transform (`forecast.model.latents`); and how it goes on after the last period. Engines, the forecaster and the printout
use those four and nothing else.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from forecast import names
from forecast.errors import InputError
from forecast.model.blocks import Array, Block, Error, error_name
from forecast.model.latents import BYM2, Autoregressive, Direct, Independent, Latents, RandomWalk, Shocks
from forecast.model.priors import Beta, HalfNormal, LogNormal, Normal, Prior, Share, TruncatedNormal
from forecast.panel.calendar import CALENDAR_COVARIATES, periods_per_year, year_fraction
from forecast.panel.panel import Panel

__all__ = [
    "TERMS",
    "Covariate",
    "Excitation",
    "Intercept",
    "Pooled",
    "Season",
    "Shock",
    "Spatial",
    "Spillover",
    "Step",
    "Term",
    "Walk",
]

_COEFFICIENT = "coefficient"
_GROUPS = (names.COUNTRY, names.ZONE, names.PCODE)
_PROPAGATE = ("error", "mean")
# SD under the prior of the effect of a period that lies in Ramadan as a whole; per SD of its share it would be 4.6.
_OF_A_WHOLE_PERIOD = 0.3
# Covariates in the periods to come, by name: (province, tactic, period). Those that were measured with error:
# (sample, force, period), with the periods of the panel before them.
FutureValues = Mapping[str, npt.NDArray[np.float64]]


class Term(ABC):
    """One summand of eta; see the subclasses."""

    # Periods at the start of a panel that the term looks back on, and that are conditioned on.
    lags: int = 0
    feeds_back: ClassVar[bool] = False

    @property
    @abstractmethod
    def label(self) -> str:
        """Its name in the posterior."""

    @abstractmethod
    def blocks(self, panel: Panel) -> tuple[Block, ...]:
        """Latents, labels, design and prior against a panel; an `InputError` where the panel cannot serve it."""

    @abstractmethod
    def equation(self) -> str:
        """How it stands in the printed model."""

    def basis_ahead(self, block: Block, panel: Panel, periods: pd.DatetimeIndex, futures: FutureValues) -> Array | None:
        """The block's basis in the periods after the panel (terms with a path or without a basis need none)."""
        return block.basis

    def to_dict(self) -> dict[str, Any]:
        """Plain data: the name of the term under 'term', and its options that differ from the defaults."""
        plain: dict[str, Any] = {"term": type(self).__name__}
        for part in fields(self):  # type: ignore[arg-type]
            value = getattr(self, part.name)
            if value != part.default:
                plain[part.name] = value.to_dict() if isinstance(value, Prior) else value
        return plain


@dataclass(frozen=True)
class Intercept(Term):
    """One level for all cells: Normal(centre, sd).

    Parameters
    ----------
    centre : float, optional
        Mean of the prior. By default the mean over the series of log((attacks + ½) / exposure) on the training panel,
        both summed over the periods, at most that of all series together; of published counts, that of their sums.
    sd : float
        Standard deviation of the prior.

    Examples
    --------
    >>> fc.Intercept().equation()
    'intercept ~ Normal(mean log count, 2)'
    """

    centre: float | None = None
    sd: float = 2.0

    label = "intercept"

    def __post_init__(self) -> None:
        if not self.sd > 0:
            raise InputError("is a number above 0", where="Intercept.sd", found=self.sd)

    def blocks(self, panel: Panel) -> tuple[Block, ...]:
        """One number."""
        centre = self.centre
        if centre is None:
            centre = _log_level(panel)
        return (Block(self.label, (), {}, Independent(self.sd, centre)),)

    def equation(self) -> str:
        """Printed form."""
        centre = "mean log count" if self.centre is None else f"{self.centre:g}"
        return f"intercept ~ Normal({centre}, {self.sd:g})"


@dataclass(frozen=True)
class Pooled(Term):
    """One level per label, or combination of labels: Normal(0, sigma²), sigma learned.

    Parameters
    ----------
    by : tuple of str
        Any of 'province' (or a coordinate of it: 'country', 'zone', 'pcode') and 'tactic'.
    sigma : Prior
        Prior of the standard deviation; a `Share` falls with the number of levels.

    Examples
    --------
    >>> fc.Pooled("province", "tactic").label
    'level_province_tactic'
    """

    by: tuple[str, ...] = (names.PROVINCE,)
    sigma: Prior = Share(1.0)

    def __init__(self, *by: str, sigma: Prior = Share(1.0)) -> None:
        object.__setattr__(self, "by", _levels(by or (names.PROVINCE,), "Pooled"))
        object.__setattr__(self, "sigma", sigma)

    @property
    def label(self) -> str:
        """Its name in the posterior."""
        return "level_" + "_".join(self.by)

    def blocks(self, panel: Panel) -> tuple[Block, ...]:
        """One array of levels."""
        return (_by_labels(panel, self.label, self.by, Independent(f"sigma_{self.label}", prior=self.sigma)),)

    def equation(self) -> str:
        """Printed form."""
        return f"{self.label}[{', '.join(self.by)}] ~ Normal(0, sigma²), sigma ~ {self.sigma}"


@dataclass(frozen=True)
class Walk(Term):
    """One path over the periods per label: a stationary AR(1), or without damping a random walk that starts at 0.

    Parameters
    ----------
    by : str or tuple of str
        'province' (or a coordinate of it), 'tactic', or both; () for one path of all cells.
    damping : {'learned', 1}
        1: a random walk.
    sigma : HalfNormal
        Of the innovations' standard deviation in a month (a `Share` falls with the number of walks); for weeks the
        prior's scale is that by the square root of a week's share of a month.
    half_life : Prior
        Of the half-life of a shock, in months.
    breaks : str or tuple of str
        Days in whose periods much may change at once (a coup, the fall of a government): there the variance of the
        innovations is 1 + kappa² times as large, so that the change is no reason to expect others. Those in the first
        period of a panel, before, or after it play no part.
    kappa : HalfNormal
        Prior of kappa.

    Examples
    --------
    >>> fc.Walk(by="tactic", damping=1).equation()
    'walk_tactic[tactic, period] ~ random walk from 0, sigma ~ Share(0.5) per √month'
    """

    by: str | tuple[str, ...] = (names.PROVINCE,)
    damping: str | int = "learned"
    sigma: HalfNormal = Share(0.5)
    half_life: Prior = LogNormal(24.0, 1.0)
    breaks: str | tuple[str, ...] = ()
    kappa: HalfNormal = HalfNormal(3.0)

    def __post_init__(self) -> None:
        by = (self.by,) if isinstance(self.by, str) else tuple(self.by)
        object.__setattr__(self, "by", _levels(by, "Walk"))
        if self.damping not in ("learned", 1):
            raise InputError(
                "unknown damping", where="Walk.damping", found=str(self.damping), expected=["learned", "1"]
            )
        days = (self.breaks,) if isinstance(self.breaks, str) else self.breaks
        object.__setattr__(self, "breaks", tuple(_day(day, "Walk.breaks") for day in days))
        if self.breaks and self.damping == 1:
            raise InputError("a random walk has no breaks", where="Walk.breaks", hint="Leave its damping to be learned")

    @property
    def label(self) -> str:
        """Its name in the posterior."""
        return "_".join(("walk", *self.by))

    def blocks(self, panel: Panel) -> tuple[Block, ...]:
        """One array of paths."""
        months = 12 / periods_per_year(panel.freq)
        sigma = replace(self.sigma, scale=self.sigma.scale * months**0.5)
        name, periods = f"sigma_{self.label}", len(panel.periods)
        if periods < 2:
            raise InputError("needs at least two periods", where=self.label, found=periods)
        prior: Latents = RandomWalk(name, sigma, periods)
        if self.damping == "learned":
            days = pd.DatetimeIndex([day for day in self.breaks if pd.Timestamp(day) <= panel.origin])
            at = panel.periods.searchsorted(days, side="right") - 1
            breaks = tuple(int(period) for period in np.unique(at[at > 0]))
            kappa = f"kappa_{self.label}", self.kappa if breaks else None
            half_life = f"half_life_{self.label}"
            prior = Autoregressive(name, half_life, sigma, self.half_life, months, periods, breaks, *kappa)
        return (_by_labels(panel, self.label, (*self.by, names.PERIOD), prior),)

    def equation(self) -> str:
        """Printed form."""
        head = f"{self.label}[{', '.join((*self.by, names.PERIOD))}]"
        if self.damping == 1:
            return f"{head} ~ random walk from 0, sigma ~ {self.sigma} per √month"
        at = f", variance × (1 + kappa²) at {', '.join(self.breaks)}, kappa ~ {self.kappa}" if self.breaks else ""
        return f"{head} ~ AR(1), sigma ~ {self.sigma} per √month, half_life ~ {self.half_life} months{at}"


@dataclass(frozen=True)
class Shock(Term):
    """What passes with its period: one number per label and period, independent of all others.

    Beside walks it tells what passes from what lasts. Without it a month of many attacks everywhere counts as a lasting
    change, and walks grow so volatile that they add up to totals no data ever showed.

    Parameters
    ----------
    by : str or tuple of str
        'province' (or a coordinate of it), 'tactic', or both; () for shocks that all cells share.
    sigma : HalfNormal
        Of the standard deviation.

    Examples
    --------
    >>> fc.Shock().equation()
    'shock[period] ~ Normal(0, sigma²), sigma ~ HalfNormal(0.3)'
    """

    by: str | tuple[str, ...] = ()
    sigma: HalfNormal = HalfNormal(0.3)

    def __post_init__(self) -> None:
        by = (self.by,) if isinstance(self.by, str) else tuple(self.by)
        object.__setattr__(self, "by", _levels(by, "Shock"))

    @property
    def label(self) -> str:
        """Its name in the posterior."""
        return "_".join(("shock", *self.by))

    def blocks(self, panel: Panel) -> tuple[Block, ...]:
        """One array of shocks."""
        periods = len(panel.periods)
        if periods < 2:
            raise InputError("needs at least two periods", where=self.label, found=periods)
        prior = Shocks(f"sigma_{self.label}", self.sigma, periods)
        return (_by_labels(panel, self.label, (*self.by, names.PERIOD), prior),)

    def equation(self) -> str:
        """Printed form."""
        return f"{self.label}[{', '.join((*self.by, names.PERIOD))}] ~ Normal(0, sigma²), sigma ~ {self.sigma}"


@dataclass(frozen=True)
class Season(Term):
    """Fourier terms of the year, their coefficients Normal(0, sigma²).

    Parameters
    ----------
    harmonics : int
        Pairs of sine and cosine.
    by : str, optional
        Own coefficients per label of 'province' (or a coordinate of it) or 'tactic'.
    sigma : Prior
        Of the coefficients' standard deviation.

    Examples
    --------
    >>> fc.Season(harmonics=1).equation()
    'season = 1 harmonics of the year ~ Normal(0, sigma²), sigma ~ HalfNormal(0.5)'
    """

    harmonics: int = 2
    by: str | None = None
    sigma: Prior = HalfNormal(0.5)

    def __post_init__(self) -> None:
        if self.harmonics < 1:
            raise InputError("is a whole number from 1", where="Season.harmonics", found=self.harmonics)
        _levels((self.by,) if self.by else (), "Season")

    @property
    def label(self) -> str:
        """Its name in the posterior."""
        return f"season_{self.by}" if self.by else "season"

    def blocks(self, panel: Panel) -> tuple[Block, ...]:
        """Coefficients of the harmonics."""
        year, found = periods_per_year(panel.freq), len(panel.periods)
        if found < year:
            hint = "Leave the season out"
            raise InputError("needs at least a year of data", where=self.label, found=f"{found} periods", hint=hint)
        if 2 * self.harmonics > year:
            expected = f"at most {int(year // 2)}"
            raise InputError(
                "too many harmonics for the periods", where=self.label, found=self.harmonics, expected=expected
            )
        dims = (f"{self.label}_{_COEFFICIENT}", *((self.by,) if self.by else ()))
        labels = [f"{wave}_{h}" for h in range(1, self.harmonics + 1) for wave in ("sin", "cos")]
        prior = Independent(f"sigma_{self.label}", prior=self.sigma)
        block = _by_labels(panel, self.label, dims, prior, {dims[0]: labels}, self._basis(panel.periods, panel.freq))
        return (block,)

    def _basis(self, periods: pd.DatetimeIndex, freq: str) -> Array:
        angle = 2 * np.pi * np.outer(np.arange(1, self.harmonics + 1), year_fraction(periods, freq))
        return np.stack([np.sin(angle), np.cos(angle)], axis=1).reshape(-1, 1, 1, len(periods))

    def basis_ahead(self, block: Block, panel: Panel, periods: pd.DatetimeIndex, futures: FutureValues) -> Array | None:
        """The year goes on."""
        return self._basis(periods, panel.freq)

    def equation(self) -> str:
        """Printed form."""
        return f"{self.label} = {self.harmonics} harmonics of the year ~ Normal(0, sigma²), sigma ~ {self.sigma}"


class _Slopes(Term):
    """Common to `Step` and `Covariate`: one slope, and with `by` its deviations per label, pooled."""

    by: str | None

    def _slope_blocks(self, panel: Panel, prior: Normal, sigma: Prior, basis: Array) -> tuple[Block, ...]:
        main = Block(self.label, (), {}, Independent(prior.sd, prior.mean), basis)
        if self.by is None:
            return (main,)
        name = f"{self.label}_{self.by}"
        return main, _by_labels(panel, name, (self.by,), Independent(f"sigma_{name}", prior=sigma), basis=basis)

    def _slope_equation(self, prior: Normal, sigma: Prior, what: str) -> str:
        deviations = f" + {self.label}_{self.by}[{self.by}] ~ Normal(0, sigma²), sigma ~ {sigma}" if self.by else ""
        return f"({self.label} ~ {prior}{deviations}) · {what}"


@dataclass(frozen=True)
class Step(_Slopes):
    """A shift of the level from a named date on.

    Parameters
    ----------
    date : str
        The first day of the new level; a period counts from its first day.
    by : str, optional
        With it the shift differs between labels of 'province' (or a coordinate of it) or 'tactic', pooled.
    effect : Normal
        Prior of the shift.
    sigma : Prior
        Of the standard deviation between labels.

    Examples
    --------
    >>> fc.Step("2021-02-01").label
    'step_2021-02-01'
    """

    date: str
    by: str | None = None
    effect: Normal = Normal(0.0, 1.0)
    sigma: Prior = HalfNormal(0.5)

    def __post_init__(self) -> None:
        object.__setattr__(self, "date", _day(self.date, "Step.date"))
        _levels((self.by,) if self.by else (), "Step")

    @property
    def label(self) -> str:
        """Its name in the posterior."""
        return f"step_{self.date}"

    def blocks(self, panel: Panel) -> tuple[Block, ...]:
        """The shift, and its deviations."""
        basis = self._basis(panel.periods)
        if basis.min() == basis.max():
            span = f"{panel.periods[0]:%Y-%m-%d} to {panel.origin:%Y-%m-%d}"
            raise InputError("lies outside the panel", where=self.label, expected=f"a day after the first of {span}")
        return self._slope_blocks(panel, self.effect, self.sigma, basis)

    def _basis(self, periods: pd.DatetimeIndex) -> Array:
        return (periods >= pd.Timestamp(self.date)).astype(float).reshape(1, 1, 1, -1)

    def basis_ahead(self, block: Block, panel: Panel, periods: pd.DatetimeIndex, futures: FutureValues) -> Array | None:
        """The new level stays."""
        return self._basis(periods)

    def equation(self) -> str:
        """Printed form."""
        return self._slope_equation(self.effect, self.sigma, f"[period from {self.date} on]")


@dataclass(frozen=True)
class Spatial(Term):
    """Structured and unstructured levels of provinces (BYM2, Riebler et al. 2016) on the panel's neighbours.

    Parameters
    ----------
    sigma : Prior
        Of the standard deviation; a `Share` falls with the number of levels.
    mixing : Prior
        Of the share of the variance that is structured.

    Examples
    --------
    >>> fc.Spatial().equation()
    'spatial[province] ~ BYM2(neighbours), sigma ~ Share(1), mixing ~ Beta(0.5, 0.5)'
    """

    sigma: Prior = Share(1.0)
    mixing: Beta = Beta(0.5, 0.5)

    label = "spatial"

    def blocks(self, panel: Panel) -> tuple[Block, ...]:
        """One level per province."""
        adjacency = _adjacency(panel, self.label)
        prior = BYM2("sigma_spatial", "mixing_spatial", self.sigma, self.mixing, adjacency)
        return (_by_labels(panel, self.label, (names.PROVINCE,), prior),)

    def equation(self) -> str:
        """Printed form."""
        return f"spatial[province] ~ BYM2(neighbours), sigma ~ {self.sigma}, mixing ~ {self.mixing}"


@dataclass(frozen=True)
class Covariate(_Slopes):
    """A slope on a covariate of the panel, standardised once on the training panel.

    One that was attached with the covariance of its error, such as a `Capability`, stays in its own unit: the slope is
    per SD of capability.

    Parameters
    ----------
    name : str
        The covariate: one of the panel's, or 'ramadan', the share of the period's days in Ramadan, which every panel
        has by the calendar (one of the panel's own with that name goes before it).
    by : str, optional
        With it the slope differs between labels of 'tactic' or 'province' (or a coordinate of it), pooled.
    lag : int
        The covariate of how many periods before.
    slope : Normal
        Prior of the slope, per standard deviation of the covariate: Normal(0, 1), and for 'ramadan', which is not
        divided by its standard deviation, Normal(0, 0.3) for a period that lies in Ramadan as a whole.
    sigma : Prior
        Of the standard deviation between labels: HalfNormal(0.5), and for 'ramadan' HalfNormal(0.15).
    propagate : {'error', 'mean'}
        What becomes of the error of a covariate that was measured with one. 'error': eta gets slope · (mean + e) with
        e ~ N(0, covariance), one e for each force (Berkson error). 'mean' stands here to be compared with it: the mean
        is taken for the truth, so that the slope is about right and its interval too narrow.

    Examples
    --------
    >>> fc.Covariate("ramadan").label
    'slope_ramadan'
    """

    name: str
    by: str | None = None
    lag: int = 0
    slope: Normal | None = None
    sigma: Prior | None = None
    propagate: str = "error"

    def __post_init__(self) -> None:
        if self.lag < 0:
            raise InputError("is a whole number from 0", where="Covariate.lag", found=self.lag)
        if self.propagate not in _PROPAGATE:
            raise InputError("unknown way", where="Covariate.propagate", found=self.propagate, expected=_PROPAGATE)
        _levels((self.by,) if self.by else (), "Covariate")

    @property
    def lags(self) -> int:  # type: ignore[override]
        """Periods conditioned on."""
        return self.lag

    @property
    def label(self) -> str:
        """Its name in the posterior."""
        return f"slope_{self.name}" + (f"_lag_{self.lag}" if self.lag else "")

    def constants(self, panel: Panel) -> tuple[float, float]:
        """Mean and standard deviation on the training panel; 0 and 1 where the covariate has a unit of its own."""
        values = self._known(panel)
        if panel.measured(self.name) is not None:
            return 0.0, 1.0
        values = values[np.isfinite(values)]
        if not values.size or values.min() == values.max():
            found = f"{values[0]:g} throughout" if values.size else "no value"
            raise InputError("the covariate does not vary on the panel", where=self.label, found=found)
        return float(values.mean()), 1.0 if self._is_of_the_calendar(panel) else float(values.std())

    def _is_of_the_calendar(self, panel: Panel | None = None) -> bool:
        return self.name in CALENDAR_COVARIATES and (panel is None or self.name not in panel.dataset)

    def _priors(self, panel: Panel | None = None) -> tuple[Normal, Prior]:
        """Of the slope, and of the standard deviation of its deviations."""
        wide = _OF_A_WHOLE_PERIOD if self._is_of_the_calendar(panel) else 1.0
        return self.slope or Normal(0.0, wide), self.sigma or HalfNormal(0.5 * wide)

    def _known(self, panel: Panel) -> Array:
        try:
            return np.asarray(panel.covariate(self.name).values)
        except InputError as error:
            problem, expected = "the panel lacks the covariate", error.expected
            raise InputError(problem, where=self.label, found=self.name, expected=expected, hint=error.hint) from None

    def blocks(self, panel: Panel) -> tuple[Block, ...]:
        """The slope, and its deviations; and the error, where it was measured with one."""
        basis = self._standardised(panel, self._known(panel))
        shifted = np.zeros_like(basis)
        shifted[..., self.lag :] = basis[..., : basis.shape[-1] - self.lag]
        measured = panel.measured(self.name)
        if measured is None:
            return self._slope_blocks(panel, *self._priors(panel), shifted[None])
        # The same for all tactics.
        slopes = self._slope_blocks(panel, *self._priors(panel), shifted[None, :, :1])
        if self.propagate == "mean":
            return slopes
        periods, components = measured.factor.shape[1:]
        rows = np.concatenate([measured.factor.reshape(-1, components), np.zeros((1, components))])
        index = np.full(measured.unit.shape, len(rows) - 1)
        unit, period = measured.unit[:, : periods - self.lag], np.arange(periods - self.lag)
        index[:, self.lag :] = np.where(unit >= 0, unit * periods + period, len(rows) - 1)
        error = Error(self.name, rows, index)
        dim = f"{self.name}_component"
        # On their own these add nothing.
        silent = np.zeros((components, 1, 1, 1))
        latents = Block(error.latents, (dim,), {dim: list(range(components))}, Independent(1.0), silent)
        return (*(replace(slope, error=error) for slope in slopes), latents)

    def _standardised(self, panel: Panel, values: Array) -> Array:
        mean, spread = self.constants(panel)
        # Where a covariate does not apply (no partner force) it adds nothing.
        return np.nan_to_num((values - mean) / spread)

    def basis_ahead(self, block: Block, panel: Panel, periods: pd.DatetimeIndex, futures: FutureValues) -> Array | None:
        """By its future, after the last values of the panel where it is lagged."""
        measured = panel.measured(self.name)
        if measured is not None:
            if block.name == error_name(self.name):
                return block.basis
            at = np.arange(len(panel.periods), len(panel.periods) + len(periods)) - self.lag
            unit = measured.unit[:, np.minimum(at, len(panel.periods) - 1)]
            felt = np.where(unit >= 0, futures[self.name][:, unit, at], 0.0)
            return felt[:, None, :, None, :]
        known = self._known(panel)
        longer = np.concatenate([known, futures[self.name]], axis=-1)
        start = known.shape[-1] - self.lag
        return self._standardised(panel, longer[..., start : start + len(periods)])[None]

    def equation(self) -> str:
        """Printed form."""
        back = f" {self.lag} periods before" if self.lag else ""
        unit = "" if self._is_of_the_calendar() else "standardised "
        return self._slope_equation(*self._priors(), f"{unit}{self.name}{back}")


@dataclass(frozen=True)
class _Feedback(Term):
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
class Excitation(_Feedback):
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
class Spillover(_Feedback):
    """Attacks follow attacks next door: a slope on the mean past count of the neighbours, same tactic.

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
    >>> fc.Spillover().label
    'spillover'
    """

    label = "spillover"
    _whose = "neighbours' mean"

    def felt(self, panel: Panel, rates: Array) -> Array:
        """Mean over the neighbours; 0 where there are none, NaN where one has a gap."""
        near = np.zeros((len(panel.provinces),) * 2)
        for province, others in enumerate(_adjacency(panel, self.label)):
            near[province, list(others)] = 1.0 / max(1, len(others))
        unknown = np.isnan(rates)
        mean = np.einsum("pq,...qkt->...pkt", near, np.where(unknown, 0.0, rates))
        # A gap leaves its neighbours without a mean, and no other province.
        return np.where(np.einsum("pq,...qkt->...pkt", near, unknown.astype(float)) > 0, np.nan, mean)


TERMS: dict[str, type[Term]] = {
    term.__name__: term
    for term in (Intercept, Pooled, Walk, Shock, Season, Step, Spatial, Covariate, Excitation, Spillover)
}


# Parts ------------------------------------------------------------------------------------------------------


def _levels(by: Sequence[str], term: str) -> tuple[str, ...]:
    """Dims in the order of the grid; at most one along the provinces."""
    spatial = [dim for dim in by if dim == names.PROVINCE or dim in _GROUPS]
    other = [dim for dim in by if dim == names.TACTIC]
    if len(spatial) > 1 or len(other) > 1 or len(spatial) + len(other) != len(by):
        expected = [names.PROVINCE, *_GROUPS, names.TACTIC]
        raise InputError("cannot vary by this", where=term, found=list(by), expected=expected)
    return (*spatial, *other)


def _day(given: object, where: str) -> str:
    """A day as YYYY-MM-DD."""
    day = pd.to_datetime(given, errors="coerce")  # type: ignore[call-overload]
    if pd.isna(day):
        raise InputError("is no date", where=where, found=str(given), expected="YYYY-MM-DD")
    return f"{day:%Y-%m-%d}"


def _by_labels(
    panel: Panel,
    name: str,
    dims: tuple[str, ...],
    prior: Latents,
    coords: Mapping[str, Sequence[Any]] | None = None,
    basis: Array | None = None,
) -> Block:
    labels: dict[str, Sequence[Any]] = dict(coords or {})
    groups = {}
    for dim in dims:
        if dim in _GROUPS:
            of_province = panel.dataset[dim].values.astype(str)
            labels[dim] = list(dict.fromkeys(of_province))
            groups[dim] = pd.Index(labels[dim]).get_indexer(pd.Index(of_province))
        elif dim not in labels:
            labels[dim] = list(panel.dataset[dim].values)
    return Block(name, dims, labels, prior, basis, groups)


def _log_level(panel: Panel) -> float:
    """Mean over the series of their log counts per exposure, at most the log of all counts per exposure.

    Half an attack in a series without any may be more than others have. Of published counts only sums are known.
    """
    exposure = panel.recorded_exposure.values
    total, of_total = panel.observations.totals(exposure)
    most = float(np.log((total + 0.5) / of_total))
    if panel.observations.is_published:
        return most
    observed = panel.dataset[names.OBSERVED].values
    attacks, exposed = ((each * observed).sum(axis=2) for each in (panel.dataset[names.ATTACKS].values, exposure))
    seen = exposed > 0
    return min(float(np.log((attacks[seen] + 0.5) / exposed[seen]).mean()), most)


def _adjacency(panel: Panel, term: str) -> tuple[tuple[int, ...], ...]:
    matrix: xr.DataArray = panel.dataset[names.ADJACENCY]
    if not matrix.values.any():
        raise InputError("the panel has no neighbours", where=term, hint="Build it with a gazetteer that names them")
    either = matrix.values | matrix.values.T
    return tuple(tuple(int(near) for near in np.flatnonzero(row)) for row in either)
