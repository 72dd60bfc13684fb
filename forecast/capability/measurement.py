"""The measurement model: indicators of partner forces to one latent path per force, with its error.

Per force a path a with mean 0, SD 1 and an exponential memory, and per indicator i

    y_i = level_i + direction_i · loading_i · (mean of a over the value's periods) + noise

in the state-space form of statsmodels. Shares enter as logits and counts as logs of the number per period, with the
variance that sampling gives them beside their noise; both, and indices, in SDs within forces. An ordinal rating is a
probit of the same predictor, its likelihood taken by Laplace's method (Durbin & Koopman 2012, chapter 10). Values over
several periods read a cumulator: a state that averages the path since the value's first period.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import optimize
from scipy.special import log_ndtr, logit, ndtri
from statsmodels.tsa.statespace.mlemodel import MLEModel
from statsmodels.tsa.statespace.simulation_smoother import SIMULATION_STATE

from forecast import names
from forecast.capability.indicators import COUNT, SHARE, levels_of
from forecast.errors import InputError
from forecast.model.priors import LogNormal, Normal
from forecast.progress import progress

__all__ = ["Measurement", "Posterior", "on_working_scale", "posterior"]

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
# A share of 0 or 1 of an unknown total stands for one this far away.
_EDGE = 0.005
# The least SD of an indicator within forces, on its working scale.
_LEAST_SD = 1e-3
# Steps of the search for the mode of a path beside ordinal ratings, and the change of its signal that ends it.
_STEPS, _CLOSE = 50, 1e-6
# Steps of the differences that the gradient and the Hessian are taken by, in prior SDs.
_STEP, _WIDE = 1e-4, 0.02
# Relative change of the log density that ends the search: parameters are drawn about its end, and weighed.
_ENOUGH = 1e-5
_LOG_ROOT = 0.5 * float(np.log(2 * np.pi))
# So many parameters are drawn, and taken by their weights.
_PROPOSALS = 200
# The longest that is waited for: 20 counts by month over 5 years take 40 s, and twice as many eight times as long.
_MOST_SECONDS = 1800.0


@dataclass(frozen=True)
class Measurement:
    """What is believed of paths and indicators before seeing them.

    Attributes
    ----------
    half_life : LogNormal
        Of a path's memory, months.
    loading : LogNormal
        SDs of an indicator (within forces) per SD of capability; of the probit for an ordinal one.
    between : float
        SD of the log of loadings between forces.
    noise : LogNormal
        SD of an indicator's noise, in its own SDs; an ordinal one has 1, on the probit scale.
    level : Normal
        Of a force's level, in SDs of the indicator from the mean of its values.
    ordinal : {'probit', 'scored'}
        Ordinal ratings as ordered probits, or as numbers.
    """

    half_life: LogNormal = LogNormal(12.0, 0.7)
    loading: LogNormal = LogNormal(0.7, 0.5)
    between: float = 0.3
    noise: LogNormal = LogNormal(0.6, 0.6)
    level: Normal = Normal(0.0, 5.0)
    ordinal: str = "probit"

    def __post_init__(self) -> None:
        if self.ordinal not in ("probit", "scored"):
            where, expected = "Measurement.ordinal", "probit or scored"
            raise InputError("is not known", where=where, found=self.ordinal, expected=expected)


@dataclass(frozen=True)
class Posterior:
    """Paths and parameters, drawn jointly.

    Attributes
    ----------
    paths : array
        (draw, force, period), in stationary SDs.
    half_life : array
        Months (draw).
    loading : array
        Signed by direction (draw, force, indicator); NaN where a force has no such indicator.
    noise : array
        (draw, indicator); NaN for ordinal ones.
    """

    paths: Array
    half_life: Array
    loading: Array
    noise: Array


def posterior(
    table: pd.DataFrame, periods: int, months: float, prior: Measurement, draws: int, rng: np.random.Generator
) -> Posterior:
    """Draw the paths of all forces of a table.

    Parameters
    ----------
    table : DataFrame
        What `on_working_scale` made of values with directions 1 and -1 only.
    periods : int
        Length of the paths.
    months : float
        Length of a period.
    prior : Measurement
        What is believed beforehand.
    draws : int
        How many.
    rng : Generator
        Source of randomness.

    Raises
    ------
    InputError
        Where so many indicators take longer than half an hour.
    """
    layout = _Layout.of(table, months, prior)
    forces = [_Force(layout, number, table, periods) for number in range(len(layout.forces))]
    what = f"Measuring capability by {table[names.INDICATOR].nunique()} indicators"
    with progress(what, max_seconds=_MOST_SECONDS, even=False) as work:

        def tell(stage: str) -> None:
            if not work(0.0, f"{what}: {stage}"):
                found, expected = f"{table[names.INDICATOR].nunique()} indicators", f"at most {_MOST_SECONDS:g} seconds"
                hint = "Leave out indicators that say the same, or those with few values"
                raise InputError(
                    "takes too long to measure", where="capability", found=found, expected=expected, hint=hint
                )

        mode, root = _searched(layout, forces, tell)
        away = rng.standard_normal((_PROPOSALS, len(mode)))
        proposed = mode + away @ root.T
        log_density = np.empty(_PROPOSALS)
        for number, vector in enumerate(proposed):
            tell(f"weight {number + 1} of {_PROPOSALS}")
            log_density[number] = _log_density(forces, vector)
    log_weight = log_density + 0.5 * (away**2).sum(axis=1)
    weight = np.exp(log_weight - log_weight.max())
    chosen = np.sort(rng.choice(_PROPOSALS, draws, p=weight / weight.sum()))
    paths = np.empty((draws, len(forces), periods))
    for place in np.unique(chosen):
        own = np.flatnonzero(chosen == place)
        for number, force in enumerate(forces):
            paths[own, number] = force.drawn(proposed[place], len(own), rng)
    mixed = rng.permutation(draws)
    vectors = proposed[chosen][mixed]
    loading = np.stack([[layout.loading(vector, number) for number in range(len(forces))] for vector in vectors])
    noise = np.stack([layout.noise(vector) for vector in vectors])
    return Posterior(paths[mixed], np.array([layout.half_life(vector) for vector in vectors]), loading, noise)


def on_working_scale(table: pd.DataFrame, ordinal: str) -> pd.DataFrame:
    """With the columns `working` and `sampling`: values in SDs within forces, and the variance that sampling gives.

    Shares are logits, counts logs of the number per period; ordinal ratings stay as they are for a probit. The table
    has the columns `first` and `last`: numbers of the periods that a value covers.
    """
    value, scale = table[names.VALUE].astype(float), table["scale"]
    length = table["last"] - table["first"] + 1
    known = table["total"].notna()
    drawn = (value * table["total"] + 0.5) / (table["total"] + 1)
    share = drawn.where(known, value.clip(_EDGE, 1 - _EDGE)).where(scale == SHARE, 0.5)
    working = value.mask(scale == SHARE, share.map(logit))
    working = working.mask(scale == COUNT, np.log((value.clip(lower=0) + 0.5) / length))
    sampling = pd.Series(0.0, index=table.index)
    sampling = sampling.mask((scale == SHARE) & known, 1 / (table["total"] * share * (1 - share)))
    sampling = sampling.mask(scale == COUNT, 1 / (value.clip(lower=0) + 0.5))
    probit = scale.str.startswith("ordinal") & (ordinal == "probit")
    centred = working - working.groupby([table[names.FORCE], table[names.INDICATOR]]).transform("mean")
    sd = np.sqrt((centred**2).groupby(table[names.INDICATOR]).transform("mean")).clip(lower=_LEAST_SD)
    return table.assign(working=(centred / sd).mask(probit, value), sampling=(sampling / sd**2).mask(probit, 0.0))


# Parameters ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Layout:
    """The parameters of all forces as one vector, standard normal under the prior.

    In this order: half-life; loading per indicator; its deviation per force and indicator; noise per indicator; cuts of
    ordinal indicators.
    """

    prior: Measurement
    months: float
    forces: tuple[str, ...]
    indicators: tuple[str, ...]
    direction: Array
    there: npt.NDArray[np.bool_]
    levels: Ints

    @classmethod
    def of(cls, table: pd.DataFrame, months: float, prior: Measurement) -> "_Layout":
        forces, indicators = (tuple(sorted(table[name].unique())) for name in (names.FORCE, names.INDICATOR))
        first = table.groupby(names.INDICATOR).first()
        there = pd.crosstab(table[names.FORCE], table[names.INDICATOR]).to_numpy() > 0
        probit = prior.ordinal == "probit"
        levels = np.array([levels_of(scale) if probit else 0 for scale in first["scale"]])
        return cls(prior, months, forces, indicators, first["direction"].to_numpy(float), there, levels)

    @cached_property
    def slices(self) -> dict[str, slice]:
        """Where each kind stands in the vector."""
        number = len(self.indicators)
        cuts = int(np.maximum(self.levels - 1, 0).sum())
        sizes = {"half_life": 1, "loading": number, "deviation": self.there.size, "noise": number, "cuts": cuts}
        ends = np.cumsum(list(sizes.values()))
        return {name: slice(int(end) - size, int(end)) for (name, size), end in zip(sizes.items(), ends, strict=True)}

    @property
    def size(self) -> int:
        """Length of the vector."""
        return int(self.slices["cuts"].stop)

    def of_force(self, number: int) -> Ints:
        """Elements that a force's likelihood depends on."""
        deviation = np.zeros(self.there.shape, dtype=bool)
        deviation[number] = self.there[number] & (self.there.sum(axis=0) > 1)
        own = np.ones(self.size, dtype=bool)
        own[self.slices["deviation"]] = deviation.ravel()
        own[self.slices["noise"]] = self.levels == 0
        return np.flatnonzero(own)

    def half_life(self, vector: Array) -> float:
        """Months."""
        prior = self.prior.half_life
        return float(prior.median * np.exp(prior.sd * vector[0]))

    def damping(self, vector: Array) -> float:
        """What is left of a path's deviation after a period."""
        return float(2.0 ** (-self.months / self.half_life(vector)))

    def loading(self, vector: Array, number: int) -> Array:
        """Of each indicator for one force, signed by its direction; NaN where the force has none."""
        prior, deviation = self.prior.loading, vector[self.slices["deviation"]].reshape(self.there.shape)[number]
        size = prior.median * np.exp(prior.sd * vector[self.slices["loading"]] + self.prior.between * deviation)
        return np.asarray(np.where(self.there[number], self.direction * size, np.nan))

    def noise(self, vector: Array) -> Array:
        """SD of each indicator's noise; NaN for ordinal ones."""
        prior = self.prior.noise
        size = prior.median * np.exp(prior.sd * vector[self.slices["noise"]])
        return np.asarray(np.where(self.levels > 0, np.nan, size))

    def cuts(self, vector: Array, indicator: int) -> Array:
        """Between an ordinal indicator's levels, with infinite ends; about equally frequent levels beforehand."""
        before = int(np.maximum(self.levels[:indicator] - 1, 0).sum())
        own = vector[self.slices["cuts"]][before : before + self.levels[indicator] - 1]
        usual = ndtri(np.arange(1, len(own) + 1) / (len(own) + 1)) * np.hypot(1.0, self.prior.loading.median)
        gaps = np.diff(usual) * np.exp(0.5 * own[1:])
        return np.concatenate([[-np.inf], usual[0] + own[0] + np.append(0.0, np.cumsum(gaps)), [np.inf]])


