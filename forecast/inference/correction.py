"""The second order of Laplace's method: what third and fourth derivatives of the likelihood add.

With V the covariance of eta, v its diagonal, and l3, l4 the derivatives per cell (Shun & McCullagh 1995):

    ⅛ Σ l4 v² + ½ s'H⁻¹s + 1/12 Σ_ij l3_i l3_j V_ij³,    s = ½ A'(l3·v)

The double sum is a mean over xi ~ N(0, V): 1/72 · E[(Σ l3 (xi³ − 3 v xi))²]. It is taken over a few draws, the same
normal numbers at each theta, so that their noise cancels in differences over theta.

The latents' own covariance lacks, to the same order,

    H⁻¹A'(½ l3 l3'∘V∘V + diag(½ l4 v + l3·Ad))AH⁻¹

with d the way from their mode to their mean, and their third cumulants are not 0. A normal deviation e gets all of this
from

    e + H⁻¹A'(l3·((Ae)² − v)/6 + ⅔ l3·(Ae)·(Ae') + ½ (½ l4 v + l3·Ad)·Ae)

with e' another one, independent of it.
"""

import numpy as np
import numpy.typing as npt

from forecast.inference.design import Design
from forecast.inference.jets import CellTerms
from forecast.inference.linalg import Factor
from forecast.inference.marginal import Marginal, Mode, Slopes

__all__ = ["correction", "deviations", "noise"]

Array = npt.NDArray[np.float64]
_NUMBERS = 300_000
_FEWEST, _MOST = 16, 64


def noise(marginal: Marginal, rng: np.random.Generator) -> Array:
    """Standard normal numbers (latent, draw): the fewer draws, the more cells there are to average over."""
    draws = int(np.clip(_NUMBERS // len(marginal.bound.cells), _FEWEST, _MOST))
    return rng.standard_normal((marginal.field.size, draws))


def correction(marginal: Marginal, mode: Mode, slopes: Slopes, numbers: Array) -> float:
    """What the second order adds to the log marginal at a mode."""
    field, design = marginal.field, marginal.design(mode.theta)
    terms = marginal.terms(mode.theta, mode.x, 4)
    third, fourth = terms.eta[2], terms.eta[3]
    own = 0.125 * float(fourth @ slopes.variance**2)
    moved = 0.25 * float((third * slopes.variance) @ design.of(slopes.shift))
    drawn = design.of(field.join(*mode.factor.backward(*field.split(numbers))))
    sums = third @ (drawn * (drawn**2 - 3 * slopes.variance[:, None]))
    return own + moved + float((sums**2).mean()) / 72


def deviations(
    design: Design,
    factor: Factor,
    cells: CellTerms,
    variance: Array,
    along: Array,
    count: int,
    rng: np.random.Generator,
) -> Array:
    """Draws of the latents about their mean (latent, draw), right to second order in covariance and third cumulants.

    Parameters
    ----------
    design : Design
        Of the observed cells.
    factor : Factor
        Of the latents' precision at their mode.
    cells : CellTerms
        The log likelihood there, to the fourth derivative.
    variance, along : array
        Variance of eta, and what the way from mode to mean adds to it, per observed cell.
    count : int
        How many.
    rng : Generator
        Source of randomness.
    """
    field = design.field
    normal, other = (
        field.join(*factor.backward(*field.split(each))) for each in rng.standard_normal((2, field.size, count))
    )
    third, fourth = cells.eta[2][:, None], cells.eta[3][:, None]
    changed = 0.5 * (0.5 * fourth * variance[:, None] + third * along[:, None])
    first = design.of(normal)
    push = design.of(other)
    push *= third / 1.5
    push += first * (third / 6) + changed
    push *= first
    push -= third * variance[:, None] / 6
    return np.asarray(normal + field.join(*factor.solve(*field.split(design.back(push)))))
