"""Models that stand ready."""

from forecast import names
from forecast.model.families import NegativeBinomial
from forecast.model.spec import Model
from forecast.model.terms import Intercept, Pooled, Walk

__all__ = ["standard_model"]


def standard_model() -> Model:
    """The model of a user who asks for nothing: pooled levels and walks, negative binomial with phi per tactic."""
    terms = (
        Intercept(),
        Pooled(names.PROVINCE),
        Pooled(names.TACTIC),
        Pooled(names.PROVINCE, names.TACTIC),
        Walk(by=names.PROVINCE),
        Walk(by=names.TACTIC),
    )
    return Model(terms, NegativeBinomial(by=names.TACTIC), "standard")
