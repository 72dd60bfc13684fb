"""The sections of the page, in its order; the first screen stands before them, the fold about the forecast behind."""

from forecast.report.section import Section
from forecast.report.sections import (
    backtest,
    calm,
    capability,
    changes,
    limits,
    numbers,
    past,
    previous,
    provinces,
    published,
    series,
    triggers,
)

__all__ = ["SECTIONS"]

SECTIONS: tuple[Section, ...] = (
    previous.SECTION,
    triggers.SECTION,
    calm.SECTION,
    changes.SECTION,
    series.SECTION,
    provinces.SECTION,
    numbers.SECTION,
    published.SECTION,
    capability.SECTION,
    past.SECTION,
    backtest.SECTION,
    limits.SECTION,
)
