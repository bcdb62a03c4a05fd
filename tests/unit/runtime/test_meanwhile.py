"""A command on an older look at an upgrade is told what happened meanwhile; the audit log keeps what was found."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.model.errors import NotFoundError, RefusedError, UnreachableError
from engine.runtime.engine_door import EngineDoor
from engine.runtime.opening import open_engine
from engine.runtime.permissions import Role
from tests.worlds.simulated_web import ANN, create, until
from tests.worlds.watching import upgrade_of

pytestmark = pytest.mark.anyio
BO = replace(ANN, uid=5002, user="bo", role=Role.OPERATOR, login="bo.login")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[EngineDoor]:
    async with open_engine(tmp_path) as engine:
        made = await create(engine, tmp_path, member_seconds=0.05)
        await made.command("start", {"set": "web", "to": "1.1.0", "step": True}, ANN)
        await until(lambda: upgrade_of(engine).state == "Paused")
        yield made


async def last_entry(door: EngineDoor) -> dict[str, Any]:
    body: dict[str, Any] = (await door.query("audit", {}, ANN))["entries"][-1]["body"]
    return body


async def test_a_stale_command_hears_who_did_what_and_changes_nothing(door: EngineDoor) -> None:
    seen = upgrade_of(door.engine).version
    await door.command("cancel", {"set": "web", "seen_version": seen, "reason": "enough"}, BO)
    await until(lambda: not upgrade_of(door.engine).live)

    with pytest.raises(RefusedError) as caught:
        await door.command("resume", {"set": "web", "seen_version": seen}, ANN)

    said = caught.value.message
    assert f"version {seen}, now {upgrade_of(door.engine).version}" in said
    assert "bo, 0 s ago" in said
    assert "cancel" in said.lower()
    assert caught.value.code == "Conflict"
    entry = await last_entry(door)
    assert entry["seen_version"] == seen
    assert "Conflict" in entry["refusal"]


async def test_what_was_seen_last_is_accepted(door: EngineDoor) -> None:
    await door.command("resume", {"set": "web", "seen_version": upgrade_of(door.engine).version}, ANN)

    assert (await last_entry(door))["refusal"] is None


@pytest.mark.parametrize("seen", (0, -3, 999))
async def test_a_version_that_never_was_is_refused(door: EngineDoor, seen: int) -> None:
    with pytest.raises(RefusedError, match=f"never had version {seen}"):
        await door.command("resume", {"set": "web", "seen_version": seen}, ANN)


async def test_an_entry_says_who_it_was_and_what_was_found(door: EngineDoor) -> None:
    version = upgrade_of(door.engine).version
    await door.command("cancel", {"set": "web", "reason": "enough"}, BO)

    entry = await last_entry(door)

    assert (entry["actor"], entry["uid"], entry["role"], entry["login"]) == ("bo", 5002, "operator", "bo.login")
    assert entry["reason"] == "enough"
    assert entry["before"] == {"upgrade": upgrade_of(door.engine).id, "state": "Paused", "version": str(version)}


@pytest.mark.parametrize(
    ("verb", "arguments", "before"),
    (
        ("scale", {"capacity": 6}, {"capacity": "4", "instances": "4"}),
        ("hold", {"instance": "0"}, {"hold": "none"}),
        ("protect", {"instance": "0", "from_actions": True}, {"from_actions": "false", "from_scale_in": "false"}),
        ("hold", {"instance": "none such"}, {}),
    ),
)
async def test_previous_values_are_kept(
    door: EngineDoor, verb: str, arguments: dict[str, Any], before: dict[str, str]
) -> None:
    with nullcontext() if before else pytest.raises(NotFoundError):
        await door.command(verb, {"set": "web", **arguments}, ANN)

    assert (await last_entry(door))["before"] == before


async def test_an_image_and_a_hold_are_found_as_they_were(door: EngineDoor) -> None:
    await door.command("image-exclude", {"reference": "contoso:web:stable:1.2.0"}, ANN)
    assert (await last_entry(door))["before"] == {"excluded_from_latest": "false"}
    await door.command("hold", {"set": "web", "instance": "1", "reason": "looked at"}, ANN)
    await door.command("release", {"set": "web", "instance": "1"}, BO)
    assert (await last_entry(door))["before"] == {"hold": "ann: looked at"}


async def test_while_the_engine_stops_nothing_new_is_begun(door: EngineDoor) -> None:
    await door.command("engine-hand-over", {}, ANN)

    with pytest.raises(UnreachableError, match="about to stop"):
        await door.command("resume", {"set": "web"}, ANN)
    await until(door.stopping.is_set)
