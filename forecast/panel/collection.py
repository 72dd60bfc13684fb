"""Breaks of collection: by what factor a source changed at a date, by another source that did not."""

from dataclasses import replace

import numpy as np
import pandas as pd
import xarray as xr

from forecast import names
from forecast.errors import InputError
from forecast.panel.breaks import COMMON_BREAK
from forecast.panel.calendar import parse_day, periods_per_year
from forecast.panel.grid import with_notes, with_provenance
from forecast.panel.panel import Panel

__all__ = ["collection_break"]

# Periods on either side, and attacks of each source there, without which nothing is estimated.
_FEWEST_PERIODS, _FEWEST_ATTACKS = 3, 10


def collection_break(panel: Panel, other: Panel, date: str) -> Panel:
    """The panel with a coverage that knows of a change of what is recorded from a date on, told by another source.

    Of the attacks that the two sources have in a province and period, the share of the panel's own is binomial, with a
    logit that differs between provinces and changes at the date; periods of the year before it and of the year after
    are compared. The other source is taken not to have changed, and attacks not to have moved between what only one of
    the two records.

    Parameters
    ----------
    panel : Panel
        Counts of the source that changed.
    other : Panel
        Counts of another source by the same periods; its tactics may be others. Provinces that both have are compared.
    date : str
        First day of the new way to record.

    Returns
    -------
    Panel
        The side of the date that has less is a share of the other (`collected`, a factor of `coverage`), whose log has
        the error of the estimate (`coverage_error`). Forecasts are of attacks as they are recorded on the fuller side.

    Raises
    ------
    InputError
        For other periods, no province in common, published counts, and where either side of the date has too few
        periods or attacks of both to tell.

    Notes
    -----
    Logistic regression, errors clustered by period (Liang & Zeger 1986), or the binomial ones where these are larger.

    Examples
    --------
    >>> panel = fc.simulate_panel(4, 2, 36, seed=1).panel
    >>> other = fc.simulate_panel(4, 2, 36, seed=2).panel
    >>> told = fc.collection_break(panel, other, "2016-07-01")
    >>> float(told.dataset["collected"].max())
    1.0
    """
    day = parse_day(date)
    factor, error = _log_factor(panel, other, day)
    after = panel.dataset[names.PERIOD] >= np.datetime64(day)
    less = after if factor < 0 else ~after
    blank = xr.ones_like(panel.dataset[names.EXPOSURE])
    collected = blank.where(~less, np.exp(-abs(factor)))
    before = panel.dataset
    dim = f"{names.COVERAGE}_component"
    errors = blank.where(less, 0.0).expand_dims({dim: 1}, axis=-1) * error
    if names.COVERAGE_ERROR in before:
        (component,) = (name for name in before[names.COVERAGE_ERROR].dims if name not in names.CELL_DIMS)
        errors = xr.concat([before[names.COVERAGE_ERROR].rename({component: dim}), errors], dim)
        before = before.drop_vars(names.COVERAGE_ERROR)
    dataset = before.assign(
        {
            names.COLLECTED: before.get(names.COLLECTED, blank) * collected,
            names.COVERAGE: before.get(names.COVERAGE, blank) * collected,
            names.COVERAGE_ERROR: errors.transpose(*names.CELL_DIMS, dim),
        }
    )
    low, high = np.exp(factor + np.array([-1.645, 1.645]) * error)
    note = (
        f"by another source, {np.exp(factor):.2g} times as much is recorded from {day:%Y-%m-%d} on (90% interval "
        f"{low:.2g} to {high:.2g}): forecasts are of attacks as recorded {'before' if factor < 0 else 'since'}"
    )
    return replace(panel, dataset=with_provenance(with_notes(dataset, [note]), **{COMMON_BREAK: None}))


def _log_factor(panel: Panel, other: Panel, day: pd.Timestamp) -> tuple[float, float]:
    """The estimate of the log of the factor, and its standard error."""
    import statsmodels.api as sm

    if panel.freq != other.freq:
        raise InputError("has other periods", where="other", found=other.freq, expected=panel.freq)
    if panel.observations.is_published or other.observations.is_published:
        raise InputError("needs counts of cells", where="panel", found="published counts")
    ours, theirs = xr.align(*(one.attacks.sum(names.TACTIC, skipna=False) for one in (panel, other)), join="inner")
    if not ours.size:
        raise InputError("has no province and period in common with the panel", where="other")
    around = int(periods_per_year(panel.freq))
    steps = np.arange(ours.sizes[names.PERIOD]) - int(np.searchsorted(ours[names.PERIOD].values, np.datetime64(day)))
    near = (steps >= -around) & (steps < around)
    seen = np.isfinite(ours.values) & np.isfinite(theirs.values) & near & (ours.values + theirs.values > 0)
    province, period = np.nonzero(seen)
    pairs, after = np.stack([ours.values[seen], theirs.values[seen]], axis=1), steps[period] >= 0
    for side in (after, ~after):
        if len(np.unique(period[side])) < _FEWEST_PERIODS or (pairs[side].sum(axis=0) < _FEWEST_ATTACKS).any():
            problem = (
                f"is too little to tell a break by: {_FEWEST_PERIODS} periods with {_FEWEST_ATTACKS} attacks of both"
            )
            raise InputError(f"{problem} are needed on either side of it", where=f"{day:%Y-%m-%d}")
    # A province that one source never has tells nothing.
    both = np.isin(province, np.flatnonzero(np.bincount(province, pairs[:, 0]) * np.bincount(province, pairs[:, 1])))
    levels = pd.get_dummies(province[both]).to_numpy(float)
    design = np.column_stack([after[both], levels]).astype(float)
    model = sm.GLM(pairs[both], design, family=sm.families.Binomial())
    binomial = model.fit()
    clustered = model.fit(cov_type="cluster", cov_kwds={"groups": period[both]})
    return float(binomial.params[0]), float(max(binomial.bse[0], clustered.bse[0]))
