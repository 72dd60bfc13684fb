"""The panels that defaults are chosen on: real data of four countries, and simulations whose truth is known.

A change of the default model, of its priors or of the pool is chosen on the first half of each panel's origins and told
once on the second (`protocol.py`). Data that nobody tuned on judge elsewhere. Each panel is told by its hash, so that
a table of scores belongs to these counts.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

import forecast as fc
from forecast.counts import draw_counts
from forecast.panel.panel import panel_hash

__all__ = ["PANELS", "TuningPanel"]

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


@dataclass(frozen=True)
class TuningPanel:
    """A panel, and the origins at which models are tried on it.

    Attributes
    ----------
    build : callable
        Gives the panel.
    horizon : int
        Periods ahead.
    origins : int
        How many; the last leaves a whole horizon to score.
    every : int
        Periods from one origin to the next.
    sha256 : str
        The first digits of the counts' hash (`panel_hash`).
    real : bool
        Whether it needs the folder of real data.
    """

    build: Callable[[], fc.Panel]
    horizon: int
    origins: int
    every: int
    sha256: str
    real: bool = True

    def panel(self) -> fc.Panel:
        """The panel; an AssertionError where its counts are others than those that were tuned on."""
        panel = self.build()
        found = panel_hash(panel)
        assert found.startswith(self.sha256), f"the counts have changed: {found}"
        return panel

    def days(self, panel: fc.Panel) -> list[pd.Timestamp]:
        """Last days of the data at each origin, in order."""
        ends = panel.dataset["period_end"].values
        last = len(ends) - 1 - self.horizon
        return [pd.Timestamp(ends[last - self.every * back]) for back in reversed(range(self.origins))]


def _iraq() -> fc.Panel:
    places = fc.read_gazetteer().select(["Iraq"])
    file = DATA / "iraq_sigacts_2007_2008.csv.gz"
    events = fc.read_events(file, source="plain", columns={"tactic": "type"}, gazetteer=places)
    return fc.build_panel(events, freq="W", gazetteer=places, seed=1)


def _syria() -> fc.Panel:
    places = fc.read_gazetteer().select(["Syria"])
    events = fc.read_events(DATA / "ucdp_ged_syria_2016_2019.csv.gz", source="ucdp", gazetteer=places)
    span = {"start": "2016-01-01", "end": "2019-11-30"}
    return fc.build_panel(events, actor="IS", gazetteer=places, seed=1, **span)


def _by_own_names(file: str, start: str, freq: str = "MS") -> Callable[[], fc.Panel]:
    """UCDP records of a country whose provinces are the names in the records."""

    def build() -> fc.Panel:
        events = fc.read_events(DATA / file, source="ucdp", gazetteer="data")
        return fc.build_panel(events, freq=freq, start=start, end="2023-12-31", seed=1)

    return build


def _simulated(
    path: Callable[[npt.NDArray[np.float64], np.random.Generator], npt.NDArray[np.float64]],
    seed: int,
    mean: float = 1.0,
) -> Callable[[], fc.Panel]:
    """A panel of 10 x 3 x 72 months whose log means have a path in common, beside what `simulate_panel` gives."""

    def build() -> fc.Panel:
        simulated = fc.simulate_panel(10, 3, 72, seed=seed, mean=mean)
        rng = np.random.default_rng(seed)
        mu = simulated.truth["mu"].values * np.exp(path(np.arange(72.0), rng))
        counts = draw_counts(rng, mu, simulated.truth["phi"].values[:, None])
        dataset = simulated.panel.dataset.copy()
        dataset["attacks"] = dataset["attacks"].copy(data=counts)
        return replace(simulated.panel, dataset=dataset)

    return build


def _surge(month: npt.NDArray[np.float64], rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """To eight times as many within half a year, just before the later half of the origins."""
    return np.log(8.0) / (1 + np.exp(-(month - 52.0)))


def _decline(month: npt.NDArray[np.float64], rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """By half every year and a half."""
    return 2.0 - np.log(2.0) * month / 18.0


def _shocks(month: npt.NDArray[np.float64], rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Shocks of a month that all cells share, SD 0.4."""
    return rng.normal(scale=0.4, size=len(month))


def _calm(month: npt.NDArray[np.float64], rng: np.random.Generator) -> npt.NDArray[np.float64]:
    return np.zeros_like(month)


PANELS: dict[str, TuningPanel] = {
    "iraq": TuningPanel(_iraq, 8, 24, 1, "5ad2a012802be571"),
    "syria": TuningPanel(_syria, 6, 16, 1, "2494ae7f060e37bf"),
    "myanmar": TuningPanel(
        _by_own_names("ucdp_ged_myanmar_2010_2023.csv.gz", "2010-01-01"), 6, 20, 3, "8ed607b71f5d22e7"
    ),
    "mexico": TuningPanel(
        _by_own_names("ucdp_ged_mexico_2007_2023.csv.gz", "2015-01-01"), 6, 16, 3, "fa2ee262f571555f"
    ),
    "calm": TuningPanel(_simulated(_calm, 11), 6, 16, 2, "c344a7eecf035206", real=False),
    "surge": TuningPanel(_simulated(_surge, 12), 6, 16, 2, "bc21d1875b0ef3ed", real=False),
    "decline": TuningPanel(_simulated(_decline, 13), 6, 16, 2, "2385047dee3732e6", real=False),
    "shocks": TuningPanel(_simulated(_shocks, 14), 6, 16, 2, "52b543461493b467", real=False),
    "sparse": TuningPanel(_simulated(_calm, 15, mean=0.03), 6, 16, 2, "50d3339d1fc2e940", real=False),
    "large": TuningPanel(_simulated(_calm, 16, mean=60.0), 6, 16, 2, "22e733a17181bb30", real=False),
}
