"""What is wrong with a settings file, in words: each key by its path, and for an unknown one the nearest known."""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

__all__ = ["described"]


def described(error: ValidationError, content: Mapping[str, Any], settings: type[BaseModel]) -> list[str]:
    """One text per wrong key of a file's content; what the members of a union say of it stands in one."""
    texts: dict[str, list[str]] = {}
    for problem in error.errors():
        keys = _keys(problem["loc"], content)
        kind, text = problem["type"], problem["msg"].removeprefix("Value error, ")
        if kind == "extra_forbidden":
            text = f"unknown key, {_nearest_key(keys, settings)}"
        elif kind == "missing":
            field = _fields(keys[:-1], settings).get(keys[-1])
            text = f"is required{f' ({field.description})' if field is not None and field.description else ''}"
        elif kind in ("model_type", "dict_type"):
            text = f"should be a table of keys and values, found {_short(problem['input'])}"
        elif kind != "value_error":
            text = f"{text}, found {_short(problem['input'])}"
        texts.setdefault(".".join(keys), []).append(text[:1].lower() + text[1:])
    return [f"{key}: {' or '.join(dict.fromkeys(said))}" if key else " or ".join(said) for key, said in texts.items()]


def _keys(location: tuple[int | str, ...], content: Any) -> list[str]:
    """The part of an error's location that stands in the file; the rest names members of a union."""
    keys = []
    for part in location:
        if isinstance(content, Mapping):
            keys.append(str(part))
            content = content.get(str(part))
        elif isinstance(content, list) and isinstance(part, int):
            keys.append(str(part))
            content = content[part] if part < len(content) else None
    return keys


def _fields(keys: Sequence[str], settings: type[BaseModel]) -> Mapping[str, FieldInfo]:
    """The fields of the section that `keys` lead to; none where they lead elsewhere."""
    model: Any = settings
    for key in keys:
        if key.isdigit():
            continue
        field = model.model_fields.get(key) if hasattr(model, "model_fields") else None
        # A name that the user gave, as of a covariate, leads no further.
        model = model if field is None else field.annotation
        sections = [part for part in get_args(model) if hasattr(part, "model_fields")]
        model = sections[0] if sections else model
    return getattr(model, "model_fields", {})


def _nearest_key(keys: Sequence[str], settings: type[BaseModel]) -> str:
    from rapidfuzz import process

    known = list(_fields(keys[:-1], settings))
    nearest = process.extractOne(keys[-1], known, score_cutoff=60)
    return f"did you mean {nearest[0]}?" if nearest else f"expected one of: {', '.join(known)}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"
