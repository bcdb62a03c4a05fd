"""An engine that is told to stop ends soon, whatever goes on, and the next one goes on from there."""

from __future__ import annotations

import os
import signal
import time

import pytest

from engine.control.client import lock_note
from tests.end_to_end.world import SCALE_SET, SETUP, World

STOPS_WITHIN_S = 8.0


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

    stop(world, "with instances")
    world.client = world.connect()

    ended = world.until_ended()
    errors = [m["error"]["message"] for m in ended["members"] if m["error"]]
    assert "interrupted: its instance was stopped" in errors[0]
