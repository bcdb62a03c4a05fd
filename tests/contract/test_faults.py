"""Every fault at every call of a fleet: the upgrade ends well all the same, and no disk is swapped twice."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from engine.fleets.fleet import Fleet
from engine.fleets.simulated.fleet import SimulatedFleet
from engine.model import events as e
from engine.model.effects import Effect, EffectKind
from engine.model.upgrade import HoldKind, Upgrade
from tests.contract import faulty as f
from tests.contract.faulty import FaultyFleet
from tests.simulation.virtual_engine import ANA, SET, CrashedError, VirtualWorld, disks_too_many
from tests.worlds.watching import until, upgrade_of

FAULTS = (
    *(("begin", fault) for fault in (f.BEFORE, f.AFTER, f.HANG, f.SLOW, f.DUPLICATE, f.PARTIAL, f.DEFECT)),
    *(("poll", fault) for fault in (f.BEFORE, f.AFTER, f.HANG, f.SLOW, f.DUPLICATE, f.STALE, f.PARTIAL, f.DEFECT)),
    *(("settle", fault) for fault in (f.BEFORE, f.AFTER, f.HANG, f.SLOW, f.STALE, f.DEFECT)),
    *(("observe", fault) for fault in (f.BEFORE, f.AFTER, f.HANG, f.SLOW, f.VANISH)),
    *(("health_news", fault) for fault in (f.BEFORE, f.AFTER, f.SLOW, f.DEFECT)),
)


class Faulty:
    """Puts one faulty fleet before the simulated fleet of every engine of a world."""

    def __init__(self, world: VirtualWorld) -> None:
        self.fleets: list[FaultyFleet] = []
        self.next = ("", "", 0)
        world.through = self.between

    def between(self, fleet: Fleet) -> Fleet:
        if not isinstance(fleet, SimulatedFleet):
            return fleet
        made = FaultyFleet(fleet, *self.next)
        self.fleets.append(made)
        return made

    def strike(self, call: str, fault: str, times: int) -> None:
        """From now on, and in the next engine too."""
        self.next = (call, fault, times)
        for fleet in self.fleets:
            fleet.call, fleet.fault, fleet.left = call, fault, times


@pytest.mark.parametrize(("call", "fault"), FAULTS)
def test_an_upgrade_survives_each_fault_at_each_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, fault: str
) -> None:
    times = 3
    world = VirtualWorld(tmp_path, times, monkeypatch)
    faulty = Faulty(world)

    async def story() -> Upgrade:
        async with world.engine() as engine:
            door = await world.create(engine, 6, member_seconds=20, scripts=1)
            await door.command("start", {"set": SET, "to": "1.1.0", "timeout": 80_000}, ANA)
            await until(lambda: upgrade_of(engine).in_flight())
            faulty.strike(call, fault, times)
            await anyio.sleep(5)
            raise CrashedError
        async with world.engine() as engine:
            await until(lambda: not upgrade_of(engine).live)
            struck.append(any(fleet.left < times for fleet in faulty.fleets))
            faulty.strike("", "", 0)
            assert await disks_too_many(engine) == {}
            return upgrade_of(engine)

    struck: list[bool] = []
    ended = world.run(story)
    assert struck == [True] or call == "observe", "the fault did not strike"
    if fault == f.DEFECT and call == "begin":
        assert ended.outcome is not None
    else:
        assert ended.outcome == "Completed"
        assert {m.state for m in ended.members.values()} == {"Succeeded"}


def test_a_fleet_that_cannot_begin_gives_internal_execution_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = VirtualWorld(tmp_path, 1, monkeypatch)
    faulty = Faulty(world)

    async def story() -> Upgrade:
        async with world.engine() as engine:
            door = await world.create(engine, 10)
            faulty.strike("begin", f.DEFECT, 1_000_000)
            await door.command("start", {"set": SET, "to": "1.1.0", "batch": "2"}, ANA)
            await until(lambda: not upgrade_of(engine).live)
            return upgrade_of(engine)

    ended = world.run(story)
    failed = [m for m in ended.members.values() if m.error is not None]
    assert len(failed) == 2
    assert {m.error.code for m in failed if m.error is not None} == {"InternalExecutionError"}
    assert "the fleet has a defect" in str(failed[0].error)


def test_a_failure_without_a_code_is_an_internal_execution_error_of_the_upgrade(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = VirtualWorld(tmp_path, 1, monkeypatch)

    async def story() -> Upgrade:
        async with world.engine() as engine:
            door = await world.create(engine, 5, failing_disks=1)
            await door.command("start", {"set": SET, "to": "1.1.0", "restore_failed": "never"}, ANA)
            await until(lambda: not upgrade_of(engine).live)
            return upgrade_of(engine)

    error = world.run(story).error
    assert error is not None
    assert {detail.code for detail in error.details} == {"InternalExecutionError"}


@pytest.mark.parametrize("call", ("poll", "begin", "health_news"))
def test_a_silent_fleet_holds_the_upgrade_and_lifts_it_when_it_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    world = VirtualWorld(tmp_path, 1, monkeypatch)
    faulty = Faulty(world)

    async def story() -> list[e.Event]:
        async with world.engine() as engine:
            door = await world.create(engine, 6, member_seconds=60)
            faulty.strike(call, f.BEFORE, 1_000)
            await door.command("start", {"set": SET, "to": "1.1.0"}, ANA)
            await until(lambda: HoldKind.FLEET_UNREACHABLE in upgrade_of(engine).holds, 3_600)
            outlook = upgrade_of(engine).outlook
            assert outlook is not None
            assert outlook.eta_high_at is None
            await anyio.sleep(600)
            assert upgrade_of(engine).live
            batches = len(upgrade_of(engine).batches)
            faulty.strike(call, f.BEFORE, 0)
            await until(lambda: not upgrade_of(engine).live, 36_000)
            assert upgrade_of(engine).outcome == "Completed"
            assert batches <= 2
            return [r.event for r in engine.store.events(0, 100_000)]

    events = world.run(story)
    raised = [x for x in events if isinstance(x, e.HoldRaised) and x.hold.kind is HoldKind.FLEET_UNREACHABLE]
    lifted = [x for x in events if isinstance(x, e.HoldLifted) and x.kind is HoldKind.FLEET_UNREACHABLE]
    assert len(raised) == len(lifted) == 1


def test_a_machine_that_lacks_something_holds_the_upgrade_and_no_instance_is_blamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = VirtualWorld(tmp_path, 1, monkeypatch)
    faulty = Faulty(world)

    async def story() -> Upgrade:
        async with world.engine() as engine:
            door = await world.create(engine, 6, member_seconds=20)
            await door.command("start", {"set": SET, "to": "1.1.0"}, ANA)
            await until(lambda: upgrade_of(engine).in_flight())
            faulty.strike("begin", f.LACKING, 1_000)
            await until(lambda: HoldKind.FLEET_UNREACHABLE in upgrade_of(engine).holds, 3_600)
            assert upgrade_of(engine).holds[HoldKind.FLEET_UNREACHABLE].reason == f"the fleet cannot act: {f.LACK}"
            await anyio.sleep(3_600)
            assert upgrade_of(engine).live
            faulty.strike("begin", f.LACKING, 0)
            await until(lambda: not upgrade_of(engine).live, 36_000)
            assert await disks_too_many(engine) == {}
            return upgrade_of(engine)

    ended = world.run(story)
    assert ended.outcome == "Completed"
    assert [m.attempt for m in ended.members.values()] == [1] * 6
    assert not any(m.judged_failed for m in ended.members.values())


def test_one_lost_call_holds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = VirtualWorld(tmp_path, 1, monkeypatch)
    faulty = Faulty(world)

    async def story() -> list[e.Event]:
        async with world.engine() as engine:
            door = await world.create(engine, 6)
            faulty.strike("begin", f.BEFORE, 1)
            await door.command("start", {"set": SET, "to": "1.1.0"}, ANA)
            await until(lambda: not upgrade_of(engine).live)
            return [r.event for r in engine.store.events(0, 100_000)]

    assert not [x for x in world.run(story) if isinstance(x, e.HoldRaised)]


def test_a_repeated_outcome_and_one_of_nobody_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = VirtualWorld(tmp_path, 1, monkeypatch)

    async def story() -> int:
        async with world.engine() as engine:
            door = await world.create(engine, 4)
            await door.command("start", {"set": SET, "to": "1.1.0"}, ANA)
            kinds: set[EffectKind] = set()
            seen: dict[str, Effect] = {}
            while upgrade_of(engine).live:
                seen |= engine.state.open_effects
                for effect in seen.values():
                    outcome = await engine.fleet_of(effect.scale_set).settle(effect)
                    if outcome is not None:
                        kinds.add(effect.kind)
                        engine.report(outcome)
                        engine.report(outcome)
                await anyio.sleep(0.2)
            assert await disks_too_many(engine) == {}
            assert EffectKind.REPLACE_OS_DISK in kinds
            return sum(m.state == "Succeeded" for m in upgrade_of(engine).members.values())

    assert world.run(story) == 4
