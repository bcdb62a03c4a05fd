"""A second connection to a store: it reads, and can never write or take part in a checkpoint."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from engine.store.failures import StoreCorruptError, StoreUnreadableError
from engine.store.schema import APPLICATION_ID, FORMAT


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database for reading.

    Raises StoreCorruptError when it is damaged, is none, or none of ours, StoreUnreadableError when the disk refuses.
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
        connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, isolation_level=None)
    except sqlite3.Error as error:
        raise StoreUnreadableError(f"{path}: {error}") from error
    try:
        connection.execute("PRAGMA query_only=ON")
        owner = connection.execute("PRAGMA application_id").fetchone()[0]
        written = connection.execute("PRAGMA user_version").fetchone()[0]
        if owner == APPLICATION_ID and 1 <= written <= FORMAT:
            return connection
        why = f"{path} is no store that this version reads (id {owner:x}, format {written})"
    except sqlite3.OperationalError as error:
        connection.close()
        raise StoreUnreadableError(f"{path}: {error}") from error
    except sqlite3.Error as error:
        why = f"{path}: {error}"
    connection.close()
    raise StoreCorruptError(why)


def unsound(connection: sqlite3.Connection, *, thoroughly: bool) -> str | None:
    """What SQLite's own check of a database says; None when all is well."""
    found = connection.execute(f"PRAGMA {'integrity_check' if thoroughly else 'quick_check'}(5)").fetchall()
    words = "; ".join(str(row[0]) for row in found)
    return None if words == "ok" else words
