"""No silent loss: what was lost is told, and refused where it is much; `forecast check` reads all and fits nothing."""

import json
import sys
from pathlib import Path

import pandas as pd
import pytest
from bad_input import PLACES, changed
from bad_input import SETTINGS as HALF_A_YEAR

from forecast import cli, run
from forecast.check import check_told
from forecast.config import read_settings
from forecast.panel.panel import Panel

SETTINGS = changed(HALF_A_YEAR, "2020-06-30", "2020-12-31")


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _write(folder: Path, wrong: int, settings: str = SETTINGS) -> pd.DataFrame:
    """100 events of 2020 in three provinces, of which the first so many have a name that is misspelt."""
    days = pd.date_range("2020-01-01", "2020-12-28", periods=100).strftime("%Y-%m-%d")
    table = pd.DataFrame({"date": days, "province": [PLACES[row % 3] for row in range(100)], "type": "ied"})
    table.loc[: wrong - 1, "province"] = [f"Diyola{'b' * (row % 2)}" for row in range(wrong)]
    table.to_csv(folder / "events.csv", index=False)
    (folder / "forecast.toml").write_text(settings)
    return table


@pytest.fixture
def call(monkeypatch, capsys):
    def call(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["forecast", *words])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        told = capsys.readouterr()
        return int(stop.value.code or 0), told.out, told.err

    return call


