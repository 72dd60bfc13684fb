"""Records that stand in several downloads of one source: the newest version of each, and what was withdrawn."""

from collections.abc import Sequence

import pandas as pd

from forecast import names
from forecast.events.values import MADE_ID
from forecast.ledger import Ledger

__all__ = ["UNTIL", "newest_versions"]

# Column of superseded and withdrawn records: the day from which they were known not to stand.
UNTIL = "until"
# UCDP gives a candidate event another id once it is vetted; there these columns tell which record it became.
_SAME_UCDP_EVENT = [names.COUNTRY, "date", "actor", "opponent"]
# A larger share of missing records comes from another filter, or from an export that broke off.
_MOST_WITHDRAWN = 1 / 3
# So many records of one kind, all missing, tell that the later download was filtered by kind.
_FILTERED_KIND = 5


def newest_versions(
    drafts: Sequence[pd.DataFrame], files: Sequence[str], ledger: Ledger
) -> tuple[pd.DataFrame, pd.DataFrame, Ledger]:
    """Draft events of several downloads as one table in which each record stands once, as the latest download has it.

    The later of two downloads is the one with the newest `reported` day; where a download has none, the one that is
    given later, but of UCDP's releases the one of more days (a quarter replaces its months, a year its quarters).
    A record that a later download of the same span no longer has is withdrawn. The span of a download is that of its
    countries, between the last days of its earliest and its latest record. Nothing is withdrawn where the two have no
    record in common, where more than a third would be, and of a kind (`tactic_label`) of which five or more records
    would be and none would stay: such a download holds a selection. Records without ids of their own always stay.

    Parameters
    ----------
    drafts : sequence of DataFrame
        One for each download.
    files : sequence of str
        Their names, for the ledger.
    ledger : Ledger
        Gets a line on repeated ids, on withdrawn records, and on those that were not compared.

    Returns
    -------
    standing : DataFrame
        One row per id.
    past : DataFrame
        Earlier versions of these and withdrawn records, as far as the days are known on which they became known
        (`reported`) and no longer stood (`until`: the day of the newer version, or the newest `reported` of the
        download that no longer has the record).
    ledger : Ledger
    """
    order = _from_earliest(drafts)
    downloads = [drafts[number] for number in order]
    table = pd.concat(downloads, ignore_index=True) if len(downloads) > 1 else downloads[0].reset_index(drop=True)
    repeated = table[table["event_id"].duplicated(keep=False)]
    in_order = repeated.sort_values("reported", na_position="first", kind="stable")
    older = in_order["event_id"].duplicated(keep="last")
    until = in_order.groupby("event_id")["reported"].shift(-1)[older]
    reason = "the same event_id came again, in a newer version"
    ledger = ledger.add("duplicate id", int(older.sum()), "excluded", reason, in_order["event_id"][older])
    withdrawn, ledger = _withdrawn(downloads, [files[number] for number in order], ledger)
    standing = table.drop(index=until.index)
    gone = standing["event_id"].isin(withdrawn.index)
    ids = standing["event_id"][gone]
    until = pd.concat([until, pd.Series(withdrawn.reindex(ids).to_numpy(), ids.index)])
    past = table.loc[until.index].assign(**{UNTIL: until})
    return standing[~gone], past[past["reported"].notna() & past[UNTIL].notna()], ledger


def _from_earliest(drafts: Sequence[pd.DataFrame]) -> list[int]:
    """Numbers of the downloads, the earliest first."""
    newest = [draft["reported"].max() for draft in drafts]
    if not any(pd.isna(day) for day in newest):
        return sorted(range(len(drafts)), key=lambda number: newest[number])
    if all(draft["source"].eq("ucdp").all() for draft in drafts):
        days = [len(draft) and (draft["date_end"].max() - draft["date_end"].min()).days for draft in drafts]
        return sorted(range(len(drafts)), key=lambda number: days[number])
    return list(range(len(drafts)))


def _withdrawn(downloads: Sequence[pd.DataFrame], files: Sequence[str], ledger: Ledger) -> tuple[pd.Series, Ledger]:
    """By id, the day from which a record was known to be withdrawn (NaT where no source tells)."""
    days: dict[str, pd.Timestamp] = {}
    for number, earlier in enumerate(downloads):
        ids = earlier["event_id"]
        later_on = [download["event_id"] for download in downloads[number + 1 :]]
        settled = ids.isin(pd.concat(later_on)) if later_on else pd.Series(True, index=earlier.index)
        for later, file in zip(downloads[number + 1 :], files[number + 1 :], strict=True):
            missing, ledger = _missing(earlier, later, (files[number], file), ledger)
            gone = ids[missing & ~settled]
            settled |= missing
            reason = f"{file}, a later download of the same span, does not have them as attacks"
            ledger = ledger.add("withdrawn", len(gone), "excluded", reason, gone, files[number])
            days |= dict.fromkeys(gone, later["reported"].max())
    return pd.Series(days, dtype="datetime64[ns]"), ledger


def _missing(
    earlier: pd.DataFrame, later: pd.DataFrame, files: tuple[str, str], ledger: Ledger
) -> tuple[pd.Series, Ledger]:
    """Which records of a download lie in the span of a later one that does not have them."""
    covered = earlier["date_end"].between(later["date_end"].min(), later["date_end"].max())
    covered &= earlier[names.COUNTRY].isin(later[names.COUNTRY]) & ~earlier["event_id"].str.startswith(MADE_ID)
    kept = covered & earlier["event_id"].isin(later["event_id"])
    known = kept | (covered & _vetted(earlier, later))
    if not known.any():
        return known, ledger
    kinds = earlier["tactic_label"].fillna("")
    counts = pd.DataFrame({"covered": covered, "known": known}).groupby(kinds).sum()
    filtered = counts.index[(counts["known"] == 0) & (counts["covered"] >= _FILTERED_KIND)]
    other = covered & kinds.isin(filtered)
    if other.any():
        reason = f"{files[1]}, a later download of the same span, has none of their kind; kept"
        ledger = ledger.add("not compared", int(other.sum()), "noted", reason, filtered, files[0])
    missing = covered & ~other
    share = float((missing & ~known).sum() / missing.sum())
    if share > _MOST_WITHDRAWN:
        reason = f"{files[1]}, a later download of the same span, lacks {share:.0%} of them: a selection; kept"
        ledger = ledger.add("not compared", int((missing & ~known).sum()), "noted", reason, source=files[0])
        return pd.Series(False, index=earlier.index), ledger
    return missing & ~kept, ledger


def _vetted(earlier: pd.DataFrame, later: pd.DataFrame) -> pd.Series:
    """Which candidate events of UCDP a later release has, be it under another id."""
    if not (earlier["source"].eq("ucdp").all() and later["source"].eq("ucdp").all()):
        return pd.Series(False, index=earlier.index)
    events = [pd.MultiIndex.from_frame(draft[_SAME_UCDP_EVENT]) for draft in (earlier, later)]
    return pd.Series(events[0].isin(events[1]), index=earlier.index)
