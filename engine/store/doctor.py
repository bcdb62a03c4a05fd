"""`python -m engine.store.doctor`: looks at a state directory with or without an engine, and changes nothing."""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from engine.model.errors import RollsetError
from engine.model.halt import WAY_OUT
from engine.store.backup import Backups
from engine.store.ballast import LOW_BYTES, Ballast
from engine.store.engine_lock import holder_of
from engine.store.reading import reading, unsound
from engine.store.replay import compare_with_log
from engine.store.rights import not_permitted
from engine.store.schema import DATABASE
from engine.store.standing_halt import standing_halt
from engine.store.state_directory import check_state_directory, file_system_of, refuse_broken_off
from engine.store.store import Store

Check = dict[str, Any]
HALT = "upgrades"
"""The check whose words hold a person's name and reason."""
_MIB = 1024 * 1024
_RESTORE = "stop the engine, then: rollset restore FILE (the newest good one is in backups/ of the state directory)"


def examine(state_dir: Path, *, thoroughly: bool, now: float) -> list[Check]:
    """Every check with `name`, `ok`, `words` and, when it is not ok, the `next_step`."""
    looks: list[tuple[str, Callable[[], Iterator[Check]]]] = [
        ("state directory", lambda: _directory(state_dir)),
        ("rights", lambda: _rights(state_dir)),
        ("room", lambda: _room(state_dir)),
        ("database", lambda: _database(state_dir, thoroughly)),
        ("backups", lambda: _backups(state_dir, now)),
        ("engine", lambda: _engine(state_dir)),
    ]
    found: list[Check] = []
    for name, look in looks:
        try:
            found += look()
        except RollsetError as error:
            found.append(_check(name, error.message, error.next_step or _RESTORE))
        except (OSError, sqlite3.Error) as error:
            found.append(_check(name, str(error), "look at the disk, then run this again"))
    return found


def _check(name: str, words: str, next_step: str = "") -> Check:
    return {"name": name, "ok": not next_step, "words": words, "next_step": next_step}


def _directory(state_dir: Path) -> Iterator[Check]:
    check_state_directory(state_dir)
    yield _check("state directory", f"{state_dir} is yours alone, on {file_system_of(state_dir) or 'a local disk'}")


def _rights(state_dir: Path) -> Iterator[Check]:
    words, cure = not_permitted(state_dir / DATABASE) or ("the database may be written", "")
    yield _check("rights", words, cure)


def _room(state_dir: Path) -> Iterator[Check]:
    free = Ballast(state_dir).free_bytes()
    cure = "free disk space: no upgrade starts before" if free < LOW_BYTES else ""
    yield _check("room", f"{free // _MIB} MiB free, {LOW_BYTES // _MIB} MiB needed to start an upgrade", cure)


def _database(state_dir: Path, thoroughly: bool) -> Iterator[Check]:
    path = state_dir / DATABASE
    refuse_broken_off(state_dir)
    if not path.exists():
        yield _check("database", "there is none yet")
        return
    with reading(path) as connection:
        words = unsound(connection, thoroughly=thoroughly)
        pages, size = (connection.execute(f"PRAGMA {x}").fetchone()[0] for x in ("page_count", "page_size"))
        yield _check("database", words or f"sound ({pages * size} bytes)", _RESTORE if words else "")
        if words is None:
            different = compare_with_log(connection)
            said = "; ".join(different) or "the state is what the log tells"
            yield _check("replay", said, _RESTORE if different else "")
            halt = standing_halt(Store(connection))
            yield _check(HALT, f"{halt.words}. {WAY_OUT}" if halt is not None else "they may begin")
    yield _check("sqlite", f"SQLite {sqlite3.sqlite_version}")


def _backups(state_dir: Path, now: float) -> Iterator[Check]:
    kept = Backups(state_dir).kept()
    if not kept:
        yield _check("backups", "none yet")
        return
    hours = max(0.0, now - kept[0].at) / 3600
    yield _check("backups", f"{len(kept)} kept; the newest is {hours:.1f} h old: {kept[0].path}")


def _engine(state_dir: Path) -> Iterator[Check]:
    pid = holder_of(state_dir / "engine.lock")
    yield _check("engine", f"process {pid} serves it" if pid is not None else "none runs")


def main(argv: list[str] | None = None) -> int:
    """Print the checks; exit code 0 when all are well, 1 when one is not."""
    parser = argparse.ArgumentParser(prog="rollset doctor")
    parser.add_argument("--state-dir", type=Path, required=True)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="SQLite's quick check instead of the whole one")
    options = parser.parse_args(argv)
    checks = examine(options.state_dir, thoroughly=not options.quick, now=time.time())
    if options.json:
        print(json.dumps({"checks": checks}))
    else:
        for check in checks:
            mark = "ok " if check["ok"] else "NOT"
            print(
                f"{mark} {check['name']}: {check['words']}" + (f" -> {check['next_step']}" if not check["ok"] else "")
            )
    return 0 if all(check["ok"] for check in checks) else 1


if __name__ == "__main__":
    sys.exit(main())
