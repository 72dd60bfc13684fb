"""The suite itself: which files begin first."""

from types import SimpleNamespace

import pytest


@pytest.fixture
def conftest(request):
    """The module of the fixtures of all tests."""
    return next(plugin for plugin in request.config.pluginmanager.get_plugins() if hasattr(plugin, "LONGEST"))


def test_the_longest_files_are_there_and_begin_first(conftest, request):
    root = request.config.rootpath
    assert [name for name in conftest.LONGEST if not (root / name).is_file()] == []
    others = ["tests/end_to_end/test_check.py", "tests/test_api.py", "tests/test_api.py", "tests/test_files.py"]
    names = ["tests/test_api.py", *reversed(conftest.LONGEST), "tests/end_to_end/test_check.py", *others[2:]]
    items = [SimpleNamespace(path=root / name) for name in names]
    conftest.pytest_collection_modifyitems(request.config, items)
    assert [item.path.relative_to(root).as_posix() for item in items] == [*conftest.LONGEST, *others]
