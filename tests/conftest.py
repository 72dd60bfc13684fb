"""Fixtures for all tests: where real data lie, and whether the long tests run whole."""

from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="run the slow statistical tests whole, not reduced")


@pytest.fixture(scope="session")
def full(request: pytest.FixtureRequest) -> bool:
    """True where the slow tests run whole; else they run reduced, in a form that can still fail."""
    return bool(request.config.getoption("--full"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real data that the project may not ship; tests that need it skip where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("needs the folder of real data that is not part of the project")
    return SHARED_DATA
