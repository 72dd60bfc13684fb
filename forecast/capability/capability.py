"""`Capability`: the latent path of each force, as its indicators tell it, and how sure they are."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from forecast import names
from forecast.capability.indicators import Indicators
from forecast.capability.measurement import Measurement, on_working_scale
from forecast.capability.posterior import posterior
from forecast.dated import DatedEvent
from forecast.errors import InputError
from forecast.panel.calendar import normalise_freq, period_end, period_start, periods_per_year
from forecast.panel.netcdf import read_netcdf, write_netcdf
from forecast.panel.panel import Panel

__all__ = ["Capability", "CapabilitySource", "measure_capability"]

_KIND = "forecast.Capability"
# What an error of at most so many SDs is called.
_SAID = (0.4, "much"), (0.7, "something"), (0.9, "little"), (np.inf, "hardly anything")
_PATH, _LOADING, _HALF_LIFE, _NOISE, _LEVELS = "path", "loading", "half_life", "noise", (0.05, 0.5, 0.95)


@dataclass(frozen=True, repr=False)
class Capability:
    """Latent capability per force and period, drawn given the indicators; made by `measure_capability`.

    Attributes
    ----------
    dataset : xarray.Dataset
        `path` over (sample, force, period): capability in its own stationary SDs, mean 0; `loading` over (sample,
        force, indicator), signed by direction: SDs of an indicator (within forces), or of the probit of an ordinal one,
        per SD of capability; `noise` over (sample, indicator), in the same unit; `half_life` over (sample), months.
        Attributes, all text: freq, seed, prior (JSON), simulated.
    indicators : Indicators
        What it was measured by, as known then.
    """

    dataset: xr.Dataset
    indicators: Indicators

    @property
    def forces(self) -> list[str]:
        """The forces, in order."""
        return [str(force) for force in self.dataset[names.FORCE].values]

    @property
    def periods(self) -> pd.DatetimeIndex:
        """First days of the periods."""
        return pd.DatetimeIndex(self.dataset[names.PERIOD].values, name=names.PERIOD)

    @property
    def mean(self) -> xr.DataArray:
        """Mean of the path, dims (force, period)."""
        return self.dataset[_PATH].mean(names.SAMPLE)

    @property
    def sd(self) -> xr.DataArray:
        """Its standard deviation, dims (force, period); 1 where the indicators say nothing."""
        return self.dataset[_PATH].std(names.SAMPLE, ddof=1)

    @property
    def covariance(self) -> xr.DataArray:
        """Covariance of the path between periods, dims (force, period, other_period)."""
        away = self.dataset[_PATH] - self.mean
        product: xr.DataArray = xr.dot(away, away.rename({names.PERIOD: "other_period"}), dim=names.SAMPLE)
        return product / (self.dataset.sizes[names.SAMPLE] - 1)

    @property
    def loadings(self) -> pd.DataFrame:
        """One row per force and indicator: loading (median) with 90 % bounds, and the share of the indicator's variance
        that capability stands behind."""
        rows = []
        noise = self.dataset[_NOISE].fillna(1.0)
        for force in self.forces:
            for indicator in self.dataset[names.INDICATOR].values:
                drawn = self.dataset[_LOADING].sel(force=force, indicator=indicator).values
                if np.isnan(drawn).all():
                    continue
                behind = drawn**2 / (drawn**2 + noise.sel(indicator=indicator).values ** 2)
                lower, middle, upper = np.quantile(drawn, _LEVELS)
                rows.append((force, str(indicator), middle, lower, upper, float(np.median(behind))))
        columns = [names.FORCE, names.INDICATOR, "loading", "lower", "upper", "reliability"]
        return pd.DataFrame(rows, columns=columns)

    def attach(self, panel: Panel, name: str = "capability") -> Panel:
        """The panel with capability as a covariate that is known with error, for `Covariate("capability")`.

        Each province has the capability of its force in each period; one without a partner force has none.

        Parameters
        ----------
        panel : Panel
            Its periods lie within those of the paths.
        name : str
            Of the covariate.

        Raises
        ------
        InputError
            Where a period, or a force of the panel, has no path.
        """
        if panel.freq != self.dataset.attrs["freq"]:
            found, expected = self.dataset.attrs["freq"], panel.freq
            hint = "Give `measure_capability` the panel's freq"
            raise InputError("has other periods than the panel", where=name, found=found, expected=expected, hint=hint)
        half_life = self.dataset[_HALF_LIFE].values.tolist()
        mean = self.mean.drop_vars(names.PERIOD_END)
        return panel.with_covariate(name, mean, covariance=self.covariance, half_life=half_life)

    def to_frame(self) -> pd.DataFrame:
        """One row per force and period: mean, sd, and the bounds of 90 %."""
        bounds = self.dataset[_PATH].quantile(_LEVELS, names.SAMPLE)
        lower, upper = (bounds.isel(quantile=end, drop=True) for end in (0, -1))
        parts = {"mean": self.mean, "sd": self.sd, "lower": lower, "upper": upper}
        return xr.Dataset(parts).drop_vars(names.PERIOD_END).to_dataframe().reset_index()

    def save(self, path: str | Path) -> None:
        """Write to one netCDF file."""
        table = self.indicators.to_frame()
        for name in ("period_start", names.PERIOD_END, "reported"):
            table[name] = table[name].dt.strftime("%Y-%m-%d")
        attrs = {"indicators": table.to_json(orient="records"), "kind": _KIND}
        write_netcdf(path, self.dataset.assign_attrs(attrs))

    @classmethod
    def load(cls, path: str | Path) -> "Capability":
        """Read what `save` wrote.

        Raises
        ------
        InputError
            When there is no such file, or it is damaged or holds something else.
        """
        dataset = read_netcdf(path, _KIND)
        dataset.attrs.pop("kind")
        table = pd.DataFrame(json.loads(dataset.attrs.pop("indicators")))
        indicators = Indicators.from_frame(table, simulated=dataset.attrs["simulated"] == "True")
        return cls(dataset, indicators)

    def indicator_values(self) -> pd.DataFrame:
        """The values behind the paths, each in SDs of its indicator within the force and signed by its direction.

        Columns: force, indicator, period (the middle of what a value covers), value.
        """
        table = self.indicators.table[self.indicators.table["direction"] != 0]
        table = on_working_scale(table.assign(**_covered(table, self.periods, self.dataset.attrs["freq"])), "scored")
        start, end = table["period_start"], table[names.PERIOD_END]
        columns = {
            names.FORCE: table[names.FORCE].to_numpy(str),
            names.INDICATOR: table[names.INDICATOR].str.replace("_", " ").to_numpy(str),
            names.PERIOD: (start + (end - start) / 2).dt.normalize().to_numpy(),
            names.VALUE: (table["working"] * table["direction"]).to_numpy(float),
        }
        return pd.DataFrame(columns)

    def plot_force(self, force: str, *, events: Sequence[DatedEvent] = (), labels: Sequence[str] = ()) -> Any:
        """Altair chart: a force's path with its 90 % band, and the indicators behind it.

        It marks dated `events`, with their names or `labels` in the order of their days.
        """
        from forecast.plots import alt, event_layers

        paths, values = self.to_frame(), self.indicator_values()
        base = alt.Chart(paths[paths[names.FORCE] == force]).encode(x=alt.X("period:T", title=None))
        band = base.mark_area(opacity=0.25).encode(y=alt.Y("lower:Q", title="SDs"), y2="upper:Q")
        points = alt.Chart(values[values[names.FORCE] == force]).mark_point(size=14, filled=True, opacity=0.6)
        points = points.encode(x="period:T", y="value:Q", color=alt.Color("indicator:N", title=None))
        last = pd.Timestamp(self.dataset[names.PERIOD_END].values[-1])
        marks = event_layers(events, self.periods[0], last, labels)
        return alt.layer(band, points, base.mark_line().encode(y="mean:Q"), *marks).properties(title=force)

    def plot(self, *, events: Sequence[DatedEvent] = ()) -> Any:
        """Altair chart: each force's path with its 90 % band, the indicators behind it, and dated `events`."""
        from forecast.plots import alt

        charts = [self.plot_force(force, events=events).properties(width=640, height=140) for force in self.forces]
        return alt.vconcat(*charts, title="SIMULATED DATA" if self.indicators.simulated else "")

    def __repr__(self) -> str:
        span = f"{self.periods[0]:%Y-%m-%d} to {self.periods[-1]:%Y-%m-%d}"
        label = " of SIMULATED data" if self.indicators.simulated else ""
        lines = [f"Capability{label}: {', '.join(self.forces)}, {span}"]
        for force, spread in zip(self.forces, self.sd.mean(names.PERIOD).values, strict=True):
            said = next(text for most, text in _SAID if spread <= most)
            lines.append(f"  {force}: error {spread:.2f} SDs on average: the indicators say {said}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from html import escape

        return f"<p>{escape(repr(self))}</p>{self.loadings.to_html(escape=True, index=False)}"


def _covered(table: pd.DataFrame, periods: pd.DatetimeIndex, freq: str) -> dict[str, Any]:
    """Numbers of the first and the last period that each value covers."""
    columns = (("first", "period_start"), ("last", names.PERIOD_END))
    return {name: periods.get_indexer(period_start(pd.DatetimeIndex(table[column]), freq)) for name, column in columns}


@dataclass(frozen=True)
class CapabilitySource:
    """Indicators that a `PanelSource` measures anew for each panel, as they were known then.

    Attributes
    ----------
    indicators : Indicators
        All of them, with `reported` where it is known.
    prior : Measurement
        What is believed beforehand.
    draws, seed : int
        As of `measure_capability`.
    """

    indicators: Indicators
    prior: Measurement = Measurement()
    draws: int = 500
    seed: int = 0
    _measured: dict[tuple[Any, ...], Capability] = field(default_factory=dict, init=False, repr=False, compare=False)

    def attach(self, panel: Panel, name: str, origin: str | pd.Timestamp | None) -> Panel:
        """The panel with capability as known at the end of the day `origin`; without one, by all that is known."""
        return self.measured(panel, origin).attach(panel, name)

    def measured(self, panel: Panel, origin: str | pd.Timestamp | None = None) -> Capability:
        """The capability itself, over the panel's periods and those of the indicators; measured once."""
        key = panel.freq, panel.periods[0], panel.origin, origin
        if key not in self._measured:
            self._measured[key] = measure_capability(
                self.indicators,
                prior=self.prior,
                freq=panel.freq,
                start=panel.periods[0],
                end=panel.origin,
                known=origin,
                draws=self.draws,
                seed=self.seed,
            )
        return self._measured[key]


def measure_capability(
    indicators: Indicators,
    *,
    prior: Measurement = Measurement(),
    freq: str = names.MONTHLY,
    start: str | pd.Timestamp | None = None,
    end: str | pd.Timestamp | None = None,
    known: str | pd.Timestamp | None = None,
    draws: int = 500,
    seed: int,
) -> Capability:
    """Draw the capability of each force given its indicators.

    Parameters
    ----------
    indicators : Indicators
        Those without a direction are not used.
    prior : Measurement
        What is believed beforehand.
    freq : {'MS', 'W'}
        Calendar months, or weeks from Monday to Sunday.
    start, end : str or Timestamp, optional
        Days in the first and last period of the paths; by default, those of the indicators. Periods without any value
        are drawn from the path's own dynamics.
    known : str or Timestamp, optional
        Only values that were known on this day.
    draws, seed : int
        How many, and the seed: the same seed gives the same draws.

    Raises
    ------
    InputError
        Where no indicator has a direction, or none was known, and for an `end` before the `start`.

    Notes
    -----
    See `forecast.capability.measurement`. The draws hold the uncertainty of the parameters: these are drawn from the
    normal density at their mode, and taken by importance weights.
    """
    freq = normalise_freq(freq)
    if draws < 2:
        raise InputError("is a whole number from 2", where="draws", found=draws)
    if seed < 0:
        raise InputError("is a whole number from 0", where="seed", found=seed)
    seen = indicators.known(known)
    table = seen.table[seen.table["direction"] != 0]
    if table.empty:
        hint = "Give directions with `Indicators.with_direction`"
        raise InputError("no indicator with a direction is known", where="indicators", found=seen.indicators, hint=hint)
    days = [table["period_start"].min(), table[names.PERIOD_END].max()]
    days += [pd.Timestamp(day) for day in (start, end) if day is not None]
    if start is not None and end is not None and pd.Timestamp(end) < pd.Timestamp(start):
        raise InputError("lies before the start", where="end", found=end, expected=f"from {start} on")
    first, last = period_start(pd.DatetimeIndex([min(days), max(days)]), freq)
    periods = pd.date_range(first, last, freq=freq).as_unit("ns")
    working = on_working_scale(table.assign(**_covered(table, periods, freq)), prior.ordinal)
    rng = np.random.default_rng(seed)
    sampled = posterior(working, len(periods), 12 / periods_per_year(freq), prior, draws, rng)
    forces, used = (sorted(table[name].unique()) for name in (names.FORCE, names.INDICATOR))
    dataset = xr.Dataset(
        {
            _PATH: ((names.SAMPLE, names.FORCE, names.PERIOD), sampled.paths),
            _LOADING: ((names.SAMPLE, names.FORCE, names.INDICATOR), sampled.loading),
            _NOISE: ((names.SAMPLE, names.INDICATOR), sampled.noise),
            _HALF_LIFE: (names.SAMPLE, sampled.half_life),
        },
        {
            names.FORCE: forces,
            names.INDICATOR: used,
            names.PERIOD: periods,
            names.PERIOD_END: (names.PERIOD, period_end(periods, freq)),
        },
        {"freq": freq, "seed": str(seed), "prior": json.dumps(asdict(prior)), "simulated": str(seen.simulated)},
    )
    return Capability(dataset, seen)
