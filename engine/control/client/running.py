"""What the lock file of a state directory says of its engine, without asking it."""

from __future__ import annotations

import os
from pathlib import Path

from engine.control.client.lines import lock_note
from engine.model.version import VERSION, version_numbers


def is_current(state_dir: Path) -> bool:
    """Whether an engine of this version or a later one is there, and not about to stop."""
    return lock_note(state_dir) is not None and stopping(state_dir) is None and not is_older(state_dir, VERSION)


def stopping(state_dir: Path) -> int | None:
    """The process of an engine that said it stops, and is still there."""
    note = lock_note(state_dir) or {}
    pid = note.get("pid")
    return pid if note.get("stopping") and isinstance(pid, int) and _lives(pid) else None


def is_older(state_dir: Path, version: str) -> bool:
    """Whether the engine is of a version before this one."""
    note = lock_note(state_dir) or {}
    running = version_numbers(str(note.get("version", "")))
    return bool(running) and running < version_numbers(version)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] != b"Z"
    except (OSError, IndexError):
        return False
