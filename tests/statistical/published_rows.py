"""Rows of a table of reports, for tests."""

import pandas as pd


def row(provinces, attacks, month="2021-03", end=None, **more):
    """One published count; `month` and `end` such as 2021-03."""
    last = pd.Period(end or month, "M").end_time.normalize()
    return {
        "period_start": f"{month}-01",
        "period_end": f"{last:%Y-%m-%d}",
        "zone": "northeast",
        "provinces": provinces,
        "tactic": "all",
        "attacks": attacks,
        "definition": "recorded",
        "bound": "exact",
        "publisher": "RIC",
        **more,
    }
