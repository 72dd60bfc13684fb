"""The second-order correction of Laplace's log marginal: what third and fourth derivatives of the likelihood add.

With V the covariance of eta, v its diagonal, and l3, l4 the derivatives per cell (Shun & McCullagh 1995):

    ⅛ Σ l4 v² + ½ s'H⁻¹s + 1/12 Σ_ij l3_i l3_j V_ij³,    s = ½ A'(l3·v)

The double sum is a mean over xi ~ N(0, V): 1/72 · E[(Σ l3 (xi³ − 3 v xi))²]. It is taken over a few draws, the same
normal numbers at each theta, so that their noise cancels in differences over theta.
"""

import numpy as np
import numpy.typing as npt

from forecast.inference.marginal import Marginal, Mode, Slopes

__all__ = ["correction", "noise"]

Array = npt.NDArray[np.float64]
_NUMBERS = 300_000
_FEWEST, _MOST = 16, 64


def noise(marginal: Marginal, rng: np.random.Generator) -> Array:
    """Standard normal numbers (latent, draw): the fewer draws, the more cells there are to average over."""
    draws = int(np.clip(_NUMBERS // len(marginal.bound.cells), _FEWEST, _MOST))
    return rng.standard_normal((marginal.field.size, draws))


def correction(marginal: Marginal, mode: Mode, slopes: Slopes, numbers: Array) -> float:
    """What the second order adds to the log marginal at a mode."""
    field = marginal.field
    terms = marginal.terms(mode.theta, mode.x, 4)
    third, fourth = terms.eta[2], terms.eta[3]
    own = 0.125 * float(fourth @ slopes.variance**2)
    moved = 0.25 * float((third * slopes.variance) @ (field.design @ slopes.shift))
    drawn = field.design @ field.join(*mode.factor.backward(*field.split(numbers)))
    sums = third @ (drawn * (drawn**2 - 3 * slopes.variance[:, None]))
    return own + moved + float((sums**2).mean()) / 72
