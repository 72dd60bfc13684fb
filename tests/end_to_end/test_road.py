"""The whole road on the demonstration and on real input, through the command line."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import forecast as fc
from forecast import cli
from forecast.baselines.regression import RegressionFit
from forecast.config import read_settings
from forecast.datasets import data_path
from forecast.errors import DiagnosticsError
from forecast.files import sha256
from forecast.panel.calendar import ramadan_share
from forecast.prediction.draws import Forecast
from forecast.run import run

COUNTS = """
horizon = 3
draws = 200
engine = "{engine}"
[data]
source = "counts"
paths = ["counts.csv"]
[evaluation]
periods = 2
"""
FASTING = """
[model]
name = "fasting"
family = { family = "Poisson" }
[[model.terms]]
term = "Intercept"
sd = 1.5
[[model.terms]]
term = "Covariate"
name = "ramadan"
"""
FILES = {"report.html", "forecast.csv", "scores.csv", "ledger.csv", "panel.nc", "forecast.nc", "run.json"}


def _forecast(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "forecast", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


def _main(monkeypatch, *words: object) -> int | str | None:
    """The exit code of a command in this process, which has loaded everything."""
    monkeypatch.setattr(sys, "argv", ["forecast", *map(str, words)])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    return stop.value.code


def _check_run(folder: Path, horizon: int) -> tuple[fc.Panel, Forecast, dict]:
    """What every finished run must hold, whatever the data."""
    assert {path.name for path in folder.iterdir()} - {"boundaries.json"} == FILES
    panel, forecast = fc.Panel.load(folder / "panel.nc"), Forecast.load(folder / "forecast.nc")
    record = json.loads((folder / "run.json").read_text())
    table = pd.read_csv(folder / "forecast.csv")
    assert len(table) == len(panel.provinces) * len(panel.tactics) * horizon
    assert (table["lower_90"] <= table["median"]).all()
    assert (table["median"] <= table["upper_90"]).all()
    assert forecast.origin == panel.origin == pd.Timestamp(record["data_cut_off"])
    assert all(Path(given["path"]).is_absolute() or given["sha256"] for given in record["inputs"])
    scores = pd.read_csv(folder / "scores.csv")
    assert set(scores["model"]) == {*fc.default_baselines(), record["settings"]["model"]}
    assert set(scores["horizon"]) == set(range(1, record["settings"]["evaluation"]["periods"] + 1))
    report = (folder / "report.html").read_text()
    assert len(report) > 100_000
    assert all(part in report for part in ("How the data were cleaned", "Provenance", "Limits"))
    return panel, forecast, record


def _write_counts(folder: Path) -> None:
    """`counts.csv`: two provinces, one tactic, 26 months, more attacks in Ramadan."""
    months = pd.date_range("2020-01-01", "2022-02-01", freq="MS")
    counts = np.random.default_rng(1).poisson(5.0 * np.exp(1.5 * ramadan_share(months, "MS")), (2, len(months)))
    cells = pd.MultiIndex.from_product([["IQG10", "SY04"], ["ied"], months], names=["province", "tactic", "period"])
    pd.Series(counts.ravel(), index=cells, name="attacks").to_csv(folder / "counts.csv")


@pytest.fixture(scope="session")
def demo(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "out"
    done = _forecast("demo", "--output", folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(folder / "report.html")
    return folder


def test_demo(demo):
    panel, forecast, record = _check_run(demo, 6)
    assert (len(panel.provinces), len(panel.tactics), len(panel.periods)) == (32, 6, 72)
    assert panel.simulated
    assert forecast.simulated
    assert "SIMULATED" in (demo / "report.html").read_text()
    assert record["simulated"] is True


@pytest.mark.browser
def test_demo_in_a_browser(demo, open_page):
    opened = open_page(demo / "report.html")
    assert opened.problems == []
    assert opened.requests == [(demo / "report.html").resolve().as_uri()]
    assert opened.page.locator("svg.map a").count() == opened.page.locator("#series svg.small").count() == 32
    assert opened.page.get_by_text("SIMULATED DATA").count() > 3


@pytest.mark.browser
def test_demo_as_pdf(demo, browser, tmp_path):
    shutil.copytree(demo, tmp_path / "run")
    done = _forecast("report", tmp_path / "run", "--pdf")
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).read_bytes().startswith(b"%PDF")


def _demo_settings() -> str:
    """Those of the demonstration, for a file in any folder."""
    settings = data_path("demo.toml").read_text()
    for name in ("demo_events_simulated.csv.gz", "zones.csv", "demo_capability_simulated.csv"):
        settings = settings.replace(f'"{name}"', f'"{data_path(name)}"')
    return settings


def test_the_same_seed_gives_the_same_files(monkeypatch, tmp_path):
    """In this process, which has done other things, and in one of its own; two years of a part of the demonstration."""
    text = _demo_settings()
    for old, new in (
        ("[places]", '[places]\ncountries = ["Syria"]'),
        ("start = 2019-01-01", 'provinces = ["SY07", "SY08", "SY09"]\nstart = 2023-01-01'),
        (f'zones = "{data_path("zones.csv")}"\n', ""),
        ("periods = 6", "periods = 1"),
    ):
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "forecast.toml").write_text(text)
    one, other = tmp_path / "one", tmp_path / "other"
    assert _main(monkeypatch, "run", tmp_path / "forecast.toml", "--output", one) in (0, None)
    done = _forecast("run", tmp_path / "forecast.toml", "--output", other)
    assert done.returncode == 0, done.stderr
    for name in sorted(FILES - {"panel.nc", "forecast.nc"}):
        assert sha256(one / name) == sha256(other / name), name
    first, second = (Forecast.load(folder / "forecast.nc") for folder in (one, other))
    assert first.dataset.identical(second.dataset)


def test_a_finished_run_renders_again(demo, monkeypatch):
    """The same page as that of the process that made the run."""
    before = (demo / "report.html").read_text()
    (demo / "report.html").unlink()
    assert _main(monkeypatch, "report", demo) in (0, None)
    assert (demo / "report.html").read_text() == before


def test_demo_in_a_notebook(demo):
    panel = fc.load_demo()
    assert panel.dataset.identical(fc.Panel.load(demo / "panel.nc").dataset)
    assert panel.covariates == ["capability"]
    assert fc.__version__ == _forecast("--version").stdout.strip()


def test_a_failed_fit_becomes_no_report(monkeypatch, capsys, tmp_path):
    failed = pd.DataFrame({"check": ["converged"], "value": [0.0], "passed": [False], "advice": ["use fewer lags"]})
    monkeypatch.setattr(RegressionFit, "diagnostics", property(lambda fit: failed))
    _write_counts(tmp_path)
    # A model whose failed checks lead to no other engine.
    (tmp_path / "forecast.toml").write_text('model = "regression"\n' + COUNTS.format(engine="auto"))
    assert _main(monkeypatch, "run", tmp_path / "forecast.toml", "--output", tmp_path / "out") == 3
    assert "failed its checks: converged = 0: use fewer lags" in capsys.readouterr().err
    assert not list((tmp_path / "out").glob("*"))


def test_a_failed_fit_becomes_a_report_with_a_warning_if_the_user_insists(monkeypatch, capsys, tmp_path):
    failed = pd.DataFrame({"check": ["converged"], "value": [0.0], "passed": [False], "advice": ["use fewer lags"]})
    monkeypatch.setattr(RegressionFit, "diagnostics", property(lambda fit: failed))
    _write_counts(tmp_path)
    (tmp_path / "forecast.toml").write_text('model = "regression"\n' + COUNTS.format(engine="auto"))
    words = ("run", tmp_path / "forecast.toml", "--output", tmp_path / "out", "--allow-unconverged")
    assert _main(monkeypatch, *words) in (0, None)
    told = "the fit of regression failed its checks: converged = 0: use fewer lags"
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    # What it was scored by is no better, and the page says so too.
    assert [note.endswith(told) for note in record["notes"]] == [True]
    report = (tmp_path / "out" / "report.html").read_text()
    assert report.index(told) < report.index("<h1>")


def test_a_run_is_bounded_in_time(tmp_path):
    """The fit has a batch of draws, which a report needs to be told to take."""
    _write_counts(tmp_path)
    (tmp_path / "forecast.toml").write_text("max_seconds = 1e-6\n" + COUNTS.format(engine="auto") + FASTING)
    settings = read_settings(tmp_path / "forecast.toml")
    with pytest.raises(DiagnosticsError, match="effective draws"):
        run(settings)
    done = run(settings, allow_unconverged=True)
    assert set(done.scores.loc[done.scores["model"] == "fasting", "horizon"]) == {1, 2}
    assert done.scores["model"].nunique() == 8
    assert any("(max_seconds) with" in note for note in done.forecast.provenance["notes"])


def test_ucdp_to_report(shared_data, monkeypatch, tmp_path):
    (tmp_path / "forecast.toml").write_text(
        f"""
        title = "IS in Syria"
        draws = 500
        model = "smoothing"
        [data]
        source = "ucdp"
        paths = ["{shared_data}/ucdp_ged_syria_2016_2019.csv.gz"]
        [places]
        countries = ["Syria"]
        boundaries = "{shared_data}/syria_adm1_geoboundaries.geojson"
        [panel]
        actor = "IS"
        start = 2016-01-01
        end = 2019-11-30
        """
    )
    assert _main(monkeypatch, "run", tmp_path / "forecast.toml", "--output", tmp_path / "out") in (0, None)
    panel, _, _ = _check_run(tmp_path / "out", 6)
    assert (len(panel.provinces), len(panel.periods)) == (14, 47)
    assert set(panel.tactics) == {"state_based", "non_state", "one_sided"}
    # Counted by hand in the file: IS on either side, where_prec up to 4, one-day records, in Aleppo, May 2017.
    raw = pd.read_csv(shared_data / "ucdp_ged_syria_2016_2019.csv.gz", low_memory=False)
    inside = raw["date_start"].str.startswith("2017-05") & (raw["date_start"] == raw["date_end"])
    rows = raw[((raw["side_a"] == "IS") | (raw["side_b"] == "IS")) & (raw["where_prec"] <= 4) & inside]
    expected = (rows["adm_1"] == "Aleppo Governorate").sum()
    counted = int(panel.attacks.sel(province="SY02", period="2017-05-01").sum())
    assert expected <= counted <= expected + 15, "multi-day records come on top"
    assert (tmp_path / "out" / "boundaries.json").exists()


def test_iraq_to_report(shared_data, monkeypatch, tmp_path):
    (tmp_path / "forecast.toml").write_text(
        f"""
        title = "Iraq 2007 and 2008, by week"
        horizon = 8
        draws = 500
        model = "regression"
        [data]
        source = "plain"
        paths = ["{shared_data}/iraq_sigacts_2007_2008.csv.gz"]
        columns = {{ tactic = "type" }}
        [places]
        countries = ["Iraq"]
        [panel]
        freq = "W"
        [covariates.strikes]
        path = "{shared_data}/iraq_strikes_2007_2008.csv.gz"
        events = "plain"
        columns = {{ tactic = "type" }}
        future = "hold_last"
        [evaluation]
        periods = 4
        """
    )
    assert _main(monkeypatch, "run", tmp_path / "forecast.toml", "--output", tmp_path / "out") in (0, None)
    panel, forecast, _ = _check_run(tmp_path / "out", 8)
    assert (len(panel.provinces), len(panel.tactics), len(panel.periods)) == (18, 3, 70)
    assert panel.periods[0] == pd.Timestamp("2007-02-26")
    assert panel.origin == pd.Timestamp("2008-06-29")
    assert panel.covariates == ["strikes"]
    # Every attack in a complete week is in the panel, up to those too far from any province's point.
    raw = pd.read_csv(shared_data / "iraq_sigacts_2007_2008.csv.gz")
    inside = raw["date"].between("2007-02-26", "2008-06-29").sum()
    assert 0.998 * inside <= int(panel.attacks.sum()) <= inside
    strikes = pd.read_csv(shared_data / "iraq_strikes_2007_2008.csv.gz")
    on_panel = float(panel.covariate("strikes").isel(tactic=0).sum())
    assert 0.98 * len(strikes) <= on_panel <= len(strikes)
    assert np.isfinite(forecast.median().values).all()


def test_a_sampled_model_with_the_calendars_covariate_to_report(tmp_path):
    """Ramadan began on 24 April 2020, 13 April 2021 and 2 April 2022: April's forecast is the one that it raises."""
    _write_counts(tmp_path)
    # Scores by the sampler would compile it once more; a test of the fast engine asks for them.
    settings = COUNTS.format(engine="nuts").replace("periods = 2", "periods = 0")
    (tmp_path / "forecast.toml").write_text(settings + FASTING)
    done = _forecast("run", tmp_path / "forecast.toml", "--output", tmp_path / "out")
    assert done.returncode == 0
    # It takes longer than two seconds, and says nothing else.
    assert re.fullmatch(r"((starting|reading|fitting|Sampling|scoring|writing)\b.*\n)+", done.stderr), done.stderr
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    forecast = Forecast.load(tmp_path / "out" / "forecast.nc")
    mu = forecast.dataset["mu"].mean(("sample", "province", "tactic")).values
    assert mu[1] > 1.5 * mu[0]
    assert mu[1] > 1.5 * mu[2]
    # The page for the reader who asks: equation, priors, posterior, diagnostics, and who sampled.
    report = (tmp_path / "out" / "report.html").read_text()
    for said in (
        "attacks ~ Poisson(mu)",
        "intercept ~ Normal(mean log count, 1.5)",
        "(slope_ramadan ~ Normal(0, 0.3)) · ramadan",
        "Posterior of the main parameters",
        "largest R-hat",
        "smallest bulk ESS",
        "divergences",
        "largest Pareto k (decides nothing)",
    ):
        assert said in report, said
    assert {row["parameter"] for row in record["model"]["parameters"]} == {"intercept", "slope_ramadan"}
    assert all(check["passed"] for check in record["model"]["diagnostics"])
    assert {"pymc", "nutpie", "arviz"} <= set(record["versions"])


def test_help_has_examples(monkeypatch, capsys):
    for command in ("demo", "run", "check", "report", "ingest", "fetch"):
        assert _main(monkeypatch, command, "--help") in (0, None)
        told = capsys.readouterr().out
        assert f"forecast {command}" in told
        assert "Example" in told
