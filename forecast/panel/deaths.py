"""Deaths that records tell beside attacks: what was recorded, by province. No model looks at them."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from forecast import names
from forecast.events.selection import involved
from forecast.events.table import Events
from forecast.panel.panel import Panel

__all__ = ["recorded_deaths"]


def recorded_deaths(events: Events, panel: Panel, periods: int, settings: Mapping[str, Any]) -> pd.DataFrame:
    """Deaths of a panel's records in its last periods, as the source has them.

    Parameters
    ----------
    events : Events
        Of which the panel was made; `fatalities` is UCDP's best estimate, ACLED's `fatalities`, GTD's `nkill`.
    panel : Panel
        Whose provinces and tactics count.
    periods : int
        The last so many of its periods. A record of several days counts on its first one.
    settings : mapping
        Keyword arguments of `build_panel`: actor, target and multiday say which records the panel has.

    Returns
    -------
    DataFrame
        province (each of the panel's), deaths (NaN where no record tells them), records and untold (how many of these
        do not tell their deaths); empty where the source never tells them. Without a record there are 0 deaths.
    """
    table = events.table
    if not table["fatalities"].notna().any():
        return pd.DataFrame()
    sides: dict[str, str | Sequence[str] | None] = {key: settings.get(key) for key in ("actor", "target")}
    table = table[involved(table, **sides)]
    if settings.get("multiday") == "omit":
        table = table[table["date"] == table["date_end"]]
    first = panel.periods[-min(periods, len(panel.periods))]
    inside = table["date"].between(first, panel.origin + pd.Timedelta(days=1), inclusive="left")
    tactics = [*panel.tactics, *([names.UNKNOWN] if names.TYPED in panel.dataset else [])]
    inside &= table[names.PROVINCE].isin(panel.provinces) & table[names.TACTIC].isin(tactics)
    chosen = table[inside].assign(untold=table["fatalities"].isna())
    groups = chosen.groupby(chosen[names.PROVINCE].astype(str))
    sums = pd.DataFrame(
        {
            "deaths": groups["fatalities"].sum(min_count=1).astype(float),
            "records": groups.size(),
            "untold": groups["untold"].sum(),
        }
    ).reindex(panel.provinces)
    calm = sums["records"].isna()
    sums = sums.fillna({"records": 0, "untold": 0}).astype({"records": int, "untold": int})
    sums.loc[calm, "deaths"] = 0.0
    return sums.rename_axis(names.PROVINCE).reset_index()
