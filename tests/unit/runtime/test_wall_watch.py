"""A wall clock that jumps starts nothing, releases nothing and throws nothing away."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from engine.model import events as e
from engine.model.effects import EffectKind
from engine.model.upgrade import HoldKind, Upgrade
from engine.runtime.clock import JUMP_S
from engine.runtime.engine import Engine
from engine.runtime.verbs import carry_out
from engine.runtime.wall_watch import QUIET_S, STEADY_S
from tests.worlds.durable_fleet import DurableFleet
from tests.worlds.small_engine import ANA, create, ended, on_virtual_time, small_engine
from tests.worlds.watching import until

DAY_S = 86400.0


class Place:
    """A state directory with a fleet, and a wall clock that can be set."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.fleet = DurableFleet(root / "fleet")
        self.ahead_s = 0.0

    @asynccontextmanager
    async def engine(self) -> AsyncIterator[Engine]:
        async with small_engine(self.root, self.fleet, later_s=lambda: self.ahead_s) as engine:
            yield engine

    def discarded(self) -> int:
        return sum(act["kind"] == EffectKind.DISCARD_PREVIOUS_DISK for act in self.fleet.acts())


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def only(engine: Engine) -> Upgrade:
    found = engine.state.last_upgrade(engine.find_set("web").key)
    assert found is not None
    return found


def untrusted(engine: Engine) -> bool:
    return HoldKind.CLOCK_UNTRUSTED in only(engine).holds


def jumps(engine: Engine) -> list[float]:
    return [r.event.seconds for r in engine.store.events(0, 10_000) if isinstance(r.event, e.ClockJumped)]


async def command(engine: Engine, verb: str, **arguments: Any) -> None:
    await carry_out(engine, verb, {"set": "web", **arguments}, ANA)


def run(main: Callable[[], Awaitable[None]]) -> None:
    on_virtual_time(main)


def test_a_start_at_a_time_to_come_does_not_begin_when_the_clock_says_so_by_a_jump(place: Place) -> None:
    async def main() -> None:
        async with place.engine() as engine:
            await create(engine, 2)
            await command(engine, "start", to="1.1.0", at=engine.clock.now().at + 1500)
            place.ahead_s = 15 * DAY_S
            await until(lambda: untrusted(engine), 10)
            assert "15 days forward" in only(engine).holds[HoldKind.CLOCK_UNTRUSTED].reason
            await anyio.sleep(STEADY_S / 2)
            assert only(engine).batches == ()

            place.ahead_s = 0.0
            await until(lambda: not untrusted(engine), 10)
            await anyio.sleep(1000)
            assert only(engine).batches == ()
            await until(lambda: ended(engine), 600)
            assert only(engine).ended_at is not None and jumps(engine) == [15 * DAY_S, -15 * DAY_S]

    run(main)


@pytest.mark.parametrize("ahead_s", (3600.0, -3600.0, 400 * DAY_S, -400 * DAY_S, JUMP_S + 1))
def test_a_live_upgrade_waits_for_a_steady_clock_and_no_instance_fails(place: Place, ahead_s: float) -> None:
    async def main() -> None:
        async with place.engine() as engine:
            await create(engine, 6)
            await command(engine, "start", to="1.1.0")
            await until(lambda: only(engine).batches)
            place.ahead_s = ahead_s
            await until(lambda: untrusted(engine), 10)
            await anyio.sleep(STEADY_S - 60)
            assert untrusted(engine)
            await until(lambda: ended(engine), 600)
            assert only(engine).state == "Completed"
            assert not [m for m in only(engine).members.values() if m.judged_failed]

    run(main)


@pytest.mark.parametrize("ahead_s", (0.5, -0.5, JUMP_S - 1, 1 - JUMP_S))
def test_a_clock_that_is_put_right_by_a_little_is_no_jump(place: Place, ahead_s: float) -> None:
    async def main() -> None:
        async with place.engine() as engine:
            await create(engine, 2)
            await command(engine, "start", to="1.1.0")
            place.ahead_s = ahead_s
            await until(lambda: ended(engine))
            assert jumps(engine) == []

    run(main)


def test_disks_are_kept_for_an_hour_after_a_jump_by_whatever_engine(place: Place) -> None:
    async def main() -> None:
        async with place.engine() as engine:
            await create(engine, 2)
            await command(engine, "start", to="1.1.0")
            await until(lambda: ended(engine))
            place.ahead_s = 15 * DAY_S
            await anyio.sleep(QUIET_S / 2)
            assert len(jumps(engine)) == 1
        async with place.engine() as engine:
            await anyio.sleep(QUIET_S / 4)
            assert place.discarded() == 0
            await until(lambda: place.discarded() == 2, QUIET_S)

    run(main)


def test_a_clock_that_goes_back_does_not_end_the_look_for_old_disks(place: Place) -> None:
    async def main() -> None:
        async with place.engine() as engine:
            await create(engine, 2)
            await command(engine, "start", to="1.1.0")
            await until(lambda: ended(engine))
            place.ahead_s = -30 * DAY_S
            await anyio.sleep(2 * QUIET_S)
            place.ahead_s = 16 * DAY_S
            await until(lambda: place.discarded() == 2, 2 * QUIET_S)

    run(main)


def test_an_instance_held_until_tomorrow_is_not_released_by_a_jump(place: Place) -> None:
    async def main() -> None:
        async with place.engine() as engine:
            await create(engine, 2)
            await command(engine, "hold", instance="0", until=engine.clock.now().at + DAY_S, reason="in use")
            place.ahead_s = 3 * DAY_S
            await anyio.sleep(STEADY_S - 60)
            assert engine.find_set("web").instances["0"].hold is not None
            place.ahead_s = 0.0
            await anyio.sleep(STEADY_S * 2)
            assert engine.find_set("web").instances["0"].hold is not None

    run(main)


def test_an_engine_that_finds_the_clock_behind_the_last_one_trusts_it_no_more(place: Place) -> None:
    async def main() -> None:
        async with place.engine() as engine:
            await create(engine, 2)
            await command(engine, "start", to="1.1.0", at=engine.clock.now().at + DAY_S)
        place.ahead_s = -2 * DAY_S
        async with place.engine() as engine:
            await until(lambda: untrusted(engine), 10)
            assert len(jumps(engine)) == 1 and jumps(engine)[0] < -DAY_S
        async with place.engine() as engine:
            assert not untrusted(engine)

    run(main)
