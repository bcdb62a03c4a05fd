"""The engine as a service: followers that never read, a kill in the middle, two hundred upgrades in a row."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from engine.control.client import Client, lock_note
from engine.control.client.start import connect_or_start
from engine.fleets.local.sample_images import write_sample_image
from engine.model.errors import RollsetError
from tests.benchmarks.figure import Figure
from tests.benchmarks.simulated_fleet import MEGABYTE, document, resident_bytes, wait_for

CLIENTS, NEVER_READING = 64, 8
MEMBERS = 1000
IN_A_ROW, WARM = 200, 50
"""By the fiftieth upgrade the bounded tail of the log in memory is full."""
KILLS = 5
UPGRADE_S = 900.0

FOLLOWERS = """
import selectors, socket, sys
path, count, silent, after = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
ready, kept = selectors.DefaultSelector(), []
for number in range(count):
    line = socket.socket(socket.AF_UNIX)
    line.connect(path)
    line.sendall(f"GET /v1/events?after={after}&follow=1 HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n".encode())
    kept.append(line)
    if number >= silent:
        ready.register(line, selectors.EVENT_READ)
print("ready", flush=True)
while ready.get_map():
    for key, _ in ready.select():
        if not key.fileobj.recv(1 << 20):
            ready.unregister(key.fileobj)
"""


class Service:
    """An engine of its own state directory, with two image versions and one simulated set."""

    def __init__(self, root: Path, capacity: int, **tags: str) -> None:
        self.state_dir = root / "state"
        self.client = self.connect()
        for version in ("1.0.0", "1.1.0"):
            write_sample_image(root / version, version=version, behaviour="good")
            reference = f"contoso:web:stable:{version}"
            self.client.command("image-publish", {"path": str(root / version), "reference": reference})
        one_place = document("web", capacity, **{"create-seconds": "0.1"} | tags)
        del one_place["zones"]
        one_place["properties"]["orchestrationMode"] = "Flexible"  # one update domain: batches as large as their limit
        self.client.command("apply", {"documents": [one_place], "file": "web.json"})
        wait_for(lambda: self.client.query("sets", {})["sets"][0]["healthy"] == capacity)

    def connect(self) -> Client:
        """Start the engine if it does not run."""
        return connect_or_start(self.state_dir, owner_pid=os.getpid())

    @property
    def note(self) -> dict[str, Any]:
        """What the engine says about itself: its pid, its socket."""
        found = lock_note(self.state_dir)
        assert found is not None, "an engine runs"
        return found

    def status(self) -> dict[str, Any]:
        """The set's upgrade."""
        found: dict[str, Any] = self.client.query("status", {"set": "web"})["ours"]
        return found

    def upgrade(self, to: str, **settings: Any) -> float:
        """Upgrade to the end; gives the seconds it took."""
        self.client.command("start", {"set": "web", "to": to, **settings})
        wait_for(lambda: self.status()["ended_at"] is not None, UPGRADE_S)
        ended = self.status()
        assert ended["state"] == "Completed", ended["error"]
        return float(ended["ended_at"] - ended["started_at"])


@contextmanager
def service(capacity: int, **tags: str) -> Iterator[Service]:
    """A service that ends with the block."""
    with tempfile.TemporaryDirectory() as name:
        made = Service(Path(name), capacity, **tags)
        try:
            yield made
        finally:
            try:
                made.connect().command("engine-stop", {"with_instances": True})
            except RollsetError:
                os.kill(made.note["pid"], signal.SIGKILL)


def followers_change_nothing() -> Figure:
    """The same upgrade twice in one run: alone, and followed by 64 clients of whom 8 never read.

    Members take a quarter of the standard load's 20 s, so there are four times its changes of state a second.
    """
    with service(MEMBERS, **{"member-seconds": "5", "spread": "0.2"}) as made:
        alone = made.upgrade("1.1.0")
        head = made.client.query("engine", {})["head"]
        command = [FOLLOWERS, made.note["socket"], str(CLIENTS), str(NEVER_READING), str(head)]
        followers = subprocess.Popen([sys.executable, "-c", *command], stdout=subprocess.PIPE)
        try:
            assert followers.stdout is not None and followers.stdout.readline() == b"ready\n"
            followed = made.upgrade("1.0.0")
            assert followers.poll() is None, "they followed to the end"
        finally:
            followers.kill()
            followers.wait()
    ratio = followed / alone
    return Figure(
        f"an upgrade of {MEMBERS} followed by {CLIENTS} clients, {NEVER_READING} of them never reading, over one alone",
        f"{ratio:.3f}",
        "<= 1.05",
        ratio <= 1.05,
        f"{followed:.1f} s over {alone:.1f} s, at four times the standard load",
    )


def goes_on_after_a_kill() -> Figure:
    """kill -9 in a batch of 200 of 1,000; from the start of the next process to the first step of a member."""
    taken = []
    with service(MEMBERS) as made:
        made.client.command("start", {"set": "web", "to": "1.1.0"})
        wait_for(lambda: made.status()["counters"]["successful"] > 0)
        for _ in range(KILLS):
            pid = made.note["pid"]
            os.kill(pid, signal.SIGKILL)
            wait_for(partial(_is_gone, pid))
            began = time.time()
            made.client = made.connect()
            head = made.client.query("engine", {})["head"]
            taken.append(_first_step_at(made.client, max(0, head - MEMBERS), began) - began)
            time.sleep(1.0)
    worst = max(taken)
    return Figure(
        f"kill -9 under a live upgrade of {MEMBERS}: start of the next engine to the upgrade's next step",
        f"{worst:.2f} s",
        "<= 1 s",
        worst <= 1.0,
        f"the slowest of {KILLS}; the fastest {min(taken):.2f} s",
    )


def _is_gone(pid: int) -> bool:
    facts = Path(f"/proc/{pid}/stat")
    return not facts.exists() or facts.read_text().rpartition(")")[2].split()[0] == "Z"


def _first_step_at(client: Client, after: int, since: float) -> float:
    for event in client.events(after, "all", True):
        if event["type"] == "MemberMoved" and event["at"] >= since:
            return float(event["at"])
    raise AssertionError("the stream ended")


def two_hundred_in_a_row() -> Figure:
    """Memory and descriptors after 200 upgrades, beside those after the first 50."""
    with service(20, **{"member-seconds": "0.05", "spread": "0"}) as made:
        pid = made.note["pid"]
        early = (0, 0)
        for number in range(1, IN_A_ROW + 1):
            made.upgrade("1.1.0" if number % 2 else "1.0.0", batch="100%", max_unhealthy=100)
            if number == WARM:
                early = (resident_bytes(pid), _descriptors(pid))
        late = (resident_bytes(pid), _descriptors(pid))
        log = (made.state_dir / "rollset.db-wal").stat().st_size
    grown = (late[0] - early[0]) / MEGABYTE
    return Figure(
        f"{IN_A_ROW} upgrades in a row, memory and descriptors against those after {WARM}",
        f"{grown:+.1f} MB, {late[1] - early[1]:+d} descriptors",
        "<= 5 MB, 0 descriptors",
        grown <= 5 and late[1] <= early[1],
        f"{late[0] / MEGABYTE:.0f} MB, {late[1]} descriptors, a write-ahead log of {log / MEGABYTE:.1f} MB",
    )


def _descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


FIGURES = (followers_change_nothing, goes_on_after_a_kill, two_hundred_in_a_row)
