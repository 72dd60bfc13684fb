"""Faults that reach a report: what JSON does not have, places outside the settings' folder, explosions, losses."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from answers import Answer, Fault, check_answer
from bad_input import GAZETTEER, PLAIN, READY, RUN, SETTINGS, call, changed, table, within, write

from forecast.run_files import load_run, write_report_again, write_run
from forecast.run_record import RunRecord

GROWING = table(
    "province,tactic,period,attacks",
    *(f"{p},ied,{2019 + m // 12}-{m % 12 + 1:02d}-01,{round(1.9**m)}" for p in ("A", "B", "C") for m in range(24)),
)
LOSING = PLAIN + "".join(f"Excel {day},Diyala,IED\n" for day in range(60))


def banner(text: str, folder: Path) -> bool:
    page = (folder / "out" / "report.html").read_text(encoding="utf-8")
    return f'role="alert"><strong>Warning.</strong> {text}' in page


# fmt: off
FAULTS = [
    Fault("counts that explode", Answer.SAID, r"warning: The forecast explodes: \d\d% of its expected counts lay above",
          {"forecast.toml": READY.replace("recent_mean", "regression").replace("2020-01-01", "2019-01-01")
                                 .replace("2020-06-30", "2020-12-31").replace("horizon = 2", "horizon = 12"),
           "events.csv": GROWING}, RUN, lambda folder: banner("The forecast explodes", folder)),
    Fault("most rows lost", Answer.SAID, r"warning: 76\.9% of the rows that were meant to count were dropped",
          {"forecast.toml": SETTINGS, "events.csv": LOSING}, RUN + " --accept-loss",
          lambda folder: banner("76.9% of the rows", folder)),
    Fault("zones that differ in case and by signs", Answer.RIGHT, "report.html",
          {"forecast.toml": within("places", 'gazetteer = "g.csv"\nzones = "z.csv"'), "events.csv": PLAIN,
           "g.csv": GAZETTEER,
           "z.csv": table("zone,provinces", "total: All provinces,IQG10", "north east,IQG01", "North_East,IQG13",
                          "all,IQG01")}, RUN,
          lambda folder: all(f"<summary><b>{zone}</b>" in (folder / "out" / "report.html").read_text(encoding="utf-8")
                             for zone in ("Total: All provinces", "North east", "North East", "All"))),
    Fault("a province named total", Answer.RIGHT, "report.html",
          {"forecast.toml": changed(READY, "periods = 0", "periods = 2"),
           "events.csv": table("province,tactic,period,attacks", *(f"total,all,2020-0{m}-01,{m}" for m in range(1, 7)))
           },
          RUN, lambda folder: "was not tried" not in (folder / "out" / "report.html").read_text(encoding="utf-8")),
]
# fmt: on


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_faults(fault: Fault, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_answer(fault, folder, monkeypatch)


@pytest.fixture
def finished(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run whose files, results and backtest lie outside the settings' folder, by absolute paths."""
    text = changed(SETTINGS, '"events.csv"', f'"{folder}/in/events.csv"')
    text = within("places", f'gazetteer = "{folder}/in/g.csv"\nzones = "../in/z.csv"', text)
    top = f'output = "{folder}/secret/out"\n'
    write(
        folder,
        {
            "in/events.csv": PLAIN,
            "in/g.csv": GAZETTEER,
            "in/z.csv": table("zone,provinces", "border,IQG01"),
            "settings/forecast.toml": f'{top}{text}[backtest]\noutput = "{folder}/secret/bt"\n',
        },
    )
    assert call("run settings/forecast.toml", monkeypatch).code == 0
    return folder / "secret" / "out"


def test_places_outside_the_settings_folder_are_named_without_their_path(finished: Path) -> None:
    for file in finished.iterdir():
        assert str(finished.parents[1]).encode() not in file.read_bytes(), file.name
    settings = json.loads((finished / "run.json").read_text(encoding="utf-8"))["settings"]
    assert settings["data"]["paths"] == ["events.csv"]
    assert settings["places"]["zones"] == "../in/z.csv"
    assert settings["output"] == "out"
    assert "no backtest lies in bt" in (finished / "report.html").read_text(encoding="utf-8").lower()


def test_numbers_that_json_does_not_have_are_null(finished: Path, tmp_path: Path) -> None:
    done = load_run(finished)
    row = {"parameter": "x", "mean": float("nan"), "sd": float("inf"), "lower_90": -float("inf"), "upper_90": 1.0}
    content = done.record.to_plain()
    content["model"]["parameters"] = [row, row | {"mean": 2.0}]
    write_run(replace(done, record=RunRecord.of(content)), tmp_path / "again")
    text = (tmp_path / "again" / "run.json").read_text(encoding="utf-8")
    kept = json.loads(text, parse_constant=lambda constant: pytest.fail(f"{constant} is no JSON"))
    assert kept["model"]["parameters"][0] == {
        "parameter": "x",
        "mean": None,
        "sd": None,
        "lower_90": None,
        "upper_90": 1,
    }
    page = (tmp_path / "again" / "report.html").read_bytes()
    write_report_again(tmp_path / "again")
    assert (tmp_path / "again" / "report.html").read_bytes() == page
