"""The file of one simulated set: its acts, one a line, written when they begin. It outlives the engine.

A line says already how the act will end, so a later engine finds the same outcome at the same time. Nothing is synced:
kill -9 loses no line, and a fleet that is only simulated need not outlive a power cut.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, astuple
from pathlib import Path
from typing import Any

from engine.fleets.simulated.instances import Act, SimulatedInstance
from engine.model.effects import EffectKind
from engine.model.errors import UnreachableError

Line = list[Any]
ACT, DONE, INSTANCE, HEADER = "act", "done", "instance", "set"


class Journal:
    """Lines of one set: a header, snapshots of instances, acts."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def exists(self) -> bool:
        return self._path.exists()

    def read(self) -> Iterator[Line]:
        """Every whole line; what a crash left half-written at the end never began."""
        try:
            text = self._path.read_bytes()
        except FileNotFoundError:
            return
        for raw in text.split(b"\n"):
            try:
                line = json.loads(raw)
            except ValueError:
                continue
            if isinstance(line, list) and line:
                yield line

    def append(self, lines: Iterable[Line]) -> None:
        """Add lines, all or none. Raises UnreachableError when they cannot be written."""
        data = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
        descriptor = -1
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            size = os.fstat(descriptor).st_size
            if os.write(descriptor, data) != len(data):
                os.ftruncate(descriptor, size)
                raise OSError(0, "no room for the whole line")
        except OSError as error:
            raise UnreachableError("FleetUnreachable", f"simulated fleet: {self._path}: {error.strerror}.") from error
        finally:
            if descriptor >= 0:
                os.close(descriptor)

    def rewrite(self, lines: Iterable[Line]) -> None:
        """Put these lines in the place of all others, in one step."""
        fresh = self._path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        Journal(fresh).append(lines)
        os.replace(fresh, self._path)

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)


def act_line(act: Act, at: float, wall: float, kind: str = ACT) -> Line:
    """`DONE` is an act whose effect is in its instance's snapshot already; it is kept for repeats only."""
    return [kind, at, wall, *astuple(act)]


def read_act(line: Line) -> Act:
    name, kind, *rest = line[3:]
    return Act(name, EffectKind(kind), *rest)


def instance_line(name: str, instance: SimulatedInstance, at: float, wall: float) -> Line:
    record = asdict(instance)
    del record["acts"]
    return [INSTANCE, at, wall, name, record]


def read_instance(line: Line) -> tuple[str, SimulatedInstance]:
    record = line[4]
    record["disks"] = tuple((number, digest, version) for number, digest, version in record["disks"])
    return line[3], SimulatedInstance(**record)
