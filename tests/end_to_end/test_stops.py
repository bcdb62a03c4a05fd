"""An engine that is told to stop ends soon, whatever goes on, and the next one goes on from there."""

from __future__ import annotations

import asyncio
import getpass
import json
import os
import signal
import time

import pytest

from engine.control.client import lock_note
from engine.control.client.stream import lines
from engine.fleets.local.layout import read_json
from tests.end_to_end.world import SCALE_SET, SETUP, World

STOPS_WITHIN_S = 40.0


def stop(world: World, how: str) -> None:
    if how == "SIGTERM":
        os.kill(world.engine_pid(), signal.SIGTERM)
    else:
        world.client.command("engine-stop", {"with_instances": how == "with instances"})


def in_an_extension(world: World) -> None:
    """A set of two whose upgrade runs its first extension until `hold` is taken away."""
    hold = world.root / "hold"
    world.publish("1.0.0")
    world.create(2, f"{SETUP}; while [ -e {hold} ]; do sleep 0.02; done")
    world.publish("1.1.0")
    hold.touch()
    world.client.command("start", {"set": SCALE_SET, "to": "1.1.0"})
    world.until(lambda: sorted(world.data_files("setup-runs")) == ["ran\n", "ran\nran\n"])


@pytest.mark.parametrize("how", ("stop", "SIGTERM"))
def test_an_extension_keeps_no_engine_and_runs_once(world: World, how: str) -> None:
    in_an_extension(world)
    began = time.monotonic()

    stop(world, how)
    world.until(lambda: lock_note(world.state_dir) is None, STOPS_WITHIN_S)
    world.client = world.connect()

    assert time.monotonic() - began < STOPS_WITHIN_S
    assert world.client.query("history", {})["gaps"][-1]["clean"] == 1.0
    assert [m["state"] for m in world.status()["members"]].count("RunningExtension") == 1
    (world.root / "hold").unlink()
    assert world.until_ended()["state"] == "Completed"
    assert world.data_files("setup-runs") == ["ran\nran\n"] * 2


@pytest.mark.parametrize("how", ("stop", "SIGTERM"))
def test_who_follows_hears_who_stopped_the_engine_and_its_log_tells_of_no_error(world: World, how: str) -> None:
    async def last_line() -> bytes:
        last = b""
        async for line in lines(world.client.line, "events", {"after": "0", "scope": "overview", "follow": "1"}):
            if not last:
                await asyncio.to_thread(stop, world, how)
            last = line
        return last

    said = json.loads(asyncio.run(last_line()))
    world.until(lambda: lock_note(world.state_dir) is None, STOPS_WITHIN_S)

    assert said == {"stopped_by": getpass.getuser() if how == "stop" else how}
    assert "rror" not in (world.state_dir / "engine.log").read_text()


def test_a_command_right_after_the_stop_gets_a_new_engine(world: World) -> None:
    in_an_extension(world)

    for epoch in (2, 3, 4):
        stop(world, "stop")
        world.client = world.connect()
        assert world.client.query("engine", {})["epoch"] == epoch

    (world.root / "hold").unlink()
    assert world.until_ended()["state"] == "Completed"
    assert world.data_files("setup-runs") == ["ran\nran\n"] * 2


def test_an_extension_ends_with_its_instance(world: World) -> None:
    in_an_extension(world)

    said = world.client.command("engine-stop", {"with_instances": True})["message"]
    world.client = world.connect()

    assert "those of web come back with the next engine, as their upgrade goes on" in said
    ended = world.until_ended()
    errors = [m["error"]["message"] for m in ended["members"] if m["error"]]
    assert "interrupted: its instance was stopped" in errors[0]


def kill_everything(world: World) -> None:
    """As a reboot does it: the engine first, then every keeper, and the boot processes with them."""
    os.kill(world.engine_pid(), signal.SIGKILL)
    for path in (world.state_dir / "local").glob("**/run.json"):
        note = read_json(path)
        assert note is not None
        os.kill(note["keeper_pid"], signal.SIGKILL)


