"""The section on triggers: which fire, at what probability, and how often each would have, rightly and not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from forecast import names
from forecast.evaluation.triggers import Trigger
from forecast.panel.calendar import unit_name
from forecast.prediction.draws import Forecast
from forecast.report.figures import records
from forecast.report.parts import Part
from forecast.report.wording import amount, counted, day_label, percent, periods_label, tactic_label

__all__ = ["TriggersPart", "trigger_rows", "triggers_part", "triggers_said"]


@dataclass(frozen=True)
class TriggersPart(Part):
    """What a report says of triggers.

    Attributes
    ----------
    freq : str
        Of the periods.
    triggers : DataFrame
        One row each: name, where, tactic, span (the periods), threshold (attacks), probability (from which on it
        fires), chance, fires; and of the origins of a backtest (NaN without one): origins (how many), happened, hits
        (fired, and it happened), false_alarms (fired, and it did not).
    first, last : str
        Days of the first and the last of these origins; '' without one.
    """

    freq: str
    triggers: pd.DataFrame
    first: str = ""
    last: str = ""


def triggers_part(
    triggers: Sequence[Trigger],
    where: Mapping[str, str],
    forecast: Forecast,
    history: pd.DataFrame,
) -> TriggersPart:
    """Judge triggers by a forecast, and sum up what `trigger_history` gave.

    Parameters
    ----------
    triggers : sequence of Trigger
        Within the forecast.
    where : mapping of str to str
        What each trigger's provinces are called, by its name.
    forecast : Forecast
        Of cells.
    history : DataFrame
        Empty where there is no backtest.
    """
    rows = []
    for trigger in triggers:
        past, chance = history[history["name"] == trigger.name], trigger.chance(forecast)
        fired, happened = past["fires"].astype(bool), past["happened"].astype(bool)
        known = {
            "origins": len(past),
            "happened": int(happened.sum()),
            "hits": int((fired & happened).sum()),
            "false_alarms": int((fired & ~happened).sum()),
        }
        rows.append(
            {
                "name": trigger.name,
                "where": where[trigger.name],
                "tactic": tactic_label(trigger.tactics[0] if len(trigger.tactics) == 1 else "all"),
                "span": periods_label(forecast.periods[: trigger.horizon], forecast.freq),
                "threshold": trigger.threshold,
                "probability": trigger.probability,
                "chance": chance,
                "fires": trigger.fires(chance),
                **(known if len(past) else dict.fromkeys(known, float("nan"))),
            }
        )
    days = [day_label(pd.Timestamp(day)) for day in sorted(history[names.ORIGIN].unique())]
    return TriggersPart(forecast.freq, pd.DataFrame(rows), *((days[0], days[-1]) if days else ("", "")))


def triggers_said(part: TriggersPart) -> list[str]:
    """Which triggers fire, and what their past is worth, in sentences made from the numbers."""
    table = part.triggers
    firing = table[table["fires"].astype(bool)]
    if firing.empty:
        said = [
            "The one trigger does not fire." if len(table) == 1 else f"None of {amount(len(table))} triggers fires."
        ]
    else:
        events = [
            f"“{row['name']}” ({_event(row)}: {percent(row['chance'])}; it fires from {percent(row['probability'])} on)"
            for row in records(firing)
        ]
        lead = "The one trigger fires" if len(table) == 1 else f"Of {amount(len(table))} triggers, {len(firing)} fire"
        said = [f"{lead if len(firing) != 1 or len(table) == 1 else lead + 's'}: {'; '.join(events)}."]
    unit = unit_name(part.freq)
    if part.first:
        said.append(
            f"How each would have fired comes from forecasts at past dates, from {part.first} to {part.last}, that did "
            f"not know what came. Dates whose {unit}s overlap share outcomes, and a few dates are little evidence."
        )
    else:
        said.append("No backtest is at hand, so that nothing here shows how often each would have fired, and rightly.")
    return said


def trigger_rows(part: TriggersPart) -> pd.DataFrame:
    """Triggers as a table for readers."""
    rows = records(part.triggers)
    frame = pd.DataFrame(
        {
            "Trigger": [row["name"] for row in rows],
            "Event": [_event(row) for row in rows],
            "Probability": [percent(row["chance"]) for row in rows],
            "Fires from": [percent(row["probability"]) for row in rows],
            "Fires": ["YES" if row["fires"] else "no" for row in rows],
        }
    )
    if part.first:
        for column, label in (
            ("origins", "Past dates"),
            ("happened", "It happened"),
            ("hits", "Fired and happened"),
            ("false_alarms", "False alarms"),
        ):
            frame[label] = [amount(row[column]) if row[column] == row[column] else "–" for row in rows]
    return frame


# Parts ----------------------------------------------------------------------------------------------------------------


def _event(row: Mapping[Any, Any]) -> str:
    """'at least 25 attacks (IED) in Homs, Aug to Oct 2019'."""
    kind = "" if row["tactic"] == "all tactics" else f" ({row['tactic']})"
    return f"at least {counted(row['threshold'], 'attack')}{kind} in {row['where']}, {row['span']}"
