"""Fan charts: what was recorded and what is forecast of a series, large or as a small multiple, drawn as SVG."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecast import names
from forecast.panel.groups import sum_over
from forecast.panel.panel import Panel
from forecast.prediction.draws import Forecast
from forecast.report.svg import ceiling, element, line, place, steps, ticks, words
from forecast.report.wording import day_label

__all__ = ["LEVELS", "Mark", "Series", "drawn_periods", "large_fan", "series_of", "small_fan"]

# Central intervals that are shown, in percent, the wider first.
LEVELS = (90, 50)
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_SHOWN = {names.MONTHLY: 36} | dict.fromkeys(names.WEEKS, 78)
# Width and height of a chart, and the room left of, above, right of and below its marks, in pixels where it has room.
_LARGE, _LARGE_ROOM = (720, 250), (46, 16, 8, 24)
_SMALL, _SMALL_ROOM = (210, 66), (1, 4, 1, 2)
_MOST_LABELS = 5
# Room above the marks of a chart with events, for their letters, and the width of one letter on a phone.
_LETTERS, _LETTER = 34, 15


@dataclass(frozen=True)
class Mark:
    """A dated event in a chart: its letter, what it is, and where it begins and ends, in periods from the left."""

    letter: str
    text: str
    first: float
    last: float


@dataclass(frozen=True)
class Series:
    """What one chart shows.

    Attributes
    ----------
    starts : DatetimeIndex
        First days of the periods, recorded ones first.
    freq : str
        Frequency of the periods.
    past : array
        Recorded attacks of the last periods before the forecast, NaN for a gap.
    quantiles : array
        Bounds of the 90 and 50 % interval and the median of each period ahead, of shape (5, periods).
    late : array
        The same of the last recorded periods, as they will be in the end; of shape (5, 0) where all is on record.
    earlier : array
        The same of the recorded periods, as the last report said it; NaN where it said nothing, and of shape (5, 0)
        where it did so of none.
    marks : tuple of Mark
        Dated events.
    """

    starts: pd.DatetimeIndex
    freq: str
    past: npt.NDArray[np.float64]
    quantiles: npt.NDArray[np.float64]
    late: npt.NDArray[np.float64]
    earlier: npt.NDArray[np.float64] = field(default_factory=lambda: np.empty((5, 0)))
    marks: tuple[Mark, ...] = ()

    @property
    def largest(self) -> float:
        """The largest number that is shown."""
        recorded = (np.nanmax(values, initial=0.0) for values in (self.past, self.late, self.earlier))
        return float(max(self.quantiles.max(), *recorded))

    @property
    def marked(self) -> str:
        """The dated events, in a sentence: 'Marked: A Truce, 1 Mar 2020; B …'; '' for none."""
        return f"Marked: {'; '.join(f'{mark.letter} {mark.text}' for mark in self.marks)}." if self.marks else ""

    @property
    def median(self) -> npt.NDArray[np.float64]:
        """The median of each period ahead."""
        return np.asarray(self.quantiles[2])

    def interval(self, level: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Lower and upper bound of a central interval of `LEVELS` for each period ahead."""
        return _bounds(self.quantiles, level)


def series_of(
    panel: Panel, forecast: Forecast, by: Mapping[str, Sequence[str]] | None, tactics: bool
) -> dict[tuple[str, str], Series]:
    """The series of provinces, or of groups `by`, per (province or group, tactic); of all `tactics` together or each.

    The recorded past of published totals is empty: no single count was observed.
    """
    ahead, attacks = forecast.aggregate(by, tactics=tactics), panel.attacks
    if tactics:
        attacks = attacks.sum(names.TACTIC, skipna=False, keepdims=True)
    starts = drawn_periods(panel, forecast)
    shown = len(starts) - len(forecast.periods)
    past = (attacks if by is None else sum_over(attacks, by)).values[..., attacks.shape[-1] - shown :]
    quantiles, nowcast = ahead.quantiles(_QUANTILES).values.astype(float), ahead.nowcast
    late = (
        np.empty((*quantiles.shape[:-1], 0)) if nowcast is None else nowcast.quantiles(_QUANTILES).values.astype(float)
    )
    late = late[..., late.shape[-1] - min(shown, late.shape[-1]) :]
    return {
        (key, tactic): Series(starts, panel.freq, past[row, column], quantiles[:, row, column], late[:, row, column])
        for row, key in enumerate(ahead.provinces)
        for column, tactic in enumerate(ahead.tactics)
    }


def drawn_periods(panel: Panel, forecast: Forecast) -> pd.DatetimeIndex:
    """First days of the periods that charts show: the last recorded ones, where any was, and those ahead."""
    seen = bool(panel.dataset[names.OBSERVED].any())
    shown = min(_SHOWN[panel.freq], len(panel.periods)) if seen else 0
    return pd.DatetimeIndex([*panel.periods[len(panel.periods) - shown :], *forecast.periods])


def large_fan(series: Series, says: str, simulated: bool) -> str:
    """A chart with axes; `says` is what it shows, in words, for those who cannot see it."""
    most = ceiling(series.largest)
    left, above, right_of, below = _LARGE_ROOM
    room = (left, _LETTERS if series.marks else above, right_of, below)
    frame = _Frame(_LARGE, room, most, len(series.starts))
    right, bottom = frame.x[-1], float(frame.y(0.0))
    marks = ""
    for value in ticks(most):
        height = float(frame.y(value))
        marks += element("path", class_="grid", d=f"M{place(frame.x[0])} {place(height)}H{place(right)}")
        marks += words("text", f"{value:,}", class_="tick end", x=frame.x[0] - 6, y=height + 4)
    for position, label in _labels(series):
        near_end = frame.x[position] > right - 60
        marks += element("path", class_="grid", d=f"M{place(frame.x[position])} {place(bottom)}v5")
        marks += words("text", label, class_="tick end" if near_end else "tick", x=frame.x[position], y=bottom + 19)
    if simulated:
        marks += words("text", "SIMULATED DATA", class_="tick end simulated", x=right, y=11)
    letters = "".join(
        words("text", text, class_="tick end" if x > right - 60 else "tick", x=x, y=_LETTERS - 4.0)
        for x, text in _letters(series, frame)
    )
    return _chart(series, frame, says, "fan large", marks + letters)


