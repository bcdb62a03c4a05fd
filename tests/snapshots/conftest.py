"""Pictures look the same on every machine: a zone of their own, a time of their own, no animation, two sizes."""

from __future__ import annotations

import string
import time
from collections.abc import Callable
from datetime import timedelta, timezone
from types import SimpleNamespace
from typing import Any, Protocol

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

import tui.app
from tests.snapshots.still import NOW, StillSession
from tui.app import Cockpit
from tui.clocks import Clocks
from tui.options import CockpitOptions
from tui.recording import RecordedSession
from tui.screens import cockpit_screen, start_dialog
from tui.screens.cockpit_screen import CockpitScreen

CET = Clocks(timezone(timedelta(hours=1), "CET"))
SIZES = ((80, 24), (120, 40))
ROUNDS = 1000
LETTERS = frozenset(string.ascii_letters + string.digits + ".%-:")


Step = str | Callable[[], None]
"""A key that is pressed, or something that happens meanwhile."""


class Picture(Protocol):
    """Compares a session's cockpit with its picture, after some keys."""

    def __call__(
        self, session: StillSession | RecordedSession, *keys: Step, first_set: str = "", **options: Any
    ) -> bool: ...


@pytest.fixture(params=SIZES, ids=[f"{width}x{height}" for width, height in SIZES])
def size(request: pytest.FixtureRequest) -> tuple[int, int]:
    """Columns and lines."""
    found: tuple[int, int] = request.param
    return found


@pytest.fixture
def picture(snap_compare: Callable[..., bool], size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> Picture:
    """The picture at one size."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(cockpit_screen, "PAINT_EVERY_S", 0.0)
    monkeypatch.setattr(start_dialog, "ASK_AFTER_S", 0.01)
    monkeypatch.setattr(tui.app, "SAID_FOR_S", 3600.0)
    monkeypatch.setattr(tui.app, "SAID_EVERY_S", 0.0)
    monkeypatch.setattr(tui.app, "WARNED_FOR_S", 3600.0)
    monkeypatch.setattr(cockpit_screen, "time", SimpleNamespace(time=lambda: NOW, monotonic=time.monotonic))

    def compare(session: StillSession | RecordedSession, *keys: Step, first_set: str = "", **options: Any) -> bool:
        app = Cockpit(session, CockpitOptions(clocks=CET, **options), first_set=first_set)
        app.animation_level = "none"

        async def press(pilot: Pilot[None]) -> None:
            await settle(app, pilot)
            waiting = list(keys)
            while waiting:
                first = waiting.pop(0)
                if not isinstance(first, str):
                    first()
                else:
                    typed = [first]
                    while isinstance(app.focused, Input) and waiting and waiting[0] in LETTERS:
                        typed.append(str(waiting.pop(0)))
                    await pilot.press(*typed)
                await settle(app, pilot)
            assert app.return_code is None, "the cockpit fell over"

        return snap_compare(app, terminal_size=size, run_before=press)

    return compare


async def settle(app: Cockpit, pilot: Pilot[None]) -> None:
    """Wait until nothing that was begun is still to come, then draw what there is."""
    for _ in range(2):  # what is drawn first may ask for more
        await pilot.pause()
        for _ in range(ROUNDS):
            if all(worker.is_finished or worker.group == "source" for worker in app.workers):
                break
            await pilot.pause(0.01)
        if isinstance(app.screen, CockpitScreen):
            app.screen.paint_now()
    await pilot.pause()
