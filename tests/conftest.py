"""Fixtures for all tests: where real data lie, whether the long tests run whole, small panels, and a browser."""

import importlib.util
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from forecast.inference.likelihood.published import published_parameters
from forecast.inference.posterior.bayesian import BayesianFit
from forecast.panel.panel import Panel

ROOT = Path(__file__).resolve().parents[1]
SHARED_DATA = ROOT.parent / "shared" / "data"
SHARED_CASES = SHARED_DATA.parent / "cases"
# Files that take longest, longest first. Two processes take files in this order: one of these, begun late, would leave
# the other process idle at the end. The first two compile different things.
LONGEST = (
    "notebooks/03_backtest.ipynb",
    "tests/end_to_end/test_kills.py",
    "tests/end_to_end/test_road.py",
    "tests/end_to_end/test_capability.py",
    "tests/inference/test_nuts.py",
    "tests/statistical/test_sbc.py",
    "tests/statistical/test_engines.py",
    "notebooks/02_fit.ipynb",
    "notebooks/05_report.ipynb",
    "notebooks/04_capability_and_scenarios.ipynb",
    "tests/end_to_end/test_strangers_road.py",
    "tests/evaluation/test_rolling.py",
    "notebooks/06_published_totals.ipynb",
    "notebooks/01_panel.ipynb",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="run the slow statistical tests whole, not reduced")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Whole files in the order of `LONGEST`, then statistics and whole runs, then the rest as it was collected."""
    root = config.rootpath

    def place(item: pytest.Item) -> tuple[int, int]:
        file = item.path.relative_to(root).as_posix()
        if file in LONGEST:
            return 0, LONGEST.index(file)
        return (1 if file.startswith(("tests/statistical/", "tests/end_to_end/")) else 2), 0

    items.sort(key=place)


@pytest.fixture(scope="session")
def full(request: pytest.FixtureRequest) -> bool:
    """True where the slow tests run whole; else they run reduced, in a form that can still fail."""
    return bool(request.config.getoption("--full"))


@pytest.fixture(scope="session")
def script() -> Callable[[str], ModuleType]:
    """The module of a script of the repository, by its path there."""

    def load(path: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real data that the project may not ship; tests that need it skip where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("needs the folder of real data that is not part of the project")
    return SHARED_DATA


@pytest.fixture(scope="session")
def shared_cases() -> Path:
    """Folder of files that once went wrong, for tests as in `shared_data`."""
    if not SHARED_CASES.is_dir():
        pytest.skip("needs the folder of cases that is not part of the project")
    return SHARED_CASES


@pytest.fixture(scope="session")
def with_measured():
    """The panel of a simulation with one more covariate, `measured`: capability, known with an error that lasts."""

    def make(simulated: Any, variance: float = 0.25, damping: float = 0.8) -> Panel:
        path = simulated.truth["capability"].drop_vars("period_end")
        apart = np.abs(np.subtract.outer(np.arange(path.sizes["period"]), np.arange(path.sizes["period"])))
        values = np.broadcast_to(variance * damping**apart, (path.sizes["force"], *apart.shape))
        coords = {"force": path["force"], "period": path["period"]}
        covariance = xr.DataArray(values, coords, ("force", "period", "other_period"))
        panel: Panel = simulated.panel
        return panel.with_covariate("measured", path, covariance=covariance, half_life=[8.0, 16.0])

    return make


@pytest.fixture(scope="session")
def make_panel():
    """Panel from an array of counts over (province, tactic, period), NaN for a gap: P0, P1, … and t0, t1, …"""

    def make(counts, *, start="2020-01-01", freq="MS", exposure=1.0, countries=("A", "B")) -> Panel:
        counts = np.asarray(counts, dtype=float)
        rows, columns, times = np.indices(counts.shape).reshape(3, -1)
        table = pd.DataFrame(
            {
                "province": [f"P{row}" for row in rows],
                "country": [countries[row % len(countries)] for row in rows],
                "tactic": [f"t{column}" for column in columns],
                "period": pd.date_range(start, periods=counts.shape[2], freq=freq)[times],
                "attacks": counts.ravel(),
                "exposure": np.broadcast_to(exposure, counts.shape).ravel(),
            }
        )
        return Panel.from_frame(table, freq=freq)

    return make


@pytest.fixture(scope="session")
def make_fit():
    """Fit of a model whose posterior is given: arrays by name, the same in every draw unless they have draws first.

    Parameters of published counts that are not given are 0.
    """

    def make(model, panel, values, *, chains=2, draws=50, notes=()):
        bound = model.bind(panel)
        dims = {block.name: block.dims for block in bound.blocks}
        for parameters in (model.family.parameters(), published_parameters(bound)):
            dims |= {name: parameter[1] for name, parameter in parameters.items()}
        posterior = {}
        nothing = {name: np.zeros(len(labels)) for name, (_, _, labels) in published_parameters(bound).items()}
        for name, value in (nothing | values).items():
            value, own = np.asarray(value, dtype=float), dims.get(name, ())
            shape = (chains, draws, *value.shape[value.ndim - len(own) :])
            value = value.reshape(shape) if value.ndim > len(own) else np.broadcast_to(value, shape)
            posterior[name] = (("chain", "draw", *own), value.copy())
        coords = {"chain": np.arange(chains), "draw": np.arange(draws)}
        return BayesianFit(model, panel, 1, notes, groups={"posterior": xr.Dataset(posterior, coords)})

    return make


@dataclass
class OpenPage:
    """A page in the browser, what it asked for, and what went wrong on it."""

    page: Any
    requests: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium of the system. Tests that need it skip where there is none, but fail on a machine with CI set."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("needs Chromium on the path")
    from playwright.sync_api import sync_playwright

    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=flags)
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser):
    """Open a file and record requests, console errors and dialogs; `options` are those of a browser's context."""
    contexts = []

    def opened(path: Path, *, width: int = 1280, address: str = "", **options: Any) -> OpenPage:
        viewport = {"width": width, "height": 844 if width < 500 else 900}
        context = browser.new_context(viewport=viewport, timezone_id="America/New_York", **options)
        contexts.append(context)
        result = OpenPage(context.new_page())
        page = result.page
        page.on("request", lambda request: result.requests.append(request.url))
        page.on("pageerror", lambda error: result.problems.append(str(error)))
        page.on("console", lambda message: result.problems.append(message.text))
        page.on("dialog", lambda dialog: (result.problems.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.goto(path.resolve().as_uri() + address)
        return result

    yield opened
    for context in contexts:
        context.close()
