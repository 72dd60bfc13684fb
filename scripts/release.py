"""`make release`: sdist and wheel are built, whole, agree with what is written, and run by themselves.

Nothing is uploaded and nothing is tagged: that is a person's to do, with the files in dist/.
"""

import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("forecast", "attack_forecast.py")
# The demonstration by a model that takes no time.
DEMO = ('model = "quick"', 'model = "recent_mean"')


def main() -> None:
    """Build and check; any check that fails ends with exit code 1."""
    version = declared_version((ROOT / "forecast" / "__init__.py").read_text(encoding="utf-8"))
    problems = disagreements(
        version,
        (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"),
        (ROOT / "CITATION.cff").read_text(encoding="utf-8"),
    )
    if problems:
        sys.exit("\n".join(problems))
    dist = ROOT / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    run(sys.executable, "-m", "build", "--outdir", dist, ROOT)
    wheel, sdist = next(dist.glob("*.whl")), next(dist.glob("*.tar.gz"))
    problems = [f"{file.name} lacks {name}" for file in (wheel, sdist) for name in lacking(file)]
    if problems:
        sys.exit("\n".join(problems))
    with tempfile.TemporaryDirectory() as folder:
        try_out(wheel, version, Path(folder))
    print(f"{wheel}\n{sdist}\nVersion {version} is built and runs in an empty environment.")


def declared_version(text: str) -> str:
    """The version in the package's source."""
    found = re.search(r'^__version__ = "([^"]+)"$', text, flags=re.MULTILINE)
    if found is None:
        sys.exit("forecast/__init__.py tells no version")
    return found[1]


def disagreements(version: str, changelog: str, citation: str) -> list[str]:
    """What the changelog and the citation say otherwise: the newest section is that of the version, with a day."""
    problems = []
    newest = re.search(r"^## (.+)\n+((?!#).)?", changelog, flags=re.MULTILINE)
    if newest is None or not re.fullmatch(rf"{re.escape(version)} \(\d{{4}}-\d\d-\d\d\)", newest[1]):
        told = newest[1] if newest else "no section"
        problems.append(f"CHANGELOG.md begins with {told!r}, not with '## {version} (YYYY-MM-DD)'")
    elif not newest[2]:
        problems.append(f"CHANGELOG.md says nothing of {version}")
    day = re.search(r"\((.+)\)", newest[1]) if newest else None
    for key, value in (("version", version), ("date-released", day[1] if day else None)):
        told = re.search(rf"^{key}: (\S+)$", citation, flags=re.MULTILINE)
        if value is not None and (told is None or told[1] != value):
            problems.append(f"CITATION.cff says {key}: {told[1] if told else 'nothing'}, not {value}")
    return problems


def lacking(file: Path) -> list[str]:
    """Shipped data, and what types need, that a wheel or an sdist does not hold."""
    if file.suffix == ".whl":
        names = set(zipfile.ZipFile(file).namelist())
        needed = [f"forecast/_data/{path.relative_to(ROOT / 'data')}" for path in files(ROOT / "data")]
        needed += [str(path.relative_to(ROOT)) for part in PARTS for path in files(ROOT / part)]
    else:
        with tarfile.open(file) as archive:
            names = {name.partition("/")[2] for name in archive.getnames()}
        needed = [str(path.relative_to(ROOT)) for part in ("data", "tests", *PARTS) for path in files(ROOT / part)]
        needed += ["README.md", "CHANGELOG.md", "CITATION.cff", "LICENSE", "constraints.txt", "Makefile"]
    return [name for name in needed if name not in names]


def files(folder: Path) -> list[Path]:
    """A file, or those below a folder, without what Python and the tests' caches leave there."""
    if folder.is_file():
        return [folder]
    made = {"__pycache__", ".pytest_cache", ".hypothesis"}
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and not made & set(path.parts)]


def try_out(wheel: Path, version: str, folder: Path) -> None:
    """Install a wheel into an empty environment, and make the demonstration with what it brings."""
    venv.create(folder / "env", with_pip=True)
    python, command = folder / "env" / "bin" / "python", folder / "env" / "bin" / "forecast"
    run(python, "-m", "pip", "install", "--quiet", "--constraint", ROOT / "constraints.txt", wheel)
    told = run(command, "--version", folder=folder)
    run(command.with_name("attack-forecast"), "--version", folder=folder)
    if told.strip() != version:
        sys.exit(f"forecast --version says {told.strip()}, not {version}")
    run(python, "-c", "import forecast; [getattr(forecast, name) for name in forecast.__all__]", folder=folder)
    data = Path(run(python, "-c", "from forecast.datasets import data_path; print(data_path())", folder=folder).strip())
    settings = (data / "demo.toml").read_text(encoding="utf-8")
    if DEMO[0] not in settings:
        sys.exit(f"demo.toml does not say {DEMO[0]}")
    (data / "light.toml").write_text(settings.replace(*DEMO), encoding="utf-8")
    run(command, "run", data / "light.toml", "--output", folder / "demo", folder=folder)
    if "SIMULATED DATA" not in (folder / "demo" / "report.html").read_text(encoding="utf-8"):
        sys.exit("the demonstration's report does not say that its data are simulated")


def run(*words: object, folder: Path | None = None) -> str:
    """What a command prints on standard output; without this checkout on Python's path."""
    clean = {"PATH": "/usr/bin:/bin", "HOME": str(folder)} if folder is not None else None
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=False, cwd=folder, env=clean)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, words))}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return done.stdout


if __name__ == "__main__":
    main()
