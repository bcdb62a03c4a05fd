"""The engine on simulated instances: an upgrade, a failure with its restore, an engine that goes and comes back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import pytest

from engine.runtime.engine import Engine
from engine.runtime.opening import open_engine
from tests.worlds.simulated_web import ANN, create, until
from tests.worlds.watching import upgrade_of

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_an_upgrade_of_simulated_instances_completes(tmp_path: Path) -> None:
    async with open_engine(tmp_path) as engine:
        door = await create(engine, tmp_path, 10, member_seconds=0.05)
        await door.command("start", {"set": "web", "to": "1.1.0"}, ANN)
        await until(lambda: not upgrade_of(engine).live)
        assert upgrade_of(engine).outcome == "Completed"
        assert {i.image.version for i in engine.find_set("web").instances.values()} == {"1.1.0"}


async def test_a_broken_version_stops_the_run_and_instances_go_back(tmp_path: Path) -> None:
    async with open_engine(tmp_path) as engine:
        door = await create(engine, tmp_path, 10, member_seconds=0.05, broken_versions="1.1.0")
        await door.command("start", {"set": "web", "to": "1.1.0", "health_window": 0.5}, ANN)
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
        await door.command("start", {"set": "web", "to": "1.1.0"}, ANN)
        await until(lambda: upgrade_of(engine).in_flight())

    async def look(engine: Engine) -> None:
        await anyio.sleep(0.2)

    async def end(engine: Engine) -> None:
        await until(lambda: not upgrade_of(engine).live)
        assert upgrade_of(engine).outcome == "Completed"
        assert {i.disk for i in engine.find_set("web").instances.values()} == {"2"}

    for work in (begin, look, look, end):
        await engine_that_is_cut(work)
