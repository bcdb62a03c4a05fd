"""Backups and exports on request."""

from __future__ import annotations

from pathlib import Path

import anyio.to_thread

from engine.model.codes import ErrorCode
from engine.model.errors import InputError, RefusedError
from engine.runtime.arguments import Arguments, optional_text, text
from engine.runtime.decided import Decided
from engine.runtime.door import Caller
from engine.runtime.engine import Engine
from engine.store.backup import Backups, write_backup
from engine.store.exporting import export_to


async def back_up(engine: Engine, arguments: Arguments, caller: Caller) -> Decided:
    """Copy the database to `path`, or to the backups the engine keeps. Raises InputError or UnreachableError."""
    named = optional_text(arguments, "path")
    _check_whole(named)
    at = engine.clock.now().at

    def make() -> Path:
        if named is None:
            return Backups(engine.store.path.parent).make(at)
        write_backup(engine.store.path, Path(named))
        return Path(named)

    made = await anyio.to_thread.run_sync(make)
    said = {"message": f"the database is backed up to {made}", "path": str(made), "size_bytes": made.stat().st_size}
    return Decided(engine.turn(caller.user), lambda: said)


async def export(engine: Engine, arguments: Arguments, caller: Caller) -> Decided:
    """Write database and images to `path`, for another machine. Refused while an upgrade is live."""
    named = text(arguments, "path")
    _check_whole(named)
    live = [u.id for u in engine.state.upgrades.values() if u.live]
    if live or engine.state.open_effects:
        what = f"upgrade {live[0]} is live" if live else f"{len(engine.state.open_effects)} acts are under way"
        raise RefusedError(
            ErrorCode.OPERATION_NOT_ALLOWED,
            f"{what}; it cannot go on in two places.",
            "Let it end, or cancel it, then export.",
        )
    images, at = list(engine.state.images.values()), engine.clock.now().at
    folder = engine.store.path.parent
    head = await anyio.to_thread.run_sync(export_to, Path(named), folder, engine.blobs, images, at)
    local = sum(len(s.instances) for s in engine.state.scale_sets.values() if s.fleet == "local")
    stay = f"; {local} local instances and their data disks stay here" if local else ""
    said = {
        "message": f"exported to {named}, as of event {head}{stay}; stop this engine before the other starts",
        "path": named,
        "head": head,
        "local_instances": local,
    }
    return Decided(engine.turn(caller.user), lambda: said)


def _check_whole(named: str | None) -> None:
    if named is not None and not Path(named).is_absolute():
        raise InputError(ErrorCode.INVALID_PARAMETER, f"path {named!r} is not absolute.", "Give the whole path.")
