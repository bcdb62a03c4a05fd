"""Takes upgrades that ended long ago out of the store; a recording of each stays in the state directory."""

from __future__ import annotations

import gzip
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread

from engine.decide.upgrade_retention import KEPT_LAST, KEPT_OF_SET, due_to_retire
from engine.model.errors import NotFoundError, RollsetError
from engine.runtime.engine import Engine
from engine.runtime.past_run import recording_lines
from engine.store.failures import StoreCorruptError
from engine.store.flushing import flush
from engine.store.reading import reading
from engine.store.store import Retired

FOLDER = "retired"
AT_ONCE = 20
"""So many a call: each is a log told again, and an engine that must stop waits for none."""
BETWEEN_S = 1.0


async def retire_upgrades(
    engine: Engine, state_dir: Path, kept_last: int = KEPT_LAST, kept_of_set: int = KEPT_OF_SET
) -> None:
    """Write a recording of each upgrade whose time is over, then take it out.

    Nothing leaves while anything is live or stops, the store is in trouble, or the clock jumped lately. What cannot be
    read stays, and what cannot be written ends the call: both are tried again at the next.
    """
    due = due_to_retire(engine.state.upgrades.values(), engine.clock.now().at, kept_last, kept_of_set)
    for upgrade in due[:AT_ONCE]:
        if not _may(engine):
            return
        target = state_dir / FOLDER / f"{upgrade.id}.jsonl.gz"
        try:
            await _record(engine, upgrade.id, target)
            await _take_out(engine, upgrade.id, f"{FOLDER}/{target.name}")
        except (StoreCorruptError, NotFoundError) as error:
            print(f"{upgrade.id} stays in the store: {error}", file=sys.stderr)
        except (RollsetError, OSError) as error:
            print(f"{upgrade.id} stays in the store: {error}", file=sys.stderr)
            return
        await anyio.sleep(BETWEEN_S)


def _may(engine: Engine) -> bool:
    idle = engine.draining is None and not any(u.live for u in engine.state.upgrades.values())
    return idle and engine.guard.words is None and engine.wall.may_discard(engine.clock.now())


async def _record(engine: Engine, upgrade_id: str, target: Path) -> None:
    lines = await recording_lines(engine, upgrade_id)
    await anyio.to_thread.run_sync(_write, target, lines)


async def _take_out(engine: Engine, upgrade_id: str, file: str) -> None:
    """Nothing is awaited between the last look at what forbids it and the transaction."""
    find = partial(_effects_of, engine.store.path, upgrade_id)
    effects = await anyio.to_thread.run_sync(find, abandon_on_cancel=True)
    if not _may(engine):
        return
    turn = engine.turn()
    turn.retire(Retired(upgrade_id, effects), file)
    engine.commit(turn)


def _effects_of(database: Path, upgrade_id: str) -> tuple[str, ...]:
    """Looked up here, since no index leads from an operation to its effects."""
    with reading(database) as connection:
        found = connection.execute("SELECT id FROM effect WHERE operation=? AND outcome IS NOT NULL", (upgrade_id,))
        return tuple(effect for (effect,) in found)


def _write(target: Path, lines: Sequence[str]) -> None:
    """On the disk, whole and under its name, before the store lets go of what it holds."""
    target.parent.mkdir(mode=0o700, exist_ok=True)
    flush(target.parent.parent)
    partial_file = target.with_name(f".{target.name}.partial")
    try:
        with partial_file.open("wb") as file:
            file.write(gzip.compress("".join(f"{line}\n" for line in lines).encode(), mtime=0))
            file.flush()
            os.fsync(file.fileno())
        partial_file.replace(target)
    finally:
        partial_file.unlink(missing_ok=True)
    flush(target.parent)