def _log_density(forces: Sequence["_Force"], vector: Array) -> float:
    return sum(force.log_likelihood(vector) for force in forces) - 0.5 * float(vector @ vector)


def _searched(layout: _Layout, forces: Sequence["_Force"], tell: Callable[[str], None]) -> tuple[Array, Array]:
    """Mode of the parameters, and a root of their covariance there; `tell` is told what is done, and may raise."""
    own = [layout.of_force(number) for number in range(len(forces))]
    steps = 0

    def value(vector: Array) -> tuple[float, Array]:
        nonlocal steps
        steps += 1
        total, gradient = 0.5 * float(vector @ vector), vector.copy()
        for force, elements in zip(forces, own, strict=True):
            here = force.log_likelihood(vector)
            total -= here
            for element in elements:
                tell(f"step {steps} to the mode")
                gradient[element] -= (force.log_likelihood(_moved(vector, element, _STEP)) - here) / _STEP
        return total, gradient

    found = optimize.minimize(value, np.zeros(layout.size), jac=True, method="L-BFGS-B", options={"ftol": _ENOUGH})
    mode, hessian = np.asarray(found.x), np.eye(layout.size)
    for force, elements in zip(forces, own, strict=True):
        here = force.log_likelihood(mode)
        ends = {one: [force.log_likelihood(_moved(mode, one, sign * _WIDE)) for sign in (1, -1)] for one in elements}
        for place, one in enumerate(elements):
            tell(f"curvature, {place + 1} of {len(elements)}")
            hessian[one, one] -= (sum(ends[one]) - 2 * here) / _WIDE**2
            for other in elements[:place]:
                both = force.log_likelihood(_moved(_moved(mode, one, _WIDE), other, _WIDE))
                mixed = (both - ends[one][0] - ends[other][0] + here) / _WIDE**2
                hessian[one, other] -= mixed
                hessian[other, one] -= mixed
    # Differences are noisy: no direction is believed to be less certain than the prior makes it.
    values, vectors = np.linalg.eigh(hessian)
    return mode, np.asarray(vectors / np.sqrt(np.maximum(values, 1.0)))


