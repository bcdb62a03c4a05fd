"""A restore that is ended at any of its steps: nothing is lost, and doing it once more finishes it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from engine.model.errors import RefusedError, UnreachableError
from engine.store import crash_points, doctor
from engine.store.backup import Backups
from engine.store.connection import open_store
from engine.store.importing import import_from
from engine.store.restoring import restore
from engine.store.schema import DATABASE, DATABASE_FILES
from engine.store.state_directory import check_state_directory, refuse_broken_off, restore_broken_off
from tests.unit.store.test_backup import NOW, filled, head, more

STEPS = (
    "restore_copied",
    "before_commit",
    "in_commit",
    "after_commit",
    "restore_recorded",
    "restore_aside",
    "restore_aside-wal",
    "restore_aside-shm",
    "restore_placed",
)


def killed_engine(tmp_path: Path) -> tuple[Path, Path, int]:
    """A state directory whose last events are in the log of the database only, a backup, and its epoch."""
    lived = tmp_path / "lived"
    lived.mkdir(mode=0o700)
    filled(lived).close()
    made = Backups(lived).make(NOW)
    store = open_store(lived / DATABASE)
    for _ in range(3):
        epoch = store.begin_epoch(1, "test", NOW).epoch
    more(store, 5)
    state_dir = tmp_path / "state"
    state_dir.mkdir(mode=0o700)
    for end in DATABASE_FILES:
        shutil.copy(lived / f"{DATABASE}{end}", state_dir / f"{DATABASE}{end}")
    store.close()
    return state_dir, made, epoch


def killed_at(step: str, state_dir: Path, made: Path) -> None:
    """Restore in a process of its own that ends without a word where `step` is reached."""
    child = os.fork()
    if child == 0:
        try:
            crash_points.install(lambda name: os._exit(9) if name == step else None)
            restore(state_dir, made, actor="ana", reason="why", at=NOW)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9, f"never came to {step}"


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_at_any_step_loses_nothing_and_a_second_restore_finishes(tmp_path: Path, step: str) -> None:
    state_dir, made, epoch = killed_engine(tmp_path)

    killed_at(step, state_dir, made)
    check_state_directory(state_dir)
    if restore_broken_off(state_dir) is None:
        assert head(state_dir / DATABASE) in (4, 8), "the restored one with its event, or the one from before"
    else:
        with pytest.raises(UnreachableError, match="broken off"):
            refuse_broken_off(state_dir)
        assert not all(c["ok"] for c in doctor.examine(state_dir, thoroughly=True, now=NOW))
    restore(state_dir, made, actor="ana", reason="why", at=NOW + 1)

    assert head(state_dir / DATABASE) == 4
    assert restore_broken_off(state_dir) is None
    assert max(head(x / DATABASE) for x in state_dir.glob("before-restore-*")) == 8, "with what was in its log only"
    store = open_store(state_dir / DATABASE)
    assert store.begin_epoch(1, "test", NOW).epoch > epoch, "instances obey the next engine"
    store.close()


def test_a_database_that_was_moved_away_by_hand_makes_room_for_an_import(tmp_path: Path) -> None:
    state_dir, made, _ = killed_engine(tmp_path)
    (state_dir / "images").mkdir()
    with pytest.raises(RefusedError) as refused:
        import_from(state_dir, made, actor="ana", reason="why", at=NOW)
    assert refused.value.next_step.endswith(f"mv {state_dir / DATABASE} {state_dir / DATABASE}.old")
    (state_dir / DATABASE).rename(state_dir / f"{DATABASE}.old")
    check_state_directory(state_dir)


def test_the_log_of_a_database_that_is_gone_is_never_given_to_the_restored_one(tmp_path: Path) -> None:
    state_dir, made, _ = killed_engine(tmp_path)
    (state_dir / DATABASE).rename(state_dir / f"{DATABASE}.old")

    told = restore(state_dir, made, actor="ana", reason="why", at=NOW)

    assert (Path(str(told["aside"])) / f"{DATABASE}-wal").exists()
    assert head(state_dir / DATABASE) == 4
