"""Random stories of the real engine in virtual time: crashes, clock jumps, faults, operators; it ends, and repeats."""

from __future__ import annotations

import hashlib
from pathlib import Path
from random import Random
from typing import Any

import anyio
import pytest

from engine.decide.count_members import count_members
from engine.decide.evolve import evolve_upgrade
from engine.decide.invariants import check_upgrade
from engine.model import events as e
from engine.model.errors import RollsetError
from engine.model.upgrade import Now, Upgrade
from engine.runtime.engine import Engine
from engine.runtime.engine_door import EngineDoor
from engine.wire.events import to_json
from tests.simulation.virtual_engine import ANA, SET, CrashedError, VirtualWorld, disks_too_many, until, upgrade_of

LIVENESS_BOUND_S = 86_400.0
MEDDLING = ("pause", "resume", "step", "cancel", "rollback", "retry", "hold", "release", "scale")


class Story:
    """One set, one upgrade, and everything that may befall them, from a seed."""

    def __init__(self, root: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world = VirtualWorld(root, seed, monkeypatch)
        self.dice = Random(seed)
        pick = self.dice.choice
        self.count = min(40, max(1, int(self.dice.lognormvariate(2.0, 0.8))))
        self.zones = pick(((), ("1", "2"), ("1", "2", "3")))
        self.tags: dict[str, Any] = {
            "seed": seed,
            "member_seconds": pick((1, 20, 120)),
            "spread": pick((0.0, 0.4, 1.0)),
            "failing_share": pick((0, 0, 0.1, 0.5)),
            "failing_disks": pick((0, 0, 0.05)),
            "failing_restores": pick((0, 0, 0.2)),
            "failing_extensions": pick((0, 0, 0.05)),
            "flapping": pick((0, 0, 0.1)),
            "scripts": pick((0, 0, 1, 2)),
            "policy": {
                "maxBatchInstancePercent": pick((5, 20, 100)),
                "maxUnhealthyInstancePercent": pick((5, 20, 100)),
                "maxUnhealthyUpgradedInstancePercent": pick((0, 20, 100)),
                "pauseTimeBetweenBatches": pick(("PT0S", "PT30S")),
                "enableCrossZoneUpgrade": pick((True, False)),
                "prioritizeUnhealthyInstances": pick((True, False)),
            },
        }
        self.meddling = pick((0.0, 0.1, 0.3))
        self.crashing = pick((0.0, 0.1, 0.3))
        self.jumping = pick((0.0, 0.2))

    async def play(self) -> tuple[Upgrade, str]:
        async with self.world.engine() as engine:
            door = await self.world.create(engine, self.count, zones=self.zones, **self.tags)
            await door.command("start", {"set": SET, "to": "1.1.0", "batch": self.dice.choice((None, "3"))}, ANA)
        for turn in range(200):
            async with self.world.engine() as engine:
                await self._some_time(engine, calm=turn > 12)
                if not upgrade_of(engine).live:
                    return await self._check(engine)
        raise AssertionError(f"it does not end: {upgrade_of(engine).state} {upgrade_of(engine).outlook}")

    async def _some_time(self, engine: Engine, *, calm: bool) -> None:
        door = EngineDoor(engine)
        for _ in range(self.dice.randint(1, 12)):
            await anyio.sleep(self.dice.choice((0.1, 1.0, 15.0, 120.0, 600.0)))
            self._watch(engine)
            if not upgrade_of(engine).live:
                return
            if self.dice.random() < self.jumping:
                self.world.jump_s += self.dice.choice((-3_600.0, 3_600.0, -31e6, 31e6, 5.0))
            if calm:
                await self._free(door)
            elif self.dice.random() < self.meddling:
                await self._meddle(door, engine)
            if not calm and self.dice.random() < self.crashing:
                raise CrashedError

    def _watch(self, engine: Engine) -> None:
        upgrade = upgrade_of(engine)
        scale_set = engine.find_set(SET)
        assert check_upgrade(upgrade, scale_set) == []
        counters = count_members(upgrade)
        if upgrade.batches:
            assert sum(getattr(counters, name) for name in counters.__slots__) == len(upgrade.members)
        if upgrade.live:
            assert upgrade.outlook is not None

    async def _meddle(self, door: EngineDoor, engine: Engine) -> None:
        verb = self.dice.choice(MEDDLING)
        names = sorted(engine.find_set(SET).instances)
        arguments: dict[str, Any] = {"set": SET, "reason": "chance"}
        if verb in ("hold", "release"):
            arguments["instance"] = self.dice.choice(names) if names else "0"
        if verb == "scale":
            arguments["capacity"] = max(0, len(names) + self.dice.choice((-2, -1, 1, 2)))
        await self._send(door, verb, arguments)

    async def _send(self, door: EngineDoor, verb: str, arguments: dict[str, Any]) -> None:
        try:
            await door.command(verb, arguments, ANA)
        except RollsetError:
            return  # refused in this state: that is an answer too

    async def _free(self, door: EngineDoor) -> None:
        """Faults have stopped: an operator lifts what is held."""
        held = [i.instance_id for i in door.engine.find_set(SET).instances.values() if i.hold is not None]
        for name in held:
            await self._send(door, "release", {"set": SET, "instance": name})
        for verb in ("accept-loss", "resume"):
            await self._send(door, verb, {"set": SET})

    async def _check(self, engine: Engine) -> tuple[Upgrade, str]:
        """After the end: nothing in flight, no disk twice, the log folds to the state; returns the log's digest."""
        upgrade = upgrade_of(engine)
        assert not upgrade.in_flight()
        recorded = engine.store.events(0, 1_000_000)
        folded: Upgrade | None = None
        for item in recorded:
            if item.stream == f"upgrade/{upgrade.id}":
                folded = evolve_upgrade(folded, item.event, Now(item.at, item.clock))
        assert folded == upgrade
        assert await disks_too_many(engine) == {}
        lines = "\n".join(f"{r.seq} {r.stream} {r.at:.6f} {r.clock:.6f} {to_json(r.event)}" for r in recorded)
        return upgrade, hashlib.sha256(lines.encode()).hexdigest()


def play(root: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> tuple[Upgrade, str]:
    root.mkdir()
    story = Story(root, seed, monkeypatch)
    try:
        found: tuple[Upgrade, str] = story.world.run(story.play)
        return found
    except BaseException as error:
        raise AssertionError(f"seed {seed}: run play(tmp_path, {seed}, monkeypatch) again") from error


@pytest.mark.timeout(3_600)
def test_every_story_ends_and_no_invariant_falls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, long_run: bool
) -> None:
    outcomes = set()
    for seed in range(2_000 if long_run else 20):
        upgrade, _ = play(tmp_path / str(seed), seed, monkeypatch)
        outcomes.add(upgrade.outcome)
    assert len(outcomes) >= 3


@pytest.mark.parametrize("seed", (3, 8, 11))
def test_the_same_seed_gives_the_same_log_to_the_last_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    first = play(tmp_path / "a", seed, monkeypatch)[1]
    assert play(tmp_path / "b", seed, monkeypatch)[1] == first


def test_effects_left_open_by_a_crash_are_looked_for_before_anything_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = VirtualWorld(tmp_path, 1, monkeypatch)

    async def story() -> list[e.MemberReconciling]:
        async with world.engine() as engine:
            door = await world.create(engine, 10, member_seconds=100, spread=0)
            await door.command("start", {"set": SET, "to": "1.1.0"}, ANA)
            await until(lambda: upgrade_of(engine).in_flight())
            await anyio.sleep(10)
            raise CrashedError
        async with world.engine() as engine:
            marked = [m for m in upgrade_of(engine).members.values() if m.reconciling]
            assert len(marked) == len(upgrade_of(engine).in_flight()) > 0
            await until(lambda: not upgrade_of(engine).live)
            assert upgrade_of(engine).outcome == "Completed"
            assert not any(m.reconciling for m in upgrade_of(engine).members.values())
            events = [r.event for r in engine.store.events(0, 100_000)]
        return [event for event in events if isinstance(event, e.MemberReconciling)]

    found = world.run(story)
    assert [event.reconciling for event in found] == [True] * (len(found) // 2) + [False] * (len(found) // 2)


def test_a_wall_clock_that_jumps_a_year_fails_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = VirtualWorld(tmp_path, 1, monkeypatch)

    async def story() -> Upgrade:
        async with world.engine() as engine:
            door = await world.create(engine, 10, member_seconds=100)
            await door.command("start", {"set": SET, "to": "1.1.0"}, ANA)
            for jump in (31e6, -62e6, 31e6):
                await anyio.sleep(30)
                world.jump_s += jump
            await until(lambda: not upgrade_of(engine).live)
            return upgrade_of(engine)

    ended = world.run(story)
    assert ended.outcome == "Completed"
    assert not any(m.judged_failed for m in ended.members.values())
