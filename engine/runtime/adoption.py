"""What a new engine does with instances that stopped while none ran: those that ran before are booted again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.fleets.fleet import Capability
from engine.model import events as e
from engine.model.effects import EffectKind
from engine.model.health import Health
from engine.model.scale_set import Instance, ScaleSet

if TYPE_CHECKING:
    from engine.runtime.engine import Engine

WHY = "it ended while no engine ran"
AGAIN = "it is booted again"


class Adoption:
    """Looks once at every instance that was there when this engine began.

    One that ended under an engine's eyes stays down, as Azure leaves it: only what nobody saw end is booted again.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._to_see = {
            (key, name)
            for key, scale_set in engine.state.scale_sets.items()
            for name, instance in scale_set.instances.items()
            if instance.running
        }

    def take(self, scale_set: ScaleSet, instance: Instance, runs: bool) -> Sequence[e.Event] | None:
        """What follows from the first look at an instance; None when that is nothing special."""
        place = (scale_set.key, instance.instance_id)
        if place not in self._to_see:
            return None
        if runs or not instance.running or not self._can_start(scale_set):
            self._to_see.discard(place)
            return None
        if self._in_an_extension(*place):
            return ()  # a boot would end it; what it comes to is seen first
        self._to_see.discard(place)
        return (
            e.InstanceStarting(instance.instance_id, WHY),
            e.InstanceHealthChanged(instance.instance_id, instance.health, Health.NOT_OBSERVED, AGAIN),
        )

    def forget(self, scale_set: str, instance_id: str) -> None:
        """What was there when this engine began is not there any more."""
        self._to_see.discard((scale_set, instance_id))

    def _can_start(self, scale_set: ScaleSet) -> bool:
        return Capability.START in self._engine.fleet_of(scale_set.key).capabilities()

    def _in_an_extension(self, scale_set: str, instance_id: str) -> bool:
        return any(
            x.kind is EffectKind.RUN_EXTENSION and (x.scale_set, x.instance_id) == (scale_set, instance_id)
            for x in self._engine.state.open_effects.values()
        )
