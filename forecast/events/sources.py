"""The readers of raw event files, by the name of their source."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from forecast.events import acled, acled_aggregated, gtd, plain, ucdp
from forecast.events.raw import ReadOptions
from forecast.ledger import Ledger

__all__ = ["SOURCES", "Reader"]

Reader = Callable[[str | Path, ReadOptions], tuple[pd.DataFrame, Ledger]]

SOURCES: Mapping[str, Reader] = {
    "ucdp": ucdp.read,
    "acled": acled.read,
    "acled-aggregated": acled_aggregated.read,
    "gtd": gtd.read,
    "plain": plain.read,
}
