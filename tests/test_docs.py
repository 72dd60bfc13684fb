"""The documentation's inputs: every page is there, every key and public name has its place. `make docs` builds it."""

import re
from pathlib import Path

import pytest

import forecast as fc
from forecast.config import Settings

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def generated(script):
    """The module that makes pages."""
    return script("docs/generated.py")


@pytest.fixture(scope="module")
def pages(generated):
    """Every page by its path, with what it includes."""
    written = {
        path.relative_to(DOCS).as_posix(): path.read_text(encoding="utf-8") for path in sorted(DOCS.rglob("*.md"))
    }
    return {name: generated.included(text) for name, text in (written | generated.pages()).items()}


def _keys(model) -> set[str]:
    """All keys of a model of settings, those of its sections after a dot."""
    keys = set()
    for name, field in model.model_fields.items():
        sections = [part for part in _parts(field.annotation) if hasattr(part, "model_fields")]
        keys |= {f"{name}.{key}" for section in sections for key in _keys(section)} if sections else {name}
    return keys


def _parts(hint) -> list:
    inner = getattr(hint, "__args__", ())
    return [hint, *(part for argument in inner for part in _parts(argument))]


def test_every_key_of_the_settings_has_a_row(pages):
    keys = re.findall(r"^\| `([\w.]+)` \|", pages["reference/settings.md"], flags=re.MULTILINE)
    assert len(keys) == len(set(keys))
    assert set(keys) == _keys(Settings)
    assert "capability.scenarios.shift_sd" in keys
    assert "| `horizon` | a whole number from 1 to 120 | `6` |" in pages["reference/settings.md"]
    assert "| `data.source` | " in pages["reference/settings.md"]
    assert "| needed |" in pages["reference/settings.md"]
    rows = re.findall(r"^\| `([\w.]+)` \|.*(?<!\\)\| (.*) \|$", pages["reference/settings.md"], flags=re.MULTILINE)
    assert [key for key, says in rows if len(says) < 10] == []
    assert len(rows) == len(keys)


def test_every_public_name_has_an_entry(pages):
    named = re.findall(r"^::: forecast\.[\w.]+\.(\w+)$", pages["reference/api.md"], flags=re.MULTILINE)
    assert sorted(named) == sorted(set(fc.__all__) - {"__version__"})


def test_commands_and_errors_are_told(pages):
    for command in ("demo", "init", "run", "check", "backtest", "report", "ingest", "places", "fetch"):
        assert f"## `forecast {command}`" in pages["reference/commands.md"]
    assert "`--accept-loss`" in pages["reference/commands.md"]
    assert "quantiles of single cells cannot be summed" in pages["reference/errors.md"]
    assert "Ask for joint samples" in pages["reference/errors.md"]


def test_all_that_benchmarks_kept_stands_on_their_page(pages, generated, monkeypatch, tmp_path):
    history = ROOT / "tests" / "benchmarks" / "history.csv"
    rows = {tuple(line.split(",")[2:5]) for line in history.read_text(encoding="utf-8").splitlines()[1:]}
    page = pages["explanation/benchmarks.md"]
    assert all(f"| {row} | {measure} | " in page for _, row, measure in rows)
    assert page.count("\n| ") == len(rows) + 2
    monkeypatch.setattr(generated, "ROOT", tmp_path)
    (tmp_path / "tests" / "benchmarks").mkdir(parents=True)
    runs = (
        "2026-01-01,0.1,engine,demo,cost,30\n2026-02-01,0.2,engine,demo,cost,25\n2026-03-01,0.3,engine,demo,cost,20\n"
    )
    (tmp_path / "tests" / "benchmarks" / "history.csv").write_text(f"day,version,table,row,measure,ratio\n{runs}")
    assert "| demo | cost | 20 | 25 | 30 | 3 | 0.3, 2026-03-01 |" in generated.benchmarks_page()


