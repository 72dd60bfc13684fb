"""Models and panels on which the two engines must agree: every term and family, many zeros, large counts, real data."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import published_rows
import xarray as xr
from stated_priors import with_stated_priors

import forecast as fc
from forecast.inference.likelihood.published import published_parameters
from forecast.inference.posterior.bayesian import BayesianFit
from forecast.inference.posterior.labels import eta
from forecast.model.latents import Direct
from forecast.model.priors import Beta, HalfNormal, LogNormal

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
CELLS = 200
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
HORIZON = 6
SERIES = 20


@dataclass(frozen=True)
class Case:
    """A model and where its panel comes from; `real` needs the folder of real data.

    References are of the default priors, or of those that were the default before (`stated`).
    """

    model: fc.Model
    panel: Callable[[], fc.Panel]
    real: bool = False
    stated: bool = True

    def fitted(self) -> tuple[fc.Model, fc.Panel]:
        """Model, with the priors of the reference runs, and panel."""
        panel = self.panel()
        return with_stated_priors(self.model, panel) if self.stated else self.model, panel


# The reference runs know no polygons: they are older than those that ship.
def _iraq() -> fc.Panel:
    places = fc.read_gazetteer().select(["Iraq"])
    events = fc.read_events(
        DATA / "iraq_sigacts_2007_2008.csv.gz",
        source="plain",
        columns={"tactic": "type"},
        gazetteer=places,
        boundaries=fc.Boundaries({}),
        nearest=True,
        max_distance_km=300,
    )
    return fc.build_panel(events, freq="W", gazetteer=places, seed=1)


def _syria() -> fc.Panel:
    places = fc.read_gazetteer().select(["Syria"])
    file = DATA / "ucdp_ged_syria_2016_2019.csv.gz"
    events = fc.read_events(file, source="ucdp", gazetteer=places, boundaries=fc.Boundaries({}), nearest=True)
    span = {"start": "2016-01-01", "end": "2019-11-30"}
    # As when the references were made; simulated panels have months without days too.
    return fc.build_panel(events, actor="IS", gazetteer=places, seed=1, days=False, unlocated=False, **span)


def _simulated(**options: float) -> Callable[[], fc.Panel]:
    return lambda: fc.simulate_panel(8, 3, 48, seed=1, capability_slope=-0.3, **options).panel


def _measured() -> fc.Panel:
    """A simulated panel whose covariate is known with an error of 0.5 SDs that lasts for months."""
    simulated = fc.simulate_panel(8, 3, 48, seed=2, capability_slope=-0.4)
    path, bare = simulated.truth["capability"], simulated.panel.dataset.drop_vars("capability")
    apart = np.abs(np.subtract.outer(np.arange(48), np.arange(48)))
    covariance = np.broadcast_to(0.25 * 0.8**apart, (path.sizes["force"], 48, 48))
    dims = ("force", "period", "other_period")
    error = np.random.default_rng(2).multivariate_normal(np.zeros(48), covariance[0], path.sizes["force"])
    array = xr.DataArray(covariance, {"force": path["force"], "period": path["period"]}, dims)
    return replace(simulated.panel, dataset=bare).with_covariate(
        "capability", path - error, covariance=array, half_life=[12.0]
    )


def _recorded() -> fc.Panel:
    """A simulated panel of whose last two months a share is known, with an error of its log."""
    dataset = fc.simulate_panel(4, 2, 40, seed=4, mean=3.0).panel.dataset
    dims, shape = dataset["attacks"].dims, dataset["attacks"].shape
    coverage, errors = np.ones(shape), np.zeros((*shape, 2))
    coverage[..., -2:] = 0.8, 0.5
    errors[..., -2, 0], errors[..., -1, 1] = 0.15, 0.3
    known = np.random.default_rng(4).binomial(dataset["attacks"].values, coverage)
    error = ((*dims, "coverage_component"), errors)
    return fc.Panel(dataset.assign(attacks=(dims, known), coverage=(dims, coverage), coverage_error=error))


def _default(panel: Callable[[], fc.Panel], real: bool = False) -> Case:
    """The standard model under its default priors."""
    return Case(fc.standard_model(), panel, real=real, stated=False)


LEVEL_TERMS = (fc.Intercept(), fc.Pooled("province"), fc.Pooled("tactic"))
CASES: dict[str, Case] = {
    "standard": Case(fc.standard_model(), _simulated()),
    "quick": Case(fc.quick_model(), _simulated()),
    "quick_90_percent_zeros": Case(fc.quick_model(), _simulated(mean=0.06)),
    "large_counts": Case(
        fc.Model(
            [*LEVEL_TERMS, fc.Walk(by=("country", "tactic"), damping=1), fc.Season(2)], fc.NegativeBinomial(by=None)
        ),
        _simulated(mean=300.0),
    ),
    "measured_with_error": Case(
        fc.Model(
            [
                *LEVEL_TERMS,
                fc.Walk(by="country"),
                fc.Covariate("capability", by="tactic", sigma=fc.LogNormal(0.2, 0.5)),
            ],
            fc.NegativeBinomial(by=None),
        ),
        _measured,
    ),
    "space_and_slopes": Case(
        fc.Model(
            [
                fc.Intercept(),
                fc.Spatial(),
                fc.Season(1, by="tactic"),
                fc.Step("2017-01-01", by="province"),
                fc.Covariate("capability", by="tactic", lag=1),
                fc.Pooled("country", "tactic"),
            ]
        ),
        _simulated(),
    ),
    "feedback": Case(
        fc.Model([*LEVEL_TERMS, fc.Walk(by="tactic"), fc.Excitation(lags=2), fc.Spillover()], fc.Poisson()),
        _simulated(mean=2.0),
    ),
    "shock": Case(
        fc.Model([*LEVEL_TERMS, fc.Walk(by="tactic"), fc.Shock()], fc.NegativeBinomial(), "shock"),
        lambda: fc.simulate_panel(4, 2, 40, seed=4, mean=3.0).panel,
        stated=False,
    ),
    "breaks": Case(
        fc.Model([*LEVEL_TERMS, fc.Walk(by="tactic", breaks="2017-03-01")], fc.NegativeBinomial(), "breaks"),
        lambda: fc.simulate_panel(4, 2, 40, seed=4, mean=3.0).panel,
        stated=False,
    ),
    "recording": Case(
        fc.Model([*LEVEL_TERMS, fc.Walk(by="tactic")], fc.NegativeBinomial(), "recording"), _recorded, stated=False
    ),
    "zero_inflated": Case(
        fc.Model([*LEVEL_TERMS, fc.Walk(by="tactic")], fc.ZeroInflatedNegativeBinomial()), _simulated()
    ),
    "hurdle": Case(fc.Model([*LEVEL_TERMS, fc.Walk(by="tactic")], fc.HurdleNegativeBinomial()), _simulated()),
    "published": Case(
        fc.Model(
            [fc.Intercept(), fc.Pooled("province"), fc.Walk(by="zone"), fc.Walk(by="province")],
            fc.NegativeBinomial(by=None),
        ),
        lambda: fc.Panel.from_published(published_rows.of_every_kind(seed=1)),
    ),
    "iraq_weekly": Case(fc.quick_model(), _iraq, real=True),
    "syria_monthly": Case(fc.quick_model(), _syria, real=True),
    "one_series": _default(lambda: fc.simulate_panel(1, 1, 48, seed=3).panel),
    "one_province": _default(lambda: fc.simulate_panel(1, 4, 48, seed=3).panel),
    "twelve_periods": _default(lambda: fc.simulate_panel(8, 3, 12, seed=3).panel),
    "thousands": _default(lambda: fc.simulate_panel(5, 2, 48, seed=3, mean=3000.0).panel),
    "sparse_weekly": _default(lambda: fc.simulate_panel(12, 3, 104, seed=2, freq="W", mean=0.03).panel),
    "syria_standard": _default(_syria, real=True),
}


def quantities(fit: BayesianFit) -> dict[str, np.ndarray]:
    """What must agree, each over (chain, draw): hyperparameters on the line, the family's, slopes, some etas."""
    bound, posterior = fit.bound, fit.posterior
    found: dict[str, np.ndarray] = {}
    for name, prior in bound.hyperparameters.items():
        values = posterior[name].transpose("chain", "draw").values
        if isinstance(prior, Beta):
            found[f"logit {name}"] = np.log(values) - np.log1p(-values)
        else:
            found[f"log {name}"] = np.log(values) if isinstance(prior, HalfNormal | LogNormal) else values
    slopes = [block.name for block in bound.blocks if not block.dims or isinstance(block.prior, Direct) or block.error]
    for name in [*bound.model.family.parameters(), *published_parameters(bound), *slopes]:
        values = posterior[name].transpose("chain", "draw", ...).values
        flat = values.reshape(*values.shape[:2], -1)
        for number in range(flat.shape[2]):
            found[f"{name}[{number}]"] = flat[..., number]
    return found | _etas(fit)


