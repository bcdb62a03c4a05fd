"""The one JSON form of events: for the store, the socket, recordings and the cockpit."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from engine.model import events as known
from engine.model.events import Event, Recorded
from engine.wire.reading import read
from engine.wire.schema import SCHEMA as SCHEMA

if TYPE_CHECKING:
    from pydantic import TypeAdapter

UPCASTERS: dict[tuple[str, int], Callable[[dict[str, Any]], dict[str, Any]]] = {}
"""(type, schema) -> a function that turns a body of that schema into one of the next."""


@dataclass(frozen=True, slots=True)
class UnknownEvent(Event):
    """An event of a type this version does not know: a line in the feed, never an error."""

    type: str
    body: str


def event_type(event: Event) -> str:
    """The name of an event's type."""
    return event.type if isinstance(event, UnknownEvent) else type(event).__name__


@cache
def _class_of(name: str) -> type[Event] | None:
    found = getattr(known, name, None)
    return found if isinstance(found, type) and issubclass(found, Event) and found is not Event else None


@cache
def _adapter(name: str) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter  # a terminal only reads, and has engine.wire.reading for that

    found: Any = _class_of(name)
    return TypeAdapter(found)


@cache
def _to_json(kind: Hashable) -> Callable[[Event], bytes]:
    """pydantic's serializer itself: its adapter's own method takes as long again."""
    found: Callable[[Event], bytes] = _adapter(cast(type, kind).__name__).serializer.to_json
    return found


def to_json(event: Event) -> str:
    """The body of an event."""
    if isinstance(event, UnknownEvent):
        return event.body
    return _to_json(cast(Hashable, type(event)))(event).decode()


def from_json(name: str, schema: int, body: str) -> Event:
    """Read a body written by this or an earlier version; a type or schema from the future gives UnknownEvent."""
    if _class_of(name) is None or schema > SCHEMA:
        return UnknownEvent(name, body)
    while (upcast := UPCASTERS.get((name, schema))) is not None:
        body = json.dumps(upcast(json.loads(body)))
        schema += 1
    event: Event = _adapter(name).validate_json(body)
    return event


def _from_value(name: str, schema: int, body: Any) -> Event:
    """As `from_json`, of a body that is read already."""
    kind = _class_of(name)
    if kind is None or schema > SCHEMA:
        return UnknownEvent(name, json.dumps(body))
    while (upcast := UPCASTERS.get((name, schema))) is not None:
        body = upcast(body)
        schema += 1
    return read(kind, body)


def recorded_to_dict(recorded: Recorded) -> dict[str, Any]:
    """One line of the stream, as JSON values."""
    return {
        "seq": recorded.seq,
        "stream": recorded.stream,
        "stream_seq": recorded.stream_seq,
        "type": event_type(recorded.event),
        "schema": SCHEMA,
        "at": recorded.at,
        "clock": recorded.clock,
        "epoch": recorded.epoch,
        "actor": recorded.actor,
        "cause": recorded.cause,
        "body": json.loads(to_json(recorded.event)),
    }


def recorded_from_dict(line: Mapping[str, Any]) -> Recorded:
    """The reverse of `recorded_to_dict`; keys it does not know are left aside.

    Raises ValueError, KeyError or TypeError for a line that is none.
    """
    event = _from_value(read(str, line["type"]), read(int, line.get("schema", SCHEMA)), line["body"])
    return Recorded(
        read(int, line["seq"]),
        read(str, line["stream"]),
        read(int, line["stream_seq"]),
        read(float, line["at"]),
        read(float, line["clock"]),
        read(int, line["epoch"]),
        read(str, line["actor"]),
        read(str, line["cause"]),
        event,
    )
