"""One force's path, cumulators and levels, in state-space form."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import log_ndtr
from statsmodels.tsa.statespace.mlemodel import MLEModel
from statsmodels.tsa.statespace.simulation_smoother import SIMULATION_STATE

from forecast import names
from forecast.capability.measurement import Array
from forecast.capability.parameters import Layout

__all__ = ["Force"]

# Steps of the search for the mode of a path beside ordinal ratings, and the change of its signal that ends it.
_STEPS, _CLOSE = 50, 1e-6
_LOG_ROOT = 0.5 * float(np.log(2 * np.pi))


class Force(MLEModel):  # type: ignore[misc]
    """The state-space form of one force: its path, cumulators of values over several periods, and levels."""

    def __init__(self, layout: Layout, number: int, table: pd.DataFrame, periods: int) -> None:
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
        indicators, moving = np.unique(self.indicator), 1 + len(cumulators)
        size = moving + len(indicators)
        super().__init__(self.observed, size, k_posdef=1)
        self.design = np.zeros((len(columns), size))
        self.design[np.arange(len(columns)), moving + np.searchsorted(indicators, self.indicator)] = 1.0
        transition = np.repeat(np.eye(size)[:, :, None], periods, axis=2)
        selection = np.zeros((size, 1, periods))
        selection[0] = 1.0
        for place in range(1, moving):
            transition[place, place] = np.append(keep[1:, place - 1], 0.0)
            selection[place, 0] = np.append(weight[1:, place - 1], 0.0)
        self.transition, self.moved = transition, selection[:moving, 0]
        self.ssm["transition"], self.ssm["selection"] = transition, selection
        start, level = np.concatenate([[1.0], weight[0], np.zeros(len(indicators))]), layout.prior.level
        known = np.repeat([0.0, 1.0], [moving, len(indicators)])
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
            cuts, rated = self.layout.cuts(vector, int(one)), indicator == one
            lower[rated], upper[rated] = cuts[self.category[rated] - 1], cuts[self.category[rated]]
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
    below, above = (np.exp(-0.5 * cut**2 - _LOG_ROOT - log_mass) for cut in (low, high))
    slope = below - above
    bent = [np.where(np.isfinite(cut), cut, 0.0) * ratio for cut, ratio in ((low, below), (high, above))]
    return log_mass, slope, np.maximum(slope**2 - bent[0] + bent[1], 1e-6)
