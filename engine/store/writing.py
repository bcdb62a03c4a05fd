"""One write transaction, and what SQLite's errors mean."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path

from engine.store.failures import StoreCorruptError, StoreRefusedError, StoreUnsureError
from engine.store.rights import cannot_write


class Writing:
    """BEGIN IMMEDIATE ... COMMIT; rolled back on any error, whether or not SQLite did so by itself."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._run("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if kind is None:
            self._run("COMMIT")
            return
        self._undo()
        if isinstance(error, sqlite3.Error):
            raise self._translated(error) from error

    def _run(self, sql: str) -> None:
        try:
            self._connection.execute(sql)
        except sqlite3.Error as error:
            self._undo()
            raise self._translated(error) from error

    def _undo(self) -> None:
        if self._connection.in_transaction:
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")

    def _translated(self, error: sqlite3.Error) -> Exception:
        if isinstance(error, sqlite3.IntegrityError):
            return StoreRefusedError(str(error))
        if isinstance(error, sqlite3.ProgrammingError):
            return error
        if getattr(error, "sqlite_errorname", "") in ("SQLITE_IOERR_FSYNC", "SQLITE_IOERR_DIR_FSYNC"):
            return StoreUnsureError(str(error))
        if isinstance(error, sqlite3.OperationalError):
            return cannot_write(self._path(), error)
        return StoreCorruptError(str(error))

    def _path(self) -> Path:
        return Path(self._connection.execute("PRAGMA database_list").fetchone()[2])
