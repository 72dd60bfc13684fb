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
from scipy import sparse
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
from forecast.prediction.draws import ALL_TACTICS, Forecast
from forecast.prediction.exports import interval_columns, without_late_means
from forecast.prediction.report_splits import dispersion_within, draw_within, splits_of, turns_of

__all__ = [
    "described_reports",
    "exact_totals",
    "expected_published",
    "fitted_published",
    "fitted_totals",
    "published_draws",
    "report_predictive",
    "series_label",
    "totals_panel",
    "zone_totals",
]

Array = npt.NDArray[np.float64]
_KEY = [names.ZONE, names.PUBLISHER, names.DEFINITION]
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
    table = table.rename(columns={"first": names.PERIOD}).assign(horizon=lambda each: each[names.PERIOD].map(steps))
    last = zone_totals(fit.panel).set_index(_KEY)["last"]
    table = table.merge(last, left_on=_KEY, right_index=True, suffixes=("_period", ""))
    table = without_late_means(table, forecast.freq)
    return table[[*_KEY, "last", names.PERIOD, names.HORIZON, "mean", "mcse", "median", *bounds]]


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
        observations = _totals(wanted[here], forecast.provinces, len(forecast.tactics), len(forecast.periods))
        observations = replace(observations, table=_with_wholes(observations.table, wanted[here], fit.panel))
        table = _described(observations, forecast.provinces, forecast.tactics, forecast.periods)
    else:
        ends = pd.Timestamp(forecast.dataset[names.PERIOD_END].values[-1])
        shared = [unit for unit in forecast.provinces if unit in actual.provinces]
        held = actual.between(forecast.periods[0], ends).select(provinces=shared, tactics=forecast.tactics)
        cells = forecast.dataset[names.MU].sel({dim: held.dataset[dim].values for dim in names.CELL_DIMS})
        table = _published_rows(held)
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
    kept = [*_KEY, "kind", names.TACTIC, "first", "last", names.LOWER, names.UPPER]
    coords = {column: (_REPORT, table[column].to_numpy()[known]) for column in kept}
    coords["provinces"] = (_REPORT, table["units"].map("|".join).to_numpy()[known])
    coords["over_zone"] = (_REPORT, _is_over_zone(table, fit.panel)[known])
    made = xr.DataArray(drawn[:, known], coords, (names.SAMPLE, _REPORT), names.ATTACKS)
    size = dispersion_within(size, splits, turns)[:, known]
    return made, mean[:, known], None if np.isinf(size).all() else np.minimum(size, _POISSON)


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
    kept = [*_KEY, "kind", "provinces", names.TACTIC, "first", "last", "periods", names.LOWER, names.UPPER]
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
    observations = _totals(zone_totals(panel), panel.provinces, len(panel.tactics), len(panel.periods))
    table = _described(observations, panel.provinces, panel.tactics, panel.periods)
    expected = _fitted(fit, observations, draws, seed)
    return table.rename(columns={"first": names.PERIOD})[[*_KEY, names.PERIOD]].join(expected)


def described_reports(panel: Panel) -> pd.DataFrame:
    """The published counts of a panel with what they are of: rows of its observations' table, and some columns more.

    Returns
    -------
    DataFrame
        The columns of `Observations.table`, without the cells that were observed beside published counts, and units
        (tuple of unit keys), tactic ('all' where it is not split), first and last (period), periods (how many).

    Raises
    ------
    InputError
        For a panel without published counts.
    """
    if not panel.observations.is_published:
        raise InputError("holds no published counts", source="panel", hint="Panel.from_published makes one that does")
    return _published_rows(panel)


def zone_totals(panel: Panel) -> pd.DataFrame:
    """The totals over a zone in one period that a panel's publishers give: one row per zone, publisher and definition.

    A total is over its zone where it holds more than half of the provinces that are named in the zone, and all tactics.

    Returns
    -------
    DataFrame
        zone, publisher, definition, last (period of the last such total), units (its provinces, a tuple).
    """
    table = described_reports(panel)
    latest = table[_is_over_zone(table, panel)].sort_values("last", kind="stable").drop_duplicates(_KEY, keep="last")
    return latest[[*_KEY, "last", "units"]].sort_values(_KEY).reset_index(drop=True)


def exact_totals(panel: Panel) -> pd.DataFrame:
    """The rows of `described_reports` that are exact totals over a zone in one period."""
    table = described_reports(panel)
    return table[_is_over_zone(table, panel) & (table[names.LOWER] == table[names.UPPER])]


def totals_panel(panel: Panel) -> Panel:
    """The exact totals of zones by themselves, as counts of single cells with gaps: what a baseline is fitted to.

    Returns
    -------
    Panel
        Its provinces are publishers' definitions, 'zone: definition, publisher'; one tactic, 'all'.

    Raises
    ------
    InputError
        For a panel without published counts, and one without an exact total.
    """
    table = exact_totals(panel)
    if table.empty:
        raise InputError("holds no exact total of a zone in one period", source="panel")
    labels = series_label(table).rename(names.PROVINCE)
    counts = pd.Series(table[names.LOWER].to_numpy(), [labels, pd.DatetimeIndex(table["first"])])
    grid = pd.MultiIndex.from_product([sorted(set(labels)), panel.periods], names=[names.PROVINCE, names.PERIOD])
    frame = counts.reindex(grid).rename(names.ATTACKS).reset_index().assign(**{names.TACTIC: ALL_TACTICS})
    totals = Panel.from_frame(frame, freq=panel.freq)
    return replace(totals, dataset=totals.dataset.assign_attrs(provenance=panel.dataset.attrs["provenance"]))


