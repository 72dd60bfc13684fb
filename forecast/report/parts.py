"""Parts of a report that a run keeps in `run.json`: frozen dataclasses of plain values and tables."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

import pandas as pd

__all__ = ["Part"]


@dataclass(frozen=True)
class Part:
    """A part of a report that goes through JSON; its tables hold numbers and text only."""

    def to_record(self) -> dict[str, Any]:
        """The part as plain data for JSON."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        tables = {key: value for key, value in values.items() if isinstance(value, pd.DataFrame)}
        return {**values, **{key: table.to_dict("records") for key, table in tables.items()}}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """The part that `to_record` made into plain data."""
        values: dict[str, Any] = {
            key: pd.DataFrame(value) if isinstance(value, list) else value for key, value in record.items()
        }
        return cls(**values)
