"""Any sequence of facts and commands, found and made smaller by Hypothesis, keeps every invariant and ends."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from engine.decide.advance import advance
from engine.decide.blocked_by import upgrade_blocked_by
from engine.decide.count_members import count_members
from engine.decide.evolve import evolve_upgrade
from engine.decide.invariants import check_upgrade
from engine.model import events as e
from engine.model.commands import Verb
from engine.model.effects import Effect, EffectOutcome, OutcomeKind
from engine.model.errors import RefusedError
from engine.model.health import Health
from engine.model.upgrade import Hold, HoldKind, MemberState, Outcome
from tests.simulation.oracle import judge
from tests.simulation.walking import walk
from tests.unit.decide.given import AGENT, SETUP, V1, V2, Run, instance, scale_set, succeeded

PERCENT = st.sampled_from((5, 20, 34, 50, 100))
POLICY = st.fixed_dictionaries(
    {
        "max_batch_instance_percent": PERCENT,
        "max_unhealthy_instance_percent": PERCENT,
        "max_unhealthy_upgraded_instance_percent": st.sampled_from((100, 20, 0)),
        "pause_between_batches_s": st.sampled_from((0.0, 60.0)),
        "enable_cross_zone_upgrade": st.booleans(),
        "prioritize_unhealthy_instances": st.booleans(),
    }
)
REQUEST = st.fixed_dictionaries(
    {
        "restore_failed": st.sampled_from(("always", "on_breach", "never")),
        "step": st.booleans(),
        "batch": st.sampled_from((None, "2")),
        "timeout_s": st.sampled_from((None, 900.0)),
        "at": st.sampled_from((None, 1100.0)),
    }
)
WHICH = st.integers(0, 7)
HARD = (HoldKind.STORE_NOT_WRITABLE, HoldKind.CLOCK_UNTRUSTED)


class UpgradeMachine(RuleBasedStateMachine):
    """One upgrade of up to 8 instances; every rule is a fact or a command that may come at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.unknown: list[Effect] = []
        self.answered: list[tuple[Effect, EffectOutcome]] = []

    @initialize(
        places=st.lists(st.tuples(st.sampled_from(("1", "2")), st.integers(0, 1), st.booleans()), max_size=8),
        policy=POLICY,
        request=REQUEST,
        extensions=st.sampled_from(((), (SETUP,), (SETUP, AGENT))),
    )
    def start(self, places: list[tuple[str, int, bool]], policy: Any, request: Any, extensions: Any) -> None:
        fleet = [
            instance(str(i), zone=zone, update_domain=domain, image=V2 if current else V1)
            for i, (zone, domain, current) in enumerate(places)
        ]
        self.run = JudgedRun(scale_set(fleet, policy=policy, model={"extensions": extensions}), **request)

    def pick(self, which: int) -> str | None:
        names = sorted(self.run.set.instances)
        return names[which % len(names)] if names else None

    # --- the fleet's word -------------------------------------------------------------------------------------

    @precondition(lambda self: self.run.effects())
    @rule(which=WHICH, how=st.sampled_from(("done", "done", "failed", "unknown")))
    def answer(self, which: int, how: str) -> None:
        wanted = self.run.effects()
        effect = wanted[which % len(wanted)]
        if how == "unknown":
            self.unknown.append(effect)
            self.run.report(effect, EffectOutcome(effect.id, OutcomeKind.UNKNOWN))
            return
        outcome = succeeded(effect, self.run.set)
        if how == "failed":
            outcome = EffectOutcome(effect.id, OutcomeKind.FAILED, "", "it broke", exit_code=1)
        self.answered.append((effect, outcome))
        self.run.report(effect, outcome)

    @precondition(lambda self: self.unknown)
    @rule()
    def look(self) -> None:
        effect = self.unknown.pop(0)
        if effect.instance_id in self.run.set.instances:
            self.run.succeed(effect)

    @precondition(lambda self: self.answered)
    @rule(which=WHICH)
    def late_answer(self, which: int) -> None:
        self.run.report(*self.answered[which % len(self.answered)])

    @precondition(lambda self: self.run.effects())
    @rule()
    def swap_all(self) -> None:
        self.run.swap()

    @rule(which=WHICH, state=st.sampled_from(Health))
    def health(self, which: int, state: Health) -> None:
        name = self.pick(which)
        if name is not None:
            self.run.health(state, name, detail="probe")

    @rule()
    def all_healthy(self) -> None:
        self.run.healthy(*self.run.set.instances)

    # --- time -------------------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from((1.0, 60.0, 300.0)))
    def wait(self, seconds: float) -> None:
        self.run.wait(seconds)

    @rule()
    def engine_was_away(self) -> None:
        self.run.t += 7200.0
        self.run.health(Health.NOT_OBSERVED, *self.run.set.instances)

    # --- people -----------------------------------------------------------------------------------------------

    @rule(verb=st.sampled_from([v for v in Verb if v is not Verb.START]), names=st.lists(WHICH, max_size=2))
    def command(self, verb: Verb, names: list[int]) -> None:
        before = self.run.upgrade
        asked = [name for name in map(self.pick, names) if name is not None]
        try:
            self.run.command(verb, *asked)
        except RefusedError:
            assert self.run.upgrade is before, "a refused command changed something"

    @rule(which=WHICH, what=st.sampled_from(("hold", "release", "protect", "unprotect", "remove", "add", "add V2")))
    def change_fleet(self, which: int, what: str) -> None:
        name = self.pick(which)
        if what.startswith("add"):
            image = V2 if what == "add V2" else V1
            self.run.add(instance(str(self.run.set.next_instance), zone="1", image=image))
        elif name is None:
            return
        elif what.endswith("protect"):
            self.run.fold_set(e.ProtectionChanged(name, what == "protect", False))
            self.run.settle()
        else:
            getattr(self.run, what)(name)

    @precondition(lambda self: self.run.upgrade.live)
    @rule(kind=st.sampled_from(HARD))
    def hard_hold(self, kind: HoldKind) -> None:
        held = kind in self.run.upgrade.holds
        self.run.fold(e.HoldLifted(kind, "engine") if held else e.HoldRaised(Hold(kind, self.run.t, "engine", "so")))
        self.run.settle()

    # --- what is always true ----------------------------------------------------------------------------------

    @invariant()
    def holds(self) -> None:
        run = self.run
        assert check_upgrade(run.upgrade, run.set) == []
        assert advance(run.upgrade, run.set, run.now) == [], "something would still follow by itself"
        wanted = run.effects()
        assert len({x.instance_id for x in wanted}) == len(wanted), "two acts on one instance"
        assert (upgrade_blocked_by(run.upgrade, run.set, run.now) is None) == (not run.upgrade.live)
        counters = count_members(run.upgrade)
        if run.upgrade.batches:
            assert sum(getattr(counters, name) for name in counters.__slots__) == len(run.upgrade.members)
        if run.upgrade.outcome is Outcome.ROLLED_BACK:
            lost = {MemberState.ROLLED_BACK_UNHEALTHY, MemberState.GONE}
            assert not any(m.on_new_disk and m.state not in lost for m in run.upgrade.members.values())

    def teardown(self) -> None:
        """Trouble over and nothing held, every upgrade ends."""
        if not hasattr(self, "run"):
            return
        run = self.run
        for effect in self.unknown:
            if effect.instance_id in run.set.instances:
                run.succeed(effect)
        for kind in [kind for kind in run.upgrade.holds if kind in HARD]:
            run.fold(e.HoldLifted(kind, "engine"))
        for name in run.set.instances:
            run.fold_set(e.InstanceReleased(name, "ana", ""))
        run.settle()
        for _ in range(60):
            for verb in (Verb.ACCEPT_LOSS, Verb.RESUME):
                try:
                    run.command(verb)
                except RefusedError:
                    continue
            if not run.upgrade.live:
                return
            run.swap()
            run.healthy(*run.set.instances)
            run.wait(60.0)
        raise AssertionError(f"it does not end: {run.upgrade.state} {run.upgrade.holds}")


class JudgedRun(Run):
    """A run whose decisions are judged by the rules written a second time."""

    def settle(self) -> None:
        while found := advance(self.upgrade, self.set, self.now):
            judge(self.upgrade, self.set, found)
            for event in found:
                self.upgrade = evolve_upgrade(self.upgrade, event, self.now)
            assert check_upgrade(self.upgrade, self.set) == [], found


@pytest.mark.timeout(3600)
def test_any_sequence_of_facts_and_commands_keeps_every_invariant_and_ends(long_run: bool) -> None:
    examples, steps = (5000, 100) if long_run else (150, 50)
    walk(UpgradeMachine, examples, steps, long_run=long_run)
