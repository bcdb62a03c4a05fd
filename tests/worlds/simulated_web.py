"""An engine in process with one scale set of quick simulated instances."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import anyio

from engine.fleets.local.sample_images import write_sample_image
from engine.model.health import Health
from engine.runtime.door import Caller
from engine.runtime.engine import Engine
from engine.runtime.engine_door import EngineDoor

ANN = Caller(5001, "ann", {})


def document(capacity: int, tags: Mapping[str, object]) -> dict[str, Any]:
    extension = {
        "publisher": "Microsoft.ManagedServices",
        "type": "ApplicationHealthLinux",
        "typeHandlerVersion": "2.0",
        "settings": {"protocol": "http", "port": 8080, "requestPath": "/health"},
    }
    image = {"publisher": "contoso", "offer": "web", "sku": "stable", "version": "1.0.0"}
    own = {f"rollset-simulated-{name.replace('_', '-')}": str(value) for name, value in tags.items()}
    return {
        "type": "Microsoft.Compute/virtualMachineScaleSets",
        "name": "web",
        "location": "westeurope",
        "sku": {"name": "Simulated", "capacity": capacity},
        "tags": {"rollset-fleet": "simulated", **own},
        "properties": {
            "upgradePolicy": {"mode": "Rolling"},
            "virtualMachineProfile": {
                "storageProfile": {"imageReference": image},
                "extensionProfile": {"extensions": [{"name": "health", "properties": extension}]},
            },
        },
    }


async def create(engine: Engine, root: Path, capacity: int = 4, **tags: object) -> EngineDoor:
    """Images 1.0.0, 1.1.0 and the broken 1.2.0, and the set `web` on the first of them, healthy.

    `tags` say how its instances behave: `member_seconds=0.6` is the tag `rollset-simulated-member-seconds`.
    """
    all_tags = {"create_seconds": 0, "member_seconds": 0.02, "broken_versions": "1.2.0"} | tags
    door = EngineDoor(engine)
    for version in ("1.0.0", "1.1.0", "1.2.0"):
        write_sample_image(root / version, version=version, behaviour="good")
        given = {"path": str(root / version), "reference": f"contoso:web:stable:{version}"}
        await door.command("image-publish", given, ANN)
    await door.command("apply", {"documents": [document(capacity, all_tags)], "file": "web.json"}, ANN)
    await until(lambda: all(i.health is Health.HEALTHY for i in engine.find_set("web").instances.values()))
    return door


async def until(true: Callable[[], object]) -> None:
    """Wait for it on the wall clock, 30 s at the most."""
    with anyio.fail_after(30):
        while not true():
            await anyio.sleep(0.01)
