"""Upgrades whose time is over leave the store as recordings; nothing else leaves, and nothing leaves unwritten."""

from __future__ import annotations

import gzip
import os
import shutil
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from engine.decide.upgrade_retention import KEPT_S
from engine.model.errors import NotFoundError
from engine.model.events import UpgradeCompleted
from engine.runtime import old_upgrades, past_run, snapshot
from engine.runtime.engine import Engine
from engine.runtime.old_upgrades import FOLDER, retire_upgrades
from engine.runtime.past_run import recording_lines
from engine.runtime.recent_events import event_line
from engine.runtime.verbs import carry_out
from engine.store.reading import reading
from engine.store.replay import compare_with_log
from engine.wire.recording import Header, read_lines
from tests.worlds.durable_fleet import DurableFleet
from tests.worlds.small_engine import ANA, create, ended, on_virtual_time, small_engine
from tests.worlds.watching import until

AFTER_ALL_S = KEPT_S + 86_400.0

Story = Callable[[Engine, Path], Awaitable[None]]


def later(tmp_path: Path, story: Story) -> None:
    """Run `story` long after a set was upgraded three times."""

    async def main() -> None:
        fleet = DurableFleet(tmp_path / "fleet")
        async with small_engine(tmp_path, fleet) as engine:
            await create(engine, 2)
            for number in range(3):
                await upgrade(engine, "1.1.0" if number % 2 == 0 else "1.0.0")
        async with small_engine(tmp_path, fleet, later_s=AFTER_ALL_S) as engine:
            await until(lambda: engine.wall.may_discard(engine.clock.now()))
            await story(engine, tmp_path)

    on_virtual_time(main)


async def upgrade(engine: Engine, to: str) -> None:
    await carry_out(engine, "start", {"set": "web", "to": to}, ANA)
    await until(lambda: ended(engine))
    await anyio.sleep(1)


def in_order(engine: Engine) -> list[str]:
    return [u.id for u in sorted(engine.state.upgrades.values(), key=lambda u: u.started_at)]


def differences(state_dir: Path) -> list[str]:
    with reading(state_dir / "rollset.db") as connection:
        return compare_with_log(connection)


def rows_of(state_dir: Path, upgrade_id: str) -> list[int]:
    """How many rows of each table are of an upgrade."""
    with reading(state_dir / "rollset.db") as connection:
        return [
            connection.execute(f"SELECT count(*) FROM {table} WHERE {column}=?", (value,)).fetchone()[0]
            for table, column, value in (
                ("event", "stream", f"upgrade/{upgrade_id}"),
                ("effect", "operation", upgrade_id),
                ("ended_upgrade", "id", upgrade_id),
                ("upgrade", "id", upgrade_id),
            )
        ]


def test_old_ones_leave_and_their_recordings_stay(tmp_path: Path) -> None:
    async def story(engine: Engine, state_dir: Path) -> None:
        first, second, last = in_order(engine)
        told = await recording_lines(engine, first)
        assert all(rows_of(state_dir, first))

        await retire_upgrades(engine, state_dir, kept_last=0, kept_of_set=1)

        assert in_order(engine) == [last]
        assert rows_of(state_dir, first) == rows_of(state_dir, second) == [0, 0, 0, 0]
        assert all(rows_of(state_dir, last))
        assert differences(state_dir) == []
        kept = gzip.decompress((state_dir / FOLDER / f"{first}.jsonl.gz").read_bytes()).decode().splitlines()
        assert kept == told
        header, *records = read_lines(kept, "kept")
        assert isinstance(header, Header)
        assert any(isinstance(getattr(record, "event", None), UpgradeCompleted) for record in records)
        assert sorted(os.listdir(state_dir / FOLDER)) == [f"{first}.jsonl.gz", f"{second}.jsonl.gz"]
        with pytest.raises(NotFoundError, match=first):
            await recording_lines(engine, first)

    later(tmp_path, story)


def test_followers_from_far_back_get_the_same_from_memory_as_from_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(engine: Engine, state_dir: Path) -> None:
        before = engine.head
        await upgrade(engine, "1.0.0")
        newest = engine.state.upgrades[in_order(engine)[-1]]
        stream = f"upgrade/{newest.id}"
        assert stream in {line.stream for line in snapshot.lines_after(engine, before, None, 10_000)}

        monkeypatch.setattr(old_upgrades, "due_to_retire", lambda *given: [newest])
        await retire_upgrades(engine, state_dir)

        assert newest.id not in engine.state.upgrades
        told = snapshot.lines_after(engine, before, None, 10_000)
        assert engine.recent.after(before, None, 10_000) == told, "from memory"
        assert told == [event_line(recorded) for recorded in engine.store.events(before, 10_000)]
        assert stream not in {line.stream for line in told}

    later(tmp_path, story)


def test_the_store_goes_on_and_numbers_do_not_come_again(tmp_path: Path) -> None:
    async def story(engine: Engine, state_dir: Path) -> None:
        await retire_upgrades(engine, state_dir, kept_last=0, kept_of_set=1)
        await upgrade(engine, "1.0.0")

        assert [name.split("-")[1] for name in in_order(engine)] == ["3", "4"]
        assert differences(state_dir) == []
        assert engine.store.load_state().upgrades == sorted(engine.state.upgrades.values(), key=lambda u: u.started_at)

    later(tmp_path, story)


