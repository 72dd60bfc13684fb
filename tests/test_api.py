"""The public API, the names that people rely on, and the order of imports."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import forecast as fc
from forecast import names

PACKAGE = Path(fc.__file__).parent
TESTS = Path(__file__).parent
ORDER = [
    "names",
    "errors",
    "arguments",
    "signals",
    "files",
    "folders",
    "markers",
    "progress",
    "caches",
    "workers",
    "ledger",
    "datasets",
    "counts",
    "dated",
    "plots",
    "events",
    "panel",
    "model",
    "capability",
    "inference",
    "prediction",
    "baselines",
    "simulate",
    "evaluation",
    "report",
    "config_errors",
    "config_sections",
    "config",
    "inputs",
    "init",
    "run_record",
    "run_files",
    "run_named",
    "run_past",
    "run_prepared",
    "run",
    "check",
    "cycle",
    "console",
    "commands",
    "cli",
]


def test_every_public_name_can_be_imported():
    for name in fc.__all__:
        assert getattr(fc, name) is not None


def test_public_names_are_sorted_and_are_no_submodules():
    lines = [line for line in (PACKAGE / "__init__.pyi").read_text().splitlines() if line.startswith("from ")]
    submodules = {path.stem for path in PACKAGE.iterdir()}
    assert lines == sorted(lines)
    assert not set(fc.__all__) - {"__version__"} & submodules


@pytest.mark.parametrize("path", sorted([*PACKAGE.rglob("*.py"), *TESTS.rglob("*.py")]), ids=str)
def test_no_module_is_longer_than_400_lines(path: Path):
    lines = len(path.read_text().splitlines())
    assert lines <= 400, f"{lines} lines: split it by what its parts know"


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError):
        _ = fc.no_such_name


def test_import_is_quick_and_light():
    code = "import sys, time; t = time.perf_counter(); import forecast; print(time.perf_counter() - t)"
    code += "; print('pandas' in sys.modules)"
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(3)]
    seconds, heavy = zip(*(run.stdout.split() for run in runs), strict=True)
    assert set(heavy) == {"False"}
    assert min(map(float, seconds)) < 0.5


# The rooms of `inference`, in the order of imports.
INFERENCE = ["machine", "likelihood", "gaussian", "weights", "mode", "posterior", "laplace", "nuts", "dispatch"]


def _modules() -> dict[str, Path]:
    """Every module of the package by its name."""
    modules = {}
    for path in PACKAGE.rglob("*.py"):
        parts = ["forecast", *path.relative_to(PACKAGE).with_suffix("").parts]
        modules[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return modules


def _imported(path: Path) -> list[tuple[str, list[str]]]:
    """Modules of the package that a file imports, also within functions, with the names; not for type checkers only."""
    tree = ast.parse(path.read_text())
    unused = {
        node
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and getattr(branch.test, "id", "") == "TYPE_CHECKING"
        for node in ast.walk(branch)
    }
    imported = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node not in unused and (node.module or "").split(".")[0] == "forecast":
            imported.append((node.module or "", [alias.name for alias in node.names]))
        elif isinstance(node, ast.Import):
            imported += [(alias.name, []) for alias in node.names if alias.name.split(".")[0] == "forecast"]
    return imported


def _circles(imports: dict[str, set[str]]) -> set[str]:
    """Those that stand in a circle, or import one that does."""
    settled: set[str] = set()
    while free := {name for name, needed in imports.items() if needed <= settled} - settled:
        settled |= free
    return set(imports) - settled


def _graph() -> dict[str, set[str]]:
    """What each module imports; the package itself, which loads its public names on first use, is left out."""
    modules = _modules()
    imports: dict[str, set[str]] = {name: set() for name in modules}
    for name, path in modules.items():
        for module, parts in _imported(path):
            # A module imported from its room needs no more of the room than that.
            imports[name] |= {f"{module}.{part}" for part in parts} & set(modules) or {module} & set(modules)
        imports[name] -= {name, "forecast"}
    return imports


def test_no_module_imports_itself_through_others():
    imports = _graph()
    assert "forecast.prediction.sums" in imports["forecast.prediction.draws"]
    assert not _circles(imports)


def test_no_room_imports_itself_through_others():
    rooms: dict[str, set[str]] = {}
    for name, needed in _graph().items():
        rooms.setdefault(_room(name), set()).update(map(_room, needed))
    rooms = {room: needed - {room} for room, needed in rooms.items() if room}
    assert not _circles(rooms)


def test_a_circle_is_seen():
    assert _circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": set(), "e": {"d"}}) == {"a", "b", "c"}


@pytest.mark.parametrize("path", sorted((PACKAGE / "inference").rglob("*.py")), ids=lambda path: path.name)
def test_rooms_of_inference_import_only_upwards(path: Path):
    room = path.relative_to(PACKAGE / "inference").parts[0].removesuffix(".py")
    for module, _ in _imported(path):
        if module.startswith("forecast.inference.") and room in INFERENCE:
            other = module.split(".")[2]
            assert INFERENCE.index(other) <= INFERENCE.index(room), f"{path.name} imports {module}"


def test_no_private_name_is_imported():
    private = {
        f"{name}: {module}.{part}"
        for name, path in _modules().items()
        for module, parts in _imported(path)
        for part in parts
        if part.startswith("_") and part != "__version__"
    }
    assert not private


def _room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_only_upwards(path: Path):
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if room.startswith("__"):
        return
    assert room in ORDER, f"{room} has no place in the order of rooms"
    for node in ast.walk(ast.parse(path.read_text())):
        modules = []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "absolute imports only"
            modules = [f"forecast.{alias.name}" for alias in node.names] if node.module == "forecast" else [node.module]
        elif isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        for module in modules:
            if (module or "").split(".")[0] == "forecast" and _room(module) in ORDER:
                assert ORDER.index(_room(module)) <= ORDER.index(room), f"{path.name} imports {module}"


def test_names_are_locked():
    assert names.CELL_DIMS == ("province", "tactic", "period")
    assert names.DRAW_DIMS == ("sample", "province", "tactic", "period")
    assert names.PROVINCE_COORDS == ("pcode", "zone", "province_name", "country", "latitude", "longitude")
    assert names.FREQUENCIES == ("MS", "W-MON", "W-TUE", "W-WED", "W-THU", "W-FRI", "W-SAT", "W-SUN")
    assert ", ".join(names.EVENT_COLUMNS) == (
        "event_id, date, date_end, country, province, tactic, actor, opponent, target, attacks, latitude, longitude, "
        "fatalities, source, place_precision, date_precision, reported"
    )
    assert names.TARGETS == ("security_forces", "officials", "civilians", "infrastructure", "other", "unknown")
    assert ", ".join(names.TACTICS) == (
        "ied, small_arms, indirect_fire, assassination, complex_attack, kidnapping, suicide, other"
    )
    assert names.PANEL_VARIABLES == (
        "attacks",
        "observed",
        "exposure",
        "coverage",
        "coverage_error",
        "located",
        "typed",
        "collected",
        "force",
        "adjacency",
    )
    assert names.SCORE_KEYS == ("model", "origin", "horizon", "province", "tactic")
    assert ", ".join(names.FURTHER_SCORES) == (
        "dispersion, overprediction, underprediction, dispersion_log, overprediction_log, underprediction_log, "
        "tail_crps_5, tail_crps_25"
    )
    assert tuple(fc.METRICS) == names.FURTHER_SCORES
