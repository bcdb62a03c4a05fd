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
from tests.worlds.documents import health, scale_set, simulated

ANN = Caller(5001, "ann", {})


def document(capacity: int, tags: Mapping[str, object]) -> dict[str, Any]:
    return scale_set("web", capacity, health(), tags=simulated(**tags))


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
