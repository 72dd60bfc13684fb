"""The second order of Laplace's method: what third and fourth derivatives of the likelihood add.

With V the covariance of eta, v its diagonal, and l3, l4 the derivatives per cell (Shun & McCullagh 1995):

    ⅛ Σ l4 v² + ½ s'H⁻¹s + 1/12 Σ_ij l3_i l3_j V_ij³,    s = ½ A'(l3·v)

The double sum is a mean over independent e and e' ~ N(0, V): 1/12 · E[q'Vq] with q = l3·e·e'. It is taken over a few
draws, the same normal numbers at each theta, so that much of their noise cancels in differences over theta.

The latents' own covariance lacks, to the same order,

    H⁻¹A'(½ l3 l3'∘V∘V + diag(½ l4 v + l3·Ad))AH⁻¹

with d the way from their mode to their mean, and their third cumulants are not 0. A normal deviation e gets all of this
from

    e + H⁻¹A'(l3·((Ae)² − v)/6 + ⅔ l3·(Ae)·(Ae') + ½ (½ l4 v + l3·Ad)·Ae)

with e' another one, independent of it; H⁻¹A'(l3·v)/6 is d/3. Where the likelihood is not of single cells, products with
l3 and l4 stand for those with tensors (`forecast.inference.marginal.Higher`).
"""

import numpy as np
import numpy.typing as npt

from forecast.inference.design import Design
from forecast.inference.low_rank import AnyFactor
from forecast.inference.marginal import Higher, Marginal, Mode, Slopes

__all__ = ["correction", "deviations", "noise", "shrinkage"]

Array = npt.NDArray[np.float64]
_NUMBERS = 300_000
_FEWEST, _MOST = 16, 64
_FURTHEST = 1.0


def noise(marginal: Marginal, rng: np.random.Generator) -> Array:
    """Standard normal numbers (latent, draw): the fewer draws, the more cells there are to average over."""
    draws = int(np.clip(_NUMBERS // len(marginal.bound.cells), _FEWEST, _MOST))
    return rng.standard_normal((marginal.field.size, draws))


def correction(marginal: Marginal, mode: Mode, slopes: Slopes, numbers: Array) -> float:
    """What the second order adds to the log marginal at a mode."""
    field, design = marginal.field, marginal.design(mode.theta)
    higher = marginal.higher(mode.theta, mode.x, mode.factor)
    drawn = design.of(field.join(*mode.factor.backward(*field.split(numbers))))
    # Each draw with its neighbour, which is independent of it.
    pushed = design.back(higher.third(drawn, np.roll(drawn, 1, axis=1)))
    cubic = float((pushed * field.join(*mode.factor.solve(*field.split(pushed)))).sum(axis=0).mean())
    moved = 0.25 * float(slopes.skew @ slopes.along)
    return 0.125 * higher.quartic(slopes.variance) + moved + cubic / 12


def deviations(
    design: Design,
    factor: AnyFactor,
    higher: Higher,
    variance: Array,
    shift: Array,
    count: int,
    rng: np.random.Generator,
) -> Array:
    """Draws of the latents about their mean (latent, draw), right to second order in covariance and third cumulants.

    Parameters
    ----------
    design : Design
        Of the observed cells.
    factor : Factor or Updated
        Of the latents' precision at their mode.
    higher : Higher
        The third and fourth derivatives of the log likelihood there.
    variance : array
        Of eta, per observed cell.
    shift : array
        The way from their mode to their mean.
    count : int
        How many.
    rng : Generator
        Source of randomness.
    """
    field = design.field
    normal, other = (
        field.join(*factor.backward(*field.split(each))) for each in rng.standard_normal((2, field.size, count))
    )
    drawn = design.of(normal)
    beside = drawn / 6 + design.of(other) / 1.5 + design.of(shift)[:, None] / 2
    push = higher.third(drawn, beside) + higher.fourth(drawn, variance) / 4
    added = field.join(*factor.solve(*field.split(design.back(push)))) - shift[:, None] / 3
    # Far from its mode a density is not its series: what is added stays below each eta's SD, or deviation if larger.
    furthest = (np.abs(design.of(added)) / np.maximum(np.sqrt(variance)[:, None], np.abs(drawn))).max(axis=0)
    return np.asarray(normal + added * shrinkage(furthest / _FURTHEST))


def shrinkage(ratio: Array) -> Array:
    """A factor that leaves small numbers as they are and large ones at a bound: by their ratio to the bound."""
    return np.asarray((1 + ratio**4) ** -0.25)
