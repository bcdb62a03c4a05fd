"""Real upgrades on this machine, through the command line's own client, checked from outside."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from tests.end_to_end.world import SCALE_SET, World


def test_every_instance_gets_the_new_image_and_keeps_its_data(world: World) -> None:
    """Ten instances, 20 %: never more than two out; the extension ran once per disk."""
    world.publish("1.0.0")
    world.create(10)
    world.publish("1.1.0")
    world.client.command("start", {"set": SCALE_SET, "to": "1.1.0"})
    most = 0
    while world.status()["ended_at"] is None:
        most = max(most, world.status()["counters"]["inProgress"])
        time.sleep(0.02)
    ended = world.status()
    assert ended["state"] == "Completed"
    assert ended["counters"]["successful"] == 10
    assert most <= 2
    detail = world.client.query("set", {"name": SCALE_SET})["ours"]["instances_list"]
    assert {i["image"] for i in detail} == {"contoso:web:stable:1.1.0"}
    assert world.data_files("setup-runs") == ["ran\nran\n"] * 10


def test_a_broken_image_stops_after_the_first_batch_and_instances_go_back(world: World) -> None:
    world.publish("1.0.0")
    world.create(10)
    world.publish("1.1.0", "bad")
    world.client.command("start", {"set": SCALE_SET, "to": "1.1.0", "health_window": 2})
    ended = world.until_ended()
    assert ended["state"] == "Faulted"
    assert ended["batch"] == 1
    assert ended["error"]["code"] == "MaxUnhealthyUpgradedInstancePercentExceededInRollingUpgrade"
    assert "100% of instances" in ended["error"]["message"]
    assert "503" in ended["error"]["details"][0]["message"]
    detail = world.client.query("set", {"name": SCALE_SET})["ours"]["instances_list"]
    assert {i["image"] for i in detail} == {"contoso:web:stable:1.0.0"}
    assert {i["health"] for i in detail} == {"Healthy"}


def test_kill_9_in_the_middle_of_a_batch_loses_nothing_and_repeats_nothing(world: World) -> None:
    world.publish("1.0.0")
    world.create(6)
    world.publish("1.1.0")
    upgrade = world.client.command("start", {"set": SCALE_SET, "to": "1.1.0"})["upgrade"]
    for _ in range(3):
        world.until(lambda: world.status()["counters"]["inProgress"] or world.status()["ended_at"])
        os.kill(world.engine_pid(), signal.SIGKILL)
        world.client = world.connect()
    ended = world.until_ended()
    assert ended["id"] == upgrade["id"]
    assert ended["state"] == "Completed"
    moved = [
        e for e in world.events() if e["type"] == "InstanceDiskChanged" and e["body"]["image"]["version"] == "1.1.0"
    ]
    assert sorted(e["body"]["instance_id"] for e in moved) == [str(n) for n in range(6)]
    assert all(e["body"]["disk"] == "2" for e in moved)
    assert world.data_files("setup-runs") == ["ran\nran\n"] * 6
    assert len(world.client.query("history", {})["gaps"]) >= 3


def test_pause_step_resume_and_rollback(world: World) -> None:
    world.publish("1.0.0")
    world.create(4)
    world.publish("1.1.0")
    world.client.command("start", {"set": SCALE_SET, "to": "1.1.0", "step": True})
    world.until(lambda: world.status()["state"] == "Paused")
    assert world.status()["batch"] == 1
    world.client.command("step", {"set": SCALE_SET})
    world.until(lambda: world.status()["state"] == "Paused" and world.status()["batch"] == 2)
    world.client.command("rollback", {"set": SCALE_SET, "reason": "not today"})
    ended = world.until_ended()
    assert ended["state"] == "RolledBack"
    detail = world.client.query("set", {"name": SCALE_SET})["ours"]
    assert {i["image"] for i in detail["instances_list"]} == {"contoso:web:stable:1.0.0"}
    assert detail["image"] == "contoso:web:stable:1.0.0"


def test_a_rollback_after_the_end_puts_the_kept_disks_back_as_they_were(world: World) -> None:
    world.publish("1.0.0")
    world.create(2)
    kept = _disks(world)
    for at in kept.values():
        (at / "written-since").write_text("by an operator")
    world.publish("1.1.0")
    world.client.command("start", {"set": SCALE_SET, "to": "1.1.0", "batch": "2"})
    assert world.until_ended()["state"] == "Completed"
    world.client.command("rollback", {"set": SCALE_SET})
    assert world.until_ended()["state"] == "Completed"
    assert _disks(world) == kept
    assert [(at / "written-since").read_text() for at in kept.values()] == ["by an operator"] * 2
    assert world.data_files("setup-runs") == ["ran\nran\n"] * 2, "what extensions wrote is on the kept disk"


def test_a_restore_whose_disk_is_gone_runs_the_extensions_before_the_member_counts_as_back(world: World) -> None:
    world.publish("1.0.0")
    world.create(1)
    world.publish("1.1.0", "bad")
    asked = {"restore_failed": "never", "step": True, "health_window": 2, "max_unhealthy": 100}
    world.client.command("start", {"set": SCALE_SET, "to": "1.1.0", "max_unhealthy_upgraded": 100} | asked)
    world.until(lambda: world.status()["ended_at"] is not None)
    world.client.command("retry", {"set": SCALE_SET, "instances": ["0"]})
    world.until(lambda: any(m["state"] == "AwaitingHealth" for m in world.status()["members"]))
    world.client.command("rollback", {"set": SCALE_SET})
    assert world.until_ended()["state"] == "RolledBack"
    states = [x["body"]["entered"] for x in world.events() if x["type"] == "MemberMoved"]
    assert states[-4:] == ["RestoringDisk", "RunningExtension", "AwaitingHealthAfterRestore", "RolledBack"]
    assert world.data_files("setup-runs") == ["ran\n" * 4]


def _disks(world: World) -> dict[str, Path]:
    """Where each instance's OS disk is, by instance."""
    found = sorted((world.state_dir / "local").glob("sets/*/instances/*/os/current"))
    return {link.parent.parent.name: link.resolve() for link in found}
