"""The OpenAPI document: as committed, complete, and true of real answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.control.edge_answers import ANSWERS, COMMAND_ANSWERS, EventLine, Message
from engine.control.edge_types import COMMANDS, QUERIES
from engine.control.openapi import openapi_document, openapi_text
from engine.runtime.engine_door import _QUERIES
from engine.runtime.known_arguments import COMMAND_ARGUMENTS
from engine.runtime.opening import open_engine
from engine.runtime.verbs import _VERBS
from tests.worlds.simulated_web import ANN, create, until
from tests.worlds.watching import upgrade_of

ROOT = Path(__file__).resolve().parents[3]
REFRESH = "the door has changed: describe it in engine/control/edge_types.py and edge_answers.py, run scripts/openapi"


def test_the_committed_document_is_that_of_the_edge_types() -> None:
    assert (ROOT / "docs" / "openapi.json").read_text() == openapi_text(), REFRESH


def test_every_verb_and_query_of_the_engine_is_described() -> None:
    assert set(COMMANDS) == set(_VERBS), REFRESH
    assert set(QUERIES) == set(ANSWERS) == set(_QUERIES), REFRESH
    assert set(COMMAND_ANSWERS) <= set(COMMANDS)


@pytest.mark.parametrize("verb", sorted(COMMANDS))
def test_a_command_takes_the_arguments_that_are_described_and_no_others(verb: str) -> None:
    assert set(COMMANDS[verb].model_fields) == COMMAND_ARGUMENTS[verb], REFRESH


def test_every_reference_leads_somewhere() -> None:
    document = openapi_document()
    schemas = document["components"]["schemas"]

    def references(value: object) -> set[str]:
        if isinstance(value, dict):
            own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
            return own.union(*(references(x) for x in value.values())) if value else own
        return set[str]().union(*(references(x) for x in value)) if isinstance(value, list) else set()

    found = references(document)
    assert found
    assert {name.removeprefix("#/components/schemas/") for name in found} <= set(schemas)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
async def test_answers_of_a_real_engine_are_as_described(tmp_path: Path) -> None:
    async with open_engine(tmp_path) as engine:
        door = await create(engine, tmp_path)
        started = await door.command("start", {"set": "web", "to": "1.1.0"}, ANN)
        COMMAND_ANSWERS["start"].model_validate(started)
        await until(lambda: not upgrade_of(engine).live)
        given = {
            "set": {"name": "web"},
            "plan": {"set": "web", "to": "1.2.0"},
            "rehearse": {"set": "web", "to": "1.2.0", "inject": "0; engine=5s"},
            "status": {"set": "web"},
            "run": {"id": upgrade_of(engine).id},
            "upgrade": {"id": upgrade_of(engine).id},
            "explain": {"what": "MaxUnhealthy"},
        }
        for what, model in ANSWERS.items():
            model.model_validate(await door.query(what, given.get(what, {}), ANN))
        Message.model_validate(await door.command("scale", {"set": "web", "capacity": 5}, ANN))
        for line in await door.events_after(0, "all", 1000):
            EventLine.model_validate_json(line.text)
