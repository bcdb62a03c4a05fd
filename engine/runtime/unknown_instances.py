"""Instances of the local fleet that no scale set has: after a restore, or a deletion that was given up."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio.to_thread

from engine.fleets.local.leftovers import unknown
from engine.model.effects import EffectKind
from engine.model.events import InstancesUnknown
from engine.runtime.engine import Engine
from engine.wire.words import words

UNKNOWN_NAMED = 5


def found_unknown(names: Sequence[str]) -> InstancesUnknown:
    """They are named up to a few."""
    return InstancesUnknown(tuple(names[:UNKNOWN_NAMED]), len(names))


async def unknown_check(engine: Engine) -> dict[str, Any]:
    """A line for doctor: nothing has to be done about them, but somebody should know."""
    root = engine.store.path.parent / "local"
    found = found_unknown(await anyio.to_thread.run_sync(unknown_instances, engine, root))
    return {"name": "instances", "ok": True, "words": words(found), "next_step": ""}


def unknown_instances(engine: Engine, root: Path) -> list[str]:
    """`SET/ID` of what lies under the fleet's `root`, is in no scale set, and is not being deleted."""
    sets = list(engine.state.scale_sets.items())
    known = {(key, name) for key, s in sets if s.fleet == "local" for name in s.instances}
    leaving = (x for x in list(engine.state.open_effects.values()) if x.kind is EffectKind.DELETE_INSTANCE)
    return unknown(root, known | {(x.scale_set, x.instance_id) for x in leaving})


def told_before(engine: Engine) -> InstancesUnknown:
    """What an engine said of them last."""
    last = engine.store.last_events(engine.head, 1, streams=("engine",), types=("InstancesUnknown",))
    event = last[0].event if last else None
    return event if isinstance(event, InstancesUnknown) else InstancesUnknown((), 0)
