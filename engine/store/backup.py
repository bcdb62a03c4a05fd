"""Backups: whole copies of the database, made from a reading connection while the engine goes on."""

from __future__ import annotations

import calendar
import os
import re
import sqlite3
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from engine.model.errors import InputError
from engine.store.failures import StoreCorruptError, not_writable
from engine.store.flushing import flush
from engine.store.reading import reading, unsound
from engine.store.schema import DATABASE

BETWEEN_S = 3600.0
NEWEST_KEPT, DAYS_KEPT = 24, 14
_NAME = re.compile(r"rollset-(\d{8})T(\d{6})Z-(\d+)\.db")
_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Backup:
    """A kept backup: when it was made (Unix seconds) and the last event it holds."""

    path: Path
    at: float
    head: int


def write_backup(database: Path, target: Path) -> int:
    """Copy a database to a file that does not exist yet, whole, checked and on the disk, or not at all.

    Returns the last event in it. Raises InputError when `target` exists, StoreNotWritableError when it cannot be
    written, StoreCorruptError when the database or the copy is damaged.
    """
    if os.path.lexists(target):
        raise InputError("InvalidParameter", f"{target} exists.", "Name a file that does not exist.")
    partial = target.with_name(f".{target.name}.partial")
    try:
        partial.unlink(missing_ok=True)
        os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        with reading(database) as source, closing(sqlite3.connect(partial, isolation_level=None)) as copy:
            source.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")
        with reading(partial) as copy:
            if (words := unsound(copy, thoroughly=True)) is not None:
                raise StoreCorruptError(f"the copy of {database}: {words}")
            head = int(copy.execute("SELECT coalesce(max(seq), 0) FROM event").fetchone()[0])
        flush(partial)
        os.rename(partial, target)
        flush(target.parent)
    except (OSError, sqlite3.OperationalError) as error:
        raise not_writable(target, error) from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
    return head


class Backups:
    """The backups a state directory keeps: the newest 24, and the newest of each of the last 14 days."""

    def __init__(self, state_dir: Path) -> None:
        self._database = state_dir / DATABASE
        self.folder = state_dir / "backups"

    def kept(self) -> list[Backup]:
        """Newest first; files that are no backups of ours are left alone."""
        found = []
        for path in self.folder.iterdir() if self.folder.is_dir() else ():
            match = _NAME.fullmatch(path.name)
            if match is not None:
                made = time.strptime(match[1] + match[2] + "UTC", "%Y%m%d%H%M%S%Z")
                found.append(Backup(path, float(calendar.timegm(made)), int(match[3])))
        return sorted(found, key=lambda backup: (backup.at, backup.head), reverse=True)

    def make_when_due(self, at: float) -> Path | None:
        """Make one when the newest is an hour old and something has happened since; then let old ones go."""
        newest = next(iter(self.kept()), None)
        with reading(self._database) as connection:
            head = int(connection.execute("SELECT coalesce(max(seq), 0) FROM event").fetchone()[0])
        if newest is not None and (head == newest.head or 0 <= at - newest.at < BETWEEN_S):
            return None
        return self.make(at)

    def make(self, at: float) -> Path:
        """Make one now. Raises as `write_backup` does."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        with reading(self._database) as connection:
            head = int(connection.execute("SELECT coalesce(max(seq), 0) FROM event").fetchone()[0])
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at))
        target = self.folder / f"rollset-{stamp}-{head}.db"
        if not target.exists():
            write_backup(self._database, target)
        self._let_go()
        return target

    def _let_go(self) -> None:
        ordered = self.kept()
        of_a_day: dict[int, Backup] = {}
        for backup in ordered:
            of_a_day.setdefault(int(backup.at // _DAY_S), backup)
        keep = {*ordered[:NEWEST_KEPT], *list(of_a_day.values())[:DAYS_KEPT]}
        for backup in ordered:
            if backup not in keep:
                backup.path.unlink(missing_ok=True)
