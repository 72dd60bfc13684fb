"""Population beside attacks: people as the user's table gives them, and the attacks expected per 100,000 of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecast import names
from forecast.report.figures import Group, Outlook
from forecast.report.parts import Part

__all__ = ["PopulationPart", "population_said", "rate_text", "with_population"]

_PER = 100_000


@dataclass(frozen=True)
class PopulationPart(Part):
    """What a report says of population.

    Attributes
    ----------
    file : str
        Name of the table that it is from.
    provinces : DataFrame
        province, population (people).
    """

    file: str
    provinces: pd.DataFrame


def with_population(outlook: Outlook, part: PopulationPart | None, groups: Sequence[Group]) -> Outlook:
    """The figures of provinces and sums with `population`, and `per_100_000`: attacks over the horizon, with bounds.

    Of a sum, both are told where the population of all its provinces is known.
    """
    if part is None or part.provinces.empty:
        return outlook
    known = part.provinces.set_index(names.PROVINCE)["population"].astype(float)

    def with_rates(table: pd.DataFrame, rows: list[list[str]]) -> pd.DataFrame:
        people = np.array([known.reindex(keys).sum(skipna=False) for keys in rows])
        rates = {
            f"per_100_000{suffix}": table[f"sum_{side}"].to_numpy(float) * _PER / people
            for suffix, side in (("", "median"), ("_lower", "lower"), ("_upper", "upper"))
        }
        return table.assign(population=people, **rates)

    return outlook.beside(groups, with_rates)


def rate_text(value: float) -> str:
    """A rate with one decimal, below 10 with two: '12.3', '0.45'; '–' where there is none."""
    if not np.isfinite(value):
        return "–"
    return f"{value:,.1f}" if value >= 9.995 else f"{value:.2f}"


def population_said(outlook: Outlook, part: PopulationPart | None) -> str:
    """What the rates are; '' where there are none."""
    if part is None or "population" not in outlook.provinces:
        return ""
    return (
        f"People are as {part.file} gives them, which came with the settings. The rate is the median of the attacks "
        f"expected, {outlook.span}, per 100,000 of them; the table’s file has its 80% interval too. It compares "
        "provinces of different size, and is not the risk of a person."
    )
