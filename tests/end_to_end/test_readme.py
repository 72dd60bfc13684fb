"""What the README shows works as it stands."""

import re
import tomllib
from pathlib import Path

import pytest

from forecast.config import Settings, read_settings
from forecast.model.library import standard_model

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_settings_are_valid(tmp_path):
    whole, parts, own_names, triggers, reports, capability = _blocks("toml")
    for name in re.findall(r'"([\w.]+\.(?:csv|csv\.gz|geojson))"', whole + parts + own_names + triggers):
        (tmp_path / name).write_text("x")
    path = tmp_path / "forecast.toml"
    path.write_text(whole)
    settings = read_settings(path)
    assert settings.panel.actor == "IS"
    path.write_text(whole + triggers)
    settings = read_settings(path)
    assert settings.triggers[0].threshold == 25
    assert settings.events[0].where == "Idlib"
    # The second block changes parts of the first.
    path.write_text(parts)
    changed = read_settings(path)
    assert changed.covariates["strikes"].events == "plain"
    path.write_text(own_names)
    assert len(own_names.splitlines()) == 6
    assert read_settings(path).places.gazetteer is None
    for name in ("reports.csv", "activity.csv", "indicators.csv"):
        (tmp_path / name).write_text("x")
    path.write_text(f'model = "quick"\n{reports}')
    assert list(read_settings(path).published.zone_ends) == ["central"]
    # The last comes to any of them.
    path.write_text(whole + capability)
    (scenario,) = read_settings(path).capability.scenarios
    assert (scenario.force, scenario.shift_sd, scenario.ramp) == ("SDF", -1.0, 3)


def test_the_standard_model_is_chosen_by_name(tmp_path):
    whole, *_ = _blocks("toml")
    for name in re.findall(r'"([\w.]+\.(?:csv\.gz|geojson))"', whole):
        (tmp_path / name).write_text("x")
    named = re.search(
        r'`model = "standard"` does the same as above \(with `engine = "(\w+)"`, `"(\w+)"` or `"(\w+)"`\)',
        " ".join(README.split()),
    )
    assert named is not None
    path = tmp_path / "forecast.toml"
    for engine in named.groups():
        rest = re.sub("^model = .*$", "", whole, flags=re.MULTILINE)
        path.write_text(f'engine = "{engine}"\nmodel = "standard"\n{rest}')
        settings = read_settings(path)
        assert (settings.engine, settings.built_model()) == (engine, standard_model())


def test_every_key_exists():
    for block in _blocks("toml"):
        assert set(tomllib.loads(block)) <= set(Settings.model_fields)


@pytest.mark.slow
def test_code_runs():
    names: dict[str, object] = {}
    for block in _blocks("python"):
        exec(compile(block, "README.md", "exec"), names)
    assert names["forecast"].origin.year == 2024


def test_commands_exist():
    makefile = (Path(__file__).resolve().parents[2] / "Makefile").read_text()
    targets = set(re.findall(r"^make ([\w-]+)$", README, flags=re.MULTILINE))
    assert targets == {"demo", "test"}
    assert all(re.search(rf"^{target}:", makefile, flags=re.MULTILINE) for target in targets)
