"""A database its owner may not write: the file and the right cause are named, and it heals with the rights."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from engine.store import doctor
from engine.store.connection import open_store
from engine.store.failures import StoreNotWritableError, not_writable
from engine.store.schema import DATABASE
from tests.unit.store.test_backup import NOW, filled, head

NOBODY = 65534


@pytest.fixture
def state_dir() -> Iterator[Path]:
    """A state directory of the user who will look at it, in a place that everybody may enter."""
    with tempfile.TemporaryDirectory(prefix="rollset-rights-") as name:
        os.chmod(name, 0o755)
        path = Path(name) / "state"
        path.mkdir(mode=0o700)
        filled(path).close()
        assert told(Path(name)) == ""  # and loads what the other user might not be able to read
        yield path


def as_plain_user(state_dir: Path, act: Callable[[], None]) -> None:
    """Do `act` in a process of the directory's owner, who is not root: root may write everything."""
    if os.geteuid() == 0:
        for path in (state_dir, *state_dir.iterdir()):
            os.chown(path, NOBODY, NOBODY)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setresgid(NOBODY, NOBODY, NOBODY)
                os.setresuid(NOBODY, NOBODY, NOBODY)
            act()
            code = 0
        except BaseException as error:  # noqa: BLE001 - the parent judges; the words go to the captured output
            os.write(2, f"{type(error).__name__}: {error}\n".encode())
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def begin(database: Path) -> None:
    with closing(open_store(database)) as store:
        store.begin_epoch(1, "test", NOW)


def refused(database: Path) -> StoreNotWritableError:
    with pytest.raises(StoreNotWritableError) as found:
        begin(database)
    return found.value


def told(state_dir: Path) -> str:
    checks = doctor.examine(state_dir, thoroughly=False, now=NOW)
    return "; ".join(f"{c['words']}: {c['next_step']}" for c in checks if c["name"] == "rights" and not c["ok"])


def test_a_read_only_database_is_named_and_heals_with_its_rights(state_dir: Path) -> None:
    database = state_dir / DATABASE

    def act() -> None:
        database.chmod(0o400)
        error = refused(database)
        assert f"{database} may not be written (mode 400)" in error.message
        assert error.next_step == f"chmod u+rw {database}"
        assert f"chmod u+rw {database}" in told(state_dir)
        shared = state_dir / f"{DATABASE}-shm"
        assert shared.stat().st_mode & 0o777 == 0o400, "SQLite gives what it makes the database's mode"
        database.chmod(0o600)
        begin(database)
        assert told(state_dir) == "" and head(database) == 3

    as_plain_user(state_dir, act)


def test_a_directory_that_takes_no_file_is_named(state_dir: Path) -> None:
    def act() -> None:
        state_dir.chmod(0o500)
        error = refused(state_dir / DATABASE)
        assert f"{state_dir} may not be written (mode 500)" in error.message
        assert error.next_step == f"chmod u+rwx {state_dir}"
        assert f"chmod u+rwx {state_dir}" in told(state_dir)
        state_dir.chmod(0o700)
        begin(state_dir / DATABASE)

    as_plain_user(state_dir, act)


def test_the_way_out_fits_the_cause(tmp_path: Path) -> None:
    assert "Free disk space" in not_writable(tmp_path, OSError(28, "No space left on device")).next_step
    assert "rights" in not_writable(tmp_path, PermissionError(13, "Permission denied")).next_step
    assert "directory that there is" in not_writable(tmp_path, FileNotFoundError(2, "No such file")).next_step
    with closing(sqlite3.connect(tmp_path / "x")) as one:
        one.execute("PRAGMA query_only=ON")
        with pytest.raises(sqlite3.OperationalError) as found:
            one.execute("CREATE TABLE x(y)")
    assert "rights" in not_writable(tmp_path / "x", found.value).next_step
