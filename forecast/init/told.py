"""What was found, in lines for people."""

import pandas as pd

from forecast import names
from forecast.init.found import ALIASES, TACTICS, Found
from forecast.ledger import Ledger
from forecast.panel.calendar import unit_name
from forecast.panel.panel import Panel

__all__ = ["describe", "describe_panel"]

# Seconds of a run, and per series and period: the default pool with its evaluation and report took 67 s on 1,974 of
# them, and its two fits alone 113 s on 13,824.
_SECONDS, _SECONDS_PER_CELL = 50.0, 0.009
# Of a column of free text no more labels than this are printed.
_MOST_LABELS = 40


def describe(found: Found) -> str:
    """What was found, in lines for people."""
    lines = [f"{file.name}: {form}" for file, form in zip(found.files, found.forms, strict=True)]
    lines += [f"source: {found.source}"]
    lines += [f"columns: {', '.join(f'{ours} = {theirs}' for ours, theirs in found.columns.items())}"] * bool(
        found.columns
    )
    lines += [f"rows: {found.rows:,}, attacks: {found.attacks:,}, from {found.first:%Y-%m-%d} to {found.last:%Y-%m-%d}"]
    countries = [f"{country} ({rows:,} rows)" for country, rows in found.countries.items()]
    lines += [f"countries: {', '.join(countries) or ', '.join(found.held) or 'the files name none'}"]
    lines += [f"periods: {found.freq}, {found.freq_reason}"]
    return "\n".join([*lines, *_lines_on_places(found), *_lines_on_tactics(found), *_lines_on_ledger(found.ledger)])


def _lines_on_places(found: Found) -> list[str]:
    if found.source == "counts":
        held = int(found.provinces[names.PROVINCE].ne("").sum())
        return [f"provinces: {len(found.provinces)}, of which the shipped gazetteer holds {held} by their keys"]
    chosen = "made from the data" if found.gazetteer else "the shipped one"
    lines = [f"gazetteer: {chosen} ({found.gazetteer_reason})"]
    if found.provinces.empty:
        return [*lines, "no column names provinces: coordinates alone place the records"]
    doubtful = found.doubtful_names
    clear = found.provinces.drop(doubtful.index)
    lines += [f"names of provinces that {'stand alone' if found.gazetteer else 'match'}: {len(clear)}"]
    spelling = clear[names.PROVINCE].where(clear[names.PROVINCE] != clear["name"], "")
    lines += _rows(clear["rows"], clear["name"], " = ", spelling if found.gazetteer else clear["nearest"])
    if len(doubtful):
        what = "resemble another, perhaps the same province" if found.gazetteer else "match none, and the nearest"
        lines += [f"names that {what} (nothing is taken unless {ALIASES} says so): {len(doubtful)}"]
        lines += _rows(doubtful["rows"], doubtful["name"], ": ", doubtful["nearest"])
    return lines


def _lines_on_tactics(found: Found) -> list[str]:
    unknown = found.unknown_tactics
    known = found.tactics.drop(unknown.index)
    lines = [f"kinds of attack that are known: {len(known)}"] if len(known) else []
    lines += _rows(known["rows"], known["label"], " = ", known["value"])
    if len(unknown):
        kept = "each is a tactic of its own" if found.source in ("plain", "ucdp") else "counted as other"
        lines += [f"kinds that are not ({kept} unless {TACTICS} accepts the proposal): {len(unknown)}"]
        shown = unknown.iloc[:_MOST_LABELS]
        lines += _rows(shown["rows"], shown["label"], ": ", shown["proposal"])
        lines += [f"  and {len(unknown) - len(shown):,} more in {TACTICS}"] * (len(unknown) > len(shown))
    return lines


def _rows(counts: pd.Series, labels: pd.Series, between: str, others: pd.Series) -> list[str]:
    """A line per label: its rows, and what stands beside it."""
    return [
        f"  {rows:>7,} rows  {label}{between + other if other else ''}"
        for rows, label, other in zip(counts, labels, others, strict=True)
    ]


def _lines_on_ledger(ledger: Ledger) -> list[str]:
    lines = [line.told() for line in ledger]
    return ["noted while reading:", *lines] if lines else []


def describe_panel(panel: Panel, found: Found) -> str:
    """What a run will forecast, what else cleaning did, and roughly how long the run will take."""
    provinces, tactics, periods = panel.dataset[names.ATTACKS].shape
    ends = panel.dataset[names.PERIOD_END].values
    rest = Ledger(tuple(line for line in panel.ledger if line not in found.ledger.entries))
    seconds = _SECONDS + _SECONDS_PER_CELL * provinces * tactics * periods
    lines = [
        f"a run will forecast {provinces} provinces × {tactics} tactics from {int(panel.attacks.sum()):,} attacks "
        f"in {periods} {unit_name(panel.freq)}s, the last of which ends on {pd.Timestamp(ends[-1]):%Y-%m-%d}",
        *map(str, panel.provenance["notes"]),
        *_lines_on_ledger(rest)[1:],
        f"it will take about {_duration(seconds)} (an estimate for the default model on an idle machine)",
    ]
    return "\n".join(lines)


def _duration(seconds: float) -> str:
    return f"{round(seconds, -1):.0f} seconds" if seconds < 120 else f"{seconds / 60:.0f} minutes"
