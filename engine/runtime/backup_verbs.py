"""Backups on request."""

from __future__ import annotations

from pathlib import Path

import anyio.to_thread

from engine.model.codes import ErrorCode
from engine.model.errors import InputError
from engine.runtime.arguments import Arguments, optional_text
from engine.runtime.decided import Decided
from engine.runtime.door import Caller
from engine.runtime.engine import Engine
from engine.store.backup import Backups, write_backup


async def back_up(engine: Engine, arguments: Arguments, caller: Caller) -> Decided:
    """Copy the database to `path`, or to the backups the engine keeps. Raises InputError or UnreachableError."""
    named = optional_text(arguments, "path")
    if named is not None and not Path(named).is_absolute():
        raise InputError(ErrorCode.INVALID_PARAMETER, f"path {named!r} is not absolute.", "Give the whole path.")
    at = engine.clock.now().at

    def make() -> Path:
        if named is None:
            return Backups(engine.store.path.parent).make(at)
        write_backup(engine.store.path, Path(named))
        return Path(named)

    made = await anyio.to_thread.run_sync(make)
    said = {"message": f"the database is backed up to {made}", "path": str(made), "size_bytes": made.stat().st_size}
    return Decided(engine.turn(caller.user), lambda: said)
