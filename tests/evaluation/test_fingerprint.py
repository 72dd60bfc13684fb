"""Fingerprints tell what numbers are made from: the same in every process, another for every change."""

import os
import subprocess
import sys
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import xarray as xr

import forecast as fc
from forecast.evaluation.fingerprint import fingerprint

TABLE = pd.DataFrame({"n": [1.0, np.nan], "label": ["a", None], "day": pd.to_datetime(["2020-01-01", None])})


class Plain:
    """Declares nothing."""


@dataclass(frozen=True)
class Holder:
    what: object


DIFFERENT = [
    1, 1.0, True, "1", b"1", None, [1], (1,), {1}, {"a": 1}, {"a": 2}, {"b": 1}, [1, 2], [[1], 2], [[1, 2]], [12],
    Plain(), Holder(1), Holder("1"), Holder(Holder(1)), np.array([1, 2]), np.array([1.0, 2.0]), np.array([[1, 2]]),
    np.array(["1", "2"]), TABLE, TABLE.iloc[:1], TABLE.assign(n=[1.0, 2.0]), TABLE.rename(columns={"n": "m"}),
    TABLE["n"], TABLE.set_index("label"), xr.DataArray([1.0], {"x": ["a"]}), xr.DataArray([1.0], {"x": ["b"]}),
    pd.Timestamp("2020-01-01"), fc.RecentMean(), fc.RecentMean(window=7), fc.hold_last(), fc.path(TABLE),
    fc.path(TABLE.iloc[:1]), fc.standard_model(), fc.quick_model(),
    fc.Model([fc.Intercept()], fc.Poisson()), fc.Model([fc.Intercept(sd=3.0)], fc.Poisson()),
    fc.Model([fc.Intercept()], fc.Poisson(), "other"),
]  # fmt: skip


def test_different_things_have_different_fingerprints():
    found = [fingerprint(value) for value in DIFFERENT]
    assert len(set(found)) == len(DIFFERENT)
    assert [fingerprint(value) for value in DIFFERENT] == found
    assert fingerprint(Plain()) == fingerprint(Plain())


def test_a_panel_is_its_values(make_panel):
    panel, other = make_panel(np.ones((2, 1, 5))), make_panel(np.ones((2, 1, 5)))
    assert fingerprint(panel) == fingerprint(other)
    counts = panel.dataset["attacks"] + (panel.dataset["period"] == panel.periods[2])
    assert fingerprint(replace(panel, dataset=panel.dataset.assign(attacks=counts))) != fingerprint(panel)


def test_other_processes_find_the_same():
    value = "[{'b', 'a', 'c'}, fc.standard_model(), fc.hold_last(), object()]"
    code = f"import forecast as fc; from forecast.evaluation.fingerprint import fingerprint as f; print(f({value}))"
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | {"PYTHONHASHSEED": n},
        ).stdout
        for n in ("1", "2")
    }
    assert len(found) == 1
