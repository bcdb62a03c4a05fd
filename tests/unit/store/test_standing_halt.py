"""The halt in the log: which one stands, and what becomes of it when a backup takes the database's place."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from engine.decide.evolve import evolve_upgrade
from engine.model import events as e
from engine.model.halt import Halt
from engine.model.upgrade import HoldKind, Now, Upgrade, UpgradeState
from engine.store import doctor
from engine.store.backup import Backups
from engine.store.carried_over import UNKNOWN
from engine.store.connection import open_store
from engine.store.reading import reading
from engine.store.replay import compare_with_log
from engine.store.restoring import restore
from engine.store.schema import DATABASE, FORMAT
from engine.store.standing_halt import standing_halt
from engine.store.store import Store, Transaction
from tests.unit.decide.given import Run

NOW = 1_800_000_000.0
FIRE = Halt("ana", NOW, "fire")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store with a set and its live upgrade."""
    store = open_store(tmp_path / DATABASE)
    store.begin_epoch(1, "test", NOW)
    run = Run()
    started = e.UpgradeStarted(run.upgrade)
    upgrade = evolve_upgrade(None, started, Now(NOW, 0.0))
    noted: list[tuple[str, e.Event, str, str]] = [(f"scale_set/{run.set.key}", e.ScaleSetApplied(run.set), "ana", "")]
    noted.append((f"upgrade/{run.upgrade.id}", started, "ana", ""))
    store.commit(Transaction(noted, NOW, 0.0, [run.set], upgrades=[upgrade]))
    return store


def tell(store: Store, *events: e.Event) -> None:
    store.commit(Transaction([("engine", event, "ana", "") for event in events], NOW, 0.0))


def restored(tmp_path: Path, store: Store, backup: Path) -> tuple[Halt | None, Upgrade]:
    store.close()
    restore(tmp_path, backup, actor="omar", reason="why", at=NOW + 10)
    with reading(tmp_path / DATABASE) as connection:
        assert compare_with_log(connection) == []
        found = Store(connection)
        return standing_halt(found), found.load_state().upgrades[0]


def test_the_last_one_that_was_not_lifted_stands_whatever_came_after(store: Store) -> None:
    assert standing_halt(store) is None
    tell(store, e.HaltBegan(FIRE), e.EngineStopped("x"))
    began = store.head
    assert standing_halt(store) == FIRE
    tell(store, e.HaltEnded("omar", "it is out"))

    assert (standing_halt(store), standing_halt(store, began)) == (None, FIRE)


def test_it_is_found_without_reading_the_whole_log(store: Store) -> None:
    sql = "SELECT * FROM event WHERE seq <= ? AND stream IN (?) AND type IN (?,?) ORDER BY seq DESC LIMIT 1"
    rows = store._connection.execute(f"EXPLAIN QUERY PLAN {sql}", (9, "engine", "HaltBegan", "HaltEnded")).fetchall()

    assert "stream=?" in str(rows[0])


def test_a_halt_outlives_a_restore_of_what_was_before_it_and_pauses_what_is_live_there(
    tmp_path: Path, store: Store
) -> None:
    made = Backups(tmp_path).make(NOW)
    tell(store, e.HaltBegan(FIRE))

    halt, upgrade = restored(tmp_path, store, made)

    assert halt == FIRE
    hold = upgrade.holds[HoldKind.OPERATOR]
    assert (upgrade.state, hold.by, hold.reason) == (UpgradeState.PAUSING, "ana", "halt: fire")


def test_a_backup_from_while_it_stood_is_restored_as_it_is(tmp_path: Path, store: Store) -> None:
    tell(store, e.HaltBegan(FIRE))
    made = Backups(tmp_path).make(NOW)

    halt, upgrade = restored(tmp_path, store, made)

    assert (halt, upgrade.holds) == (FIRE, {})


def test_where_nothing_is_halted_a_restore_halts_nothing(tmp_path: Path, store: Store) -> None:
    made = Backups(tmp_path).make(NOW)
    tell(store, e.HaltBegan(FIRE), e.HaltEnded("omar", "it is out"))

    halt, upgrade = restored(tmp_path, store, made)

    assert (halt, upgrade.holds) == (None, {})


@pytest.mark.parametrize("sort", ("destroyed", "newer", "its log has gaps"))
def test_where_the_database_cannot_tell_everything_is_halted_and_what_is_live_paused(
    tmp_path: Path, store: Store, sort: str
) -> None:
    made = Backups(tmp_path).make(NOW)
    store.close()
    if sort == "destroyed":
        (tmp_path / DATABASE).write_bytes(b"\0" * 10_000)
    else:
        with closing(sqlite3.connect(tmp_path / DATABASE, isolation_level=None)) as present:
            present.execute(f"PRAGMA user_version={FORMAT + 1}" if sort == "newer" else "DROP INDEX ends_once")
            if sort != "newer":
                present.execute("UPDATE upgrade SET body='{}'")

    told = restore(tmp_path, made, actor="omar", reason="why", at=NOW + 10)

    with reading(tmp_path / DATABASE) as connection:
        assert compare_with_log(connection) == []
        found = Store(connection)
        halt, upgrade = standing_halt(found), found.load_state().upgrades[0]
    assert halt == Halt("omar", NOW + 10, UNKNOWN)
    hold = upgrade.holds[HoldKind.OPERATOR]
    assert (hold.by, hold.reason) == ("omar", f"halt: {UNKNOWN}")
    assert told["halt"] == {"by": "omar", "since_at": NOW + 10, "reason": UNKNOWN} and told["paused"] == ["web"]


def test_a_halt_of_the_backup_stays_where_the_database_cannot_tell_another(tmp_path: Path, store: Store) -> None:
    tell(store, e.HaltBegan(FIRE))
    made = Backups(tmp_path).make(NOW)
    (tmp_path / DATABASE).write_bytes(b"\0" * 10_000)

    assert restored(tmp_path, store, made)[0] == FIRE


def test_a_halt_that_a_damaged_database_still_tells_is_the_one_that_stands(tmp_path: Path, store: Store) -> None:
    made = Backups(tmp_path).make(NOW)
    tell(store, e.HaltBegan(FIRE))
    store.close()
    with closing(sqlite3.connect(tmp_path / DATABASE, isolation_level=None)) as present:
        present.execute("UPDATE upgrade SET body='{}'")

    assert restored(tmp_path, store, made)[0] == FIRE


def test_a_restore_where_nothing_was_before_halts_nothing(tmp_path: Path, store: Store) -> None:
    made = Backups(tmp_path).make(NOW)

    told = restore(tmp_path / "fresh", made, actor="omar", reason="why", at=NOW + 10)

    assert (told["halt"], told["paused"]) == (None, [])


def test_doctor_says_so_without_an_engine_and_is_content(tmp_path: Path, store: Store) -> None:
    tell(store, e.HaltBegan(FIRE))

    found = {check["name"]: check for check in doctor.examine(tmp_path, thoroughly=False, now=NOW)}

    assert found["upgrades"]["ok"]
    assert found["upgrades"]["words"].endswith("(fire). Once it is over: rollset lift-halt --reason WHY")
