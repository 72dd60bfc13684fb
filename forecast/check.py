"""What `forecast check` says: the data of a run, how they were cleaned, and what its report could not say."""

import numpy as np

from forecast import names
from forecast.config import Settings
from forecast.panel.calendar import period_end, unit_name
from forecast.panel.panel import Panel
from forecast.report.wording import counted
from forecast.run_prepared import Prepared, unscored

__all__ = ["check_told"]


def check_told(settings: Settings, ready: Prepared) -> str:
    """All that is known of a run before its fit, as text: panel with notes, ledger, what the report could not say."""
    panel = ready.panel
    empty, missing = _without_records(panel), _missing(settings, ready)
    parts = [repr(panel), *_gaps(panel), repr(panel.ledger)]
    if empty:
        parts.append(f"Provinces without records, forecast from zeros: {', '.join(empty)}")
    if missing:
        parts.append("\n".join(["What the report could not say:", *(f"  {line}" for line in missing)]))
    return "\n".join(parts)


def _without_records(panel: Panel) -> list[str]:
    """Names of provinces that were observed, always without an attack."""
    # NaN where nothing was observed.
    never = (panel.attacks.max((names.TACTIC, names.PERIOD)) == 0).values
    labels = panel.dataset[names.PROVINCE_NAME].values.astype(str)
    return [f"{label} ({key})" for key, label in zip(np.array(panel.provinces)[never], labels[never], strict=True)]


def _gaps(panel: Panel) -> list[str]:
    """In which periods cells were not observed, where that is not all of them."""
    observed = panel.dataset[names.OBSERVED]
    blind = (~observed).any((names.PROVINCE, names.TACTIC)).values
    if not blind.any() or not observed.values.any():
        return []
    days, ends = panel.periods[blind], period_end(panel.periods, panel.freq)
    provinces = int((~observed).any((names.TACTIC, names.PERIOD)).sum())
    touched = f"{counted(len(days), unit_name(panel.freq))} of {counted(provinces, 'province')}"
    return [f"  gaps in {touched}, between {days[0]:%Y-%m-%d} and {ends[blind][-1]:%Y-%m-%d}"]


def _missing(settings: Settings, ready: Prepared) -> list[str]:
    """Parts of the report that nothing serves, each with the way to have it."""
    lines = []
    if ready.boundaries is None:
        lines.append("a map of the provinces' shapes: tiles stand in its place ([places] boundaries)")
    if settings.capability is None and settings.data.source != "published":
        lines.append("what goes with partner forces' capability: no indicators of it ([capability] indicators)")
    if ready.backtest is None and settings.data.source != "published":
        lines.append("how the models did at many past origins: no backtest ([backtest] output)")
    if ready.training is None:
        lines.append("how the models did on periods that they had not seen: none are held out ([evaluation] periods)")
    else:
        lines += [f"how {name} did: {why}" for name, why in unscored(settings, ready.training).items()]
    return [*lines, *ready.notes]