def test_the_navigation_and_the_pages_are_the_same(pages):
    listed = re.findall(r"[\w/-]+\.md", (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:")[2])
    assert sorted(listed) == sorted(pages)


def test_links_lead_to_pages(pages):
    for name, text in pages.items():
        for target in re.findall(r"\]\((?!https?:|#)([^)#\s]+)", re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
            place = target.lstrip("/") if target.startswith("/") else (Path(name).parent / target).as_posix()
            parts: list[str] = []
            for part in place.split("/"):
                parts = parts[:-1] if part == ".." else [*parts, part]
            found = "/".join(parts)
            assert found in pages or (DOCS / found).is_file(), f"{name}: {target}"


def test_an_include_that_is_not_there_is_told(generated):
    assert "made for analysts" in generated.included("{{ include README.md#intro }}")
    with pytest.raises(KeyError, match="no part nothing"):
        generated.included("{{ include README.md#nothing }}")
    with pytest.raises(FileNotFoundError):
        generated.included("{{ include NONE.md }}")


def test_pictures_of_notebooks_stand_in_the_gallery(pages):
    page = pages["gallery/03_backtest.md"]
    assert page.count("data:image/svg+xml;base64,") >= 3
    assert "```python\nimport tempfile" in page
    assert "(/gallery/01_panel.md)" in pages["gallery/02_fit.md"]
    assert "<th>crps_log</th>" in page
    assert "<style" not in page


def test_what_would_be_loaded_from_the_network_is_seen(generated, tmp_path):
    page = tmp_path / "page.html"
    page.write_text('<a href="https://example.org">elsewhere</a><img src="chart.svg">')
    generated.on_post_build({"site_dir": tmp_path})
    page.write_text('<link rel="stylesheet" href="https://example.org/font.css">')
    with pytest.raises(SystemExit, match="loads from the network"):
        generated.on_post_build({"site_dir": tmp_path})


def test_records_of_decisions_have_their_parts_and_are_listed(pages):
    records = {name: text for name, text in pages.items() if name.startswith("decisions/")}
    index = records.pop("decisions/index.md")
    listed = [f"decisions/{target}" for _, target in re.findall(r"^- \[(.+)\]\((.+)\)$", index, flags=re.MULTILINE)]
    assert sorted(listed) == sorted(records)
    for name, text in records.items():
        assert re.findall(r"^## (.+)$", text, flags=re.MULTILINE) == [
            "Context",
            "Decision",
            "What was tried",
            "Consequences",
        ], name
    # Each is reached from where its matter is told.
    for name in records:
        assert f"(/{name})" in pages["explanation/architecture.md"], name


def test_no_font_is_asked_for():
    assert re.search(r"^  font: false$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), flags=re.MULTILINE)


@pytest.mark.browser
def test_search_runs_in_pages_that_are_opened_from_a_folder(open_page, tmp_path):
    """Browsers start no workers there, and the theme's own shim would come from the network."""
    config = (DOCS.parent / "mkdocs.yml").read_text(encoding="utf-8")
    (name,) = re.findall(r"polyfills: \[(.+)\]", config)
    # By this word the plugin sees that it is there.
    assert "iframe-worker" in name
    assert "  - offline\n" in config
    (tmp_path / "shim.js").write_text((DOCS / name).read_text(encoding="utf-8"))
    (tmp_path / "work.js").write_text('addEventListener("message", (given) => postMessage(2 * given.data))')
    page = """<!doctype html><title>t</title><p></p><script src="shim.js"></script><script>
      const worker = new Worker("work.js");
      worker.addEventListener("message", (given) => document.querySelector("p").append(given.data + ";"));
      [1, 2, 3].forEach((number) => worker.postMessage(number));
    </script>"""
    (tmp_path / "page.html").write_text(page)
    opened = open_page(tmp_path / "page.html")
    opened.page.wait_for_function("() => document.querySelector('p').textContent === '2;4;6;'", timeout=5000)
    assert opened.problems == []
    assert all(address.startswith("file:") or address == "about:srcdoc" for address in opened.requests)
