"""Terms: what adds to eta. A term is one class, and knows four things.

Its latents and their labels; its design against a panel; its prior, as a structured precision and as a non-centred
transform (`forecast.model.latents`); and how it goes on after the last period. Engines, the forecaster and the printout
use those four and nothing else.
"""

from forecast.model.terms.base import FutureValues, Term
from forecast.model.terms.covariate import Covariate
from forecast.model.terms.feedback import Excitation, Spillover
from forecast.model.terms.intercept import Intercept
from forecast.model.terms.pooled import Pooled
from forecast.model.terms.season import Season
from forecast.model.terms.shock import Shock
from forecast.model.terms.spatial import Spatial
from forecast.model.terms.step import Step
from forecast.model.terms.walk import Walk

__all__ = [
    "TERMS",
    "Covariate",
    "Excitation",
    "FutureValues",
    "Intercept",
    "Pooled",
    "Season",
    "Shock",
    "Spatial",
    "Spillover",
    "Step",
    "Term",
    "Walk",
]

# By the names that settings have for them.
TERMS: dict[str, type[Term]] = {
    term.__name__: term
    for term in (Intercept, Pooled, Walk, Shock, Season, Step, Spatial, Covariate, Excitation, Spillover)
}
