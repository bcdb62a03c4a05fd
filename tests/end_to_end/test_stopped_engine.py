"""Given an engine that stands still for longer than a health window, no healthy instance is called unhealthy."""

from __future__ import annotations

import os
import signal
import time

from tests.end_to_end.world import SCALE_SET, World

WINDOW_S = 8


def test_instances_that_became_healthy_while_the_engine_stood_still_succeed(world: World) -> None:
    world.publish("1.0.0")
    world.create(2)
    world.publish("1.1.0", "slow", slow_s=4.0)
    world.client.command("start", {"set": SCALE_SET, "to": "1.1.0", "health_window": WINDOW_S, "batch": "2"})
    world.until(lambda: any(m["state"] == "AwaitingHealth" for m in world.status()["members"]))
    pid = world.engine_pid()
    os.kill(pid, signal.SIGSTOP)
    time.sleep(WINDOW_S + 2)
    os.kill(pid, signal.SIGCONT)
    ended = world.until_ended()
    failed = [e["body"] for e in world.events() if e["type"] == "MemberMoved" and e["body"]["entered"] == "Failed"]
    assert failed == []
    assert ended["state"] == "Completed"
    assert ended["counters"]["successful"] == 2
