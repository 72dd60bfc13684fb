"""Faults of settings: each field in turn holds what it cannot; the answer is one line, or a run that can be made."""

import copy
import datetime
import time
import tomllib
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from bad_input import CAPABILITY, COVARIATE, GAZETTEER, INDICATORS, PLAIN, STRIKES, table, within, write

from forecast.check import check_told
from forecast.config import read_settings
from forecast.errors import InputError
from forecast.run_prepared import prepare

FILES = {
    "events.csv": PLAIN,
    "g.csv": GAZETTEER,
    "z.csv": table("zone,provinces", "border,IQG01|IQG10"),
    "strikes.csv": STRIKES,
    "i.csv": INDICATORS,
}
GOOD = tomllib.loads(
    "title = 'Attacks'\nnotes = ['x']\nseed = 1\nengine = 'auto'\nmax_seconds = 9.0\noutput = 'out'\n"
    + within(
        "places",
        "gazetteer = 'g.csv'\nzones = 'z.csv'\nnearest = true\nmax_distance_km = 50.0",
        within(
            "data",
            "sheet = ''\ncolumns = {date = 'date'}\nday_first = false\naccept_loss = false\nsimulated = false",
            within("panel", "freq = 'MS'\nprovinces = ['Anbar']\ntactics = ['ied']\nmultiday = 'draw'\ncomplete = 0.9"),
        ),
    )
    + COVARIATE
    + CAPABILITY
    + "[[capability.scenarios]]\nname = 'up'\nforce = 'ISF'\nshift_sd = 1.0\n[backtest]\norigins = 2\noutput = 'bt'\n"
)
VALUES: tuple[Any, ...] = (
    *(-1, 0, 10**18, 1e308, float("nan"), float("inf"), True, "", "\x1b]0;x\x07", "x" * 5000, "../..", "/dev/zero"),
    *(datetime.date(1, 1, 1), datetime.date(9999, 12, 31), [], [[]], [""], {}, {"a": {"b": [1]}}),
)


def places(content: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all fields of nested settings, of sections too."""
    members = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, member in members:
        yield (*path, key)
        yield from places(member, (*path, key))


def changed_at(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    content = copy.deepcopy(GOOD)
    section: Any = content
    for key in path[:-1]:
        section = section[key]
    section[path[-1]] = value
    return content


@pytest.mark.parametrize("path", list(places(GOOD)), ids=lambda path: ".".join(map(str, path)))
def test_every_field_of_settings_may_hold_anything(path: tuple[Any, ...], folder: Path) -> None:
    write(folder, FILES)
    for value in VALUES:
        (folder / "forecast.toml").write_text(tomli_w.dumps(changed_at(path, value)), encoding="utf-8")
        began = time.monotonic()
        try:
            told = str(read_settings("forecast.toml").as_written())
        except InputError as error:
            told = str(error)
        assert len(told) < 7000
        assert time.monotonic() - began < 10


def test_what_settings_allow_can_be_checked_or_is_refused(folder: Path) -> None:
    """Each field with another value; without capability, whose measuring takes seconds."""
    write(folder, FILES)
    fields = places({key: member for key, member in GOOD.items() if key not in ("capability", "backtest")})
    for path, value in zip(fields, cycle([1, "x", True, [["x"]], {}, datetime.date(2020, 3, 1)]), strict=False):
        content = {key: member for key, member in changed_at(path, value).items() if key != "capability"}
        (folder / "forecast.toml").write_text(tomli_w.dumps(content), encoding="utf-8")
        try:
            settings = read_settings("forecast.toml")
            told = check_told(settings, prepare(settings))
        except InputError as error:
            told = str(error)
        assert told
