"""`Forecast`: joint draws of future counts, and what is read off them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from forecast import names
from forecast.dated import DatedEvent
from forecast.errors import InputError
from forecast.events.boundaries import Boundaries
from forecast.panel.calendar import normalise_freq, period_end
from forecast.panel.netcdf import read_netcdf, write_netcdf
from forecast.panel.panel import Panel
from forecast.panel.zones import told_ends
from forecast.prediction import arrays, exports, imports
from forecast.prediction.arrays import ALL_TACTICS, Ahead, check_levels
from forecast.prediction.maps import MapMeasure, map_chart
from forecast.prediction.sums import summed_dataset

if TYPE_CHECKING:
    import altair as alt

__all__ = ["ALL_TACTICS", "ORACLE_SUFFIX", "Forecast"]

_KIND = "forecast.Forecast"
_FAMILIES = ("", "poisson", "negative_binomial")
ORACLE_SUFFIX = " (oracle)"


@dataclass(frozen=True, repr=False)
class Forecast(Ahead):
    """Joint draws of the counts of all provinces and tactics in the periods after the data.

    One sample is one draw of the whole future, so that sums over provinces, tactics or periods of the same
    draws are forecasts of those sums. Made by `predict`; its arrays are read-only.

    Attributes
    ----------
    dataset : xarray.Dataset
        `draws` (int64, attacks) over (sample, province, tactic, period); where the model has them, `mu` (float,
        expected attacks given the sample's past) over the same dims and `phi` (negative binomial dispersion,
        variance mu + mu²/phi) over (tactic) or (sample, tactic); `history` (float, the last observed counts, two
        years at most, completed by their coverage, NaN for a gap) over (province, tactic, history_period); where the
        last periods are known in part, `nowcast` (int64) over (sample, province, tactic, nowcast_period). Coordinates
        as in `Panel`, and `horizon` (1, 2, …) of period. Attributes, all text: freq, origin, model, family, seed,
        provenance.

    Examples
    --------
    >>> panel = fc.simulate_panel(4, 2, 36, seed=1).panel
    >>> forecast = fc.predict(fc.fit(fc.RecentMean(), panel.between(end="2017-09-30"), seed=1), 3, seed=1)
    >>> sums = forecast.aggregate("total", tactics=True)
    >>> sums.quantiles([0.05, 0.5, 0.95]).shape
    (3, 1, 1, 3)
    >>> len(forecast.to_frame())
    24
    """

    dataset: xr.Dataset

    def __post_init__(self) -> None:
        self._freeze()
        _check(self.dataset)

    @classmethod
    def from_draws(
        cls,
        panel: Panel,
        draws: npt.NDArray[np.int64],
        *,
        model: str,
        seed: int,
        mu: npt.NDArray[np.float64] | None = None,
        phi: npt.NDArray[np.float64] | None = None,
        oracle: Sequence[str] = (),
        notes: Sequence[str] = (),
        cut: float = 0.0,
        nowcast: npt.NDArray[np.int64] | None = None,
    ) -> "Forecast":
        """Label draws of the periods that follow a panel.

        Parameters
        ----------
        panel : Panel
            The data up to the origin.
        draws : array of int64
            Shape (sample, province, tactic, period), in the panel's order of provinces and tactics. Provinces whose
            zone ended are left out, with a note.
        model : str
            The model's name in tables.
        seed : int
            The seed that the draws came from.
        mu, phi : array, optional
            Expected counts, of the shape of `draws`, and dispersion, of shape (tactic) or (sample, tactic). With `mu`
            alone the counts are Poisson given `mu`; with both, negative binomial.
        oracle : sequence of str
            Covariates that were given as they turned out; the model's name then says so.
        notes : sequence of str
            What the reader must be told.
        cut : float
            Share of expected counts that were cut; see `forecast.prediction.caps`.
        nowcast : array of int64, optional
            Draws of the whole counts of the panel's last periods, of the shape of `draws` but for the periods.
        """
        if panel.ended.any():
            kept, notes = ~panel.ended, (*notes, _end_note(panel))
            panel, draws, mu = panel.without_ended(), draws[:, kept], None if mu is None else mu[:, kept]
            nowcast = None if nowcast is None else nowcast[:, kept]
        variables: dict[str, Any] = {names.DRAWS: (names.DRAW_DIMS, draws)}
        if mu is not None:
            variables[names.MU] = (names.DRAW_DIMS, mu)
        if nowcast is not None:
            late = panel.periods[len(panel.periods) - nowcast.shape[-1] :]
            variables[names.NOWCAST] = ((*names.DRAW_DIMS[:-1], names.NOWCAST_PERIOD), nowcast)
            variables[names.NOWCAST_PERIOD] = (names.NOWCAST_PERIOD, late)
        if phi is not None:
            variables[names.PHI] = ((names.SAMPLE, names.TACTIC)[-np.ndim(phi) :], phi)
        provenance = panel.provenance
        provenance["notes"] = [*provenance.get("notes", ()), *notes]
        provenance["oracle"] = list(oracle)
        provenance["cut"] = cut
        attrs = {
            names.MODEL: model + (ORACLE_SUFFIX if oracle else ""),
            "family": "" if mu is None else "poisson" if phi is None else "negative_binomial",
            "seed": str(seed),
            "provenance": json.dumps(provenance, ensure_ascii=False),
        }
        return cls(arrays.labels_after(panel, draws.shape[-1]).assign(variables).assign_attrs(attrs))

    # What is in it ------------------------------------------------------------------------------------------

    @property
    def draws(self) -> xr.DataArray:
        """The joint draws (int64, attacks) over (sample, province, tactic, period)."""
        return self.dataset[names.DRAWS]

    @property
    def horizons(self) -> list[int]:
        """Steps after the origin: 1, 2, …"""
        return [int(step) for step in self.dataset[names.HORIZON].values]

    @property
    def nowcast(self) -> "Forecast | None":
        """The whole counts of the last periods, of which a part is recorded so far, as a forecast; or None.

        What is recorded is in its draws. Its origin is the last day of the period before, so that it has intervals,
        sums and, once the records are complete, scores like any other.
        """
        if names.NOWCAST not in self.dataset:
            return None
        late = pd.DatetimeIndex(self.dataset[names.NOWCAST_PERIOD].values)
        before = self.dataset[names.HISTORY_PERIOD].values < late[0]
        kept = self.dataset.drop_dims(names.PERIOD).isel({names.HISTORY_PERIOD: np.flatnonzero(before)})
        dataset = kept.rename({names.NOWCAST: names.DRAWS, names.NOWCAST_PERIOD: names.PERIOD})
        dataset = dataset.drop_vars(names.PHI, errors="ignore").assign_coords(
            {
                names.PERIOD_END: (names.PERIOD, period_end(late, self.freq)),
                names.HORIZON: (names.PERIOD, np.arange(1, len(late) + 1)),
            }
        )
        origin = f"{late[0] - pd.Timedelta(days=1):%Y-%m-%d}"
        return Forecast(dataset.assign_attrs({names.ORIGIN: origin, "family": ""}))

    # Read off the draws -------------------------------------------------------------------------------------

    def quantiles(self, levels: Sequence[float]) -> xr.DataArray:
        """Quantiles of the counts: the smallest count that a share `level` of the draws does not exceed.

        Returns
        -------
        DataArray
            Int64, dims (quantile, province, tactic, period).
        """
        return arrays.quantiles(self.dataset, check_levels(levels, "levels"))

    def median(self) -> xr.DataArray:
        """The point forecast: the median count, dims (province, tactic, period)."""
        return self.quantiles([0.5]).isel(quantile=0, drop=True).rename("median")

    def interval(self, level: float = 0.9) -> xr.Dataset:
        """The central interval: `lower` and `upper` count, both inclusive, dims (province, tactic, period)."""
        (level,) = check_levels([level], "level")
        bounds = self.quantiles([(1 - level) / 2, (1 + level) / 2])
        return xr.Dataset({name: bounds.isel(quantile=row, drop=True) for row, name in enumerate(("lower", "upper"))})

    def mean(self) -> xr.Dataset:
        """The `mean` of the draws and its Monte-Carlo standard error `mcse`, dims (province, tactic, period).

        The mean of a log-linear model may be infinite, and a mean of draws then says nothing: its error shows it.
        """
        return arrays.mean(self.dataset)

    def exceedance(self, threshold: float) -> xr.DataArray:
        """Probability of more than `threshold` attacks, dims (province, tactic, period)."""
        return (self.draws > threshold).mean(names.SAMPLE).rename("exceedance")

    def change(self, since: int = 12) -> pd.DataFrame:
        """The horizon against the last `since` periods, see `forecast.prediction.exports.change_table`."""
        return exports.change_table(self.dataset, since)

    def aggregate(self, by: str | Mapping[str, Sequence[str]] | None = None, tactics: bool = False) -> "Forecast":
        """The forecast of sums over groups of provinces, of all tactics, or of both, from the same draws.

        Parameters
        ----------
        by : str, mapping or None
            'total', a coordinate of province ('country', 'zone', …), or named sets of provinces, which may overlap;
            None leaves the provinces as they are. See `forecast.panel.groups.sum_over`.
        tactics : bool
            Sum the tactics too; the one label is then 'all'.

        Returns
        -------
        Forecast
            The groups stand on the dim `province`. `mu` is summed; `phi` is dropped, for a sum of negative binomial
            counts is none. `history` is NaN where any part of a sum was not observed.
        """
        return self if by is None and not tactics else Forecast(summed_dataset(self.dataset, by, tactics))

    # As tables and files ------------------------------------------------------------------------------------

    def to_frame(self, levels: Sequence[float] = (0.5, 0.8, 0.9)) -> pd.DataFrame:
        """Tidy table, one row per province, tactic and period; see `forecast.prediction.exports.tidy_table`."""
        return exports.tidy_table(self.dataset, check_levels(levels, "levels"))

    def to_hub(
        self,
        output_type: Literal["quantile", "median", "mean", "sample"] = "quantile",
        *,
        target: str = names.ATTACKS,
        levels: Sequence[float] | None = None,
    ) -> pd.DataFrame:
        """Model output in the hubverse's columns; see `forecast.prediction.exports.hub_table`."""
        levels = check_levels(exports.HUB_LEVELS if levels is None else levels, "levels")
        return exports.hub_table(self.dataset, output_type, target, levels)

    def to_views(self) -> pd.DataFrame:
        """Draws in VIEWS' columns, months only; see `forecast.prediction.exports.views_table`."""
        return exports.views_table(self.dataset)

    @classmethod
    def from_hub(cls, table: pd.DataFrame, panel: Panel, *, model: str, target: str = names.ATTACKS) -> "Forecast":
        """Anybody's samples in the hubverse's columns, as a forecast that can be scored and pooled.

        Parameters
        ----------
        table : DataFrame
            What `to_hub` describes; of several output types the samples are taken. Where there are quantiles alone,
            `QuantileForecast.from_hub` reads them.
        panel : Panel
            The data up to the origin: the periods are those that follow it.
        model : str
            The model's name in tables.
        target : str
            Which target, where the table names some.

        Raises
        ------
        InputError
            For missing columns or cells, for periods, locations or tactics that are not those of the panel, and for a
            table without samples.
        """
        draws = imports.hub_draws(table, panel.without_ended(), target)
        return cls.from_draws(panel.without_ended(), draws, model=model, seed=0)

    @classmethod
    def from_views(cls, table: pd.DataFrame, panel: Panel, *, model: str) -> "Forecast":
        """Anybody's draws in VIEWS' columns (see `to_views`), as a forecast that can be scored and pooled.

        Parameters
        ----------
        table : DataFrame
            month_id, province, tactic, draw, outcome.
        panel : Panel
            The data up to the origin, by month.
        model : str
            The model's name in tables.

        Raises
        ------
        InputError
            For missing columns or cells, and for months, provinces or tactics that are not those of the panel.
        """
        draws = imports.views_draws(table, panel.without_ended())
        return cls.from_draws(panel.without_ended(), draws, model=model, seed=0)

    def save(self, path: str | Path) -> None:
        """Write the forecast to one netCDF file, whole or not at all."""
        dataset = self.dataset.assign_attrs(kind=_KIND)
        large = [name for name in (names.DRAWS, names.MU, names.NOWCAST) if name in dataset]
        write_netcdf(path, dataset, {name: {"zlib": True, "complevel": 1} for name in large})

    @classmethod
    def load(cls, path: str | Path) -> "Forecast":
        """Read a forecast that `save` wrote; an `InputError` names a file that is none or was cut short."""
        dataset = read_netcdf(path, _KIND)
        dataset.attrs.pop("kind")
        past = [name for name in (names.HISTORY_PERIOD, names.NOWCAST_PERIOD) if name in dataset.coords]
        return cls(dataset.assign_coords({name: dataset[name].values.astype("datetime64[ns]") for name in past}))

    # For people ---------------------------------------------------------------------------------------------

    def plot(
        self, province: str | None = None, tactic: str | None = None, *, events: Sequence[DatedEvent] = ()
    ) -> "alt.LayerChart":
        """Altair fan chart of one series, or of a sum: without a province of all, without a tactic of all.

        It marks dated `events` of the province, or all of them in a sum.
        """
        return exports.fan_chart(self.dataset, province, tactic, events)

    def small_multiples(self, columns: int = 4, *, events: Sequence[DatedEvent] = ()) -> "alt.FacetChart":
        """Altair chart of all provinces side by side, their tactics together, each on its own scale.

        It marks dated `events` where their provinces are shown.
        """
        return exports.small_multiples(self.dataset, columns, events)

    def plot_map(self, boundaries: Boundaries | None = None, *, measure: MapMeasure = "expected") -> "alt.LayerChart":
        """Altair map of all provinces over the whole horizon, all tactics together.

        Parameters
        ----------
        boundaries : Boundaries, optional
            What `read_boundaries` gave. Without it those that ship, where they are of all provinces; else points.
        measure : {'expected', 'rise'}
            The median of the attacks, or the probability that there are more per period than in the last twelve.

        Raises
        ------
        InputError
            For another measure, boundaries of none of the provinces, and where there are no shapes and no coordinates.
        """
        return map_chart(self.dataset, boundaries, measure)

    def __repr__(self) -> str:
        total = self.draws.sum((names.PROVINCE, names.TACTIC, names.PERIOD)).values
        low, middle, high = np.quantile(total, [0.05, 0.5, 0.95], method="inverted_cdf")
        lines = [
            f"Forecast{' from SIMULATED data' if self.simulated else ''} by {self.model}: {self._sizes}",
            f"  data to {self.origin:%Y-%m-%d}; periods from {self.periods[0]:%Y-%m-%d} on",
            f"  {self.dataset.sizes[names.SAMPLE]:,} joint draws; {middle:,} attacks in all (90 %: {low:,}–{high:,})",
        ]
        return "\n".join([*lines, *self._notes])

    def _repr_html_(self) -> str:
        from html import escape

        top = self.to_frame(levels=[0.9]).sort_values("median", ascending=False).head(10)
        return f"<pre>{escape(repr(self))}</pre>{top.to_html(escape=True, index=False, float_format='{:.2f}'.format)}"


def _end_note(panel: Panel) -> str:
    """The note that says why provinces are not forecast."""
    return f"{panel.ended.sum()} provinces are left out, for their zone ended: {told_ends(panel.dataset)}"


def _check(dataset: xr.Dataset) -> None:
    normalise_freq(str(dataset.attrs.get("freq")))
    draws = dataset.get(names.DRAWS)
    if draws is None or draws.dims != names.DRAW_DIMS or draws.dtype != np.int64:
        raise InputError("a forecast needs whole draws over (sample, province, tactic, period)", where=names.DRAWS)
    if draws.size == 0 or draws.values.min() < 0:
        raise InputError("counts are whole numbers from 0, at least one", where=names.DRAWS)
    if names.MU in dataset and dataset[names.MU].dims != names.DRAW_DIMS:
        raise InputError("has other dims than the draws", where=names.MU, found=dataset[names.MU].dims)
    family = dataset.attrs.get("family")
    if names.HISTORY not in dataset or family not in _FAMILIES:
        raise InputError("a forecast needs its history and a family", found=family, expected=_FAMILIES)
    arrays.check_labels(dataset)
