"""A newer command meets an older engine: replaced at once when nothing is live, else at a safe point."""

from __future__ import annotations

from engine.control.client.start import connect_or_start
from tests.end_to_end.world import SCALE_SET, World

NEWER = "9.0.0"
NEVER_S = 3600.0
"""So late is told that the next engine starts, which says nothing of the one before."""


def test_an_idle_older_engine_is_replaced_at_once(world: World) -> None:
    before, said = world.engine_pid(), list[str]()

    client = connect_or_start(world.state_dir, version=NEWER, say=said.append, told_after_s=NEVER_S)

    assert client.query("engine", {})["pid"] != before
    assert client.query("engine", {})["epoch"] == 2
    assert said == []
    assert client.query("audit", {})["entries"][-1]["body"]["verb"] == "engine-hand-over"
    assert client.query("history", {})["gaps"][0]["clean"] == 1.0


def test_an_engine_as_new_as_the_command_or_newer_is_left_alone(world: World) -> None:
    before = world.engine_pid()

    for version in ("0.1.0", "0.0.9", "unknown", ""):
        connect_or_start(world.state_dir, version=version)

    assert world.engine_pid() == before


def test_with_a_live_upgrade_it_says_so_and_the_new_engine_goes_on_with_it(world: World) -> None:
    world.publish("1.0.0")
    world.create(6)
    world.publish("1.1.0")
    upgrade = world.client.command("start", {"set": SCALE_SET, "to": "1.1.0", "pause_between_batches": "PT1S"})
    world.until(lambda: world.status()["batch"] >= 1)
    before, said = world.engine_pid(), list[str]()

    world.client = connect_or_start(world.state_dir, version=NEWER, say=said.append, told_after_s=NEVER_S)

    assert world.engine_pid() != before
    assert len(said) == 1
    assert "1 live upgrades" in said[0]
    ended = world.until_ended()
    assert (ended["id"], ended["state"]) == (upgrade["upgrade"]["id"], "Completed")
    assert world.data_files("setup-runs") == ["ran\nran\n"] * 6
