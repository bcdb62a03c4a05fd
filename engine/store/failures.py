"""What can go wrong with the store, and what the operator can do."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

from engine.model.errors import UnreachableError
from engine.store.schema import FORMAT

_DENIED = (errno.EACCES, errno.EPERM, errno.EROFS)
_SQLITE_DENIED = ("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")


class StoreNotWritableError(UnreachableError):
    """Nothing was changed; it heals when there is room or the disk is writable again."""

    def __init__(self, why: str, next_step: str = "Free disk space; nothing was lost.") -> None:
        super().__init__("StoreNotWritable", f"the store cannot be written: {why}.", next_step)


def not_writable(path: Path | str, error: OSError | sqlite3.Error) -> StoreNotWritableError:
    """The error for a file that the system did not let be written, with the way out of that cause."""
    said = error.strerror or str(error) if isinstance(error, OSError) else str(error)
    why = f"{path}: {said}"
    name = str(getattr(error, "sqlite_errorname", ""))
    if (isinstance(error, OSError) and error.errno in _DENIED) or name.startswith(_SQLITE_DENIED):
        return StoreNotWritableError(why, "Look at the rights of the file and its directory; nothing was lost.")
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return StoreNotWritableError(why, "Name a file in a directory that there is; nothing was lost.")
    return StoreNotWritableError(why)


class StoreUnreadableError(UnreachableError):
    """The disk or the system does not let the database be read; nothing says that it is damaged."""

    def __init__(self, why: str) -> None:
        super().__init__(
            "StoreUnreadable",
            f"the database cannot be read: {why}.",
            "Look at the disk: room, rights, mounted read-only?",
        )


class StoreCorruptError(UnreachableError):
    """The database is damaged; the file is kept as it is."""

    def __init__(self, why: str) -> None:
        super().__init__(
            "StoreCorrupt",
            f"the database is damaged: {why}.",
            "See rollset doctor; restore a backup: rollset restore FILE",
        )


class StoreRefusedError(UnreachableError):
    """The schema refuses a transaction that must never be: a defect of the engine, and nothing of it is written."""

    def __init__(self, why: str) -> None:
        super().__init__(
            "StoreRefused",
            f"the engine has a defect: it wanted to write what must never be ({why}).",
            "Nothing was changed. Write a report with rollset doctor --bundle.",
        )


class EpochLostError(UnreachableError):
    """A newer engine owns the store; this one must not write any more."""

    def __init__(self, mine: int, now: int) -> None:
        super().__init__("EpochLost", f"this engine has epoch {mine}, the store is at {now}.", "Use the newer engine.")


class StoreUnsureError(UnreachableError):
    """The disk could not say whether a write is on it; only a new start, which reads it again, can tell."""

    def __init__(self, why: str) -> None:
        super().__init__(
            "StoreUnsure",
            f"the disk failed while a change was forced to it: {why}.",
            "The engine stops; the next command starts it anew, and it goes on from what is on the disk.",
        )


def newer_store(path: Path, written: int) -> UnreachableError:
    """The database was written by a version that this one does not know."""
    return UnreachableError(
        "StoreNewer",
        f"{path} was written by a newer Rollset (format {written}, this one reads up to {FORMAT}).",
        "Install that version again.",
    )
