"""What a release must agree on, and that this checkout does."""

import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def release(script):
    return script("scripts/release.py")


CHANGELOG = "# Changelog\n\n## 1.2.0 (2026-01-31)\n\n- A change.\n\n## 1.1.0 (2025-01-31)\n\n- Another.\n"
CITATION = "title: x\nversion: 1.2.0\ndate-released: 2026-01-31\n"


def test_what_agrees(release):
    assert release.disagreements("1.2.0", CHANGELOG, CITATION) == []


@pytest.mark.parametrize(
    ("version", "changelog", "citation", "told"),
    [
        ("1.3.0", CHANGELOG, CITATION, ["begins with '1.2.0 (2026-01-31)'", "says version: 1.2.0, not 1.3.0"]),
        (
            "1.2.0",
            CHANGELOG.replace("(2026-01-31)", "(unreleased)"),
            CITATION,
            ["begins with '1.2.0 (unreleased)'", "date"],
        ),
        ("1.2.0", CHANGELOG.replace("- A change.\n\n", ""), CITATION, ["says nothing of 1.2.0"]),
        ("1.2.0", "# Changelog\n", CITATION, ["begins with 'no section'"]),
        ("1.2.0", CHANGELOG, CITATION.replace("2026", "2025"), ["says date-released: 2025-01-31, not 2026-01-31"]),
        ("1.2.0", CHANGELOG, "title: x\n", ["says version: nothing", "says date-released: nothing"]),
    ],
)
def test_what_does_not_agree_is_told(version, changelog, citation, told, release):
    problems = release.disagreements(version, changelog, citation)
    assert len(problems) == len(told)
    for part, problem in zip(told, problems, strict=True):
        assert part in problem


def test_this_version_has_its_section_and_its_citation(release):
    """Between releases the newest section is the next version's."""
    version = release.declared_version((ROOT / "forecast" / "__init__.py").read_text())
    changelog, citation = (ROOT / "CHANGELOG.md").read_text(), (ROOT / "CITATION.cff").read_text()
    released = changelog[changelog.index(f"## {version} (") :]
    assert release.disagreements(version, released, citation) == []


def test_a_wheel_without_a_file_is_told(release, tmp_path):
    whole = tmp_path / "x.whl"
    with zipfile.ZipFile(whole, "w") as archive:
        for path in (path for part in release.PARTS for path in release.files(ROOT / part)):
            archive.writestr(str(path.relative_to(ROOT)), "")
        for path in release.files(ROOT / "data")[1:]:
            archive.writestr(f"forecast/_data/{path.relative_to(ROOT / 'data')}", "")
    left = release.files(ROOT / "data")[0]
    assert release.lacking(whole) == [f"forecast/_data/{left.relative_to(ROOT / 'data')}"]
