"""A command's verdict, its audit event and what it does: one transaction, one answer for one key."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import anyio
import pytest

from engine.model import events as e
from engine.model.errors import InputError, RefusedError, UnreachableError
from engine.runtime.engine import Engine
from engine.runtime.verbs import carry_out
from engine.store.failures import StoreNotWritableError
from engine.store.store import Transaction
from tests.worlds.durable_fleet import DurableFleet
from tests.worlds.small_engine import ANA, NEW, create, ended, on_virtual_time, small_engine
from tests.worlds.watching import until

START = {"set": "web", "to": NEW.version}


def commits(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> list[Transaction]:
    """Every transaction from now on."""
    seen: list[Transaction] = []
    commit = engine.store.commit

    def watched(transaction: Transaction) -> Any:
        seen.append(transaction)
        return commit(transaction)

    monkeypatch.setattr(engine.store, "commit", watched)
    return seen


def judged(engine: Engine) -> list[e.CommandJudged]:
    found = [r.event for r in engine.store.events(0, 10_000, streams=("audit",))]
    return [event for event in found if isinstance(event, e.CommandJudged)]


def test_an_accepted_command_is_one_transaction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with small_engine(tmp_path, DurableFleet(tmp_path / "fleet")) as engine:
            await create(engine, 3)
            seen = commits(engine, monkeypatch)
            await carry_out(engine, "start", START | {"key": "k1", "seen_version": 7, "reason": "because"}, ANA)
            [only] = seen
            assert only.command is not None and only.command.key == "k1"
            stream, first, actor, _ = only.events[0]
            assert stream == "audit" and isinstance(first, e.CommandJudged)
            assert (first.seen_version, first.reason, first.refusal) == (7, "because", None)
            assert any(isinstance(event, e.UpgradeStarted) for _, event, _, _ in only.events)
            assert {cause for _, _, _, cause in only.events} == {"k1"} and actor == "ana"

    on_virtual_time(main)


def test_a_refused_command_leaves_its_verdict_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with small_engine(tmp_path, DurableFleet(tmp_path / "fleet")) as engine:
            await create(engine, 2)
            seen = commits(engine, monkeypatch)
            with pytest.raises(RefusedError) as refused:
                await carry_out(engine, "pause", {"set": "web", "key": "k2"}, ANA)
            [only] = seen
            assert [type(event) for _, event, _, _ in only.events] == [e.CommandJudged]
            assert only.command is not None and json.loads(only.command.verdict)["code"] == refused.value.code
            with pytest.raises(RefusedError) as again:
                await carry_out(engine, "pause", {"set": "web", "key": "k2"}, ANA)
            assert str(again.value) == str(refused.value)
            assert len(seen) == 1

    on_virtual_time(main)


def test_the_same_key_acts_once_and_answers_with_the_upgrade(tmp_path: Path) -> None:
    async def main() -> None:
        async with small_engine(tmp_path, DurableFleet(tmp_path / "fleet")) as engine:
            await create(engine, 2)
            first = await carry_out(engine, "start", START | {"key": "k"}, ANA)
            again = await carry_out(engine, "start", START | {"key": "k"}, ANA)
            assert again["repeated"] and again["upgrade"]["id"] == first["upgrade"]["id"]
            assert len(engine.state.upgrades) == 1
            with pytest.raises(InputError, match="another command"):
                await carry_out(engine, "pause", {"set": "web", "key": "k"}, ANA)

    on_virtual_time(main)


def test_the_same_key_sent_twice_at_once_acts_once(tmp_path: Path) -> None:
    async def main() -> None:
        async with small_engine(tmp_path, DurableFleet(tmp_path / "fleet")) as engine:
            await create(engine, 2)
            answers: list[dict[str, Any]] = []

            async def send() -> None:
                answers.append(await carry_out(engine, "start", START | {"key": "k"}, ANA))

            async with anyio.create_task_group() as tasks:
                for _ in range(5):
                    tasks.start_soon(send)
            assert len({a["upgrade"]["id"] for a in answers}) == 1
            assert len(engine.state.upgrades) == 1
            assert [x.key for x in judged(engine)].count("k") == 1

    on_virtual_time(main)


def test_roll_back_after_the_end_blocks_the_version_in_the_same_transaction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with small_engine(tmp_path, DurableFleet(tmp_path / "fleet")) as engine:
            turn = engine.turn()
            image = engine.state.images[str(NEW)]
            turn.on_image(image, e.ImageExclusionChanged(NEW, False, ""))
            engine.commit(turn)
            await create(engine, 2)
            await _follow_latest(engine)
            await carry_out(engine, "start", {"set": "web"}, ANA)
            await until(lambda: ended(engine))
            seen = commits(engine, monkeypatch)
            await carry_out(engine, "rollback", {"set": "web"}, ANA)
            began = [t for t in seen if any(isinstance(x, e.UpgradeStarted) for _, x, _, _ in t.events)]
            [only] = began
            [blocked] = [x for _, x, _, _ in only.events if isinstance(x, e.ModelImageChanged)]
            assert blocked.blocked_versions == (NEW.version,)

    on_virtual_time(main)


async def _follow_latest(engine: Engine) -> None:
    from tests.worlds.small_engine import document

    given = {"documents": [document(2, version="latest")], "files": ["web.json"]}
    await carry_out(engine, "apply", given, ANA)


def test_a_store_that_cannot_be_written_answers_with_exit_5_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(transaction: Transaction) -> Any:
        raise StoreNotWritableError("database or disk is full")

    async def main() -> None:
        async with small_engine(tmp_path, DurableFleet(tmp_path / "fleet")) as engine:
            await create(engine, 2)
            with monkeypatch.context() as patched:
                patched.setattr(engine.store, "commit", full)
                with pytest.raises(UnreachableError) as error:
                    await carry_out(engine, "start", START | {"key": "k"}, ANA)
                assert error.value.exit_code == 5 and "full" in str(error.value)
                assert not engine.state.upgrades
            await until(lambda: engine.guard.words is None)
            await carry_out(engine, "start", START | {"key": "k"}, ANA)
            assert len(engine.state.upgrades) == 1

    on_virtual_time(main)


def test_the_command_table_keeps_one_row_a_key(tmp_path: Path) -> None:
    async def main() -> None:
        async with small_engine(tmp_path, DurableFleet(tmp_path / "fleet")) as engine:
            await create(engine, 2)
            for _ in range(3):
                await carry_out(engine, "start", START | {"key": "k"}, ANA)

    on_virtual_time(main)
    with sqlite3.connect(tmp_path / "rollset.db") as connection:
        rows = connection.execute("SELECT verb, verdict, uid FROM command WHERE key='k'").fetchall()
    connection.close()
    assert rows == [("start", "accepted", 1000)]
