"""What every test may rely on: nothing of the person who runs it reaches it, and long tests run only when asked for."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import coverage
import pytest

TESTS = Path(__file__).parent
COUNTED = {("unit", name) for name in ("decide", "model", "simulated")}

XDG = ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME")
LONGEST_IN_A_NAME = 60
CLEARED = ("NO_COLOR", "FORCE_COLOR", "TEXTUAL_THEME", "COLUMNS", "LINES")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="also run the tests marked long, and the long size of others")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--long"):
        return
    left_out = [item for item in items if item.get_closest_marker("long")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Branches of the pure core are counted by its own tests; elsewhere counting would only take time."""
    stopped = []
    if item.path.relative_to(TESTS).parts[:2] not in COUNTED:
        while (
            counting := coverage.Coverage.current()
        ) is not None:  # a worker has two: the inner one hands on to the outer
            counting.stop()
            stopped.append(counting)
    try:
        return (yield)
    finally:
        for counting in reversed(stopped):
            counting.start()


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Long values go by their argument's name: the name of a test is read by people, and the same in every process."""
    return argname if isinstance(val, str | bytes) and len(val) > LONGEST_IN_A_NAME else None


@pytest.fixture(scope="session")
def long_run(pytestconfig: pytest.Config) -> bool:
    """Whether a test that comes in two sizes runs the long one."""
    return bool(pytestconfig.getoption("--long"))


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Empty XDG folders of mode 0700, and none of the variables that change colours or choose another engine.

    Returns the folder that holds the XDG folders.
    """
    folder = tmp_path_factory.mktemp("xdg")
    for name in XDG:
        own = folder / name.removeprefix("XDG_").lower()
        own.mkdir(mode=0o700)
        monkeypatch.setenv(name, str(own))
    for name in [*CLEARED, *(name for name in os.environ if name.startswith("ROLLSET_"))]:
        monkeypatch.delenv(name, raising=False)
    return folder
