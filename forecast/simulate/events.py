"""`simulate_events`: a raw event file for Iraq and Syria whose truth is known."""

from dataclasses import dataclass

import pandas as pd
import xarray as xr

from forecast import names
from forecast.counts import draw_counts
from forecast.errors import InputError
from forecast.events.places import Gazetteer, read_gazetteer
from forecast.panel.calendar import complete_periods
from forecast.simulate.processes import generators
from forecast.simulate.rates import SHARES, expected_attacks
from forecast.simulate.records import make_records

__all__ = ["SimulatedEvents", "simulate_events"]


@dataclass(frozen=True)
class SimulatedEvents:
    """A simulated raw event file and the truth behind it.

    Attributes
    ----------
    events : DataFrame
        The rows of a raw file, all text, for `read_events(..., source="plain", simulated=True)`: columns as in the
        events table, `province` with the label as a report would spell it.
    truth : xarray.Dataset
        `attacks`, `eta` (log of the expected attacks) and `mu` (expected attacks) over (province, tactic, period);
        `capability` (force, period; mean 0 and SD 1 over the months), `slope` (tactic; change of eta per SD of
        capability), `phi` (tactic) and the other pieces of eta. The events hold all of these attacks, some of them
        spoilt by the noise.
    """

    events: pd.DataFrame
    truth: xr.Dataset


def simulate_events(
    gazetteer: Gazetteer | None = None,
    *,
    seed: int,
    start: str = "2019-01-01",
    end: str = "2024-12-31",
    scale: float = 1.0,
) -> SimulatedEvents:
    """Draw a plausible, invented event file for the provinces of Iraq and Syria.

    The provinces' order and Iraq's first totals follow published reports; the rest is invented (see data/README.md).
    Counts are negative binomial; a partner force's capability lowers the attacks in its provinces by a known slope per
    tactic. The records have the noise of real ones: names in many spellings (a few wrong), records that came twice,
    dates and places that are vague or missing, and late reports.

    Parameters
    ----------
    gazetteer : Gazetteer, optional
        Governorates of Iraq and Syria, undivided; the shipped ones by default.
    seed : int
        The same seed gives the same file.
    start, end : str
        First and last day; whole months within them are simulated.
    scale : float
        Multiplies all expected counts.

    Raises
    ------
    InputError
        For other provinces, a span without a whole month, and a scale that is not above 0.
    """
    gazetteer = gazetteer or read_gazetteer()
    unknown = [key for key in gazetteer.units if key not in SHARES]
    if unknown:
        raise InputError(
            "simulated events know other provinces only", where="gazetteer", found=unknown, expected=list(SHARES)
        )
    if not scale > 0:
        raise InputError("is not above 0", where="scale", found=scale)
    periods = complete_periods(pd.Timestamp(start), pd.Timestamp(end), names.MONTHLY)
    if not len(periods):
        raise InputError("holds no whole month", where=f"{start} to {end}")
    rates, counts, records = generators(seed, 3)
    truth = expected_attacks(rates, gazetteer, periods, scale)
    phi = truth[names.PHI].values[None, :, None]
    truth[names.ATTACKS] = (names.CELL_DIMS, draw_counts(counts, truth[names.MU].values, phi))
    return SimulatedEvents(make_records(records, truth[names.ATTACKS], gazetteer), truth)
