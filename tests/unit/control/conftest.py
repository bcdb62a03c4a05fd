from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.control.served import Served


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Start servers; they are stopped at the end."""
    started: list[Served] = []

    def start(**options: Any) -> Served:
        started.append(Served(tmp_path / f"{len(started)}.sock", **options))
        return started[-1]

    yield start
    for served in started:
        served.close()
