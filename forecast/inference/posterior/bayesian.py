"""`BayesianFit`: a posterior with its model and panel, and what every reader of it needs: joint draws, and eta."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from forecast import names
from forecast.errors import InputError
from forecast.inference.posterior.backend import import_arviz
from forecast.inference.posterior.base import Fit
from forecast.inference.posterior.labels import posterior_names
from forecast.inference.posterior.pull import pull_rows
from forecast.model.spec import BoundModel, Model

if TYPE_CHECKING:
    import arviz
    import xarray as xr

__all__ = ["BayesianFit", "posterior_draws"]

Array = npt.NDArray[np.float64]
# Groups that are computed, and kept, only where they are asked for: they are large.
_ON_REQUEST = ("posterior_predictive", "predictions", "log_likelihood")


@dataclass(frozen=True, repr=False)
class BayesianFit(Fit):
    """The posterior of a `Model`.

    Attributes
    ----------
    groups : mapping of str to xarray.Dataset
        `posterior` (latents by their names and dims, hyperparameters, the family's parameters), `observed_data`,
        `constant_data`, and of a sampler `sample_stats`; pointwise groups only where they were asked for.
    engine : str
        'laplace' or 'nuts'.
    certificate : DataFrame or None
        The checks of a fit by 'laplace': check, value, passed, advice.
    state : xarray.Dataset or None
        Of a fit by 'laplace': the mode and the covariance of its hyperparameters, from which another can start.

    Examples
    --------
    >>> panel = fc.simulate_panel(4, 2, 36, seed=1).panel
    >>> fitted = fc.fit(fc.quick_model(), panel, seed=1)
    >>> sorted(fitted.posterior.data_vars)[:2]
    ['half_life_walk_province', 'half_life_walk_tactic']
    """

    groups: Mapping[str, xr.Dataset] = field(default_factory=dict)
    engine: str = "nuts"
    certificate: pd.DataFrame | None = None
    state: xr.Dataset | None = None

    @cached_property
    def idata(self) -> "arviz.InferenceData":
        """The groups as ArviZ's InferenceData, to which more can be added; ArviZ is imported on first use."""
        return import_arviz().InferenceData(**self.groups)

    @property
    def datasets(self) -> dict[str, xr.Dataset]:
        """The groups, with what was added to `idata`."""
        held = vars(self).get("idata")
        return dict(self.groups) if held is None else {group: held[group] for group in held.groups()}

    @cached_property
    def bound(self) -> BoundModel:
        """The model against the panel."""
        bound: BoundModel = self.model.bind(self.panel)
        return bound

    @cached_property
    def pymc_model(self) -> Any:
        """The model against the panel as a PyMC model (pymc.Model), for people who want to go on by hand."""
        from forecast.inference.posterior.pymc_form import build_pymc

        return build_pymc(self.bound)

    @cached_property
    def diagnostics(self) -> pd.DataFrame:
        """One row per check of the sampling, or of the approximation: check, value, passed, advice."""
        if self.certificate is not None:
            table = self.certificate
        else:
            from forecast.inference.posterior.diagnostics import sampling_table

            table = sampling_table(self.posterior[posterior_names(self.bound)], self.datasets.get("sample_stats"))
        return pd.concat([table, *pull_rows(self)], ignore_index=True)

    @property
    def equation(self) -> str:
        """The printed model, without terms that repeat another on the panel."""
        terms = [term for term, _ in self.bound.terms]
        return str(Model(terms, self.model.family, self.model.name))

    @property
    def parameters(self) -> pd.DataFrame:
        """Hyperparameters, parameters of the family, and latents that are single numbers."""
        arrays = {block.name for block in self.bound.blocks if block.dims}
        rows = []
        for name in posterior_names(self.bound):
            if name in arrays:
                continue
            values = self.posterior[name].stack(sample=("chain", "draw")).transpose("sample", ...)
            for position in np.ndindex(values.shape[1:]):
                draws = values.values[(slice(None), *position)]
                labels = [str(values[dim].values[at]) for dim, at in zip(values.dims[1:], position, strict=True)]
                lower, upper = np.quantile(draws, [0.05, 0.95])
                label = f"{name}[{', '.join(labels)}]" if labels else name
                rows.append(
                    {"parameter": label, "mean": draws.mean(), "sd": draws.std(), "lower_90": lower, "upper_90": upper}
                )
        return pd.DataFrame(rows)

    def plot(self) -> Any:
        """Altair chart of the main parameters: means and 90 % intervals, those of each kind on a scale of its own."""
        from forecast.plots import alt

        table = self.parameters
        kind = table["parameter"].str.extract(r"^([a-z]+)", expand=False).fillna("")
        base = alt.Chart(table.assign(kind=kind)).encode(y=alt.Y("parameter:N", sort=None, title=None))
        lower = alt.X("lower_90:Q", title=None, scale=alt.Scale(zero=False))
        bounds = base.mark_rule().encode(x=lower, x2="upper_90:Q")
        means = base.mark_point(filled=True).encode(x="mean:Q", tooltip=["parameter", "mean", "lower_90", "upper_90"])
        rows = alt.layer(bounds, means).properties(width=420).facet(row=alt.Row("kind:N", title=None))
        return rows.resolve_scale(x="independent", y="independent")

    @property
    def posterior(self) -> Any:
        """The group `posterior` (xarray)."""
        if "posterior" not in self.groups:
            raise InputError("has no posterior", where="BayesianFit.groups")
        return self.groups["posterior"]

    def log_likelihood(self, draws: int | None = None) -> xr.DataArray:
        """Log probability of each observation under the draws of the posterior, computed anew.

        For ArviZ's own use, keep it with `fit.with_group("log_likelihood", fit.log_likelihood())`.

        Parameters
        ----------
        draws : int, optional
            At most so many, taken evenly from all chains; all by default.

        Returns
        -------
        DataArray
            `attacks`, dims (chain, draw, observation); the labels of `observation` are the rows of
            `panel.observations`, without those that the model conditions on.
        """
        from forecast.inference.posterior.diagnostics import pointwise_of

        return pointwise_of(self, draws)

    def with_group(self, group: str, values: xr.DataArray | xr.Dataset) -> "BayesianFit":
        """The fit with one more of its `groups`, or another in its place; this one stays as it was.

        Parameters
        ----------
        group : {'posterior_predictive', 'predictions', 'log_likelihood'}
            Its name.
        values : DataArray or Dataset
            What `posterior_predictive` or `log_likelihood` gave. Draws over `sample` are labelled as one chain.

        Raises
        ------
        InputError
            For another group, or values without draws.
        """
        if group not in _ON_REQUEST:
            raise InputError("is no group to add", where="group", found=group, expected=_ON_REQUEST)
        dataset = values if isinstance(values, xr.Dataset) else values.to_dataset(name=values.name or names.ATTACKS)
        if names.SAMPLE in dataset.dims:
            dataset = dataset.drop_vars(names.SAMPLE, errors="ignore").rename({names.SAMPLE: names.DRAW})
            dataset = dataset.expand_dims({names.CHAIN: [0]})
            dataset = dataset.assign_coords({names.DRAW: np.arange(dataset.sizes[names.DRAW])})
        if not {names.CHAIN, names.DRAW} <= set(dataset.dims):
            expected = "sample, or chain and draw"
            raise InputError("has no draws", where=group, found=list(map(str, dataset.dims)), expected=expected)
        if not self.groups:
            raise InputError("has no posterior to add to", where="fit")
        return replace(self, groups={**self.datasets, group: dataset})

    def save(self, path: str | Path) -> None:
        """Write the fit to one netCDF file, whole or not at all; see `forecast.inference.posterior.store`."""
        from forecast.inference.posterior.store import save_fit

        save_fit(self, path)

    @classmethod
    def load(cls, path: str | Path) -> "BayesianFit":
        """Read a fit that `save` wrote; its notes say what differs from when it was written."""
        from forecast.inference.posterior.store import load_fit

        return cls(**load_fit(path))

    def __repr__(self) -> str:
        sizes = dict(self.posterior.sizes)
        failed = self.diagnostics.loc[~self.diagnostics["passed"], "check"]
        checks = f"FAILED: {', '.join(failed)}" if len(failed) else "all diagnostics passed"
        chains = f"{sizes['chain']} chains × " if sizes["chain"] > 1 else ""
        drawn = f"  {self.engine}: {chains}{sizes['draw']} draws; {checks}"
        return f"{super().__repr__()}\n{drawn}"


def posterior_draws(fit: BayesianFit, draws: int, seed: int) -> dict[str, Array]:
    """Joint draws from the posterior, resampled without replacement where it holds enough of them.

    Parameters
    ----------
    fit : BayesianFit
        The posterior.
    draws : int
        How many.
    seed : int
        The same seed gives the same draws.

    Returns
    -------
    dict of str to array
        (sample, …) of all latents, hyperparameters and parameters of the family.
    """
    if draws < 1:
        raise InputError("is a whole number from 1", where="draws", found=draws)
    posterior = fit.posterior
    held = posterior.sizes["chain"] * posterior.sizes["draw"]
    chosen = np.random.default_rng(np.random.SeedSequence(seed)).choice(held, size=draws, replace=draws > held)
    result = {}
    for name in posterior_names(fit.bound):
        values = posterior[name].transpose("chain", "draw", ...).values
        result[name] = np.asarray(values.reshape(held, *values.shape[2:])[chosen], dtype=float)
    return result
