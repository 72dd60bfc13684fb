"""Backtests: the same numbers however the work is done, nothing from after an origin, failures that stop nobody."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest

import forecast as fc
from forecast.errors import InputError
from forecast.evaluation.rolling import BLOCK, backtest, load_backtest
from forecast.evaluation.rolling_disk import origin_folder
from forecast.inference.dispatch import fit as fit_verb
from forecast.panel.sources import CountsSource

MODEL = fc.Model([fc.Intercept(), fc.Pooled("province")], fc.Poisson(), "levels")
ORIGINS = BLOCK + 2
OPTIONS = {"origins": ORIGINS, "horizon": 2, "draws": 50, "seed": 3, "baselines": False}
KEYS = ["model", "origin", "level", "province", "tactic", "period"]


@pytest.fixture(scope="module")
def panel():
    return fc.simulate_panel(3, 2, 30, seed=8, mean=3.0).panel


@pytest.fixture(scope="module")
def done(panel, tmp_path_factory):
    """In this process."""
    folder = tmp_path_factory.mktemp("done") / "backtest"
    return backtest([MODEL, fc.RecentMean()], panel, folder=folder, **OPTIONS)


def same(one, two):
    tables = (each.scores.sort_values(KEYS).reset_index(drop=True) for each in (one, two))
    pd.testing.assert_frame_equal(*tables, check_exact=True)


def test_scores_are_those_of_the_forecasts_at_each_origin(done, panel):
    assert len(done.origins) == ORIGINS
    assert set(done.scores["level"]) == {"cell", "country", "tactic", "total"}
    assert done.failures.empty
    # The last origin leaves one period to score, the others two.
    assert len(done.of("total")) == 2 * (2 * ORIGINS - 1)
    assert len(done.of("cell")) == 6 * len(done.of("total"))
    origin = done.origins[3]
    forecast = done.forecast("levels", origin)
    assert forecast.origin == origin
    again = fc.score(forecast, panel).reset_index(drop=True)
    kept = done.of("cell")
    kept = kept[(kept["model"] == "levels") & (kept["origin"] == origin)].drop(columns="state").reset_index(drop=True)
    pd.testing.assert_frame_equal(again[kept.columns], kept, check_dtype=False)
    assert "2 models × 12 origins" in repr(done)


def test_how_long_each_fit_and_forecast_took_is_kept(done):
    seconds = done.seconds
    assert set(zip(seconds["model"], seconds["origin"], strict=True)) == {
        (model, origin) for model in ("levels", "recent_mean") for origin in done.origins
    }
    assert (seconds[["fit", "forecast"]] > 0).all(axis=None)
    # A baseline's fit is a mean.
    fits = seconds.groupby("model")["fit"].sum()
    assert fits["recent_mean"] < fits["levels"] < 600
    pd.testing.assert_frame_equal(load_backtest(done.folder).seconds, seconds)


def test_a_backtest_that_kept_no_times_is_read(panel, tmp_path):
    backtest([fc.RecentMean()], panel, folder=tmp_path, **{**OPTIONS, "origins": 1})
    for file in tmp_path.rglob("seconds.csv"):
        file.unlink()
    assert load_backtest(tmp_path).seconds.empty


def test_a_process_pool_gives_the_same_numbers(done, panel):
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        same(done, backtest([MODEL, fc.RecentMean()], panel, executor=pool, **OPTIONS))


def test_days_as_origins_and_all_baselines(panel):
    days = [pd.Timestamp(day) for day in panel.dataset["period_end"].values[[20, 25]]]
    found = backtest([MODEL], panel, origins=days, horizon=1, draws=20, seed=1)
    assert found.origins == days
    assert set(found.scores["model"]) == {"levels", *fc.default_baselines()}


def test_a_window_is_all_that_models_are_fitted_to(panel, tmp_path):
    options = {**OPTIONS, "origins": 3}
    done = backtest([fc.RecentMean()], panel, window=5, folder=tmp_path / "bt", **options)
    assert done.forecast("recent_mean", done.origins[0]).dataset.sizes["history_period"] == 5
    whole = backtest([fc.RecentMean()], panel, **options)
    assert not np.array_equal(done.scores["crps"], whole.scores["crps"])
    with pytest.raises(InputError, match=r"holds another backtest.*other window\)"):
        backtest([fc.RecentMean()], panel, window=6, folder=tmp_path / "bt", resume=True, **options)


SCRIPT = """
import sys
sys.path.insert(0, {tests!r})
from test_rolling import MODEL, OPTIONS
import forecast as fc
from forecast.evaluation.rolling import backtest
panel = fc.simulate_panel(3, 2, 30, seed=8, mean=3.0).panel
backtest([MODEL, fc.RecentMean()], panel, folder={folder!r}, **OPTIONS)
"""


def test_a_run_that_was_killed_goes_on_to_the_same_numbers(done, panel, tmp_path):
    folder = tmp_path / "killed"
    script = SCRIPT.format(tests=str(__file__).rsplit("/", 1)[0], folder=str(folder))
    worker = subprocess.Popen([sys.executable, "-c", script])
    deadline = time.monotonic() + 120
    while len(list(folder.glob("*/*/scores.csv"))) < 4 and time.monotonic() < deadline and worker.poll() is None:
        time.sleep(0.02)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    before = len(list(folder.glob("*/*/scores.csv")))
    assert 4 <= before < 2 * ORIGINS
    with pytest.raises(InputError, match="holds a backtest already"):
        backtest([MODEL, fc.RecentMean()], panel, folder=folder, **OPTIONS)
    resumed = backtest([MODEL, fc.RecentMean()], panel, folder=folder, resume=True, **OPTIONS)
    same(done, resumed)
    same(resumed, load_backtest(folder))
    with pytest.raises(InputError, match=r"holds another backtest.*other seed"):
        backtest([MODEL, fc.RecentMean()], panel, folder=folder, resume=True, **{**OPTIONS, "seed": 4})


def test_dask_gives_the_same_numbers_with_a_worker_killed(done, panel, tmp_path):
    """Two worker processes, one of them killed at its work; the other does it."""
    distributed = pytest.importorskip("distributed")
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
    )
    with cluster, distributed.Client(cluster) as client:
        killed = []

        def step(text, number, total):
            """After the first of two blocks: the worker that has the other one is killed."""
            if not killed:
                pids = client.run(os.getpid)
                killed.extend(pids[worker] for worker, tasks in client.processing().items() if tasks)
                os.kill(killed[0], signal.SIGKILL)

        executor = client.get_executor()
        folder = tmp_path / "dask"
        found = backtest([fc.RecentMean()], panel, executor=executor, folder=folder, step=step, **OPTIONS)
    assert len(killed) == 1
    alone = done.scores["model"] == "recent_mean"
    same(replace(done, scores=done.scores[alone]), found)


@dataclass(frozen=True)
class Leaky:
    """A model that looks at what comes."""

    name: ClassVar[str] = "leaky"
    everything: fc.Panel


@fit_verb.register
def _fit_leaky(model: Leaky, panel, *, engine="auto", start=None, seed):
    counts, number = panel.dataset["attacks"].values.copy(), len(panel.periods)
    counts[..., -1] = model.everything.dataset["attacks"].values[..., number]
    seen = replace(panel, dataset=panel.dataset.assign(attacks=(panel.dataset["attacks"].dims, counts)))
    return fc.fit(fc.Last(), seen, seed=seed)


def changed_after(panel, origin):
    """The panel with other counts after a day."""
    later = panel.periods > origin
    counts = panel.dataset["attacks"].values.copy()
    counts[..., later] = counts[..., later][::-1, ::-1] + 7
    return replace(panel, dataset=panel.dataset.assign(attacks=(panel.dataset["attacks"].dims, counts)))


def test_nothing_after_an_origin_moves_its_forecast_and_a_leak_is_caught(panel, tmp_path):
    origin = pd.Timestamp(panel.dataset["period_end"].values[24])
    found = {}
    for name, data in (("before", panel), ("after", changed_after(panel, origin))):
        models = {"levels": MODEL, "regression": fc.NegativeBinomialRegression(), "leaky": Leaky(data)}
        options = {**OPTIONS, "origins": [panel.dataset["period_end"].values[20], origin]}
        made = backtest(models, data, folder=tmp_path / name, **options)
        found[name] = {model: made.forecast(model, origin).draws.values for model in models}
    for model, draws in found["before"].items():
        assert np.array_equal(draws, found["after"][model]) == (model != "leaky"), model


def test_a_model_that_fails_is_recorded_and_stops_nobody(panel):
    late = fc.Model([fc.Intercept(), fc.Step("2017-04-01")], fc.Poisson(), "late")
    days = panel.dataset["period_end"].values[[20, 27]]
    assert panel.periods[0] < pd.Timestamp("2016-01-01")
    found = backtest([MODEL, late], panel, **{**OPTIONS, "origins": days})
    assert list(found.failures["model"]) == ["late"]
    assert "lies outside the panel" in found.failures["error"].item()
    assert len(found.of("total")) == 3 * 2
    assert "1 forecasts FAILED" in repr(found)
    with pytest.raises(InputError, match="no model could be scored"):
        backtest([replace_step(late)], panel, **{**OPTIONS, "origins": days[:1]})


def replace_step(model):
    return fc.Model(model.terms, model.family, "other")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"origins": 0}, "out of range"),
        ({"origins": 29}, "out of range"),
        ({"origins": ["2016-03-15"]}, "are no origins"),
        ({"origins": []}, "are no origins"),
        ({"horizon": 0}, "whole number from 1"),
    ],
)
def test_what_cannot_be_is_refused(panel, options, message):
    with pytest.raises(InputError, match=message):
        backtest([MODEL], panel, **{**OPTIONS, **options})


def test_names_and_folders_are_checked(panel, tmp_path, done):
    with pytest.raises(InputError, match="different names"):
        backtest([MODEL, MODEL], panel, **OPTIONS)
    with pytest.raises(InputError, match="is no name of a model"):
        backtest({"\x1b[31m": MODEL}, panel, **OPTIONS)
    (tmp_path / "x").write_text("")
    with pytest.raises(InputError, match="is not empty"):
        backtest([MODEL], panel, folder=tmp_path, **OPTIONS)
    with pytest.raises(InputError, match="holds no backtest"):
        load_backtest(tmp_path)
    with pytest.raises(InputError, match="no such level"):
        done.of("continent")
    with pytest.raises(InputError, match="was not kept"):
        backtest([MODEL], panel, **{**OPTIONS, "origins": 1}).forecast("levels", done.origins[-1])
    place = origin_folder(tmp_path, "../a b", pd.Timestamp("2020-01-31"))
    assert place.parent.parent == tmp_path
    # The longest name that a model may have, in letters of four bytes: a folder's name has at most 255 bytes.
    assert len(bytes(origin_folder(tmp_path, "𒀀" * 60, pd.Timestamp("2020-01-31")).parent.name, "utf-8")) < 255


FEW = {"origins": 2, "horizon": 1, "draws": 20, "seed": 1, "baselines": False}


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_backtest_of_something_else_is_not_resumed(panel, tmp_path):
    policies = {"fasting": fc.hold_last()}
    source = CountsSource(panel, {"aid": panel.attacks.isel(tactic=0, drop=True).astype(float)})
    backtest({"mine": fc.RecentMean()}, source, folder=tmp_path, futures=policies, **FEW)
    place = origin_folder(tmp_path, "mine", load_backtest(tmp_path).origins[0])
    (place / "scores.csv").unlink()
    before = files(tmp_path)
    other = CountsSource(panel, {"aid": panel.attacks.isel(tactic=1, drop=True).astype(float)})
    late = {"fasting": fc.path(pd.DataFrame({"period": ["2020-01-01"], "fasting": [1.0]}))}
    for models, data, futures, what in (
        ({"mine": fc.RecentMean(window=7)}, source, policies, "model mine"),
        ({"mine": fc.Last()}, source, policies, "model mine"),
        ({"mine": fc.RecentMean(), "more": fc.Last()}, source, policies, "model more"),
        ({"mine": fc.RecentMean()}, source, late, "future fasting"),
        ({"mine": fc.RecentMean()}, other, policies, "data, vintages"),
    ):
        with pytest.raises(InputError, match=rf"holds another backtest \(found other {what}\)"):
            backtest(models, data, folder=tmp_path, futures=futures, resume=True, **FEW)
    assert files(tmp_path) == before
    backtest({"mine": fc.RecentMean()}, source, folder=tmp_path, futures=policies, resume=True, **FEW)
    assert (place / "scores.csv").is_file()


@dataclass(frozen=True)
class Failing:
    """A model whose fit fails in a given way, which is no part of what it declares."""

    name: ClassVar[str] = "failing"
    error: ClassVar[BaseException | None] = None


@fit_verb.register
def _fit_failing(model: Failing, panel, *, engine="auto", start=None, seed):
    if Failing.error is not None:
        raise Failing.error
    return fc.fit(fc.Last(), panel, seed=seed)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), MemoryError(), TypeError("of a defect")])
def test_what_is_not_the_models_own_ends_the_backtest_which_resumes(error, panel, tmp_path, monkeypatch):
    monkeypatch.setattr(Failing, "error", error)
    with pytest.raises(type(error)):
        backtest([fc.Last(), Failing()], panel, folder=tmp_path, **FEW)
    assert not list(tmp_path.rglob("error.txt"))
    monkeypatch.setattr(Failing, "error", None)
    resumed = backtest([fc.Last(), Failing()], panel, folder=tmp_path, resume=True, **FEW)
    assert resumed.failures.empty


def test_a_full_disk_is_not_the_models_failure(panel, tmp_path, monkeypatch):
    def full(*_):
        raise InputError("cannot be written: No space left on device")

    monkeypatch.setattr("forecast.evaluation.rolling_blocks.write_csv", full)
    with pytest.raises(InputError, match="No space left"):
        backtest([fc.Last()], panel, folder=tmp_path, **FEW)
    monkeypatch.undo()
    resumed = backtest([fc.Last()], panel, folder=tmp_path, resume=True, **FEW)
    assert resumed.failures.empty
    assert len(resumed.origins) == 2


def test_a_worker_that_is_ended_from_outside_is_said(panel, tmp_path):
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        pool.submit(abs, 1).result()
        for process in pool._processes.values():
            process.kill()
        with pytest.raises(InputError, match=r"a worker was ended from outside\. Go on with --resume"):
            backtest([fc.Last()], panel, executor=pool, folder=tmp_path, **FEW)


def test_what_a_killed_start_left_blocks_nothing(panel, tmp_path):
    for name in (".forecast-backtest.json-0123abcd.tmp", ".forecast-files-0123abcd.tmp/scores.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("half")
    backtest([fc.Last()], panel, folder=tmp_path, **FEW)
    assert "scores.csv" not in "".join(path.name for path in tmp_path.iterdir())
    (tmp_path / "last" / "2017-11-30").mkdir(parents=True, exist_ok=True)
    left = tmp_path / "last" / "2017-11-30" / ".forecast-forecast.nc-0123abcd.tmp"
    left.write_text("half")
    backtest([fc.Last()], panel, folder=tmp_path, resume=True, **FEW)
    assert not left.exists()


def test_scores_of_another_model_or_origin_are_damage(panel, tmp_path):
    done = backtest([fc.Last(), fc.Zero()], panel, folder=tmp_path, **FEW)
    first, second = (origin_folder(tmp_path, "last", day) / "scores.csv" for day in done.origins)
    whole = first.read_bytes()
    for other in (second, origin_folder(tmp_path, "zero", done.origins[0]) / "scores.csv"):
        first.write_bytes(other.read_bytes())
        with pytest.raises(InputError, match=r"scores\.csv: is damaged \(found scores of another model or origin"):
            load_backtest(tmp_path)
    first.write_bytes(whole)
    same(done, load_backtest(tmp_path))
