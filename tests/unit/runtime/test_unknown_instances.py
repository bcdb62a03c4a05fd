"""What lies in the local fleet and is in no scale set is told once, by the engine that finds it, and left as found."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.fleets.local.layout import InstancePaths, make_directory, set_directory_name
from engine.fleets.local.supervision import write_json
from engine.runtime.engine import Engine
from engine.runtime.engine_door import EngineDoor
from engine.runtime.opening import open_engine
from engine.wire.words import words
from tests.worlds.simulated_web import ANN

pytestmark = pytest.mark.anyio
KEY = "/subscriptions/s/resourcegroups/rg/providers/microsoft.compute/virtualmachinescalesets/web"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def lay(state_dir: Path, instance_id: str) -> InstancePaths:
    """An instance that an engine with another database left behind, after 40 epochs."""
    directory = state_dir / "local" / "sets" / set_directory_name(KEY)
    paths = InstancePaths(directory, instance_id)
    make_directory(paths.data)
    write_json(str(directory / "set.json"), {"set_key": KEY})
    identity = {"instance_id": instance_id, "address": "127.1.1.1", "port": 1, "created": True}
    write_json(str(paths.identity), identity)
    write_json(str(paths.fence), {"epoch": 40})
    return paths


def told(engine: Engine) -> list[str]:
    found = engine.store.last_events(engine.head, 10, types=("InstancesUnknown",))
    return [words(recorded.event) for recorded in found]


async def test_they_are_told_when_others_are_found_than_the_last_time(tmp_path: Path) -> None:
    left = [lay(tmp_path, str(number)) for number in range(7)]
    for _ in range(2):
        async with open_engine(tmp_path) as engine:
            [said] = told(engine)
            [check] = [x for x in (await EngineDoor(engine).query("doctor", {}, ANN))["checks"] if x["words"] == said]
            assert check["ok"], "they are no fault of this machine"
    assert "7 local instances that no scale set has: web/0, web/1, web/2, web/3, web/4, ..." in said
    assert all(paths.identity.exists() for paths in left)

    for paths in left:
        paths.directory.rename(tmp_path / f"{paths.directory.name}.gone")
    for _ in range(2):
        async with open_engine(tmp_path) as engine:
            assert told(engine)[1:] == ["every local instance belongs to a scale set"]


async def test_an_engine_with_an_empty_database_is_obeyed_by_what_another_one_left(tmp_path: Path) -> None:
    lay(tmp_path, "0")

    async with open_engine(tmp_path) as engine:
        assert engine.epoch == 41
    async with open_engine(tmp_path) as engine:
        assert engine.epoch == 42


async def test_nothing_is_said_where_there_is_nothing_to_say(tmp_path: Path) -> None:
    async with open_engine(tmp_path) as engine:
        assert told(engine) == []
