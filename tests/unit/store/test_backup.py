"""Backups, restore, and the doctor that needs no engine."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from engine.model import events as e
from engine.model.errors import InputError, UnreachableError
from engine.store import backup as backing
from engine.store import doctor, restoring, upkeep
from engine.store.backup import Backups, write_backup
from engine.store.connection import open_store
from engine.store.engine_lock import EngineLock, holder_of
from engine.store.failures import StoreCorruptError, StoreNotWritableError, StoreUnreadableError
from engine.store.reading import reading
from engine.store.restoring import restore
from engine.store.schema import DATABASE
from engine.store.store import Store, Transaction
from tests.unit.full_disk import no_file_over
from tests.unit.store.test_state_rows import a_set

NOW = 1_800_000_000.0


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    path = tmp_path / "state"
    path.mkdir(mode=0o700)
    return path


def filled(state_dir: Path, events: int = 3) -> Store:
    store = open_store(state_dir / DATABASE)
    store.begin_epoch(1, "test", NOW)
    scale_set = a_set()
    store.commit(Transaction([("scale_set/k", e.ScaleSetApplied(scale_set), "ana", "")], NOW, 0.0, [scale_set]))
    more(store, events - 1)
    return store


def more(store: Store, events: int = 1) -> None:
    for _ in range(events):
        store.commit(Transaction([("engine", e.EngineStopped("x"), "ana", "")], NOW, 0.0))


def head(path: Path) -> int:
    with reading(path) as connection:
        return int(connection.execute("SELECT max(seq) FROM event").fetchone()[0])


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096 * 2 : 4096 * 4] = b"\xee" * 8192
    path.write_bytes(content)


def test_a_backup_is_one_whole_private_file_made_while_the_engine_writes(state_dir: Path, tmp_path: Path) -> None:
    store = filled(state_dir)
    target = tmp_path / "copy.db"
    assert write_backup(state_dir / DATABASE, target) == 3
    more(store)
    assert head(target) == 3
    assert target.stat().st_mode & 0o777 == 0o600
    assert sorted(p.name for p in tmp_path.iterdir()) == ["copy.db", "state"], "no journal, no partial file"
    store.close()


def test_a_file_that_is_there_is_never_overwritten(state_dir: Path, tmp_path: Path) -> None:
    filled(state_dir).close()
    target = tmp_path / "mine"
    target.write_text("precious")
    with pytest.raises(InputError, match="exists"):
        write_backup(state_dir / DATABASE, target)
    assert target.read_text() == "precious"


def test_a_backup_that_cannot_be_written_leaves_nothing(state_dir: Path, tmp_path: Path) -> None:
    filled(state_dir).close()
    with pytest.raises(StoreNotWritableError):
        write_backup(state_dir / DATABASE, tmp_path / "missing" / "copy.db")
    assert list(tmp_path.iterdir()) == [state_dir]


def test_a_damaged_database_is_not_backed_up(state_dir: Path, tmp_path: Path) -> None:
    filled(state_dir).close()
    damage(state_dir / DATABASE)
    with pytest.raises(StoreCorruptError):
        write_backup(state_dir / DATABASE, tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()


def test_one_an_hour_when_something_happened(state_dir: Path) -> None:
    store, backups = filled(state_dir), Backups(state_dir)
    assert backups.make_when_due(NOW) is not None
    more(store)
    assert backups.make_when_due(NOW + 60) is None, "not yet"
    assert backups.make_when_due(NOW + 3601) is not None
    assert backups.make_when_due(NOW + 9000) is None, "nothing happened since"
    more(store)
    assert backups.make_when_due(NOW - 9000) is not None, "a clock that was put back stops no backup"
    store.close()


def test_the_newest_24_and_one_of_each_of_14_days_are_kept(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backing, "write_backup", lambda database, target: target.write_text(""))
    filled(state_dir).close()
    backups = Backups(state_dir)
    for hour in range(24 * 30):
        backups.make(NOW + 3600.0 * hour)
    kept = backups.kept()
    days = {int(b.at // 86_400) for b in kept}
    assert len(days) == 14 and len(kept) == 24 + 14 - len({int(b.at // 86_400) for b in kept[:24]})
    assert kept[0].at == NOW + 3600 * (24 * 30 - 1)


def test_what_is_no_backup_of_ours_is_left_alone(state_dir: Path) -> None:
    filled(state_dir).close()
    backups = Backups(state_dir)
    backups.make(NOW)
    (backups.folder / "rollset-old.db").write_text("mine")
    backups.make(NOW + 1)
    assert (backups.folder / "rollset-old.db").exists() and len(backups.kept()) == 2


# --- restore ------------------------------------------------------------------------------------------------------


def test_restore_puts_a_backup_in_place_and_keeps_what_was_there(state_dir: Path) -> None:
    store = filled(state_dir)
    made = Backups(state_dir).make(NOW)
    more(store, 5)
    store.close()
    told = restore(state_dir, made, actor="ana", reason="why", at=NOW + 10)
    aside = Path(str(told["aside"]))
    assert head(aside / DATABASE) == 8
    store = open_store(state_dir / DATABASE)
    last = store.events(0, 100)[-1]
    assert (last.seq, last.actor, last.event) == (4, "ana", e.StoreRestored(made.name, 3, str(aside), "why"))
    assert [s.key for s in store.load_state().scale_sets] == ["k"]
    store.close()


def test_the_next_engine_is_obeyed_by_instances_that_saw_later_ones(state_dir: Path) -> None:
    filled(state_dir).close()
    made = Backups(state_dir).make(NOW)
    for _ in range(5):
        store = open_store(state_dir / DATABASE)
        latest = store.begin_epoch(1, "test", NOW).epoch
        store.close()
    restore(state_dir, made, actor="ana", reason="why", at=NOW)
    store = open_store(state_dir / DATABASE)
    assert store.begin_epoch(1, "test", NOW).epoch > latest
    store.close()


def test_restore_over_a_destroyed_database_raises_the_fence_far(state_dir: Path) -> None:
    filled(state_dir).close()
    made = Backups(state_dir).make(NOW)
    (state_dir / DATABASE).write_bytes(b"\0" * 10_000)
    told = restore(state_dir, made, actor="ana", reason="why", at=NOW)
    assert told["epoch"] == 1 + restoring.UNREAD_EPOCHS
    assert (Path(str(told["aside"])) / DATABASE).read_bytes() == b"\0" * 10_000


def test_restore_into_an_empty_directory(state_dir: Path, tmp_path: Path) -> None:
    filled(state_dir).close()
    made = Backups(state_dir).make(NOW)
    told = restore(tmp_path / "fresh", made, actor="ana", reason="why", at=NOW)
    assert told["aside"] is None and head(tmp_path / "fresh" / DATABASE) == 4


def test_restore_is_refused_under_a_running_engine(state_dir: Path) -> None:
    filled(state_dir).close()
    made = Backups(state_dir).make(NOW)
    lock = EngineLock(state_dir / "engine.lock")
    assert lock.acquire()
    with pytest.raises(UnreachableError, match="an engine serves"):
        restore(state_dir, made, actor="ana", reason="why", at=NOW)
    lock.release()


@pytest.mark.parametrize("sort", ("damaged", "of another program", "empty", "missing"))
def test_a_bad_backup_changes_nothing(state_dir: Path, tmp_path: Path, sort: str) -> None:
    filled(state_dir).close()
    bad = tmp_path / "bad.db"
    if sort == "damaged":
        write_backup(state_dir / DATABASE, bad)
        damage(bad)
    elif sort == "of another program":
        with closing(sqlite3.connect(bad)) as theirs:
            theirs.execute("CREATE TABLE cats(name)")
    elif sort == "empty":
        bad.touch()
    before = (state_dir / DATABASE).read_bytes()
    with pytest.raises((InputError, StoreCorruptError)):
        restore(state_dir, bad, actor="ana", reason="why", at=NOW)
    assert (state_dir / DATABASE).read_bytes() == before


def test_the_command_says_its_error_as_json(state_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert restoring.main(["--state-dir", str(state_dir), str(state_dir / "none.db")]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["exit_code"] == 2


# --- doctor and upkeep --------------------------------------------------------------------------------------------


def checks(state_dir: Path) -> dict[str, bool]:
    return {c["name"]: c["ok"] for c in doctor.examine(state_dir, thoroughly=True, now=NOW)}


def test_doctor_finds_a_sound_store_sound(state_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    filled(state_dir).close()
    assert all(checks(state_dir).values())
    assert doctor.main(["--state-dir", str(state_dir), "--json"]) == 0
    assert {"database", "replay", "backups"} <= {c["name"] for c in json.loads(capsys.readouterr().out)["checks"]}


def test_doctor_before_the_first_engine(state_dir: Path) -> None:
    assert all(checks(state_dir).values())
    assert not (state_dir / DATABASE).exists(), "looking makes nothing"


def test_doctor_finds_damage_and_says_how_to_restore(state_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    filled(state_dir, 60).close()
    damage(state_dir / DATABASE)
    assert doctor.main(["--state-dir", str(state_dir)]) == 1
    assert "rollset restore FILE" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("sql", "said"),
    (
        ("UPDATE scale_set SET body=json_set(body, '$.capacity', 99)", "scale set k: differs"),
        ("DELETE FROM scale_set", "scale set k: only in the log"),
        ("UPDATE event SET stream_seq=9 WHERE seq=2", "engine: 2 events from 2 to 9"),
        ("DELETE FROM event WHERE seq=2", "engine: 1 events from 2 to 2"),
    ),
)
def test_a_state_that_is_not_what_the_log_tells_is_suspect(state_dir: Path, sql: str, said: str) -> None:
    filled(state_dir).close()
    assert upkeep.look_after(state_dir, check=True, thoroughly=False, at=NOW)["suspect"] is None
    with closing(sqlite3.connect(state_dir / DATABASE, isolation_level=None)) as other:
        for trigger in ("event_is_final", "event_stays"):
            other.execute(f"DROP TRIGGER {trigger}")
        other.execute(sql)
    told = upkeep.look_after(state_dir, check=True, thoroughly=False, at=NOW + 9000)
    assert said in str(told["suspect"])
    assert len(Backups(state_dir).kept()) == 1, "a suspect database is not backed up over good ones"


def test_who_holds_the_lock_is_known_without_touching_it(state_dir: Path) -> None:
    path = state_dir / "engine.lock"
    assert holder_of(path) is None
    lock = EngineLock(path)
    assert lock.acquire()
    assert holder_of(path) == os.getpid()
    second = EngineLock(path)
    assert not second.acquire()
    lock.release()
    assert holder_of(path) is None
    assert second.acquire()
    second.release()


def test_a_store_on_a_disk_that_is_read_only_is_looked_at_all_the_same(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(state_dir).close()
    with no_file_over(0):  # a reader cannot make the file that readers share
        with pytest.raises(StoreUnreadableError):
            head(state_dir / DATABASE)
        facts = list(os.statvfs(state_dir))
        facts[8] |= os.ST_RDONLY
        monkeypatch.setattr(os, "statvfs", lambda path: os.statvfs_result(facts))
        assert head(state_dir / DATABASE) == 3
        (state_dir / f"{DATABASE}-wal").touch()
        assert head(state_dir / DATABASE) == 3
        monkeypatch.setattr(Path, "stat", lambda path, **_: os.stat_result([0] * 6 + [8192, 0, 0, 0]))
        with pytest.raises(StoreUnreadableError):
            head(state_dir / DATABASE)
