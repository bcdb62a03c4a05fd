"""`python -m engine.store.restoring`: a backup takes the place of the database, which is kept aside."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path

from engine.model.errors import InputError, RollsetError, UnreachableError
from engine.model.events import StoreRestored
from engine.model.upgrade import Now
from engine.model.version import VERSION
from engine.store import crash_points
from engine.store.carried_over import Carried, Present, carry_over, read_present
from engine.store.connection import open_store
from engine.store.engine_lock import EngineLock
from engine.store.failures import StoreCorruptError, StoreNotWritableError, not_writable
from engine.store.flushing import flush
from engine.store.own_process import answer, arguments
from engine.store.reading import reading, unsound
from engine.store.replay import compare_with_log
from engine.store.schema import DATABASE, DATABASE_FILES
from engine.store.state_directory import BEFORE_RESTORE, RESTORING, check_state_directory, restore_broken_off
from engine.store.store import Transaction

UNREAD_EPOCHS = 1_000
"""How far the epoch goes up when the present database cannot tell its own: no act of an older engine is repeated."""


def restore(state_dir: Path, backup: Path, *, actor: str, reason: str, at: float) -> dict[str, object]:
    """Put a backup in the database's place. Raises RollsetError; then the database is the one that was there.

    The present one is moved to a folder beside it. Fences go on from the present epoch, so that every instance obeys
    the next engine; what instances became since the backup is found by looking, as after any start. A halt that stands
    now goes on standing, and what the backup has live is paused; where the present database is damaged, so that nobody
    knows, one begins. Instances that were ended with the engine stay down. `halt` tells the one that stands then, if
    any, `paused` the sets whose upgrades are paused for it.
    """
    with no_engine(state_dir):
        return put_in_place(state_dir, backup, actor=actor, reason=reason, at=at)


def put_in_place(
    state_dir: Path, backup: Path, *, actor: str, reason: str, at: float, through: str = RESTORING
) -> dict[str, object]:
    """What `restore` does, for a caller that holds the engine's place.

    A kill leaves the present database, the restored one, or a restore that `restore_broken_off` knows of and that
    doing it once more finishes: the new database is whole, its own event in it, before the present one is moved.
    `through` is the name it has in the state directory until then.
    """
    aside = _finish_moving(state_dir)
    head = sound_head(backup)
    fresh = state_dir / through
    present = state_dir if aside is None else aside
    aside = aside or _name_aside(state_dir, at)
    event = StoreRestored(backup.name, head, str(aside) if aside is not None else None, reason)
    try:
        _copy(backup, fresh)
        epoch = _raise_epoch(fresh, _epoch_of(present / DATABASE))
        carried = _record(fresh, event, actor, at, read_present(present / DATABASE, actor, at))
    except Exception:
        _clear(fresh)
        raise
    if aside is not None:
        _set_aside(state_dir, aside)
    os.rename(fresh, state_dir / DATABASE)
    flush(state_dir)
    crash_points.reached("restore_placed")
    halt = asdict(carried.halt) if carried.halt is not None else None
    paused = sorted(upgrade.scale_set_name for upgrade in carried.upgrades)
    return {"head": head, "aside": event.aside, "epoch": epoch, "halt": halt, "paused": paused}


def _record(fresh: Path, event: StoreRestored, actor: str, at: float, present: Present) -> Carried:
    """Write the restore into the new database, and leave it whole in its one file."""
    store = open_store(fresh)
    try:
        clock = store.begin_epoch(os.getpid(), VERSION, at).clock
        carried = carry_over(present, store, actor, Now(at, clock))
        noted = [("engine", event, actor, ""), *carried.events]
        store.commit(Transaction(noted, at, clock, carried.scale_sets, upgrades=carried.upgrades))
        store.mark_stopped(clock, True)
    finally:
        store.close()
    if fresh.with_name(f"{fresh.name}-wal").exists():
        raise StoreNotWritableError(f"{fresh}: its log could not be written into it")
    flush(fresh)
    crash_points.reached("restore_recorded")
    return carried


@contextmanager
def no_engine(state_dir: Path) -> Iterator[None]:
    """Hold the engine's place in a state directory, made if need be. Raises UnreachableError when an engine has it."""
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        check_state_directory(state_dir)
        lock = EngineLock(state_dir / "engine.lock")
        free = lock.acquire()
    except OSError as error:
        said = f"{error.filename or state_dir} cannot be used: {error.strerror}."
        raise UnreachableError("StateDirectory", said, "Choose another --state-dir.") from error
    if not free:
        raise UnreachableError("EngineRuns", f"an engine serves {state_dir}.", "Stop it first: rollset engine stop")
    try:
        yield
    finally:
        lock.release()


