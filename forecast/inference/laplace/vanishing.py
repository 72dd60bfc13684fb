"""Where a standard deviation is as good as 0: the density is the prior's there, a plateau that no mode knows of.

Far below the mode of a standard deviation the counts no longer notice that it is smaller still. Along its axis the
density falls as that of a normal one would, and then no more: a tail of the prior, with a percent or two of the mass.
An emulator that has looked 1.5 SDs away cannot know it, and weights cannot tell of what is never drawn.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from forecast.inference.laplace.evaluation import Evaluated, Evaluator
from forecast.model.priors import HalfNormal

__all__ = ["Vanishing", "plateaus"]

Array = npt.NDArray[np.float64]
# Prior SDs below the median at which a standard deviation counts as 0, and from where on down it is drawn.
_AT, _FROM = -1.5, -0.6
# Modes no further above that than so many posterior SDs have their lower tail from the emulator.
_NEAR = 2.0
# The least share of the mass for which hyperparameters are drawn there.
_LEAST = 1e-3
# How much wider than normal the others are drawn.
_WIDER = 1.3
# Draws from a plateau: so many times its share of the mass, at least and at most.
_TIMES, _FEWEST, _MOST = 2.0, 0.03, 0.1


@dataclass(frozen=True)
class Vanishing:
    """Hyperparameters of which one standard deviation is as good as 0: it has its prior, the others are normal.

    Attributes
    ----------
    element : int
        Which one.
    centre, root : array
        Mean of the others, and a root of their covariance.
    mass : float
        About the share of the posterior's mass.
    point : Evaluated
        Where the density was evaluated.
    """

    element: int
    centre: Array
    root: Array
    mass: float
    point: Evaluated

    @property
    def share(self) -> float:
        """Of the draws that come from here."""
        return float(np.clip(_TIMES * self.mass, _FEWEST, _MOST))

    def draw(self, count: int, rng: np.random.Generator) -> Array:
        """Vectors of hyperparameters (count, element)."""
        own = special.ndtri(special.ndtr(_FROM) * rng.random(count))
        others = self.centre + rng.standard_normal((count, len(self.centre))) @ self.root.T
        return np.insert(others, self.element, own, axis=1)

    def log_density(self, vectors: Array) -> Array:
        """Of vectors (count, element), without the power of 2π."""
        own = vectors[:, self.element]
        away = np.linalg.solve(self.root, (np.delete(vectors, self.element, axis=1) - self.centre).T)
        of_others = -0.5 * (away**2).sum(axis=0) - np.log(np.abs(np.diag(self.root))).sum()
        return np.where(own < _FROM, of_others - 0.5 * own**2 - special.log_ndtr(_FROM), -np.inf)


def plateaus(evaluator: Evaluator) -> tuple[Vanishing, ...]:
    """Those with a share of the mass that matters."""
    layout, peak = evaluator.marginal.hyperparameters, evaluator.peak
    mode, sd = peak.gaussian.vector, np.sqrt(np.diag(peak.covariance))
    far = [
        layout.slices[name].start
        for name, prior in layout.priors.items()
        if isinstance(prior, HalfNormal) and not layout.shapes[name]
    ]
    far = [element for element in far if mode[element] - _NEAR * sd[element] > _AT]
    found = evaluator.marginal.at_each(lambda element: _plateau(evaluator, element), far)
    return tuple(each for each in found if each is not None)


def _plateau(evaluator: Evaluator, element: int) -> Vanishing | None:
    """That of one standard deviation, after a Newton step of the others; None where its mass does not matter."""
    peak = evaluator.peak
    mode, covariance = peak.gaussian.vector, peak.covariance
    precision = np.delete(np.delete(np.linalg.inv(covariance), element, axis=0), element, axis=1)
    conditional = np.asarray(np.linalg.inv(precision), dtype=float)
    # Both masses as those of normal densities: on the plateau it is the prior's below `_FROM`.
    level = 0.5 * _AT**2 + special.log_ndtr(_FROM) + 0.5 * np.linalg.slogdet(conditional)[1]
    level -= peak.gaussian.value + 0.5 * np.linalg.slogdet(covariance)[1]
    others = np.delete(np.arange(len(mode)), element)
    vector = mode.copy()
    vector[element] = _AT
    first = evaluator.at(evaluator.whitened(vector), peak.gaussian.x)
    if first is None:
        return None
    gradient = np.linalg.solve(evaluator.root.T, first.gradient)[others]
    step = conditional @ gradient
    if first.value + 0.5 * float(gradient @ step) + level < np.log(_LEAST):
        return None
    vector[others] += step / max(1.0, float(np.abs(step).max(initial=0.0)))
    second = evaluator.at(evaluator.whitened(vector), first.x)
    best = first if second is None or second.value < first.value else second
    mass = float(special.expit(best.value + level))
    if mass < _LEAST:
        return None
    centre = np.delete(mode + evaluator.root @ best.z, element)
    return Vanishing(element, centre, _WIDER * np.linalg.cholesky(conditional), mass, best)
