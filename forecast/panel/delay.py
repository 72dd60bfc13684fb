"""Reporting delay: what share of the last periods' records is known, learned from when earlier records became known."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from forecast import names
from forecast.errors import InputError
from forecast.events.versions import UNTIL
from forecast.panel.calendar import period_end, period_start

__all__ = [
    "KnownShare",
    "intraclass",
    "known_share",
    "known_share_of_cells",
    "reports_of",
    "stated_share",
    "told_since",
]

Array = npt.NDArray[np.float64]
# A source whose records are not known after so many days does not tell when they became known: ACLED, for one, gives
# the day of the last edit. What is older counts as complete.
_LONGEST_DELAY = pd.Timedelta(days=183)
# Share of older records that must have been known by then, where the source tells when they became known.
_TOLD = 0.9
# What misses, or has too many, less than one in a hundred counts as whole.
_WHOLE = 0.01
# Share of the errors' variance that their components hold.
_KEPT = 0.99


@dataclass(frozen=True)
class KnownShare:
    """What share of the attacks of each period is known, of those that will stand in the end.

    Attributes
    ----------
    share : array
        (group, period), or on a grid (province, tactic, period); above 1 where more is expected to be withdrawn than to
        come; NaN where nothing tells.
    error : array
        The same with a last axis of components: the error of its log, per independent standard normal component.
    """

    share: Array
    error: Array


def reports_of(events: pd.DataFrame, older: pd.DataFrame | None, day: pd.Timestamp | None) -> pd.DataFrame:
    """When each record became known and ceased to stand, as far as that was known at the end of a day.

    Parameters
    ----------
    events, older : DataFrame
        The standing version of each record, and earlier and withdrawn ones (`Events.older`). Those without a day on
        which they were `reported` are left out.
    day : day or None
        None: all that is known.

    Returns
    -------
    DataFrame
        By `event_id`: `date_end`, province, tactic; `first`, the day on which it was first reported; `until`, the day
        from which it was withdrawn, NaT where it stands.
    """
    kept = ["event_id", "date_end", names.PROVINCE, names.TACTIC, "reported"]
    standing = events.loc[events["reported"].notna(), kept]
    standing[UNTIL] = pd.NaT
    if older is not None and len(older):
        earlier = older.loc[older["reported"].notna(), kept]
        earlier[UNTIL] = older.get(UNTIL, pd.NaT)
        # Few records have earlier versions: only these are grouped.
        again = standing["event_id"].isin(earlier["event_id"])
        versions = pd.concat([earlier, standing[again]])
        if day is not None:
            versions = versions[versions["reported"] < day + pd.Timedelta(days=1)]
            versions[UNTIL] = versions[UNTIL].where(versions[UNTIL] < day + pd.Timedelta(days=1))
        versions = versions.sort_values("reported", kind="stable")
        by_record = versions.groupby("event_id", as_index=False)
        last = by_record.last(skipna=False).assign(reported=by_record["reported"].min()["reported"])
        standing = pd.concat([standing[~again], last])
    if day is not None:
        standing = standing[standing["reported"] < day + pd.Timedelta(days=1)]
    days = {name: pd.to_datetime(standing[name]).dt.normalize() for name in ("reported", "date_end", UNTIL)}
    return standing.assign(**days).rename(columns={"reported": "first"})


def told_since(reports: pd.DataFrame, older: pd.DataFrame | None, *, of_edits: bool = False) -> pd.Timestamp | None:
    """From which day on records tell when they became known; None where days of reports are those of later edits.

    That is asked of the older half of the records, of which all that will come has come. Where a source gives the day
    of the last edit, records of several downloads tell it since the first of these: one that a download brings anew was
    not known before. The first change between two downloads is that day, or soon after.

    Parameters
    ----------
    reports : DataFrame
        As of `reports_of`.
    older : DataFrame, optional
        Earlier versions.
    of_edits : bool
        Whether the source is known to give days of edits, which a young file does not show.
    """
    if reports.empty:
        return None
    starts = [] if of_edits else [pd.Timestamp.min]
    if older is not None and UNTIL in older:
        # A record that stands in several downloads unchanged has a version that ends as it begins.
        starts += [older.loc[older[UNTIL] > older["reported"], UNTIL].min()]
    for since in starts:
        recent = reports[reports["date_end"] > since]
        old = recent[recent["date_end"] <= recent["date_end"].median()]
        if len(old) and (old["first"] - old["date_end"] <= _LONGEST_DELAY).mean() >= _TOLD:
            return pd.Timestamp(since)
    return None


def known_share(
    reports: pd.DataFrame,
    group: npt.NDArray[np.intp],
    groups: int,
    periods: pd.DatetimeIndex,
    freq: str,
    day: pd.Timestamp,
    since: pd.Timestamp,
    least: float,
) -> KnownShare:
    """What share of each period's records is known at the end of a day, by the delays of earlier periods.

    A period is compared with earlier ones as many days after their end, so that a source which publishes once a month
    is no different from one that does every day: of the records that stood half a year after a period's end, a share
    was known and stood so many days after it, and of those that stood then some were withdrawn. Both shares are
    estimated from all periods that are so old (or from the older half of a short record). The shares of groups are
    drawn towards those of all, the more the fewer their records and the more alike the groups, and periods scatter more
    than their numbers of records explain: both are beta-binomial, with moment estimates.

    Parameters
    ----------
    reports : DataFrame
        As of `reports_of`.
    group : array of int
        Of each report, from 0; for negative ones the report only counts among all.
    groups : int
        Their number.
    periods : DatetimeIndex
        First days.
    freq : str
        Their frequency.
    day : day
        What was reported by its end is known.
    since : day
        Periods before it tell nothing of delays.
    least : float
        Errors are of periods of which at least this share is known in a group.
    """
    ends = period_end(periods, freq)
    ages = (day.normalize() - ends)[::-1]
    late = min(int((ages < _LONGEST_DELAY).sum()), int((periods > since).sum()) // 2)
    share, error = np.ones((groups, len(periods))), np.zeros((groups, len(periods), 0))
    if not late or reports.empty:
        return KnownShare(share, error)
    log_share, common, of_group, scatter = (np.zeros((groups, late)) for _ in range(4))
    told = (reports["date_end"] > since).to_numpy()
    numbers = _by_age(reports[told], group[told], groups, periods, freq, ages[: late + 1])
    for age, (kept, before, whole) in enumerate(numbers):
        for sign, of in ((1, whole), (-1, before)):
            for total, part in zip((log_share, common, of_group, scatter), _shares(kept, of), strict=True):
                total[:, age] += sign * part if total is log_share else part
    at = len(periods) - 1 - np.arange(late)
    share[:, at] = np.where(np.abs(log_share) < _WHOLE, 1.0, np.exp(log_share))
    used = ((share[:, at] >= least) & (share[:, at] != 1)).ravel()
    root = _root(_covariance(common, of_group, scatter), used)
    error = np.zeros((groups, len(periods), root.shape[1]))
    error[:, at] = root.reshape(groups, late, -1)
    return KnownShare(share, error)


def known_share_of_cells(
    reports: pd.DataFrame,
    country_of: pd.Series,
    provinces: list[str],
    tactics: list[str],
    periods: pd.DatetimeIndex,
    freq: str,
    day: pd.Timestamp,
    since: pd.Timestamp,
    least: float,
) -> KnownShare:
    """`known_share` of a grid, whose groups are the same country and tactic: (province, tactic, period, …)."""
    country = country_of.reindex(provinces).astype(str)
    countries, kinds = pd.Index(country.unique()), pd.Index(tactics)
    group = countries.get_indexer(country)[:, None] * len(tactics) + np.arange(len(tactics))
    at, kind = (
        countries.get_indexer(pd.Index(reports[names.PROVINCE].map(country_of))),
        kinds.get_indexer(pd.Index(reports[names.TACTIC])),
    )
    of_report = np.where((at < 0) | (kind < 0), -1, at * len(tactics) + kind)
    known = known_share(reports, of_report, len(countries) * len(tactics), periods, freq, day, since, least)
    return KnownShare(known.share[group], known.error[group])


def stated_share(shares: Sequence[float], shape: tuple[int, int, int]) -> KnownShare:
    """The shares of the last period, the one before, … as stated, without an error; 1 before these.

    Raises
    ------
    InputError
        For what is no share above 0, up to 1.
    """
    if not all(0 < share <= 1 for share in shares):
        raise InputError("are shares above 0, up to 1", where="known_shares", found=list(shares))
    share = np.ones(shape)
    late = min(len(shares), shape[-1])
    share[..., shape[-1] - late :] = np.asarray(shares[:late])[::-1]
    return KnownShare(share, np.zeros((*shape, 0)))


def _by_age(
    reports: pd.DataFrame,
    group: npt.NDArray[np.intp],
    groups: int,
    periods: pd.DatetimeIndex,
    freq: str,
    ages: pd.TimedeltaIndex,
) -> Iterator[tuple[Array, Array, Array]]:
    """For each age but the last, numbers of records over (group and all together, period) of periods that reached it.

    Those that stood at this age and at the last, at this age, and at the last.
    """
    time = periods.get_indexer(period_start(pd.DatetimeIndex(reports["date_end"]), freq))
    inside = (time >= 0) & (time < len(periods) - len(ages) + 1)
    time, of_group, rows = time[inside], np.where(group < 0, groups, group)[inside], reports[inside]
    end = period_end(periods, freq)[time].to_numpy()
    first = np.searchsorted(ages, rows["first"].to_numpy() - end)
    gone = np.where(rows[UNTIL].isna(), len(ages), np.searchsorted(ages, rows[UNTIL].to_numpy() - end))

    def counted(chosen: npt.NDArray[np.bool_]) -> Array:
        cell = of_group[chosen] * len(periods) + time[chosen]
        numbers = np.bincount(cell, minlength=(groups + 1) * len(periods)).reshape(groups + 1, -1).astype(float)
        return np.concatenate([numbers[:groups], numbers.sum(axis=0, keepdims=True)])

    last = len(ages) - 1
    at_last = (first <= last) & (gone > last)
    for age in range(last):
        at_age = (first <= age) & (gone > age)
        yield counted(at_age & at_last), counted(at_age), counted(at_last)


def _shares(kept: Array, whole: Array) -> tuple[Array, Array, Array, Array]:
    """The share of `whole` that is `kept`, of numbers over (group and all together, period): four numbers per group.

    The mean of its log in a new period (NaN where there are no records); the variance of the error of that mean which
    groups have in common, of the error that is its own, and of what the period adds.
    """
    count = len(whole) - 1
    total = whole[-1].sum()
    if not total:
        return np.full(count, np.nan), np.zeros(count), np.zeros(count), np.zeros(count)
    pooled = kept[-1].sum() / total
    between_periods = intraclass(kept[-1], whole[-1], pooled)
    size = total / (1 + ((whole[-1] ** 2).sum() / total - 1) * between_periods)
    common = _log_variance(pooled, size)
    parts, numbers = kept[:-1].sum(axis=1), whole[:-1].sum(axis=1)
    between_groups = intraclass(parts, numbers, pooled)
    # A group's share under a beta distribution around that of all, as sure as so many records; endless where the groups
    # are alike.
    prior = 1 / between_groups - 1 if between_groups else np.inf
    weight = 1 / (1 + numbers / prior)
    share = weight * pooled + (1 - weight) * parts / np.maximum(numbers, 1.0)
    of_group = _log_variance(share, prior + numbers) if between_groups else np.zeros(count)
    with np.errstate(divide="ignore"):
        log_share = np.log(share)
    if not between_periods:
        return log_share, weight**2 * common, of_group, np.zeros(count)
    # The log of a period's share, which is beta distributed around that of all.
    known, missing = pooled * (1 / between_periods - 1), (1 - pooled) * (1 / between_periods - 1)
    log_share += special.digamma(known) - special.digamma(known + missing) - np.log(pooled)
    of_period = special.polygamma(1, known) - special.polygamma(1, known + missing)
    return log_share, weight**2 * common, of_group, np.full(count, of_period)


def _log_variance(share: Any, size: Any) -> Any:
    """Variance of the log of a share that was estimated from so many records, with Jeffreys' prior."""
    return special.polygamma(1, share * size + 0.5) - special.polygamma(1, size + 1.0)


