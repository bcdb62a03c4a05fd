"""Bringing a database of an earlier version to the present schema. Imported only when that is due: it takes time."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

from sqlite_utils import Database, Migrations

from engine.store.schema import MIGRATIONS

SET = "rollset"


def migrate(connection: sqlite3.Connection) -> None:
    """Carry out what this database has not seen, each migration and its record in one transaction."""
    migrations = Migrations(SET)
    for name, statements in MIGRATIONS:
        migrations(name=name)(_run(statements))
    migrations.apply(Database(connection, execute_plugins=False))


def _run(statements: Sequence[str]) -> Callable[[Database], None]:
    def change(db: Database) -> None:
        for statement in statements:
            db.execute(statement)

    return change
