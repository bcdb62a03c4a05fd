"""An upgrade that leaves the store for its age leaves the cockpit too, whatever is open on it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

import anyio
import pytest

from engine.decide.upgrade_retention import KEPT_S
from engine.model import events as e
from engine.model.events import Recorded
from engine.runtime.engine import Engine
from engine.runtime.old_upgrades import retire_upgrades
from engine.runtime.snapshot import lines_after, snapshot_lines, streams_of
from engine.runtime.verbs import carry_out
from engine.wire.events import recorded_from_dict
from engine.wire.recording import read_lines
from tests.snapshots.moments import KEY, session, story
from tests.snapshots.still import StillSource
from tests.worlds.durable_fleet import DurableFleet
from tests.worlds.small_engine import ANA, create, ended, on_virtual_time, small_engine
from tests.worlds.watching import until
from tui.app import Cockpit
from tui.scene import Scene, fold
from tui.screens.cockpit_screen import CockpitScreen
from tui.screens.history import HistoryScreen
from tui.screens.report import ReportScreen

SCOPES = ("overview", "web")


def snapshot(engine: Engine, scope: str) -> Scene:
    """The state as it is now."""
    scene = Scene("")
    for item in read_lines(snapshot_lines(engine, scope), "an engine"):
        scene = fold(scene, item)
    return scene


def test_a_snapshot_and_the_events_after_it_are_the_later_snapshot(tmp_path: Path) -> None:
    async def main() -> None:
        fleet = DurableFleet(tmp_path / "fleet")
        async with small_engine(tmp_path, fleet) as engine:
            await create(engine, 2)
            for to in ("1.1.0", "1.0.0", "1.1.0"):
                await carry_out(engine, "start", {"set": "web", "to": to}, ANA)
                await until(lambda: ended(engine))
                await anyio.sleep(1)
        async with small_engine(tmp_path, fleet, later_s=KEPT_S + 86_400.0) as engine:
            await until(lambda: engine.wall.may_discard(engine.clock.now()))
            await retiring(engine, tmp_path)

    on_virtual_time(main)


async def retiring(engine: Engine, state_dir: Path) -> None:
    """Two upgrades leave while both scopes are followed."""
    early = {scope: snapshot(engine, scope) for scope in SCOPES}
    assert all(len(scene.history) == 3 for scene in early.values())

    await retire_upgrades(engine, state_dir, kept_last=0, kept_of_set=1)

    for scope, scene in early.items():
        for line in lines_after(engine, scene.seq, streams_of(engine, scope), 1_000):
            scene = fold(scene, recorded_from_dict(json.loads(line.text)))
        late = snapshot(engine, scope)
        assert len(late.history) == 1
        assert replace(scene, now=late.now) == late


def without_its_upgrade() -> Scene:
    """The set of the story at its end, after its upgrade has left the store."""
    scene = story("completed").scene
    assert scene.upgrade is not None
    name = scene.upgrade.id
    left = e.UpgradeRetired(name, f"retired/{name}.jsonl.gz")
    return fold(scene, Recorded(scene.seq + 1, "engine", 1, scene.now.at, scene.now.clock, 1, "engine", "", left))


def test_nothing_of_it_stays() -> None:
    scene = without_its_upgrade()

    assert not scene.history and not scene.upgrades and scene.upgrade is None
    assert scene.sets[KEY].upgrade is None
    assert [line.type for line in scene.feed if line.stream.startswith("upgrade/")] == []
    assert scene.feed[-1].type == "UpgradeRetired"


@pytest.mark.parametrize("keys", ((), ("h", "space"), ("h", "enter"), ("l",), ("4",)))
def test_a_screen_that_is_open_on_it_goes_on(keys: tuple[str, ...]) -> None:
    troubles: list[str] = []

    async def check(app: Cockpit, press: Callable[..., Awaitable[None]]) -> None:
        for screen in app.screen_stack:
            if isinstance(screen, CockpitScreen):
                cast(StillSource, screen.source).become(without_its_upgrade())
        await press("down", "up", "y", "space")
        if isinstance(app.screen, ReportScreen):
            assert app.screen.report is not None, "what was read stays to be read and saved"
            await press("escape")
        if isinstance(app.screen, HistoryScreen):
            assert not app.screen.entries()
            await press("enter", "space", "equals_sign", "y")
        await press("escape", "escape")

    class Heard(Cockpit):
        def say(self, words: str, *, bad: bool = False) -> None:
            troubles.append(words)
            super().say(words, bad=bad)

    async def run() -> None:
        app = Heard(session("completed"), first_set=KEY)
        async with app.run_test(size=(120, 40)) as pilot:

            async def press(*pressed: str) -> None:
                for key in pressed:
                    await pilot.press(key)
                    await pilot.pause(0.05)
                await pilot.pause(0.4)

            await press(*keys)
            await check(app, press)

    asyncio.run(run())

    assert not [words for words in troubles if "cannot be drawn" in words]
