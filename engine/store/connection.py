"""Opening the database: one read-write connection, WAL, synchronous FULL, foreign files refused."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from engine.model.errors import UnreachableError
from engine.store.failures import StoreCorruptError, newer_store
from engine.store.rights import cannot_write, follow_database
from engine.store.schema import APPLICATION_ID, FORMAT, MIGRATIONS
from engine.store.store import Store

_RECORD = (
    """CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
)""",
    """CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name")""",
)
"""What sqlite-utils makes to remember the migrations that are done."""


def open_store(path: Path) -> Store:
    """Open or create the store. The caller holds the engine lock.

    Raises UnreachableError: not a database, of another program, written by a newer version, or not writable.
    """
    follow_database(path)
    try:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5.0)
        return _open(connection, path)
    except sqlite3.OperationalError as error:
        raise cannot_write(path, error) from error
    except sqlite3.DatabaseError as error:
        raise StoreCorruptError(f"{path}: {error}") from error


def _open(connection: sqlite3.Connection, path: Path) -> Store:
    owner = connection.execute("PRAGMA application_id").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if owner not in (0, APPLICATION_ID) or (owner == 0 and tables):
        raise UnreachableError("StoreForeign", f"{path} belongs to another program.", "Choose another --state-dir.")
    written = connection.execute("PRAGMA user_version").fetchone()[0]
    if written > FORMAT:
        raise newer_store(path, written)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=5000"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("PRAGMA journal_size_limit=67108864")
    if not tables:
        _create(connection)
    elif written < FORMAT:
        from engine.store.migrations import migrate  # a start with nothing to migrate need not load what it takes

        migrate(connection)
        connection.execute(f"PRAGMA user_version={FORMAT}")
    return Store(connection)


def _create(connection: sqlite3.Connection) -> None:
    """A fresh database with every migration done and recorded, as the migrations themselves would leave it.

    All of it is one transaction: a kill leaves an empty file or a whole database.
    """
    connection.execute("BEGIN IMMEDIATE")
    for statement in _RECORD:
        connection.execute(statement)
    for name, statements in MIGRATIONS:
        for statement in statements:
            connection.execute(statement)
        connection.execute(
            "INSERT INTO _sqlite_migrations(migration_set, name, applied_at) "
            "VALUES('rollset', ?, strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now'))",
            (name,),
        )
    connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version={FORMAT}")
    connection.execute("COMMIT")
