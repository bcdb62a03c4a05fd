"""Instances whose unhealthy answers do not count yet: nobody looked at them, or they are only just booted again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.decide.settle_settings import DEFAULT_HEALTH_WINDOW_S
from engine.model.health import READ_AS_UNHEALTHY, Health
from engine.model.scale_set import Instance, ScaleSet
from engine.runtime.adoption import AGAIN

if TYPE_CHECKING:
    from engine.runtime.engine import Engine

Place = tuple[str, str]


class BootGrace:
    """Holds unhealthy answers back, so that a reboot never ends a live upgrade.

    An instance is in it from the start of the engine until somebody looked whether it runs, and from when it is booted
    again until its first healthy answer. It ends with its boot process, with a disk swap, and after the health window
    in observed seconds: the default one, the live upgrade's or the grace period of the source, whichever is longest.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._until: dict[Place, float] = {}
        for scale_set in engine.state.scale_sets.values():
            for instance in scale_set.instances.values():
                if instance.provisioned:
                    self._begin(scale_set, instance)
        self._unseen = set(self._until)

    def booted_again(self, scale_set: ScaleSet, instance: Instance) -> None:
        """It stopped while no engine ran, and is to run once more."""
        self._unseen.discard((scale_set.key, instance.instance_id))
        self._begin(scale_set, instance)

    def looked_at(self, scale_set: ScaleSet, instance: Instance, runs: bool) -> None:
        """Whether it runs is known."""
        place = (scale_set.key, instance.instance_id)
        first = place in self._unseen
        self._unseen.discard(place)
        by_an_engine_before = instance.health is Health.NOT_OBSERVED and instance.health_detail == AGAIN
        if not runs or (first and not by_an_engine_before):
            self._until.pop(place, None)

    def forget(self, key: str, instance_id: str) -> None:
        """It booted: anew, or from another OS disk, of which all is taken that is seen."""
        scale_set = self._engine.state.scale_sets.get(key)
        instance = scale_set.instances.get(instance_id) if scale_set is not None else None
        self._unseen.discard((key, instance_id))
        if scale_set is not None and instance is not None and instance.provisioned and instance.trying is not None:
            self._begin(scale_set, instance)
        else:
            self._until.pop((key, instance_id), None)

    def holds_back(self, scale_set: ScaleSet, instance: Instance, read: Health) -> bool:
        """Whether what was read of an instance is not to be taken as its health yet."""
        place = (scale_set.key, instance.instance_id)
        if read is Health.HEALTHY:
            self._until.pop(place, None)
        if read not in READ_AS_UNHEALTHY:
            return False
        if self._engine.draining is not None:
            return True  # instances and engine may go down together
        if place in self._until and instance.trying is not None:
            self._begin(scale_set, instance)
        until = self._until.get(place)
        if until is None:
            return False
        if self._engine.clock.now().clock < until:
            return True
        del self._until[place]
        return False

    def _begin(self, scale_set: ScaleSet, instance: Instance) -> None:
        live, source = self._engine.state.live_upgrade(scale_set.key), scale_set.model.health
        window_s = max(
            DEFAULT_HEALTH_WINDOW_S,
            live.settings.health_window_s if live is not None else 0.0,
            source.grace_period_s if source is not None else 0.0,
        )
        self._until[(scale_set.key, instance.instance_id)] = self._engine.clock.now().clock + window_s