def _moved(vector: Array, element: int, step: float) -> Array:
    moved = vector.copy()
    moved[element] += step
    return moved


# One force -----------------------------------------------------------------------------------------------------------


class _Force(MLEModel):  # type: ignore[misc]
    """The state-space form of one force: its path, cumulators of values over several periods, and levels."""

    def __init__(self, layout: _Layout, number: int, table: pd.DataFrame, periods: int) -> None:
        self.layout, self.number = layout, number
        rows = table[table[names.FORCE] == layout.forces[number]]
        spans = list(zip(rows["first"].astype(int), rows["last"].astype(int), strict=True))
        state, cumulators = _cumulators(sorted(set(spans)))
        weight, keep = np.zeros((2, periods, len(cumulators)))
        for place, taken in enumerate(cumulators):
            for first, last in taken:
                weight[first : last + 1, place] = 1 / (last - first + 1)
                keep[first + 1 : last + 1, place] = 1.0
        keys = [
            (layout.indicators.index(name), state[span])
            for name, span in zip(rows[names.INDICATOR], spans, strict=True)
        ]
        columns = sorted(set(keys))
        at, of = [columns.index(key) for key in keys], rows["last"].to_numpy(int)
        self.observed, self.sampling = np.full((periods, len(columns)), np.nan), np.zeros((periods, len(columns)))
        self.observed[of, at], self.sampling[of, at] = rows["working"], rows["sampling"]
        self.indicator, self.read = np.array(columns).T
        ordinal = layout.levels[self.indicator] > 0
        self.places = np.nonzero(np.isfinite(self.observed) & ordinal)
        self.category = self.observed[self.places].astype(int)
        self.signal = np.zeros(len(self.category))
        own, moving = np.unique(self.indicator), 1 + len(cumulators)
        size = moving + len(own)
        super().__init__(self.observed, size, k_posdef=1)
        self.design = np.zeros((len(columns), size))
        self.design[np.arange(len(columns)), moving + np.searchsorted(own, self.indicator)] = 1.0
        transition = np.repeat(np.eye(size)[:, :, None], periods, axis=2)
        selection = np.zeros((size, 1, periods))
        selection[0] = 1.0
        for place in range(1, moving):
            transition[place, place] = np.append(keep[1:, place - 1], 0.0)
            selection[place, 0] = np.append(weight[1:, place - 1], 0.0)
        self.transition, self.moved = transition, selection[:moving, 0]
        self.ssm["transition"], self.ssm["selection"] = transition, selection
        start, level = np.concatenate([[1.0], weight[0], np.zeros(len(own))]), layout.prior.level
        known = np.repeat([0.0, 1.0], [moving, len(own)])
        # A root of the first states' covariance, which is singular: statsmodels' own draws of them would be wrong.
        self.first_mean, self.first_root = level.mean * known, np.diag(level.sd * known)
        self.first_root[:, 0] = start
        self.ssm.initialize_known(self.first_mean, self.first_root @ self.first_root.T)
        self.ssm["design"], self.ssm["obs_cov"] = self.design, np.zeros((len(columns), len(columns), periods))
        self.ssm["obs_intercept"] = np.zeros((len(columns), periods))
        self.ssm["state_cov"] = np.eye(1)
        self.simulator = self.ssm.simulation_smoother(SIMULATION_STATE)

    def log_likelihood(self, vector: Array) -> float:
        """Of the force's indicators, the path integrated out."""
        correction = self._set(vector)
        return float(self.ssm.loglike()) + correction

    def drawn(self, vector: Array, count: int, rng: np.random.Generator) -> Array:
        """Paths (count, period) given the indicators and the parameters."""
        self._set(vector)
        return np.stack([self._states(rng)[0] for _ in range(count)])

    def _states(self, rng: np.random.Generator | None = None) -> Array:
        """A draw of the states (state, period), or their means."""
        shapes = (*self.observed.shape,), (len(self.observed), 1), (self.k_states,)
        numbers = [np.zeros(shape) if rng is None else rng.standard_normal(shape) for shape in shapes]
        self.simulator.simulate(
            measurement_disturbance_variates=numbers[0],
            state_disturbance_variates=numbers[1],
            initial_state_variates=self.first_mean + self.first_root @ numbers[2],
            pretransformed_initial_state_variates=True,
        )
        return np.array(self.simulator.simulated_state)

    def _set(self, vector: Array) -> float:
        """Puts the parameters into the matrices, and normal values in place of ordinal ones.

        What these lack of the ordinal likelihood, at the mode of the path, is returned.
        """
        layout, damping, every = self.layout, self.layout.damping(vector), np.arange(len(self.read))
        design = self.design.copy()
        design[every, self.read] += layout.loading(vector, self.number)[self.indicator]
        noise = layout.noise(vector)[self.indicator]
        variance = np.zeros((len(every), len(every), len(self.observed)))
        variance[every, every] = np.where(np.isfinite(noise), noise**2 + self.sampling, 1.0).T
        self.ssm["design"], self.ssm["obs_cov"] = design, variance
        self.ssm["state_cov"] = np.array([[1 - damping**2]])
        transition = self.transition.copy()
        transition[: len(self.moved), 0] = damping * self.moved
        self.ssm["transition"] = transition
        return self._set_ordinal(vector, design, variance) if len(self.category) else 0.0

    def _set_ordinal(self, vector: Array, design: Array, variance: Array) -> float:
        rows, columns = self.places
        indicator = self.indicator[columns]
        lower, upper = np.empty((2, len(rows)))
        for one in np.unique(indicator):
            cuts, own = self.layout.cuts(vector, int(one)), indicator == one
            lower[own], upper[own] = cuts[self.category[own] - 1], cuts[self.category[own]]
        # The observations stay what they are; intercepts make working values of them.
        intercept = np.zeros(self.observed.T.shape)
        for _ in range(_STEPS):
            log_mass, slope, weight = _probit(self.signal, lower, upper)
            working = self.signal + slope / weight
            intercept[columns, rows], variance[columns, columns, rows] = self.category - working, 1 / weight
            self.ssm["obs_intercept"], self.ssm["obs_cov"] = intercept, variance
            before, self.signal = self.signal, (design[columns] * self._states()[:, rows].T).sum(axis=1)
            if np.abs(self.signal - before).max() < _CLOSE:
                break
        normal = 0.5 * np.log(weight / (2 * np.pi)) - 0.5 * weight * (working - self.signal) ** 2
        return float((log_mass - normal).sum())


