"""The wheel and the sdist work outside the checkout, with their data inside."""

import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def _run(*words: object, **options: object) -> str:
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=False, timeout=900, **options)  # type: ignore[call-overload]
    assert done.returncode == 0, f"{words}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return str(done.stdout)


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("dist")
    _run(sys.executable, "-m", "build", "--outdir", folder, ROOT)
    return {"wheel": next(folder.glob("*.whl")), "sdist": next(folder.glob("*.tar.gz"))}


def test_data_travel_inside(built):
    shipped = {path.name for path in (ROOT / "data").iterdir()}
    inside = {
        name.split("/")[-1] for name in zipfile.ZipFile(built["wheel"]).namelist() if name.startswith("forecast/_data/")
    }
    assert inside == shipped
    with tarfile.open(built["sdist"]) as archive:
        assert {Path(name).name for name in archive.getnames() if "/data/" in name} >= shipped
    names = zipfile.ZipFile(built["wheel"]).namelist()
    assert "forecast/py.typed" in names
    assert "forecast/__init__.pyi" in names
    assert not [name for name in names if name.startswith("tests/")]


def test_both_install_the_same_and_it_runs_outside_the_checkout(built, tmp_path, request):
    """With --full, in an empty environment, into which all that the package says that it needs is installed."""
    clean = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    if request.config.getoption("--full"):
        venv.create(tmp_path / "env", with_pip=True)
        python = tmp_path / "env" / "bin" / "python"
        _run(python, "-m", "pip", "install", "--quiet", "--constraint", ROOT / "constraints.txt", built["sdist"])
        install = [python, "-m", "pip", "install", "--quiet", "--force-reinstall", "--no-deps"]
    else:
        python, install = Path(sys.executable), [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    trees = []
    for kind in ("sdist", "wheel"):
        folder = tmp_path / kind
        _run(*install, "--target", folder, built[kind])
        package = folder / "forecast"
        files = [path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
        trees.append({path.relative_to(package): path.read_bytes() for path in files})
    assert trees[0] == trees[1]
    clean["PYTHONPATH"] = str(tmp_path / "wheel")
    where = _run(python, "-c", "import forecast; print(forecast.__file__)", cwd=tmp_path, env=clean).strip()
    assert where.startswith(str(tmp_path / "wheel")), "the checkout must not be what runs"
    # The demonstration's settings with a model that compiles nothing: the machine code of another folder is made anew.
    ask = "from forecast.datasets import data_path; print(data_path())"
    data = Path(_run(python, "-c", ask, cwd=tmp_path, env=clean).strip())
    settings = data / "light.toml"
    settings.write_text((data / "demo.toml").read_text().replace('model = "quick"', 'model = "recent_mean"'))
    _run(python, "-m", "forecast", "run", settings, "--output", tmp_path / "demo", cwd=tmp_path, env=clean)
    assert "SIMULATED DATA" in (tmp_path / "demo" / "report.html").read_text()
