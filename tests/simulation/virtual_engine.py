"""The real engine, its real store and simulated instances on trio's virtual clock: hours in a moment, by seed."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
import trio
import trio.testing

from engine.fleets.fleet import Fleet
from engine.model import events as e
from engine.model.health import Health
from engine.model.image import ImageVersion, parse_reference
from engine.model.upgrade import MemberState
from engine.runtime.door import Caller
from engine.runtime.engine import Engine
from engine.runtime.engine_door import EngineDoor
from engine.runtime.opening import open_engine
from tests.worlds.documents import health, scale_set, script, simulated
from tests.worlds.few_draws import few_draws
from tests.worlds.watching import until

ANA = Caller(1000, "ana", {})
SET = "web"
VERSIONS = ("1.0.0", "1.1.0", "1.2.0")
EPOCH_AT = 1_800_000_000.0


class CrashedError(Exception):
    """The engine is cut off: nothing is recorded, nothing is closed in order."""


class VirtualWorld:
    """One state directory and its engines. `jump_s` moves the wall clock, and the wall clock alone."""

    def __init__(self, root: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.seed = seed
        self.jump_s = 0.0
        self.through: Callable[[Fleet], Fleet] = lambda fleet: fleet
        counter = itertools.count()
        monkeypatch.setattr("secrets.token_hex", lambda size=8: f"{next(counter):0{2 * size}x}"[: 2 * size])
        monkeypatch.setattr("os.getpid", lambda: 4242)

    def run(self, story: Callable[[], Awaitable[Any]]) -> Any:
        """Play a story in virtual time, with an order of tasks that the seed gives."""
        trio._core._run._r.seed(self.seed)  # the only way to a repeatable order of tasks
        clock = trio.testing.MockClock(autojump_threshold=0)
        with few_draws():
            return anyio.run(story, backend="trio", backend_options={"clock": clock})

    def wall(self) -> float:
        return EPOCH_AT + trio.current_time() + self.jump_s

    @asynccontextmanager
    async def engine(self) -> AsyncIterator[Engine]:
        """An engine; CrashedError in the block cuts it off and is not passed on."""
        try:
            async with open_engine(
                self.root, wall=self.wall, monotonic=trio.current_time, through=self.through
            ) as engine:
                yield engine
        except* CrashedError:
            pass

    async def create(self, engine: Engine, capacity: int, *, zones: tuple[str, ...] = (), **tags: object) -> EngineDoor:
        """Images and a healthy set called web on the first of them."""
        turn = engine.turn("ana")
        for version in VERSIONS:
            reference = parse_reference(f"contoso:web:stable:{version}")
            image = ImageVersion(reference, f"sha256:{version}", 1000, turn.now.at)
            turn.on_image(image, e.ImagePublished(image))
        engine.commit(turn)
        door = EngineDoor(engine)
        await door.command("apply", {"documents": [document(capacity, zones, **tags)], "file": "web.json"}, ANA)
        await until(lambda: all(i.health is not Health.NOT_OBSERVED for i in engine.find_set(SET).instances.values()))
        return door


def document(capacity: int, zones: tuple[str, ...] = (), **tags: object) -> dict[str, Any]:
    """A simulated set; `tags` are those of simulated fleets, and `policy` its rolling upgrade policy."""
    policy: Any = tags.pop("policy", {})
    scripts = tags.pop("scripts", 0)
    return scale_set(
        SET,
        capacity,
        health(),
        *(script(name=f"setup{n}") for n in range(int(str(scripts)))),
        policy=policy,
        zones=zones,
        tags=simulated(**tags),
    )


async def disks_too_many(engine: Engine) -> dict[str, int]:
    """Instances that have had more disks than an upgrade wanted for them, and how many more: swaps done twice."""
    wanted: dict[str, int] = {}
    for recorded in engine.store.events(0, 1_000_000):
        event = recorded.event
        if not isinstance(event, e.MemberMoved):
            continue
        # A restore makes a disk of its own where the previous one is gone.
        if event.entered is MemberState.REPLACING or "replaced from the image" in event.why:
            wanted[event.instance_id] = wanted.get(event.instance_id, 0) + 1
    names = list(engine.find_set(SET).instances)
    facts = await engine.fleet_of(engine.find_set(SET).key).observe(engine.find_set(SET).key, names)
    made = {name: max(int(disk) for disk, _ in facts[name].disks) - 1 for name in names if facts[name].exists}
    return {name: count - wanted.get(name, 0) for name, count in made.items() if count > wanted.get(name, 0)}