def _cumulators(
    spans: Sequence[tuple[int, int]],
) -> tuple[dict[tuple[int, int], int], list[list[tuple[int, int]]]]:
    """The state that each span of periods is read from (0 is the path), and the spans of each cumulator in turn."""
    state: dict[tuple[int, int], int] = {}
    cumulators: list[list[tuple[int, int]]] = []
    for first, last in spans:
        free = [place for place, taken in enumerate(cumulators) if taken[-1][1] < first]
        if first == last:
            state[first, last] = 0
        elif free:
            cumulators[free[0]].append((first, last))
            state[first, last] = 1 + free[0]
        else:
            cumulators.append([(first, last)])
            state[first, last] = len(cumulators)
    return state, cumulators


def _probit(signal: Array, lower: Array, upper: Array) -> tuple[Array, Array, Array]:
    """Log mass between two cuts, its first derivative in the signal, and minus its second."""
    low, high = lower - signal, upper - signal
    # From the tail in which both lie, where digits are not lost.
    flipped = low > 0
    near, far = np.where(flipped, -low, high), np.where(flipped, -high, low)
    log_near, log_far = log_ndtr(near), log_ndtr(far)
    log_mass = log_near + np.log1p(-np.exp(log_far - log_near))
    below, above = (np.exp(-0.5 * each**2 - _LOG_ROOT - log_mass) for each in (low, high))
    slope = below - above
    bent = [np.where(np.isfinite(each), each, 0.0) * ratio for each, ratio in ((low, below), (high, above))]
    return log_mass, slope, np.maximum(slope**2 - bent[0] + bent[1], 1e-6)
