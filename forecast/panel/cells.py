"""What is known of the cells of a panel: counts and what they stand for, covariates, observations over sets of them."""

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from forecast import names
from forecast.errors import InputError
from forecast.panel.calendar import CALENDAR_COVARIATES, period_lengths, period_range
from forecast.panel.groups import sum_over
from forecast.panel.labels import Labelled
from forecast.panel.measured import PART_OF, Measured, measured_of
from forecast.panel.observations import Observations, observations_of_cells
from forecast.panel.published import report_observations
from forecast.panel.zones import ended

__all__ = ["Cells"]

# Coverage from which a count is what happened.
_OUTCOME = 0.9


class Cells(Labelled):
    """A dataset of counts over (province, tactic, period), with exposure, coverage and covariates."""

    @property
    def origin(self) -> pd.Timestamp:
        """Last day of the last period: what came later is not in the panel."""
        return pd.Timestamp(self.dataset[names.PERIOD_END].values[-1])

    @property
    def attacks(self) -> xr.DataArray:
        """Counts over (province, tactic, period), NaN where a cell was not observed (float64, attacks)."""
        return self.dataset[names.ATTACKS].where(self.dataset[names.OBSERVED])

    @property
    def completed(self) -> xr.DataArray:
        """Counts divided by their coverage (float64, attacks): about as many as there were.

        They are whole numbers, and what rounding adds to a period is taken from a later one of its series: its sums are
        off by one attack at most, however few there are in a period.
        """
        if names.COVERAGE not in self.dataset:
            return self.attacks
        sums = ((self.attacks / self.dataset[names.COVERAGE]).fillna(0.0).cumsum(names.PERIOD) + 0.5) // 1
        whole = sums - sums.shift({names.PERIOD: 1}, fill_value=0.0)
        return whole.where(self.dataset[names.OBSERVED]).rename(names.ATTACKS)

    @property
    def known_share(self) -> xr.DataArray:
        """Share of each cell's records that have come in: its coverage, but for what will never be recorded there.

        That is what has no province or tactic, and what a break of collection leaves out.
        """
        whole = xr.ones_like(self.dataset[names.EXPOSURE])
        never = whole
        for name in names.SHARES:
            never = never * self.dataset.get(name, whole)
        return self.dataset.get(names.COVERAGE, whole) / never

    @property
    def outcomes(self) -> xr.DataArray:
        """Counts that forecasts are held against: NaN too where records are coming in and less than nine tenths known.

        They are what is recorded: of a forecast a share counts that is the coverage.
        """
        if names.COVERAGE_ERROR not in self.dataset:
            return self.attacks
        return self.attacks.where(self.known_share >= _OUTCOME)

    @property
    def rates(self) -> xr.DataArray:
        """Counts per recorded exposure over (province, tactic, period), NaN where a cell was not observed."""
        return self.attacks / self.recorded_exposure

    @property
    def recorded_exposure(self) -> xr.DataArray:
        """Exposure times coverage over (province, tactic, period): expected counts are in proportion to it."""
        exposure = self.dataset[names.EXPOSURE]
        return exposure * self.dataset[names.COVERAGE] if names.COVERAGE in self.dataset else exposure

    def exposure_ahead(self, horizon: int, start: int | None = None) -> npt.NDArray[np.float64]:
        """Exposure of the periods that follow, over (province, tactic, period): that of the last, by its own days.

        Coverage ends with the data: a forecast is of what would be recorded if all attacks could be.

        Parameters
        ----------
        horizon : int
            How many periods.
        start : int, optional
            Position of the first of them, where that is not the one after the panel.
        """
        before = (len(self.periods) if start is None else start) - 1
        last = self.dataset[names.EXPOSURE].values[..., before, None]
        if not self.dataset.attrs.get("days"):
            return np.repeat(last, horizon, axis=-1)
        lengths = period_lengths(period_range(self.periods[before], horizon + 1, self.freq), self.freq)
        return np.asarray(last / lengths[0] * lengths[1:])

    @property
    def covariates(self) -> list[str]:
        """Names of the covariates that were attached; those of the calendar are not among them."""
        return [
            str(name)
            for name, variable in self.dataset.data_vars.items()
            if name not in names.PANEL_VARIABLES and PART_OF not in variable.attrs
        ]

    @property
    def ended(self) -> npt.NDArray[np.bool_]:
        """Of each province, whether its zone ended; forecasts leave these out."""
        return ended(self.dataset)

    @cached_property
    def observations(self) -> Observations:
        """The observations layer: one exact count per observed cell, and what was published over the cells."""
        published = report_observations(self.dataset)
        if published is not None:
            return published
        return observations_of_cells(self.dataset[names.ATTACKS], self.dataset[names.OBSERVED])

    def covariate(self, name: str) -> xr.DataArray:
        """A covariate on the panel's cells: dims (province, tactic, period), NaN where it does not apply.

        One of the panel's own, or else one that the calendar gives to every panel: 'ramadan', the share of a period's
        days in Ramadan. A covariate by force became, when it was attached, that of each province's force in each
        period.
        """
        if name in self.covariates:
            values = self.dataset[name]
        elif name in CALENDAR_COVARIATES:
            share = CALENDAR_COVARIATES[name](self.periods, self.freq)
            values = xr.DataArray(share, {names.PERIOD: self.dataset[names.PERIOD]}, (names.PERIOD,), name)
        else:
            expected, hint = [*self.covariates, *CALENDAR_COVARIATES], "Attach it by Panel.with_covariate"
            raise InputError("no such covariate", where=name, expected=expected, hint=hint)
        return values.broadcast_like(self.dataset[names.ATTACKS]).transpose(*names.CELL_DIMS)

    def measured(self, name: str) -> Measured | None:
        """The mean and the error of a covariate that was attached with its covariance; None for any other."""
        return measured_of(self.dataset, name)

    # As tables and sums -------------------------------------------------------------------------------------

    def aggregate(self, by: str | Mapping[str, Sequence[str]]) -> xr.DataArray:
        """Sums of attacks over groups of provinces; see `forecast.panel.groups.sum_over`.

        Returns
        -------
        DataArray
            Dims (group, tactic, period), NaN where any cell of a group was not observed.
        """
        return sum_over(self.attacks, by)

    def to_frame(self) -> pd.DataFrame:
        """Tidy table, one row per cell: province, province_name, country, tactic, period, attacks (NaN for a
        gap), observed, exposure, coverage where it is known, force and the covariates."""
        columns = [names.ATTACKS, names.OBSERVED, names.EXPOSURE]
        columns += [names.COVERAGE] if names.COVERAGE in self.dataset else []
        cells = self.dataset[columns].assign({names.ATTACKS: self.attacks})
        cells = cells.assign({name: self.covariate(name) for name in self.covariates})
        cells = cells.assign({names.FORCE: self.dataset[names.FORCE].broadcast_like(self.dataset[names.ATTACKS])})
        frame = cells.transpose(*names.CELL_DIMS).to_dataframe().reset_index()
        labels = [names.PROVINCE, names.PROVINCE_NAME, names.COUNTRY, names.TACTIC, names.PERIOD]
        return frame[[*labels, *columns, names.FORCE, *self.covariates]]

    def summary(self) -> pd.DataFrame:
        """One row per province and tactic: attacks in all, mean per period, share of zeros, gaps."""
        attacks = self.attacks
        table = xr.Dataset(
            {
                names.ATTACKS: attacks.sum(names.PERIOD),
                "mean": attacks.mean(names.PERIOD),
                "zeros": (attacks == 0).sum(names.PERIOD) / attacks.notnull().sum(names.PERIOD),
                "gaps": attacks.isnull().sum(names.PERIOD),
            }
        )
        return table.to_dataframe().reset_index()[[names.PROVINCE, names.PROVINCE_NAME, names.TACTIC, *table]]
