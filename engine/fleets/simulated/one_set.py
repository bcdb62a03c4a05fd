"""The instances of one simulated set, its open acts, and whose health changes when."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from heapq import heappop, heappush
from sys import intern

from engine.fleets.simulated import journal as lines
from engine.fleets.simulated.instances import Act, SimulatedInstance, created
from engine.fleets.simulated.journal import Journal
from engine.fleets.simulated.luck import fate_of, health_of, version_of
from engine.model.codes import ErrorCode
from engine.model.effects import DISK_EFFECTS, Effect, EffectKind
from engine.model.health import Health
from engine.model.simulated import SimulatedBehaviour

FENCED = "Fenced"


class SimulatedSet:
    """What is true of one set. `clock` gives fleet seconds, `wall` Unix seconds; `key` names the set."""

    def __init__(self, key: str, journal: Journal, clock: Callable[[], float], wall: Callable[[], float]) -> None:
        self.key = key
        self.instances: dict[str, SimulatedInstance] = {}
        self.handles: dict[str, dict[str, Act]] = {}
        self._open: dict[str, Act] = {}
        self._ends: list[tuple[float, str]] = []
        self._looks: list[tuple[float, str]] = []
        self._fences: dict[str, int] = {}
        self._journal = journal
        self._clock = clock
        self._wall = wall
        self._load()

    # --- acts -----------------------------------------------------------------------------------------------

    def begin(self, effects: Iterable[Effect], epoch: int, handle: str, behaviour: SimulatedBehaviour) -> None:
        """Decide how each effect ends and write that down; nothing has begun when UnreachableError is raised."""
        wall = self._wall()  # before `now`, so that no later fleet is behind this one and takes back what has ended
        now = self.catch_up()
        acts: dict[str, Act] = {}
        fresh = []
        for effect in effects:
            known = self._known(effect)
            if known is None:
                known = self._decide(effect, epoch, handle, behaviour, now)
                fresh.append(known)
            acts[effect.id] = known
        if fresh:
            head = [] if self._journal.exists() else [[lines.HEADER, now, wall, self.key]]
            self._journal.append(head + [lines.act_line(act, now, wall) for act in fresh])
        for act in fresh:
            self._admit(act)
        self.handles[handle] = acts

    def _known(self, effect: Effect) -> Act | None:
        instance = self.instances.get(effect.instance_id)
        return self._open.get(effect.id) or (instance.acts.get(effect.id) if instance is not None else None)

    def _decide(self, effect: Effect, epoch: int, handle: str, behaviour: SimulatedBehaviour, now: float) -> Act:
        instance = self.instances.get(effect.instance_id)
        name, kind = effect.instance_id, effect.kind
        act = Act(effect.id, kind, name, epoch, now, 0.0, handle, born=effect.born)
        if epoch < self._fences.get(name, 0):
            message = f"epoch {epoch} is lower than {self._fences[name]}, which instance {name} has seen"
            return replace(act, code=FENCED, message=message)
        if kind is EffectKind.DELETE_INSTANCE:
            return replace(act, ends=now + fate_of(effect, behaviour).takes_s)
        if kind is EffectKind.CREATE_INSTANCE:
            return self._decide_creation(act, effect, instance, behaviour)
        if instance is None:
            return replace(act, code=ErrorCode.NOT_FOUND, message=f"there is no simulated instance {name}.")
        if kind is EffectKind.DISCARD_PREVIOUS_DISK:
            return replace(act, ends=now)
        fate = fate_of(effect, behaviour)
        began = max(now, instance.busy_until) if kind in DISK_EFFECTS else now
        act = replace(act, ends=began + fate.takes_s, took_s=fate.takes_s, healthy_after_s=fate.healthy_after_s)
        if kind is EffectKind.RUN_EXTENSION:
            failed = bool(fate.trouble)
            code = ErrorCode.EXTENSION if failed else ""
            return replace(act, code=code, message=fate.trouble, exit_code=int(failed), output=fate.trouble)
        if kind is EffectKind.CAPTURE_RESTORE_POINT:
            return replace(act, disk=instance.disk, digest=instance.digest, version=instance.version)
        if fate.trouble:
            return replace(act, code=ErrorCode.INTERNAL, message=fate.trouble)
        return self._decide_disk(act, effect, instance)

    def _decide_creation(
        self, act: Act, effect: Effect, instance: SimulatedInstance | None, behaviour: SimulatedBehaviour
    ) -> Act:
        if instance is not None and not _is_of_another(instance, act):
            return replace(act, disk=instance.disk, digest=instance.digest, version=instance.version)
        fate = fate_of(effect, behaviour)
        return replace(
            act,
            ends=act.ends + fate.takes_s,
            took_s=fate.takes_s,
            healthy_after_s=fate.healthy_after_s,
            disk=1,
            digest=intern(effect.digest),
            version=intern(version_of(effect)),
            zone=intern(effect.zone),
        )

    def _decide_disk(self, act: Act, effect: Effect, instance: SimulatedInstance) -> Act:
        kept = {str(number): (number, digest, version) for number, digest, version in instance.disks}
        old = kept.get(effect.disk) if effect.kind is EffectKind.RESTORE_OS_DISK else None
        number, digest, version = old or (instance.last_disk + 1, intern(effect.digest), intern(version_of(effect)))
        anew = old is None and effect.kind is EffectKind.RESTORE_OS_DISK
        return replace(act, disk=number, digest=digest, version=version, from_image=anew)

    def _admit(self, act: Act) -> None:
        if act.code == FENCED:
            return
        instance = self.instances.get(act.instance_id)
        self._fences[act.instance_id] = max(act.epoch, self._fences.get(act.instance_id, 0))
        if instance is not None and act.kind in DISK_EFFECTS:
            instance.last_disk = max(instance.last_disk, act.disk)
            instance.busy_until = max(instance.busy_until, act.ends)
        self._open[act.id] = act
        heappush(self._ends, (act.ends, act.id))

    def catch_up(self) -> float:
        """Let every act that has ended by now take hold; returns the time."""
        now = self._clock()
        while self._ends and self._ends[0][0] <= now:
            act = self._open.pop(heappop(self._ends)[1])
            name = act.instance_id
            if act.kind is EffectKind.DELETE_INSTANCE:
                self.instances.pop(name, None)
                self._fences.pop(name, None)
            elif act.kind is EffectKind.CREATE_INSTANCE:
                if name not in self.instances or _is_of_another(self.instances[name], act):
                    self.instances[name] = created(act)
                self._look_at(name, self.instances[name].verdict_at)
            elif name in self.instances:
                self.instances[name].apply(act)
                self.instances[name].remember(act)
                self._look_at(name, self.instances[name].verdict_at)
        return now

    def outcome_of(self, effect: Effect) -> Act | None:
        """The ended act of an effect, by its id or by what it wanted; None while it goes on or never began."""
        self.catch_up()
        if effect.id in self._open:
            return None
        instance = self.instances.get(effect.instance_id)
        return instance.acts.get(effect.id) if instance is not None else None

    def begins(self, effect_id: str) -> bool:
        """Whether an act goes on."""
        return effect_id in self._open

    # --- health ---------------------------------------------------------------------------------------------

    def _look_at(self, name: str, at: float) -> None:
        heappush(self._looks, (at, name))

    def look_at_all(self) -> None:
        """The behaviour has changed: everybody's health may have."""
        now = self._clock()
        self._looks = [(now, name) for name in self.instances]

    def next_look(self) -> float | None:
        """When the health of an instance may change next."""
        times = [heap[0][0] for heap in (self._looks, self._ends) if heap]
        return min(times, default=None)

    def health_news(self, behaviour: SimulatedBehaviour) -> list[str]:
        """Instances whose health may have changed since this was asked last."""
        now = self.catch_up()
        names: set[str] = set()
        while self._looks and self._looks[0][0] <= now:
            names.add(heappop(self._looks)[1])
        for name in names:
            instance = self.instances.get(name)
            following = health_of(name, instance, behaviour, now)[2] if instance is not None else None
            if following is not None:
                self._look_at(name, following)
        return sorted(names)

    def health(self, names: Iterable[str], behaviour: SimulatedBehaviour) -> Mapping[str, tuple[Health, str]]:
        """Health now and the answer of a probe in words, of those that exist."""
        now = self.catch_up()
        return {
            name: health_of(name, self.instances[name], behaviour, now)[:2] for name in names if name in self.instances
        }

    # --- across engines -------------------------------------------------------------------------------------

    def _load(self) -> None:
        """Take over what earlier engines began; afterwards the file is as short as it can be."""
        count = 0
        for line in self._journal.read():
            count += 1
            if line[0] == lines.INSTANCE:
                name, instance = lines.read_instance(line)
                self.instances[name] = instance
                self._fences[name] = instance.epoch
                self._look_at(name, instance.verdict_at)
            elif line[0] == lines.DONE:
                act = lines.read_act(line)
                if act.instance_id in self.instances:
                    self.instances[act.instance_id].remember(act)
            elif line[0] == lines.ACT:
                act = lines.read_act(line)
                self._admit(act)
                self.handles.setdefault(act.handle, {})[act.id] = act
        self.catch_up()
        if count > 1:
            self._shorten()

    def _shorten(self) -> None:
        if not self.instances and not self._open:
            self._journal.remove()
            return
        wall, now = self._wall(), self._clock()
        kept: list[lines.Line] = [[lines.HEADER, now, wall, self.key]]
        for name, instance in self.instances.items():
            snapshot = replace(instance, epoch=self._fences.get(name, 0))
            kept.append(lines.instance_line(name, snapshot, now, wall))
            kept += [lines.act_line(act, now, wall, lines.DONE) for act in instance.acts.values()]
        kept += [lines.act_line(act, now, wall) for act in self._open.values()]
        self._journal.rewrite(kept)


def _is_of_another(instance: SimulatedInstance, creation: Act) -> bool:
    """Whether it lay in the place of a new one, as after a restore; where births were not noted, nobody can tell."""
    return bool(instance.born and creation.born and instance.born != creation.born)
