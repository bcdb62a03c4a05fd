"""Opening the database: one read-write connection, WAL, synchronous FULL, foreign files refused."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlite_utils import Database

from engine.model.errors import UnreachableError
from engine.store.failures import StoreCorruptError, StoreNotWritableError
from engine.store.migrations import migrations
from engine.store.store import Store

APPLICATION_ID = 0x526F6C6C
FORMAT = 1
"""`user_version` of the file; a newer one is refused, never guessed at."""


def open_store(path: Path) -> Store:
    """Open or create the store. The caller holds the engine lock.

    Raises UnreachableError: not a database, of another program, written by a newer version, or not writable.
    """
    try:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5.0)
        return _open(connection, path)
    except sqlite3.OperationalError as error:
        raise StoreNotWritableError(f"{path}: {error}") from error
    except sqlite3.DatabaseError as error:
        raise StoreCorruptError(f"{path}: {error}") from error


def _open(connection: sqlite3.Connection, path: Path) -> Store:
    owner = connection.execute("PRAGMA application_id").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if owner not in (0, APPLICATION_ID) or (owner == 0 and tables):
        raise UnreachableError("StoreForeign", f"{path} belongs to another program.", "Choose another --state-dir.")
    written = connection.execute("PRAGMA user_version").fetchone()[0]
    if written > FORMAT:
        raise UnreachableError(
            "StoreNewer",
            f"{path} was written by a newer Rollset (format {written}, this one reads up to {FORMAT}).",
            "Install that version again.",
        )
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=5000"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("PRAGMA journal_size_limit=67108864")
    database = Database(connection, execute_plugins=False)
    migrations.apply(database)
    connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version={FORMAT}")
    return Store(database)
