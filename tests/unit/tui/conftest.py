"""The command line with a fake engine behind it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.unit.tui.fake_engine import FakeEngine
from tui.cli import app
from tui.verbs import engine_access


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    fake = FakeEngine()
    monkeypatch.setattr(engine_access, "connect", lambda _given: fake)
    monkeypatch.setattr(engine_access, "connect_running", lambda _given: fake)
    return fake


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Any]:
    monkeypatch.setenv("ROLLSET_STATE_DIR", str(tmp_path / "state"))
    runner = CliRunner()
    return lambda *arguments, typed="": runner.invoke(app, list(arguments), input=typed)
