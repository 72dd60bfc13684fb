"""Zones that ended: the last day of each, kept with the provinces that lie in it."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from forecast import names
from forecast.errors import InputError
from forecast.panel.calendar import parse_days, period_end, period_start, unit_name
from forecast.panel.columns import refuse_cells

__all__ = ["ended", "known_ends", "told_ends", "with_zone_ends"]


def with_zone_ends(dataset: xr.Dataset, ends: Mapping[str, str | pd.Timestamp], reports: pd.DataFrame) -> xr.Dataset:
    """A panel's dataset with the last day of zones as the coordinate `zone_end` of province, NaT where there is none.

    Parameters
    ----------
    dataset : Dataset
        Of a panel; its coordinate `zone` names the zone of each province.
    ends : mapping of str to day
        The last day of each zone that ended.
    reports : DataFrame
        The published counts that the panel is made of.

    Raises
    ------
    InputError
        For an unknown zone, a day that is not the last one of a period or lies after the panel, and a published count
        of a zone that reaches beyond its end.
    """
    if not ends:
        return dataset
    days = {zone: _checked(dataset, zone, given) for zone, given in ends.items()}
    for zone, day in days.items():
        late = (reports[names.ZONE] == zone) & (reports[names.PERIOD_END] > day)
        expected = f"up to {day:%Y-%m-%d}, the end of the zone {zone}"
        refuse_cells(reports.astype({names.PERIOD_END: str}), "reports", names.PERIOD_END, late, expected)
    values = pd.Series(dataset[names.ZONE].values).map(days).astype("datetime64[ns]")
    return dataset.assign_coords({names.ZONE_END: (names.PROVINCE, values.to_numpy())})


def ended(dataset: xr.Dataset) -> npt.NDArray[np.bool_]:
    """Of each province of a panel, whether its zone ended."""
    if names.ZONE_END not in dataset.coords:
        return np.zeros(dataset.sizes[names.PROVINCE], dtype=bool)
    return np.asarray(~np.isnat(dataset[names.ZONE_END].values))


def known_ends(dataset: xr.Dataset) -> xr.Dataset:
    """After some cells were chosen: without ends that lie after the last period, which nobody knew then."""
    if names.ZONE_END not in dataset.coords:
        return dataset
    ends = dataset[names.ZONE_END]
    known = dataset.assign_coords({names.ZONE_END: ends.where(ends <= dataset[names.PERIOD_END].values[-1])})
    return known if ended(known).any() else known.drop_vars(names.ZONE_END)


def told_ends(dataset: xr.Dataset) -> str:
    """The zones that ended with their last days, as text; '' where there are none."""
    gone = ended(dataset)
    if not gone.any():
        return ""
    pairs = zip(dataset[names.ZONE].values[gone], dataset[names.ZONE_END].values[gone], strict=True)
    return ", ".join(f"{zone} on {pd.Timestamp(day):%Y-%m-%d}" for zone, day in dict.fromkeys(pairs))


def _checked(dataset: xr.Dataset, zone: str, given: str | pd.Timestamp) -> pd.Timestamp:
    """The last day of a zone."""
    where, freq = f"zone_ends: {zone}", str(dataset.attrs["freq"])
    zones = sorted(set(dataset[names.ZONE].values.astype(str)))
    if zone not in zones:
        raise InputError("no report is of this zone", where=where, expected=zones)
    parsed = parse_days(pd.Series([str(given)]))
    if parsed.isna().any():
        raise InputError("is no day", where=where, found=given, expected="a day such as 2019-03-31")
    day = pd.Timestamp(parsed[0])
    starts = period_start(pd.DatetimeIndex([day]), freq)
    if period_end(starts, freq)[0] != day:
        raise InputError(f"is not the last day of a {unit_name(freq)}", where=where, found=f"{day:%Y-%m-%d}")
    last = pd.Timestamp(dataset[names.PERIOD_END].values[-1])
    if day > last:
        problem, expected = "lies after the last period of the panel", f"up to {last:%Y-%m-%d}"
        raise InputError(problem, where=where, found=f"{day:%Y-%m-%d}", expected=expected)
    return day
