"""The engine binds its own socket, closed to others, before anything listens on it."""

from __future__ import annotations

import grp
import hashlib
import os
import socket
import stat
import tempfile
from pathlib import Path

from engine.model.errors import UnreachableError

LONGEST_PATH = 100


def bind_socket(state_dir: Path, path: Path | None = None, group: str | None = None) -> tuple[socket.socket, Path]:
    """A bound Unix socket with mode 0600 (0660 for `group`), and where it is.

    The caller holds the engine lock: a left-over may go. Raises UnreachableError.
    """
    path = path or socket_path(state_dir)
    remove_socket(path)
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        bound.bind(str(path))
        if group is not None:
            os.chown(path, -1, _group_id(group), follow_symlinks=False)
            os.chmod(path, 0o660)
    except (OSError, ValueError) as error:
        bound.close()
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise UnreachableError("Socket", f"cannot listen on {path}: {why}.", "See rollset doctor.") from error
    finally:
        os.umask(before)
    return bound, path


def _group_id(name: str) -> int:
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise ValueError(f"there is no group {name!r}") from None


def remove_socket(path: Path) -> None:
    """Take a socket's file away; one that is gone already, or that is no file of ours, is left alone."""
    try:
        facts = os.lstat(path)
        if stat.S_ISSOCK(facts.st_mode) and facts.st_uid == os.geteuid():
            path.unlink()
    except OSError:
        pass  # bind says what is wrong, with its reason


def socket_path(state_dir: Path) -> Path:
    """$XDG_RUNTIME_DIR/rollset, else the state directory, else (path too long) a short directory of our own."""
    digest = hashlib.sha256(str(state_dir.resolve()).encode()).hexdigest()[:12]
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and _ours(Path(runtime)):
        candidate = Path(runtime) / "rollset" / f"{digest}.sock"
        if len(str(candidate)) <= LONGEST_PATH:
            candidate.parent.mkdir(mode=0o700, exist_ok=True)
            return candidate
    inside = state_dir / "engine.sock"
    if len(str(inside)) <= LONGEST_PATH:
        return inside
    short = Path(tempfile.gettempdir()) / f"rollset-{os.geteuid()}"
    short.mkdir(mode=0o700, exist_ok=True)
    if not _ours(short):
        raise UnreachableError("Socket", f"{short} is not a directory of yours alone.", "Use a shorter --state-dir.")
    return short / f"{digest}.sock"


def _ours(path: Path) -> bool:
    try:
        facts = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.geteuid() and not facts.st_mode & 0o077
