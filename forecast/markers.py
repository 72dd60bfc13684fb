"""The record that a folder's marker holds: typed, with the version of its format, and refused by file and field."""

import math
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json

from forecast.errors import InputError, shorten
from forecast.folders import FORMAT, FolderKind

__all__ = ["Count", "Day", "Record", "Rows", "Sha256", "read_marker"]

Kept = TypeVar("Kept", bound="Record")
# Beyond these NumPy has no whole numbers.
_LARGEST = 2**63


class Record(BaseModel):
    """What a marker says of its folder, or a part of that: no key may lack, be of another type, or be there unknown."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def _day(text: str) -> str:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        raise ValueError("should be a day, such as 2024-12-31")
    date.fromisoformat(text)
    return text


def _plain(value: Any) -> Any:
    """A cell of a table."""
    if isinstance(value, int) and abs(value) >= _LARGEST:
        raise ValueError("should be a number of at most 18 digits")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("should be a finite number")
    if value is not None and not isinstance(value, str | int | float):
        raise ValueError("should be a number, a text, true, false or null")
    return value


def _table(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows with the same columns, each of which holds texts, numbers, or truth values, where it holds any."""
    kinds: dict[str, str] = {}
    for number, row in enumerate(rows):
        if row.keys() != rows[0].keys():
            raise ValueError(f"row {number} should have the columns of the first: {', '.join(rows[0])}")
        for column, value in row.items():
            if value is not None:
                kind = "texts" if isinstance(value, str) else "truth values" if isinstance(value, bool) else "numbers"
                if kinds.setdefault(column, kind) != kind:
                    raise ValueError(f"{column} should hold {kinds[column]} only, in row {number} too")
    return rows


# A table, row by row.
Rows = Annotated[list[dict[str, Annotated[Any, AfterValidator(_plain)]]], AfterValidator(_table)]
Day = Annotated[str, AfterValidator(_day)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0, lt=_LARGEST)]


def read_marker(folder: str | Path, kind: FolderKind, model: type[Kept], hint: str) -> Kept:
    """What a folder's marker says.

    Parameters
    ----------
    folder : path
        Of the kind.
    kind : FolderKind
        What the folder holds.
    model : type of Record
        Of the marker, without the kind and the version of the format.
    hint : str
        The way out where the marker is damaged.

    Raises
    ------
    InputError
        Where there is none, or it is damaged: with the file, the field, what stands there and what should.
    """
    file = Path(folder) / kind.marker
    try:
        content = from_json(file.read_bytes(), allow_inf_nan=False)
        if not isinstance(content, dict):
            raise ValueError("no JSON object")
        if (content.pop("kind", None), content.pop("format", None)) != (kind.name, FORMAT):
            raise ValueError(f"not version {FORMAT} of the record of a {kind.name}")
        return model.model_validate(content)
    except FileNotFoundError:
        raise InputError("is missing", source=file, hint=hint) from None
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", source=file) from error
    except ValidationError as error:
        raise InputError("is damaged", source=file, found=_described(error, content), hint=hint) from None
    except ValueError as error:
        raise InputError("is damaged", source=file, found=str(error), hint=hint) from None


def _described(error: ValidationError, content: Mapping[str, Any]) -> str:
    """The first wrong field, what is wrong with it, and how many others there are."""
    problems = error.errors(include_url=False)
    first = problems[0]
    text = {"missing": "missing", "extra_forbidden": "not known"}.get(first["type"], "")
    if not text:
        said = first["msg"].removeprefix("Value error, ").removeprefix("Input ")
        text = f"{said[:1].lower()}{said[1:]}, found {shorten(repr(first['input']), 40)}"
    others = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
    return f"{'.'.join(map(str, first['loc']))}: {text}{others}"
