"""What forecasts are held against: counts of a panel in their cells, and the share of attacks that is recorded."""

import numpy as np
import xarray as xr

from forecast import names
from forecast.errors import InputError
from forecast.panel.groups import sum_groups
from forecast.panel.panel import Panel
from forecast.prediction.draws import Forecast
from forecast.prediction.quantile_forecast import QuantileForecast

__all__ = ["completed_like", "counts_like", "recorded"]


def recorded(forecast: Forecast, actual: Panel) -> tuple[Forecast, xr.DataArray]:
    """What is recorded of a forecast's cells (`counts_like`), and the forecast of that.

    Of its attacks each is recorded with the chance that is the panel's coverage: a thinned negative binomial count is
    one again, with the same dispersion.
    """
    counts, share = counts_like(forecast, actual), _recorded_share(forecast, actual)
    if (share == 1).all():
        return forecast, counts
    dataset = forecast.dataset
    draws = dataset[names.DRAWS].transpose(*names.DRAW_DIMS)
    thinned = np.random.default_rng(0).binomial(draws.values, share.values)
    variables = {names.DRAWS: draws.copy(data=thinned)}
    if names.MU in dataset:
        variables[names.MU] = dataset[names.MU].transpose(*names.DRAW_DIMS) * share.values
    return Forecast(dataset.assign(variables)), counts


def completed_like(forecast: Forecast | QuantileForecast, actual: Panel) -> xr.DataArray:
    """`counts_like` divided by the share that is recorded, rounded: about as many attacks as there were."""
    return (counts_like(forecast, actual) / _recorded_share(forecast, actual)).round()


def _recorded_share(forecast: Forecast | QuantileForecast, actual: Panel) -> xr.DataArray:
    """Share of the attacks of each label and period of a forecast that a panel records; 1 in periods it does not hold.

    Of sums it is the mean of their cells', by the attacks that these have had.
    """
    if names.COVERAGE not in actual.dataset:
        return xr.DataArray(1.0)
    coverage = (actual.recorded_exposure / actual.dataset[names.EXPOSURE]).clip(max=1.0).drop_vars(names.PERIOD_END)
    coverage = coverage.reindex({names.PERIOD: forecast.periods}, fill_value=1.0)
    # A cell that had none counts little.
    weight = (actual.attacks.sum(names.PERIOD) + 0.5).broadcast_like(coverage)
    return (_summed(coverage * weight, forecast) / _summed(weight, forecast)).transpose(*names.CELL_DIMS)


def counts_like(forecast: Forecast | QuantileForecast, actual: Panel) -> xr.DataArray:
    """Observed counts on the forecast's labels, dims (province, tactic, period); NaN where there is none to score."""
    if actual.freq != forecast.freq:
        raise InputError("has another frequency", where="actual", found=actual.freq, expected=forecast.freq)
    attacks = actual.outcomes.reindex({names.PERIOD: forecast.periods}).drop_vars(names.PERIOD_END)
    if attacks.isnull().all():
        raise InputError(
            "holds no observed cell of the forecast's periods",
            where="actual",
            found=f"to {actual.origin:%Y-%m-%d}",
            expected=f"from {forecast.periods[0]:%Y-%m-%d} on",
        )
    return _summed(attacks, forecast).transpose(*names.CELL_DIMS)


def _summed(values: xr.DataArray, forecast: Forecast | QuantileForecast) -> xr.DataArray:
    """Sums of values of a panel's cells over what each label of a forecast stands for."""
    for dim, groups in forecast.members.items():
        wanted = sorted({key for keys in groups.values() for key in keys})
        missing = [key for key in wanted if key not in values[dim].values]
        if missing:
            raise InputError(f"lacks a {dim} of the forecast", where="actual", found=missing)
        positions = values.indexes[dim]
        values = sum_groups(values, dim, {label: positions.get_indexer(keys) for label, keys in groups.items()}, dim)
    return values
