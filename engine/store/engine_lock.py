"""One engine a state directory: a kernel lock, released by the kernel however the holder ends."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path


class EngineLock:
    """`flock` on a file; closed on exec, so that no child keeps it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._note: Mapping[str, object] = {}

    def acquire(self) -> bool:
        """Take the lock without waiting; False when another engine has it."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        os.ftruncate(descriptor, 0)
        return True

    def publish(self, socket: str, version: str) -> None:
        """Say where clients find this engine."""
        assert self._descriptor is not None, "publish after acquire"
        self._note = {"pid": os.getpid(), "socket": socket, "version": version}
        self._write(self._note)

    def say_stopping(self) -> None:
        """Say that this engine is about to let go: who needs one waits for that, then starts another."""
        if self._descriptor is not None and self._note:
            with suppress(OSError):  # without room for it clients only wait less well
                self._write({**self._note, "stopping": True})

    def _write(self, note: Mapping[str, object]) -> None:
        assert self._descriptor is not None, "only the holder writes"
        text = json.dumps(note).encode()
        os.pwrite(self._descriptor, text, 0)
        os.ftruncate(self._descriptor, len(text))

    def release(self) -> None:
        """Let go; the file stays, since removing it would let two engines lock two files."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None


def holder_of(path: Path, locks: Path = Path("/proc/locks")) -> int | None:
    """The process that holds an engine lock, None when none does; asks the kernel's table, never the lock itself."""
    try:
        inode, lines = str(os.stat(path).st_ino), locks.read_text().splitlines()
    except OSError:
        return None
    for fields in map(str.split, lines):
        if len(fields) > 5 and fields[1] == "FLOCK" and fields[5].rpartition(":")[2] == inode:
            return int(fields[4])
    return None
