"""A scale set and one upgrade of it on virtual time: the real core decides, chance and injected trouble answer.

Time runs from one fact to the next, in ticks; nothing waits, and the same seed gives the same events.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import count

from engine.decide.advance import advance
from engine.decide.after_the_end import model_after
from engine.decide.draws import gauss
from engine.decide.estimate import Pace
from engine.decide.evolve import evolve_upgrade
from engine.decide.evolve_scale_set import evolve_scale_set
from engine.decide.fold_overview import tell_health_it_leaves, tell_what_it_leaves
from engine.decide.interpret_observation import interpret_effect
from engine.decide.plan_effects import plan_effects
from engine.model import events as e
from engine.model.effects import Effect, EffectKind, EffectOutcome, OutcomeKind
from engine.model.engine_events import EngineStarted
from engine.model.health import Health
from engine.model.record_copy import replace
from engine.model.scale_set import Instance, ScaleSet
from engine.model.upgrade import AWAITING, DOING, Now, Upgrade
from engine.model.version import VERSION

CAPTURE_PART, DISK_PART, EXTENSION_PART, HEALTH_PART = 0.02, 0.58, 0.1, 0.3
TICKS_A_MEMBER = 16
SHORTEST_TICK_S = 0.01
TRIFLE_S = 1e-6
SEEN_AGAIN_S = 1.0
"""After a stop of the engine it takes so long until health is known, and what became of open acts."""
MOST_STEPS = 200_000
WELL, SICK, UNREACHABLE = "healthy", "rehearsed: it never becomes healthy on this version", "rehearsed: unreachable"


@dataclass(frozen=True, slots=True)
class Fate:
    """Trouble by name: `sick` on the new version, `lost` from a time on, and engine stops as (from, for how long)."""

    sick: frozenset[str] = frozenset()
    lost: tuple[tuple[float, frozenset[str]], ...] = ()
    stops: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """An event of the rehearsal and the stream it belongs to: upgrade, scale_set or engine."""

    now: Now
    stream: str
    event: e.Event


class Twin:
    """One upgrade from its first event. `t` is seconds since the start; `run` plays it to its end.

    The core is asked what follows only where something may: not when a member just takes its next step, which is
    most of what happens in a large set.
    """

    def __init__(self, scale_set: ScaleSet, started: Upgrade, pace: Pace, fate: Fate, *, seed: str = "") -> None:
        # Nobody boots here what was stopped with the engine: this plays what follows once somebody did.
        booted = {name: replace(i, stopped_by="") if i.stopped_by else i for name, i in scale_set.instances.items()}
        self.scale_set = replace(scale_set, instances=booted)
        self.pace = pace
        self.fate = fate
        self.seed = seed
        self.tick = 0
        self.told: list[Told] = []
        self._start = Now(started.started_at, started.started_clock)
        self._tick_s = max(SHORTEST_TICK_S, math.exp(pace.mean_log) / TICKS_A_MEMBER)
        self._away = [(self._tick_at(at_s), self._tick_at(at_s + for_s)) for at_s, for_s in sorted(fate.stops)]
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._order = count()
        self._open: dict[str, Effect] = {}
        self._verdict_from: dict[str, int] = {}
        self._lost = [(self._tick_at(at_s), names) for at_s, names in fate.lost]
        self._unhealthy = {i.instance_id for i in scale_set.instances.values() if i.is_unhealthy}
        self._epoch = 1
        self._stirred = True
        self.upgrade = evolve_upgrade(None, e.UpgradeStarted(started), self._start)
        self._tell("upgrade", e.UpgradeStarted(started))
        for at_s, names in fate.lost:
            self._later(at_s, partial(self._see_all, sorted(names)))
        for (_, back), (_, for_s) in zip(self._away, sorted(fate.stops), strict=True):
            self._later(back * self._tick_s, partial(self._engine_is_back, for_s))
        if started.starts_not_before_at is not None:
            self._later(max(0.0, started.starts_not_before_at - self._start.at) + TRIFLE_S, self._time_has_come)
        self._later(0.0, self._created)
        self._later(0.0, partial(self._see_all, list(scale_set.instances)))

    @property
    def t(self) -> float:
        """Seconds since the start."""
        return self.tick * self._tick_s

    @property
    def now(self) -> Now:
        """Unix seconds, and the observed seconds of an engine that does not run during stops."""
        away = sum(min(max(self.tick - gone, 0), back - gone) for gone, back in self._away)
        return Now(self._start.at + self.t, self._start.clock + (self.tick - away) * self._tick_s)

    def run(self) -> Upgrade:
        """Play until the upgrade has ended, or waits for an operator; returns it as it is then."""
        self._settle()
        for _ in range(MOST_STEPS):
            if not self._due or not self.upgrade.live:
                break
            self.tick = self._due[0][0]
            if (back := self._back()) is not None:
                self._put_off(back)
                continue
            while self._due and self._due[0][0] <= self.tick:
                heapq.heappop(self._due)[2]()
            self._settle()
        else:
            raise AssertionError(f"the rehearsal does not end: {self.upgrade.state}")
        if not self.upgrade.live:
            self._fold_set(*model_after(self.upgrade, self.scale_set))
        return self.upgrade

    # --- time -------------------------------------------------------------------------------------------------

    def _tick_at(self, at_s: float) -> int:
        """The first tick that is not before `at_s`."""
        return math.ceil(at_s / self._tick_s - 1e-9)

    def _later(self, at_s: float, happens: Callable[[], None]) -> None:
        heapq.heappush(self._due, (max(self._tick_at(at_s), self.tick), next(self._order), happens))

    def _wake_at_clock(self, clock: float) -> None:
        """The core is asked once the engine has observed so much, and a trifle more: sums of times are not exact."""
        tick = self._tick_at(clock - self._start.clock + TRIFLE_S)
        for gone, back in self._away:
            tick += back - gone if tick > gone else 0
        self._later(tick * self._tick_s, self._time_has_come)

    def _back(self) -> int | None:
        """The tick at which the engine is back, if it is away now."""
        return next((back for gone, back in self._away if gone <= self.tick < back), None)

    def _put_off(self, back: int) -> None:
        """Nobody sees what happens now; it is found when the engine is back, after that itself."""
        missed = []
        while self._due[0][0] < back:
            missed.append(heapq.heappop(self._due)[2])
        self._later(back * self._tick_s, partial(self._catch_up, missed))

    def _time_has_come(self) -> None:
        self._stirred = True

    def _catch_up(self, missed: list[Callable[[], None]]) -> None:
        for happens in missed:
            happens()

    def _answer(self, effect_id: str) -> None:
        effect = self._open.pop(effect_id)
        outcome = self._outcome(effect)
        mine, its = interpret_effect(self.upgrade, self.scale_set, effect, outcome, self.now)
        self._fold(*mine)
        self._fold_set(*its)
        if its and effect.kind is not EffectKind.RUN_EXTENSION:  # it has another disk
            name = effect.instance_id
            self._unhealthy.discard(name)
            seen_s = self.t + HEALTH_PART * self._whole_s(effect)
            self._verdict_from[name] = self._tick_at(seen_s)
            self._later(seen_s, partial(self._see, name))

    def _see(self, name: str) -> None:
        """The health of an instance, where a verdict on it is due."""
        instance = self.scale_set.instances[name]
        if self.tick < self._verdict_from.get(name, 0):
            return
        health, detail = self._health_of(instance)
        if health is not instance.health:
            self._fold_set(e.InstanceHealthChanged(name, instance.health, health, detail))

    def _see_all(self, names: Iterable[str]) -> None:
        for name in names:
            self._see(name)

    def _created(self) -> None:
        """What is being created is there at once: how long that takes nobody has told."""
        for i in list(self.scale_set.instances.values()):
            if not i.provisioned and i.trying is None:
                self._fold_set(e.InstanceProvisioned(i.instance_id, i.disk or "1", i.digest, i.address))

    def _health_of(self, instance: Instance) -> tuple[Health, str]:
        name = instance.instance_id
        if self._is_lost(name):
            return Health.UNHEALTHY, UNREACHABLE
        if name in self.fate.sick and instance.image == self.upgrade.target:
            return Health.UNHEALTHY, SICK
        if name in self._unhealthy:
            return Health.UNHEALTHY, instance.health_detail
        return Health.HEALTHY, WELL

    def _is_lost(self, name: str) -> bool:
        return any(tick <= self.tick and name in names for tick, names in self._lost)

    def _engine_is_back(self, away_s: float) -> None:
        """No health is known, and what became of open acts has to be asked."""
        self._epoch += 1
        self._tell("engine", EngineStarted(0, VERSION, self._epoch, away_s, False))
        for effect in self._open.values():
            unknown = EffectOutcome(effect.id, OutcomeKind.UNKNOWN)
            self._fold(*interpret_effect(self.upgrade, self.scale_set, effect, unknown, self.now)[0])
        for instance in list(self.scale_set.instances.values()):
            if instance.health is not Health.NOT_OBSERVED:
                event = e.InstanceHealthChanged(
                    instance.instance_id, instance.health, Health.NOT_OBSERVED, "the engine has just started"
                )
                self._fold_set(event)
        self._later(self.t + SEEN_AGAIN_S, partial(self._see_all, list(self.scale_set.instances)))

    # --- acts -------------------------------------------------------------------------------------------------

    def _settle(self) -> None:
        while self._stirred:
            found = advance(self.upgrade, self.scale_set, self.now)
            self._stirred = bool(found)
            self._fold(*found)
        for effect in plan_effects(self.upgrade, self.scale_set):
            if effect.id not in self._open:
                self._begin(effect)

    def _begin(self, effect: Effect) -> None:
        self._open[effect.id] = effect
        self._later(self.t + self._part_of(effect) * self._whole_s(effect), partial(self._answer, effect.id))

    def _part_of(self, effect: Effect) -> float:
        if effect.kind is EffectKind.CAPTURE_RESTORE_POINT:
            return CAPTURE_PART
        if effect.kind is EffectKind.RUN_EXTENSION:
            return EXTENSION_PART / len(self.upgrade.extensions)
        plain = effect.kind is EffectKind.REPLACE_OS_DISK and not self.upgrade.extensions
        return DISK_PART + (EXTENSION_PART if plain else 0.0)

    def _whole_s(self, effect: Effect) -> float:
        """One member's whole way, in seconds: the same for all its acts, another one for its way back."""
        way = "back" if effect.kind is EffectKind.RESTORE_OS_DISK else "forward"
        return math.exp(self.pace.mean_log + self.pace.spread * gauss(self.seed, way, effect.instance_id))

    def _outcome(self, effect: Effect) -> EffectOutcome:
        if self._is_lost(effect.instance_id):
            return EffectOutcome(effect.id, OutcomeKind.FAILED, "", UNREACHABLE)
        instance = self.scale_set.instances[effect.instance_id]
        capture = effect.kind is EffectKind.CAPTURE_RESTORE_POINT
        disk = instance.disk if capture else effect.disk or f"rehearsed-{effect.attempt}"
        digest = instance.digest if capture else effect.digest
        return EffectOutcome(effect.id, OutcomeKind.SUCCEEDED, disk=disk, digest=digest, exit_code=0)

    # --- events -----------------------------------------------------------------------------------------------

    def _tell(self, stream: str, event: e.Event) -> None:
        self.told.append(Told(self.now, stream, event))

    def _fold(self, *found: e.Event) -> None:
        for plain in found:
            event = tell_what_it_leaves(self.upgrade, plain)
            self.upgrade = evolve_upgrade(self.upgrade, event, self.now)
            self._tell("upgrade", event)
            self._stirred |= not (isinstance(event, e.MemberMoved) and event.entered in DOING)
            if isinstance(event, e.BatchEnded):
                self._wake_at_clock(event.next_clock)
            elif isinstance(event, e.MemberMoved) and event.entered in AWAITING:
                self._wake_at_clock(self.now.clock + self.upgrade.settings.health_window_s)

    def _fold_set(self, *found: e.Event) -> None:
        for plain in found:
            event = tell_health_it_leaves(self.scale_set, plain)
            after = evolve_scale_set(self.scale_set, event, self.now)
            assert after is not None, "a rehearsal deletes no set"
            self.scale_set = after
            self._stirred |= not isinstance(event, e.InstanceDiskChanged)
            self._tell("scale_set", event)
