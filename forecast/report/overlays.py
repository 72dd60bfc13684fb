"""What charts show beside a series: the user's dated events, and what the last report said of what has come."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from string import ascii_uppercase
from typing import Any

import numpy as np
import pandas as pd

from forecast import names
from forecast.dated import DatedEvent
from forecast.evaluation.scores import LEVEL
from forecast.panel.calendar import next_periods
from forecast.panel.panel import Panel
from forecast.plots import event_layers
from forecast.prediction.draws import Forecast
from forecast.report.fans import Mark, Series, drawn_periods
from forecast.report.wording import day_label

__all__ = ["BAND", "Overlays", "event_text"]

BAND = ["lower_90", "lower_50", "median", "upper_50", "upper_90"]


def event_text(event: DatedEvent) -> str:
    """'Truce (Idlib), 1 to 9 Mar 2020', or 'Election, 7 May 2020'."""
    first, last = pd.Timestamp(event.first), pd.Timestamp(event.last)
    days = day_label(first) if first == last else f"{day_label(first)} to {day_label(last)}"
    return f"{event.name}{f' ({event.where})' if event.where else ''}, {days}"


@dataclass(frozen=True)
class Overlays:
    """What is drawn over series.

    Attributes
    ----------
    events : tuple of DatedEvent
        In the order of their days, which is that of their letters.
    bands : DataFrame
        What the last report said: level, province (or sum), period (YYYY-MM-DD), lower_90, lower_50, median, upper_50
        and upper_90 (attacks, all tactics); empty where there is none.
    """

    events: tuple[DatedEvent, ...] = ()
    bands: pd.DataFrame = field(default_factory=pd.DataFrame)

    def over(self, series: Series, members: Collection[str], level: str = "", key: str = "") -> Series:
        """A series with the events of any of its members, and with the bands of a level and key ('' for none)."""
        edges = _edges(series.starts, series.freq)
        marks = [
            Mark(letter, event_text(event), _place(event.first, edges), _place(event.last, edges))
            for letter, event in self.of(members)
            if _is_drawn(event, edges)
        ]
        return replace(series, marks=tuple(marks), earlier=self._bands(series, level, key))

    def of(self, members: Collection[str]) -> list[tuple[str, DatedEvent]]:
        """The events of any of some provinces, with the letters that mark them."""
        pairs = zip(ascii_uppercase, self.events, strict=False)
        return [pair for pair in pairs if not pair[1].provinces or set(pair[1].provinces) & set(members)]

    def layers(self, members: Collection[str], first: pd.Timestamp, end: pd.Timestamp) -> list[Any]:
        """The same as layers of an Altair chart from `first` to `end`."""
        marked = self.of(members)
        return event_layers([event for _, event in marked], first, end, [letter for letter, _ in marked])

    def listed(self, panel: Panel, forecast: Forecast) -> list[tuple[str, str]]:
        """Letters and texts of all events; one before the charts begin is said to be that."""
        edges = _edges(drawn_periods(panel, forecast), panel.freq)
        before = f" (before the charts, which begin on {day_label(edges[0])})"
        pairs = zip(ascii_uppercase, self.events, strict=False)
        return [(letter, event_text(event) + ("" if _is_drawn(event, edges) else before)) for letter, event in pairs]

    def _bands(self, series: Series, level: str, key: str) -> "np.ndarray[tuple[int, int], np.dtype[np.float64]]":
        """Bounds for each recorded period, NaN where the last report said nothing; of shape (5, 0) where it did not."""
        none = np.empty((5, 0))
        if self.bands.empty or not level:
            return none
        rows = self.bands[(self.bands[LEVEL] == level) & (self.bands[names.PROVINCE] == key)]
        table = rows.set_index(pd.DatetimeIndex(rows[names.PERIOD]))[BAND]
        bounds = table.reindex(series.starts[: len(series.past)]).to_numpy(float).T
        return bounds if np.isfinite(bounds).any() else none


def _edges(starts: pd.DatetimeIndex, freq: str) -> pd.DatetimeIndex:
    """First days of the periods of a chart, and of the one after them."""
    return pd.DatetimeIndex([*starts, next_periods(starts[-1], 1, freq)[0]])


def _is_drawn(event: DatedEvent, edges: pd.DatetimeIndex) -> bool:
    return event.lies_within(edges[0], edges[-1])


def _place(day: str, edges: pd.DatetimeIndex) -> float:
    """Where a day stands, in periods from the first edge on; the ends of the chart for a day outside."""
    when = min(max(pd.Timestamp(day), edges[0]), edges[-1])
    row = min(int(edges.searchsorted(when, side="right")) - 1, len(edges) - 2)
    return row + (when - edges[row]) / (edges[row + 1] - edges[row])
