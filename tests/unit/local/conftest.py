"""Real instances in a temporary state directory, all of them ended after each test."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.fleets.local.facts import InstanceFacts
from engine.fleets.local.machine import LocalMachine
from engine.fleets.local.sample_images import write_sample_image

SET = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/virtualMachineScaleSets/web"
PORT = 18080


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[LocalMachine]:
    found = LocalMachine(tmp_path / "local", owner_pid=os.getpid(), state_digest_seed=str(tmp_path))
    yield found
    found.stop_all()


def image(version: str = "1", behaviour: str = "good", **options: Any) -> Callable[[Path], None]:
    return lambda target: write_sample_image(target, version=version, behaviour=behaviour, **options)


def script(text: str) -> Callable[[Path], None]:
    def unpack(target: Path) -> None:
        (target / "boot").write_text(f"#!/bin/sh\n{text}\n")
        (target / "boot").chmod(0o755)

    return unpack


def create(
    machine: LocalMachine, instance_id: str = "web_0", unpack: Callable[[Path], None] | None = None
) -> InstanceFacts:
    return machine.create(
        SET,
        instance_id,
        epoch=1,
        unpack=unpack or image(),
        image_digest="sha256:1",
        port=PORT,
        environment={"COLOUR": "blue"},
    )


def replace(machine: LocalMachine, effect_id: str, version: str = "2", epoch: int = 1, **options: Any) -> InstanceFacts:
    arguments: dict[str, Any] = {
        "unpack": image(version),
        "image_digest": f"sha256:{version}",
        "environment": {},
    } | options
    return machine.replace_disk(SET, "web_0", effect_id=effect_id, epoch=epoch, **arguments)


def data_of(machine: LocalMachine, instance_id: str = "web_0") -> Path:
    return machine._paths(SET, instance_id).data


def eventually(condition: Callable[[], object], within_s: float = 10.0) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.01)


def alive(pid: int | None) -> bool:
    assert pid is not None
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False
