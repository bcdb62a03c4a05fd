"""A store that cannot be written: nothing new begins, the upgrade says why, and it goes on by itself afterwards."""

from __future__ import annotations

import resource
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import pytest

from engine.decide.blocked_by import upgrade_blocked_by
from engine.model import events as e
from engine.model.errors import UnreachableError
from engine.model.upgrade import HoldKind
from engine.runtime import answers
from engine.runtime.engine import Engine
from engine.runtime.verbs import carry_out
from engine.store.ballast import Ballast
from tests.crash.reference_upgrades import REFERENCES, Run, copy_of, in_child
from tests.worlds.durable_fleet import DurableFleet
from tests.worlds.small_engine import ANA, NEW, create, ended, on_virtual_time, small_engine
from tests.worlds.watching import until

START = {"set": "web", "to": NEW.version}


class FailingConnection:
    """Stands before a connection and fails what `fails` picks, as SQLite does for a sick disk."""

    def __init__(self, real: sqlite3.Connection, fails: Callable[[str], str | None]) -> None:
        self._real = real
        self._fails = fails

    def execute(self, sql: str, *values: Any) -> Any:
        name = self._fails(sql)
        if name is not None:
            error = sqlite3.DatabaseError if name == "SQLITE_CORRUPT" else sqlite3.OperationalError
            raised = error(f"{name} by a test")
            raised.sqlite_errorname = name
            raise raised
        return self._real.execute(sql, *values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def sicken(engine: Engine, monkeypatch: pytest.MonkeyPatch, fails: Callable[[str], str | None]) -> None:
    sick = FailingConnection(engine.store._connection, fails)
    monkeypatch.setattr(engine.store, "_connection", sick)


def events_of(engine: Engine, kind: type[e.Event]) -> list[Any]:
    return [r.event for r in engine.store.events(0, 10_000) if isinstance(r.event, kind)]


def blocked(engine: Engine) -> str:
    found = answers.upgrade_summary(engine, next(iter(engine.state.upgrades.values())))["blocked_by"]
    return "" if found is None else f"{found['kind']}: {found['words']}"


def limit_pages(engine: Engine, more: int | None) -> None:
    """Let the database grow by `more` pages from now on; None for no limit."""
    pages = engine.store._connection.execute("PRAGMA page_count").fetchone()[0]
    limit = 1_000_000_000 if more is None else pages + more
    engine.store._connection.execute(f"PRAGMA max_page_count={limit}")


@pytest.mark.timeout(200)
def test_a_disk_that_fills_up_at_any_page_stops_nothing_for_good(tmp_path: Path, long_run: bool) -> None:
    template = tmp_path / "template"
    template.mkdir()
    on_virtual_time(Run(template, REFERENCES[0]).prepare)
    troubled = 0
    for page in range(0, 64 if long_run else 32, 1 if long_run else 2):
        root = copy_of(template, tmp_path / f"page-{page}")
        seen: list[bool] = []

        async def main(root: Path = root, page: int = page, seen: list[bool] = seen) -> None:
            fleet = DurableFleet(root / "fleet")
            async with small_engine(root, fleet, later_s=10_000) as engine:
                limit_pages(engine, page)
                await _start_when_it_can(engine)
                await anyio.sleep(30)
                seen.append(engine.guard.words is not None)
                await anyio.sleep(30)
                intents = {row[0] for row in engine.store._connection.execute("SELECT id FROM effect")}
                assert {act["effect"] for act in fleet.acts()} <= intents, "it acted without a record"
                limit_pages(engine, None)
                await until(lambda: engine.guard.words is None)
                await _start_when_it_can(engine)
                await until(lambda: ended(engine))
                assert engine.guard.words is None

        on_virtual_time(main)
        run = Run(root, REFERENCES[0])
        assert run.rows("SELECT outcome FROM upgrade") == [("Completed",)]
        acts = DurableFleet(root / "fleet").acts()
        assert len({a["effect"] for a in acts}) == len(acts)
        troubled += seen[0]
    assert troubled > 3


async def _start_when_it_can(engine: Engine) -> None:
    with suppress(UnreachableError):
        await carry_out(engine, "start", START | {"key": "k"}, ANA)


@pytest.mark.parametrize("errorname", ("SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_READONLY"))
def test_trouble_in_the_middle_of_an_upgrade_is_a_hold_and_heals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, errorname: str
) -> None:
    async def main() -> None:
        fleet = DurableFleet(tmp_path / "fleet")
        async with small_engine(tmp_path, fleet) as engine:
            await create(engine, 6)
            await carry_out(engine, "start", START, ANA)
            await until(lambda: len(fleet.acts()) > 20)
            sick = True
            sicken(engine, monkeypatch, lambda sql: errorname if sick and sql == "COMMIT" else None)
            await anyio.sleep(30)
            acts = len(fleet.acts())
            assert blocked(engine).startswith("StoreNotWritable")
            with pytest.raises(UnreachableError, match=errorname) as error:
                await carry_out(engine, "pause", {"set": "web"}, ANA)
            assert error.value.exit_code == 5
            await anyio.sleep(300)
            assert len(fleet.acts()) == acts
            assert not engine.guard.check()["ok"]
            sick = False
            await until(lambda: ended(engine))
            [upgrade] = engine.state.upgrades.values()
            assert upgrade.outcome is not None and upgrade.outcome.value == "Completed"
            assert [x.hold.kind for x in events_of(engine, e.HoldRaised)] == [HoldKind.STORE_NOT_WRITABLE]
            assert [x.kind for x in events_of(engine, e.HoldLifted)] == [HoldKind.STORE_NOT_WRITABLE]
            assert engine.guard.check()["ok"]

    on_virtual_time(main)


