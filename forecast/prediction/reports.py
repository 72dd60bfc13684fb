"""Published counts from posterior draws: what publishers will report, and what a fit expects of their past reports.

With mu the expected counts of cells in one joint draw, S their sum over the cells of a published count and κ the
factor of its definition in the same draw, the count is negative binomial with mean κ·S and dispersion ω·S² / Σ mu²/phi,
as in the likelihood (`inference.likelihood.published`); parts and subsets are drawn given their wholes, all of a whole
together (`report_splits`).
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from scipy.special import log_expit

from forecast import names
from forecast.counts import draw_counts
from forecast.errors import InputError
from forecast.inference.likelihood.published import DISPERSION, FACTOR, Published, published_prior
from forecast.inference.likelihood.splits import PSI, SHARE, SUBSET
from forecast.inference.posterior.bayesian import BayesianFit, posterior_draws
from forecast.inference.posterior.labels import eta
from forecast.panel.observations import Observations
from forecast.panel.panel import Panel
from forecast.panel.zone_totals import (
    SERIES,
    described,
    described_reports,
    is_over_zone,
    published_rows,
    series_label,
    totals_over,
    with_wholes,
    zone_totals,
)
from forecast.prediction.draws import Forecast
from forecast.prediction.exports import interval_columns, without_late_means
from forecast.prediction.report_splits import dispersion_within, draw_within, splits_of, turns_of

__all__ = ["expected_published", "fitted_published", "fitted_totals", "published_draws", "report_predictive"]

Array = npt.NDArray[np.float64]
_REPORT = "report"
_DRAWS = 1000
_LEVELS = (0.5, 0.8, 0.9)
# A dispersion above which a negative binomial is Poisson to six digits, and its log mass still exact.
_POISSON = 1e8


def expected_published(fit: BayesianFit, forecast: Forecast, levels: Sequence[float] = _LEVELS) -> pd.DataFrame:
    """What each publisher will report of each zone in each period of a forecast.

    Parameters
    ----------
    fit : BayesianFit
        Of a panel of published counts (`Panel.from_published`).
    forecast : Forecast
        What `predict` made of it.
    levels : sequence of float
        Of the central intervals.

    Returns
    -------
    DataFrame
        One row per zone, publisher, definition and period: zone, publisher, definition, last (the period of the last
        such total that was published: the publisher may have stopped), period, horizon, then in attacks mean, mcse (its
        Monte-Carlo error; both blank beyond six months), median and for each level the inclusive bounds of the central
        interval (`lower_90`, `upper_90`). A publisher that never gave totals of the zone, and a zone that is not
        forecast, have no row.

    Raises
    ------
    InputError
        For a panel without published counts, or a forecast that was not made of this fit.
    """
    drawn = published_draws(fit, forecast)
    values = drawn.values
    table = drawn[_REPORT].to_dataset().reset_coords().to_dataframe().reset_index(drop=True)
    bounds = interval_columns(levels)
    quantiles = np.quantile(values, [0.5, *bounds.values()], axis=0, method="inverted_cdf").astype(np.int64)
    table["mean"] = values.mean(axis=0)
    table["mcse"] = values.std(axis=0, ddof=1) / np.sqrt(len(values))
    table["median"] = quantiles[0]
    for name, row in zip(bounds, quantiles[1:], strict=True):
        table[name] = row
    steps = dict(zip(forecast.periods, forecast.horizons, strict=True))
    table = table.rename(columns={"first": names.PERIOD}).assign(horizon=lambda rows: rows[names.PERIOD].map(steps))
    last = zone_totals(fit.panel).set_index(SERIES)["last"]
    table = table.merge(last, left_on=SERIES, right_index=True, suffixes=("_period", ""))
    table = without_late_means(table, forecast.freq)
    return table[[*SERIES, "last", names.PERIOD, names.HORIZON, "mean", "mcse", "median", *bounds]]


def published_draws(fit: BayesianFit, forecast: Forecast, actual: Panel | None = None) -> xr.DataArray:
    """Draws of published counts in the periods of a forecast, each from the same posterior sample as the forecast's.

    Parameters
    ----------
    fit : BayesianFit
        Of a panel of published counts.
    forecast : Forecast
        What `predict` made of it.
    actual : Panel, optional
        A later panel of published counts: those that lie in the forecast, of definitions that the fit knows, are drawn.
        Without it, the next totals of each publisher and definition over its zone are (see `expected_published`).

    Returns
    -------
    DataArray
        Int64, attacks, dims (sample, report), in the order of the panel's observations. Coordinates of `report`: zone,
        publisher, definition, kind ('total', 'part' or 'subset'), provinces (keys joined by '|'), tactic, over_zone
        (whether it is the zone's total of one period), first and last (period), and lower and upper (between which the
        published count lies; NaN without `actual`). Parts and subsets are drawn given the draw of their whole: the
        parts of one whole add up to it where there is nothing else in it, and never exceed it. So is the next total of
        a definition whose attacks are among those of another by the same publisher, over the same provinces.

    Raises
    ------
    InputError
        As of `expected_published`; where `actual` has none of the forecast's periods or provinces.
    """
    return report_predictive(fit, forecast, actual)[0]


def report_predictive(
    fit: BayesianFit, forecast: Forecast, actual: Panel | None = None
) -> tuple[xr.DataArray, Array, Array | None]:
    """`published_draws`, and each draw's negative binomial distribution of each count by itself.

    Returns
    -------
    tuple
        The draws, and mean and dispersion (sample, report); no dispersion where all counts are Poisson. The dispersion
        of a part or subset gives the variance that it has given the sample, its whole drawn with it.
    """
    values = _sample_of(fit, forecast)
    if actual is None:
        cells = forecast.dataset[names.MU]
        wanted = zone_totals(fit.panel)
        here = wanted["units"].map(lambda units: set(units) <= set(forecast.provinces)).astype(bool)
        observations = totals_over(wanted[here], forecast.provinces, len(forecast.tactics), len(forecast.periods))
        observations = replace(observations, table=with_wholes(observations.table, wanted[here], fit.panel))
        table = described(observations, forecast.provinces, forecast.tactics, forecast.periods)
    else:
        ends = pd.Timestamp(forecast.dataset[names.PERIOD_END].values[-1])
        shared = [unit for unit in forecast.provinces if unit in actual.provinces]
        held = actual.between(forecast.periods[0], ends).select(provinces=shared, tactics=forecast.tactics)
        cells = forecast.dataset[names.MU].sel({dim: held.dataset[dim].values for dim in names.CELL_DIMS})
        table = published_rows(held)
        observations = Observations(table, held.observations.cells[table.index])
    log_scale = _log_scale(fit, values, table)
    known = np.asarray(np.isfinite(log_scale[0]))
    seed = np.random.SeedSequence(int(forecast.dataset.attrs["seed"]))
    of_totals, of_splits, of_prior = (np.random.default_rng(child) for child in seed.spawn(5)[2:])
    scatter = _scatter(fit, values, table, of_prior)
    mean, size = _moments(observations, cells.transpose(*names.DRAW_DIMS).values, _phi(forecast), log_scale)
    whole = table["whole"].to_numpy(dtype=np.intp)
    whole = np.where(known & known[whole], whole, -1)
    splits = splits_of(table, whole, np.diff(observations.cells.indptr))
    share = np.minimum(np.where(whole >= 0, mean / mean[:, whole], 1.0), 1.0)
    turns = turns_of(splits, share, size, np.exp(scatter[PSI]), np.exp(scatter[SUBSET]))
    size = np.exp(scatter[DISPERSION]) * size
    drawn = draw_counts(of_totals, np.where(known, mean, 0.0), np.where(known, size, np.inf))
    drawn = draw_within(of_splits, drawn, splits, turns)
    kept = [*SERIES, "kind", names.TACTIC, "first", "last", names.LOWER, names.UPPER]
    coords = {column: (_REPORT, table[column].to_numpy()[known]) for column in kept}
    coords["provinces"] = (_REPORT, table["units"].map("|".join).to_numpy()[known])
    coords["over_zone"] = (_REPORT, is_over_zone(table, fit.panel)[known])
    counts = xr.DataArray(drawn[:, known], coords, (names.SAMPLE, _REPORT), names.ATTACKS)
    size = dispersion_within(size, splits, turns)[:, known]
    return counts, mean[:, known], None if np.isinf(size).all() else np.minimum(size, _POISSON)


def fitted_published(fit: BayesianFit, draws: int = _DRAWS, *, seed: int) -> pd.DataFrame:
    """Every published count that a fit used, and what the fit expects it to be.

    Returns
    -------
    DataFrame
        One row per observation: zone, publisher, definition, kind, provinces (unit keys joined by '|'), tactic, first
        and last (period), periods (how many it is summed over), lower and upper (between which the published count
        lies), and its expected count in attacks: mean, lower_90 and upper_90 (posterior mean and 90 % interval).

    Raises
    ------
    InputError
        For a panel without published counts.
    """
    table = described_reports(fit.panel)
    rows = table.index.intersection(pd.Index(fit.bound.rows))
    table = table.loc[rows].reset_index(drop=True)
    expected = _fitted(fit, Observations(table, fit.panel.observations.cells[rows]), draws, seed)
    kept = [*SERIES, "kind", "provinces", names.TACTIC, "first", "last", "periods", names.LOWER, names.UPPER]
    return table.assign(provinces=table["units"].map("|".join))[kept].join(expected)


def fitted_totals(fit: BayesianFit, draws: int = _DRAWS, *, seed: int) -> pd.DataFrame:
    """What a fit expects of each zone's total by publisher and definition, published or not, in every past period.

    Returns
    -------
    DataFrame
        zone, publisher, definition, period, and in attacks mean, lower_90 and upper_90 of the expected count; over the
        provinces that the last such total was of.
    """
    panel = fit.panel
    observations = totals_over(zone_totals(panel), panel.provinces, len(panel.tactics), len(panel.periods))
    table = described(observations, panel.provinces, panel.tactics, panel.periods)
    expected = _fitted(fit, observations, draws, seed)
    return table.rename(columns={"first": names.PERIOD})[[*SERIES, names.PERIOD]].join(expected)


# Parts ---------------------------------------------------------------------------------------------------------------


def _sample_of(fit: BayesianFit, forecast: Forecast) -> dict[str, Array]:
    """The joint draws of the posterior that a forecast was simulated from, by its seed and number of samples."""
    described_reports(fit.panel)
    values = posterior_draws(fit, forecast.dataset.sizes[names.SAMPLE], int(forecast.dataset.attrs["seed"]))
    of_fit = forecast.origin == fit.panel.origin and names.MU in forecast.dataset
    if of_fit and "log_phi" in values:
        log_phi = values["log_phi"].reshape(len(values["log_phi"]), -1)
        of_fit = names.PHI in forecast.dataset and np.allclose(_phi(forecast), np.exp(log_phi))
    if not of_fit:
        hint = "Give what predict(fit, …) made, before any aggregate"
        raise InputError("was not made of this fit", where="forecast", found=forecast.model, hint=hint)
    return values


def _phi(forecast: Forecast) -> Array | float:
    """Dispersion over (sample, tactic), infinite for a Poisson model."""
    return forecast.dataset[names.PHI].values if names.PHI in forecast.dataset else np.inf


def _log_scale(fit: BayesianFit, values: dict[str, Array], table: pd.DataFrame) -> Array:
    """Log of what the sums of each row are multiplied by, (sample, row); NaN for a definition that the fit lacks."""
    published = Published.of_bound(fit.bound)
    used = fit.panel.observations.table.iloc[fit.bound.rows]
    known = {key: at for at, key in enumerate(used[SERIES].itertuples(index=False, name=None))}
    at = np.array([known.get(key, -1) for key in table[SERIES].itertuples(index=False, name=None)], dtype=np.intp)
    scale = np.zeros((len(next(iter(values.values()))), len(table)))
    for name, index in ((FACTOR, published.factor), (SHARE, published.share)):
        if name in values:
            log_of = values[name] if name == FACTOR else log_expit(values[name])
            scale += np.where(index[at] >= 0, log_of[:, index[at]], 0.0)
    return np.where(at >= 0, scale, np.nan)


def _scatter(
    fit: BayesianFit, values: dict[str, Array], table: pd.DataFrame, rng: np.random.Generator
) -> dict[str, Array]:
    """Log of omega, of psi and of nu of each row (sample, row), by the names of the parameters.

    Omega is 0 in a fit without it. Where a fit has not seen a split of a zone, or a subset of a definition, these are
    drawn from their priors, the same for all rows of a label.
    """
    published, samples = Published.of_bound(fit.bound), len(next(iter(values.values())))
    zone, series = table[names.ZONE], series_label(table)
    known = {
        DISPERSION: (published.zones, zone),
        PSI: (published.splits.zones, zone),
        SUBSET: (published.subsets.labels, series),
    }
    scatter = {}
    for name, (labels, wanted) in known.items():
        by_label = {label: values[name][:, at] for at, label in enumerate(labels)} if name in values else {}
        for label in sorted(set(wanted) - set(by_label)):
            nothing = np.zeros(samples)
            by_label[label] = nothing if name == DISPERSION else published_prior(name).draw(rng, (samples,))
        columns = [by_label[label] for label in wanted]
        scatter[name] = np.reshape(columns, (len(columns), samples)).T
    return scatter


def _moments(
    observations: Observations, mu: Array, phi: Array | float, log_scale: Array | float
) -> tuple[Array, Array]:
    """Mean and dispersion of each observation if it were counted by itself, (sample, observation)."""
    flat, cells = mu.reshape(len(mu), -1), observations.cells.astype(float)
    sums = (cells @ flat.T).T
    mean = np.exp(log_scale) * sums
    if np.ndim(phi) == 0:
        return mean, np.full(mean.shape, np.inf)
    spread = (mu**2 / np.asarray(phi)[:, None, :, None]).reshape(flat.shape)
    return mean, sums**2 / (cells @ spread.T).T


def _fitted(fit: BayesianFit, observations: Observations, draws: int, seed: int) -> pd.DataFrame:
    """Posterior mean and 90 % interval of the expected count of each observation over the panel's cells."""
    values = posterior_draws(fit, draws, seed)
    mu = np.exp(eta(fit.bound, values) + fit.bound.log_exposure)
    mean, _ = _moments(observations, mu, np.inf, _log_scale(fit, values, observations.table))
    lower, upper = np.quantile(mean, [0.05, 0.95], axis=0)
    return pd.DataFrame({"mean": mean.mean(axis=0), "lower_90": lower, "upper_90": upper})
