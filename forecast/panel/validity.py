"""What makes a dataset a panel's: its variables with their dims and ranges, and consecutive periods."""

import numpy as np
import pandas as pd
import xarray as xr

from forecast import names
from forecast.errors import InputError
from forecast.panel.calendar import normalise_freq, period_end, period_range, period_start

__all__ = ["check_panel"]


def check_panel(dataset: xr.Dataset) -> None:
    """Refuse a dataset that is no panel's, by an `InputError` that names what is wrong."""
    freq = normalise_freq(str(dataset.attrs.get("freq")))
    for name in (names.ATTACKS, names.OBSERVED, names.EXPOSURE):
        if name not in dataset or dataset[name].dims != names.CELL_DIMS:
            raise InputError("a panel's variable needs dims (province, tactic, period)", where=name)
    if not all(dataset.sizes[dim] for dim in names.CELL_DIMS):
        raise InputError("a panel needs at least one province, tactic and period", found=dict(dataset.sizes))
    if dataset[names.ATTACKS].dtype != np.int64 or (dataset[names.ATTACKS].values < 0).any():
        raise InputError(
            "counts are whole numbers from 0", where=names.ATTACKS, found=str(dataset[names.ATTACKS].dtype)
        )
    if not (dataset[names.EXPOSURE].values > 0).all():
        raise InputError("exposure is above 0 in every cell", where=names.EXPOSURE)
    if names.COVERAGE in dataset:
        coverage = dataset[names.COVERAGE]
        # Above 1 where more is expected to be withdrawn than to come.
        if coverage.dims != names.CELL_DIMS or not ((coverage.values > 0) & np.isfinite(coverage.values)).all():
            raise InputError("is a share above 0 of every cell", where=names.COVERAGE)
    periods = pd.DatetimeIndex(dataset[names.PERIOD].values)
    if (
        not periods.equals(period_range(periods[0], len(periods), freq))
        or periods[0] != period_start(periods[:1], freq)[0]
    ):
        raise InputError("periods are consecutive and begin on their first day", where=names.PERIOD)
    if not (dataset[names.PERIOD_END].values == period_end(periods, freq).values).all():
        raise InputError("does not match the periods", where=names.PERIOD_END)
    for dim in (names.PROVINCE, names.TACTIC):
        if not dataset.indexes[dim].is_unique:
            raise InputError("labels stand there twice", where=dim)
