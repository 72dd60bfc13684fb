"""The hyperparameters of a bound model as one vector of numbers that are standard normal under the prior.

Among them are the hyperparameters of the latents, the parameters of the family, slopes with a prior of their own that
is not normal, and slopes on a covariate that was measured with error.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from forecast.inference.likelihood.published import likelihood_parameters
from forecast.inference.mode.slopes import Pilot, PooledSlopes
from forecast.model.latents import Direct, Independent
from forecast.model.priors import Normal, Prior
from forecast.model.spec import BoundModel

__all__ = ["Hyperparameters"]

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Hyperparameters:
    """Names, shapes and priors of everything that is not Gaussian given the rest.

    Attributes
    ----------
    priors : mapping of str to Prior
        The prior of each element, by name.
    shapes : mapping of str to tuple of int
        The shape that each has in the posterior; () for single numbers.
    slopes : tuple of str
        Those on a covariate that was measured with error.
    pooled : PooledSlopes or None
        The same, where they are pooled and have coordinates of their own.
    mixed : mapping of str to array
        Root of the correlations of the standard normal numbers whose quantiles the elements of a name are.
    """

    priors: Mapping[str, Prior]
    shapes: Mapping[str, tuple[int, ...]]
    slopes: tuple[str, ...] = ()
    pooled: PooledSlopes | None = None
    mixed: Mapping[str, Array] = field(default_factory=dict)

    @classmethod
    def of(cls, bound: BoundModel, pilot: Pilot | None = None) -> "Hyperparameters":
        """Of a model against a panel, and what is known beforehand of slopes that are pooled."""
        priors = dict(bound.hyperparameters)
        shapes: dict[str, tuple[int, ...]] = dict.fromkeys(priors, ())
        for name, (prior, dims, labels) in likelihood_parameters(bound).items():
            priors[name], shapes[name] = prior, (len(labels),) * len(dims)
        for block in bound.blocks:
            if isinstance(block.prior, Direct):
                priors[block.name], shapes[block.name] = block.prior.prior, block.shape
        slopes = [block for block in bound.blocks if block.error is not None]
        for block in slopes:
            assert isinstance(block.prior, Independent)
            sd = block.prior.sd
            priors[block.name] = Normal() if isinstance(sd, str) else Normal(block.prior.mean, sd)
            shapes[block.name] = block.shape
        named = tuple(block.name for block in slopes)
        if len(slopes) < 2:
            return cls(priors, shapes, named, None, bound.roots)
        main, deviations = slopes
        prior, sigma = priors[main.name], str(deviations.prior.sd)  # type: ignore[attr-defined]
        assert isinstance(prior, Normal)
        nothing = np.zeros(deviations.shape)
        pooled = PooledSlopes(main.name, deviations.name, sigma, prior, pilot or Pilot(nothing, nothing))
        return cls(priors, shapes, named, pooled, bound.roots)

    @cached_property
    def slices(self) -> dict[str, slice]:
        """Where each name lies in the vector."""
        slices, first = {}, 0
        for name, shape in self.shapes.items():
            size = int(np.prod(shape))
            slices[name] = slice(first, first + size)
            first += size
        return slices

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
        return [(kind.stacked([owners[place] for place in at]), np.array(at)) for kind, at in places.items()]

    def constrained(self, vector: Array) -> dict[str, Array]:
        """The values by name: vector (element) or (sample, element), results of their shape, samples first."""
        values, normal = np.empty(vector.shape), self._normal(vector)
        for prior, at in self._kinds:
            values[..., at] = prior.quantile(normal[..., at])
        if self.pooled is not None:
            sigma, v, u = self._of_slopes
            slopes = self.pooled.located(values[..., sigma[0]], vector[..., v[0]], vector[..., u])
            values[..., v[0]], values[..., u] = slopes
        lead = vector.shape[:-1]
        return {name: values[..., at].reshape((*lead, *self.shapes[name])) for name, at in self.slices.items()}

    def _normal(self, vector: Array) -> Array:
        """The standard normal numbers whose quantiles the values are."""
        normal = vector.copy()
        for name, root in self.mixed.items():
            normal[..., self.slices[name]] = vector[..., self.slices[name]] @ root.T
        return normal

    @cached_property
    def _of_slopes(self) -> tuple[Ints, Ints, Ints]:
        """Elements of the standard deviation, the main slope and the deviations of pooled slopes."""
        assert self.pooled is not None
        names = (self.pooled.sigma, self.pooled.main, self.pooled.deviations)
        sigma, main, deviations = (np.arange(self.size)[self.slices[name]] for name in names)
        return sigma, main, deviations

    def _slopes_at(self, vector: Array) -> tuple[Ints, Array]:
        """Elements of pooled slopes, their standard deviation first; and their coordinates, but its own value."""
        sigma, v, u = self._of_slopes
        place = np.concatenate([sigma, v, u])
        point = vector[place]
        point[0] = self.priors[self.pooled.sigma].quantile(vector[sigma])[0]  # type: ignore[union-attr]
        return place, point

    def log_prior(self, vector: Array) -> float:
        """Log density of the vector under the prior, up to a constant."""
        if self.pooled is None:
            return -0.5 * float(vector @ vector)
        place, point = self._slopes_at(vector)
        others = np.delete(vector, place[1:])
        return float(self.pooled.log_density(point[0], point[1], point[2:]) - 0.5 * others @ others)

    def jacobian(self, vector: Array) -> Array:
        """Derivatives of the values (rows) in the elements of the vector."""
        slopes, normal = np.empty(vector.shape), self._normal(vector)
        for prior, at in self._kinds:
            slopes[at] = prior.slope(normal[at])
        matrix = np.diag(slopes)
        for name, root in self.mixed.items():
            block = self.slices[name]
            matrix[block, block] = slopes[block, None] * root
        if self.pooled is not None:
            place, point = self._slopes_at(vector)
            of_slopes = self.pooled.derivatives(point[0], point[1], point[2:])[0]
            of_slopes[:, 0] *= slopes[place[0]]
            matrix[np.ix_(place[1:], place)] = of_slopes
        return matrix

    def prior_gradient(self, vector: Array) -> Array:
        """Of `log_prior`."""
        gradient = -vector
        if self.pooled is not None:
            place, point = self._slopes_at(vector)
            of_slopes = self.pooled.derivatives(point[0], point[1], point[2:])[1]
            of_slopes[0] *= self.priors[self.pooled.sigma].slope(vector[place[:1]])[0]
            of_slopes[0] += gradient[place[0]]
            gradient[place] = of_slopes
        return gradient

    def prior_information(self, vector: Array) -> Array:
        """About the negative Hessian of `log_prior`."""
        matrix = np.eye(self.size)
        if self.pooled is not None:
            place, point = self._slopes_at(vector)
            derivatives = self.jacobian(vector)[np.ix_(place[1:], place)]
            precision = np.full(len(place) - 1, point[0] ** -2)
            precision[0] = self.pooled.prior.sd**-2
            matrix[place[1:], place[1:]] = 0.0
            matrix[np.ix_(place, place)] += (derivatives.T * precision) @ derivatives
        return matrix

    def vector_with(self, vector: Array, slopes: Mapping[str, Array]) -> Array:
        """The vector with other slopes on what was measured with error, from their values."""
        changed = vector.copy()
        if self.pooled is not None:
            sigma, v, u = self._of_slopes
            spread = float(self.priors[self.pooled.sigma].quantile(vector[sigma])[0])
            main, deviations = slopes[self.pooled.main], slopes[self.pooled.deviations]
            changed[v[0]], changed[u] = self.pooled.coordinates(spread, float(main), deviations)
            return changed
        for name in self.slopes:
            prior = self.priors[name]
            assert isinstance(prior, Normal)
            changed[self.slices[name]] = (slopes[name] - prior.mean) / prior.sd
        return changed
