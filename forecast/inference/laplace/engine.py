"""The fast engine: hyperparameters from an emulated density, latents from a Gaussian, both with exact weights.

See ARCHITECTURE.md for the algebra.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count

import numpy as np
import numpy.typing as npt

from forecast.errors import DiagnosticsError, InputError
from forecast.inference.gaussian.block_arrow import NotPositiveDefinite
from forecast.inference.laplace.certificate import certified_share, certify, effective_ahead
from forecast.inference.laplace.draws import JointDraws, draw_jointly, points_of
from forecast.inference.laplace.exploration import explore, resume
from forecast.inference.laplace.warm_start import Start, start_of, state_of
from forecast.inference.machine import one_thread
from forecast.inference.mode.marginal import Marginal
from forecast.inference.mode.published_marginal import marginal_of
from forecast.inference.mode.search import climb, heavier_of_both, higher_of_both, laid_out, other_than
from forecast.inference.posterior.base import Fit, conditioned
from forecast.inference.posterior.bayesian import BayesianFit
from forecast.inference.posterior.labels import assemble, named_draws
from forecast.model.spec import Model
from forecast.panel.panel import Panel
from forecast.progress import OutOfTime, Progress, deadline, progress

__all__ = ["LaplaceOptions", "approximate"]

Array = npt.NDArray[np.float64]
# Where the search and exploring end, as shares of the whole: on panels of 1,974 to 23,760 cells the search takes 12 to
# 25 % of the time, exploring 14 to 20 %, and draws the rest.
_SEARCHED, _EXPLORED = 0.15, 0.3
# So long a mode is searched for and explored at most, where `max_seconds` is not longer: a step on 500 provinces takes
# minutes.
_SEARCH_SECONDS = 3600.0
# Where an earlier fit's shape has not led to a certificate after so many times the fewest draws, a fit starts afresh.
_NEARBY = 3


@dataclass(frozen=True)
class LaplaceOptions:
    """How to fit.

    Attributes
    ----------
    draws : int
        Joint draws of hyperparameters and latents.
    max_seconds : float, optional
        After so long no more weighted points are drawn; what there is then is returned, with its certificate. The
        mode is searched for (for an hour at most, or `max_seconds` where that is more), and a batch of points drawn, in
        any case. Where time runs out, the same seed need not give the same draws.

    Examples
    --------
    >>> fc.LaplaceOptions(draws=200).draws
    200
    """

    draws: int = 1000
    max_seconds: float | None = None

    def __post_init__(self) -> None:
        if self.max_seconds is not None and not self.max_seconds > 0:
            raise InputError("is a number above 0", where="max_seconds", found=self.max_seconds)
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
    """Draw from the posterior of a model.

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
        Where the panel cannot serve the model.
    DiagnosticsError
        Where the posterior has no mode that could be found: then engine 'nuts' may sample it. Or it takes too long.

    Examples
    --------
    >>> panel = fc.simulate_panel(4, 2, 36, seed=1).panel
    >>> fitted = fc.approximate(fc.quick_model(), panel, fc.LaplaceOptions(draws=200), seed=1)
    >>> bool(fitted.diagnostics["passed"].all())
    True
    """
    if seed < 0:
        raise InputError("is a whole number from 0", where="seed", found=seed)
    bound = model.bind(panel)
    marginal = marginal_of(bound)
    random = np.random.default_rng(seed)
    with progress(f"Fitting {model.name}", max_seconds=options.max_seconds) as told, one_thread():
        try:
            drawn, mirrored = _drawn(marginal, start_of(marginal, start), options, random, told)
        except (NotPositiveDefinite, np.linalg.LinAlgError) as error:
            hint = "Sample it: engine='nuts'"
            raise DiagnosticsError(f"{model.name}: no mode was found ({error}). {hint}") from error
        certificate = certify(drawn, options.draws, mirrored if bound.errors else None)
        notes = (*conditioned(model), *bound.dropped, *_missing(drawn, options.draws, told))
    values = {**marginal.field.by_name(drawn.latents), **drawn.made.marginal.hyperparameters.constrained(drawn.vectors)}
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
    marginal: Marginal,
    start: Start | None,
    options: LaplaceOptions,
    random: np.random.Generator,
    told: Progress,
) -> tuple[JointDraws, float]:
    """Joint draws and the share of a mode with mirrored slopes.

    From a start, and from scratch where that did not lead far enough and there is time.
    """
    what, draws, searching = told.what, options.draws, _searching(told)
    most = max(_SEARCH_SECONDS, options.max_seconds or 0.0)
    exploring, drawing = told.part(_SEARCHED, _EXPLORED), told.part(_EXPLORED, 1.0)
    certified = partial(certified_share, draws=draws)
    near: JointDraws | None = None
    if start is not None:
        marginal = marginal if start.pilot is None else marginal.with_pilot(start.pilot)
        with _within(most, what):
            first = climb(marginal, start.vector, start.x, start.covariance, searching)
            peak, mirrored = higher_of_both(marginal, first)
            other = None if start.other is None else other_than(marginal, peak, start.other)
            told(0.0, what)
            made = resume(marginal, peak, start.shape, other)
        near = draw_jointly(made, draws, random, drawing, certified, most=_NEARBY)
        if not told.is_in_time() or certified(near) == 1:
            return near, mirrored
    with _within(most, what):
        if start is None:
            peak, mirrored = higher_of_both(marginal, climb(marginal, stop=searching))
        told(0.0, what)
        marginal, peak = laid_out(marginal, peak)
        made = explore(marginal, *heavier_of_both(marginal, peak), exploring)
    drawn = draw_jointly(made, draws, random, drawing, certified)
    if near is not None and not told.is_in_time() and effective_ahead(near) > effective_ahead(drawn):
        return near, mirrored
    return drawn, mirrored


@contextmanager
def _within(seconds: float, what: str) -> Iterator[None]:
    """A `DiagnosticsError` where the search for the mode takes longer: it cannot give half a result."""
    try:
        with deadline(seconds):
            yield
    except OutOfTime:
        hint = "Fit fewer provinces, tactics or periods, or a simpler model; max_seconds above that gives it more time"
        raise DiagnosticsError(f"{what}: no mode was found within {seconds:,.0f} seconds. {hint}") from None


def _searching(told: Progress) -> Callable[[Array], bool]:
    """What the search for the mode tells each step to."""
    what, steps = told.what, count(1)

    def stop(_: Array) -> bool:
        told(0.0, f"{what}, step {next(steps)} to the mode")
        return False

    return stop


def _missing(drawn: JointDraws, draws: int, told: Progress) -> Iterator[str]:
    """Notes on points that are missing: time ran out, or numbers."""
    points, asked = len(drawn.log_weight), points_of(drawn.made.marginal, draws)
    if not told.is_in_time() and points < asked:
        yield f"stopped after {told.elapsed:.0f} s (max_seconds) with {points} of {asked} weighted points"
    if drawn.lost:
        yield f"{drawn.lost} of {points + drawn.lost} points were left out: numbers ran out there"
