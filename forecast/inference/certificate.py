"""The certificate of a Laplace fit: is the approximation good enough on this model and panel.

Pareto k compares Laplace's density of the hyperparameters at the anchors with that which they were drawn from, where
draws take weights from it, and else with what is emulated there from all other points. It cannot see the error that
both share, that of Laplace's method itself: the second-order correction and the skewness of the latents can.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecast.inference.hyperposterior import HyperPosterior
from forecast.inference.latent_draws import JointDraws
from forecast.inference.low_rank import AnyFactor
from forecast.inference.pareto import effective_share, smoothed

__all__ = ["certify", "is_emulated"]

Array = npt.NDArray[np.float64]
MAX_PARETO_K = 0.7
NEGLIGIBLE = 0.95
MIN_ESS = 400
MIN_SHARE, GOOD_SHARE = 0.4, 0.6
MAX_DECREMENT = 1e-6
MAX_DISTANCE = 0.1
MAX_CONDITION = 1e13
MAX_INDEFINITE = 0.1
# The change of the second-order correction since the mode, in nats, at which its series has broken down; and at which
# share of the draws of the hyperparameters it may have.
BREAKS, MAX_BROKEN = 1.0, 0.05
MAX_SHIFT = 0.3
MAX_MIRRORED = 0.01
_NUTS = "Sample it: engine='nuts'"


def certify(made: HyperPosterior, drawn: JointDraws, mirrored: float | None = None) -> pd.DataFrame:
    """The table of checks: check, value, passed, advice (what to do where it failed, else '').

    `mirrored` is the share of a second mode (see `forecast.inference.search.higher_of_both`), where there can be one.
    """
    k, share = _weights(drawn)
    # As many as there are different hyperparameters.
    number = len(drawn.log_weight) if drawn.weighted else len(drawn.vectors)
    effective, enough = share * number, min(MIN_ESS, MIN_SHARE * number)
    # Where the precision is indefinite, Newton's method creeps; how many such points there are is a check of its own.
    decrement = max([drawn.decrement, *(point.decrement for point in made.points if point.definite)])
    definite = np.append(drawn.definite, [point.definite for point in made.points])
    missing = 1.0 if not made.points[0].definite else float(1 - definite.mean())
    condition = _condition(made.peak.mode.factor)
    broken, shift = broken_share(made), largest_shift(made)
    distance = made.peak.decrement
    few = f"The hyperparameters' density is too far from what was emulated. {_NUTS}"
    sparse = f"The counts say too little of some latents for this approximation. {_NUTS}"
    far = f"The hyperparameters' density is nearly flat, or has several modes. {_NUTS}"
    rough = f"The likelihood is not concave where the latents are. {_NUTS}"
    rows = [
        ("Pareto k of the hyperparameters", k, k <= MAX_PARETO_K, few),
        ("effective number of importance draws", effective, effective >= enough, few),
        ("distance of the hyperparameters from their mode", distance, distance <= MAX_DISTANCE, far),
        ("largest Newton decrement", decrement, decrement <= MAX_DECREMENT, f"Newton's method did not end. {_NUTS}"),
        ("condition of the precision", condition, condition <= MAX_CONDITION, f"Terms say the same twice. {_NUTS}"),
        ("share of indefinite precisions", missing, missing <= MAX_INDEFINITE, rough),
        ("share of draws that the second order changes by a nat", broken, broken <= MAX_BROKEN, sparse),
        ("largest skewness shift in SDs", shift, shift <= MAX_SHIFT, sparse),
    ]
    if mirrored is not None:
        rows.append(("share of a second mode, slopes mirrored", mirrored, mirrored <= MAX_MIRRORED, far))
    table = pd.DataFrame(rows, columns=["check", "value", "passed", "advice"])
    table["passed"] = table["passed"].astype(bool)
    table["advice"] = table["advice"].where(~table["passed"], "")
    return table


def is_emulated(drawn: JointDraws) -> bool:
    """Whether the emulator is good enough, and better than that where its error stays: if not, it needs more points."""
    k, share = _weights(drawn)
    return k <= MAX_PARETO_K and share >= (MIN_SHARE if drawn.weighted else GOOD_SHARE)


def _weights(drawn: JointDraws) -> tuple[float, float]:
    """Pareto k and effective share of the anchors' weights."""
    weight, k = smoothed(drawn.log_weight)
    share = effective_share(weight)
    # The shape of a tail says nothing where weights are as good as equal.
    return (0.0 if share > NEGLIGIBLE else k), share


def broken_share(made: HyperPosterior) -> float:
    """Share of draws of the hyperparameters at which the series that Laplace's method begins has broken down."""
    return float(np.mean(np.abs(made.changes) > BREAKS)) if made.changes else 0.0


def largest_shift(made: HyperPosterior) -> float:
    """Largest way from the mode of a latent to its mean, in SDs, at the mode of the hyperparameters."""
    slopes = made.peak.slopes
    return float(np.abs(slopes.shift / slopes.deviation).max(initial=0.0))


def _condition(factor: AnyFactor) -> float:
    """A lower bound of the condition number: the squared ratio of the Cholesky factor's diagonal."""
    return float((factor.diagonal.max() / factor.diagonal.min()) ** 2)
