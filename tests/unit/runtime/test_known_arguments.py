"""An argument that a command does not take is refused with the nearest that it does."""

from __future__ import annotations

import pytest

from engine.model.errors import InputError
from engine.runtime.engine_door import EngineDoor
from engine.runtime.known_arguments import COMMAND_ARGUMENTS, refuse_unknown
from engine.runtime.verbs import _VERBS
from tests.unit.runtime.conftest import ANA

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_a_misspelt_limit_starts_nothing_and_is_in_the_audit_trail(door: EngineDoor) -> None:
    with pytest.raises(InputError, match="start takes no argument 'max_unhealthy_upgrade'") as refusal:
        await door.command("start", {"set": "web", "max_unhealthy_upgrade": 5}, ANA)

    assert refusal.value.next_step == "Did you mean max_unhealthy_upgraded?"
    (entry,) = (await door.query("audit", {}, ANA))["entries"]
    assert "max_unhealthy_upgrade" in entry["body"]["refusal"]


def test_where_nothing_is_near_it_says_what_there_is() -> None:
    with pytest.raises(InputError) as refusal:
        refuse_unknown("scale", {"zzzzzz": 1})
    assert refusal.value.next_step == "It takes capacity, set, to."


@pytest.mark.parametrize("verb", sorted(_VERBS))
def test_every_verb_has_its_arguments(verb: str) -> None:
    assert {"reason", "key", "confirm", "seen_version"} <= COMMAND_ARGUMENTS[verb]
