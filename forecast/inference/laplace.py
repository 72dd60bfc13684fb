"""The fast engine: Laplace's approximation of the latents, integrated over the hyperparameters.

See ARCHITECTURE.md for the algebra.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forecast.errors import DiagnosticsError, InputError
from forecast.inference.bayesian import BayesianFit
from forecast.inference.certificate import certify
from forecast.inference.dispatch import Fit, conditioned
from forecast.inference.exploration import explore, refine, resume
from forecast.inference.draws import JointDraws, draw_jointly
from forecast.inference.linalg import NotPositiveDefinite, one_thread
from forecast.inference.marginal import Marginal
from forecast.inference.published_marginal import marginal_of
from forecast.inference.search import climb, higher_of_both, laid_out
from forecast.inference.warm_start import Start, start_of, state_of
from forecast.model.spec import Model
from forecast.panel.panel import Panel

__all__ = ["LaplaceOptions", "approximate"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LaplaceOptions:
    """How to approximate.

    Attributes
    ----------
    draws : int
        Joint draws of hyperparameters and latents.
    """

    draws: int = 1000

    def __post_init__(self) -> None:
        if self.draws < 1:
            raise InputError("is a whole number from 1", where="LaplaceOptions.draws", found=self.draws)


def approximate(
    model: Model,
    panel: Panel,
    options: LaplaceOptions = LaplaceOptions(),
    *,
    start: Fit | None = None,
    seed: int,
) -> BayesianFit:
    """Draw from Laplace's approximation of the posterior of a model.

    Parameters
    ----------
    model : Model
        What to fit.
    panel : Panel
        The data: counts of single cells, or published counts.
    options : LaplaceOptions
        How.
    start : Fit, optional
        An earlier fit of the same model, also to fewer periods, to start from.
    seed : int
        The same seed gives the same draws.

    Returns
    -------
    BayesianFit
        With its `certificate`, and as one chain.

    Raises
    ------
    InputError
        Where the panel cannot serve the model, or holds sums over cells.
    DiagnosticsError
        Where the posterior has no mode that could be found.
    """
    if seed < 0:
        raise InputError("is a whole number from 0", where="seed", found=seed)
    bound = model.bind(panel)
    marginal = marginal_of(bound)
    space, random = (np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(2))
    with one_thread():
        try:
            drawn, other = _drawn(marginal, start_of(marginal, start), options.draws, space, random)
        except (NotPositiveDefinite, np.linalg.LinAlgError) as error:
            raise DiagnosticsError(f"{model.name}: no mode was found ({error})") from error
        certificate = certify(drawn, options.draws, other if bound.errors else None)
    values = {**marginal.field.by_name(drawn.latents), **drawn.made.marginal.hyperparameters.constrained(drawn.vectors)}
    from forecast.inference.store import assemble, named_draws

    notes = (*conditioned(model), *bound.dropped)
    posterior = named_draws(bound, {name: array[None] for name, array in values.items()})
    groups = assemble(bound, {"posterior": posterior})
    return BayesianFit(
        model,
        panel,
        seed,
        notes,
        groups=groups,
        engine="laplace",
        certificate=certificate,
        state=state_of(drawn.made),
    )


def _drawn(
    marginal: Marginal, start: Start | None, draws: int, space: np.random.Generator, random: np.random.Generator
) -> tuple[JointDraws, float]:
    """Joint draws and the share of a second mode.

    From a start, and from scratch where that did not lead far enough.
    """
    if start is not None:
        marginal = marginal if start.pilot is None else marginal.with_pilot(start.pilot)
        peak, other = higher_of_both(marginal, climb(marginal, start.vector, start.x, start.covariance))
        drawn = draw_jointly(refine(resume(marginal, peak, start.shape), space), draws, random)
        if certify(drawn, draws)["passed"].all():
            return drawn, other
    else:
        peak, other = higher_of_both(marginal, climb(marginal))
    return draw_jointly(refine(explore(*laid_out(marginal, peak)), space), draws, random), other
