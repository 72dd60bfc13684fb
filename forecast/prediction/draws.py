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
from forecast.errors import InputError
from forecast.panel.calendar import next_periods, normalise_freq, period_end, period_range
from forecast.panel.labels import Labelled
from forecast.panel.netcdf import read_netcdf, write_netcdf
from forecast.panel.panel import Panel
from forecast.panel.zones import told_ends

if TYPE_CHECKING:
    import altair as alt

__all__ = ["ALL_TACTICS", "HISTORY_LENGTH", "Forecast"]

# The label of the tactics where they were summed.
ALL_TACTICS = "all"
_KIND = "forecast.Forecast"
# How many past periods a forecast keeps: two years.
HISTORY_LENGTH = {names.MONTHLY: 24} | dict.fromkeys(names.WEEKS, 104)
_FAMILIES = ("", "poisson", "negative_binomial")
ORACLE_SUFFIX = " (oracle)"


@dataclass(frozen=True, repr=False)
class Forecast(Labelled):
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
        periods = next_periods(panel.periods[-1], draws.shape[-1], panel.freq)
        variables: dict[str, Any] = {names.DRAWS: (names.DRAW_DIMS, draws), names.HISTORY: _history(panel)}
        if mu is not None:
            variables[names.MU] = (names.DRAW_DIMS, mu)
        if nowcast is not None:
            variables[names.NOWCAST] = ((*names.DRAW_DIMS[:-1], names.NOWCAST_PERIOD), nowcast)
        if phi is not None:
            variables[names.PHI] = ((names.SAMPLE, names.TACTIC)[-np.ndim(phi) :], phi)
        coords: dict[str, Any] = {
            name: panel.dataset[name] for name in (names.PROVINCE, *names.PROVINCE_COORDS, names.TACTIC)
        }
        coords[names.PERIOD] = periods
        if nowcast is not None:
            coords[names.NOWCAST_PERIOD] = panel.periods[len(panel.periods) - nowcast.shape[-1] :]
        coords[names.PERIOD_END] = (names.PERIOD, period_end(periods, panel.freq))
        coords[names.HORIZON] = (names.PERIOD, np.arange(1, len(periods) + 1))
        provenance = panel.provenance
        provenance["notes"] = [*provenance.get("notes", ()), *notes]
        provenance["oracle"] = list(oracle)
        provenance["cut"] = cut
        attrs = {
            "freq": panel.freq,
            names.ORIGIN: f"{panel.origin:%Y-%m-%d}",
            names.MODEL: model + (ORACLE_SUFFIX if oracle else ""),
            "family": "" if mu is None else "poisson" if phi is None else "negative_binomial",
            "seed": str(seed),
            "provenance": json.dumps(provenance, ensure_ascii=False),
        }
        return cls(xr.Dataset(variables, coords, attrs))

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
    def origin(self) -> pd.Timestamp:
        """Last day of the data."""
        return pd.Timestamp(self.dataset.attrs[names.ORIGIN])

    @property
    def model(self) -> str:
        """The model's name in tables; it ends in '(oracle)' where it was given what nobody could know."""
        return str(self.dataset.attrs[names.MODEL])

    @property
    def members(self) -> dict[str, dict[str, list[str]]]:
        """The panel's provinces and tactics that each label stands for: {'province': {label: provinces}, …}."""
        kept = json.loads(self.dataset.attrs.get("members", "{}"))
        labels = {names.PROVINCE: self.provinces, names.TACTIC: self.tactics}
        return {dim: kept.get(dim, {key: [key] for key in keys}) for dim, keys in labels.items()}

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
        levels = _checked_levels(levels, "levels")
        values = np.quantile(self.draws.values, levels, axis=0, method="inverted_cdf")
        template = self.draws.isel({names.SAMPLE: 0}, drop=True)
        return template.expand_dims(quantile=levels).copy(data=values.astype(np.int64)).rename("quantiles")

    def median(self) -> xr.DataArray:
        """The point forecast: the median count, dims (province, tactic, period)."""
        return self.quantiles([0.5]).isel(quantile=0, drop=True).rename("median")

    def interval(self, level: float = 0.9) -> xr.Dataset:
        """The central interval: `lower` and `upper` count, both inclusive, dims (province, tactic, period)."""
        (level,) = _checked_levels([level], "level")
        bounds = self.quantiles([(1 - level) / 2, (1 + level) / 2])
        return xr.Dataset({name: bounds.isel(quantile=row, drop=True) for row, name in enumerate(("lower", "upper"))})

    def mean(self) -> xr.Dataset:
        """The `mean` of the draws and its Monte-Carlo standard error `mcse`, dims (province, tactic, period).

        The mean of a log-linear model may be infinite, and a mean of draws then says nothing: its error shows it.
        """
        spread = self.draws.std(names.SAMPLE, ddof=1) / np.sqrt(self.dataset.sizes[names.SAMPLE])
        return xr.Dataset({"mean": self.draws.mean(names.SAMPLE), "mcse": spread})

    def exceedance(self, threshold: float) -> xr.DataArray:
        """Probability of more than `threshold` attacks, dims (province, tactic, period)."""
        return (self.draws > threshold).mean(names.SAMPLE).rename("exceedance")

    def change(self, since: int = 12) -> pd.DataFrame:
        """The horizon against the last `since` periods, see `forecast.prediction.exports.change_table`."""
        from forecast.prediction.exports import change_table

        return change_table(self, since)

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
        from forecast.prediction.sums import summed_dataset

        return self if by is None and not tactics else Forecast(summed_dataset(self, by, tactics))

    # As tables and files ------------------------------------------------------------------------------------

    def to_frame(self, levels: Sequence[float] = (0.5, 0.8, 0.9)) -> pd.DataFrame:
        """Tidy table, one row per province, tactic and period; see `forecast.prediction.exports.tidy_table`."""
        from forecast.prediction.exports import tidy_table

        return tidy_table(self, _checked_levels(levels, "levels"))

    def to_hub(
        self,
        output_type: Literal["quantile", "median", "mean", "sample"] = "quantile",
        *,
        target: str = names.ATTACKS,
        levels: Sequence[float] | None = None,
    ) -> pd.DataFrame:
        """Model output in the hubverse's columns; see `forecast.prediction.exports.hub_table`."""
        from forecast.prediction.exports import HUB_LEVELS, hub_table

        return hub_table(self, output_type, target, _checked_levels(HUB_LEVELS if levels is None else levels, "levels"))

    def to_views(self) -> pd.DataFrame:
        """Draws in VIEWS' columns, months only; see `forecast.prediction.exports.views_table`."""
        from forecast.prediction.exports import views_table

        return views_table(self)

    @classmethod
    def from_hub(
        cls,
        table: pd.DataFrame,
        panel: Panel,
        *,
        model: str,
        target: str = names.ATTACKS,
        draws: int = 1000,
        seed: int = 0,
    ) -> "Forecast":
        """Anybody's model output in the hubverse's columns, as a forecast that can be scored and pooled.

        Parameters
        ----------
        table : DataFrame
            What `to_hub` describes; of several output types samples are taken, or else quantiles.
        panel : Panel
            The data up to the origin: the periods are those that follow it.
        model : str
            The model's name in tables.
        target : str
            Which target, where the table names some.
        draws, seed : int
            Of draws that are made from quantiles: linear between two, nothing beyond the outer ones, and cells
            independent, which quantiles say nothing of. So sums are not to be trusted then.

        Raises
        ------
        InputError
            For missing columns or cells, and for periods, locations or tactics that are not those of the panel.
        """
        from forecast.prediction.imports import from_hub

        return from_hub(table, panel.without_ended(), model, target, draws, seed)

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
        from forecast.prediction.imports import from_views

        return from_views(table, panel.without_ended(), model)

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

    def plot(self, province: str | None = None, tactic: str | None = None) -> "alt.LayerChart":
        """Altair fan chart of one series, or of a sum: without a province of all, without a tactic of all."""
        from forecast.prediction.exports import fan_chart

        return fan_chart(self, province, tactic)

    def small_multiples(self, columns: int = 4) -> "alt.FacetChart":
        """Altair chart of all provinces side by side, their tactics together, each on its own scale."""
        from forecast.prediction.exports import small_multiples

        return small_multiples(self, columns)

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


