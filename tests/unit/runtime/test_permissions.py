"""Roles hold in the engine itself, whatever door a command comes through, and refusals are in the audit log."""

from __future__ import annotations

from typing import Any

import pytest

from engine.model.errors import NotPermittedError, RollsetError
from engine.runtime.door import Caller
from engine.runtime.engine_door import EngineDoor
from engine.runtime.permissions import Role, needed_for, permit, stronger, weaker
from engine.runtime.verbs import _VERBS

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def who(role: Role | None) -> Caller:
    return Caller(5001, "ann", {}, role)


async def entries(door: EngineDoor) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await door.query("audit", {}, who(Role.VIEWER)))["entries"]
    return found


@pytest.mark.parametrize("verb", sorted(_VERBS))
async def test_a_viewer_may_give_no_command(door: EngineDoor, verb: str) -> None:
    head = door.head()

    with pytest.raises(NotPermittedError, match="ann is viewer here"):
        await door.command(verb, {"set": "web", "reason": "because"}, who(Role.VIEWER))

    (entry,) = await entries(door)
    assert entry["body"]["verb"] == verb
    assert entry["body"]["reason"] == "because"
    assert "NotPermitted" in entry["body"]["refusal"]
    assert door.head() == head + 1
    assert not door.stopping.is_set()


@pytest.mark.parametrize("verb", sorted(_VERBS))
async def test_somebody_without_a_role_may_not_even_know_which_verbs_there_are(door: EngineDoor, verb: str) -> None:
    messages = []
    for given in (verb, "no-such-verb"):
        with pytest.raises(NotPermittedError) as caught:
            await door.command(given, {}, who(None))
        messages.append(str(caught.value))

    assert len(set(messages)) == 1


async def test_somebody_without_a_role_cannot_fill_the_audit_log(door: EngineDoor) -> None:
    for _ in range(50):
        with pytest.raises(NotPermittedError):
            await door.command("pause", {}, who(None))
    with pytest.raises(NotPermittedError):
        await door.query("sets", {}, who(None))

    (entry,) = await entries(door)
    assert entry["body"]["actor"] == "ann"
    assert entry["body"]["refusal"] == "NotPermitted: no role"


async def test_an_operator_may_not_end_the_engine_and_an_admin_may(door: EngineDoor) -> None:
    with pytest.raises(NotPermittedError, match="engine-stop needs admin"):
        await door.command("engine-stop", {}, who(Role.OPERATOR))
    assert not door.stopping.is_set()

    await door.command("engine-stop", {}, who(Role.ADMIN))
    assert door.engine.draining is not None and door.engine.draining.stops_anyway


async def test_an_operators_mistake_is_answered_as_a_mistake(door: EngineDoor) -> None:
    with pytest.raises(RollsetError) as caught:
        await door.command("pause", {"set": "nowhere"}, who(Role.OPERATOR))

    assert caught.value.exit_code == 3


def test_roles_are_ordered() -> None:
    order: tuple[Role | None, ...] = (None, Role.VIEWER, Role.OPERATOR, Role.ADMIN)
    for low, one in enumerate(order):
        for high, other in enumerate(order):
            assert weaker(one, other) is order[min(low, high)]
            assert stronger(one, other) is order[max(low, high)]


def test_who_reaches_what() -> None:
    assert needed_for("pause") is Role.OPERATOR
    assert needed_for("delete") is Role.ADMIN
    permit(Role.ADMIN, "ann", Role.OPERATOR, "pause")
    with pytest.raises(NotPermittedError) as caught:
        permit(None, "ann", Role.VIEWER, "reading")
    assert caught.value.exit_code == 6
