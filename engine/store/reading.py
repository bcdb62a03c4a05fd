"""A second connection to a store: it reads, and can never write or take part in a checkpoint."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from engine.store.failures import StoreCorruptError, StoreUnreadableError, newer_store
from engine.store.schema import APPLICATION_ID, FORMAT


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database for reading.

    Raises StoreCorruptError when it is damaged, is none, or none of ours, StoreUnreadableError when the disk refuses,
    UnreachableError (StoreNewer) when a newer version wrote it.
    What the block's other work raises is not touched.
    """
    connection = _opened(path)
    try:
        yield connection
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        raise StoreCorruptError(f"{path}: {error}") from error
    finally:
        connection.close()


def _opened(path: Path) -> sqlite3.Connection:
    try:
        return _checked(path, "mode=ro")
    except sqlite3.OperationalError as error:
        if not _is_at_rest(path):
            raise StoreUnreadableError(f"{path}: {error}") from error
    try:
        return _checked(path, "mode=ro&immutable=1")
    except sqlite3.OperationalError as error:
        raise StoreUnreadableError(f"{path}: {error}") from error


def _is_at_rest(path: Path) -> bool:
    """Whether nobody can be writing to a database that is whole without its log: its disk is mounted read-only."""
    log = path.with_name(f"{path.name}-wal")
    try:
        read_only = bool(os.statvfs(path).f_flag & os.ST_RDONLY)
        return read_only and (not log.exists() or log.stat().st_size == 0)
    except OSError:
        return False


def _checked(path: Path, how: str) -> sqlite3.Connection:
    connection = sqlite3.connect(f"file:{quote(str(path))}?{how}", uri=True, isolation_level=None)
    try:
        connection.execute("PRAGMA query_only=ON")
        owner = connection.execute("PRAGMA application_id").fetchone()[0]
        written = connection.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.OperationalError:
        connection.close()
        raise
    except sqlite3.Error as error:
        connection.close()
        raise StoreCorruptError(f"{path}: {error}") from error
    if owner == APPLICATION_ID and 1 <= written <= FORMAT:
        return connection
    connection.close()
    if owner == APPLICATION_ID and written > FORMAT:
        raise newer_store(path, written)
    raise StoreCorruptError(f"{path} is no store of Rollset (id {owner:x}, format {written})")


def unsound(connection: sqlite3.Connection, *, thoroughly: bool) -> str | None:
    """What SQLite's own check of a database says; None when all is well."""
    found = connection.execute(f"PRAGMA {'integrity_check' if thoroughly else 'quick_check'}(5)").fetchall()
    words = "; ".join(str(row[0]) for row in found)
    return None if words == "ok" else words
