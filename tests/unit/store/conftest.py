"""Two machines: one to move from, one to move to."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.store.old_machine import OldMachine


@pytest.fixture
def old(tmp_path: Path) -> OldMachine:
    return OldMachine(tmp_path)


@pytest.fixture
def new(tmp_path: Path) -> Path:
    return tmp_path / "new"
