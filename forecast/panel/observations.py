"""The observations below a panel: values over sets of cells, which likelihoods and scores use."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from scipy import sparse

from forecast import names
from forecast.errors import InputError

__all__ = ["Observations", "observations_of_cells"]


@dataclass(frozen=True)
class Observations:
    """What was observed: one row per value, each the sum over the cells that its row of `cells` marks.

    Attributes
    ----------
    table : DataFrame
        One row per observation: `value` (attacks; the exact count, or NaN where only bounds are known),
        `lower` and `upper` (attacks, inclusive; equal to `value` for an exact count), `definition` and
        `publisher` (text, '' where there is only one). Of published counts also `kind` ('total', 'part', 'subset'),
        `whole` (the row that a part or subset belongs to, or -1), `zone`, `is_reference` (whether the zone's factors
        are relative to this definition) and `within` (the definition that this one's attacks are among, or ''). A cell
        that was observed beside published counts is a total of no zone and no publisher, the reference of all zones.
    cells : scipy.sparse.csr_array
        Shape (observations, cells), 0/1; cells are the panel's (province, tactic, period) in C order.
    """

    table: pd.DataFrame
    cells: sparse.csr_array

    def __post_init__(self) -> None:
        if self.cells.shape[0] != len(self.table):
            raise InputError(
                "every observation needs one row of cells",
                where="cells",
                found=self.cells.shape[0],
                expected=len(self.table),
            )

    def __len__(self) -> int:
        return len(self.table)

    @property
    def is_published(self) -> bool:
        """True where there are published counts among them."""
        return "kind" in self.table

    def totals(self, exposure: npt.NDArray[np.float64]) -> tuple[float, float]:
        """Attacks in all, and the exposure of the cells that they are of; parts and subsets of others left out."""
        counted = np.ones(len(self), dtype=bool)
        if self.is_published:
            counted = (self.table["kind"] == "total").to_numpy() & self.table[names.VALUE].notna().to_numpy()
        value = self.table[names.VALUE].to_numpy()[counted]
        return float(value.sum()), float((self.cells[counted] @ exposure.ravel()).sum())


def observations_of_cells(attacks: xr.DataArray, observed: xr.DataArray) -> Observations:
    """One exact observation per observed cell of a grid with dims (province, tactic, period)."""
    index = np.flatnonzero(observed.values.ravel())
    value = attacks.values.ravel()[index].astype(float)
    table = pd.DataFrame(
        {
            names.VALUE: value,
            names.LOWER: value,
            names.UPPER: value,
            names.DEFINITION: "",
            names.PUBLISHER: "",
        }
    )
    shape = (len(index), attacks.size)
    ones = np.ones(len(index), dtype=np.int8)
    return Observations(table, sparse.csr_array((ones, (np.arange(len(index)), index)), shape=shape))
