"""A stage for recordings: the real engine on simulated instances in virtual time, on a machine called jump-1."""

from __future__ import annotations

import gzip
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from engine.model import events as e
from engine.model.health import Health
from engine.model.image import ImageVersion, parse_reference
from engine.model.upgrade import MemberState
from engine.runtime.door import Caller
from engine.runtime.engine import Engine
from engine.runtime.engine_door import EngineDoor
from engine.runtime.recent_events import event_line
from engine.runtime.snapshot import snapshot_lines, streams_of
from engine.wire.recording import OVERVIEW, record_line
from tests.simulation.virtual_engine import VirtualWorld
from tests.worlds.documents import HEALTH_SETTINGS
from tests.worlds.watching import until, upgrade_of

ANA, OMAR = Caller(1000, "ana"), Caller(1001, "omar")
VERSIONS = ("1.0.2", "1.0.3", "1.1.0")
ALL = 1_000_000
SETTLED_S = 300
"""After this every instance of a fresh set is provisioned, and its creation no longer news."""
COMPRESSED_FROM = 100_000
"""Bytes: a smaller recording stays readable."""


@dataclass(frozen=True, slots=True)
class Made:
    """One scale set as it is applied."""

    name: str
    capacity: int
    location: str = "westeurope"
    version: str = "1.0.3"

    def document(self, version: str, tags: dict[str, str]) -> dict[str, Any]:
        """Its document: three zones, a health extension, a setup script; `tags` are those of simulated fleets."""
        publisher, script = "Microsoft.Azure.Extensions", {"commandToExecute": "configure --site web"}
        image = {"publisher": "contoso", "offer": "web", "sku": "stable", "version": version}
        return {
            "type": "Microsoft.Compute/virtualMachineScaleSets",
            "name": self.name,
            "location": self.location,
            "zones": ["1", "2", "3"],
            "sku": {"name": "Standard_B2s", "capacity": self.capacity},
            "tags": {"rollset-fleet": "simulated", "rollset-simulated-seed": self.name} | tags,
            "properties": {
                "upgradePolicy": {"mode": "Rolling", "rollingUpgradePolicy": {}},
                "virtualMachineProfile": {
                    "storageProfile": {"imageReference": image},
                    "extensionProfile": {
                        "extensions": [
                            _extension(
                                "health", "Microsoft.ManagedServices", "ApplicationHealthLinux", HEALTH_SETTINGS
                            ),
                            _extension("configure", publisher, "CustomScript", script),
                        ]
                    },
                },
            },
        }


def _extension(name: str, publisher: str, kind: str, settings: dict[str, Any]) -> dict[str, Any]:
    properties = {"publisher": publisher, "type": kind, "typeHandlerVersion": "2.1", "settings": settings}
    return {"name": name, "properties": properties}


class Stage:
    """One engine at work; what happened before `record` is the snapshot, what follows are the recorded events."""

    def __init__(self, world: VirtualWorld) -> None:
        self.world = world
        self.lines: list[str] = []
        self._scope = OVERVIEW
        self._from = 0
        self._documents: dict[str, Made] = {}
        self._tags: dict[str, dict[str, str]] = {}

    async def publish(self, engine: Engine) -> None:
        """The image versions."""
        turn = engine.turn("ana")
        for version in VERSIONS:
            image = ImageVersion(
                parse_reference(f"contoso:web:stable:{version}"), f"sha256:{version}", 1000, turn.now.at
            )
            turn.on_image(image, e.ImagePublished(image))
        engine.commit(turn)

    async def make(self, engine: Engine, made: Made, **tags: object) -> None:
        """A set whose instances have all been looked at."""
        self._documents[made.name] = made
        await self.behave(engine, made.name, **tags)
        await until(lambda: _all_seen(engine, made))
        await anyio.sleep(SETTLED_S)

    async def behave(self, engine: Engine, name: str, **tags: object) -> None:
        """From now on the set's instances do as these tags say, beside those they had."""
        own = self._tags.setdefault(name, {})
        own |= {f"rollset-simulated-{tag.replace('_', '-')}": str(value) for tag, value in tags.items()}
        known = next((each for each in engine.state.scale_sets.values() if each.name == name), None)
        version = self._documents[name].version if known is None else known.model.image.version
        documents = [self._documents[name].document(version, own)]
        await EngineDoor(engine).command("apply", {"documents": documents, "file": f"{name}.json"}, ANA)

    def record(self, engine: Engine, scope: str) -> None:
        """Take the snapshot; what happens from here on is recorded."""
        self._scope = scope
        self.lines = snapshot_lines(engine, scope)
        if scope == OVERVIEW:  # so that each of them opens
            self.lines += [record_line(each) for each in engine.state.scale_sets.values()]
        self._from = engine.head

    def stop(self, engine: Engine) -> None:
        """Add what has happened since."""
        streams = sorted(streams_of(engine, self._scope) or ())
        self.lines += [event_line(each).text for each in engine.store.events(self._from, ALL, streams=streams)]


def _all_seen(engine: Engine, made: Made) -> bool:
    instances = engine.find_set(made.name).instances.values()
    return len(instances) == made.capacity and all(i.health is not Health.NOT_OBSERVED for i in instances)


async def tell(engine: Engine, verb: str, caller: Caller = ANA, **arguments: object) -> dict[str, Any]:
    """An operator's command."""
    return await EngineDoor(engine).command(verb, dict(arguments), caller)


def succeeded(engine: Engine, name: str) -> int:
    """How many instances are done."""
    return sum(m.state is MemberState.SUCCEEDED for m in upgrade_of(engine, name).members.values())


async def ended(engine: Engine, name: str) -> None:
    """Wait for the end, and the last word on health."""
    await until(lambda: not upgrade_of(engine, name).live)
    await anyio.sleep(2)


Play = Callable[[Stage], Awaitable[None]]


@contextmanager
def _machine() -> Iterator[tuple[Path, pytest.MonkeyPatch]]:
    """A machine called jump-1 whose operator is rollset; the same on every machine."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.runtime.snapshot.socket", SimpleNamespace(gethostname=lambda: "jump-1"))
        patch.setattr(
            "engine.runtime.snapshot.pwd", SimpleNamespace(getpwuid=lambda _uid: SimpleNamespace(pw_name="rollset"))
        )
        yield Path(folder), patch


def play(story: Play) -> list[str]:
    """The lines of a recording of this story; the same each time."""
    with _machine() as (folder, patch):
        stage = Stage(VirtualWorld(folder, 1, patch))
        stage.world.run(lambda: story(stage))
        return stage.lines


def write(folder: Path, name: str, lines: list[str]) -> Path:
    """Write a recording, compressed where it is large; what it was called before is gone."""
    data = ("\n".join(lines) + "\n").encode()
    for old in folder.glob(f"{name}.jsonl*"):
        old.unlink()
    small = len(data) < COMPRESSED_FROM
    path = folder / (f"{name}.jsonl" if small else f"{name}.jsonl.gz")
    path.write_bytes(data if small else gzip.compress(data, 9, mtime=0))
    return path
