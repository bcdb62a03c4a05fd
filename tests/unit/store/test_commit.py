"""What the store promises of a transaction, and what its schema refuses whatever the program above it does."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from engine.model import events as e
from engine.model.effects import Effect, EffectKind, EffectOutcome, OutcomeKind
from engine.model.errors import UnreachableError
from engine.model.image import ImageReference
from engine.model.upgrade import Outcome
from engine.store import connection as opening
from engine.store import migrations, schema
from engine.store.connection import open_store
from engine.store.failures import EpochLostError, StoreNotWritableError, StoreRefusedError
from engine.store.migrations import migrate
from engine.store.schema import FORMAT
from engine.store.store import CommandRecord, Store, Transaction
from tests.unit.decide.given import Run

ROOT = Path(__file__).resolve().parents[3]
IMAGE = ImageReference("contoso", "web", "stable", "1.0.0")
STOPPED = ("engine", e.EngineStopped("for a test"), "ana", "")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = open_store(tmp_path / "rollset.db")
    made.begin_epoch(1, "test", 0.0)
    yield made
    made.close()


def rows(store: Store, sql: str) -> list[tuple[object, ...]]:
    return store._connection.execute(sql).fetchall()


def effect(name: str, kind: EffectKind = EffectKind.REPLACE_OS_DISK, instance: str = "0") -> Effect:
    return Effect(name, kind, "u", "k", instance, "m")


def test_all_of_a_transaction_or_nothing(store: Store) -> None:
    store.commit(Transaction([STOPPED], 1.0, 1.0, intents=[effect("x")]))
    with pytest.raises(StoreRefusedError):
        store.commit(
            Transaction([STOPPED], 2.0, 2.0, intents=[effect("x")], command=CommandRecord("k", "v", {}, 0, "accepted"))
        )
    assert rows(store, "SELECT count(*) FROM event") == [(1,)]
    assert store.command_of("k") is None
    assert rows(store, "SELECT seen_at FROM engine") == [(1.0,)]
    assert [r.seq for r in store.commit(Transaction([STOPPED], 3.0, 3.0))] == [2], "numbers go on without a hole"


def test_events_are_numbered_over_all_and_within_their_stream(store: Store) -> None:
    other = ("audit", e.EngineStopped("x"), "", "")
    found = store.commit(Transaction([STOPPED, other, STOPPED], 1.0, 1.0))
    assert [(r.seq, r.stream, r.stream_seq) for r in found] == [(1, "engine", 1), (2, "audit", 1), (3, "engine", 2)]
    assert store.events(0, 10) == found
    assert store.events(1, 10, streams=("engine",)) == [found[2]]
    assert store.events(0, 10, prefix="aud") == [found[1]]
    assert store.last_events(3, 2) == found[1:]


def test_an_older_engine_can_write_nothing(store: Store, tmp_path: Path) -> None:
    newer = open_store(tmp_path / "rollset.db")
    assert newer.begin_epoch(2, "test", 5.0).epoch == 2
    for act in (
        lambda: store.commit(Transaction([STOPPED], 6.0, 6.0)),
        lambda: store.touch(6.0, 6.0),
        lambda: store.mark_stopped(6.0, True),
    ):
        with pytest.raises(EpochLostError):
            act()
    assert rows(newer, "SELECT count(*) FROM event") == [(0,)]
    newer.close()


@pytest.mark.parametrize(
    "sql",
    (
        "UPDATE event SET body='{}'",
        "DELETE FROM event",
        "UPDATE command SET verdict='accepted'",
        "DELETE FROM command",
        "INSERT INTO event SELECT seq + 10, stream, stream_seq, type, schema, at, clock, epoch, actor, cause, body"
        " FROM event",
        "INSERT INTO event SELECT seq + 10, stream, 99, type, schema, at, clock, epoch, actor, cause, '{' FROM event",
        "INSERT INTO engine(one, epoch, pid, version, started_at, seen_at, clock, clean) VALUES(2,9,9,'',0,0,0,0)",
        "INSERT INTO command SELECT * FROM command",
    ),
)
def test_the_schema_refuses_to_rewrite_history(store: Store, sql: str) -> None:
    store.commit(Transaction([STOPPED], 1.0, 1.0, command=CommandRecord("k", "v", {"a": "b"}, 7, "refused")))
    with pytest.raises(sqlite3.IntegrityError):
        store._connection.execute(sql)
    assert rows(store, "SELECT type, body FROM event") == [("EngineStopped", '{"reason":"for a test"}')]
    assert store.command_of("k") == CommandRecord("k", "v", {"a": "b"}, 7, "refused")


def test_one_live_upgrade_a_set(store: Store) -> None:
    first = replace(Run().upgrade, id="u1", scale_set="k")
    store.commit(Transaction([("upgrade/u1", e.UpgradeStarted(first), "ana", "")], 1.0, 1.0, upgrades=[first]))
    second = replace(first, id="u2")
    begun = [("upgrade/u2", e.UpgradeStarted(second), "ana", "")]
    with pytest.raises(StoreRefusedError):
        store.commit(Transaction(begun, 2.0, 2.0, upgrades=[second]))
    done = replace(first, outcome=Outcome.COMPLETED)
    ended = [("upgrade/u1", e.UpgradeCompleted(), "engine", "")]
    store.commit(Transaction([*ended, *begun], 3.0, 3.0, upgrades=[done, second]))


def test_an_upgrade_ends_once(store: Store) -> None:
    store.commit(Transaction([("upgrade/u", e.UpgradeCompleted(), "", "")], 1.0, 1.0))
    with pytest.raises(StoreRefusedError):
        store.commit(Transaction([("upgrade/u", e.UpgradeCancelled(), "", "")], 2.0, 2.0))


def test_one_open_disk_effect_an_instance(store: Store) -> None:
    store.commit(Transaction([], 1.0, 1.0, intents=[effect("a")]))
    with pytest.raises(StoreRefusedError):
        store.commit(Transaction([], 2.0, 2.0, intents=[effect("b", EffectKind.RESTORE_OS_DISK)]))
    store.commit(Transaction([], 3.0, 3.0, intents=[effect("c", instance="1"), effect("d", EffectKind.RUN_EXTENSION)]))
    settled = [EffectOutcome("a", OutcomeKind.SUCCEEDED)]
    store.commit(Transaction([], 4.0, 4.0, outcomes=settled, intents=[effect("b", EffectKind.RESTORE_OS_DISK)]))
    assert {x.id for x in store.load_state().open_effects} == {"b", "c", "d"}


def test_a_key_is_taken_once(store: Store) -> None:
    store.commit(Transaction([STOPPED], 1.0, 1.0, command=CommandRecord("k", "pause", {}, 0, "accepted")))
    with pytest.raises(StoreRefusedError):
        store.commit(Transaction([STOPPED], 1.0, 1.0, command=CommandRecord("k", "cancel", {}, 0, "accepted")))


def test_time_away_and_the_way_the_last_engine_ended_are_told(tmp_path: Path) -> None:
    path = tmp_path / "rollset.db"
    first = open_store(path)
    began = first.begin_epoch(1, "test", 100.0)
    assert (began.epoch, began.clean, began.away_s) == (1, True, 0.0)
    first.commit(Transaction([STOPPED], 110.0, 10.0))
    first.close()
    second = open_store(path)
    killed = second.begin_epoch(2, "test", 150.0)
    assert (killed.epoch, killed.clean, killed.away_s, killed.clock) == (2, False, 40.0, 10.0)
    second.mark_stopped(12.0, True)
    second.close()
    third = open_store(path)
    assert third.begin_epoch(3, "test", 151.0).clean
    third.close()


def test_a_clock_that_was_put_back_gives_no_negative_time_away(tmp_path: Path) -> None:
    store = open_store(tmp_path / "x.db")
    store.begin_epoch(1, "test", 1000.0)
    assert store.begin_epoch(1, "test", 10.0).away_s == 0.0
    store.close()


# --- opening ------------------------------------------------------------------------------------------------------


def test_the_file_is_ours_and_set_up_for_power_loss(store: Store) -> None:
    assert rows(store, "PRAGMA journal_mode") == [("wal",)]
    assert rows(store, "PRAGMA synchronous") == [(2,)], "FULL: a commit is on the disk before anybody is told"
    assert rows(store, "PRAGMA application_id") == [(schema.APPLICATION_ID,)]


def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "theirs.db"
    with sqlite3.connect(path) as theirs:
        theirs.execute("CREATE TABLE cats(name)")
    theirs.close()
    before = path.read_bytes()
    with pytest.raises(UnreachableError, match="another program"):
        open_store(path)
    assert path.read_bytes() == before


def test_a_store_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "rollset.db"
    store = open_store(path)
    store._connection.execute(f"PRAGMA user_version={FORMAT + 1}")
    store.close()
    with pytest.raises(UnreachableError, match="newer Rollset"):
        open_store(path)


@pytest.mark.parametrize(
    "content", (b"not a database, but long enough to be looked at" * 100, b"SQLite format 3\0" + b"\xff" * 5000)
)
def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "rollset.db"
    path.write_bytes(content)
    with pytest.raises(UnreachableError):
        open_store(path)
    assert path.read_bytes() == content


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreNotWritableError):
        open_store(tmp_path / "missing" / "rollset.db")


def test_opening_again_migrates_nothing_twice(tmp_path: Path) -> None:
    for _ in range(3):
        store = open_store(tmp_path / "rollset.db")
        found = rows(store, "SELECT count(*) FROM _sqlite_migrations")
        store.close()
    assert found == [(FORMAT,)]


def test_an_engine_that_knows_no_halt_opens_no_database_that_may_hold_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "rollset.db"
    with monkeypatch.context() as before_halts:
        before_halts.setattr(opening, "MIGRATIONS", schema.MIGRATIONS[:2])
        before_halts.setattr(opening, "FORMAT", 2)
        open_store(path).close()
    open_store(path).close()
    with closing(sqlite3.connect(path)) as found:
        assert found.execute("PRAGMA user_version").fetchone() == (3,)
        names = [name for (name,) in found.execute("SELECT name FROM _sqlite_migrations ORDER BY id")]
        assert names == ["first_schema", "ended_upgrades", "halts_and_stopped_instances"]

    monkeypatch.setattr(opening, "FORMAT", 2)
    with pytest.raises(UnreachableError, match="newer Rollset"):
        open_store(path)


def test_a_fresh_database_is_what_the_migrations_lead_to(tmp_path: Path) -> None:
    open_store(tmp_path / "fresh.db").close()
    with closing(sqlite3.connect(tmp_path / "migrated.db", isolation_level=None)) as migrated:
        migrate(migrated)
        with closing(sqlite3.connect(tmp_path / "fresh.db")) as fresh:
            for sql in (
                "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name",
                "SELECT id, migration_set, name, length(applied_at) FROM _sqlite_migrations",
            ):
                assert fresh.execute(sql).fetchall() == migrated.execute(sql).fetchall()
            assert fresh.execute("PRAGMA user_version").fetchone() == (FORMAT,)


def test_a_database_of_an_earlier_format_is_migrated_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "rollset.db"
    open_store(path).close()
    later = (*schema.MIGRATIONS, ("a_later_one", ("CREATE TABLE later(one INTEGER) STRICT",)))
    monkeypatch.setattr(migrations, "MIGRATIONS", later)
    monkeypatch.setattr(opening, "FORMAT", FORMAT + 1)

    store = open_store(path)

    assert rows(store, "SELECT name FROM _sqlite_migrations ORDER BY id") == [(name,) for name, _ in later]
    assert rows(store, "PRAGMA user_version") == [(FORMAT + 1,)] and rows(store, "SELECT * FROM later") == []
    store.close()


def test_a_start_without_migrations_loads_no_library_for_them() -> None:
    command = "import sys, engine.store.connection; print('sqlite_utils' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", command], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
