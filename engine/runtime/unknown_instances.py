"""Instances of the local fleet that no scale set has: after a restore, or a deletion that was given up."""

from __future__ import annotations

from pathlib import Path

from engine.fleets.local.leftovers import unknown
from engine.model.effects import EffectKind
from engine.model.events import InstancesUnknown
from engine.runtime.engine import Engine

UNKNOWN_NAMED = 5


def unknown_instances(engine: Engine, root: Path) -> list[str]:
    """`SET/ID` of what lies under the fleet's `root`, is in no scale set, and is not being deleted."""
    known = {(key, name) for key, s in engine.state.scale_sets.items() if s.fleet == "local" for name in s.instances}
    leaving = (x for x in engine.state.open_effects.values() if x.kind is EffectKind.DELETE_INSTANCE)
    return unknown(root, known | {(x.scale_set, x.instance_id) for x in leaving})


def told_before(engine: Engine) -> InstancesUnknown:
    """What an engine said of them last."""
    last = engine.store.last_events(engine.head, 1, streams=("engine",), types=("InstancesUnknown",))
    event = last[0].event if last else None
    return event if isinstance(event, InstancesUnknown) else InstancesUnknown((), 0)
