"""Hypothesis against the real engine and its store: two clients, kills, repeated commands, judged by a small model."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from engine.decide.invariants import check_upgrade
from engine.model import events as e
from engine.model.errors import RollsetError
from engine.model.upgrade import Direction
from engine.runtime.door import Caller
from engine.runtime.engine import Engine
from engine.runtime.engine_door import EngineDoor
from tests.simulation.virtual_engine import SET, VERSIONS, CrashedError, VirtualWorld, disks_too_many
from tests.simulation.walking import walk
from tests.worlds.watching import until

CLIENTS = (Caller(1000, "ana", {}), Caller(1001, "omar", {}))
STEERING = ("pause", "resume", "step", "cancel", "rollback", "retry", "accept-loss", "start")
VERBS = (*STEERING, "scale", "hold", "release", "halt", "lift-halt")
SECONDS = st.sampled_from((0.0, 0.3, 5.0, 40.0, 400.0))
ENDS = st.sampled_from(("orderly", "kill", "kill"))
COMMAND = st.tuples(st.sampled_from(VERBS), st.integers(0, 4), st.sampled_from((0, 1)))


def begun_while_halted(log: list[e.Recorded]) -> list[e.Event]:
    """Upgrades and batches forward that began between a halt and its end."""
    halted, found = False, []
    for recorded in log:
        event = recorded.event
        halted = isinstance(event, e.HaltBegan) or (halted and not isinstance(event, e.HaltEnded))
        forward = isinstance(event, e.BatchBegan) and event.batch.direction is Direction.FORWARD
        if halted and (forward or isinstance(event, e.UpgradeStarted)):
            found.append(event)
    return found


class EngineMachine(RuleBasedStateMachine):
    """Every rule is one life of an engine, from its start to its stop or kill, with what clients do meanwhile.

    The model: what each key was answered, which upgrades have ended how, and how many batches a paused one has begun.
    """

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.root = Path(tempfile.mkdtemp(prefix="rollset-machine-"))
        self.world = VirtualWorld(self.root, 1, self.patch)
        self.answers: dict[str, tuple[str, int, dict[str, Any], str]] = {}
        self.ends: dict[str, str] = {}
        self.number = 0

    @initialize(
        count=st.integers(1, 6),
        failing=st.sampled_from((0, 0, 0.3)),
        restores=st.sampled_from((0, 0.3)),
        seed=st.integers(0, 3),
    )
    def create(self, count: int, failing: float, restores: float, seed: int) -> None:
        tags: dict[str, Any] = {
            "member_seconds": 20,
            "failing_share": failing,
            "failing_restores": restores,
            "seed": seed,
        }

        async def story() -> None:
            async with self.world.engine() as engine:
                await self.world.create(engine, count, **tags)

        self.world.run(story)

    # --- lives ------------------------------------------------------------------------------------------------

    def live(self, then: Callable[[Engine], Awaitable[None]], end: str) -> None:
        async def story() -> None:
            async with self.world.engine() as engine:
                self.look(engine)
                await then(engine)
                self.look(engine)
                self.world.jump_s += anyio.current_time() + 1.0  # the next life begins at a later hour
                if end == "kill":
                    raise CrashedError

        self.world.run(story)

    def look(self, engine: Engine) -> None:
        """What must be true whenever somebody looks."""
        upgrades = engine.state.upgrades.values()
        assert sum(u.live for u in upgrades) <= 1, "two live upgrades of one set"
        for upgrade in upgrades:
            assert check_upgrade(upgrade, engine.find_set(SET)) == []
            if upgrade.id in self.ends:
                assert self.ends[upgrade.id] == upgrade.state.value, "an upgrade went on after its end"
            if not upgrade.live:
                self.ends[upgrade.id] = upgrade.state.value

    async def send(self, engine: Engine, verb: str, which: int, client: int) -> None:
        self.number += 1
        names = sorted(engine.find_set(SET).instances) or ["0"]
        arguments: dict[str, Any] = {"set": SET, "key": f"key-{self.number}", "reason": "why"}
        if verb in ("hold", "release"):
            arguments["instance"] = names[which % len(names)]
        elif verb == "scale":
            arguments["capacity"] = which
        elif verb == "start":
            arguments["to"] = VERSIONS[which % len(VERSIONS)]
        elif verb == "retry":
            arguments["instances"] = names[:which]
        elif verb in ("halt", "lift-halt"):
            del arguments["set"]
        await self.put(engine, verb, client, arguments)

    async def put(self, engine: Engine, verb: str, client: int, arguments: dict[str, Any]) -> None:
        """Send it; one key has one answer, however often and by whichever engine it is given."""
        try:
            await EngineDoor(engine).command(verb, arguments, CLIENTS[client])
            said = "accepted"
        except RollsetError as error:
            said = error.code
        key = arguments["key"]
        known = self.answers.setdefault(key, (verb, client, arguments, said))
        assert known[3] == said, f"{key} was answered {known[3]}, and now {said}"

    @rule(command=COMMAND, seconds=SECONDS, end=ENDS)
    def one_client(self, command: tuple[str, int, int], seconds: float, end: str) -> None:
        async def then(engine: Engine) -> None:
            await self.send(engine, *command)
            await anyio.sleep(seconds)

        self.live(then, end)

    @rule(commands=st.lists(COMMAND, min_size=2, max_size=4), seconds=SECONDS, end=ENDS)
    def clients_at_once(self, commands: list[tuple[str, int, int]], seconds: float, end: str) -> None:
        async def then(engine: Engine) -> None:
            async with anyio.create_task_group() as tasks:
                for command in commands:
                    tasks.start_soon(self.send, engine, *command)
            await anyio.sleep(seconds)

        self.live(then, end)

    @precondition(lambda self: self.answers)
    @rule(which=st.integers(0, 30), end=ENDS)
    def repeat(self, which: int, end: str) -> None:
        """A client that lost its answer asks again, with the same key."""
        key = sorted(self.answers)[which % len(self.answers)]
        verb, client, arguments, _ = self.answers[key]
        self.live(lambda engine: self.put(engine, verb, client, arguments), end)

    @rule(seconds=SECONDS, jump=st.sampled_from((0.0, 0.0, 3600.0, -3600.0)), end=ENDS)
    def time_goes_by(self, seconds: float, jump: float, end: str) -> None:
        self.world.jump_s += jump
        self.live(lambda engine: anyio.sleep(seconds), end)

    @rule(lives=st.integers(2, 4))
    def killed_again_and_again(self, lives: int) -> None:
        for _ in range(lives):
            self.live(lambda engine: anyio.sleep(0.2), "kill")

    # --- what is always true ----------------------------------------------------------------------------------

    @invariant()
    def bounded(self) -> None:
        assert len(self.answers) == self.number

    def teardown(self) -> None:
        """Nobody meddles any more and holds are lifted: it ends; no disk was made twice, every answer is in the log."""

        async def story() -> None:
            async with self.world.engine() as engine:
                door = EngineDoor(engine)

                async def free() -> bool:
                    for name, instance in engine.find_set(SET).instances.items():
                        if instance.hold is not None:
                            await door.command("release", {"set": SET, "instance": name}, CLIENTS[0])
                    for verb, given in (
                        ("lift-halt", {"reason": "over"}),
                        ("accept-loss", {"set": SET}),
                        ("resume", {"set": SET}),
                    ):
                        try:
                            await door.command(verb, given, CLIENTS[0])
                        except RollsetError:
                            continue
                    await anyio.sleep(60.0)
                    return engine.state.live_upgrade(engine.find_set(SET).key) is None

                with anyio.fail_after(86_400):
                    while not await free():
                        pass
                await until(lambda: not engine.state.open_effects)
                self.look(engine)
                assert await disks_too_many(engine) == {}
                assert begun_while_halted(engine.store.events(0, 100_000)) == []
                judged = Counter(row[0] for row in engine.store._connection.execute("SELECT key FROM command"))
                assert {key: judged[key] for key in self.answers} == dict.fromkeys(self.answers, 1)

        try:
            if (self.root / "rollset.db").exists():
                self.world.run(story)
        finally:
            self.patch.undo()
            shutil.rmtree(self.root, ignore_errors=True)


@pytest.mark.timeout(7200)
def test_two_clients_and_kills_never_lose_an_answer_nor_do_anything_twice(long_run: bool) -> None:
    examples, steps = (400, 30) if long_run else (10, 10)
    walk(EngineMachine, examples, steps, long_run=long_run)
