"""What panels and forecasts share: the labels of provinces, tactics and periods, and where the data came from."""

import json
from typing import Any

import pandas as pd
import xarray as xr

from forecast import names
from forecast.panel.calendar import unit_name

__all__ = ["Labelled"]


class Labelled:
    """A read-only dataset over (province, tactic, period), with its frequency and provenance."""

    dataset: xr.Dataset

    @property
    def freq(self) -> str:
        """'MS' (calendar months), or 'W-MON' to 'W-SUN' (weeks that begin on that day)."""
        return str(self.dataset.attrs["freq"])

    @property
    def provinces(self) -> list[str]:
        """Unit keys of the provinces; in a forecast of sums, the names of groups."""
        return [str(key) for key in self.dataset[names.PROVINCE].values]

    @property
    def tactics(self) -> list[str]:
        """Labels of the tactics; 'all' alone where they were summed."""
        return [str(key) for key in self.dataset[names.TACTIC].values]

    @property
    def periods(self) -> pd.DatetimeIndex:
        """First days of the periods."""
        return pd.DatetimeIndex(self.dataset[names.PERIOD].values)

    @property
    def provenance(self) -> dict[str, Any]:
        """Where the data came from: sources, options and what a reader must be told (key 'notes').

        A forecast adds its model's notes and the covariates that were given as they turned out (key 'oracle').
        """
        return dict(json.loads(self.dataset.attrs.get("provenance", "{}")))

    @property
    def simulated(self) -> bool:
        """True where the data are simulated and must be labelled so wherever they are shown."""
        return bool(self.provenance.get("simulated", False))

    def _freeze(self) -> None:
        """Put a shallow copy of the dataset in its place, whose arrays nobody can write to."""
        dataset = self.dataset.copy(deep=False)
        for name in dataset.data_vars:
            dataset[name].values.setflags(write=False)
        object.__setattr__(self, "dataset", dataset)

    @property
    def _sizes(self) -> str:
        """How many provinces, tactics and periods, as text."""
        periods = f"{len(self.periods)} {unit_name(self.freq)}s"
        return f"{len(self.provinces)} provinces × {len(self.tactics)} tactics × {periods}"

    @property
    def _notes(self) -> list[str]:
        """What a reader must be told, as lines."""
        return [f"  note: {note}" for note in self.provenance.get("notes", ())]