def series_label(table: pd.DataFrame) -> pd.Series:
    """'zone: definition, publisher' of each row."""
    return table[names.ZONE] + ": " + table[names.DEFINITION] + ", " + table[names.PUBLISHER]


# Parts ---------------------------------------------------------------------------------------------------------------


def _is_over_zone(table: pd.DataFrame, panel: Panel) -> npt.NDArray[np.bool_]:
    """Whether a count is of one period, of all tactics, and of more than half of the provinces that are named there."""
    size = described_reports(panel).explode("units").groupby(names.ZONE)["units"].nunique()
    over = 2 * table["units"].map(len) > table[names.ZONE].map(size)
    whole = over & (table["kind"] != "part") & (table[names.TACTIC] == ALL_TACTICS) & (table["periods"] == 1)
    return whole.to_numpy(dtype=bool)


def _published_rows(panel: Panel) -> pd.DataFrame:
    """`described_reports`, with no row for a panel without published counts."""
    held = panel.observations
    rows, labels = np.flatnonzero((held.table[names.PUBLISHER] != "").to_numpy()), [*_KEY, "kind"]
    table = held.table.iloc[rows].reindex(columns=[*held.table.columns.union([*labels, "whole"], sort=False)])
    # Where there is no row, pandas would take what was not there for numbers.
    table = table.astype(dict.fromkeys(labels, object))
    return _described(Observations(table, held.cells[rows]), panel.provinces, panel.tactics, panel.periods)


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
    own = fit.panel.observations.table.iloc[fit.bound.rows]
    known = {key: at for at, key in enumerate(own[_KEY].itertuples(index=False, name=None))}
    at = np.array([known.get(key, -1) for key in table[_KEY].itertuples(index=False, name=None)], dtype=np.intp)
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


def _totals(wanted: pd.DataFrame, provinces: Sequence[str], tactics: int, periods: int) -> Observations:
    """A total of each wanted row in every period of a grid, not yet known."""
    shape = (len(provinces), tactics, periods)
    at = {unit: row for row, unit in enumerate(provinces)}
    table = wanted[_KEY].loc[wanted.index.repeat(periods)].reset_index(drop=True)
    table = table.assign(kind="total", whole=-1, **dict.fromkeys((names.LOWER, names.UPPER), np.nan))
    members = [
        np.ravel_multi_index(np.ix_([at[unit] for unit in units], range(tactics), [period]), shape).ravel()
        for units in wanted["units"]
        for period in range(periods)
    ]
    row = np.repeat(np.arange(len(members)), [len(each) for each in members])
    cell = np.concatenate([np.zeros(0, np.int64), *members])
    entries = (np.ones(len(row), dtype=np.int8), (row, cell))
    return Observations(table, sparse.csr_array(entries, shape=(len(members), int(np.prod(shape)))))


def _with_wholes(table: pd.DataFrame, wanted: pd.DataFrame, panel: Panel) -> pd.DataFrame:
    """The next totals, with those of a definition that is part of another as its subsets, over the same provinces."""
    reports = described_reports(panel)
    within = reports.drop_duplicates(_KEY).set_index(_KEY)["within"]
    at = {key: number for number, key in enumerate(wanted[_KEY].itertuples(index=False, name=None))}
    units, periods = wanted["units"].to_numpy(), len(table) // max(len(wanted), 1)
    whole = np.full(len(wanted), -1)
    for (zone, publisher, definition), number in at.items():
        wider = at.get((zone, publisher, within[zone, publisher, definition]), -1)
        if wider >= 0 and units[wider] == units[number]:
            whole[number] = wider
    of_row = np.repeat(whole, periods)
    step = np.tile(np.arange(periods), len(wanted))
    is_subset = of_row >= 0
    return table.assign(
        kind=np.where(is_subset, "subset", table["kind"]), whole=np.where(is_subset, of_row * periods + step, -1)
    )


def _described(
    observations: Observations, provinces: Sequence[str], tactics: Sequence[str], periods: pd.DatetimeIndex
) -> pd.DataFrame:
    cells = observations.cells
    shape = (len(provinces), len(tactics), len(periods))
    unit, tactic, period = np.unravel_index(cells.indices, shape)
    rows: dict[str, list[object]] = {"units": [], names.TACTIC: [], "first": [], "last": [], "periods": []}
    for start, stop in zip(cells.indptr[:-1], cells.indptr[1:], strict=True):
        kinds, spanned = np.unique(tactic[start:stop]), np.unique(period[start:stop])
        rows["units"].append(tuple(provinces[at] for at in np.unique(unit[start:stop])))
        rows[names.TACTIC].append(ALL_TACTICS if len(kinds) == len(tactics) else tactics[kinds[0]])
        rows["first"].append(periods[spanned[0]])
        rows["last"].append(periods[spanned[-1]])
        rows["periods"].append(len(spanned))
    return observations.table.join(pd.DataFrame(rows, index=observations.table.index))
