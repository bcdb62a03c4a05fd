"""What the shipped recordings tell: one story each, by the name it is opened with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio

from engine.model.errors import RollsetError
from engine.runtime.engine import Engine
from engine.wire.recording import OVERVIEW
from tests.recordings.stage import OMAR, Made, Play, Stage, ended, succeeded, tell
from tests.simulation.virtual_engine import CrashedError
from tests.worlds.watching import until, upgrade_of

WEB = "web-eu"
TARGET = "1.1.0"


def on_one_set(capacity: int, act: Callable[[Stage, Engine], Awaitable[None]], **tags: object) -> Play:
    """A story with one set, recorded from just before its start."""

    async def story(stage: Stage) -> None:
        async with stage.world.engine() as engine:
            await stage.publish(engine)
            await stage.make(engine, Made(WEB, capacity), **{"member_seconds": 30} | tags)
            stage.record(engine, WEB)
            await act(stage, engine)
            stage.stop(engine)

    return story


async def _to_its_end(stage: Stage, engine: Engine) -> None:
    await tell(engine, "start", set=WEB, to=TARGET, reason="CVE-2026-1234")
    await ended(engine, WEB)


async def _unhealthy_elsewhere(stage: Stage, engine: Engine) -> None:
    await tell(engine, "start", set=WEB, to=TARGET, reason="CVE-2026-1234")
    await until(lambda: succeeded(engine, WEB) >= 20)
    await stage.behave(engine, WEB, unhealthy="zone=3")
    await ended(engine, WEB)


async def _time_out(stage: Stage, engine: Engine) -> None:
    await tell(engine, "start", set=WEB, to=TARGET, timeout=240, reason="must be done by nine")
    await ended(engine, WEB)


async def _pause_step_resume(stage: Stage, engine: Engine) -> None:
    await tell(engine, "start", set=WEB, to=TARGET, reason="CVE-2026-1234")
    await until(lambda: succeeded(engine, WEB) >= 5)
    await tell(engine, "pause", set=WEB, reason="looking at the first batch")
    await anyio.sleep(90)
    for _ in range(2):
        await tell(engine, "step", set=WEB, reason="one more batch")
        await anyio.sleep(120)
    await tell(engine, "resume", set=WEB, reason="all is well")
    await ended(engine, WEB)


async def _rollback(stage: Stage, engine: Engine) -> None:
    await tell(engine, "start", set=WEB, to=TARGET, reason="CVE-2026-1234")
    await until(lambda: succeeded(engine, WEB) >= 24)
    await tell(engine, "rollback", set=WEB, reason="checkout answers slowly on 1.1.0")
    await ended(engine, WEB)


async def _two_operators(stage: Stage, engine: Engine) -> None:
    await tell(engine, "start", set=WEB, to=TARGET, reason="CVE-2026-1234")
    await until(lambda: succeeded(engine, WEB) >= 10)
    seen = upgrade_of(engine, WEB).version
    await tell(engine, "pause", OMAR, set=WEB, reason="the load balancer team asked")
    await anyio.sleep(20)
    try:
        await tell(engine, "rollback", set=WEB, seen_version=seen, reason="ana has not seen the pause yet")
    except RollsetError:
        await anyio.sleep(25)
    await tell(engine, "hold", OMAR, set=WEB, instance="17", reason="a customer debugs on it")
    await anyio.sleep(15)
    await tell(engine, "resume", OMAR, set=WEB, reason="they are done")
    await until(lambda: succeeded(engine, WEB) >= 35)
    await tell(engine, "release", set=WEB, instance="17", reason="the customer is done")
    await ended(engine, WEB)


async def _engine_killed(stage: Stage) -> None:
    async with stage.world.engine() as engine:
        await stage.publish(engine)
        await stage.make(engine, Made(WEB, 60), member_seconds=30)
        stage.record(engine, WEB)
        await tell(engine, "start", set=WEB, to=TARGET, reason="CVE-2026-1234")
        await until(lambda: succeeded(engine, WEB) >= 20 and upgrade_of(engine, WEB).in_flight())
        raise CrashedError
    await anyio.sleep(40)
    async with stage.world.engine() as engine:
        await ended(engine, WEB)
        stage.stop(engine)


async def _many_sets(stage: Stage) -> None:
    """Sets in every state, from afar."""
    async with stage.world.engine() as engine:
        await stage.publish(engine)
        await stage.make(engine, Made("web-eu", 120), member_seconds=40)
        await stage.make(engine, Made("web-us", 60, "eastus"), member_seconds=40)
        await stage.make(engine, Made("queue", 24), member_seconds=40, broken_versions="1.1.0")
        await stage.make(engine, Made("search", 15, "northeurope", "1.0.2"), member_seconds=20)
        await stage.make(engine, Made("checkout", 12, "koreacentral"), unhealthy="3")
        stage.record(engine, OVERVIEW)
        for name in ("web-eu", "web-us", "queue", "search"):
            await tell(engine, "start", set=name, to=TARGET if name != "search" else "1.0.3", reason="CVE-2026-1234")
            await anyio.sleep(15)
        await until(lambda: succeeded(engine, "web-us") >= 12)
        await tell(engine, "pause", OMAR, set="web-us", reason="on call asked")
        for name in ("queue", "search", "web-eu"):
            await ended(engine, name)
        stage.stop(engine)


STORIES: dict[str, Play] = {
    "good-run": on_one_set(120, _to_its_end),
    "upgraded-unhealthy": on_one_set(60, _to_its_end, broken_versions="1.1.0=60%"),
    "unhealthy-before": on_one_set(40, _to_its_end, unhealthy="30%"),
    "unhealthy-elsewhere": on_one_set(60, _unhealthy_elsewhere),
    "time-out": on_one_set(60, _time_out, member_seconds=60),
    "pause-step-resume": on_one_set(40, _pause_step_resume),
    "rollback": on_one_set(60, _rollback),
    "engine-killed": _engine_killed,
    "two-operators": on_one_set(60, _two_operators),
    "thousand": on_one_set(1000, _to_its_end, broken_versions="1.1.0=3%", member_seconds=20),
    "many-sets": _many_sets,
}
