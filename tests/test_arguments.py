"""Public verbs name an argument of the wrong type, whichever it is, and let right ones through."""

import datetime as dt
import inspect
import pickle
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd
import pytest

import forecast as fc
from forecast.arguments import checked


class Alien:
    """Of no type that any verb takes."""


VERBS = [name for name in fc.__all__ if inspect.isfunction(getattr(fc, name))]
# The first argument of a dispatching verb is of any type; protocols and any model are the verbs' own matter.
OPEN = {("fit", "model"), ("predict", "fit"), ("backtest", "source"), ("path", "table"), ("path_given_counts", "fit")}
ARGUMENTS = [(verb, name) for verb in VERBS for name in inspect.signature(getattr(fc, verb)).parameters]


@pytest.mark.parametrize(("verb", "argument"), [pair for pair in ARGUMENTS if pair not in OPEN])
def test_every_verb_names_an_argument_of_the_wrong_type(verb, argument):
    call = getattr(fc, verb)
    signature = inspect.signature(call)
    # Those before it are of the right type as far as anybody looks: the first that is wrong is named.
    given = {
        name: Alien()
        for name, parameter in signature.parameters.items()
        if parameter.default is inspect.Parameter.empty
    }
    with pytest.raises(
        fc.InputError, match=rf"{verb}: \w+: is of the wrong type \(found Alien; expected .+\)"
    ) as error:
        call(**{**given, argument: Alien()})
    first = next(name for name in signature.parameters if name in {*given, argument} and (verb, name) not in OPEN)
    assert f"{verb}: {first}: " in str(error.value)


def _takes(hint: Any) -> Callable[[Any], Any]:
    def verb(value):
        return value

    verb.__annotations__ = {"value": hint}
    return checked(verb)


class Opens(Protocol):
    """Something that opens."""

    def open(self) -> None:
        """Open it."""


@pytest.mark.parametrize(
    ("hint", "right", "wrong"),
    [
        (int, [1, np.int64(2)], ["1", 2.5, True, None, np.array([1])]),
        (float, [1, 0.5, np.float32(1)], ["1", True, None]),
        (bool, [True, np.bool_(False)], [1, "yes", None]),
        (str, ["a"], [1, None, b"a", ["a"]]),
        (int | None, [1, None], ["1"]),
        (str | Path, ["a", Path("a")], [1, None]),
        (Literal["draw", "first"], ["draw"], ["last", 1, None]),
        (Sequence[str], [["a"], ("a",), [], np.array(["a"]), pd.Index(["a"])], ["a", [1], 1, {"a": 1}, None]),
        (Sequence[float], [[0.5, 1]], [["a"], [None], 0.5]),
        (Iterable[int], [iter([1]), [1], {1}], ["a", 1, ["a"]]),
        (Mapping[str, float], [{"a": 1.0}, {}], [{"a": "b"}, {1: 1.0}, [("a", 1.0)]]),
        (
            str | pd.Timestamp,
            ["2020-01-01", pd.Timestamp(0), dt.date(2020, 1, 1)],
            ["x", "3000-01-01", "0020-01-01", 1],
        ),
        (Callable[[int], int], [len], [1]),
        (fc.Panel, [], [pd.DataFrame(), None, "panel"]),
        (Opens, [1, "a"], []),
        ("Unknown", [1, "a"], []),
        (Any, [1, None], []),
    ],
)
def test_a_value_fits_an_annotation_or_not(hint, right, wrong):
    verb = _takes(hint)
    for value in right:
        assert verb(value) is value
    for value in wrong:
        with pytest.raises(fc.InputError, match="verb: value: is of the wrong type"):
            verb(value)


def test_a_missing_or_unknown_argument_is_named_with_those_there_are():
    with pytest.raises(
        fc.InputError, match=r"missing a required argument: 'seed' \(expected fit\(model, panel, seed, \["
    ):
        fc.fit(fc.Zero(), fc.simulate_panel(1, 1, 3, seed=1).panel)
    with pytest.raises(fc.InputError, match="unexpected keyword argument 'horizons'"):
        fc.predict(None, 3, horizons=3, seed=1)


def test_a_verb_goes_to_another_process_and_is_the_same():
    assert pickle.loads(pickle.dumps(fc.fit)) is fc.fit
    assert fc.fit.register is not None


@pytest.mark.parametrize(("horizon", "draws"), [(1_201, 10), (1, 1_000_001)])
def test_more_than_anybody_needs_is_refused(horizon, draws):
    fitted = fc.fit(fc.Zero(), fc.simulate_panel(1, 1, 3, seed=1).panel, seed=1)
    with pytest.raises(fc.InputError, match="is at most 1,"):
        fc.predict(fitted, horizon, draws=draws, seed=1)
