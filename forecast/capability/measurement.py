"""The measurement model of indicators: what is believed of it before the data, and the scale on which it works."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import logit

from forecast import names
from forecast.capability.indicators import COUNT, SHARE
from forecast.errors import InputError
from forecast.model.priors import LogNormal, Normal

__all__ = ["Array", "Ints", "Measurement", "on_working_scale"]

Array = npt.NDArray[np.float64]

Ints = npt.NDArray[np.int64]

# A share of 0 or 1 of an unknown total stands for one this far away.
_EDGE = 0.005
# The least SD of an indicator within forces, on its working scale.
_LEAST_SD = 1e-3


@dataclass(frozen=True)
class Measurement:
    """What is believed of paths and indicators before seeing them.

    Attributes
    ----------
    half_life : LogNormal
        Of a path's memory, months.
    loading : LogNormal
        SDs of an indicator (within forces) per SD of capability; of the probit for an ordinal one.
    between : float
        SD of the log of loadings between forces.
    noise : LogNormal
        SD of an indicator's noise, in its own SDs; an ordinal one has 1, on the probit scale.
    level : Normal
        Of a force's level, in SDs of the indicator from the mean of its values.
    ordinal : {'probit', 'scored'}
        Ordinal ratings as ordered probits, or as numbers.
    """

    half_life: LogNormal = LogNormal(12.0, 0.7)
    loading: LogNormal = LogNormal(0.7, 0.5)
    between: float = 0.3
    noise: LogNormal = LogNormal(0.6, 0.6)
    level: Normal = Normal(0.0, 5.0)
    ordinal: str = "probit"

    def __post_init__(self) -> None:
        if self.ordinal not in ("probit", "scored"):
            where, expected = "Measurement.ordinal", "probit or scored"
            raise InputError("is not known", where=where, found=self.ordinal, expected=expected)


def on_working_scale(table: pd.DataFrame, ordinal: str) -> pd.DataFrame:
    """With the columns `working` and `sampling`: values in SDs within forces, and the variance that sampling gives.

    Shares are logits, counts logs of the number per period; ordinal ratings stay as they are for a probit. The table
    has the columns `first` and `last`: numbers of the periods that a value covers.
    """
    value, scale = table[names.VALUE].astype(float), table["scale"]
    length = table["last"] - table["first"] + 1
    known = table["total"].notna()
    drawn = (value * table["total"] + 0.5) / (table["total"] + 1)
    share = drawn.where(known, value.clip(_EDGE, 1 - _EDGE)).where(scale == SHARE, 0.5)
    working = value.mask(scale == SHARE, share.map(logit))
    working = working.mask(scale == COUNT, np.log((value.clip(lower=0) + 0.5) / length))
    sampling = pd.Series(0.0, index=table.index)
    sampling = sampling.mask((scale == SHARE) & known, 1 / (table["total"] * share * (1 - share)))
    sampling = sampling.mask(scale == COUNT, 1 / (value.clip(lower=0) + 0.5))
    probit = scale.str.startswith("ordinal") & (ordinal == "probit")
    centred = working - working.groupby([table[names.FORCE], table[names.INDICATOR]]).transform("mean")
    sd = np.sqrt((centred**2).groupby(table[names.INDICATOR]).transform("mean")).clip(lower=_LEAST_SD)
    return table.assign(working=(centred / sd).mask(probit, value), sampling=(sampling / sd**2).mask(probit, 0.0))
