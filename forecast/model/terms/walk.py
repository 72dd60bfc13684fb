"""Levels that move."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from forecast import names
from forecast.errors import InputError
from forecast.model.blocks import Block
from forecast.model.latents import Autoregressive, Latents, RandomWalk
from forecast.model.priors import HalfNormal, LogNormal, Prior, Share
from forecast.model.terms.base import Term
from forecast.model.terms.labels import by_labels, day_text, grid_dims
from forecast.panel.calendar import periods_per_year
from forecast.panel.panel import Panel

__all__ = ["Walk"]


@dataclass(frozen=True)
class Walk(Term):
    """One path over the periods per label: a stationary AR(1), or without damping a random walk that starts at 0.

    Parameters
    ----------
    by : str or tuple of str
        'province' (or a coordinate of it), 'tactic', or both; () for one path of all cells.
    damping : {'learned', 1}
        1: a random walk.
    sigma : HalfNormal
        Of the innovations' standard deviation in a month (a `Share` falls with the number of walks); for weeks the
        prior's scale is that by the square root of a week's share of a month.
    half_life : Prior
        Of the half-life of a shock, in months.
    breaks : str or tuple of str
        Days in whose periods much may change at once (a coup, the fall of a government): there the variance of the
        innovations is 1 + kappa² times as large, so that the change is no reason to expect others. Those in the first
        period of a panel, before, or after it play no part.
    kappa : HalfNormal
        Prior of kappa.
    break_chance : float
        Probability that a month ahead is such a break, for all labels at once, which widens forecasts of many months.
        It is stated, and not learned.

    Examples
    --------
    >>> fc.Walk(by="tactic", damping=1).equation()
    'walk_tactic[tactic, period] ~ random walk from 0, sigma ~ Share(0.5) per √month'
    """

    by: str | tuple[str, ...] = (names.PROVINCE,)
    damping: str | int = "learned"
    sigma: HalfNormal = Share(0.5)
    half_life: Prior = LogNormal(24.0, 1.0)
    breaks: str | tuple[str, ...] = ()
    kappa: HalfNormal = HalfNormal(3.0)
    break_chance: float = 0.0

    def __post_init__(self) -> None:
        by = (self.by,) if isinstance(self.by, str) else tuple(self.by)
        object.__setattr__(self, "by", grid_dims(by, "Walk"))
        if self.damping not in ("learned", 1):
            raise InputError(
                "unknown damping", where="Walk.damping", found=str(self.damping), expected=["learned", "1"]
            )
        days = (self.breaks,) if isinstance(self.breaks, str) else self.breaks
        object.__setattr__(self, "breaks", tuple(day_text(day, "Walk.breaks") for day in days))
        if not 0 <= self.break_chance < 1:
            raise InputError("is a probability below 1", where="Walk.break_chance", found=self.break_chance)
        if (self.breaks or self.break_chance) and self.damping == 1:
            where = "Walk.breaks" if self.breaks else "Walk.break_chance"
            raise InputError("a random walk has no breaks", where=where, hint="Leave its damping to be learned")

    @property
    def label(self) -> str:
        """Its name in the posterior."""
        return "_".join(("walk", *self.by))

    def blocks(self, panel: Panel) -> tuple[Block, ...]:
        """One array of paths."""
        months = 12 / periods_per_year(panel.freq)
        sigma = replace(self.sigma, scale=self.sigma.scale * months**0.5)
        name, periods = f"sigma_{self.label}", len(panel.periods)
        if periods < 2:
            raise InputError("needs at least two periods", where=self.label, found=periods)
        prior: Latents = RandomWalk(name, sigma, periods)
        if self.damping == "learned":
            days = pd.DatetimeIndex([day for day in self.breaks if pd.Timestamp(day) <= panel.origin])
            at = panel.periods.searchsorted(days, side="right") - 1
            breaks = tuple(int(period) for period in np.unique(at[at > 0]))
            kappa = f"kappa_{self.label}", self.kappa if breaks or self.break_chance else None
            chance = 1 - (1 - self.break_chance) ** months
            half_life = f"half_life_{self.label}"
            prior = Autoregressive(name, half_life, sigma, self.half_life, months, periods, breaks, *kappa, chance)
        return (by_labels(panel, self.label, (*self.by, names.PERIOD), prior),)

    def equation(self) -> str:
        """Printed form."""
        head = f"{self.label}[{', '.join((*self.by, names.PERIOD))}]"
        if self.damping == 1:
            return f"{head} ~ random walk from 0, sigma ~ {self.sigma} per √month"
        ahead = [f"in a month ahead with probability {self.break_chance:g}"] if self.break_chance else []
        places = " and ".join([*([f"at {', '.join(self.breaks)}"] if self.breaks else []), *ahead])
        at = f", variance × (1 + kappa²) {places}, kappa ~ {self.kappa}" if places else ""
        return f"{head} ~ AR(1), sigma ~ {self.sigma} per √month, half_life ~ {self.half_life} months{at}"
