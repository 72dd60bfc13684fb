"""`prior_predictive`: counts that a model expects before it has seen any, in NumPy alone."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from forecast import names
from forecast.errors import InputError
from forecast.model.latents import Direct
from forecast.model.spec import BoundModel, Model
from forecast.panel.panel import Panel
from forecast.prediction.recursion import simulate_counts

__all__ = ["PriorPredictive", "prior_draws", "prior_predictive"]

Array = npt.NDArray[np.float64]
# Larger expected counts cannot be drawn as whole numbers of 64 bits once they are summed.
_LARGEST_MEAN = 1e9
_CUT = "expected counts cut"
# A prior that often gives a total above this many times the largest one seen is wide of the data.
_FAR_ABOVE = 10.0


@dataclass(frozen=True, repr=False)
class PriorPredictive:
    """Counts drawn from a model's prior on the cells of a panel.

    Attributes
    ----------
    draws : DataArray
        Int64, over (sample, province, tactic, period). Periods that the model conditions on are left out, and are
        as they were observed.
    table : DataFrame
        One row per question about the prior: `check`, `share` (of the prior draws), and `observed` (the number of
        attacks that the draws are held against). Cells that were not observed are left out of all of them; where none
        was (published counts alone), there is nothing to hold the draws against.
    notes : tuple of str
        What the reader must be told.

    Examples
    --------
    >>> panel = fc.simulate_panel(4, 2, 36, seed=1).panel
    >>> fc.prior_predictive(fc.quick_model(), panel, draws=50, seed=1).draws.dims
    ('sample', 'province', 'tactic', 'period')
    """

    draws: xr.DataArray
    table: pd.DataFrame
    notes: tuple[str, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """The table."""
        return self.table

    def __repr__(self) -> str:
        lines = [f"PriorPredictive: {self.draws.sizes[names.SAMPLE]:,} draws", self.table.to_string(index=False)]
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])

    def _repr_html_(self) -> str:
        from html import escape

        return f"<pre>{escape(repr(self))}</pre>"


def prior_predictive(model: Model, panel: Panel, *, draws: int = 500, seed: int) -> PriorPredictive:
    """Draw counts from a model's prior, and hold them against those that were seen.

    Parameters
    ----------
    model : Model
        What is believed.
    panel : Panel
        Gives the cells, the exposure, the covariates, and the constants that the model takes from the data (the
        centre of the intercept, that of past counts). Counts that feed back are the simulated ones.
    draws : int
        How many.
    seed : int
        The same seed gives the same draws.

    Returns
    -------
    PriorPredictive
        Expected counts above 10⁹ are cut to it; a note says how often.

    Raises
    ------
    InputError
        For a panel that cannot serve the model, or fewer than one draw.

    Examples
    --------
    >>> panel = fc.simulate_panel(4, 2, 36, seed=1).panel
    >>> fc.prior_predictive(fc.quick_model(), panel, draws=50, seed=1).draws.sizes["sample"]
    50
    """
    if draws < 1:
        raise InputError("is a whole number from 1", where="draws", found=draws)
    bound = model.bind(panel)
    parameters, counts = (np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(2))
    values = prior_draws(bound, draws, parameters)
    start = model.lags
    static = np.zeros((draws, *bound.grid)) + bound.log_exposure
    for term, blocks in bound.terms:
        for block in () if term.feeds_back else blocks:
            static += block.added(values)
    simulated = simulate_counts(bound, static[..., start:], values, start, _LARGEST_MEAN, counts)
    seen = panel.attacks.isel({names.PERIOD: slice(start, None)})
    coords = {dim: seen[dim] for dim in names.CELL_DIMS}
    array = xr.DataArray(simulated.counts, coords, names.DRAW_DIMS, names.DRAWS)
    cut = np.asarray(simulated.cut.any(axis=(1, 2, 3)))
    told = (f"{int(cut.sum()):,} of {draws:,} draws had expected counts that were cut to 10⁹",) if cut.any() else ()
    return PriorPredictive(array, _table(simulated.counts, seen.values, cut), (*bound.dropped, *told))


def prior_draws(bound: BoundModel, draws: int, rng: np.random.Generator) -> dict[str, Array]:
    """Joint draws of all latents, hyperparameters and parameters of the family by name, the sample axis first."""
    values = {name: prior.draw(rng, (draws,)) for name, prior in bound.hyperparameters.items()}
    roots = bound.roots
    for name, (prior, dims) in bound.parameters.items():
        normal = rng.standard_normal((draws, *(len(bound.panel.dataset[dim]) for dim in dims)))
        if name in roots:
            normal = normal @ roots[name].T
        values[name] = prior.quantile(normal)
    for block in bound.blocks:
        if isinstance(block.prior, Direct):
            values[block.name] = block.prior.prior.draw(rng, (draws, *block.shape))
            continue
        z = rng.normal(size=(draws, *block.prior.z_shape(block.shape)))
        theta = {name: values[name] for name in block.prior.hyperparameters}
        values[block.name] = np.stack(
            [block.prior.transform(z[row], {name: theta[name][row] for name in theta}) for row in range(draws)]
        )
    return values


def _table(counts: npt.NDArray[np.int64], seen: Array, cut: npt.NDArray[np.bool_]) -> pd.DataFrame:
    """Shares of the draws that are far from the data."""
    observed = ~np.isnan(seen)
    if not observed.any():
        return pd.DataFrame({"check": [_CUT], "share": [float(cut.mean())], names.OBSERVED: [np.nan]})
    totals = np.einsum("spkt,pkt->st", counts.astype(float), observed.astype(float))
    largest, mean = float(np.nansum(seen, axis=(0, 1)).max()), float(np.nanmean(seen))
    means = totals.sum(axis=1) / observed.sum()
    rows = [
        (
            f"a period's total above {_FAR_ABOVE:g} × the largest seen",
            totals.max(axis=1) > _FAR_ABOVE * largest,
            largest,
        ),
        ("every count zero", totals.sum(axis=1) == 0, float(np.nansum(seen))),
        ("mean count above the observed", means > mean, mean),
        ("mean count below the observed", means < mean, mean),
        (_CUT, cut, np.nan),
    ]
    return pd.DataFrame(
        [(check, float(which.mean()), value) for check, which, value in rows],
        columns=["check", "share", names.OBSERVED],
    )
