"""The history of benchmarks: what is kept, and what counts as a loss."""

import pandas as pd
import pytest


@pytest.fixture(scope="module")
def bench(script):
    return script("tests/benchmarks/bench.py")


def row(ratio, name="demo"):
    return {"table": "engine", "row": name, "measure": "cost", "ratio": ratio}


@pytest.mark.parametrize(
    ("before", "now", "lost"),
    [
        ([], 5.0, False),
        ([2.0], 2.4, False),
        ([2.0], 2.41, True),
        ([9.0, 2.0, 2.0, 2.0, 2.0, 2.0], 2.41, True),  # five runs count
        ([2.0, 2.0, 2.0, 2.0, 50.0], 2.3, False),  # one bad run is no measure
        ([2.0, 2.0, 2.0, 2.0, 50.0], 2.5, True),
        ([2.0], 0.1, False),
    ],
)
def test_a_loss_is_a_fifth_above_the_median_of_the_last_five(before, now, lost, bench):
    history = pd.DataFrame([row(ratio) for ratio in before] + [row(1.0, "other")])
    compared = bench.against(history, pd.DataFrame([row(now)]))
    assert compared["lost"].tolist() == [lost]


def test_a_first_run_has_nothing_before_it(bench):
    empty = pd.DataFrame(columns=["day", "version", *bench.KEY, "ratio"])
    assert bench.against(empty, pd.DataFrame([row(2.0)]))["lost"].tolist() == [False]


def test_the_history_has_a_run_of_every_row(bench):
    history = pd.read_csv(bench.HISTORY)
    assert list(history.columns) == ["day", "version", *bench.KEY, "ratio"]
    assert (history["ratio"] > 0).all()
    assert set(history.loc[history["table"] == "engine", "row"]) >= set(bench.ENGINE)
    assert set(history.loc[history["table"] == "skill", "row"]) >= set(bench.SKILL)
