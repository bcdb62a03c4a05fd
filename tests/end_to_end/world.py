"""A state directory with a real engine process, images to publish and a scale set to upgrade."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

from engine.control.client import Client, lock_note
from engine.control.client.start import connect_or_start
from engine.fleets.local.sample_images import write_sample_image
from engine.model.errors import RollsetError
from tests.worlds.documents import health, scale_set, script
from tests.worlds.watching import wait_until

SCALE_SET = "web"
SETUP = 'echo ran >> "$ROLLSET_DATA/setup-runs"'


class World:
    """Everything a test of real upgrades needs; `close` ends the engine and its instances."""

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

    def create(self, capacity: int, setup: str = SETUP) -> None:
        self.apply(capacity, setup)
        self.until(lambda: self.created(capacity))

    def apply(self, capacity: int, setup: str = SETUP) -> None:
        document = scale_set(SCALE_SET, capacity, health(), script(setup), sku="Local")
        self.client.command("apply", {"documents": [document], "file": "web.json"})

    def created(self, capacity: int) -> bool:
        """Whether so many instances are healthy and their creation has ended: health comes before the extensions do."""
        ours = self.set()
        return bool(ours["healthy"] == capacity and not ours["provisioning"])

    def healthy(self) -> int:
        found: int = self.set()["healthy"]
        return found

    def set(self) -> dict[str, Any]:
        found: dict[str, Any] = self.client.query("set", {"name": SCALE_SET})["ours"]
        return found

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = self.client.query("status", {"set": SCALE_SET})["ours"]
        return found

    def until(self, true: Any, timeout_s: float = 45.0) -> None:
        """Wait for it; a failure tells how the world looked then, for it may not come again soon."""
        try:
            wait_until(true, timeout_s, 0.05)
        except AssertionError as error:
            raise AssertionError(f"{error}:\n{self.told()}") from error

    def told(self) -> str:
        """The last events, and what the engine says of the set and its upgrade."""
        lines: list[str] = []
        for ask in (lambda: self.events()[-40:], self.set, self.status):
            try:
                lines.append(json.dumps(ask()))
            except (RollsetError, OSError) as error:
                lines.append(str(error))
        files = [str(path.relative_to(self.state_dir)) for path in (self.state_dir / "local").glob("**/data/*")]
        return "\n".join(lines + files)

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
