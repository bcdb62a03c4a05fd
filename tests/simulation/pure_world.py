"""One scale set and one upgrade on the pure core: without a loop, a store, threads or a clock of the machine.

The same recipe gives the same events, one by one, on every machine.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from random import Random

from engine.decide.accept_command import accept_command, needs_new_upgrade
from engine.decide.advance import advance
from engine.decide.after_the_end import model_after
from engine.decide.blocked_by import member_blocked_by, upgrade_blocked_by
from engine.decide.count_members import count_members, upgrade_overview
from engine.decide.evolve import evolve_upgrade
from engine.decide.evolve_scale_set import evolve_scale_set
from engine.decide.fold_overview import (
    fold_set,
    fold_upgrade,
    overview_of,
    tell_health_it_leaves,
    tell_what_it_leaves,
)
from engine.decide.interpret_observation import interpret_effect
from engine.decide.invariants import check_upgrade
from engine.decide.plan_effects import plan_effects
from engine.decide.plan_upgrade import new_upgrade
from engine.model import events as e
from engine.model.codes import ErrorCode
from engine.model.commands import Command, Verb
from engine.model.effects import Effect, EffectKind, EffectOutcome, OutcomeKind
from engine.model.errors import RefusedError
from engine.model.health import Health
from engine.model.scale_set import Instance, InstanceHold, ScaleSet
from engine.model.upgrade import DOING, Hold, HoldKind, MemberState, Now, Outcome, Upgrade
from tests.simulation.oracle import check_moves, judge
from tests.simulation.recipe import IMAGES, NEW, OLD, Recipe, draw_scale_set, draw_start
from tests.worlds.few_draws import few_draws

STEPS_OF_TROUBLE = 150
BOUND = 20_000
"""Steps after which an upgrade counts as one that never ends."""

LONGEST_IDLE_S = 14_400.0
"""An upgrade that its limit of time ends has been at work until so long before: large sets may need longer than it."""

FULL_CHECK_UP_TO = 50
"""Instances up to which every invariant is asked after every event; above it, at the ends of batches."""

HARD = (HoldKind.STORE_NOT_WRITABLE, HoldKind.CLOCK_UNTRUSTED, HoldKind.FLEET_UNREACHABLE)


class PureWorld:
    """A fleet that fails as its recipe says, meddling operators, an engine that restarts, answers late or doubled."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.dice = Random(f"world {recipe.seed}")
        self.t = 0.0
        self.clock = 0.0
        self.asked = 0
        self.checked = 0
        self.done: dict[str, EffectOutcome] = {}
        self.answers: deque[tuple[Effect, EffectOutcome]] = deque(maxlen=50)
        self.unknown: list[Effect] = []
        self.trace: list[tuple[Now, e.Event]] = []
        self.scale_set: ScaleSet = draw_scale_set(recipe, Random(f"set {recipe.seed}"))
        self.first_set = self.scale_set
        self.broken = {i for i in self.scale_set.instances if self.dice.random() < recipe.broken_share}
        with few_draws():
            request, _, settings, members = draw_start(self.scale_set, Random(f"start {recipe.seed}"))
        self.limited = request.timeout_s is not None
        started = new_upgrade(
            self.scale_set,
            IMAGES[str(NEW)],
            settings,
            members,
            upgrade_id="u",
            actor="ana",
            reason="",
            request=request,
            now=self.now,
        )
        self.trace.append((self.now, e.UpgradeStarted(started)))
        self.upgrade: Upgrade = evolve_upgrade(None, e.UpgradeStarted(started), self.now)
        self.afar = upgrade_overview(self.upgrade)
        self.set_afar = overview_of(self.scale_set, None)

    @property
    def now(self) -> Now:
        return Now(self.t, self.clock)

    # --- events -----------------------------------------------------------------------------------------------

    def fold(self, *found: e.Event) -> None:
        for plain in found:
            event = tell_what_it_leaves(self.upgrade, plain)
            before, self.upgrade = self.upgrade, evolve_upgrade(self.upgrade, event, self.now)
            check_moves(before, self.upgrade, event)
            self.trace.append((self.now, event))
            afar = fold_upgrade(self.afar, event, self.now)
            assert afar is not None
            self.afar = afar

    def fold_set(self, *found: e.Event) -> None:
        for plain in found:
            event = tell_health_it_leaves(self.scale_set, plain)
            after = evolve_scale_set(self.scale_set, event, self.now)
            afar = fold_set(self.set_afar, event, self.now)
            assert after is not None and afar is not None
            self.scale_set, self.set_afar = after, afar
            self.trace.append((self.now, event))

    def settle(self) -> None:
        small = self.recipe.instances <= FULL_CHECK_UP_TO
        worth_it = small and len(self.trace) != self.checked
        while found := advance(self.upgrade, self.scale_set, self.now):
            judge(self.upgrade, self.scale_set, found)
            self.fold(*found)
            worth_it = worth_it or small or any(isinstance(event, e.BatchEnded) for event in found)
            if small:
                self.check()
        if worth_it:
            self.check()
            self.check_counts()
            self.checked = len(self.trace)

    # --- what is always true ----------------------------------------------------------------------------------

    def check(self) -> None:
        broken = check_upgrade(self.upgrade, self.scale_set)
        assert not broken, f"broken: {broken} after {self.trace[-1][1]}"
        wanted = plan_effects(self.upgrade, self.scale_set)
        assert len({x.instance_id for x in wanted}) == len(wanted), "two effects of one instance"
        if self.upgrade.paused_since_clock is not None or not self.upgrade.live:
            assert not wanted, "an effect is wanted while paused or after the end"
        for kind in (EffectKind.REPLACE_OS_DISK, EffectKind.RESTORE_OS_DISK):
            for effect in (x for x in wanted if x.kind is kind):
                assert self.upgrade.members[effect.member].restore_point is not None, "no restore point"

    def check_counts(self) -> None:
        counters = count_members(self.upgrade)
        assert counters == self.afar.counters, "the overview counts something else"
        if self.upgrade.batches:
            assert sum(getattr(counters, name) for name in counters.__slots__) == len(self.upgrade.members)
        blocked = upgrade_blocked_by(self.upgrade, self.scale_set, self.now)
        assert (blocked is None) == (not self.upgrade.live), "a live upgrade names no reason why it waits"
        if blocked is not None and blocked.kind == "PauseBetweenBatches":
            longest_s = self.upgrade.settings.policy.pause_between_batches_s
            assert (blocked.until_at or 0.0) - self.t <= longest_s + 1e-6, "a pause longer than the one between batches"
        waits = DOING | {MemberState.RESTORE_FAILED} | ({MemberState.PENDING} if self.upgrade.takes_pending else set())
        for member in self.upgrade.members.values():
            if self.upgrade.live and member.state in waits:
                assert member_blocked_by(self.upgrade, member, self.now), f"{member.id} names no reason"

    def check_end(self) -> None:
        self.check()
        self.check_counts()
        members = self.upgrade.members.values()
        assert not self.upgrade.in_flight() and self.upgrade.open_batch is None
        if not self.limited and self.upgrade.error is not None and self.upgrade.error.code == ErrorCode.TIMEOUT:
            limit = next(n for n, (_, event) in enumerate(self.trace) if isinstance(event, e.LimitExceeded))
            moved = [now.at for now, event in self.trace[:limit] if isinstance(event, e.MemberMoved)]
            idle_s = self.trace[limit][0].at - moved[-1]
            assert idle_s < LONGEST_IDLE_S, "only its limit of time ended it: it waited for nobody"
        if self.upgrade.outcome is Outcome.COMPLETED:
            assert not any(m.state is MemberState.PENDING for m in members), "completed, and a member still waits"
        if self.upgrade.outcome is Outcome.ROLLED_BACK:
            lost = {MemberState.ROLLED_BACK_UNHEALTHY, MemberState.GONE}
            assert not any(m.on_new_disk and m.state not in lost for m in members), "a touched member was not restored"
        self.fold_set(*model_after(self.upgrade, self.scale_set))
        assert self.set_afar == overview_of(self.scale_set, None), "the overview of the set differs"
        assert self.afar == upgrade_overview(self.upgrade), "the overview of the upgrade differs"

    # --- the fleet --------------------------------------------------------------------------------------------

    def act(self, calm: bool) -> None:
        for effect in plan_effects(self.upgrade, self.scale_set):
            if not calm and self.dice.random() < 0.3:
                continue  # it takes longer
            outcome = self.done.get(effect.id)
            if outcome is None:
                outcome = self.done[effect.id] = self._outcome(effect, calm)
            if not calm and self.dice.random() < self.recipe.unknown_acts:
                self._answer(effect, EffectOutcome(effect.id, OutcomeKind.UNKNOWN))
                self.unknown.append(effect)
                continue
            self._answer(effect, outcome)
            self.answers.append((effect, outcome))
        if self.unknown and (calm or self.dice.random() < 0.5):  # somebody looked what became of them
            for effect in self.unknown:
                self._answer(effect, self.done[effect.id])
            self.unknown.clear()
        if self.answers and self.dice.random() < self.recipe.late_answers:
            self._answer(*self.dice.choice(self.answers))

    def _answer(self, effect: Effect, outcome: EffectOutcome) -> None:
        mine, its = interpret_effect(self.upgrade, self.scale_set, effect, outcome, self.now)
        self.fold(*mine)
        self.fold_set(*its)

    def _outcome(self, effect: Effect, calm: bool) -> EffectOutcome:
        if not calm and self.dice.random() < self.recipe.failed_acts:
            return EffectOutcome(effect.id, OutcomeKind.FAILED, "", "it broke", exit_code=1)
        instance = self.scale_set.instances[effect.instance_id]
        capture = effect.kind is EffectKind.CAPTURE_RESTORE_POINT
        disk = instance.disk if capture else effect.disk or f"d{effect.attempt}"
        digest = instance.digest if capture else effect.digest
        gone = (
            effect.kind is EffectKind.RESTORE_OS_DISK
            and Random(f"lost {self.recipe.seed} {effect.id}").random() < self.recipe.lost_disks
        )
        done = EffectOutcome(effect.id, OutcomeKind.SUCCEEDED, disk=disk, digest=digest, exit_code=0)
        return replace(done, from_image=gone)

    def observe(self, calm: bool) -> None:
        for instance in list(self.scale_set.instances.values()):
            if not calm and self.dice.random() < 0.2:
                continue
            sick = instance.image == NEW and instance.instance_id in self.broken
            health = Health.UNHEALTHY if sick else Health.HEALTHY
            if not calm and self.dice.random() < self.recipe.health_noise:
                health = self.dice.choice(list(Health))
            if health is not instance.health:
                self.fold_set(e.InstanceHealthChanged(instance.instance_id, instance.health, health, "probe"))

    def change_fleet(self) -> None:
        known = self.scale_set.instances
        number = self.scale_set.next_instance + self.recipe.instances
        zone, domain = self.dice.choice([(i.zone, i.update_domain) for i in known.values()] or [("", 0)])
        image = self.dice.choice((OLD, NEW))
        new = Instance(str(number), zone, domain, 0, image, f"sha256:{image.version}", "d0", self.t)
        choices: list[e.Event] = [e.InstanceAdded(new)]
        if known:
            name = self.dice.choice(sorted(known))
            choices += [
                e.InstanceRemoved(name, "scaled in"),
                e.InstanceHeld(name, InstanceHold("look", "ana", self.t)),
                e.InstanceReleased(name, "ana", ""),
                e.ProtectionChanged(name, True, True),
                e.ProtectionChanged(name, False, False),
                e.InstancePowerChanged(name, False, ""),
            ]
        self.fold_set(self.dice.choice(choices))

    # --- operators and the engine itself ----------------------------------------------------------------------

    def meddle(self) -> None:
        self.asked += 1
        verb = self.dice.choice([v for v in Verb if v is not Verb.START])
        known = sorted(self.scale_set.instances)
        names = tuple(self.dice.sample(known, min(len(known), self.dice.choice((0, 1, 1, 2)))))
        if not needs_new_upgrade(self.upgrade, verb):
            self.command(verb, *names)

    def command(self, verb: Verb, *names: str) -> None:
        try:
            found = accept_command(self.upgrade, Command(verb, "omar", instances=names), self.now)
        except RefusedError:
            return
        self.fold(*found)

    def restart(self) -> None:
        """The engine was away: time went by that it did not observe, and no health is known."""
        self.t += self.dice.choice((5.0, 3600.0))
        for i in list(self.scale_set.instances.values()):
            self.fold_set(e.InstanceHealthChanged(i.instance_id, i.health, Health.NOT_OBSERVED, "restart"))

    def hold_or_lift(self) -> None:
        kind = self.dice.choice(HARD)
        if kind in self.upgrade.holds:
            self.fold(e.HoldLifted(kind, "engine"))
        else:
            self.fold(e.HoldRaised(Hold(kind, self.t, "engine", "it says so")))

    def trouble(self) -> None:
        chosen = self.recipe.commands
        if self.dice.random() < self.recipe.operators and (chosen is None or self.asked < chosen):
            self.meddle()
        if self.dice.random() < self.recipe.fleet_changes:
            self.change_fleet()
        if self.dice.random() < self.recipe.restarts:
            self.restart()
        if self.dice.random() < self.recipe.hard_holds:
            self.hold_or_lift()

    def free(self) -> None:
        """Trouble is over: whoever can lifts what is held."""
        for kind in [kind for kind in self.upgrade.holds if kind in HARD]:
            self.fold(e.HoldLifted(kind, "engine"))
        for verb in (Verb.ACCEPT_LOSS, Verb.RESUME):
            self.command(verb)
        held = [i.instance_id for i in self.scale_set.instances.values() if i.hold is not None]
        self.fold_set(*(e.InstanceReleased(name, "ana", "") for name in held))

    # --- the whole run ----------------------------------------------------------------------------------------

    def run(self) -> Upgrade:
        """The ended upgrade. Raises AssertionError when an invariant falls or the upgrade never ends."""
        for step in range(BOUND):
            calm = step >= STEPS_OF_TROUBLE
            self.settle()
            if not self.upgrade.live:
                self.check_end()
                return self.upgrade
            happened = len(self.trace)
            if calm:
                self.free()
            else:
                self.trouble()
            if len(self.trace) != happened:
                self.settle()
            if self.upgrade.live:
                self.act(calm)
                self.observe(calm)
            passed = self.dice.choice((1.0, 20.0, 120.0))
            self.t += passed
            self.clock += passed
        raise AssertionError(f"it does not end: {self.upgrade.state} {self.upgrade.holds}")

    def replay(self) -> None:
        """The events alone give the same state again."""
        again: Upgrade | None = None
        fresh: ScaleSet | None = self.first_set
        for now, event in self.trace:
            again = evolve_upgrade(again, event, now)
            fresh = evolve_scale_set(fresh, event, now)
        assert again == self.upgrade and fresh == self.scale_set, "the events do not give the same state"
