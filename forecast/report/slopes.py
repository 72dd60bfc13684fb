"""Sentences on slopes: what goes with more of a covariate, how sure that is, and that it is an association."""

import pandas as pd

from forecast import names
from forecast.prediction.scenarios import ALL
from forecast.report.wording import chance_that, listed, signed, signed_percent, tactic_label

__all__ = ["covariate_said", "signed_between", "slopes_said"]


def slopes_said(slopes: pd.DataFrame, more: str, where: str, clause: str) -> str:
    """What `percent_change` gave of all forces together, in sentences.

    Parameters
    ----------
    slopes : DataFrame
        As of `percent_change`.
    more : str
        What there is more of: 'One SD more of strikes'.
    where : str
        'in all provinces'.
    clause : str
        What has the probability of a fall: 'more of it goes with fewer attacks'.
    """
    of_all = slopes[slopes[names.FORCE] == ALL]
    whole, tactics = of_all[of_all[names.TACTIC] == ALL].iloc[0], of_all[of_all[names.TACTIC] != ALL]
    said = [
        f"{more} goes with a difference of {signed_percent(whole['percent'] / 100)} in the attacks expected {where} "
        f"(90% interval {signed_between(whole['lower'], whole['upper'])}), all tactics together: an association, not "
        "an effect.",
        chance_that(clause, whole["probability_below_0"]),
    ]
    if len(tactics) > 1:
        # By the printed bounds, which are those of the table.
        clear = tactics[tactics["lower"].round() * tactics["upper"].round() > 0]
        named = listed([tactic_label(tactic) for tactic in clear[names.TACTIC]]) or "none"
        said.append(f"Of single tactics, the interval leaves out 0 for {named}.")
    return " ".join(filter(None, said))


def signed_between(lower: float, upper: float) -> str:
    """An interval of percentages: '−34 to −21%'."""
    return f"{signed(lower)} to {signed_percent(upper / 100)}"


def covariate_said(name: str, slopes: pd.DataFrame | None, future: str, *, by_calendar: bool = False) -> str:
    """What is told of a covariate of the model: its slope, where one is at hand, and its future.

    Parameters
    ----------
    name : str
        Of the covariate.
    slopes : DataFrame, optional
        What `percent_change` gave.
    future : str
        What it does after the data, as the end of a sentence.
    by_calendar : bool
        Whether it is a share of the period's days, which is not divided by its standard deviation.
    """
    label = name.replace("_", " ")
    more = f"A whole period of {label}" if by_calendar else f"One SD more of {label}"
    said = "" if slopes is None else slopes_said(slopes, more, "in all provinces", "it goes with fewer attacks") + " "
    return f"{said or f'The model uses {label}. '}After the data, {future}."