def sound_head(backup: Path) -> int:
    """The last event of a database. Raises InputError when it is no file, StoreCorruptError when it is damaged."""
    if not backup.is_file():
        raise InputError("InvalidParameter", f"{backup} is no file.", "Name a backup.")
    try:
        with reading(backup) as connection:
            words = unsound(connection, thoroughly=True) or "; ".join(compare_with_log(connection))
            head = int(connection.execute("SELECT coalesce(max(seq), 0) FROM event").fetchone()[0])
    except (sqlite3.Error, ValueError, LookupError, TypeError, AssertionError) as error:
        raise StoreCorruptError(f"{backup}: what it holds cannot be read ({type(error).__name__}: {error})") from error
    if words:
        raise StoreCorruptError(f"{backup}: {words}")
    return head


def _copy(backup: Path, fresh: Path) -> None:
    try:
        _clear(fresh)
        with open(backup, "rb") as source, open(fresh, "xb", opener=_private) as target:
            shutil.copyfileobj(source, target)
            target.flush()
            os.fsync(target.fileno())
        crash_points.reached("restore_copied")
    except OSError as error:
        raise not_writable(fresh, error) from error


def _clear(fresh: Path) -> None:
    for end in DATABASE_FILES:
        fresh.with_name(f"{fresh.name}{end}").unlink(missing_ok=True)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _epoch_of(database: Path) -> int | None:
    if not database.exists():
        return 0
    try:
        with reading(database) as connection:
            row = connection.execute("SELECT epoch FROM engine").fetchone()
            return int(row[0]) if row is not None else 0
    except (RollsetError, sqlite3.Error):
        return None


def _raise_epoch(fresh: Path, present: int | None) -> int:
    with closing(sqlite3.connect(fresh, isolation_level=None)) as connection:
        own = int(connection.execute("SELECT coalesce(max(epoch), 0) FROM engine").fetchone()[0])
        epoch = own + UNREAD_EPOCHS if present is None else max(own, present)
        connection.execute("UPDATE engine SET epoch=?", (epoch,))
    return epoch


def _name_aside(state_dir: Path, at: float) -> Path | None:
    """Where what is there goes; None when nothing is."""
    if not any((state_dir / f"{DATABASE}{end}").exists() for end in DATABASE_FILES):
        return None
    aside = state_dir / time.strftime(f"{BEFORE_RESTORE}%Y%m%dT%H%M%SZ", time.gmtime(at))
    number = 1
    while aside.exists():
        number += 1
        aside = aside.with_name(f"{aside.name.partition('.')[0]}.{number}")
    return aside


def _set_aside(state_dir: Path, aside: Path) -> None:
    """Move the database first: one without its log would be taken for whole."""
    aside.mkdir(mode=0o700, exist_ok=True)
    for end in DATABASE_FILES:
        path = state_dir / f"{DATABASE}{end}"
        if path.exists():
            os.rename(path, aside / path.name)
            flush(aside)
            flush(state_dir)
        crash_points.reached(f"restore_aside{end}")


def _finish_moving(state_dir: Path) -> Path | None:
    """Where a restore that was broken off has put the database, with its log by now; None when none was."""
    aside = restore_broken_off(state_dir)
    if aside is not None:
        _set_aside(state_dir, aside)
    return aside


def main(argv: list[str] | None = None) -> int:
    """Print what was done as JSON; an error is JSON too, with its exit code."""
    given = arguments("rollset restore", argv, "backup", changes=True)
    return answer(
        lambda: restore(given.state_dir, given.backup, actor=given.actor, reason=given.reason, at=time.time())
    )


if __name__ == "__main__":
    sys.exit(main())
