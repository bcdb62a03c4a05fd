"""Lines to an engine: through its state directory, or a socket that somebody named."""

from __future__ import annotations

import json
import os
import socket
import stat
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from engine.model.errors import UnreachableError

SHARED_SOCKET = Path("/run/rollset/engine.sock")
"""Where the shared engine of a machine listens (docs/service.md)."""
NOTE_LIMIT = 64 * 1024

PeerUid = Callable[[socket.socket], int | None]


class Line(Protocol):
    """A way to an engine."""

    def open(self, timeout_s: float) -> socket.socket:
        """A connected socket; each of its waits is bounded by the timeout. Raises UnreachableError."""
        ...

    def why_lost(self) -> str:
        """What this line knows about the loss of a connection beyond the error seen; empty when nothing."""
        ...


def peer_uid(connection: socket.socket) -> int | None:
    """The uid at the other end of a Unix socket, as the kernel says; None when it does not say."""
    if not hasattr(socket, "SO_PEERCRED"):
        return None
    try:
        raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    except OSError:
        return None
    return int(struct.unpack("3i", raw)[1])


def lock_note(state_dir: Path) -> dict[str, Any] | None:
    """What the engine of a state directory wrote about itself; None when there is none."""
    try:
        with open(state_dir / "engine.lock", "rb") as source:
            note = json.loads(source.read(NOTE_LIMIT))
    except (OSError, ValueError, RecursionError):
        return None
    return note if isinstance(note, dict) and isinstance(note.get("socket"), str) else None


def refuse_foreign(state_dir: Path) -> None:
    """Raise UnreachableError unless the directory is the caller's own and nobody else may write there."""
    try:
        facts = os.lstat(state_dir)
    except FileNotFoundError:
        return
    except OSError as error:
        raise UnreachableError(
            "StateDirectory", f"{state_dir} cannot be used: {error.strerror}.", "Choose another --state-dir."
        ) from error
    if stat.S_ISLNK(facts.st_mode):
        raise UnreachableError("StateDirectory", f"{state_dir} is a symbolic link.", "Name the directory it leads to.")
    if not stat.S_ISDIR(facts.st_mode):
        raise UnreachableError("StateDirectory", f"{state_dir} is no directory.", "Choose another --state-dir.")
    if facts.st_uid != os.geteuid() or facts.st_mode & 0o022:
        raise UnreachableError(
            "StateDirectory",
            f"{state_dir} is owned by user {facts.st_uid} with mode {facts.st_mode & 0o777:o}.",
            "It must be yours and closed to others: chmod 700.",
        )


class StateDirLine:
    """To the engine of a state directory; the lock file says where it listens."""

    def __init__(self, state_dir: Path, who: PeerUid = peer_uid) -> None:
        self.state_dir = state_dir
        self._who = who

    def open(self, timeout_s: float) -> socket.socket:
        """Refuses a directory that is not the caller's own and a listener of another user."""
        refuse_foreign(self.state_dir)
        note = lock_note(self.state_dir)
        if note is None:
            raise UnreachableError("EngineNotRunning", f"no engine runs for {self.state_dir}.", "Any verb starts it.")
        connection = _dial(note["socket"], timeout_s)
        uid = self._who(connection)
        if uid not in (None, 0, os.geteuid()):
            connection.close()
            raise UnreachableError(
                "SocketForeign",
                f"user {uid} listens on {note['socket']}, not you.",
                "Stop that process, then try again; look at rollset engine logs.",
            )
        return connection

    def why_lost(self) -> str:
        """Nothing beyond the error."""
        return ""


class SharedLine:
    """To an engine that somebody else starts and ends: the machine's own, or the one ROLLSET_SOCKET names."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def open(self, timeout_s: float) -> socket.socket:
        """Never starts anything."""
        return _dial(str(self.path), timeout_s)

    def why_lost(self) -> str:
        """Nothing beyond the error."""
        return ""


def _dial(path: str, timeout_s: float) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(timeout_s)
    try:
        connection.connect(path)
    except OSError as error:
        connection.close()
        refused = isinstance(error, PermissionError)
        raise UnreachableError(
            "EngineNotRunning",
            f"no engine answers on {path}: {error.strerror or error}.",
            "Ask its owner for a role and the operators group."
            if refused
            else "Start it: rollset engine serve, or its service manager.",
        ) from error
    return connection
