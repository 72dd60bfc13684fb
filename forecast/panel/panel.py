"""`Panel`: labelled counts by province, tactic and period, with exposure and covariates."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr

from forecast import names
from forecast.dated import DatedEvent
from forecast.errors import InputError
from forecast.events.places import Gazetteer
from forecast.ledger import Ledger
from forecast.panel.cells import Cells
from forecast.panel.covariates import align_covariate
from forecast.panel.groups import province_keys
from forecast.panel.measured import PART_OF, measured_parts
from forecast.panel.netcdf import read_netcdf, write_netcdf
from forecast.panel.published import dataset_from_published, dataset_with_published, keep_reports
from forecast.panel.ready import dataset_from_counts
from forecast.panel.reports import PublishedTotals
from forecast.panel.validity import check_panel
from forecast.panel.zones import known_ends, told_ends

__all__ = ["Panel", "panel_hash"]


@dataclass(frozen=True, repr=False)
class Panel(Cells):
    """Counts of attacks on a complete grid, and what is known about each cell.

    Made by `build_panel` or `Panel.from_frame`; nothing changes one in place: its arrays are read-only and
    every method that changes something gives a new panel.

    Attributes
    ----------
    dataset : xarray.Dataset
        `attacks` (int64, attacks), `observed` (bool) and `exposure` (float) over (province, tactic, period), perhaps
        `coverage` (float, the share of attacks that could be recorded, or of the last periods is known so far) and
        `coverage_error` (of its log, over independent standard normal components too: none where it was stated);
        `force` (text, '' where there is none) over (province, period); `adjacency` (bool) over (province,
        neighbour); covariates by their own names. Coordinates of `province`: pcode, zone, province_name,
        country, latitude, longitude, and zone_end (datetime64[ns], the last day, NaT for none) where a zone ended; of
        `period` (datetime64[ns], the first day): period_end. The attribute `freq` is 'MS', or 'W-MON' to 'W-SUN', and
        `days` 1 where exposure holds the length of each period.
    ledger : Ledger
        What cleaning dropped or changed on the way here.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"province": "A", "tactic": "ied", "period": ["2020-01", "2020-02"], "attacks": [3, 5]})
    >>> fc.Panel.from_frame(table).attacks.values.ravel().tolist()
    [3.0, 5.0]
    """

    dataset: xr.Dataset
    ledger: Ledger = field(default_factory=Ledger)

    def __post_init__(self) -> None:
        self._freeze()
        check_panel(self.dataset)

    # New panels from it -------------------------------------------------------------------------------------

    def with_covariate(
        self,
        name: str,
        values: "xr.DataArray | pd.DataFrame | pd.Series[float]",
        *,
        covariance: xr.DataArray | None = None,
        half_life: Sequence[float] = (),
    ) -> "Panel":
        """Panel with a covariate of dims (period), (province, period), (force, period) or all of a cell's.

        Parameters
        ----------
        name : str
            Its name.
        values : DataArray, DataFrame or Series
            A labelled array; or a tidy table with a column `period` (or `date`, its first day), a column
            named like the covariate (or `value`) and any of `province`, `tactic`, `force`; or a series
            indexed by period.
        covariance : DataArray, optional
            Where the covariate is known with an error only: the error's covariance, over (force, period,
            other_period); `values` is then its mean, an array over (force, period). Models take it in the unit
            that it has, and carry the error (see `Covariate`).
        half_life : sequence of float
            Draws of the months after which half of its deviation from 0 is left, for `project()`.

        Raises
        ------
        InputError
            When labels of the panel are missing in it; the message names the missing periods. For what is no
            covariance.
        """
        dataset = self.dataset.assign({name: align_covariate(self.dataset, name, values)})
        if covariance is not None:
            if not isinstance(values, xr.DataArray):
                expected = "an array over (force, period)"
                raise InputError("needs a labelled mean", where=f"covariate {name}", expected=expected)
            dataset = dataset.assign(measured_parts(self.dataset, name, values, covariance, half_life))
        return replace(self, dataset=dataset)

    def with_published(
        self,
        table: "pd.DataFrame | PublishedTotals",
        *,
        gazetteer: Gazetteer | None = None,
        publishers: Mapping[str, str] | None = None,
        subset_of: Mapping[str, str] | None = None,
        conflicts: Literal["refuse", "drop"] = "refuse",
    ) -> "Panel":
        """Panel with published totals, and splits of them, beside its observed cells.

        The cells stay what they are, counts of events, and define what an attack is. A publisher counts by a definition
        of its own, so each of them has a factor that is learned where both are known. A cell that was not observed, and
        that no report mentions, is unknown.

        Parameters
        ----------
        table : PublishedTotals or DataFrame
            What `read_published` gave, or a table in its form. What is about tactics or periods that the panel does not
            have is left out, with a line in the ledger.
        gazetteer : Gazetteer, optional
            Gives the provinces and, where the panel has them, parts of those that zones share; as of `from_published`.
        publishers, subset_of, conflicts
            As of `read_published` and `facts_of`.

        Raises
        ------
        InputError
            For rows that are wrong, contradict each other or are about a unit that the panel does not have, for other
            periods than the panel's, and for a panel that holds published counts already.
        """
        dataset, ledger = dataset_with_published(
            self.dataset, table, gazetteer=gazetteer, publishers=publishers, subset_of=subset_of, conflicts=conflicts
        )
        return replace(self, dataset=dataset, ledger=self.ledger + ledger)

    def without_covariate(self, name: str) -> "Panel":
        """Panel without one of its covariates."""
        if name not in self.covariates:
            raise InputError("no such covariate", where=name, expected=self.covariates or "none")
        parts = [part for part, variable in self.dataset.variables.items() if variable.attrs.get(PART_OF) == name]
        return replace(self, dataset=self.dataset.drop_vars([name, *parts]))

    def between(self, start: str | pd.Timestamp | None = None, end: str | pd.Timestamp | None = None) -> "Panel":
        """Panel of the periods that lie wholly within the days `start` to `end` (inclusive, both optional).

        It does not know the ends of zones that lie after it.
        """
        keep = np.ones(len(self.periods), dtype=bool)
        if start is not None:
            keep &= self.dataset[names.PERIOD].values >= np.datetime64(pd.Timestamp(start))
        if end is not None:
            keep &= self.dataset[names.PERIOD_END].values <= np.datetime64(pd.Timestamp(end).normalize())
        if not keep.any():
            span = f"{self.periods[0]:%Y-%m-%d} to {self.origin:%Y-%m-%d}"
            raise InputError("no period of the panel lies in it", where=f"{start} to {end}", expected=f"within {span}")
        chosen = np.flatnonzero(keep)
        return self._cut(self.dataset.isel(period=slice(chosen[0], chosen[-1] + 1)))

    def select(
        self,
        *,
        provinces: Iterable[str] | None = None,
        tactics: Iterable[str] | None = None,
        start: str | pd.Timestamp | None = None,
        end: str | pd.Timestamp | None = None,
    ) -> "Panel":
        """Panel of the given provinces (keys, p-codes or names) and tactics, in that order, from `start` to `end`.

        Days are as in `between`.
        """
        if start is not None or end is not None:
            return self.between(start, end).select(provinces=provinces, tactics=tactics)
        dataset = self.dataset
        if provinces is not None:
            keys = province_keys(dataset, provinces)
            dataset = dataset.sel({names.PROVINCE: keys, names.NEIGHBOUR: keys})
        if tactics is not None:
            chosen = list(tactics)
            unknown = [tactic for tactic in chosen if tactic not in self.tactics]
            if unknown:
                raise InputError("unknown tactic", found=unknown, expected=self.tactics)
            dataset = dataset.sel({names.TACTIC: chosen})
        return self._cut(dataset)

    @property
    def settled(self) -> "Panel":
        """The panel up to its last period with outcomes: what follows is known in part only."""
        if names.COVERAGE_ERROR not in self.dataset:
            return self
        last = np.flatnonzero(self.outcomes.notnull().any((names.PROVINCE, names.TACTIC)).values)
        return self.between(end=self.dataset[names.PERIOD_END].values[last[-1]]) if last.size else self

    def without_ended(self) -> "Panel":
        """Panel without the provinces whose zone ended; an `InputError` where none is left."""
        gone = self.ended
        if gone.all():
            found, expected = told_ends(self.dataset), "a zone that goes on"
            raise InputError("all zones ended", source="panel", found=found, expected=expected)
        return self.select(provinces=np.array(self.provinces)[~gone].tolist()) if gone.any() else self

    def _cut(self, dataset: xr.Dataset) -> "Panel":
        """With some of its cells only, and what was published of these."""
        return replace(self, dataset=keep_reports(self.dataset, known_ends(dataset)))

    @classmethod
    def from_frame(
        cls,
        table: pd.DataFrame,
        *,
        freq: str = names.MONTHLY,
        missing: Literal["gap", "zero"] = "gap",
        gazetteer: Gazetteer | None = None,
        days: bool = True,
    ) -> "Panel":
        """Panel from ready counts: tidy columns province, tactic, period, attacks; perhaps country, exposure, coverage.

        Parameters
        ----------
        table : DataFrame
            One row per cell; `period` is any day in the period, or a month such as 2019-03 or May 2019. Columns are
            also found by common names (`month`, `events`, `governorate`, …; `forecast.events.plain.SYNONYMS`). An
            `attacks` that is empty or no number is a gap, as is a cell with no `exposure` where others have one.
            `coverage` is the share of attacks that could be recorded, 1 where it is empty; it ends with the data. Any
            other column is left out, with a line in the ledger: attach it by `with_covariate`.
        freq : {'MS', 'W', 'W-MON', …, 'W-SUN'}
            Calendar months; weeks that begin on the day on which the table's do; weeks that begin on that day.
        missing : {'gap', 'zero'}
            What a cell without a row is: not observed, or no attack.
        gazetteer : Gazetteer, optional
            Gives coordinates, neighbours and forces to the provinces whose keys it holds.
        days : bool
            As of `build_panel`; the table's own exposure is taken as it is.

        Raises
        ------
        InputError
            For missing columns, negative or fractional counts, rows of totals, and cells that stand there twice.
        """
        return cls(*dataset_from_counts(table, freq=freq, missing=missing, gazetteer=gazetteer, days=days))

    @classmethod
    def from_published(
        cls,
        table: "pd.DataFrame | PublishedTotals",
        *,
        freq: str = names.MONTHLY,
        tactics: Sequence[str] = (),
        gazetteer: Gazetteer | None = None,
        publishers: Mapping[str, str] | None = None,
        subset_of: Mapping[str, str] | None = None,
        conflicts: Literal["refuse", "drop"] = "refuse",
        zone_ends: Mapping[str, str | pd.Timestamp] | None = None,
        days: bool = True,
    ) -> "Panel":
        """Panel of which only published totals, and splits of them, are known.

        Its cells are the zones' parts of provinces (`SY09@northeast`) by tactic and period; none of them is observed,
        and `observations` holds what was published: see `facts_of`. A cell that nobody mentions is unknown, not 0.

        Parameters
        ----------
        table : PublishedTotals or DataFrame
            What `read_published` gave, or a table in its form.
        freq : {'MS', 'W'}
            As of `read_published`.
        tactics : sequence of str
            Tactics with cells of their own; all others are 'other'. By default tactics are not told apart, and rows of
            single tactics are left out, with a line in the ledger.
        gazetteer : Gazetteer, optional
            Gives the provinces, and the parts of those that zones share.
        publishers, subset_of, conflicts
            As of `read_published` and `facts_of`.
        zone_ends : mapping of str to day, optional
            The last day of zones that ceased to exist, the end of one of the panel's periods: {'central':
            '2024-11-30'}. Forecasts leave their provinces out.
        days : bool
            As of `build_panel`.

        Raises
        ------
        InputError
            For rows that are wrong or contradict each other, for a zone that is known by floors only, and for an end of
            an unknown zone, within a period, after the panel or before a report of the zone.
        """
        dataset, ledger = dataset_from_published(
            table,
            freq=freq,
            gazetteer=gazetteer,
            tactics=tactics,
            publishers=publishers,
            subset_of=subset_of,
            conflicts=conflicts,
            zone_ends=zone_ends,
            days=days,
        )
        return cls(dataset, ledger)

    # On disk ------------------------------------------------------------------------------------------------

    def save(self, path: str | Path) -> None:
        """Write the panel to one netCDF file, whole or not at all."""
        dataset = self.dataset.assign_attrs(ledger=self.ledger.to_json(), kind="forecast.Panel")
        write_netcdf(path, dataset)

    @classmethod
    def load(cls, path: str | Path) -> "Panel":
        """Read a panel that `save` wrote; an `InputError` names a file that is none or was cut short."""
        dataset = read_netcdf(path, "forecast.Panel")
        ledger = Ledger.from_json(dataset.attrs.pop("ledger"))
        dataset.attrs.pop("kind")
        return cls(dataset, ledger)

    # For people ---------------------------------------------------------------------------------------------

    def plot(self, *, events: Sequence[DatedEvent] = ()) -> Any:
        """Altair chart of the attacks per period, one line per tactic, summed over the provinces; marks `events`."""
        from forecast.plots import alt, event_layers

        frame = self.attacks.sum(names.PROVINCE, min_count=1).to_series().reset_index(name=names.ATTACKS)
        lines = alt.Chart(frame).mark_line()
        lines = lines.encode(x="period:T", y="attacks:Q", color="tactic:N", tooltip=["tactic", "period:T", "attacks"])
        chart = alt.layer(lines, *event_layers(events, self.periods[0], self.origin))
        return chart.properties(width=640, height=240, title="SIMULATED DATA" if self.simulated else "")

    def __repr__(self) -> str:
        lines = [
            f"Panel{' of SIMULATED data' if self.simulated else ''}: {self._sizes}",
            f"  {self.periods[0]:%Y-%m-%d} to {self.origin:%Y-%m-%d}",
            *(f"  {told}" for told in self._told),
            f"  tactics: {', '.join(self.tactics)}",
        ]
        if self.covariates:
            lines.append(f"  covariates: {', '.join(self.covariates)}")
        if self.ended.any():
            lines.append(f"  zones that ended: {told_ends(self.dataset)}")
        return "\n".join([*lines, *self._notes])

    @property
    def _told(self) -> list[str]:
        """What is known of the cells, as lines."""
        attacks, observations, told = self.attacks, self.observations, []
        if not observations.is_published or attacks.notnull().any():
            told.append(
                f"{int(attacks.sum()):,} attacks, {float((attacks == 0).mean()):.0%} of cells zero, "
                f"{int(attacks.isnull().sum()):,} of {attacks.size:,} cells not observed"
            )
        if observations.is_published:
            kinds = observations.table.loc[observations.table[names.PUBLISHER] != "", "kind"].value_counts()
            split = ", ".join(f"{kinds.get(kind, 0):,} {kind}s" for kind in ("total", "part", "subset"))
            told.append(f"{kinds.sum():,} published counts over sets of cells: {split}")
        return told

    def _repr_html_(self) -> str:
        from html import escape

        sums = (
            self.attacks.sum(names.PERIOD)
            .drop_vars(names.PROVINCE)
            .assign_coords({names.PROVINCE: self.dataset[names.PROVINCE_NAME].values})
        )
        table = sums.to_series().unstack().assign(all=lambda t: t.sum(axis=1))
        table = table.sort_values("all", ascending=False).astype(int).head(10)
        return f"<pre>{escape(repr(self))}</pre>{table.to_html(escape=True)}"


def panel_hash(panel: Panel) -> str:
    """SHA-256 of a panel's labels and values, in hexadecimal."""
    digest = hashlib.sha256(panel.freq.encode())
    dataset = panel.dataset
    for name in sorted(str(key) for key in dataset.variables):
        values = dataset[name].values
        if values.dtype.kind in "OUT":
            content = json.dumps(values.astype(str).tolist()).encode()
        else:
            if values.dtype.kind == "M":
                values = values.astype("datetime64[ns]")
            content = np.ascontiguousarray(values).tobytes()
        digest.update(f"{name}{dataset[name].dims}{values.shape}".encode())
        digest.update(content)
    return digest.hexdigest()
