"""Arguments of the public verbs, checked against their annotations: a wrong one is named before anything is done."""

import datetime as dt
import inspect
import os
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cache, wraps
from numbers import Integral, Real
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin

import numpy as np
import pandas as pd

from forecast.errors import InputError, shorten

__all__ = ["checked"]

Verb = TypeVar("Verb", bound=Callable[..., Any])
# What passes for a value of a type, beside its own instances: numbers of NumPy, paths of any library, other dates.
_ALSO: dict[Any, tuple[type, ...]] = {
    int: (Integral,),
    float: (Real,),
    bool: (np.bool_,),
    Path: (os.PathLike,),
    pd.Timestamp: (dt.date, np.datetime64),
}
# Types that a text may stand for.
_DAYS = {pd.Timestamp, dt.date}
_WORDS = {
    int: "a whole number",
    float: "a number",
    str: "a text",
    bool: "True or False",
    NoneType: "None",
    **dict.fromkeys(_DAYS, "a day (YYYY-MM-DD)"),
}


def checked(verb: Verb) -> Verb:
    """The verb, which tells a wrong or missing argument by an `InputError` that names it.

    Elements of lists and mappings are looked at too. What an annotation says in no words of Python's own types (a
    protocol, a function of certain arguments) is left to the verb.
    """
    signature = inspect.signature(verb)

    @cache
    def hints() -> dict[str, Any]:
        # Looked up at the first call: annotations may name what is imported late.
        return {name: _resolved(hint, verb.__globals__) for name, hint in verb.__annotations__.items()}

    @wraps(verb)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            given = signature.bind(*args, **kwargs).arguments
        except TypeError as error:
            raise InputError(f"{verb.__name__}: {error}", expected=f"{verb.__name__}{_outline(signature)}") from None
        for name, value in given.items():
            if not _fits(value, hints().get(name, Any)):
                found, expected = _shown(value), _in_words(hints()[name])
                raise InputError(
                    "is of the wrong type", source=verb.__name__, where=name, found=found, expected=expected
                )
        return verb(*args, **kwargs)

    return cast(Verb, call)


def _resolved(hint: Any, known: dict[str, Any]) -> Any:
    """An annotation that may be a text; Any where its names are known to type checkers only."""
    if not isinstance(hint, str):
        return hint
    try:
        return eval(hint, known)
    except (NameError, TypeError):
        return Any


def _fits(value: Any, hint: Any) -> bool:
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        if isinstance(value, str) and _DAYS & set(parts):
            return _is_day(value)
        return any(_fits(value, part) for part in parts)
    if origin is Literal:
        return any(type(value) is type(part) and value == part for part in parts)
    if origin is Callable:
        return callable(value)
    if origin is tuple:
        return isinstance(value, Collection) and not isinstance(value, str)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return isinstance(value, Mapping) and all(
            _fits(key, parts[0]) and _fits(item, parts[1]) for key, item in value.items()
        )
    if isinstance(origin, type) and issubclass(origin, Iterable):
        # A text is a list of letters; what can be gone through once only is left alone.
        if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
            return False
        return not isinstance(value, Collection) or all(_fits(item, parts[0]) for item in value)
    if hint is None:
        return value is None
    if hint is Any or not isinstance(hint, type) or getattr(hint, "_is_protocol", False):
        return True
    if isinstance(value, bool | np.bool_) and hint in (int, float):
        return False
    return isinstance(value, (hint, *_ALSO.get(hint, ())))


def _is_day(text: str) -> bool:
    """Whether a text is a day between 1678 and 2261, which nanoseconds in 64 bits reach."""
    try:
        pd.Timestamp(text).as_unit("ns")
    except ValueError:
        return False
    return True


def _in_words(hint: Any) -> str:
    """What an annotation asks for."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        parts = tuple(part for part in parts if not (part is str and _DAYS & set(parts)))
        return " or ".join(dict.fromkeys(map(_in_words, parts)))
    if origin is Literal:
        return " or ".join(map(repr, parts))
    if origin is Callable:
        return "a function"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f"a mapping of {_in_words(parts[0])} to {_in_words(parts[1])}"
    if origin is not None:
        return f"a sequence of {_in_words(parts[0])}"
    return _WORDS.get(hint, getattr(hint, "__name__", str(hint)))


def _shown(value: Any) -> str:
    """A value's type, and the value itself where it is a short one."""
    kind = type(value).__name__
    plain = isinstance(value, str | int | float | list | tuple | dict)
    return f"{kind} {shorten(repr(value), 60)}" if plain else kind


def _outline(signature: inspect.Signature) -> str:
    """The arguments by name, those that may be left out in brackets."""
    needed = [name for name, parameter in signature.parameters.items() if parameter.default is inspect.Parameter.empty]
    optional = [name for name in signature.parameters if name not in needed]
    return f"({', '.join([*needed, *(f'[{name}]' for name in optional)])})"