def _etas(fit: BayesianFit) -> dict[str, np.ndarray]:
    """Eta of cells spread evenly over the panel, a portion of the draws at a time."""
    posterior = fit.posterior.transpose("chain", "draw", ...)
    shape = posterior.sizes["chain"], posterior.sizes["draw"]
    draws = {block.name: posterior[block.name].values for block in fit.bound.blocks}
    flat = {name: values.reshape(-1, *values.shape[2:]) for name, values in draws.items()}
    cells = np.linspace(0, np.prod(fit.bound.grid) - 1, CELLS).round().astype(int)
    total = shape[0] * shape[1]
    parts = []
    for first in range(0, total, 200):
        some = {name: values[first : first + 200] for name, values in flat.items()}
        parts.append(eta(fit.bound, some).reshape(-1, int(np.prod(fit.bound.grid)))[:, cells])
    values = np.concatenate(parts).reshape(*shape, len(cells))
    return {f"eta[{cell}]": values[..., number] for number, cell in enumerate(cells)}


def forecast_draws(fit: BayesianFit, draws: int) -> dict[str, np.ndarray]:
    """Draws of future counts of series spread over the panel, and of the totals, by series and horizon."""
    measured = {name: fit.panel.measured(name) is not None for name in fit.panel.covariates}
    futures = {name: fc.project() if with_error else fc.hold_last() for name, with_error in measured.items()}
    parts = fc.predict(fit, HORIZON, futures=futures, draws=draws, seed=7).draws.values
    flat = parts.reshape(len(parts), -1, HORIZON)
    series = np.unique(np.linspace(0, flat.shape[1] - 1, SERIES).round().astype(int))
    found = {f"series {at} horizon {ahead + 1}": flat[:, at, ahead] for at in series for ahead in range(HORIZON)}
    return found | {f"total horizon {ahead + 1}": flat[:, :, ahead].sum(axis=1) for ahead in range(HORIZON)}


__all__ = ["CASES", "HORIZON", "LEVELS", "Case", "forecast_draws", "quantities"]
