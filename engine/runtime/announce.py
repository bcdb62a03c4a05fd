"""What an engine puts into the log before it does anything else, and after everything."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from engine.model import events as e
from engine.model.errors import UnreachableError
from engine.model.health import Health
from engine.model.version import VERSION
from engine.runtime.engine import Engine
from engine.runtime.stopped_instances import mark_stopped
from engine.runtime.unknown_instances import found_unknown, told_before


def announce(engine: Engine, away_s: float, clean: bool, unknown: Sequence[str] = ()) -> None:
    """Record that an engine is here again, that no health is known yet, and which instances no scale set has."""
    turn = engine.turn()
    turn.note("engine", e.EngineStarted(os.getpid(), VERSION, engine.epoch, away_s, clean))
    found = found_unknown(unknown)
    if found != told_before(engine):
        turn.note("engine", found)
    for scale_set in engine.state.scale_sets.values():
        for instance in scale_set.instances.values():
            if instance.health is not Health.NOT_OBSERVED:
                turn.on_scale_set(
                    scale_set.key,
                    e.InstanceHealthChanged(
                        instance.instance_id, instance.health, Health.NOT_OBSERVED, "the engine has just started"
                    ),
                )
    for effect in engine.state.open_effects.values():
        engine.contact.unknown(effect)
    engine.contact.take_into(turn)
    engine.contact.taken()
    engine.commit(turn)


def record_stop(engine: Engine, reason: str) -> None:
    """The last record of a clean stop; an engine that lost its store writes nothing."""
    if engine.guard.lost is not None:
        print(f"stopped: {engine.guard.lost}", file=sys.stderr)
        return
    engine.begin_nothing_more()
    turn = engine.turn()
    mark_stopped(engine, turn)
    turn.note("engine", e.EngineStopped(reason))
    try:
        engine.commit(turn)
        engine.store.mark_stopped(engine.clock.now().clock, True)
    except UnreachableError as error:
        print(f"could not record the stop: {error}", file=sys.stderr)