def _history(panel: Panel) -> xr.DataArray:
    last = panel.completed.isel({names.PERIOD: slice(-HISTORY_LENGTH[panel.freq], None)})
    return last.drop_vars(names.PERIOD_END).rename({names.PERIOD: names.HISTORY_PERIOD}).astype(float)


def _end_note(panel: Panel) -> str:
    """The note that says why provinces are not forecast."""
    return f"{panel.ended.sum()} provinces are left out, for their zone ended: {told_ends(panel.dataset)}"


def _checked_levels(levels: Sequence[float], where: str) -> list[float]:
    wrong = [level for level in levels if not 0 < level < 1]
    if wrong or not len(levels):
        raise InputError("levels lie between 0 and 1", where=where, found=wrong or "none", expected="such as 0.9")
    return [float(level) for level in levels]


def _check(dataset: xr.Dataset) -> None:
    freq = normalise_freq(str(dataset.attrs.get("freq")))
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
    periods = pd.DatetimeIndex(dataset[names.PERIOD].values)
    first = next_periods(pd.Timestamp(dataset[names.HISTORY_PERIOD].values[-1]), 1, freq)[0]
    if not periods.equals(period_range(first, len(periods), freq)):
        raise InputError("periods follow the history", where=names.PERIOD, expected=f"from {first:%Y-%m-%d}")
    if not np.array_equal(dataset[names.HORIZON].values, np.arange(1, len(periods) + 1)):
        raise InputError("counts the periods from 1", where=names.HORIZON)
