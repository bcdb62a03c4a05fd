"""Who may write a database: what the system says of its files, and how its owner comes to the right again."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from engine.store.failures import StoreNotWritableError, not_writable
from engine.store.schema import DATABASE_FILES


def not_permitted(database: Path) -> tuple[str, str] | None:
    """What of a database this process may not write, in words, and the way out; None when nothing hinders it."""
    folder = database.parent
    try:
        if os.statvfs(folder).f_flag & os.ST_RDONLY:
            return f"{folder} is mounted read-only", f"Mount it for writing: mount -o remount,rw {folder}"
        for path in (folder, *_files(database)):
            needed, letters = (os.W_OK | os.X_OK, "u+rwx") if path == folder else (os.R_OK | os.W_OK, "u+rw")
            if not os.access(path, needed):
                return _closed(path, letters)
    except OSError as error:
        return f"{error.filename or database}: {error.strerror}", f"Look at the rights of {folder}"
    return None


def cannot_write(path: Path, error: sqlite3.Error) -> StoreNotWritableError:
    """The error for a database that did not let itself be written: what this user may not, or the disk's own word."""
    known = not_permitted(path)
    return StoreNotWritableError(*known) if known is not None else not_writable(path, error)


def follow_database(database: Path) -> None:
    """Open the files beside a database to its owner as it is itself: SQLite made them while it was closed to writing.

    The caller holds the engine lock. Nothing is taken away, so whoever reads just now goes on.
    """
    with suppress(OSError):  # opening it tells what is wrong, with its file
        wanted = os.lstat(database).st_mode & (stat.S_IRUSR | stat.S_IWUSR)
        for path in _files(database):
            facts = os.lstat(path)
            if stat.S_ISREG(facts.st_mode) and facts.st_uid == os.geteuid() and wanted & ~facts.st_mode:
                os.chmod(path, stat.S_IMODE(facts.st_mode) | wanted, follow_symlinks=False)


def _files(database: Path) -> Iterator[Path]:
    for end in DATABASE_FILES:
        path = database.with_name(f"{database.name}{end}")
        if path.exists():
            yield path


def _closed(path: Path, letters: str) -> tuple[str, str]:
    facts = os.stat(path)
    if facts.st_uid != os.geteuid():
        return f"{path} belongs to user {facts.st_uid}", f"Let that user, or root: chown {os.geteuid()} {path}"
    return f"{path} may not be written (mode {facts.st_mode & 0o7777:o})", f"chmod {letters} {path}"
