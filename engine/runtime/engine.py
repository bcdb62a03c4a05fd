"""The engine: load, decide, commit, act, record. Every change goes through one turn and one transaction.

Level-triggered: after any turn the whole of what should be in flight is derived from state. Turns never await, so
what a turn reads is what it commits on.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping

import anyio
from anyio.abc import TaskGroup

from engine.decide.plan_effects import still_wanted
from engine.fleets.fleet import Fleet
from engine.model import events as e
from engine.model.effects import Effect, EffectOutcome
from engine.model.engine_events import Attached
from engine.model.errors import UnreachableError
from engine.model.health import HealthSource
from engine.model.scale_set import ScaleSet
from engine.runtime.alarm import TICK_S, Alarm, rest_s
from engine.runtime.asked_files import AskedFiles
from engine.runtime.audit_chain import AUDIT, Link, StoredEntry, end_of, seal
from engine.runtime.clock import EngineClock
from engine.runtime.drain import Drain
from engine.runtime.effect_runner import EffectRunner
from engine.runtime.find_set import find_set
from engine.runtime.fleet_contact import FleetContact
from engine.runtime.forecast import Forecast
from engine.runtime.health_watch import HealthWatch
from engine.runtime.incoming import Incoming
from engine.runtime.load_into import load_into
from engine.runtime.measures import Measures
from engine.runtime.old_disks import OldDisks
from engine.runtime.recent_events import RecentEvents
from engine.runtime.set_aside import set_aside
from engine.runtime.store_guard import StoreGuard
from engine.runtime.take_outcome import take_outcome
from engine.runtime.turn import EngineState, Turn
from engine.runtime.wall_watch import WallWatch
from engine.store.ballast import Ballast
from engine.store.failures import StoreRefusedError
from engine.store.image_blobs import ImageBlobs
from engine.store.store import CommandRecord, Store, Transaction

RETRY_COMMIT_S = 1.0
PLAN_ALL_S = 5.0
"""What no event touched is planned anew this often: a wake-up that was lost costs so much, and no more."""


class Engine:
    """State, store and fleets of one state directory. Made by `open_engine`; used through `EngineDoor`."""

    def __init__(
        self,
        store: Store,
        blobs: ImageBlobs,
        fleets: Mapping[str, Fleet],
        clock: EngineClock,
        ballast: Ballast | None = None,
    ) -> None:
        self.store = store
        self.blobs = blobs
        self.fleets = fleets
        self.clock = clock
        self.state = EngineState()
        self.epoch = 0
        self.head = 0
        self.recent = RecentEvents(0)
        self.started_at = clock.now().at
        self.stop_instances = ""
        """Who asked that local instances end together with this engine; empty: they go on."""
        self.stopped_by = ""
        """Who asked that it stops: a user, or the name of a signal. Empty where it ends for another reason."""
        self.supervised = True
        self.stopping = anyio.Event()
        self.guard = StoreGuard(ballast)
        self.rehearsals = anyio.Semaphore(1)
        self.asked_files = AskedFiles()
        self.wall = WallWatch()
        self._old_disks = OldDisks()
        self.draining: Drain | None = None
        self.on_stop: Callable[[], object] = lambda: None
        """Called when a stop begins that nothing takes back."""
        self.presence: tuple[Attached, ...] = ()
        self.measures = Measures()
        self._audit_end = Link()
        self.contact = FleetContact(self.report, self._wanted, self.wake, lambda: clock.now().clock)
        self._forecast = Forecast()
        self._planned_at = self._advanced_at = float("-inf")
        self._facts = Incoming()
        self.probes: Mapping[str, HealthSource] = {}
        """Load balancer probes that were applied, by lower-cased resource id."""
        self._alarm = Alarm()
        self._committed = anyio.Event()
        self._runner: EffectRunner | None = None
        self.watch: HealthWatch | None = None

    # --- turns ----------------------------------------------------------------------------------------------

    def turn(self, actor: str = "engine", cause: str = "") -> Turn:
        """A fresh draft on the committed state."""
        return Turn(self.state, self.clock.now(), actor, cause, self._heard)

    def _heard(self, scale_set: str, instance_id: str) -> float:
        return self.watch.heard(scale_set, instance_id) if self.watch is not None else float("-inf")

    def commit(self, turn: Turn, command: CommandRecord | None = None) -> None:
        """Advance what the draft touched, plan, put all of it on disk, then act.

        Raises UnreachableError when the store cannot be written; the draft is then forgotten and nothing was changed.
        """
        self.wall.put_into(turn, self.clock)
        for upgrade_id in turn.touched():
            turn.advance(upgrade_id)
        self._forecast.tell_all(turn, list(turn.upgrades))
        everything = turn.now.clock - self._planned_at >= PLAN_ALL_S
        if self.draining is None:
            turn.plan(everything)
        if turn.empty and command is None:
            return
        events, audit_end = seal(turn.events, self._audit_end, turn.now.at, turn.now.clock, self.epoch)
        recorded = self._write(turn.transaction(events, command), by_command=command is not None)
        self._audit_end = audit_end
        self.measures.took(turn.intents, turn.outcomes, self.state.open_effects, turn.now.clock)
        turn.adopt()
        self.wall.told()
        set_aside(self.state, turn.upgrades.values())
        if everything and self.draining is None:
            self._planned_at = turn.now.clock
        if recorded:
            self.head = recorded[-1].seq
            self.recent.add(recorded, [f"upgrade/{gone.upgrade}" for gone in turn.retired])
            self.wake_followers()
        if turn.intents and self._runner is not None:
            self._runner.start(turn.intents)
        if self.watch is not None and turn.scale_sets:
            self.watch.refresh()

    def _write(self, transaction: Transaction, *, by_command: bool) -> list[e.Recorded]:
        try:
            recorded = self.store.commit(transaction)
        except UnreachableError as error:
            if not (by_command and isinstance(error, StoreRefusedError)):  # then it concerns the command alone
                self._refused(error)
            raise
        self.guard.written()
        return recorded

    def _refused(self, error: UnreachableError) -> None:
        self.guard.failed(error, self.clock.now())
        self.wake()
        if self.guard.lost is not None:
            self.stopping.set()

    def report(self, outcome: EffectOutcome) -> None:
        """A fleet's word on an effect; taken into the next turn."""
        self._facts.add(outcome)
        self._alarm.ring()

    def _wanted(self, effect: Effect) -> bool:
        return still_wanted(self.state.scale_sets.get(effect.scale_set), effect)

    async def run(self) -> None:
        """Take facts and time into turns until cancelled.

        Turns take at most about a fifth of the time, unless more waits than one turn takes in: while one is paid for,
        facts gather for the next.
        """
        while True:
            await self._alarm.wait(self.clock, ticking=self._ticking())
            began, worked = self.clock.now().clock, self.clock.busy()
            taken = await self.take_facts()
            self._facts.bite.took(taken, self.clock.busy() - worked)
            if self.draining is not None:
                self._end_drain(self.draining)
            took_s = self.clock.now().clock - began
            await anyio.sleep(rest_s(took_s, more_waits=self._backlog()))

    def drain(self, limit_s: float, *, stops_anyway: bool) -> None:
        """Begin nothing new, and stop once all that has begun is settled; extensions go on without an engine.

        After `limit_s` seconds it stops all the same with `stops_anyway`, else it goes on as before. A second stop does
        not wait.
        """
        if stops_anyway:
            self.on_stop()
            if self.draining is not None and self.draining.stops_anyway:
                self.stopping.set()
        self.draining = Drain(self.clock.now().clock + limit_s, stops_anyway)
        self.wake()

    def begin_nothing_more(self) -> None:
        """From now on turns only record: nobody is left to act."""
        self.draining = self.draining or Drain(self.clock.now().clock, stops_anyway=True)
        self._runner = None

    def _end_drain(self, drain: Drain) -> None:
        late = self.clock.now().clock >= drain.until_clock
        resting = self._runner.resting if self._runner is not None else set()
        if self.state.acts_under_way() <= resting or (late and drain.stops_anyway):
            self.stopping.set()
        elif late:
            self.draining = None
            self._planned_at = float("-inf")

    def _ticking(self) -> bool:
        trouble = self.draining is not None or self.guard.words is not None
        return trouble or any(u.live for u in self.state.upgrades.values())

    def wake(self) -> None:
        self._alarm.ring()

    async def take_facts(self) -> int:
        """One turn with what has come in since the last; returns how much of it there was."""
        facts = self._facts.some()
        turn = self.turn()
        self.guard.put_into(turn)
        self.wall.put_into(turn, self.clock)
        for outcome in facts:
            self._take(turn, outcome)
        changes = self.watch.take_changes(self._facts.bite.size) if self.watch is not None else []
        for key, change in changes:
            turn.on_scale_set(key, change)
        self.contact.take_into(turn)
        self._put_what_is_due(turn)
        try:
            self.commit(turn)
            if self.guard.must_write:
                self.store.touch(turn.now.at, turn.now.clock)
                self.guard.written()
        except UnreachableError as error:
            self._refused(error)
            if self.watch is not None:
                self.watch.put_back(changes)
            if isinstance(error, StoreRefusedError):
                self._facts.refused()
            await anyio.sleep(RETRY_COMMIT_S)
            self._alarm.ring()
            return 0
        self._facts.taken(len(facts))
        self.contact.taken()
        if self._backlog():
            self._alarm.ring()
        return max(len(facts), len(changes))

    def _put_what_is_due(self, turn: Turn) -> None:
        if turn.now.clock - self._advanced_at >= TICK_S:
            self._advanced_at = turn.now.clock
            live = [u.id for u in self.state.upgrades.values() if u.live]
            for upgrade_id in live:
                turn.advance(upgrade_id)
            self._forecast.tell_all(turn, live)
            if self.wall.trusted:
                turn.release_due_holds()
        if self.wall.may_discard(turn.now):
            self._old_disks.discard(turn, self.state)

    def _backlog(self) -> bool:
        return bool(self._facts) or (self.watch is not None and self.watch.has_changes())

    def _take(self, turn: Turn, outcome: EffectOutcome) -> None:
        swapped = take_outcome(turn, outcome)
        if swapped is not None and self.watch is not None:
            self.watch.forget(swapped.scale_set, swapped.instance_id)

    # --- looking things up ----------------------------------------------------------------------------------

    def audit_entries(self, *, last: bool = False) -> Iterator[StoredEntry]:
        """The audit stream as stored, oldest first; with `last` only its last entry."""
        return (StoredEntry(*row) for row in self.store.stream_as_stored(AUDIT, last=last))

    def fleet_of(self, scale_set: str) -> Fleet:
        found = self.state.scale_sets.get(scale_set)
        return self.fleets[found.fleet if found is not None else "local"]

    def tags_of(self, scale_set: str) -> Mapping[str, str]:
        """The tags of a scale set; none of one that is not there."""
        found = self.state.scale_sets.get(scale_set)
        return found.tags if found is not None else {}

    def find_set(self, name: str) -> ScaleSet:
        """A scale set by its resource id, or by name when that is unique. Raises NotFoundError."""
        return find_set(self.state, name)

    def wake_followers(self) -> None:
        """Whoever waits for a commit looks again."""
        self._committed.set()
        self._committed = anyio.Event()

    async def wait_for_commit(self, timeout_s: float) -> None:
        with anyio.move_on_after(timeout_s):
            await self._committed.wait()

    # --- start ----------------------------------------------------------------------------------------------

    def load(self, epoch: int) -> list[Effect]:
        """Take over what the store knows; returns the effects an earlier engine left open."""
        self.epoch = epoch
        self.head, self.probes = load_into(self.state, self.store)
        self.wall.remember(self.store.last_clock("engine", "ClockJumped"))
        self._audit_end = end_of(self.audit_entries(last=True))
        self.recent = RecentEvents(self.head)
        return list(self.state.open_effects.values())

    def begin(self, tasks: TaskGroup, left_open: list[Effect]) -> None:
        """Start acting: settle what was left open, start what `announce` intended, watch health, take turns."""
        self._runner = EffectRunner(tasks, self.fleet_of, self.contact, self.epoch)
        self.watch = HealthWatch(self, random.Random(self.epoch))
        self._runner.settle(left_open)
        known = {effect.id for effect in left_open}
        self._runner.start([x for x in self.state.open_effects.values() if x.id not in known])
        tasks.start_soon(self.run)
        tasks.start_soon(self.watch.run)
        self.wake()
