"""Fan charts: what was recorded and what is forecast of a series, large or as a small multiple, drawn as SVG."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecast import names
from forecast.panel.groups import sum_over
from forecast.panel.panel import Panel
from forecast.prediction.draws import Forecast
from forecast.report.svg import ceiling, element, line, place, steps, ticks, words
from forecast.report.wording import day_label

__all__ = ["LEVELS", "Series", "large_fan", "series_of", "small_fan"]

# Central intervals that are shown, in percent, the wider first.
LEVELS = (90, 50)
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_SHOWN = {names.MONTHLY: 36} | dict.fromkeys(names.WEEKS, 78)
# Width and height of a chart, and the room left of, above, right of and below its marks, in pixels where it has room.
_LARGE, _LARGE_ROOM = (720, 250), (46, 16, 8, 24)
_SMALL, _SMALL_ROOM = (210, 66), (1, 4, 1, 2)
_MOST_LABELS = 5


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
    """

    starts: pd.DatetimeIndex
    freq: str
    past: npt.NDArray[np.float64]
    quantiles: npt.NDArray[np.float64]
    late: npt.NDArray[np.float64]

    @property
    def largest(self) -> float:
        """The largest number that is shown."""
        return float(max(np.nanmax(self.past, initial=0.0), self.quantiles.max(), self.late.max(initial=0.0)))

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
    seen = bool(panel.dataset[names.OBSERVED].any())
    shown = min(_SHOWN[panel.freq], len(panel.periods)) if seen else 0
    past = (attacks if by is None else sum_over(attacks, by)).values[..., attacks.shape[-1] - shown :]
    starts = pd.DatetimeIndex([*panel.periods[len(panel.periods) - shown :], *forecast.periods])
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


def large_fan(series: Series, says: str, simulated: bool) -> str:
    """A chart with axes; `says` is what it shows, in words, for those who cannot see it."""
    most = ceiling(series.largest)
    frame = _Frame(_LARGE, _LARGE_ROOM, most, len(series.starts))
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
    return _chart(series, frame, says, "fan large", marks)


def small_fan(series: Series, says: str) -> str:
    """A chart without axes, up to the largest number that it shows."""
    frame = _Frame(_SMALL, _SMALL_ROOM, max(series.largest, 1.0), len(series.starts))
    base = f"M{place(frame.x[0])} {place(float(frame.y(0.0)))}H{place(frame.x[-1])}"
    return _chart(series, frame, says, "fan small", element("path", class_="grid", d=base))


# Parts ---------------------------------------------------------------------------------------------------------------


class _Frame:
    """Where numbers stand in a chart of a size with room left of, above, right of and below its marks."""

    def __init__(self, size: tuple[int, int], room: tuple[int, int, int, int], most: float, periods: int) -> None:
        self.size, self._most, (left, self._top, right, below) = size, most, room
        self._height = size[1] - self._top - below
        self.x = np.linspace(left, size[0] - right, periods + 1)

    def y(self, values: npt.ArrayLike) -> npt.NDArray[np.float64]:
        return np.asarray(self._top + self._height * (1 - np.asarray(values, float) / self._most))


def _chart(series: Series, frame: _Frame, says: str, class_: str, marks: str) -> str:
    """The marks that both sizes share, over those given."""
    n_past = len(series.past)
    edges, middles = frame.x[n_past:], (frame.x[:-1] + frame.x[1:])[:n_past] / 2
    n_late = series.late.shape[1]
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