def test_nothing_leaves_while_an_upgrade_is_live(tmp_path: Path) -> None:
    async def story(engine: Engine, state_dir: Path) -> None:
        before = in_order(engine)
        await carry_out(engine, "start", {"set": "web", "to": "1.0.0"}, ANA)
        await retire_upgrades(engine, state_dir, kept_last=0, kept_of_set=1)

        assert in_order(engine)[:3] == before
        assert not (state_dir / FOLDER).exists()

    later(tmp_path, story)


def test_nothing_leaves_when_an_upgrade_begins_while_its_recording_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def recorded_meanwhile(engine: Engine, upgrade_id: str) -> list[str]:
        lines = await recording_lines(engine, upgrade_id)
        await carry_out(engine, "start", {"set": "web", "to": "1.0.0"}, ANA)
        await carry_out(engine, "pause", {"set": "web"}, ANA)  # virtual time runs on while a thread looks
        return lines

    async def story(engine: Engine, state_dir: Path) -> None:
        before = in_order(engine)
        monkeypatch.setattr(old_upgrades, "recording_lines", recorded_meanwhile)
        await retire_upgrades(engine, state_dir, kept_last=0, kept_of_set=1)

        assert in_order(engine)[:3] == before

    later(tmp_path, story)


@pytest.mark.parametrize("draining", (False, True), ids=("in trouble", "stopping"))
def test_nothing_leaves_a_store_in_trouble_nor_an_engine_that_stops(tmp_path: Path, draining: bool) -> None:
    async def story(engine: Engine, state_dir: Path) -> None:
        if draining:
            engine.drain(60.0, stops_anyway=False)
        else:
            engine.guard.checked("damaged page 3", engine.clock.now())
        await retire_upgrades(engine, state_dir, kept_last=0, kept_of_set=1)

        assert len(in_order(engine)) == 3

    later(tmp_path, story)


def test_one_whose_log_tells_no_run_stays_and_holds_up_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    real = snapshot.set_lines
    asked: list[object] = []

    def broken_once(*given: Any) -> list[str]:
        asked.append(given)
        if len(asked) == 1:
            raise KeyError("no such set")
        return real(*given)

    async def story(engine: Engine, state_dir: Path) -> None:
        first, _, last = in_order(engine)
        monkeypatch.setattr(past_run, "set_lines", broken_once)
        await retire_upgrades(engine, state_dir, kept_last=0, kept_of_set=1)

        assert in_order(engine) == [first, last]
        assert f"{first} stays in the store" in capfd.readouterr().err

    later(tmp_path, story)


def test_a_disk_that_cannot_be_read_ends_the_call_and_not_the_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refused(*given: object, **more: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    async def story(engine: Engine, state_dir: Path) -> None:
        monkeypatch.setattr(past_run, "every_event", refused)
        await retire_upgrades(engine, state_dir, kept_last=0, kept_of_set=1)

        assert len(in_order(engine)) == 3
        assert capfd.readouterr().err.count("stays in the store") == 1

    later(tmp_path, story)


def test_a_few_leave_at_a_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(engine: Engine, state_dir: Path) -> None:
        monkeypatch.setattr(old_upgrades, "AT_ONCE", 1)
        await retire_upgrades(engine, state_dir, kept_last=0, kept_of_set=1)
        assert len(in_order(engine)) == 2
        await retire_upgrades(engine, state_dir, kept_last=0, kept_of_set=1)
        assert len(in_order(engine)) == 1

    later(tmp_path, story)


def test_the_store_opens_again_without_them(tmp_path: Path) -> None:
    async def story(engine: Engine, state_dir: Path) -> None:
        await retire_upgrades(engine, state_dir, kept_last=0, kept_of_set=1)

    async def again() -> None:
        async with small_engine(tmp_path, DurableFleet(tmp_path / "fleet"), later_s=2 * AFTER_ALL_S) as engine:
            assert len(in_order(engine)) == 1
            await upgrade(engine, "1.0.0")
            assert differences(tmp_path) == []

    later(tmp_path, story)
    on_virtual_time(again)


def test_nothing_leaves_by_a_clock_that_jumped(tmp_path: Path) -> None:
    async def story(engine: Engine, state_dir: Path) -> None:
        engine.wall.jumped(500.0, engine.clock.now())
        await retire_upgrades(engine, state_dir, kept_last=0, kept_of_set=1)

        assert len(in_order(engine)) == 3

    later(tmp_path, story)


def test_the_last_thousand_stay(tmp_path: Path) -> None:
    async def story(engine: Engine, state_dir: Path) -> None:
        await retire_upgrades(engine, state_dir)

        assert len(in_order(engine)) == 3

    later(tmp_path, story)


def test_what_cannot_be_written_stays_until_it_can(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    async def story(engine: Engine, state_dir: Path) -> None:
        first, second, last = in_order(engine)
        (state_dir / FOLDER / f"{first}.jsonl.gz").mkdir(parents=True)
        await retire_upgrades(engine, state_dir, kept_last=0, kept_of_set=1)
        assert in_order(engine) == [first, second, last]
        assert f"{first} stays in the store" in capfd.readouterr().err
        assert os.listdir(state_dir / FOLDER) == [f"{first}.jsonl.gz"]

        shutil.rmtree(state_dir / FOLDER)
        await retire_upgrades(engine, state_dir, kept_last=0, kept_of_set=1)
        assert in_order(engine) == [last]

    later(tmp_path, story)
