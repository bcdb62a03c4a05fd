"""`engine stop --with-instances`: who stays down, who comes back, and what is said of it before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine.model import events as e
from engine.model.health import Health
from engine.runtime.announce import record_stop
from engine.runtime.engine import Engine
from engine.runtime.verbs import carry_out
from tests.unit.runtime.conftest import ANA, apply_healthy

pytestmark = pytest.mark.anyio


async def command(engine: Engine, verb: str, **arguments: Any) -> str:
    return str((await carry_out(engine, verb, arguments, ANA)).get("message"))


async def stop_with_instances(engine: Engine) -> str:
    said = await command(engine, "engine-stop", with_instances=True)
    record_stop(engine, "stopped")
    return said


def down(engine: Engine) -> list[str]:
    return [i.instance_id for i in engine.find_set("web").instances.values() if i.stopped_by and not i.running]


@pytest.fixture
def web(engine: Engine) -> Engine:
    """An engine with a healthy set of three on 1.0.0."""
    apply_healthy(engine)
    return engine


async def test_halt_and_then_stop_with_instances_holds(web: Engine, new_engine: Callable[[], Engine]) -> None:
    turn = web.turn()
    name = web.find_set("web").key
    turn.on_scale_set(name, e.InstanceHealthChanged("0", Health.HEALTHY, Health.INITIALIZING, "its grace period"))
    web.commit(turn)
    await command(web, "start", set="web", to="1.1.0")  # it begins nobody yet
    await command(web, "halt", reason="fire")

    said = await stop_with_instances(web)

    stays = "the engine stops, and its instances with it until `rollset engine start`"
    assert said == f"{stays}; upgrades that are live stand still until the next engine: web"
    after = new_engine()
    assert down(after) == ["0", "1", "2"]
    assert (await command(after, "engine-start")) == "the engine runs and boots 3 instances that were stopped with it"
    assert down(after) == [] and all(i.trying is not None for i in after.find_set("web").instances.values())


async def test_those_of_an_upgrade_whose_start_time_has_not_come_stay_down_too(web: Engine) -> None:
    await command(web, "start", set="web", to="1.1.0", at=100_000.0)

    assert "come back" not in await stop_with_instances(web)

    assert down(web) == ["0", "1", "2"]


@pytest.mark.parametrize("paused", (False, True))
async def test_those_of_an_upgrade_that_goes_on_come_back_and_that_is_said(web: Engine, paused: bool) -> None:
    """One that is paused goes on as long as a member that it has begun is not done: here one is."""
    await command(web, "start", set="web", to="1.1.0")
    if paused:
        await command(web, "pause", set="web")

    said = await stop_with_instances(web)

    assert "those of web come back with the next engine, as their upgrade goes on" in said
    assert down(web) == []
