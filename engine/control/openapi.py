"""The OpenAPI document of the engine's door, built from the edge types. `scripts/openapi` writes docs/openapi.json."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from engine.control.edge_answers import ANSWERS, COMMAND_ANSWERS, ErrorAnswer, EventLine, Message
from engine.control.edge_types import COMMANDS, QUERIES, EdgeType, EventsQuery, RecordingQuery, SnapshotQuery
from engine.model.version import VERSION
from engine.runtime.permissions import Role, needed_for

REFERENCE = "#/components/schemas/{model}"
STATUS = {"400": "bad input", "403": "not permitted", "404": "not found", "409": "refused in this state"}
Document = dict[str, Any]


def openapi_document() -> Document:
    """OpenAPI 3.1. Every route, its arguments and answers; commands say which role they need."""
    models: set[type[BaseModel]] = {*COMMANDS.values(), *ANSWERS.values(), *COMMAND_ANSWERS.values()}
    models |= {*QUERIES.values(), EventsQuery, RecordingQuery, SnapshotQuery, ErrorAnswer, EventLine, Message}
    ordered = sorted(models, key=lambda model: model.__name__)
    schemas = models_json_schema([(model, "validation") for model in ordered], ref_template=REFERENCE)[1]["$defs"]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Rollset engine",
            "version": VERSION,
            "description": "HTTP on a Unix socket; the socket's peer credentials say who is calling.",
        },
        "paths": {
            **{f"/v1/commands/{verb}": {"post": _command(verb, model)} for verb, model in sorted(COMMANDS.items())},
            "/v1/connection": {"post": _introduction()},
            **{f"/v1/{what}": {"get": _query(what, model)} for what, model in sorted(QUERIES.items())},
            "/v1/events": {"get": _stream("Events after a seq, one a line.", EventsQuery)},
            "/v1/snapshot": {"get": _stream("A snapshot: a header, then one record a line.", SnapshotQuery)},
            "/v1/recording": {"get": _stream("One upgrade as a recording, one line each.", RecordingQuery)},
            "/metrics": {"get": {"summary": "Prometheus text.", "responses": {"200": {"description": "metrics"}}}},
        },
        "components": {"schemas": schemas},
    }


def openapi_text() -> str:
    """The document as it is committed."""
    return json.dumps(openapi_document(), indent=1, sort_keys=True) + "\n"


def _command(verb: str, model: type[EdgeType]) -> Document:
    answer = COMMAND_ANSWERS.get(verb, Message)
    return {
        "operationId": verb,
        "summary": f"Needs the role {needed_for(verb)}.",
        "requestBody": {"required": True, "content": {"application/json": {"schema": _reference(model)}}},
        "responses": {"200": _answered("application/json", answer), **_errors()},
    }


def _introduction() -> Document:
    return {
        "operationId": "introduce",
        "summary": "The X-Rollset headers of this request hold for every later request of its connection.",
        "responses": {"200": _answered("application/json", Message), **_errors()},
    }


def _query(what: str, model: type[EdgeType]) -> Document:
    return {
        "operationId": f"get-{what}",
        "summary": f"Needs the role {Role.VIEWER}.",
        "parameters": _parameters(model),
        "responses": {"200": _answered("application/json", ANSWERS[what]), **_errors()},
    }


def _stream(words: str, model: type[EdgeType]) -> Document:
    return {
        "summary": words,
        "parameters": _parameters(model),
        "responses": {"200": _answered("application/x-ndjson", EventLine), **_errors()},
    }


def _parameters(model: type[EdgeType]) -> list[Document]:
    schema = model.model_json_schema(ref_template=REFERENCE)
    needed = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in needed, "schema": shape}
        for name, shape in schema.get("properties", {}).items()
    ]


def _answered(media_type: str, model: type[EdgeType]) -> Document:
    return {"description": "done", "content": {media_type: {"schema": _reference(model)}}}


def _errors() -> Document:
    content = {"application/json": {"schema": _reference(ErrorAnswer)}}
    return {status: {"description": words, "content": content} for status, words in STATUS.items()}


def _reference(model: type[BaseModel]) -> Document:
    return {"$ref": REFERENCE.format(model=model.__name__)}
