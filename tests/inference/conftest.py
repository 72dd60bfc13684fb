"""Small panels that serve every term, and fits with made-up draws, so that most tests need no sampling."""

import numpy as np
import pytest
from scipy import stats

import forecast as fc
from forecast.inference.posterior.backend import import_pymc
from forecast.inference.posterior.bayesian import BayesianFit
from forecast.model.latents import Direct
from forecast.model.spec import Model
from forecast.panel.panel import Panel


@pytest.fixture(scope="session")
def log_prior():
    """Log density of hyperparameters and the family's parameters of a bound model, by SciPy, at values by name."""

    def of(bound, values):
        total = sum(float(prior.frozen().logpdf(values[name])) for name, prior in bound.hyperparameters.items())
        for name, (prior, _) in bound.parameters.items():
            if name in bound.roots:
                covariance = prior.sd**2 * bound.roots[name] @ bound.roots[name].T
                mean = np.full(len(covariance), prior.mean)
                total += stats.multivariate_normal(mean, covariance).logpdf(values[name])
            else:
                total += float(np.sum(prior.frozen().logpdf(values[name])))
        return total

    return of


@pytest.fixture(scope="session")
def pymc():
    return import_pymc()


@pytest.fixture(scope="session")
def small_panel() -> Panel:
    """4 provinces with neighbours, 2 tactics, 14 months, a covariate."""
    return fc.simulate_panel(4, 2, 14, seed=3, mean=2.0, capability_slope=-0.3).panel


@pytest.fixture(scope="session")
def gap_panel(make_panel) -> Panel:
    """3 provinces, 2 tactics, 8 months; three cells were not observed."""
    counts = np.random.default_rng(1).poisson(2.0, (3, 2, 8)).astype(float)
    counts[0, 0, 2] = counts[1, 1, 5] = counts[2, 0, 7] = np.nan
    return make_panel(counts, exposure=2.0)


@pytest.fixture(scope="session")
def made_fit():
    """A fit whose draws are made up: (chains, draws) draws around each prior's median, of the right names and dims."""
    import arviz

    def make(model: Model, panel: Panel, *, chains: int = 4, draws: int = 500, seed: int = 1) -> BayesianFit:
        bound, rng, values, dims, coords = model.bind(panel), np.random.default_rng(seed), {}, {}, {}
        for name, prior in bound.hyperparameters.items():
            values[name] = prior.draw(rng, (chains, draws))
        for name, (prior, along) in bound.parameters.items():
            values[name] = prior.draw(rng, (chains, draws, *(len(panel.tactics) for _ in along)))
            dims[name] = list(along)
            coords["tactic"] = panel.tactics
        for block in bound.blocks:
            size = (chains, draws, *block.shape)
            direct = isinstance(block.prior, Direct)
            values[block.name] = block.prior.prior.draw(rng, size) if direct else rng.normal(0, 0.3, size)
            dims[block.name] = list(block.dims)
            coords.update({dim: list(labels) for dim, labels in block.coords.items()})
        stats = {
            "diverging": np.zeros((chains, draws), dtype=bool),
            "energy": rng.normal(size=(chains, draws)),
            "maxdepth_reached": np.zeros((chains, draws), dtype=bool),
        }
        idata = arviz.from_dict(posterior=values, sample_stats=stats, dims=dims, coords=coords)
        groups = {group: idata[group] for group in idata.groups()}
        return BayesianFit(model, panel, seed, ("a note",), groups=groups)

    return make
