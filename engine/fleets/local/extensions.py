"""Custom Script on a local instance: files beside it, `/bin/sh -c command` on its OS disk, once per effect."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import unquote, urlsplit

from engine.fleets.local import processes, records
from engine.fleets.local.facts import ExtensionResult
from engine.fleets.local.layout import (
    InstancePaths,
    held,
    instance_directory_name,
    is_locked,
    make_directory,
    remove_tree,
)
from engine.model.errors import InputError, UnreachableError

_END_MARGIN_S = 15.0


@dataclass(frozen=True, slots=True)
class ExtensionRun:
    """One run to do: `file_uris` are copied beside the command, which gets `environment` and `timeout_s` seconds.

    `fetched` has those that are not on this machine, by address.
    """

    effect_id: str
    epoch: int
    name: str
    command: str
    file_uris: Sequence[str]
    fetched: Mapping[str, Path]
    timeout_s: float
    environment: Mapping[str, str]


class BegunRun:
    """A run under way in a process of its own, or ended. Nobody has to stay for it: its end is recorded anyway."""

    def __init__(self, paths: InstancePaths, effect_id: str, limit_s: float, process: subprocess.Popen[bytes] | None):
        self._paths = paths
        self._effect_id = effect_id
        self._deadline = time.monotonic() + limit_s + _END_MARGIN_S
        self.pipe: IO[bytes] | None = process.stdout if process is not None else None
        """Readable once the run's end is recorded; None for a run that another process began."""

    def result(self) -> ExtensionResult | None:
        """What it came to, None while it runs. Raises UnreachableError when its end is long due and not recorded."""
        found = records.effect(self._paths, self._effect_id)
        if found is not None and found.result is not None:
            return found.result
        lost = found is None and not is_locked(self._paths.effect_lock(self._effect_id))
        if lost or time.monotonic() > self._deadline:
            raise UnreachableError(
                "ExtensionNotSeen",
                f"the run of effect {self._effect_id} in {self._paths.directory} is not recorded as ended.",
                "Observe the instance; the run is not repeated.",
            )
        return None

    def close(self) -> None:
        """Let go of the pipe; the run goes on."""
        if self.pipe is not None:
            self.pipe.close()


def begin(paths: InstancePaths, instance_id: str, wanted: ExtensionRun, owner: dict[str, int] | None) -> BegunRun:
    """Begin it, unless it was begun before; see LocalMachine.begin_extension."""
    process = None
    # Begun under the act lock, so that a stop that comes at the same moment ends the run or comes before it.
    with held(paths.act_lock):
        if records.raw_record(paths, wanted.effect_id) is None:
            records.check_fence(paths, instance_id, wanted.epoch)
            process = _start_runner(paths, wanted, owner)
    return BegunRun(paths, wanted.effect_id, wanted.timeout_s, process)


def halt(paths: InstancePaths) -> None:
    """End every process of the instance, running extensions included."""
    end_all(paths)
    processes.stop_keeper(paths)


def end_all(paths: InstancePaths) -> None:
    """End the extension runs still going; each is recorded as interrupted."""
    for record in records.running_extensions(paths):
        if is_locked(paths.effect_lock(record["effect_id"])):
            processes.end_process(record["runner_pid"], record["runner_start_time"])


def _start_runner(paths: InstancePaths, wanted: ExtensionRun, owner: dict[str, int] | None) -> subprocess.Popen[bytes]:
    cwd = _prepare(paths, wanted)
    make_directory(paths.effects)
    records.note_last(paths, wanted.effect_id)
    spec = {
        "effect_id": wanted.effect_id,
        "name": wanted.name,
        "record": str(paths.effect_record(wanted.effect_id)),
        "lock": str(paths.effect_lock(wanted.effect_id)),
        "cwd": str(cwd),
        "command": wanted.command,
        "environment": dict(wanted.environment),
        "timeout_s": wanted.timeout_s,
        "owner": owner,
    }
    process = processes.launch("extension_runner", paths.directory, spec)
    processes.first_line(process)
    return process


def _prepare(paths: InstancePaths, wanted: ExtensionRun) -> Path:
    sources = [_source(uri, wanted.fetched) for uri in wanted.file_uris]
    directory = paths.current.resolve() / ".extensions" / instance_directory_name(wanted.name)
    remove_tree(directory)
    make_directory(directory)
    for source in sources:
        target = directory / source.name
        shutil.copyfile(source, target)
        os.chmod(target, 0o700)
    return directory


def _source(uri: str, fetched: Mapping[str, Path]) -> Path:
    if uri in fetched:
        return fetched[uri]
    parts = urlsplit(uri)
    source = Path(unquote(parts.path))
    here = parts.scheme == "file" and parts.netloc in ("", "localhost") and source.is_absolute()
    if not here or not source.is_file():
        why = "there is no such file on the engine's machine" if here else "it is neither file:/PATH nor http(s)"
        raise InputError(
            "InvalidParameter",
            f"fileUris: {uri!r} cannot be copied: {why}.",
            "Put the file there, or name another in the model and apply it.",
        )
    return source
