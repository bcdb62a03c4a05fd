"""Real upgrades on this machine, through the command line's own client, checked from outside."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.control.client import Client, lock_note
from engine.control.spawn import connect_or_start
from engine.fleets.local.sample_images import write_sample_image
from engine.model.errors import RollsetError

SCALE_SET = "web"


class World:
    """A state directory with an engine, images to publish and a scale set to upgrade."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.state_dir = root / "state"
        self.client = self.connect()

    def connect(self) -> Client:
        return connect_or_start(self.state_dir, owner_pid=os.getpid())

    def publish(self, version: str, behaviour: str = "good", **options: Any) -> None:
        source = self.root / f"image-{version}"
        write_sample_image(source, version=version, behaviour=behaviour, **options)
        self.client.command("image-publish", {"path": str(source), "reference": f"contoso:web:stable:{version}"})

    def create(self, capacity: int) -> None:
        document = {
            "type": "Microsoft.Compute/virtualMachineScaleSets",
            "name": SCALE_SET,
            "location": "westeurope",
            "sku": {"name": "Local", "capacity": capacity},
            "properties": {
                "upgradePolicy": {"mode": "Rolling"},
                "virtualMachineProfile": {
                    "storageProfile": {
                        "imageReference": {
                            "publisher": "contoso",
                            "offer": "web",
                            "sku": "stable",
                            "version": "1.0.0",
                        }
                    },
                    "extensionProfile": {
                        "extensions": [
                            {
                                "name": "health",
                                "properties": {
                                    "publisher": "Microsoft.ManagedServices",
                                    "type": "ApplicationHealthLinux",
                                    "typeHandlerVersion": "2.0",
                                    "settings": {"protocol": "http", "port": 8080, "requestPath": "/health"},
                                },
                            },
                            {
                                "name": "setup",
                                "properties": {
                                    "publisher": "Microsoft.Azure.Extensions",
                                    "type": "CustomScript",
                                    "typeHandlerVersion": "2.0",
                                    "settings": {"commandToExecute": 'echo ran >> "$ROLLSET_DATA/setup-runs"'},
                                },
                            },
                        ]
                    },
                },
            },
        }
        self.client.command("apply", {"documents": [document], "file": "web.json"})
        self.until(lambda: self.healthy() == capacity)

    def healthy(self) -> int:
        found: int = self.client.query("set", {"name": SCALE_SET})["ours"]["healthy"]
        return found

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = self.client.query("status", {"set": SCALE_SET})["ours"]
        return found

    def until(self, true: Any, timeout_s: float = 45.0) -> None:
        deadline = time.monotonic() + timeout_s
        while not true():
            assert time.monotonic() < deadline, "it did not come true in time"
            time.sleep(0.05)

    def until_ended(self) -> dict[str, Any]:
        self.until(lambda: self.status()["ended_at"] is not None)
        return self.status()

    def engine_pid(self) -> int:
        note = lock_note(self.state_dir)
        assert note is not None
        return int(note["pid"])

    def events(self) -> list[dict[str, Any]]:
        return list(self.client.events(0, "all", False))

    def data_files(self, name: str) -> list[str]:
        return [path.read_text() for path in sorted((self.state_dir / "local").glob(f"**/data/{name}"))]

    def close(self) -> None:
        try:
            self.connect().command("engine-stop", {"with_instances": True})
        except RollsetError:
            os.kill(self.engine_pid(), signal.SIGKILL)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


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
