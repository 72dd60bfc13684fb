"""Small tables of reports."""

import pandas as pd
import pytest

from forecast.totals.reports import Reports


@pytest.fixture(scope="session")
def row():
    """One published count; `month` and `end` such as 2021-03."""

    def made(provinces, attacks, month="2021-03", end=None, **more):
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

    return made


@pytest.fixture(scope="session")
def reports():
    """Reports from rows."""
    return lambda *rows, **options: Reports.from_frame(pd.DataFrame(list(rows)), **options)
