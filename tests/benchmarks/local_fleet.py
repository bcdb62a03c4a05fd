"""A real upgrade of 100 local instances: its time beside the sum of each batch's slowest member."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from pathlib import Path

from engine.model.upgrade import DOING, MemberState
from tests.benchmarks.figure import Figure
from tests.end_to_end.world import SCALE_SET, World

INSTANCES = 100
UPGRADE_S = 600.0


def total_over_critical_path() -> Figure:
    """Time of the whole upgrade over its critical path: what the engine adds by itself."""
    with tempfile.TemporaryDirectory() as name:
        world = World(Path(name))
        try:
            world.publish("1.0.0")
            world.create(INSTANCES)
            world.publish("1.1.0")
            upgrade = world.client.command("start", {"set": SCALE_SET, "to": "1.1.0"})["upgrade"]
            world.until(lambda: world.status()["ended_at"] is not None, UPGRADE_S)
            ended = world.status()
            events = [e for e in world.events() if e["stream"] == f"upgrade/{upgrade['id']}"]
        finally:
            world.close()
    assert ended["state"] == "Completed", ended["error"]
    critical = critical_path_s(events)
    whole = ended["ended_at"] - ended["started_at"]
    return Figure(
        f"{INSTANCES} local instances, upgrade over its critical path",
        f"{whole / critical:.2f}",
        "<= 1.10",
        whole / critical <= 1.10,
        f"{whole:.1f} s over {critical:.1f} s in {ended['batch']} batches",
    )


def critical_path_s(events: list[dict]) -> float:
    """The slowest member of each batch, from its first act to its end, summed."""
    began: dict[str, float] = {}
    batch_of: dict[str, int] = {}
    slowest: dict[int, float] = defaultdict(float)
    number = 0
    for event in events:
        body = event["body"]
        if event["type"] == "BatchBegan":
            number = body["batch"]["number"]
        elif event["type"] == "MemberMoved":
            if body["left"] == MemberState.PENDING:
                began[body["member"]], batch_of[body["member"]] = event["at"], number
            if body["entered"] not in DOING:
                own = batch_of[body["member"]]
                slowest[own] = max(slowest[own], event["at"] - began[body["member"]])
    return sum(slowest.values())


FIGURES = (total_over_critical_path,)
