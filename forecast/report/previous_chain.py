"""Reports in a row: each compared with the periods up to the next, all of them together."""

import numpy as np
import pandas as pd

from forecast.evaluation.rank_tests import DOUBT, evidence
from forecast.evaluation.scores import LEVEL
from forecast.evaluation.verification import Verification
from forecast.report.wording import counted, day_label

__all__ = ["chain_said", "covered_with", "evidence_label", "evidence_of", "goes_on", "is_doubted", "reports_with"]

_MISSES, _TOTALS = ["p_lower", "p_upper"], ["pit_lower", "pit_upper"]
_INSIDE = ["inside_50", "inside_90"]
_REPORTS = ["data_end", *_MISSES, *_TOTALS]
_COVERED = [LEVEL, "outcomes", *_INSIDE]


def goes_on(reports: pd.DataFrame, covered: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What the next report is counted with: the earlier ones, or after an alarm of all together none."""
    if reports.empty or is_doubted(reports):
        return pd.DataFrame(), pd.DataFrame()
    return reports[_REPORTS], covered[_COVERED]


def reports_with(reports: pd.DataFrame, verification: Verification) -> pd.DataFrame:
    """A row more, for a report that was compared: data_end, p_lower, p_upper, pit_lower and pit_upper."""
    if verification.outcomes.empty:
        return reports
    row = (day_label(verification.forecast.origin), *verification.p_bounds, *verification.pit_bounds)
    return pd.concat([reports, pd.DataFrame([row], columns=_REPORTS)], ignore_index=True)


def covered_with(covered: pd.DataFrame, verification: Verification) -> pd.DataFrame:
    """By level, numbers of outcomes and of those inside their 50 and 90 % intervals, with those of a report more."""
    if verification.outcomes.empty:
        return covered
    table = verification.outcomes.astype(dict.fromkeys(_INSIDE, int)).assign(outcomes=1)
    of_report = table.groupby(LEVEL, sort=False)[_COVERED[1:]].sum().reset_index()
    return pd.concat([covered, of_report]).groupby(LEVEL, sort=False).sum().reset_index()


def evidence_of(reports: pd.DataFrame) -> float:
    """Evidence against all the reports together; 1 where there are none."""
    if reports.empty:
        return 1.0
    return float(evidence(*(reports[columns].to_numpy(float) for columns in (_MISSES, _TOTALS)))[-1])


def is_doubted(reports: pd.DataFrame) -> bool:
    """Whether they are further off together than chance explains."""
    return evidence_of(reports) >= DOUBT


def chain_said(reports: pd.DataFrame) -> str:
    """Whether several reports together are further off than chance explains, and to which side their totals lay."""
    verdict = "further off than chance explains" if is_doubted(reports) else "within chance"
    compared = reports[reports["pit_upper"] - reports["pit_lower"] < 1]
    above = int((compared[_TOTALS].sum(axis=1) > 1).sum())
    side = f"; the total came above the middle of what was expected in {above} of {len(compared)}"
    return (
        f"Taken together, {counted(len(reports), 'report')} {'is' if len(reports) == 1 else 'are'} {verdict} (evidence "
        f"{evidence_label(reports)}, where {DOUBT:g} needs eyes){side if len(compared) else ''}."
    )


def evidence_label(reports: pd.DataFrame) -> str:
    """'1.3', rounded down, so that what is printed as 20.0 is no less than that."""
    return f"{np.floor(10 * evidence_of(reports)) / 10:,.1f}"
