"""Sources of panels: events or ready counts, as they were known at any day."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, runtime_checkable

import pandas as pd
import xarray as xr

from forecast.errors import InputError
from forecast.events.table import Events
from forecast.panel.build import build_panel
from forecast.panel.panel import Panel

__all__ = ["CountsSource", "Measurable", "PanelSource"]


@runtime_checkable
class Measurable(Protocol):
    """What is measured anew for each panel."""

    def attach(self, panel: Panel, name: str, origin: str | pd.Timestamp | None) -> Panel:
        """The panel with it as a covariate, as known at the end of the day `origin`."""


Covariates = pd.DataFrame | xr.DataArray | Measurable


@dataclass(frozen=True)
class PanelSource:
    """Where panels come from: `at(origin)` is the panel as it was known at the end of that day.

    Attributes
    ----------
    events : Events
        All events, with `reported` where the source tells it.
    settings : mapping
        Keyword arguments of `build_panel`, without `as_of`.
    covariates : mapping of str to DataFrame, DataArray or Measurable
        Attached to every panel; see `Panel.with_covariate`. What is measured, such as a `CapabilitySource`, is
        measured anew for each, from what was known then.
    """

    events: Events
    settings: Mapping[str, Any] = field(default_factory=dict)
    covariates: Mapping[str, Covariates] = field(default_factory=dict)

    def __post_init__(self) -> None:
        allowed = set(inspect.signature(build_panel).parameters) - {"events", "as_of"}
        unknown = sorted(set(self.settings) - allowed)
        if unknown:
            raise InputError("unknown settings", where="settings", found=unknown, expected=sorted(allowed))

    @property
    def has_vintages(self) -> bool:
        """True where records say when they were reported, or earlier versions of them are held.

        Else a record counts as known from its last day, and panels of the past are made from final data.
        """
        older = self.events.older
        return bool(self.events.table["reported"].notna().any()) or (older is not None and len(older) > 0)

    def at(self, origin: str | pd.Timestamp | None = None) -> Panel:
        """Panel as known at the end of the day `origin`; without one, all that is known."""
        return _with_covariates(build_panel(self.events, as_of=origin, **self.settings), self.covariates, origin)


@dataclass(frozen=True)
class CountsSource:
    """Ready counts as a source of panels: the periods up to a day, each count as it stands.

    Attributes
    ----------
    counts : Panel
        All counts; covariates that it has already are cut like these.
    covariates : mapping
        As of `PanelSource`.
    """

    counts: Panel
    covariates: Mapping[str, Covariates] = field(default_factory=dict)

    # Counts as they stand now.
    has_vintages: ClassVar[bool] = False

    def at(self, origin: str | pd.Timestamp | None = None) -> Panel:
        """Panel of the periods that ended by the day `origin`; without one, all of them."""
        panel = self.counts if origin is None else self.counts.between(end=origin)
        return _with_covariates(panel, self.covariates, origin)


def _with_covariates(panel: Panel, covariates: Mapping[str, Covariates], origin: str | pd.Timestamp | None) -> Panel:
    for name, values in covariates.items():
        if isinstance(values, Measurable):
            panel = values.attach(panel, name, origin)
        else:
            panel = panel.with_covariate(name, values)
    return panel
