"""Health that a fleet tells by itself: only what differs from what the engine knows goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import anyio

from engine.fleets.fleet import HealthTellingFleet
from engine.model.health import Health
from engine.model.scale_set import Instance, ScaleSet
from engine.runtime.effect_runner import in_time

if TYPE_CHECKING:
    from engine.runtime.engine import Engine

Learn = Callable[[str, str, Health, str], None]
RETRY_S = 1.0


def differs(instance: Instance, health: Health, detail: str) -> bool:
    """Another state, or another reason for not being healthy: an operator reads the last answer, not the first."""
    return health is not instance.health or (health is not Health.HEALTHY and detail != instance.health_detail)


class ToldHealth:
    """Follows every fleet that tells health. `learn` takes set key, instance id, health and words."""

    def __init__(self, engine: Engine, learn: Learn) -> None:
        self._engine = engine
        self._learn = learn
        self._again: set[tuple[str, str]] = set()
        self._awake = anyio.Event()
        self._fleets = [fleet for fleet in engine.fleets.values() if isinstance(fleet, HealthTellingFleet)]

    def refresh(self) -> None:
        """Scale sets were written."""
        for fleet in self._fleets:
            fleet.tags_changed()

    def look_again(self, scale_set: str, instance_id: str) -> None:
        """What was told before a disk swap does not count; look once the swap is committed."""
        self._again.add((scale_set, instance_id))
        self._awake.set()

    def is_as_told(self, scale_set: ScaleSet, instance_id: str) -> bool:
        """Whether the fleet still tells what the engine knows; if not, the news is on its way."""
        fleet, instance = self._engine.fleets[scale_set.fleet], scale_set.instances.get(instance_id)
        if instance is None or not isinstance(fleet, HealthTellingFleet):
            return False
        try:
            health, _ = fleet.health(scale_set.key, [instance_id])[instance_id]
        except Exception:  # noqa: BLE001 - whatever a fleet raises must not end the engine
            return False
        if health is not instance.health:
            self.look_again(scale_set.key, instance_id)
            return False
        return True

    async def run(self) -> None:
        """Follow until cancelled."""
        async with anyio.create_task_group() as tasks:
            for fleet in self._fleets:
                tasks.start_soon(self._follow, fleet)
            while True:
                await self._awake.wait()
                self._awake = anyio.Event()
                again, self._again = self._again, set()
                self._take(again)

    async def _follow(self, fleet: HealthTellingFleet) -> None:
        """What one fleet tells. News may be lost with a call that fails, so everybody is looked at after it."""
        while True:
            try:
                self._take((scale_set.key, name) for scale_set in self._sets_of(fleet) for name in scale_set.instances)
                while True:
                    self._take(await in_time(fleet.health_news))
                    for scale_set in self._sets_of(fleet):
                        self._engine.contact.answered(scale_set.key, "health")
            except Exception as error:  # noqa: BLE001 - whatever a fleet raises must not end the engine
                for scale_set in self._sets_of(fleet):
                    self._engine.contact.silent(scale_set.key, "health", str(error))
            await anyio.sleep(RETRY_S)

    def _sets_of(self, fleet: HealthTellingFleet) -> list[ScaleSet]:
        known = self._engine.state.scale_sets.values()
        return [scale_set for scale_set in known if self._engine.fleets[scale_set.fleet] is fleet]

    def _take(self, names: Iterable[tuple[str, str]]) -> None:
        by_set: dict[str, list[str]] = {}
        for key, name in names:
            by_set.setdefault(key, []).append(name)
        for key, wanted in by_set.items():
            scale_set = self._engine.state.scale_sets.get(key)
            fleet = self._engine.fleets[scale_set.fleet] if scale_set is not None else None
            if scale_set is None or not isinstance(fleet, HealthTellingFleet):
                continue
            for name, (health, detail) in fleet.health(key, wanted).items():
                if name in scale_set.instances and health is not Health.NOT_OBSERVED:
                    self._learn(key, name, health, detail)
