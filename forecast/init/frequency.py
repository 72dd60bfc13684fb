"""Months or weeks."""

import pandas as pd

from forecast import names

__all__ = ["choose_frequency"]

# Weeks where a province has so many attacks in one, or where the data cover fewer weeks than this (a year), of which
# months would be too few to learn from; else months.
WEEKLY_ATTACKS, FEWEST_WEEKS = 2.0, 52
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def choose_frequency(draft: pd.DataFrame, source: str, provinces: int) -> tuple[str, str]:
    """Months or weeks, and why: as the rows are, where each stands for a week or a month; else by how many attacks."""
    starts, ends = draft["date"], draft["date_end"]
    weekday = int(starts.dt.day_of_week.mode().iloc[0])
    one_day = bool((starts.dt.day_of_week == weekday).all())
    weeks_of_rows = one_day and (source == "counts" or bool(((ends - starts).dt.days == 6).all()))
    months_of_rows = bool((starts.dt.day == 1).all()) and (source == "counts" or bool(ends.dt.is_month_end.all()))
    if months_of_rows:
        return names.MONTHLY, "each row stands for a month"
    if source == "counts" and not weeks_of_rows:
        return names.MONTHLY, "the periods are not all of one weekday"
    anchor = names.WEEKS[weekday] if weeks_of_rows else names.WEEKLY
    begin = f"that begin on {_DAYS[weekday]}, as those of the rows do" if weeks_of_rows else "from Monday to Sunday"
    if source == "counts":
        return anchor, f"weeks {begin}"
    weeks = ((ends.max() - starts.min()).days + 1) // 7
    density = float(draft[names.ATTACKS].sum()) / max(weeks, 1) / provinces
    seen = f"{density:.1f} attacks a week and province over {weeks} weeks"
    rule = f"weeks from {WEEKLY_ATTACKS:g} attacks on, or below {FEWEST_WEEKS} weeks"
    if density >= WEEKLY_ATTACKS or weeks < FEWEST_WEEKS:
        return anchor, f"weeks {begin}: {seen} ({rule})"
    return names.MONTHLY, f"months: {seen} ({rule})"
