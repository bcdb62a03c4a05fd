"""The audit stream is a chain: one changed byte, one missing entry, one in another place is found."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.model.errors import RollsetError
from engine.runtime.audit_chain import BEGINNING, verify
from engine.runtime.door import Caller
from engine.runtime.engine_door import EngineDoor
from engine.runtime.opening import open_engine

pytestmark = pytest.mark.anyio
ANN = Caller(5001, "ann", {"tty": "/dev/pts/1"})


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def give_commands(state_dir: Path, count: int) -> None:
    async with open_engine(state_dir) as engine:
        door = EngineDoor(engine)
        for number in range(count):
            with pytest.raises(RollsetError):
                await door.command("pause", {"set": f"web{number}", "reason": "é 🎈"}, ANN)


async def verified(state_dir: Path) -> dict[str, Any]:
    async with open_engine(state_dir) as engine:
        return await EngineDoor(engine).query("audit-verify", {}, ANN)


def edit(state_dir: Path, sql: str, *values: object) -> None:
    """As somebody would who can write the file."""
    connection = sqlite3.connect(state_dir / "rollset.db")
    with connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        assert connection.execute(sql, values).rowcount == 1
    connection.close()


async def test_what_nobody_touched_holds_over_restarts(tmp_path: Path) -> None:
    await give_commands(tmp_path, 3)
    await give_commands(tmp_path, 2)

    found = await verified(tmp_path)

    assert found["ok"]
    assert found["entries"] == 5
    assert len(found["hash"]) == 64
    assert found["hash"] != BEGINNING


async def test_the_hash_at_the_end_tells_one_history_from_another(tmp_path: Path) -> None:
    await give_commands(tmp_path, 3)
    before = (await verified(tmp_path))["hash"]

    await give_commands(tmp_path, 1)

    assert (await verified(tmp_path))["hash"] != before


@pytest.mark.parametrize("number", (1, 2, 4))
@pytest.mark.parametrize(
    "change",
    (
        "body = replace(body, 'ann', 'bob')",
        'body = replace(body, \'"verb":"pause"\', \'"verb":"pausf"\')',
        "body = replace(body, ',\"', ', \"')",
        "body = replace(body, '\"number\":', '\"number\": ')",
        "at = at + 0.001",
        "clock = clock + 1",
        "epoch = epoch + 1",
        "actor = 'bob'",
        "cause = 'x'",
        "type = 'PolicyDeleted'",
    ),
)
async def test_one_changed_byte_is_found_in_the_first_a_middle_and_the_last_entry(
    tmp_path: Path, number: int, change: str
) -> None:
    await give_commands(tmp_path, 4)
    edit(tmp_path, f"UPDATE event SET {change} WHERE stream='audit' AND stream_seq=?", number)

    found = await verified(tmp_path)

    assert not found["ok"]
    assert found["first_bad"]["number"] == number
    assert found["entries"] == number - 1


async def test_every_single_character_of_an_entry_counts(tmp_path: Path) -> None:
    await give_commands(tmp_path, 2)
    async with open_engine(tmp_path) as engine:
        first, second = list(engine.audit_entries())[:2]
        for index, character in enumerate(first.body):
            other = first.body[:index] + ("x" if character != "x" else "y") + first.body[index + 1 :]
            found = verify([replace(first, body=other), second])
            assert not found["ok"], f"byte {index} ({character})"


async def test_a_removed_entry_is_found(tmp_path: Path) -> None:
    await give_commands(tmp_path, 4)
    edit(tmp_path, "DELETE FROM event WHERE stream='audit' AND stream_seq=2")

    found = await verified(tmp_path)

    assert not found["ok"]
    assert "entries 2 to 2 are missing" in found["first_bad"]["words"]


async def test_an_entry_whose_hash_was_taken_away_is_found(tmp_path: Path) -> None:
    await give_commands(tmp_path, 3)
    connection = sqlite3.connect(tmp_path / "rollset.db")
    (body,) = connection.execute("SELECT body FROM event WHERE stream='audit' AND stream_seq=2").fetchone()
    connection.close()
    edit(
        tmp_path,
        "UPDATE event SET body=? WHERE stream='audit' AND stream_seq=2",
        json.dumps(json.loads(body) | {"hash": ""}),
    )

    assert (await verified(tmp_path))["first_bad"]["words"] == "no hash"


async def test_a_chain_whose_beginning_was_pruned_holds_from_there(tmp_path: Path) -> None:
    await give_commands(tmp_path, 4)
    edit(tmp_path, "DELETE FROM event WHERE stream='audit' AND stream_seq=1")

    found = await verified(tmp_path)

    assert found["ok"]
    assert found["entries"] == 3


async def test_an_empty_log_holds(tmp_path: Path) -> None:
    assert (await verified(tmp_path)) == {"ok": True, "entries": 0, "unchained": 0, "hash": "", "first_bad": None}


async def test_a_limit_that_is_no_number_is_an_input_error(tmp_path: Path) -> None:
    async with open_engine(tmp_path) as engine:
        with pytest.raises(RollsetError) as caught:
            await EngineDoor(engine).query("audit", {"limit": "many"}, ANN)

    assert caught.value.exit_code == 2
