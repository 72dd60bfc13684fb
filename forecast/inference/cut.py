"""A measured covariate by "cut": paths drawn without the counts, a fit for each, the posteriors pooled.

It stands here to be compared with the default: its slopes are biased towards zero, see `Covariate`.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from forecast import names
from forecast.inference.bayesian import BayesianFit
from forecast.inference.dispatch import Fit
from forecast.model.spec import Model
from forecast.model.terms import Covariate
from forecast.panel.panel import Panel
from forecast.progress import progress

__all__ = ["PATHS", "fit_cut"]

# Paths that are drawn.
PATHS = 20


def fit_cut(
    fit: Any, model: Model, panel: Panel, *, engine: str, max_seconds: float | None = None, seed: int
) -> BayesianFit:
    """The pooled posterior of a model with a covariate by 'cut'.

    Parameters
    ----------
    fit : callable
        How each path's model is fitted: `forecast.fit`.
    model, panel, engine, max_seconds, seed
        As of `fit`; each path has an equal part of the time.
    """
    (error,) = model.bind(panel).errors.values()
    name = error.covariate
    terms = [
        replace(term, propagate="mean") if isinstance(term, Covariate) and term.name == name else term
        for term in model.terms
    ]
    given = Model(terms, model.family, model.name)
    rng = np.random.default_rng(np.random.SeedSequence(seed).spawn(3)[2])
    measured = panel.measured(name)
    assert measured is not None
    z = rng.standard_normal((PATHS, measured.factor.shape[2]))
    fits: list[BayesianFit] = []
    part = None if max_seconds is None else max_seconds / PATHS
    with progress(f"Fitting {PATHS} paths") as told:
        for number, path in enumerate(measured.paths(z)):
            known = panel.with_measured(name, path)
            start: Fit | None = fits[-1] if fits and fits[-1].engine == "laplace" else None
            fits.append(fit(given, known, engine=engine, start=start, max_seconds=part, seed=seed + number))
            told((number + 1) / PATHS)
    parts = []
    for each, row in zip(fits, z, strict=True):
        kept = each.posterior.stack(all=(names.CHAIN, names.DRAW)).isel(all=slice(None, None, PATHS))
        kept = kept.drop_vars(["all", names.CHAIN, names.DRAW]).rename(all=names.DRAW)
        repeated = np.broadcast_to(row, (kept.sizes[names.DRAW], len(row)))
        parts.append(kept.assign({error.latents: ((names.DRAW, f"{name}_component"), repeated)}))
    pooled = xr.concat(parts, names.DRAW, data_vars="minimal").expand_dims({names.CHAIN: [0]})
    pooled = pooled.assign_coords({names.DRAW: np.arange(pooled.sizes[names.DRAW])})
    checks = pd.concat([each.diagnostics for each in fits])
    worst = checks.sort_values("passed").groupby("check", sort=False).first().reset_index()
    # All have the same notes, but for those where time ran out.
    notes = max((each.notes for each in fits), key=len)
    note = f"{PATHS} paths of {name} were drawn without the counts: slopes on it are biased towards zero"
    groups = {**fits[0].groups, "posterior": pooled.transpose(names.CHAIN, names.DRAW, ...)}
    return BayesianFit(model, panel, seed, (*notes, note), groups=groups, engine=fits[0].engine, certificate=worst)
