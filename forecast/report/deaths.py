"""Deaths beside attacks: recorded ones, of the periods that the forecast is compared with. None is forecast."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from forecast import names
from forecast.report.figures import Group, Outlook
from forecast.report.parts import Part
from forecast.report.wording import amount, counted

__all__ = ["DeathsPart", "deaths_said", "with_deaths"]


@dataclass(frozen=True)
class DeathsPart(Part):
    """What a report says of deaths.

    Attributes
    ----------
    periods : int
        Of the last so many.
    provinces : DataFrame
        province, deaths (NaN where no record tells them), records, untold: see `recorded_deaths`.
    """

    periods: int
    provinces: pd.DataFrame


def with_deaths(outlook: Outlook, part: DeathsPart | None, groups: Sequence[Group]) -> Outlook:
    """The figures with the recorded deaths of the provinces, of their groups and of all."""
    if part is None or part.provinces.empty or part.periods != outlook.since:
        return outlook
    deaths = part.provinces.set_index(names.PROVINCE)["deaths"].astype(float)
    # Where those of one province are not known the sum is that of the others.
    return outlook.beside(
        groups, lambda table, rows: table.assign(deaths=[deaths.reindex(keys).sum(min_count=1) for keys in rows])
    )


def deaths_said(outlook: Outlook, part: DeathsPart | None) -> str:
    """What the numbers of deaths are, and that none is forecast; '' where there are none."""
    if part is None or "deaths" not in outlook.total:
        return ""
    records, untold = (int(part.provinces[column].sum()) for column in ("records", "untold"))
    said = (
        f"Deaths are those on record for the attacks of {outlook.past} whose province is known, by the first day of "
        "each record. They are not forecast: everything ahead counts attacks."
    )
    if not untold:
        return said
    lack = "does not tell its deaths" if untold == 1 else "do not tell their deaths"
    return f"{said} {amount(untold)} of {counted(records, 'record')} {lack}, so that the true sums are larger."