def intraclass(part: Array, whole: Array, share: float | Array) -> float:
    """Correlation of records of one set beyond chance, from 0 to below 1: a moment estimate over sets.

    `share` of each set, or of all, is what part of the whole is expected; sets where that is 0 or 1 tell nothing.
    """
    share = np.broadcast_to(share, whole.shape)
    seen = (whole > 0) & (share > 0) & (share < 1)
    part, whole, share = part[seen], whole[seen], share[seen]
    if len(whole) < 2:
        return 0.0
    pearson = ((part - whole * share) ** 2 / (whole * share * (1 - share))).sum() / (len(whole) - 1)
    size = (whole.sum() - (whole**2).sum() / whole.sum()) / (len(whole) - 1)
    return float(np.clip((pearson - 1) / (size - 1), 0.0, 0.99)) if size > 1 else 0.0


def _root(covariance: Array, used: npt.NDArray[np.bool_]) -> Array:
    """(row, component): the leading components of the covariance of some rows; 0 in the others."""
    values, vectors = np.linalg.eigh(covariance[np.ix_(used, used)])
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
    count = int(np.searchsorted(np.cumsum(values), _KEPT * values.sum())) + 1 if values.any() else 0
    root = np.zeros((len(covariance), count))
    root[used] = vectors[:, :count] * np.sqrt(values[:count])
    return root


def _covariance(common: Array, of_group: Array, scatter: Array) -> Array:
    """Covariance of the errors of log shares over (group and age, the same), from variances over (group, age).

    An estimate errs alike at all ages, for they are of the same periods; what a period adds is its own.
    """
    groups, ages = common.shape
    same_group, same_age = np.eye(groups)[:, None, :, None], np.eye(ages)[None, :, None, :]
    covariance = np.multiply.outer(np.sqrt(common), np.sqrt(common))
    covariance = covariance + same_group * np.multiply.outer(np.sqrt(of_group), np.sqrt(of_group))
    covariance = covariance + same_age * np.sqrt(scatter)[:, :, None, None] * np.sqrt(scatter)[None, None]
    return np.asarray(covariance.reshape(groups * ages, groups * ages))
