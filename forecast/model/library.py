"""Models that stand ready."""

from forecast import names
from forecast.model.families import NegativeBinomial
from forecast.model.spec import Model
from forecast.model.terms import Covariate, Intercept, Pooled, Walk

__all__ = ["CAPABILITY", "quick_model", "standard_model", "with_capability"]

# The covariate that a `Capability` is attached as.
CAPABILITY = "capability"


def with_capability(model: Model, by: str | None = names.TACTIC, lag: int = 0) -> Model:
    """The model with a slope on the covariate `capability`, and a path that the provinces of a country share.

    Without that path, whatever moves attacks in all provinces of a force at once would count as its capability: the
    error of the indicators would take it up (seen: a slope of −0.8 where −0.4 was the truth, on a panel with a trend).

    Parameters
    ----------
    model : Model
        What it is added to; one that has either keeps its own.
    by, lag
        As of `Covariate`.

    Examples
    --------
    >>> fc.with_capability(fc.quick_model()).covariates
    ['capability']
    """
    terms = list(model.terms)
    if not any(isinstance(term, Walk) and term.by in ((), (names.COUNTRY,), (names.ZONE,)) for term in terms):
        terms.append(Walk(by=names.COUNTRY))
    if CAPABILITY not in model.covariates:
        terms.append(Covariate(CAPABILITY, by=by, lag=lag))
    return Model(terms, model.family, model.name)


def standard_model() -> Model:
    """The model of a user who asks for nothing: levels and walks at every level, negative binomial with phi per tactic.

    Levels of provinces, of tactics and of each series, and walks of countries, provinces, tactics and series. Alone it
    forecasts the cells of some real panels better than `quick_model`; with hundreds of series it takes several times as
    long (`docs/decisions/default-model.md`).

    Examples
    --------
    >>> len(fc.standard_model().terms)
    8
    """
    quick = quick_model()
    walks = Walk(by=names.COUNTRY), Walk(by=(names.PROVINCE, names.TACTIC))
    return Model([*quick.terms, *walks], quick.family, "standard")


def quick_model() -> Model:
    """Levels of provinces, tactics and series, and walks of provinces and of tactics: seconds, also on large panels.

    Examples
    --------
    >>> [term.label for term in fc.quick_model().terms]
    ['intercept', 'level_province', 'level_tactic', 'level_province_tactic', 'walk_province', 'walk_tactic']
    """
    terms = (
        Intercept(),
        Pooled(names.PROVINCE),
        Pooled(names.TACTIC),
        Pooled(names.PROVINCE, names.TACTIC),
        Walk(by=names.PROVINCE),
        Walk(by=names.TACTIC),
    )
    return Model(terms, NegativeBinomial(by=names.TACTIC), "quick")
