"""How the latents of a term are distributed: a non-centred transform, a structured precision, and a way to go on.

The transforms use operators only, so that the same lines serve NumPy's numbers and PyTensor's expressions.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from forecast.model.priors import Prior

__all__ = ["BYM2", "Autoregressive", "Direct", "Independent", "Latents", "Path", "RandomWalk", "Shocks", "icar_factor"]

Array = npt.NDArray[np.float64]
Theta = Mapping[str, Any]


class Latents(ABC):
    """The prior of an array of latents, given the hyperparameters that it names."""

    @property
    def hyperparameters(self) -> dict[str, Prior]:
        """The hyperparameters that it needs, with their priors."""
        return {}

    def z_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of the standard normal numbers that make latents of shape `shape`."""
        return shape

    @abstractmethod
    def transform(self, z: Any, theta: Theta) -> Any:
        """The latents, from standard normal numbers `z` and hyperparameters (non-centred form)."""

    @abstractmethod
    def precision(self, shape: tuple[int, ...], theta: Mapping[str, float]) -> sparse.csc_array:
        """Precision matrix of the latents that are free, flattened in C order; see `free`."""

    def free(self, shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
        """Which latents are free (the rest are fixed at 0); flattened in C order."""
        return np.ones(int(np.prod(shape)), dtype=bool)


@dataclass(frozen=True)
class Independent(Latents):
    """Independent normal latents with a mean and a standard deviation: a number, or a hyperparameter (its name)."""

    sd: float | str
    mean: float = 0.0
    prior: Prior | None = None

    @property
    def hyperparameters(self) -> dict[str, Prior]:
        """The standard deviation, where it is learned."""
        return {} if self.prior is None else {str(self.sd): self.prior}

    def _sd(self, theta: Theta) -> Any:
        return theta[self.sd] if isinstance(self.sd, str) else self.sd

    def transform(self, z: Any, theta: Theta) -> Any:
        """mean + sd · z."""
        return self.mean + self._sd(theta) * z

    def precision(self, shape: tuple[int, ...], theta: Mapping[str, float]) -> sparse.csc_array:
        """Diagonal."""
        return sparse.csc_array(sparse.eye_array(int(np.prod(shape))) / self._sd(theta) ** 2)


@dataclass(frozen=True)
class Direct(Latents):
    """One number with a prior of its own that is not normal; engines treat it like a hyperparameter."""

    prior: Prior

    def transform(self, z: Any, theta: Theta) -> Any:
        """The number itself."""
        return z

    def precision(self, shape: tuple[int, ...], theta: Mapping[str, float]) -> sparse.csc_array:
        """It has none."""
        raise NotImplementedError("a Direct latent is a hyperparameter of the fast engine")


class Path(Latents):
    """Paths along the last axis, one for each of the other labels, whose precision is tridiagonal."""

    @abstractmethod
    def tridiagonal(self, theta: Theta) -> tuple[Any, Any, Any]:
        """Log determinant of one path's precision, its diagonal, and that beside it; the numbers may be complex."""

    @abstractmethod
    def continued(self, last: Array, theta: Mapping[str, Array], steps: int, rng: np.random.Generator) -> Array:
        """Paths after the last period: `last` over (sample, …), the result over (sample, …, step)."""

    def precision(self, shape: tuple[int, ...], theta: Mapping[str, float]) -> sparse.csc_array:
        """Block-diagonal, tridiagonal in each path."""
        _, middle, side = self.tridiagonal(theta)
        free = self.free((1, len(middle)))
        path = sparse.diags_array([side, middle, side], offsets=[-1, 0, 1]).tocsc()[free][:, free]
        return sparse.csc_array(sparse.kron(sparse.eye_array(int(np.prod(shape[:-1]))), path))


@dataclass(frozen=True)
class Autoregressive(Path):
    """Stationary AR(1) paths along the last axis, one for each of the other labels.

    Attributes
    ----------
    sigma : str
        Name of the standard deviation of the innovations of one period.
    half_life : str
        Name of the half-life of a shock, in months: rho = 2^(−months/half-life).
    sigma_prior, half_life_prior : Prior
        Their priors.
    months : float
        Length of a period.
    periods : int
        Their number.
    breaks : tuple of int
        Positions of periods, after the first, in which the innovations' variance is 1 + kappa² times as large.
    kappa : str
        Name of kappa, a hyperparameter where there are breaks.
    kappa_prior : Prior or None
        Its prior.
    break_chance : float
        Probability that a period after the last is such a break, for all paths at once.
    """

    sigma: str
    half_life: str
    sigma_prior: Prior
    half_life_prior: Prior
    months: float
    periods: int
    breaks: tuple[int, ...] = ()
    kappa: str = ""
    kappa_prior: Prior | None = None
    break_chance: float = 0.0

    @property
    def hyperparameters(self) -> dict[str, Prior]:
        """Innovation and half-life, and kappa where there are breaks."""
        of_breaks = {self.kappa: self.kappa_prior} if self.breaks and self.kappa_prior is not None else {}
        return {self.sigma: self.sigma_prior, self.half_life: self.half_life_prior, **of_breaks}

    def _variance(self, theta: Theta) -> Any:
        """Variance of each period's innovations, in units of sigma²."""
        at_break = np.isin(np.arange(self.periods), self.breaks)
        return 1.0 + at_break * (theta[self.kappa] ** 2 if self.breaks else 0.0)

    def rho(self, theta: Theta) -> Any:
        """Correlation of neighbouring periods."""
        return 2.0 ** (-self.months / theta[self.half_life])

    def transform(self, z: Any, theta: Theta) -> Any:
        """Cholesky factor of the stationary AR(1), by powers of rho, times z."""
        rho, lags = self.rho(theta), np.arange(self.periods)
        back = lags[:, None] - lags[None, :]
        factor = (rho ** lags.astype(float))[np.abs(back)] * (back >= 0)
        first = (lags == 0) * (1.0 - rho**2) ** -0.5 + (lags > 0)
        return theta[self.sigma] * ((z * first * self._variance(theta) ** 0.5) @ factor.T)

    def tridiagonal(self, theta: Theta) -> tuple[Any, Any, Any]:
        """Log determinant of one path's precision, its diagonal, and that beside it; the numbers may be complex."""
        rho, sigma, variance = self.rho(theta), theta[self.sigma], self._variance(theta)
        # Each innovation's precision stands in its own period, and with rho in the one before and beside both.
        innovation = 1.0 / (sigma**2 * variance)
        middle = innovation * np.where(np.arange(self.periods) > 0, 1.0, 1.0 - rho**2)
        middle[:-1] += rho**2 * innovation[1:]
        determinant = np.log(1 - rho**2) - 2 * self.periods * np.log(sigma) - np.log(variance).sum()
        return determinant, middle, -rho * innovation[1:]

    def continued(self, last: Array, theta: Mapping[str, Array], steps: int, rng: np.random.Generator) -> Array:
        """Paths after the last period: `last` over (sample, …), the result over (sample, …, step)."""
        ones = (1,) * (last.ndim - 1)
        rho = np.reshape(self.rho(theta), (-1, *ones))
        sigma = np.reshape(theta[self.sigma], (-1, *ones))
        larger = self._larger(theta, len(last), steps, rng)
        path = np.empty((*last.shape, steps))
        for step in range(steps):
            scale = sigma * np.reshape(larger[:, step], (-1, *ones))
            last = rho * last + scale * rng.normal(size=last.shape)
            path[..., step] = last
        return path

    def _larger(self, theta: Mapping[str, Array], samples: int, steps: int, rng: np.random.Generator) -> Array:
        """How many times as large the innovations of a period ahead are, over (sample, step)."""
        if not self.break_chance or self.kappa_prior is None:
            return np.ones((samples, steps))
        # Where the data have no break they tell nothing of its size.
        kappa = theta[self.kappa].reshape(samples) if self.breaks else self.kappa_prior.draw(rng, (samples,))
        return np.asarray((1 + (rng.random((samples, steps)) < self.break_chance) * kappa[:, None] ** 2) ** 0.5)


@dataclass(frozen=True)
class RandomWalk(Path):
    """Random walks along the last axis that start at 0: a `Walk` without damping."""

    sigma: str
    sigma_prior: Prior
    periods: int

    @property
    def hyperparameters(self) -> dict[str, Prior]:
        """The innovation."""
        return {self.sigma: self.sigma_prior}

    def z_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """One number less per path."""
        return (*shape[:-1], shape[-1] - 1)

    def transform(self, z: Any, theta: Theta) -> Any:
        """Cumulative sums, after a first 0."""
        return theta[self.sigma] * (z @ np.tri(self.periods, self.periods - 1, k=-1).T)

    def free(self, shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
        """All but the first period."""
        free = np.ones(shape, dtype=bool)
        free[..., 0] = False
        return free.ravel()

    def tridiagonal(self, theta: Theta) -> tuple[Any, Any, Any]:
        """Over all periods: the first latent, which is fixed, stands apart with precision 1."""
        scale, steps = theta[self.sigma] ** -2.0, self.periods - 1
        middle = np.full(self.periods, 2.0) * scale
        middle[0], middle[-1] = 1.0, scale
        side = np.full(steps, -1.0) * scale
        side[0] = 0.0
        return -2 * steps * np.log(theta[self.sigma]), middle, side

    def continued(self, last: Array, theta: Mapping[str, Array], steps: int, rng: np.random.Generator) -> Array:
        """Paths after the last period: `last` over (sample, …), the result over (sample, …, step)."""
        return last[..., None] + np.cumsum(_innovations(theta[self.sigma], last, steps, rng), axis=-1)


@dataclass(frozen=True)
class Shocks(Path):
    """Independent normal latents in each period: what passes with it."""

    sigma: str
    sigma_prior: Prior
    periods: int

    @property
    def hyperparameters(self) -> dict[str, Prior]:
        """The standard deviation."""
        return {self.sigma: self.sigma_prior}

    def transform(self, z: Any, theta: Theta) -> Any:
        """sigma · z."""
        return theta[self.sigma] * z

    def tridiagonal(self, theta: Theta) -> tuple[Any, Any, Any]:
        """Diagonal."""
        scale = theta[self.sigma] ** -2.0
        side = np.zeros(self.periods - 1) * scale
        return -2 * self.periods * np.log(theta[self.sigma]), np.full(self.periods, 1.0) * scale, side

    def continued(self, last: Array, theta: Mapping[str, Array], steps: int, rng: np.random.Generator) -> Array:
        """New ones, whatever the last was."""
        return _innovations(theta[self.sigma], last, steps, rng)


def _innovations(sigma: Array, last: Array, steps: int, rng: np.random.Generator) -> Array:
    """Independent normal numbers with a standard deviation per sample: `last` over (sample, …), a step axis added."""
    return np.asarray(np.reshape(sigma, (-1, *(1,) * last.ndim)) * rng.normal(size=(*last.shape, steps)))


@dataclass(frozen=True)
class BYM2(Latents):
    """Structured and unstructured effects of areas (Riebler et al. 2016): sigma · (√(1−mixing)·v + √mixing·u).

    `u` is the intrinsic autoregression on the neighbours, scaled to a typical variance of 1 in every connected part and
    summing to 0 there (Sørbye & Rue 2014); an area without neighbours has an independent u (Freni-Sterrantino et al.
    2018).

    Attributes
    ----------
    adjacency : tuple of tuples of int
        The neighbours of each area.
    """

    sigma: str
    mixing: str
    sigma_prior: Prior
    mixing_prior: Prior
    adjacency: tuple[tuple[int, ...], ...]

    @property
    def hyperparameters(self) -> dict[str, Prior]:
        """Standard deviation and share of the structured part."""
        return {self.sigma: self.sigma_prior, self.mixing: self.mixing_prior}

    @cached_property
    def factor(self) -> Array:
        """`u` = factor @ standard normal numbers."""
        return icar_factor(self.adjacency)

    def z_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The unstructured part, then the free dimensions of the structured one."""
        return (shape[0] + self.factor.shape[1],)

    def transform(self, z: Any, theta: Theta) -> Any:
        """The mixture of both parts."""
        areas = len(self.adjacency)
        rough, smooth = z[..., :areas], z[..., areas:] @ self.factor.T
        mixing = theta[self.mixing]
        return theta[self.sigma] * ((1.0 - mixing) ** 0.5 * rough + mixing**0.5 * smooth)

    def precision(self, shape: tuple[int, ...], theta: Mapping[str, float]) -> sparse.csc_array:
        """Dense: the inverse of the covariance of the mixture."""
        mixing = theta[self.mixing]
        covariance = (1.0 - mixing) * np.eye(len(self.adjacency)) + mixing * self.factor @ self.factor.T
        return sparse.csc_array(np.linalg.inv(covariance) / theta[self.sigma] ** 2)


def icar_factor(adjacency: tuple[tuple[int, ...], ...]) -> Array:
    """Factor F with F·Fᵀ the covariance of the scaled intrinsic autoregression: shape (areas, free dimensions)."""
    areas = len(adjacency)
    neighbours = np.zeros((areas, areas))
    for area, near in enumerate(adjacency):
        neighbours[area, list(near)] = 1.0
    parts, labels = sparse.csgraph.connected_components(sparse.csr_array(neighbours), directed=False)
    columns = []
    for part in range(parts):
        members = np.flatnonzero(labels == part)
        if len(members) == 1:
            block = np.ones((1, 1))
        else:
            inside = neighbours[np.ix_(members, members)]
            values, vectors = np.linalg.eigh(np.diag(inside.sum(axis=1)) - inside)
            block = vectors[:, 1:] / np.sqrt(values[1:])
            block /= np.exp(0.5 * np.log((block**2).sum(axis=1)).mean())
        wide = np.zeros((areas, block.shape[1]))
        wide[members] = block
        columns.append(wide)
    return np.concatenate(columns, axis=1)
