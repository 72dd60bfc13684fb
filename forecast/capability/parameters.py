"""Parameters of the measurement model, as one vector that is standard normal under the prior."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtri

from forecast import names
from forecast.capability.indicators import levels_of
from forecast.capability.measurement import Array, Ints, Measurement

__all__ = ["Layout"]


@dataclass(frozen=True)
class Layout:
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
    def of(cls, table: pd.DataFrame, months: float, prior: Measurement) -> "Layout":
        """Of a table on its working scale, of periods so many months long."""
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
        used = np.ones(self.size, dtype=bool)
        used[self.slices["deviation"]] = deviation.ravel()
        used[self.slices["noise"]] = self.levels == 0
        return np.flatnonzero(used)

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
        elements = vector[self.slices["cuts"]][before : before + self.levels[indicator] - 1]
        usual = ndtri(np.arange(1, len(elements) + 1) / (len(elements) + 1)) * np.hypot(1.0, self.prior.loading.median)
        gaps = np.diff(usual) * np.exp(0.5 * elements[1:])
        return np.concatenate([[-np.inf], usual[0] + elements[0] + np.append(0.0, np.cumsum(gaps)), [np.inf]])
