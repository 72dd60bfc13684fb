"""Parts of a report that a run keeps in `run.json`: frozen dataclasses of plain values and tables."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import pandas as pd

__all__ = ["Part", "plain_json", "table_of"]


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
            key: table_of(value) if isinstance(value, list) else value for key, value in record.items()
        }
        return cls(**values)

    @classmethod
    def kept(cls, record: Mapping[str, Any] | None) -> Self | None:
        """The part that a run kept; None where it kept none."""
        return cls.from_record(record) if record else None


def plain_json(value: Any) -> Any:
    """A copy in which numbers that JSON does not have (NaN, infinite) are None."""
    if isinstance(value, Mapping):
        return {key: plain_json(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [plain_json(member) for member in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def table_of(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """The table whose rows stand in JSON; a column of nothing but null holds numbers that are not known."""
    table = pd.DataFrame(rows)
    return table.astype(dict.fromkeys(table.columns[table.isna().all()], float)) if len(table) else table
