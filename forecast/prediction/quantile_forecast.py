"""`QuantileForecast`: forecasts of others that come as quantiles of single cells, which cannot be summed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from forecast import names
from forecast.dated import DatedEvent
from forecast.errors import InputError
from forecast.panel.panel import Panel
from forecast.prediction.arrays import Ahead, check_labels, check_levels, labels_after
from forecast.prediction.draws import Forecast
from forecast.prediction.exports import HUB_LEVELS, checked_series, draw_fan, events_of, interval_columns
from forecast.prediction.imports import hub_quantiles

if TYPE_CHECKING:
    import altair as alt

__all__ = ["QuantileForecast"]

_DIMS = (names.QUANTILE, *names.CELL_DIMS)
# Levels are told apart up to rounding: 0.95 and 1 - 0.05 are one.
_DIGITS = 9


@dataclass(frozen=True, repr=False)
class QuantileForecast(Ahead):
    """Quantiles of the counts of provinces and tactics in the periods after the data, each cell for itself.

    How cells depend on each other is not known, so that nothing can be said of their sums: `aggregate` refuses.
    `quantile_scores` scores it, beside forecasts of joint draws at the same levels.

    Attributes
    ----------
    dataset : xarray.Dataset
        `quantiles` (float, attacks) over (quantile, province, tactic, period), rising with the level, and `history` as
        in `Forecast`. Attributes, all text: freq, origin, model, provenance.

    Examples
    --------
    >>> panel = fc.simulate_panel(4, 2, 36, seed=1).panel
    >>> forecast = fc.predict(fc.fit(fc.RecentMean(), panel.between(end="2017-09-30"), seed=1), 3, seed=1)
    >>> told = fc.QuantileForecast.of(forecast)
    >>> len(fc.quantile_scores(told, panel))
    24
    """

    dataset: xr.Dataset

    def __post_init__(self) -> None:
        self._freeze()
        quantiles = self.dataset.get(names.QUANTILES)
        if quantiles is None or quantiles.dims != _DIMS or not quantiles.size:
            raise InputError("needs numbers over (quantile, province, tactic, period)", where=names.QUANTILES)
        check_levels(self.levels, names.QUANTILE)
        falling = (np.diff(quantiles.values, axis=0) < 0).any() or (np.diff(self.levels) <= 0).any()
        if falling or not quantiles.values.min() >= 0:
            raise InputError("quantiles rise with their level, from 0", where=names.QUANTILES)
        if names.HISTORY not in self.dataset:
            raise InputError("a forecast needs its history", where=names.HISTORY)
        check_labels(self.dataset)

    @classmethod
    def from_quantiles(
        cls, panel: Panel, quantiles: npt.NDArray[np.float64], levels: Sequence[float], *, model: str
    ) -> "QuantileForecast":
        """Label quantiles of the periods that follow a panel.

        Parameters
        ----------
        panel : Panel
            The data up to the origin. Provinces whose zone ended are not forecast.
        quantiles : array
            Attacks; shape (quantile, province, tactic, period), in the panel's order.
        levels : sequence of float
            Between 0 and 1, ascending.
        model : str
            The model's name in tables.

        Raises
        ------
        InputError
            For levels outside 0 to 1, and for quantiles that fall with their level or lie below 0.
        """
        panel = panel.without_ended()
        values = np.asarray(quantiles, dtype=float)
        expected = (len(levels), len(panel.provinces), len(panel.tactics))
        if values.ndim != len(_DIMS) or values.shape[:-1] != expected:
            raise InputError("have another shape", where=names.QUANTILES, found=values.shape, expected=expected)
        labelled = labels_after(panel, values.shape[-1]).assign_coords({names.QUANTILE: list(levels)})
        attrs = {names.MODEL: model, "provenance": json.dumps(panel.provenance, ensure_ascii=False)}
        return cls(labelled.assign({names.QUANTILES: (_DIMS, values)}).assign_attrs(attrs))

    @classmethod
    def from_hub(
        cls, table: pd.DataFrame, panel: Panel, *, model: str, target: str = names.ATTACKS
    ) -> "QuantileForecast":
        """Anybody's quantiles in the hubverse's columns.

        Parameters
        ----------
        table : DataFrame
            What `Forecast.to_hub` describes; rows of other output types are left out.
        panel : Panel
            The data up to the origin: the periods are those that follow it.
        model : str
            The model's name in tables.
        target : str
            Which target, where the table names some.

        Raises
        ------
        InputError
            For missing columns or cells, for periods, locations or tactics that are not those of the panel, and for
            a table without quantiles.
        """
        levels, values = hub_quantiles(table, panel.without_ended(), target)
        return cls.from_quantiles(panel, values, [float(level) for level in levels], model=model)

    @classmethod
    def of(cls, forecast: Forecast, levels: Sequence[float] = HUB_LEVELS) -> "QuantileForecast":
        """What is left of a forecast of joint draws when only quantiles of its cells are told.

        Parameters
        ----------
        forecast : Forecast
            Of cells or of sums.
        levels : sequence of float
            Those that forecast hubs ask for by default.
        """
        kept = forecast.dataset.drop_dims(names.SAMPLE).drop_vars(names.PHI, errors="ignore")
        attrs = {name: text for name, text in kept.attrs.items() if name not in ("family", "seed")}
        quantiles = forecast.quantiles(levels).astype(float).drop_attrs()
        return cls(xr.Dataset(kept.data_vars, kept.coords, attrs).assign({names.QUANTILES: quantiles}))

    @property
    def levels(self) -> list[float]:
        """Levels of the quantiles, ascending."""
        return [float(level) for level in self.dataset[names.QUANTILE].values]

    @property
    def intervals(self) -> list[float]:
        """Levels of the central intervals whose both ends are among the quantiles, ascending: 0.9 for 5 and 95 %."""
        known = {round(level, _DIGITS) for level in self.levels}
        lower = [level for level in self.levels if level < 0.5 and round(1 - level, _DIGITS) in known]
        return sorted(round(1 - 2 * level, _DIGITS) for level in lower)

    def quantile(self, level: float) -> xr.DataArray:
        """The quantile of a level (float, attacks), dims (province, tactic, period).

        Raises
        ------
        InputError
            Where the forecast does not hold it: nothing is made up between two others.
        """
        rows = [row for row, known in enumerate(self.levels) if round(known - level, _DIGITS) == 0]
        if not rows:
            raise InputError("is not among the quantiles", where="level", found=level, expected=self.levels)
        return self.dataset[names.QUANTILES].isel({names.QUANTILE: rows[0]}, drop=True)

    def median(self) -> xr.DataArray:
        """The point forecast, dims (province, tactic, period)."""
        return self.quantile(0.5).rename("median")

    def interval(self, level: float = 0.9) -> xr.Dataset:
        """The central interval: `lower` and `upper`, dims (province, tactic, period)."""
        (level,) = check_levels([level], "level")
        if round(level, _DIGITS) not in self.intervals:
            raise InputError("is no interval of its quantiles", where="level", found=level, expected=self.intervals)
        return xr.Dataset({"lower": self.quantile((1 - level) / 2), "upper": self.quantile((1 + level) / 2)})

    def aggregate(self, by: str | Mapping[str, Sequence[str]] | None = None, tactics: bool = False) -> NoReturn:
        """Nothing: quantiles of single cells do not say how their sums are distributed.

        Raises
        ------
        InputError
            Always.
        """
        raise InputError(
            "quantiles of single cells cannot be summed: they do not say how cells rise and fall together",
            found=f"a QuantileForecast of {self.model}",
            hint="Ask for joint samples (output_type 'sample'), which Forecast.from_hub reads",
        )

    def to_frame(self, levels: Sequence[float] | None = None) -> pd.DataFrame:
        """Tidy table, one row per province, tactic and period.

        Parameters
        ----------
        levels : sequence of float, optional
            Of central intervals; all that its quantiles have by default.

        Returns
        -------
        DataFrame
            province, province_name, country, tactic, period, horizon, median (where it is known), and for each level
            the bounds of the central interval, `lower_90` and `upper_90` for 0.9.
        """
        chosen = self.intervals if levels is None else check_levels(levels, "levels")
        table = xr.Dataset({"median": self.median()} if 0.5 in self.levels else {}, self.dataset.coords)
        for level in chosen:
            bounds = self.interval(level)
            for column, side in zip(interval_columns([level]), ("lower", "upper"), strict=True):
                table[column] = bounds[side]
        columns = [str(name) for name in table.data_vars]
        frame = table.drop_dims([names.QUANTILE, names.HISTORY_PERIOD]).transpose(*names.CELL_DIMS)
        rows = frame.to_dataframe().reset_index()
        labels = [names.PROVINCE, names.PROVINCE_NAME, names.COUNTRY, names.TACTIC, names.PERIOD, names.HORIZON]
        return rows[[*labels, *columns]]

    def plot(
        self, province: str | None = None, tactic: str | None = None, *, events: Sequence[DatedEvent] = ()
    ) -> "alt.LayerChart":
        """Altair fan chart of one series; neither may be left out where there are several, for nothing is summed.

        It marks dated `events` of the province.
        """
        for name, given, known in (
            (names.PROVINCE, province, self.provinces),
            (names.TACTIC, tactic, self.tactics),
        ):
            if given is None and len(known) > 1:
                raise InputError("is needed: quantiles cannot be summed", where=name, expected=f"one of {known[:5]}")
        province, tactic = checked_series(self.dataset, province, tactic)
        series = {names.PROVINCE: province or self.provinces[0], names.TACTIC: tactic or self.tactics[0]}
        shown = [level for level in (0.5, 0.8, 0.9) if level in self.intervals] or self.intervals[-1:]
        marked = events_of(self.dataset, events, series[names.PROVINCE])
        return draw_fan(self.dataset, self.to_frame(shown), series, shown, marked)

    def __repr__(self) -> str:
        lines = [
            f"QuantileForecast{' from SIMULATED data' if self.simulated else ''} by {self.model}: {self._sizes}",
            f"  data to {self.origin:%Y-%m-%d}; periods from {self.periods[0]:%Y-%m-%d} on",
            f"  {len(self.levels)} quantiles of each cell, {self.levels[0]:g} to {self.levels[-1]:g}; no sums",
        ]
        return "\n".join([*lines, *self._notes])

    def _repr_html_(self) -> str:
        from html import escape

        top = self.to_frame(self.intervals[-1:]).head(10)
        return f"<pre>{escape(repr(self))}</pre>{top.to_html(escape=True, index=False, float_format='{:.2f}'.format)}"
