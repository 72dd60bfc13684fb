"""`DatedEvent`: what a user dates, such as an election or a truce, for charts to mark."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from forecast.errors import InputError

__all__ = ["DatedEvent", "in_order"]


@dataclass(frozen=True)
class DatedEvent:
    """Something that a user dates, such as an election or a truce. No model knows it.

    Attributes
    ----------
    name : str
        What it is called.
    first, last : str
        First and last day, YYYY-MM-DD; without a last one it lasts a day.
    where : str
        Of which place, as readers are told it; '' for all provinces.
    provinces : tuple of str
        Whose charts, and those of sums with them, it is marked in; () for all.

    Raises
    ------
    InputError
        For what is no day, and an end before the beginning.

    Examples
    --------
    >>> fc.DatedEvent("Truce", "2020-03-06").last
    '2020-03-06'
    """

    name: str
    first: str
    last: str = ""
    where: str = ""
    provinces: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "last", self.last or self.first)
        object.__setattr__(self, "provinces", tuple(self.provinces))
        for day in (self.first, self.last):
            if pd.isna(pd.to_datetime(day, format="%Y-%m-%d", errors="coerce")):
                raise InputError("is no day", where=f"event {self.name}", found=day, expected="YYYY-MM-DD")
        if self.last < self.first:
            found = f"{self.first} to {self.last}"
            raise InputError("ends before it begins", where=f"event {self.name}", found=found)

    def lies_within(self, first: pd.Timestamp, end: pd.Timestamp) -> bool:
        """Whether a day of it lies from `first` to before `end`."""
        return bool(pd.Timestamp(self.last) >= first and pd.Timestamp(self.first) < end)


def in_order(events: Sequence[DatedEvent]) -> tuple[DatedEvent, ...]:
    """Events in the order of their days."""
    return tuple(sorted(events, key=lambda event: (event.first, event.last, event.name)))