@pytest.fixture
def no_fit(monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("nothing may be fitted")

    monkeypatch.setattr(run, "fit", refuse)


@pytest.mark.parametrize("words", [("run", "forecast.toml", "--output", "out"), ("backtest", "forecast.toml")])
def test_a_large_loss_ends_before_any_fit(folder, call, no_fit, words):
    _write(folder, 11)
    code, out, err = call(*words)
    assert (code, out) == (2, "")
    assert "events.csv: 11.0% of the rows that were meant to count were dropped (11 unknown province)" in err
    assert "such as Diyola (nearest names: Diyala" in err
    assert "--accept-loss" in err
    assert not list(folder.glob("out/*"))


def test_a_tenth_is_not_above_a_tenth(folder, no_fit):
    _write(folder, 10)
    assert run.prepare(read_settings(folder / "forecast.toml")).panel.ledger.loss == 0.1


def test_a_loss_that_is_accepted_stands_on_top_of_the_report(folder, call):
    raw = _write(folder, 11)
    code, out, _ = call("run", "forecast.toml", "--output", "out", "--accept-loss")
    assert code == 0
    *told, path = out.splitlines()
    assert Path(path) == Path("out/report.html")
    assert told[0].startswith("Ledger: ")
    assert "11 dropped (11.0% of those meant to count)" in told[0]
    note = "11.0% of the rows that were meant to count were dropped (11 unknown province)"
    assert f"warning: {note}" in told
    report = (folder / "out" / "report.html").read_text()
    assert report.index(note) < report.index('id="know"')
    panel = Panel.load(folder / "out" / "panel.nc")
    counted = raw[raw["province"].isin(PLACES)].groupby("province").size()
    by_name = panel.attacks.sum(("tactic", "period")).to_series().set_axis(panel.dataset["province_name"].values)
    assert by_name[by_name > 0].astype(int).to_dict() == counted.to_dict()
    # The consent is part of the record, and may stand in the file.
    assert json.loads((folder / "out" / "run.json").read_text())["settings"]["data"]["accept_loss"] is True
    _write(folder, 11, SETTINGS.replace("paths", "accept_loss = true\npaths"))
    assert call("check", "forecast.toml")[0] == 0


def test_a_loss_of_up_to_two_percent_is_in_the_ledger_only(folder, call):
    _write(folder, 2)
    code, out, _ = call("run", "forecast.toml", "--output", "out")
    assert code == 0
    assert "2 dropped (2.0% of those meant to count)" in out
    assert "note: 2.0%" not in out


def test_rows_of_other_countries_are_no_loss_where_countries_were_chosen(folder, call):
    table = _write(folder, 0)
    table.loc[:49, ["country", "province"]] = ["Syria", "Homs"]
    table.loc[50:, "country"] = "Iraq"
    table.to_csv(folder / "events.csv", index=False)
    code, out, _ = call("check", "forecast.toml")
    assert code == 0
    assert "0 dropped, 50 excluded" in out


def test_ingest_refuses_a_large_loss_and_writes_nothing(folder, call):
    _write(folder, 11)
    code, out, err = call("ingest", "events.csv", "--source", "plain")
    assert code == 2
    assert "11 dropped (11.0% of those meant to count)" in out
    assert "events.csv: 11.0% of the rows" in err
    assert not (folder / "out").exists()
    assert call("ingest", "events.csv", "--source", "plain", "--accept-loss")[0] == 0
    assert len(pd.read_csv(folder / "out" / "events" / "events.csv")) == 89


def test_a_covariate_is_judged_by_its_own_loss(folder, call, no_fit):
    """One event in five of the covariate's file is lost, which are few beside the 100 attacks."""
    _write(folder, 0, SETTINGS + '[covariates.strikes]\npath = "s.csv"\nevents = "plain"\nfuture = "hold_last"\n')
    days = [f"2020-{month:02d}-15" for month in (1, 4, 7, 10, 12)]
    places = ["Diyala", "Anbar", "Anbar", "Kirkuk", "Diyola"]
    pd.DataFrame({"date": days, "province": places}).to_csv(folder / "s.csv", index=False)
    code, _, err = call("run", "forecast.toml", "--output", "out")
    assert code == 2
    assert "s.csv: 20.0% of the rows that were meant to count were dropped (1 unknown province)" in err


def test_check_tells_everything_fits_nothing_and_writes_nothing(folder, call, no_fit):
    raw = _write(folder, 3, SETTINGS.replace("periods = 0", "periods = 3").replace("2020-12-31", "2020-12-20"))
    before = sorted(folder.iterdir())
    code, out, _ = call("check", "forecast.toml")
    assert code == 0
    inside = raw["province"].isin(PLACES) & (raw["date"] < "2020-12-01")
    assert "Panel: 3 provinces × 1 tactics × 11 months\n  2020-01-01 to 2020-11-30\n" in out
    assert f"  {inside.sum()} attacks, " in out
    assert "note: the last month is left out: the data end on 2020-12-20" in out
    assert "3 dropped (3.0% of those meant to count)" in out
    assert "note: 15 of 18 provinces hold no record and are left out (Basra, " in out
    for missing in ("[capability] indicators", "[backtest] output"):
        assert missing in out
    assert "how recent_mean did" not in out
    assert sorted(folder.iterdir()) == before


def test_check_names_baselines_that_cannot_be_scored(folder, call, no_fit):
    """One month is left to learn from; the regression looks back on more."""
    _write(folder, 0, SETTINGS.replace("periods = 0", "periods = 11"))
    code, out, _ = call("check", "forecast.toml")
    assert code == 0
    assert "how regression did: panel: holds nothing to learn from" in out


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("periods = 0", "periods = 12", "evaluation.periods: more periods than the data have"),
        ('model = "recent_mean"', 'model = "regression"', "panel: holds nothing to learn from"),
        ("draws = 100", "draw = 100", "did you mean draws?"),
    ],
)
def test_check_ends_where_a_run_would_before_its_fit(folder, call, no_fit, old, new, message):
    settings = SETTINGS.replace(old, new)
    if "regression" in new:
        settings = settings.replace("2020-12-31", "2020-01-31")
    _write(folder, 0, settings)
    checked, ran = call("check", "forecast.toml"), call("run", "forecast.toml", "--output", "out")
    assert checked[0] == ran[0] == 2
    assert message in checked[2]
    assert checked[2].splitlines()[-1] == ran[2].splitlines()[-1]


def test_check_shows_a_loss_whole_before_it_refuses_it(folder, call, no_fit):
    _write(folder, 11)
    code, out, err = call("check", "forecast.toml")
    assert code == 2
    assert "Diyola (nearest names" in out
    assert "Diyolab (nearest names" in out
    assert "11.0% of the rows" in err
    assert call("check", "forecast.toml", "--accept-loss")[0] == 0


def test_settings_take_provinces_by_name(folder, no_fit):
    settings = SETTINGS.replace(
        "[evaluation]", 'provinces = ["IQG10", "al-anbar"]\ngaps = [[2020-03-01, 2020-03-31, ["Diyala"]]]\n[evaluation]'
    )
    raw = _write(folder, 0, settings)
    given = read_settings(folder / "forecast.toml")
    ready = run.prepare(given)
    panel = ready.panel
    assert "  gaps in 1 month of 1 province, between 2020-03-01 and 2020-03-31\n" in check_told(given, ready)
    assert panel.provinces == ["IQG10", "IQG01"]
    counted = raw[(raw["province"] == "Anbar")]
    assert int(panel.attacks.sel(province="IQG01").sum()) == len(counted)
    missing = panel.attacks.isnull().any("tactic").to_series()
    assert missing[missing].index.to_list() == [("IQG10", pd.Timestamp("2020-03-01"))]
