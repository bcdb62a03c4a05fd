"""Pictures look the same on every machine: a zone of their own, no animation, two sizes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta, timezone
from typing import Any, Protocol

import pytest

from tests.snapshots.still import StillSession
from tui.app import Cockpit
from tui.clocks import Clocks
from tui.options import CockpitOptions
from tui.screens import cockpit_screen

CET = Clocks(timezone(timedelta(hours=1), "CET"))
SIZES = ((80, 24), (120, 40))


class Picture(Protocol):
    """Compares a session's cockpit with its picture, after some keys."""

    def __call__(self, session: StillSession, *keys: str, first_set: str = "", **options: Any) -> bool: ...


@pytest.fixture(params=SIZES, ids=[f"{width}x{height}" for width, height in SIZES])
def size(request: pytest.FixtureRequest) -> tuple[int, int]:
    """Columns and lines."""
    found: tuple[int, int] = request.param
    return found


@pytest.fixture
def picture(snap_compare: Callable[..., bool], size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> Picture:
    """The picture at one size."""
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")
    monkeypatch.setattr(cockpit_screen, "PAINT_EVERY_S", 0.0)

    def compare(session: StillSession, *keys: str, first_set: str = "", **options: Any) -> bool:
        app = Cockpit(session, CockpitOptions(clocks=CET, **options), first_set=first_set)

        async def press(pilot: Any) -> None:
            await pilot.pause(0.1)
            for key in keys:
                await pilot.press(key)
                await pilot.pause(0.05)
            await pilot.pause(0.1)
            assert app.return_code is None, "the cockpit fell over"

        return snap_compare(app, terminal_size=size, run_before=press)

    return compare
