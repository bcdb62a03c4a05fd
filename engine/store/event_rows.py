"""Rows of the table of events."""

from __future__ import annotations

from typing import Any

from engine.model.events import Recorded
from engine.wire.events import SCHEMA, event_type, from_json, to_json


def event_row(r: Recorded) -> tuple[Any, ...]:
    """The columns of a recorded event, in the table's order."""
    body = to_json(r.event)
    return (r.seq, r.stream, r.stream_seq, event_type(r.event), SCHEMA, r.at, r.clock, r.epoch, r.actor, r.cause, body)


def recorded_of(row: tuple[Any, ...]) -> Recorded:
    """The reverse of `event_row`."""
    seq, stream, stream_seq, kind, schema, at, clock, epoch, actor, cause, body = row
    return Recorded(seq, stream, stream_seq, at, clock, epoch, actor, cause, from_json(kind, schema, body))