def test_instances_that_ended_while_no_engine_ran_are_booted_again(world: World) -> None:
    world.publish("1.0.0")
    world.create(3)

    kill_everything(world)
    world.client = world.connect()
    world.until(lambda: world.created(3))

    told = [e["type"] for e in world.events() if e["type"].startswith("InstanceStart")]
    assert sorted(told) == ["InstanceStarted"] * 3 + ["InstanceStarting"] * 3
    world.publish("1.1.0")
    world.client.command("start", {"set": SCALE_SET, "to": "1.1.0"})
    assert world.until_ended()["state"] == "Completed"


def seen_down(world: World, count: int) -> bool:
    """Whether this engine has looked at every instance, and found so many not running."""
    found = world.client.query("set", {"name": SCALE_SET})["ours"]["instances_list"]
    looked = all(i["health"] != "NotObserved" for i in found)
    return looked and sum(not i["running"] for i in found) == count


def test_instances_that_were_stopped_on_purpose_stay_down_until_somebody_asks(world: World) -> None:
    world.publish("1.0.0")
    world.create(3)
    stop(world, "with instances")

    for _ in range(2):  # reading starts an engine, and so does whoever comes after that one was killed
        world.client = world.connect()
        world.until(lambda: seen_down(world, 3))
        assert "3 instances were stopped with the engine by" in str(world.set()["warnings"])
        os.kill(world.engine_pid(), signal.SIGKILL)

    world.client = world.connect()
    assert "boots 3 instances" in world.client.command("engine-start", {})["message"]
    world.until(lambda: world.created(3))
    assert world.client.command("engine-start", {})["message"] == "the engine runs"
    assert world.set()["warnings"] == [] and not seen_down(world, 3)
    kill_everything(world)
    world.client = world.connect()
    world.until(lambda: world.created(3) and seen_down(world, 0))


def test_after_a_halt_they_stay_down_and_the_upgrade_waits_for_them(world: World) -> None:
    world.publish("1.0.0")
    world.create(2)
    world.publish("1.1.0")
    world.client.command("start", {"set": SCALE_SET, "to": "1.1.0", "at": time.time() + 3600.0})
    world.client.command("halt", {"reason": "fire"})
    stop(world, "with instances")

    world.client = world.connect()
    world.until(lambda: seen_down(world, 2))
    world.client.command("cancel", {"set": SCALE_SET})
    world.client.command("lift-halt", {"reason": "it is out"})
    world.client.command("start", {"set": SCALE_SET, "to": "1.1.0"})
    world.until(lambda: (world.status()["blocked_by"] or {}).get("kind") == "InstancesStopped")

    assert seen_down(world, 2) and not [x for x in world.events() if x["type"] == "BatchBegan"]
    world.client.command("engine-start", {})
    assert world.until_ended()["state"] == "Completed"


def test_an_instance_that_ended_under_an_engines_eyes_stays_down(world: World) -> None:
    world.publish("1.0.0")
    world.create(2)
    note = read_json(next((world.state_dir / "local").glob("**/run.json")))
    assert note is not None
    os.kill(note["pid"], signal.SIGKILL)
    world.until(lambda: any(e["type"] == "InstancePowerChanged" for e in world.events()))

    stop(world, "stop")
    world.client = world.connect()
    world.until(lambda: world.healthy() == 1 and world.set()["unhealthy"])

    assert not [e for e in world.events() if e["type"] == "InstanceStarting"]


def test_a_set_whose_image_was_away_is_there_once_it_is_back(world: World) -> None:
    world.publish("1.0.0")
    images = world.state_dir / "images"
    away = world.root / "away"
    images.rename(away)

    world.apply(2)
    said = "2 instances could not be created yet (0, 1), tried again: "
    world.until(lambda: said in "".join(world.client.query("set", {"name": SCALE_SET})["ours"]["warnings"]))
    away.rename(images)

    world.until(lambda: world.created(2))
    assert world.client.query("set", {"name": SCALE_SET})["ours"]["warnings"] == []
