"""The bound on simulated expected counts: a log-linear model that feeds on its own counts can explode."""

from forecast import names
from forecast.panel.panel import Panel

__all__ = ["cap_notes", "cap_warning", "mean_cap"]

# A simulated expected count above this many times the largest count of the panel is cut to it.
_MEAN_CAP = 100.0
# A share of expected counts cut above this is no rare draw, but the forecast.
_CUT_TO_WARN = 0.01


def mean_cap(panel: Panel) -> float:
    """The expected count to which simulated ones are cut: 100 times the largest count of the panel."""
    return _MEAN_CAP * max(1.0, float(panel.observations.table[names.VALUE].max()))


def cap_notes(cut: int, size: int, cap: float) -> tuple[str, ...]:
    """The note that says how many of `size` expected counts were cut; none where none was."""
    return (f"{cut:,} of {size:,} expected counts were cut to {cap:,.0f}",) if cut else ()


def cap_warning(cut: float) -> str:
    """The warning for a forecast of whose expected counts the share `cut` was cut; '' for a small one."""
    if not cut > _CUT_TO_WARN:
        return ""
    return (
        f"The forecast explodes: {cut:.0%} of its expected counts lay above {_MEAN_CAP:.0f} times the largest count of "
        "the data, and were cut to that. Do not use its numbers. Take another model, or correct counts that lie "
        "far from all others."
    )
