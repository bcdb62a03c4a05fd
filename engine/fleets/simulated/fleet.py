"""The simulated fleet: the contract of fleets on instances that are a few hundred bytes each.

Its clock goes on between two engines: what was begun ends when it would have ended.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import anyio

from engine.fleets.fleet import Capability, Poll
from engine.fleets.simulated.journal import Journal
from engine.fleets.simulated.one_set import SimulatedSet
from engine.model.effects import Effect, EffectKind, EffectOutcome, InstanceFacts, OutcomeKind
from engine.model.errors import InputError
from engine.model.health import Health
from engine.model.simulated import SimulatedBehaviour, read_behaviour

WAIT_S = 10.0
GATHER_S = 0.05
GATHER_MANY_S = 0.25
MANY = 100

Tags = Callable[[str], Mapping[str, str]]
"""The tags of a scale set by its key, as they are now."""


class SimulatedFleet:
    """Implements `engine.fleets.fleet.HealthTellingFleet`. All sets of one state directory."""

    def __init__(
        self,
        directory: Path,
        tags_of: Tags,
        *,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory = directory
        self._tags_of = tags_of
        self._wall = wall
        self._monotonic = monotonic
        self._began = monotonic()
        self._base = _last_time(directory, wall())
        self._sets: dict[str, SimulatedSet] = {}
        self._behaviours: dict[str, tuple[Mapping[str, str], SimulatedBehaviour]] = {}
        self._count = 0
        self._changed = anyio.Event()

    def capabilities(self) -> frozenset[Capability]:
        return frozenset({Capability.RESTORE_DISK, Capability.CAPTURE, Capability.FENCE})

    def now(self) -> float:
        """Fleet seconds: they go on while no engine runs, and never go back."""
        return self._base + self._monotonic() - self._began

    async def begin(self, effects: Sequence[Effect], epoch: int) -> str:
        key = effects[0].scale_set
        own = self._set(key)
        self._count += 1
        handle = f"{_file_name(key)}/{epoch}.{self._count}"
        own.begin(effects, epoch, handle, self._behaviour(key))
        self._tell()
        return handle

    async def poll(self, handle: str) -> Poll:
        own = self._set_of_file(handle.partition("/")[0])
        acts = own.handles.get(handle) if own is not None else None
        if own is None or acts is None:
            return Poll({}, None)
        first = min(act.ends for act in acts.values())
        await anyio.sleep(min(WAIT_S, max(0.0, first - self.now())))
        now = own.catch_up()
        done = {key: act.outcome() for key, act in acts.items() if act.ends <= now}
        for key in done:
            del acts[key]
        if not acts:
            own.handles.pop(handle, None)
            return Poll(done, None)
        return Poll(done, GATHER_MANY_S if len(acts) > MANY else GATHER_S)

    async def settle(self, effect: Effect) -> EffectOutcome | None:
        own = self._set(effect.scale_set)
        known = own.outcome_of(effect)
        if known is not None:
            return known.outcome()
        gone = effect.instance_id not in own.instances and not own.begins(effect.id)
        if effect.kind is EffectKind.DELETE_INSTANCE and gone:
            return EffectOutcome(effect.id, OutcomeKind.SUCCEEDED)
        return None

    async def observe(self, scale_set: str, instance_ids: Sequence[str]) -> Mapping[str, InstanceFacts]:
        own = self._set(scale_set)
        own.catch_up()
        known = own.instances
        return {
            name: known[name].facts(name) if name in known else InstanceFacts(name, exists=False, running=False)
            for name in instance_ids
        }

    async def room_bytes(self) -> int | None:
        return None

    # --- health ---------------------------------------------------------------------------------------------

    def health(self, scale_set: str, instance_ids: Sequence[str]) -> Mapping[str, tuple[Health, str]]:
        return self._set(scale_set).health(instance_ids, self._behaviour(scale_set))

    async def health_news(self) -> Sequence[tuple[str, str]]:
        changed = self._changed
        looks = [at for own in self._sets.values() if (at := own.next_look()) is not None]
        with anyio.move_on_after(min(WAIT_S, max(GATHER_S, min(looks, default=WAIT_S + self.now()) - self.now()))):
            await changed.wait()
            await anyio.sleep(GATHER_S)
        return [(key, name) for key, own in self._sets.items() for name in own.health_news(self._behaviour(key))]

    def tags_changed(self) -> None:
        """Scale sets were written: whose tags are others than before is looked at anew."""
        for key, own in self._sets.items():
            known = self._behaviours.get(key)
            if known is not None and known[0] is not self._tags_of(key):
                before = known[1]
                if self._behaviour(key) != before:
                    own.look_at_all()
                    self._tell()

    # --- inside ---------------------------------------------------------------------------------------------

    def _tell(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()

    def _behaviour(self, key: str) -> SimulatedBehaviour:
        """From the tags as they are; tags that cannot be read (they were checked when applied) leave the last ones."""
        tags = self._tags_of(key)
        known = self._behaviours.get(key)
        if known is not None and known[0] is tags:
            return known[1]
        try:
            found = read_behaviour({"rollset-simulated-seed": key} | dict(tags))
        except InputError:
            found = known[1] if known is not None else SimulatedBehaviour(seed=key)
        self._behaviours[key] = (tags, found)
        return found

    def _set(self, key: str) -> SimulatedSet:
        found = self._sets.get(key)
        if found is None:
            journal = Journal(self._directory / f"{_file_name(key)}.jsonl")
            found = self._sets[key] = SimulatedSet(key, journal, self.now, self._wall)
        return found

    def _set_of_file(self, name: str) -> SimulatedSet | None:
        for own in self._sets.values():
            if _file_name(own.key) == name:
                return own
        header = next(Journal(self._directory / f"{name}.jsonl").read(), None)
        return self._set(header[3]) if header is not None and header[0] == "set" else None


def _file_name(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def _last_time(directory: Path, wall: float) -> float:
    """The fleet's time now, from the newest line of any set; a wall clock that went back adds nothing."""
    newest, at = 0.0, 0.0
    for path in directory.glob("*.jsonl"):
        for line in path.read_bytes().splitlines()[-2:]:
            try:
                _, then, written = json.loads(line)[:3]
                newest, at = max((newest, at), (float(then), float(written)))
            except (ValueError, TypeError):
                continue
    return newest + max(0.0, wall - at) if newest or at else 0.0
