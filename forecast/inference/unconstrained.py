"""The hyperparameters of a bound model as one vector of numbers that are standard normal under the prior.

Among them are the hyperparameters of the latents, the parameters of the family, and slopes with a prior of their own
that is not normal.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import special

from forecast.model.latents import Direct
from forecast.model.priors import Beta, HalfNormal, LogNormal, Normal, Prior, TruncatedNormal
from forecast.model.spec import BoundModel

__all__ = ["Hyperparameters", "constrain"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Hyperparameters:
    """Names, shapes and priors of everything that is not Gaussian given the rest.

    Attributes
    ----------
    priors : mapping of str to Prior
        The prior of each element, by name.
    shapes : mapping of str to tuple of int
        The shape that each has in the posterior; () for single numbers.
    """

    priors: Mapping[str, Prior]
    shapes: Mapping[str, tuple[int, ...]]

    @classmethod
    def of(cls, bound: BoundModel) -> "Hyperparameters":
        """Of a model against a panel."""
        priors = dict(bound.hyperparameters)
        shapes: dict[str, tuple[int, ...]] = dict.fromkeys(priors, ())
        tactics = len(bound.panel.tactics)
        for name, (prior, dims) in bound.model.family.parameters().items():
            priors[name], shapes[name] = prior, (tactics,) * len(dims)
        for block in bound.blocks:
            if isinstance(block.prior, Direct):
                priors[block.name], shapes[block.name] = block.prior.prior, block.shape
        return cls(priors, shapes)

    @cached_property
    def slices(self) -> dict[str, slice]:
        """Where each name lies in the vector."""
        found, first = {}, 0
        for name, shape in self.shapes.items():
            size = int(np.prod(shape))
            found[name] = slice(first, first + size)
            first += size
        return found

    @cached_property
    def size(self) -> int:
        """Length of the vector."""
        return sum(int(np.prod(shape)) for shape in self.shapes.values())

    @cached_property
    def _kinds(self) -> list[tuple[Prior, npt.NDArray[np.intp]]]:
        """Priors of one kind as one, with the places of their elements: what is done to all of them is done once."""
        places: dict[type[Prior], list[int]] = {}
        owners = [self.priors[name] for name, at in self.slices.items() for _ in range(at.stop - at.start)]
        for place, prior in enumerate(owners):
            places.setdefault(type(prior), []).append(place)
        return [(_stacked([owners[place] for place in at]), np.array(at)) for at in places.values()]

    def constrained(self, vector: Array) -> dict[str, Array]:
        """The values by name: vector (element) or (sample, element), results of their shape, samples first."""
        values = np.empty(vector.shape)
        for prior, at in self._kinds:
            values[..., at] = constrain(prior, vector[..., at])
        lead = vector.shape[:-1]
        return {name: values[..., at].reshape((*lead, *self.shapes[name])) for name, at in self.slices.items()}

    def slope(self, vector: Array) -> Array:
        """Derivative of each value with respect to its element of the vector."""
        slopes = np.empty(vector.shape)
        for prior, at in self._kinds:
            slopes[at] = _slope(prior, vector[at])
        return slopes


def _stacked(priors: list[Prior]) -> Prior:
    """Priors of one kind as one whose parameters are arrays."""
    stacked = object.__new__(type(priors[0]))
    for part in fields(priors[0]):
        object.__setattr__(stacked, part.name, np.array([getattr(prior, part.name) for prior in priors]))
    return stacked


def constrain(prior: Prior, element: Array) -> Array:
    """Values from standard normal numbers: the prior's quantiles."""
    below = special.ndtr(element)
    if isinstance(prior, Normal):
        return prior.mean + prior.sd * element
    if isinstance(prior, LogNormal):
        return prior.median * np.exp(prior.sd * element)
    if isinstance(prior, HalfNormal):
        # Each form is exact in its own tail.
        small, large = np.sqrt(2) * special.erfinv(below), -special.ndtri(0.5 * special.ndtr(-element))
        return np.asarray(prior.scale * np.where(element < 0, small, large))
    if isinstance(prior, Beta):
        return np.asarray(special.betaincinv(prior.alpha, prior.beta, below))
    if isinstance(prior, TruncatedNormal):
        lower, upper = _cut(prior)
        return np.asarray(prior.mean + prior.sd * special.ndtri(lower + (upper - lower) * below))
    raise TypeError(f"no quantiles of {type(prior).__name__}")


def _slope(prior: Prior, element: Array) -> Array:
    """Density of the standard normal number over that of the value."""
    if isinstance(prior, Normal):
        return np.broadcast_to(prior.sd, element.shape)
    value = constrain(prior, element)
    if isinstance(prior, LogNormal):
        return prior.sd * value
    if isinstance(prior, HalfNormal):
        log = -0.5 * (value / prior.scale) ** 2 + 0.5 * np.log(2 / np.pi) - np.log(prior.scale)
    elif isinstance(prior, Beta):
        log = special.xlogy(prior.alpha - 1, value) + special.xlog1py(prior.beta - 1, -value)
        log = log - special.betaln(prior.alpha, prior.beta)
    elif isinstance(prior, TruncatedNormal):
        lower, upper = _cut(prior)
        log = _log_normal((value - prior.mean) / prior.sd) - np.log(prior.sd * (upper - lower))
    return np.asarray(np.exp(_log_normal(element) - log))


def _cut(prior: TruncatedNormal) -> tuple[Array, Array]:
    """Probabilities of the whole normal distribution below the two bounds."""
    lower, upper = special.ndtr((np.array([prior.lower, prior.upper]) - prior.mean) / prior.sd)
    return lower, upper


def _log_normal(z: Array) -> Array:
    return np.asarray(-0.5 * z**2 - 0.5 * np.log(2 * np.pi))
