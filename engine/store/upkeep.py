"""`python -m engine.store.upkeep`: what an engine has looked at beside its work, in a process of its own.

Checks and the backup read the database through a second process, so that they take nothing from the engine's turns.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from contextlib import suppress
from pathlib import Path

from engine.model.errors import RollsetError
from engine.store.backup import Backups
from engine.store.failures import StoreCorruptError
from engine.store.reading import reading, unsound
from engine.store.replay import compare_with_log
from engine.store.schema import DATABASE

NICENESS = 10


def look_after(state_dir: Path, *, check: bool, thoroughly: bool, at: float) -> dict[str, str | None]:
    """Check the database when asked to, and make a backup when one is due and the database is sound.

    `suspect` says why the database cannot be trusted, `failed` why no backup could be made, `backup` where it is.
    """
    told: dict[str, str | None] = {"suspect": None, "failed": None, "backup": None}
    try:
        if check:
            told["suspect"] = _suspect(state_dir / DATABASE, thoroughly)
        if told["suspect"] is None:
            made = Backups(state_dir).make_when_due(at)
            told["backup"] = str(made) if made is not None else None
    except StoreCorruptError as error:
        told["suspect"] = error.message
    except (RollsetError, OSError) as error:
        told["failed"] = str(error)
    return told


def _suspect(database: Path, thoroughly: bool) -> str | None:
    with reading(database) as connection:
        words = unsound(connection, thoroughly=thoroughly)
        return words or "; ".join(compare_with_log(connection)) or None


def main(argv: list[str] | None = None) -> int:
    """Print what `look_after` tells as one JSON object."""
    parser = argparse.ArgumentParser(prog="rollset upkeep")
    parser.add_argument("--state-dir", type=Path, required=True)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--thoroughly", action="store_true")
    options = parser.parse_args(argv)
    with suppress(OSError):
        os.nice(NICENESS)
    told = look_after(options.state_dir, check=options.check, thoroughly=options.thoroughly, at=time.time())
    print(json.dumps(told))
    return 0


if __name__ == "__main__":
    sys.exit(main())
