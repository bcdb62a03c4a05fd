"""One random story of the real engine and its real store on virtual time: crashes, clock jumps, faults, operators."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import anyio
import pytest

from engine.decide.count_members import count_members
from engine.decide.evolve import evolve_upgrade
from engine.decide.invariants import check_upgrade
from engine.model.errors import RollsetError
from engine.model.upgrade import Now, Upgrade
from engine.runtime.engine import Engine
from engine.runtime.engine_door import EngineDoor
from engine.wire.events import to_json
from tests.simulation.virtual_engine import ANA, SET, CrashedError, VirtualWorld, disks_too_many
from tests.worlds.watching import upgrade_of

MOST_INSTANCES = 40
TROUBLES = ("failing", "meddling", "crashing", "jumping")
MEDDLING = ("pause", "resume", "step", "cancel", "rollback", "retry", "hold", "release", "scale")


class Story:
    """One set, one upgrade, and everything that may befall them, from a seed."""

    def __init__(
        self,
        root: Path,
        seed: int,
        monkeypatch: pytest.MonkeyPatch,
        *,
        instances: int | None = None,
        without: Sequence[str] = (),
    ) -> None:
        self.world = VirtualWorld(root, seed, monkeypatch)
        self.dice = Random(seed)
        pick = self.dice.choice
        self.count = min(MOST_INSTANCES, max(1, int(self.dice.lognormvariate(2.0, 0.8))))
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
        self.log: list[str] = []
        self.count = self.count if instances is None else instances
        if "failing" in without:
            self.tags |= {name: 0 for name in self.tags if name.startswith("failing") or name == "flapping"}
        for trouble in set(without) - {"failing"}:
            setattr(self, trouble, 0.0)

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
        return upgrade, hashlib.sha256("\n".join(self._lines(engine)).encode()).hexdigest()

    def _lines(self, engine: Engine) -> list[str]:
        recorded = engine.store.events(0, 1_000_000)
        self.log = [f"{r.seq} {r.stream} {r.at:.6f} {r.clock:.6f} {to_json(r.event)}" for r in recorded]
        return self.log


def run_story(
    seed: int, *, instances: int | None = None, without: Sequence[str] = (), keep_log: bool = False
) -> tuple[str, list[str]]:
    """How the upgrade of a seed ended (or the error that a rule was broken with), and the events of its log.

    Without `keep_log` only how it ended. Everything happens in a directory that is gone afterwards.
    """
    patch = pytest.MonkeyPatch()
    with tempfile.TemporaryDirectory() as folder:
        story = Story(Path(folder), seed, patch, instances=instances, without=without)
        try:
            upgrade, _ = story.world.run(story.play)
            return upgrade.state.value, story.log if keep_log else []
        except Exception as error:  # noqa: BLE001  # whatever goes wrong is what is looked for
            return f"{FAILED}{type(error).__name__}: {' '.join(str(error).split())[:400]}", story.log
        finally:
            patch.undo()


FAILED = "FAILED "
