"""Room that is kept back, so that a full disk leaves enough to write down that it is full."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

BALLAST_BYTES = 16 * 1024 * 1024
LOW_BYTES = 64 * 1024 * 1024
"""With less free than this no upgrade starts."""


class Ballast:
    """A file of 16 MiB in the state directory, given up when the store cannot be written."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / "ballast"
        self._state_dir = state_dir

    def keep(self) -> bool:
        """Put the file there, whole; False when there is no room for it."""
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, BALLAST_BYTES)
            finally:
                os.close(descriptor)
        except OSError:
            self.release()
            return False
        return True

    def release(self) -> None:
        """Give its room to the store; a directory that cannot be written keeps it."""
        with suppress(OSError):
            os.unlink(self._path)

    def free_bytes(self) -> int:
        """What this user may still write on the state directory's file system."""
        found = os.statvfs(self._state_dir)
        return found.f_bavail * found.f_frsize
