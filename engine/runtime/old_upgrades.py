"""Takes upgrades that ended long ago out of the store; a recording of each stays in the state directory."""

from __future__ import annotations

import gzip
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import anyio.to_thread

from engine.decide.upgrade_retention import KEPT_LAST, retired
from engine.model.errors import RollsetError
from engine.runtime.engine import Engine
from engine.runtime.past_run import recording_lines

FOLDER = "retired"


async def retire_upgrades(engine: Engine, state_dir: Path, kept_last: int = KEPT_LAST) -> None:
    """Write a recording of each upgrade whose time is over, then take it out; waits for nothing that is live.

    What cannot be written or read now is tried again at the next call.
    """
    now = engine.clock.now()
    if not engine.wall.may_discard(now):
        return
    for upgrade in retired(list(engine.state.upgrades.values()), now.at, kept_last):
        if engine.draining is not None or any(u.live for u in engine.state.upgrades.values()):
            return
        target = state_dir / FOLDER / f"{upgrade.id}.jsonl.gz"
        try:
            lines = await recording_lines(engine, upgrade.id)
            await anyio.to_thread.run_sync(_write, target, lines)
            turn = engine.turn()
            turn.retire(upgrade.id, f"{FOLDER}/{target.name}")
            engine.commit(turn)
        except (RollsetError, OSError) as error:
            print(f"{upgrade.id} stays in the store: {error}", file=sys.stderr)
            return


def _write(target: Path, lines: Sequence[str]) -> None:
    """On the disk, whole, before the store lets go of what it holds."""
    target.parent.mkdir(mode=0o700, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    try:
        with partial.open("wb") as file:
            file.write(gzip.compress("".join(f"{line}\n" for line in lines).encode(), mtime=0))
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    folder = os.open(target.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
