"""The notebooks as they are read: with results, and with plots that show where there is no network."""

import json
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = sorted(Path(__file__).resolve().parents[2].joinpath("notebooks").glob("*.ipynb"))


# Texts that reach out of their picture.
_CUT_OFF = """all => all.flatMap(svg => {
    const frame = svg.getBoundingClientRect()
    const isOutside = box => box.left < frame.left - 1 || box.right > frame.right + 1 ||
        box.top < frame.top - 1 || box.bottom > frame.bottom + 1
    const texts = [...svg.querySelectorAll("text")].map(text => [text.textContent, text.getBoundingClientRect()])
    return texts.filter(([text, box]) => box.width > 0 && isOutside(box)).map(([text, box]) => text)
})"""


def _outputs(notebook):
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_results_are_stored_whole_and_load_nothing(path):
    notebook = nbformat.read(path, as_version=4)
    run = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    assert run == list(range(1, len(run) + 1))
    for output in _outputs(notebook):
        assert output.output_type != "error"
        data = output.get("data", {})
        # Altair's own ways to show a chart: the first loads JavaScript from the network, the others need an extension.
        assert not {kind for kind in data if "vega" in kind or "javascript" in kind}, path
        assert "<script" not in data.get("text/html", "")
    assert any("image/svg+xml" in output.get("data", {}) for output in _outputs(notebook))
    # No path of the machine that made them.
    stored = json.dumps(_outputs(notebook))
    assert str(Path.home()) not in stored
    assert "/tmp/" not in stored


@pytest.mark.browser
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_plots_show_without_a_network(path, open_page, tmp_path):
    notebook = nbformat.read(path, as_version=4)
    pictures = [
        output.data["image/svg+xml"] for output in _outputs(notebook) if "image/svg+xml" in output.get("data", {})
    ]
    page = tmp_path / "plots.html"
    page.write_text("<!doctype html><meta charset=utf-8><title>plots</title>" + "".join(pictures))
    opened = open_page(page)
    assert (opened.problems, opened.requests) == ([], [page.as_uri()])
    drawn = opened.page.locator("body > svg")
    boxes = drawn.evaluate_all("all => all.map(svg => svg.getBoundingClientRect().toJSON())")
    assert len(boxes) == len(pictures)
    assert all(box["width"] > 100 and box["height"] > 50 for box in boxes)
    for number in range(len(pictures)):
        assert drawn.nth(number).locator("path, rect, circle").count() > 5
    assert drawn.evaluate_all(_CUT_OFF) == []