def test_ballast_is_given_up_for_the_hold_and_taken_back_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        fleet = DurableFleet(tmp_path / "fleet")
        ballast = Ballast(tmp_path)
        assert ballast.keep()
        async with small_engine(tmp_path, fleet, ballast=ballast) as engine:
            await create(engine, 4)
            await carry_out(engine, "start", START, ANA)
            room = False
            monkeypatch.setattr(ballast, "keep", lambda: room)
            full = lambda sql: "SQLITE_FULL" if sql == "COMMIT" and (tmp_path / "ballast").exists() else None  # noqa: E731
            sicken(engine, monkeypatch, full)
            await anyio.sleep(60)
            [upgrade] = engine.state.upgrades.values()
            assert HoldKind.STORE_NOT_WRITABLE in upgrade.holds, "the hold is on disk, thanks to the ballast"
            blocking = upgrade_blocked_by(upgrade, engine.find_set("web"), engine.clock.now())
            assert blocking is not None and "full" in blocking.words.lower()
            with pytest.raises(UnreachableError):
                engine.guard.refuse_start()
            room = True
            await until(lambda: ended(engine))

    on_virtual_time(main)


def test_too_little_room_refuses_a_start_before_anything_is_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        ballast = Ballast(tmp_path)
        monkeypatch.setattr(ballast, "free_bytes", lambda: 10 * 1024 * 1024)
        async with small_engine(tmp_path, DurableFleet(tmp_path / "fleet"), ballast=ballast) as engine:
            await create(engine, 2)
            with pytest.raises(UnreachableError, match="10 MiB free; an upgrade needs 64 MiB"):
                await carry_out(engine, "start", START, ANA)

    on_virtual_time(main)


def test_a_damaged_database_is_a_hold_that_stays_and_says_how_to_restore(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        fleet = DurableFleet(tmp_path / "fleet")
        async with small_engine(tmp_path, fleet) as engine:
            await create(engine, 4)
            await carry_out(engine, "start", START, ANA)
            sick = True
            sicken(engine, monkeypatch, lambda sql: "SQLITE_CORRUPT" if sick and sql == "COMMIT" else None)
            await anyio.sleep(60)
            sick = False
            await anyio.sleep(60)
            acts = len(fleet.acts())
            await anyio.sleep(30)
            assert len(fleet.acts()) == acts
            assert blocked(engine).startswith("StoreSuspect")
            assert "rollset restore" in engine.guard.check()["next_step"]
        async with small_engine(tmp_path, fleet, later_s=10_000) as engine:
            await anyio.sleep(60)
            assert blocked(engine).startswith("StoreSuspect"), "only checks that pass lift it"
            engine.guard.checked(None, engine.clock.now())
            await until(lambda: ended(engine))

    on_virtual_time(main)


@pytest.mark.parametrize("cause", ("another epoch", "SQLITE_IOERR_FSYNC"))
def test_an_engine_that_may_not_write_any_more_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cause: str
) -> None:
    async def main() -> None:
        async with small_engine(tmp_path, DurableFleet(tmp_path / "fleet")) as engine:
            await create(engine, 4)
            await carry_out(engine, "start", START, ANA)
            if cause == "another epoch":
                with sqlite3.connect(tmp_path / "rollset.db") as other:
                    other.execute("UPDATE engine SET epoch=epoch+1")
                other.close()
            else:
                sicken(engine, monkeypatch, lambda sql: cause if sql == "COMMIT" else None)
            with anyio.fail_after(60):
                await engine.stopping.wait()
            head = engine.head
        rows = Run(tmp_path, REFERENCES[0]).rows("SELECT max(seq) FROM event")
        assert rows == [(head,)], "it wrote nothing after it knew"

    on_virtual_time(main)


def test_a_file_that_may_not_grow_holds_the_upgrade_until_it_may(tmp_path: Path) -> None:
    """RLIMIT_FSIZE in a child: the write ahead log meets a real EFBIG."""

    async def main() -> None:
        fleet = DurableFleet(tmp_path / "fleet")
        async with small_engine(tmp_path, fleet) as engine:
            await create(engine, 6)
            await until(lambda: not engine.state.open_effects)
            resource.setrlimit(resource.RLIMIT_FSIZE, (1024, resource.RLIM_INFINITY))
            await anyio.sleep(1)  # a row that stays the same is not written: another time than before
            try:
                with pytest.raises(UnreachableError):
                    await carry_out(engine, "start", START | {"key": "k"}, ANA)
                await anyio.sleep(60)
                assert not engine.guard.check()["ok"]
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            await until(lambda: engine.guard.check()["ok"])
            await carry_out(engine, "start", START | {"key": "k"}, ANA)
            await until(lambda: ended(engine))

    trace = tmp_path / "trace"
    assert in_child(lambda: on_virtual_time(main), None, trace) == 0, trace.read_text()
