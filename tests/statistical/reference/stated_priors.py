"""A model with the priors that the reference runs had: defaults change, what engines must agree on does not."""

from copy import copy
from dataclasses import replace

import numpy as np

from forecast.model.families import NegativeBinomial
from forecast.model.priors import HalfNormal, Normal, Share
from forecast.model.spec import Model
from forecast.model.terms import Intercept, Term, Walk
from forecast.panel.calendar import periods_per_year
from forecast.panel.panel import Panel


def with_stated_priors(model: Model, panel: Panel) -> Model:
    """Half-normal standard deviations, log phi ~ Normal(1, 1) in a period, the intercept about the log mean count."""
    attacks, exposure = panel.observations.totals(panel.dataset["exposure"].values)
    centre = float(np.log((attacks + 0.5) / exposure))
    family = model.family
    if isinstance(family, NegativeBinomial):
        months = 12 / periods_per_year(panel.freq)
        family = replace(family, log_phi=Normal(1.0 - float(np.log(months)), 1.0), correlation=0.0)
    return Model([_stated(term, centre) for term in model.terms], family, model.name)


def _stated(term: Term, centre: float) -> Term:
    if isinstance(term, Intercept):
        return Intercept(centre)
    stated = copy(term)
    if isinstance(getattr(term, "sigma", None), Share):
        object.__setattr__(stated, "sigma", HalfNormal(0.3 if isinstance(term, Walk) else 1.0))
    return stated
