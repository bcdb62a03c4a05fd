"""Watches instances: probes where the model names a source, power state everywhere. Only changes become events."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from itertools import islice
from random import Random
from typing import TYPE_CHECKING

import anyio

from engine.decide.read_probe import HealthRecord, read_answer, track
from engine.fleets.fleet import HealthTellingFleet
from engine.model import events as e
from engine.model.effects import InstanceFacts
from engine.model.errors import UnreachableError
from engine.model.health import Health
from engine.model.scale_set import Instance, ScaleSet
from engine.runtime.adoption import Adoption
from engine.runtime.boot_grace import BootGrace
from engine.runtime.effect_runner import in_time
from engine.runtime.probe import ProbeAnswer, ProbeKind, ProbeTarget
from engine.runtime.probe_pool import ProbePool, Schedule
from engine.runtime.told_health import ToldHealth, differs

if TYPE_CHECKING:
    from engine.runtime.engine import Engine

LOOK_S = 2.0
SEPARATOR = "\0"
DOWN = "its boot process does not run"
LOST = "nothing of it is left on this machine"


class HealthWatch:
    """Feeds health and power into the engine. Answers are gathered and taken in one turn."""

    def __init__(self, engine: Engine, dice: Random) -> None:
        self._engine = engine
        self._records: dict[str, HealthRecord] = {}
        self._pending: dict[str, tuple[Health, str]] = {}
        self._addresses: set[str] = set()
        self._heard: dict[str, float] = {}
        self._booted: dict[str, float] = {}
        lost_s = engine.clock.lost_s
        self.pool = ProbePool(self._wanted, self._answered, self._addresses.__contains__, dice, lost_s)
        self.told = ToldHealth(engine, self._learn)
        self._adoption = Adoption(engine)
        self._grace = BootGrace(engine)

    def refresh(self) -> None:
        """The scale sets changed: probe what is new at once, drop what is gone."""
        self.pool.refresh()
        self.told.refresh()

    def forget(self, scale_set: str, instance_id: str) -> None:
        """A disk was swapped: nothing seen before counts, and the first probe goes out at once."""
        key = scale_set + SEPARATOR + instance_id
        self._records.pop(key, None)
        self._pending.pop(key, None)
        self._booted[key] = self._engine.clock.now().clock
        self._grace.forget(scale_set, instance_id)
        if isinstance(self._engine.fleet_of(scale_set), HealthTellingFleet):
            self.told.look_again(scale_set, instance_id)
        else:
            self.pool.probe_now(key)

    def booted_again(self, scale_set: ScaleSet, instance: Instance) -> None:
        """It was down, and is to run once more: it gets time to answer."""
        self._grace.booted_again(scale_set, instance)

    async def run(self) -> None:
        """Watch until cancelled."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.pool.run)
            tasks.start_soon(self.told.run)
            while True:
                await self._look()
                await anyio.sleep(LOOK_S)

    def _wanted(self) -> Mapping[str, Schedule]:
        found: dict[str, Schedule] = {}
        self._addresses.clear()
        for scale_set in self._engine.state.scale_sets.values():
            source = scale_set.model.health
            if source is None or scale_set.deleting or self._tells(scale_set):
                continue
            for instance in scale_set.instances.values():
                host, _, port = instance.address.rpartition(":")
                if not host or not _runs(instance):
                    continue
                self._addresses.add(host)
                asked = source.port if source.port != scale_set.model.port else int(port)
                target = ProbeTarget(source.protocol, host, asked, source.path or "/", source.timeout_s)
                found[scale_set.key + SEPARATOR + instance.instance_id] = Schedule(target, source.interval_s)
        return found

    def _answered(self, key: str, answer: ProbeAnswer) -> None:
        set_key, _, instance_id = key.partition(SEPARATOR)
        scale_set = self._engine.state.scale_sets.get(set_key)
        instance = scale_set.instances.get(instance_id) if scale_set is not None else None
        if scale_set is None or instance is None or scale_set.model.health is None or not _runs(instance):
            return
        source = scale_set.model.health
        sample = read_answer(source, answer.kind is ProbeKind.ANSWERED, answer.status, answer.body)
        clock = self._engine.clock.now().clock
        record = track(self._records.get(key, HealthRecord()), sample, clock, source)
        self._records[key] = record
        if self._grace.holds_back(scale_set, instance, record.state):
            return
        if sample is not Health.HEALTHY or record.state is Health.HEALTHY:  # else it is about to become healthy
            self._heard[key] = clock
        if differs(instance, record.state, answer.detail):
            self._pending[key] = (record.state, answer.detail)
            self._engine.wake()

    def _tells(self, scale_set: ScaleSet) -> bool:
        return isinstance(self._engine.fleets[scale_set.fleet], HealthTellingFleet)

    def _learn(self, set_key: str, instance_id: str, health: Health, detail: str) -> None:
        instance = self._engine.state.scale_sets[set_key].instances[instance_id]
        if differs(instance, health, detail):
            self._pending[set_key + SEPARATOR + instance_id] = (health, detail)
            self._engine.wake()
        else:
            self._pending.pop(set_key + SEPARATOR + instance_id, None)

    def heard(self, set_key: str, instance_id: str) -> float:
        """When the health of an instance was last answered for (observed seconds), as far as it is taken in.

        A fleet that tells health by itself is asked here and now.
        """
        key = set_key + SEPARATOR + instance_id
        scale_set = self._engine.state.scale_sets.get(set_key)
        if key in self._pending or scale_set is None:
            return float("-inf")
        if self._tells(scale_set):
            return self._engine.clock.now().clock if self.told.is_as_told(scale_set, instance_id) else float("-inf")
        return self._heard.get(key if scale_set.model.health is not None else set_key, float("-inf"))

    def put_back(self, changes: list[tuple[str, e.Event]]) -> None:
        """Changes that could not be committed: they are taken again next time, unless something newer is known."""
        for set_key, change in changes:
            if isinstance(change, e.InstanceHealthChanged):
                self._pending.setdefault(set_key + SEPARATOR + change.instance_id, (change.entered, change.detail))

    def has_changes(self) -> bool:
        """Whether something waits for the next turn."""
        return bool(self._pending)

    def take_changes(self, limit: int) -> list[tuple[str, e.Event]]:
        """At most `limit` health changes since the last turn, as events of their scale sets."""
        found: list[tuple[str, e.Event]] = []
        for key in list(islice(self._pending, limit)):
            health, detail = self._pending.pop(key)
            set_key, _, instance_id = key.partition(SEPARATOR)
            scale_set = self._engine.state.scale_sets.get(set_key)
            instance = scale_set.instances.get(instance_id) if scale_set is not None else None
            if scale_set is None or instance is None or instance.trying is not None:
                continue
            if differs(instance, health, detail) and (instance.running or self._tells(scale_set)):
                found.append((set_key, e.InstanceHealthChanged(instance_id, instance.health, health, detail)))
        return found

    async def _look(self) -> None:
        contact = self._engine.contact
        for scale_set in list(self._engine.state.scale_sets.values()):
            names = [i.instance_id for i in scale_set.instances.values() if i.provisioned]
            if not names or scale_set.deleting:
                continue
            if self._tells(scale_set):
                if contact.heard_of(scale_set.key):
                    continue
                names = names[:1]
            asked = self._engine.clock.now().clock
            try:
                facts = await self._observe(scale_set.key, names)
            except Exception as error:  # noqa: BLE001 - whatever a fleet raises must not end the engine
                contact.silent(scale_set.key, "observe", str(error))
                continue
            contact.answered(scale_set.key, "observe")
            with suppress(UnreachableError):  # the engine's guard knows; the next look brings it again
                self._take_power(scale_set.key, facts, asked)
                self._heard[scale_set.key] = asked

    async def _observe(self, key: str, names: list[str]) -> Mapping[str, InstanceFacts]:
        return await in_time(lambda: self._engine.fleet_of(key).observe(key, names))

    def _take_power(self, set_key: str, facts: Mapping[str, InstanceFacts], asked: float) -> None:
        scale_set = self._engine.state.scale_sets.get(set_key)
        if scale_set is None:
            return
        if self._engine.draining is not None:
            return  # a machine that goes down ends instances and engines together: they are to run again after it
        turn, down = self._engine.turn(), []
        in_hand = self._engine.state.in_hand(set_key)
        for name, fact in facts.items():
            instance = scale_set.instances.get(name)
            if instance is None or not instance.provisioned or instance.trying is not None or name in in_hand:
                continue
            if self._booted.get(set_key + SEPARATOR + name, float("-inf")) >= asked:
                continue  # seen before it booted last
            if self._is_lost(scale_set, instance, fact):
                turn.on_scale_set(set_key, *_made_anew(instance))
                self._adoption.forget(set_key, name)
                self.forget(set_key, name)
                continue
            adopted = self._adoption.take(scale_set, instance, fact.running)
            if adopted is not None:
                if adopted:
                    self._grace.booted_again(scale_set, instance)
                turn.on_scale_set(set_key, *adopted)
                continue
            self._grace.looked_at(scale_set, instance, fact.running)
            turn.on_scale_set(set_key, *self._power_changes(scale_set, instance, fact.running))
            if not fact.running:
                down.append(set_key + SEPARATOR + name)
        if turn.events:
            self._engine.commit(turn)
        self._not_asked(down, asked)

    def _is_lost(self, scale_set: ScaleSet, instance: Instance, fact: InstanceFacts) -> bool:
        """Whether nothing of it is there, it is to be there, and no upgrade counts on what it was."""
        if fact.exists or fact.running or instance.stopped_by or self._tells(scale_set):
            return False
        return self._engine.state.live_upgrade(scale_set.key) is None

    def _power_changes(self, scale_set: ScaleSet, instance: Instance, runs: bool) -> list[e.Event]:
        """What one look at an instance changes: its power, and its health where that follows from it."""
        found: list[e.Event] = []
        if instance.running != runs:
            said = "its boot process runs" if runs else "its boot process has ended"
            found.append(e.InstancePowerChanged(instance.instance_id, runs, said))
        if self._tells(scale_set):
            return found
        if scale_set.model.health is None:
            return found + _power_health(scale_set, instance, runs)
        if not runs and differs(instance, Health.UNHEALTHY, DOWN):
            found.append(e.InstanceHealthChanged(instance.instance_id, instance.health, Health.UNHEALTHY, DOWN))
        return found

    def _not_asked(self, down: list[str], asked: float) -> None:
        """What does not run is not probed: whatever answers in its place is another, and the look at it says it all."""
        for key in down:
            self._records.pop(key, None)
            self._pending.pop(key, None)
            self._heard[key] = asked


def _runs(instance: Instance) -> bool:
    return instance.running and instance.trying is None


def _made_anew(instance: Instance) -> list[e.Event]:
    name = instance.instance_id
    return [
        e.InstanceMadeAnew(name, LOST),
        e.InstanceHealthChanged(name, instance.health, Health.NOT_OBSERVED, "it is made anew"),
    ]


def _power_health(scale_set: ScaleSet, instance: Instance, runs: bool) -> list[e.Event]:
    """Without a health source: power state and extension results (Azure: both must be well)."""
    bad = next((x for x in instance.extensions if x.exit_code != 0), None)
    health = Health.HEALTHY if runs and bad is None else Health.UNHEALTHY
    if health is instance.health:
        return []
    said = "power state is running" if runs else "power state is stopped"
    if bad is not None:
        said = f"extension {bad.name} ended with {bad.exit_code}"
    return [e.InstanceHealthChanged(instance.instance_id, instance.health, health, said)]
