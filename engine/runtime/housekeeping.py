"""Beside the engine's work: checks of its database, backups, and old upgrades that leave. Off the critical path."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio

from engine.model.errors import UnreachableError
from engine.runtime.engine import Engine
from engine.runtime.old_upgrades import retire_upgrades

SETTLE_S = 3.0
BETWEEN_S = 3600.0
UPKEEP, DOCTOR = "engine.store.upkeep", "engine.store.doctor"


async def look_after(engine: Engine, state_dir: Path, *, clean: bool) -> None:
    """Check the store once the start is over; see to backups and to what is too old every hour, until cancelled.

    A store that cannot be trusted becomes the hold StoreSuspect; checks that pass lift it. `clean`: the last engine
    stopped in order, so SQLite's quick check is enough.
    """
    await anyio.sleep(SETTLE_S)
    options = ["--check"] if clean else ["--check", "--thoroughly"]
    while True:
        try:
            told = await _process(UPKEEP, state_dir, *options)
        except UnreachableError as error:
            print(error, file=sys.stderr)
        else:
            if told["failed"] is not None:
                print(f"no backup could be made: {told['failed']}", file=sys.stderr)
            if options or told["suspect"] is not None:
                engine.guard.checked(told["suspect"], engine.clock.now())
                engine.wake()
        options = []
        await retire_upgrades(engine, state_dir)
        await anyio.sleep(BETWEEN_S)


async def examined(state_dir: Path) -> list[dict[str, Any]]:
    """The checks of doctor on the state directory of a running engine. Raises UnreachableError."""
    found: list[dict[str, Any]] = (await _process(DOCTOR, state_dir, "--json", "--quick"))["checks"]
    return found


async def _process(module: str, state_dir: Path, *options: str) -> dict[str, Any]:
    command = [sys.executable, "-m", module, "--state-dir", str(state_dir), *options]
    try:
        done = await anyio.run_process(command, check=False, stderr=subprocess.PIPE)
        told: dict[str, Any] = json.loads(done.stdout)
    except (OSError, ValueError) as error:
        raise UnreachableError("UpkeepFailed", f"{module} ended without a word: {error}.", "Try again.") from error
    return told
