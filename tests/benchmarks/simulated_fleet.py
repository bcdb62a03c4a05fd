"""The engine under the numbers: memory for 100,000 instances, commands under the standard load, rest when idle."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine.control.client import Client, lock_note
from engine.control.client.start import connect_or_start
from engine.fleets.local.sample_images import write_sample_image
from tests.benchmarks.figure import Figure, middle, percentile
from tests.worlds.documents import health, scale_set, simulated
from tests.worlds.watching import wait_until

MEGABYTE = 1024 * 1024
IDLE_S = 15.0
COMMANDS = 300


def document(name: str, capacity: int, **tags: str) -> dict[str, Any]:
    """A simulated scale set in three zones, 20 % batches."""
    return scale_set(name, capacity, health(), mode="Manual", zones=("1", "2", "3"), tags=simulated(**tags))


@contextmanager
def engine() -> Iterator[tuple[Client, int]]:
    """A fresh engine with two image versions; gives its client and pid."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        client = connect_or_start(root / "state", owner_pid=os.getpid())
        for version in ("1.0.0", "1.1.0"):
            write_sample_image(root / version, version=version, behaviour="good")
            client.command("image-publish", {"path": str(root / version), "reference": f"contoso:web:stable:{version}"})
        note = lock_note(root / "state")
        assert note is not None
        try:
            yield client, int(note["pid"])
        finally:
            client.command("engine-stop", {"with_instances": True})


def resident_bytes(pid: int) -> int:
    """Memory of a process that is in RAM now."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def processor_s(pid: int) -> float:
    """Seconds of processor time a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wait_for(true: Callable[[], object], within_s: float = 240.0) -> None:
    """Wait without looking so often that it is felt."""
    wait_until(true, within_s, 0.2)


def memory_of_a_hundred_thousand() -> Figure:
    """Resident memory of an engine with 100 sets of 1,000 simulated instances, all observed."""
    with engine() as (client, pid):
        empty = resident_bytes(pid)
        for start in range(0, 100, 10):
            documents = [document(f"set-{n}", 1000, **{"create-seconds": "0.1"}) for n in range(start, start + 10)]
            client.command("apply", {"documents": documents, "file": "sets.json"})
        wait_for(lambda: sum(s["healthy"] for s in client.query("sets", {})["sets"]) == 100_000)
        full = resident_bytes(pid)
    return Figure(
        "memory for 100 sets x 1,000 simulated instances",
        f"{full / MEGABYTE:.0f} MB",
        "<= 500 MB",
        full <= 500 * MEGABYTE,
        f"an empty engine {empty / MEGABYTE:.0f} MB; {(full - empty) / 100_000:.0f} bytes an instance",
    )


def commands_under_the_standard_load() -> Figure:
    """Answers to commands while 1,000 members are upgraded in 20 % batches, 20 s each by the median."""
    with engine() as (client, _):
        client.command("apply", {"documents": [document("web", 1000)], "file": "web.json"})
        wait_for(lambda: client.query("sets", {})["sets"][0]["healthy"] == 1000)
        before = client.query("engine", {})["head"]
        client.command("start", {"set": "web", "to": "1.1.0"})
        wait_for(lambda: client.query("status", {"set": "web"})["ours"]["counters"]["inProgress"] > 0)
        taken = []
        began = time.perf_counter()
        for number in range(COMMANDS):
            at = time.perf_counter()
            client.command("protect", {"set": "web", "instance": str(number), "from_scale_in": True})
            taken.append(time.perf_counter() - at)
            time.sleep(0.05)
        rate = (client.query("engine", {})["head"] - before) / (time.perf_counter() - began)
    worst = percentile(taken, 0.99)
    return Figure(
        "answer to a command under the standard load, 99th percentile",
        f"{worst * 1000:.0f} ms",
        "<= 20 ms",
        worst <= 0.02,
        f"median {middle(taken) * 1000:.0f} ms; {rate:.0f} events a second meanwhile",
    )


def idle_engine() -> Figure:
    """An engine with one set and nobody attached."""
    with engine() as (client, pid):
        client.command("apply", {"documents": [document("web", 120, **{"create-seconds": "0.1"})], "file": "web.json"})
        wait_for(lambda: client.query("sets", {})["sets"][0]["healthy"] == 120)
        time.sleep(2)
        used = processor_s(pid)
        time.sleep(IDLE_S)
        share = (processor_s(pid) - used) / IDLE_S
        size = resident_bytes(pid)
    return Figure(
        "idle engine",
        f"{share * 100:.2f} % of a core, {size / MEGABYTE:.0f} MB",
        "< 0.5 % and < 80 MB",
        share < 0.005 and size < 80 * MEGABYTE,
        f"over {IDLE_S:.0f} s with 120 instances",
    )


FIGURES = (memory_of_a_hundred_thousand, commands_under_the_standard_load, idle_engine)
