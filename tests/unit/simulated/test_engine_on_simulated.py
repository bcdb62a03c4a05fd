"""The engine on simulated instances: an upgrade, a failure with its restore, an engine that goes and comes back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from engine.fleets.local.sample_images import write_sample_image
from engine.model.health import Health
from engine.model.upgrade import Upgrade
from engine.runtime.door import Caller
from engine.runtime.engine import Engine
from engine.runtime.engine_door import EngineDoor
from engine.runtime.opening import open_engine

pytestmark = pytest.mark.anyio
ANA = Caller(1000, "ana", {})


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def document(capacity: int, **tags: object) -> dict[str, Any]:
    own = {f"rollset-simulated-{name.replace('_', '-')}": str(value) for name, value in tags.items()}
    extension = {
        "publisher": "Microsoft.ManagedServices",
        "type": "ApplicationHealthLinux",
        "typeHandlerVersion": "2.0",
        "settings": {"protocol": "http", "port": 8080, "requestPath": "/health"},
    }
    image = {"publisher": "contoso", "offer": "web", "sku": "stable", "version": "1.0.0"}
    profile = {
        "storageProfile": {"imageReference": image},
        "extensionProfile": {"extensions": [{"name": "health", "properties": extension}]},
    }
    return {
        "type": "Microsoft.Compute/virtualMachineScaleSets",
        "name": "web",
        "location": "westeurope",
        "sku": {"name": "Simulated", "capacity": capacity},
        "tags": {"rollset-fleet": "simulated", "rollset-simulated-create-seconds": "0", **own},
        "properties": {"upgradePolicy": {"mode": "Rolling"}, "virtualMachineProfile": profile},
    }


async def create(engine: Engine, root: Path, capacity: int, **tags: object) -> EngineDoor:
    door = EngineDoor(engine)
    for version in ("1.0.0", "1.1.0"):
        write_sample_image(root / version, version=version, behaviour="good")
        path = str(root / version)
        await door.command("image-publish", {"path": path, "reference": f"contoso:web:stable:{version}"}, ANA)
    await door.command("apply", {"documents": [document(capacity, **tags)], "file": "web.json"}, ANA)
    await until(lambda: all(i.health is Health.HEALTHY for i in engine.find_set("web").instances.values()))
    return door


async def until(true: Callable[[], object]) -> None:
    with anyio.fail_after(30):
        while not true():
            await anyio.sleep(0.02)


def upgrade_of(engine: Engine) -> Upgrade:
    found = engine.state.last_upgrade(engine.find_set("web").key)
    assert found is not None
    return found


async def test_an_upgrade_of_simulated_instances_completes(tmp_path: Path) -> None:
    async with open_engine(tmp_path) as engine:
        door = await create(engine, tmp_path, 10, member_seconds=0.05)
        await door.command("start", {"set": "web", "to": "1.1.0"}, ANA)
        await until(lambda: not upgrade_of(engine).live)
        assert upgrade_of(engine).outcome == "Completed"
        assert {i.image.version for i in engine.find_set("web").instances.values()} == {"1.1.0"}


async def test_a_broken_version_stops_the_run_and_instances_go_back(tmp_path: Path) -> None:
    async with open_engine(tmp_path) as engine:
        door = await create(engine, tmp_path, 10, member_seconds=0.05, broken_versions="1.1.0")
        await door.command("start", {"set": "web", "to": "1.1.0", "health_window": 0.5}, ANA)
        await until(lambda: not upgrade_of(engine).live)
        error = upgrade_of(engine).error
        assert error is not None
        assert error.code == "MaxUnhealthyUpgradedInstancePercentExceededInRollingUpgrade"
        assert {i.image.version for i in engine.find_set("web").instances.values()} == {"1.0.0"}


async def test_the_next_engine_adopts_what_is_in_flight_and_repeats_nothing(tmp_path: Path) -> None:
    async def engine_that_is_cut(work: Callable[[Engine], Awaitable[None]]) -> None:
        async with open_engine(tmp_path) as engine:
            await work(engine)

    async def begin(engine: Engine) -> None:
        door = await create(engine, tmp_path, 6, member_seconds=0.6)
        await door.command("start", {"set": "web", "to": "1.1.0"}, ANA)
        await until(lambda: upgrade_of(engine).in_flight())

    async def look(engine: Engine) -> None:
        await anyio.sleep(0.2)

    async def end(engine: Engine) -> None:
        await until(lambda: not upgrade_of(engine).live)
        assert upgrade_of(engine).outcome == "Completed"
        assert {i.disk for i in engine.find_set("web").instances.values()} == {"2"}

    for work in (begin, look, look, end):
        await engine_that_is_cut(work)
