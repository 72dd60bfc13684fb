"""What the sections of a page share: the figures, and where things stand, each computed once."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from forecast.dated import in_order
from forecast.panel.panel import Panel
from forecast.prediction.draws import Forecast
from forecast.report.about import past_performance
from forecast.report.capability import CapabilityPart, latest_levels, latest_said, with_capability
from forecast.report.content import ReportContent, report_notes
from forecast.report.deaths import with_deaths
from forecast.report.figures import Group, Outlook, groups_of, outlook
from forecast.report.overlays import Overlays
from forecast.report.population import with_population
from forecast.report.priorities import with_priorities
from forecast.report.provinces import Fold, folds_of, group_anchors, province_anchors

__all__ = ["Page"]


@dataclass(frozen=True)
class Page:
    """A page in the making.

    Attributes
    ----------
    content : ReportContent
        What it is made of.
    reserved : collection of str
        Addresses of its sections, which no province can have.
    """

    content: ReportContent
    reserved: Collection[str] = ()

    @property
    def forecast(self) -> Forecast:
        """The forecast that it is about."""
        return self.content.main

    @cached_property
    def panel(self) -> Panel:
        """The data up to the forecast's origin."""
        return self.content.panel.between(end=self.forecast.origin)

    @cached_property
    def simulated(self) -> bool:
        """Whether it is labelled as showing simulated data."""
        return self.content.simulated

    @property
    def unit(self) -> str:
        """'month' or 'week'."""
        return self.outlook.unit

    @cached_property
    def groups(self) -> list[Group]:
        """Sums of provinces."""
        return groups_of(self.forecast, self.content.zones)

    @cached_property
    def capability(self) -> CapabilityPart | None:
        """What is told of capability."""
        part = self.content.capability
        return part.without_chances() if part is not None and self.content.no_chances else part

    @cached_property
    def latest(self) -> pd.DataFrame:
        """Where the capability of each force stands; see `latest_levels`."""
        part = self.capability
        return pd.DataFrame() if part is None else latest_levels(part.capability, self.panel.without_ended())

    @cached_property
    def outlook(self) -> Outlook:
        """The figures, with what is known beside them."""
        content = self.content
        ahead = outlook(self.forecast, content.zones)
        if content.no_chances:
            ahead = ahead.without_chances()
        ahead = with_population(with_deaths(ahead, content.deaths, self.groups), content.population, self.groups)
        ahead = with_priorities(ahead, content.backtest)
        return with_capability(ahead, self.latest, self.panel.without_ended())

    @cached_property
    def levels(self) -> str:
        """What the levels of capability in tables and on the map are; '' where there are none."""
        return latest_said(self.outlook)

    @cached_property
    def sums(self) -> dict[str, str]:
        """Addresses of sums by the keys of their groups."""
        return group_anchors(self.groups)

    @cached_property
    def anchors(self) -> dict[str, str]:
        """Addresses of provinces."""
        return province_anchors(self.forecast, self.reserved)

    @cached_property
    def overlays(self) -> Overlays:
        """Dated events, and what the last report said."""
        last = self.content.previous
        return Overlays(in_order(self.content.events), pd.DataFrame() if last is None else last.bands)

    @cached_property
    def folds(self) -> tuple[list[Fold], list[Fold]]:
        """What is shown of each sum and of each province."""
        figures = (self.panel, self.forecast, self.outlook, self.groups)
        return folds_of(*figures, self.anchors, self.simulated, self.overlays)

    @cached_property
    def past_performance(self) -> tuple[str, str]:
        """How the models were tried, and a caution; see `about.past_performance`."""
        return past_performance(self.content.scores, self.forecast.model, self.forecast.freq)

    @cached_property
    def notes(self) -> list[str]:
        """Notes on the data, but those that stand on top."""
        content = self.content
        return [note for note in report_notes(content) if note not in (content.lost, content.unplaced, content.untyped)]
