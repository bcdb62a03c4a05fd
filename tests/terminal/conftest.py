"""What a cockpit on a terminal shows: a recording that stands still, one that plays, an engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.control.client import Client, lock_note
from engine.control.client.start import connect_or_start
from engine.fleets.local.sample_images import write_sample_image
from engine.wire.recording import Header, Record, header_line, record_line
from tests.benchmarks.simulated_fleet import document
from tests.snapshots.story import BEGAN_AT, FACTS, IMAGES, Story, has_ended, key_of, scale_set
from tests.terminal.terminal import ROLLSET, Terminal, environment
from tests.worlds.watching import wait_until


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set of 40 instances at rest."""
    records: tuple[Record, ...] = (FACTS, scale_set("web", 40, "westeurope"), *IMAGES.values())
    header = Header(key_of("web"), 1, BEGAN_AT, 0.0, "rollset 0.1.0")
    path = tmp_path_factory.mktemp("recording") / "web.jsonl"
    path.write_text("\n".join([header_line(header), *map(record_line, records)]) + "\n")
    return path


@pytest.fixture(scope="session")
def whole_upgrade(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An upgrade of 60 instances from its start to its end."""
    story = Story(scale_set("web", 60, "westeurope"))
    story.start()
    story.until(has_ended)
    path = tmp_path_factory.mktemp("recording") / "upgrade.jsonl"
    path.write_text("\n".join(story.recording) + "\n")
    return path


@pytest.fixture
def cockpit(recording: Path) -> Iterator[Terminal]:
    """The cockpit on the recording that stands still."""
    with Terminal([*ROLLSET, "replay", str(recording)], columns=80, lines=24) as terminal:
        terminal.shows("UD4")
        yield terminal


class EngineOfATest:
    """An engine in a state directory of its own with one simulated set, `web`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.client: Client = connect_or_start(folder / "state")

    @property
    def pid(self) -> int:
        """The engine's process."""
        note = lock_note(self.folder / "state")
        assert note is not None
        return int(note["pid"])

    def make_set(self, capacity: int, **tags: str) -> None:
        """Two image versions and the set, all healthy."""
        for version in ("1.0.0", "1.1.0"):
            write_sample_image(self.folder / version, version=version, behaviour="good")
            given = {"path": str(self.folder / version), "reference": f"contoso:web:stable:{version}"}
            self.client.command("image-publish", given)
        own = document("web", capacity, **{"create-seconds": "0.05"} | tags)
        self.client.command("apply", {"documents": [own], "file": "web.json"})
        self.until(lambda: self.set()["healthy"] == capacity and not self.set()["provisioning"])

    def set(self) -> dict[str, Any]:
        """The set as the engine lists it."""
        found: dict[str, Any] = self.client.query("sets", {})["sets"][0]
        return found

    def until(self, true: Callable[[], object]) -> None:
        """Wait until it is so."""
        wait_until(true, 20, 0.05)

    def environment(self) -> dict[str, str]:
        """What sends `rollset` to this engine."""
        return environment(ROLLSET_STATE_DIR=str(self.folder / "state"))


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[EngineOfATest]:
    """An engine that ends with the test."""
    made = EngineOfATest(tmp_path)
    yield made
    connect_or_start(tmp_path / "state").command("engine-stop", {"with_instances": True})
