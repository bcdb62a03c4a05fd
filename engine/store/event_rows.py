"""Rows of the tables of events and of effects."""

from __future__ import annotations

from typing import Any

from engine.model.effects import Effect
from engine.model.events import Recorded
from engine.wire.events import SCHEMA, event_type, from_json, to_json
from engine.wire.state import dump


def event_row(r: Recorded) -> tuple[Any, ...]:
    """The columns of a recorded event, in the table's order."""
    body = to_json(r.event)
    return (r.seq, r.stream, r.stream_seq, event_type(r.event), SCHEMA, r.at, r.clock, r.epoch, r.actor, r.cause, body)


def intent_row(effect: Effect, epoch: int, at: float) -> tuple[Any, ...]:
    """An effect that an engine means to carry out, by the columns that the statement in the store names."""
    kind, body = effect.kind.value, dump(effect)
    return (effect.id, effect.operation, effect.scale_set, effect.instance_id, kind, effect.attempt, epoch, at, body)


def recorded_of(row: tuple[Any, ...]) -> Recorded:
    """The reverse of `event_row`."""
    seq, stream, stream_seq, kind, schema, at, clock, epoch, actor, cause, body = row
    return Recorded(seq, stream, stream_seq, at, clock, epoch, actor, cause, from_json(kind, schema, body))
