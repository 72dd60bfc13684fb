"""Panels that serve every term, and a model that has them all."""

import numpy as np
import pytest

import forecast as fc
from forecast.model.families import NegativeBinomial
from forecast.model.spec import Model
from forecast.model.terms import (
    Covariate,
    Excitation,
    Intercept,
    Pooled,
    Season,
    Shock,
    Spatial,
    Spillover,
    Step,
    Walk,
)


@pytest.fixture(scope="session")
def panel():
    """6 provinces on a lattice in 2 countries, 3 tactics, 40 months, with a covariate of forces."""
    return fc.simulate_panel(6, 3, 40, seed=1, capability_slope=-0.3, mean=3.0).panel


@pytest.fixture(scope="session")
def every_term():
    """Each term, in plain and grouped forms."""
    return (
        Intercept(),
        Pooled("province"),
        Pooled("country"),
        Pooled("province", "tactic"),
        Pooled("country", "tactic"),
        Walk(by=()),
        Walk(by="province"),
        Walk(by=("country", "tactic"), damping=1),
        Shock(),
        Shock(by=("country", "tactic")),
        Season(1),
        Season(2, by="tactic"),
        Season(3, by="country"),
        Step("2016-03-01"),
        Step("2017-01-01", by="province"),
        Spatial(),
        Covariate("capability"),
        Covariate("capability", by="tactic", lag=2),
        Excitation(lags=2),
        Spillover(),
    )


@pytest.fixture(scope="session")
def full_model(every_term):
    return Model(every_term, NegativeBinomial(), "full")


@pytest.fixture(scope="session")
def with_gaps():
    """The panel with some cells not observed: (province, tactic, period) of each."""

    def gaps(panel, *cells):
        from dataclasses import replace

        observed = panel.dataset["observed"].values.copy()
        for cell in cells:
            observed[cell] = False
        return replace(panel, dataset=panel.dataset.assign(observed=(panel.dataset["observed"].dims, observed)))

    return gaps


@pytest.fixture(scope="session")
def linked():
    """The panel with other neighbours: pairs of positions."""

    def link(panel, *pairs):
        from dataclasses import replace

        adjacency = np.zeros((len(panel.provinces),) * 2, dtype=bool)
        for one, other in pairs:
            adjacency[one, other] = adjacency[other, one] = True
        return replace(panel, dataset=panel.dataset.assign(adjacency=(panel.dataset["adjacency"].dims, adjacency)))

    return link
