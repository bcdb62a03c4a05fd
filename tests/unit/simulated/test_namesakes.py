"""A set that is deleted and made again under its name is another set: its namesake's upgrades are history only."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.model.errors import NotFoundError, RefusedError
from engine.runtime.opening import open_engine
from engine.runtime.snapshot import snapshot_lines
from engine.wire.recording import read_lines
from tests.worlds.simulated_web import ANN, create, document, until
from tests.worlds.watching import upgrade_of
from tui.scene import Scene, fold

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_a_namesakes_upgrade_is_history_only(tmp_path: Path) -> None:
    async with open_engine(tmp_path) as engine:
        door = await create(engine, tmp_path, 3, member_seconds=0.02)
        await door.command("start", {"set": "web", "to": "1.1.0"}, ANN)
        await until(lambda: not upgrade_of(engine).live)
        first = upgrade_of(engine)
        await door.command("delete", {"set": "web"}, ANN)
        await until(lambda: first.scale_set not in engine.state.scale_sets)

        await door.command("apply", {"documents": [document(3, {})], "file": "web.json"}, ANN)

        assert engine.state.last_upgrade(first.scale_set) is None
        with pytest.raises(NotFoundError, match="never upgraded"):
            await door.query("status", {"set": "web"}, ANN)
        with pytest.raises(NotFoundError, match="never upgraded"):
            await door.query("explain", {"what": "web"}, ANN)
        with pytest.raises(RefusedError, match="no upgrade was ever started"):
            await door.command("retry", {"set": "web"}, ANN)
        assert [one["id"] for one in (await door.query("history", {"set": "web"}, ANN))["ours"]] == [first.id]
        for scope in ("overview", "web"):
            scene = Scene("")
            for item in read_lines(snapshot_lines(engine, scope), "a snapshot"):
                scene = fold(scene, item)
            assert scene.upgrade is None
            assert scene.sets[first.scale_set].upgrade is None
            assert list(scene.history) == [first.id]


async def test_its_own_upgrade_stays_its_last_when_its_model_changes_and_an_engine_follows(tmp_path: Path) -> None:
    async with open_engine(tmp_path) as engine:
        door = await create(engine, tmp_path, 3, member_seconds=0.02)
        await door.command("start", {"set": "web", "to": "1.1.0"}, ANN)
        await until(lambda: not upgrade_of(engine).live)
        own = upgrade_of(engine)
        shown = (await door.query("set", {"name": "web"}, ANN))["azure"]["model"]
        changed = document(3, {"member_seconds": 0.5})
        changed["properties"]["virtualMachineProfile"]["storageProfile"] = shown["properties"]["virtualMachineProfile"][
            "storageProfile"
        ]
        answer = await door.command("apply", {"documents": [changed], "file": "web.json"}, ANN)
        assert json.dumps(answer["results"][0]["action"]) == '"changed"'
        assert upgrade_of(engine).id == own.id

    async with open_engine(tmp_path) as engine:
        assert upgrade_of(engine).id == own.id
