"""kill -9 of the real engine at random moments of real upgrades: nothing answered is lost, nothing is done twice."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest

from engine.model.errors import RollsetError, UnreachableError
from tests.end_to_end.world import SCALE_SET, World

INSTANCES = 5
PUSH_KILLS, LONG_KILLS = 30, 150
SEED = 20_261_121


class Killer:
    """An operator who repeats commands until they are answered, while the engine is killed under them."""

    def __init__(self, world: World, dice: Random) -> None:
        self.world = world
        self.dice = dice
        self.kills = 0
        self.answered: list[str] = []

    def kill_soon(self) -> threading.Thread:
        """Kill the engine between now and a little later than a batch takes."""
        pid, delay_s = self.world.engine_pid(), self.dice.random() ** 2 * 1.2

        def kill() -> None:
            time.sleep(delay_s)
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

        thread = threading.Thread(target=kill)
        thread.start()
        self.kills += 1
        return thread

    def send(self, verb: str, **arguments: Any) -> dict[str, Any]:
        """Send under one key until there is an answer; a refusal is one."""
        key = f"{verb}-{len(self.answered)}-{self.dice.random()}"
        while True:
            try:
                answer = self.world.client.command(verb, {"set": SCALE_SET, "key": key, **arguments})
            except UnreachableError:
                self.world.client = self.world.connect()
                continue
            except RollsetError as refused:
                answer = {"refused": str(refused)}
            self.answered.append(key)
            return answer

    def upgrade(self, version: str, kills: int) -> None:
        """One upgrade with that many kills; meanwhile it is paused and resumed."""
        threads = [self.kill_soon()]
        started = self.send("start", to=version)
        assert "refused" not in started, started
        for _ in range(kills - 1):
            for verb in self.dice.choice(((), ("pause", "resume"))):
                self.send(verb)
            threads[-1].join()
            self.world.client = self.world.connect()
            threads.append(self.kill_soon())
        threads[-1].join()
        self.world.client = self.world.connect()
        self.send("resume")
        ended = self.world.until_ended()
        assert ended["id"] == started["upgrade"]["id"] and ended["state"] == "Completed", ended


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


def rows(world: World, sql: str) -> list[Any]:
    with closing(sqlite3.connect(f"file:{world.state_dir / 'rollset.db'}?mode=ro", uri=True)) as connection:
        return connection.execute(sql).fetchall()


@pytest.mark.timeout(1200)
def test_kills_at_random_moments_lose_nothing_and_repeat_nothing(world: World, long_run: bool) -> None:
    dice = Random(SEED)
    killer = Killer(world, dice)
    world.publish("1.0.0")
    world.create(INSTANCES)
    upgrades, wanted = 0, LONG_KILLS if long_run else PUSH_KILLS
    while killer.kills < wanted:
        upgrades += 1
        world.publish(f"1.{upgrades}.0")
        killer.upgrade(f"1.{upgrades}.0", min(dice.randrange(2, 7), wanted - killer.kills))
    counted = Counter(key for (key,) in rows(world, "SELECT key FROM command"))
    lost = [key for key in killer.answered if counted[key] != 1]
    assert lost == [], "an answered command is lost"
    swaps = rows(world, "SELECT operation, instance_id, count(*) FROM effect WHERE kind='ReplaceOsDisk' GROUP BY 1, 2")
    assert len(swaps) == upgrades * INSTANCES and {count for _, _, count in swaps} == {1}
    detail = world.client.query("set", {"name": SCALE_SET})["ours"]["instances_list"]
    assert {i["disk"] for i in detail} == {str(upgrades + 1)}, "a disk was replaced twice, or not at all"
    assert world.data_files("setup-runs") == ["ran\n" * (upgrades + 1)] * INSTANCES
    gaps = world.client.query("history", {})["gaps"]
    assert sum(not gap["clean"] for gap in gaps) == killer.kills, "history shows every gap"