def small_fan(series: Series, says: str) -> str:
    """A chart without axes, up to the largest number that it shows."""
    frame = _Frame(_SMALL, _SMALL_ROOM, max(series.largest, 1.0), len(series.starts))
    base = f"M{place(frame.x[0])} {place(float(frame.y(0.0)))}H{place(frame.x[-1])}"
    return _chart(series, frame, says, "fan small", element("path", class_="grid", d=base))


# Parts ---------------------------------------------------------------------------------------------------------------


class _Frame:
    """Where numbers stand in a chart of a size with room left of, above, right of and below its marks."""

    def __init__(self, size: tuple[int, int], room: tuple[int, int, int, int], most: float, periods: int) -> None:
        self.size, self._most, (left, self.top, right, below) = size, most, room
        self._height = size[1] - self.top - below
        self.x = np.linspace(left, size[0] - right, periods + 1)

    def y(self, values: npt.ArrayLike) -> npt.NDArray[np.float64]:
        return np.asarray(self.top + self._height * (1 - np.asarray(values, float) / self._most))


def _chart(series: Series, frame: _Frame, says: str, class_: str, marks: str) -> str:
    """The marks that both sizes share, over those given."""
    n_past = len(series.past)
    edges, middles = frame.x[n_past:], (frame.x[:-1] + frame.x[1:])[:n_past] / 2
    n_late = series.late.shape[1]
    marks += _earlier(series, frame) + _events(series, frame)
    for level in LEVELS:
        lower, upper = series.interval(level)
        marks += element("path", class_=f"band{level}", d=steps(edges, frame.y(lower), frame.y(upper)))
        if n_late:
            lower, upper = _bounds(series.late, level)
            ends = frame.x[n_past - n_late : n_past + 1]
            marks += element("path", class_=f"band{level}", d=steps(ends, frame.y(lower), frame.y(upper)))
    medians = zip(edges[:-1], edges[1:], frame.y(series.median), strict=True)
    dashes = "".join(f"M{place(left)} {place(height)}H{place(right)}" for left, right, height in medians)
    marks += element("path", class_="median", d=dashes)
    if n_past:
        marks += element("path", class_="past", d=line(middles, frame.y(series.past)))
        marks += element("path", class_="origin", d=f"M{place(edges[0])} 0V{place(float(frame.y(0.0)))}")
    width, height = frame.size
    return element("svg", marks, class_=class_, viewBox=f"0 0 {width} {height}", role="img", aria_label=says)


def _earlier(series: Series, frame: _Frame) -> str:
    """The bands of the last report, one path for each stretch of periods that it said something of."""
    marks, is_said = "", np.isfinite(series.earlier).all(axis=0)
    ends = np.flatnonzero(np.diff(np.concatenate([[0], is_said.astype(int), [0]])))
    for first, end in zip(ends[::2].tolist(), ends[1::2].tolist(), strict=True):
        edges, bounds = frame.x[first : end + 1], series.earlier[:, first:end]
        for level in LEVELS:
            lower, upper = _bounds(bounds, level)
            marks += element("path", class_=f"earlier{level}", d=steps(edges, frame.y(lower), frame.y(upper)))
    return marks


def _events(series: Series, frame: _Frame) -> str:
    """A line where an event begins, and a veil as far as it lasts; its words come up under the pointer."""
    marks, base = "", float(frame.y(0.0))
    for mark in series.marks:
        first, last = np.interp([mark.first, mark.last], np.arange(len(frame.x)), frame.x).tolist()
        drawn = element("path", class_="event", d=f"M{place(first)} {place(float(frame.top))}V{place(base)}")
        if last > first:
            wide, high = last - first, base - frame.top
            drawn += element("rect", class_="lasting", x=first, y=frame.top, width=wide, height=high)
        marks += element("g", words("title", f"{mark.letter} {mark.text}") + drawn)
    return marks


def _letters(series: Series, frame: _Frame) -> list[tuple[float, str]]:
    """Where letters of events stand, those too near to each other as one text."""
    placed: list[tuple[float, str]] = []
    for mark in sorted(series.marks, key=lambda mark: mark.first):
        x = float(np.interp(mark.first, np.arange(len(frame.x)), frame.x))
        if placed and x < placed[-1][0] + _LETTER * (len(placed[-1][1]) + 0.5):
            placed[-1] = placed[-1][0], placed[-1][1] + mark.letter
        else:
            placed.append((x, mark.letter))
    return placed


def _bounds(quantiles: npt.NDArray[np.float64], level: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    row = LEVELS.index(level)
    return quantiles[row], quantiles[-1 - row]


def _labels(series: Series) -> list[tuple[int, str]]:
    """Positions of the periods that have a label on the time axis, and the labels: at months that divide the year."""
    starts = series.starts
    if series.freq != names.MONTHLY:
        step = -(-len(starts) // _MOST_LABELS)
        return [(row, day_label(starts[row])) for row in range(0, len(starts), step)]
    months = starts.year * 12 + starts.month - 1
    step = next(step for step in (1, 2, 3, 6, 12, 24, 60, 120, 1200) if len(starts) / step <= _MOST_LABELS)
    return [(row, f"{starts[row]:%b %Y}") for row in np.flatnonzero(months % step == 0).tolist()]
