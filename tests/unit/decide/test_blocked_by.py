"""Everything that waits names its reason, since when, and what ends it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.decide.blocked_by import ANSWER_S, BlockedBy, member_blocked_by, upgrade_blocked_by
from engine.model import events as e
from engine.model.commands import Verb
from engine.model.effects import EffectKind, EffectOutcome, OutcomeKind
from engine.model.health import Health
from engine.model.upgrade import DOING, Hold, HoldKind, MemberState
from engine.model.waits import WaitKind
from tests.unit.decide.given import SETUP, TOLERANT, V2, Run, instance, scale_set, upgrade_of


def blocked(run: Run) -> BlockedBy:
    found = upgrade_blocked_by(run.upgrade, run.set, run.now)
    assert found is not None
    return found


def member_blocked(run: Run, name: str) -> BlockedBy | None:
    return member_blocked_by(run.upgrade, run.member(name), run.now)


def test_an_operators_pause_names_who_and_why_and_what_still_finishes() -> None:
    run = Run()
    run.command(Verb.PAUSE, reason="lunch")
    assert blocked(run) == BlockedBy(
        HoldKind.OPERATOR, run.t, None, "paused by omar: lunch; 2 begun members finish first"
    )
    run.batch()
    assert blocked(run).words == "paused by omar: lunch"


def test_a_hold_of_the_engine_names_itself() -> None:
    run = Run()
    run.fold(e.HoldRaised(Hold(HoldKind.STORE_SUSPECT, 7.0, "engine", "")))
    found = blocked(run)
    assert (found.kind, found.since_at) == ("StoreSuspect", 7.0)
    assert found.words.startswith("StoreSuspect: no reason given")
    member = member_blocked(run, "0")
    assert member == BlockedBy(HoldKind.STORE_SUSPECT, 7.0, None, "StoreSuspect: ")


def test_members_in_progress_name_the_one_that_waits_longest_and_for_what() -> None:
    run = Run()
    run.wait(5.0)
    run.succeed(run.effects()[1])
    found = blocked(run)
    assert found.kind == "MembersInProgress"
    assert "2 members in progress; instance 0 waits for its restore point" in found.words
    assert found.since_at == 1000.0


def test_waiting_for_health_names_the_first_deadline() -> None:
    run = Run()
    run.act()
    run.succeed(run.effects()[0])
    run.wait(10.0)
    assert blocked(run).kind == "MembersInProgress"
    run.succeed(run.effects()[0])
    run.wait(10.0)
    assert blocked(run) == BlockedBy(WaitKind.HEALTH, 1000.0, 1300.0, "health of 2 instances")
    run.healthy("0")
    assert blocked(run) == BlockedBy(WaitKind.HEALTH, 1010.0, 1310.0, "health of 1 instance")


def test_the_start_time_ends_the_wait_for_it() -> None:
    assert blocked(Run(at=1600.0)) == BlockedBy(
        WaitKind.START_TIME, 1000.0, 1600.0, "the start time that was asked for"
    )


def test_health_that_is_not_known_names_the_instances() -> None:
    unseen = [instance(str(i), health=Health.NOT_OBSERVED, health_since_at=1005.0) for i in range(7)]
    run = Run(scale_set([*unseen, instance("9")]))
    assert blocked(run) == BlockedBy(
        WaitKind.HEALTH_NOT_OBSERVED, 1005.0, None, "health of 7 instances not known yet: 0, 1, 2, 3, 4 and more"
    )
    run.healthy("0", "1", "2", "3", "4")
    assert blocked(run).words == "health of 2 instances not known yet: 5, 6"


_BACK = dict.fromkeys(DOING, MemberState.PENDING)


def test_the_pause_between_batches_runs_since_the_batch_ended() -> None:
    run = Run(scale_set(policy={"pause_between_batches_s": 60.0}))
    run.batch()
    run.wait(20.0)
    assert blocked(run) == BlockedBy(WaitKind.PAUSE_BETWEEN_BATCHES, 1000.0, 1060.0, "pause between batches")


def test_between_two_batches_nothing_but_the_engine_is_waited_for_though_one_is_held() -> None:
    run = Run(scale_set(5))
    run.hold("4")
    settled = upgrade_of(
        run,
        batches=(),
        members={m.id: replace(m, state=_BACK.get(m.state, m.state)) for m in run.upgrade.members.values()},
    )
    found = upgrade_blocked_by(settled, run.set, run.now)
    assert found is not None and found.kind == "Engine"


def test_of_those_left_out_only_the_held_are_waited_for() -> None:
    run = Run(
        scale_set([instance("0"), instance("1"), instance("2", protected_from_actions=True), instance("3", image=V2)])
    )
    run.hold("1")
    run.batch()
    assert blocked(run).words == "held instances: 1; release or skip them"


def test_held_instances_keep_the_run_waiting() -> None:
    run = Run(scale_set(2))
    run.hold("1")
    run.batch()
    found = blocked(run)
    assert (found.kind, found.since_at) == ("InstancesHeld", 1000.0)
    assert found.words == "held instances: 1; release or skip them"
    assert member_blocked(run, "1") == BlockedBy(WaitKind.HELD, 1000.0, None, "held: debugging")


def test_between_two_steps_of_the_engine_it_is_the_engine() -> None:
    run = Run(at=1600.0)
    run.t = 1600.0
    run.fold(e.StartTimeReached())
    assert blocked(run).kind == "Engine"


def test_going_back_does_not_wait_for_health_that_is_not_known() -> None:
    run = Run(scale_set(4, policy={"pause_between_batches_s": 60.0}))
    run.batch()
    run.batch() if run.open_members else run.wait(60.0)
    run.swap()
    run.command(Verb.ROLL_BACK)
    run.healthy()
    run.swap()
    run.healthy()
    run.health(Health.NOT_OBSERVED, "3")
    assert blocked(run).kind == "PauseBetweenBatches"


def test_a_member_in_progress_names_its_act_and_one_that_waits_for_health_its_deadline() -> None:
    run = Run(scale_set(2))
    assert member_blocked(run, "0") == BlockedBy(WaitKind.EFFECT, 1000.0, None, "its restore point to be written down")
    assert member_blocked(run, "1") == BlockedBy(WaitKind.BATCH, 1000.0, None, "its batch")
    run.swap()
    run.wait(60.0)
    assert member_blocked(run, "0") == BlockedBy(WaitKind.HEALTH, 1000.0, 1300.0, "its health")


def test_a_member_somebody_has_to_look_at_says_so() -> None:
    run = Run(scale_set(1))
    effect = run.effects()[0]
    run.report(effect, EffectOutcome(effect.id, OutcomeKind.UNKNOWN))
    found = member_blocked(run, "0")
    assert found is not None
    assert found.kind == "Reconciling"


def test_a_member_that_could_not_be_restored_waits_for_the_operator() -> None:
    run = Run(scale_set(1, policy=TOLERANT))
    run.batch("0")
    run.fail(run.effects(EffectKind.RESTORE_OS_DISK)[0])
    found = member_blocked(run, "0")
    assert found is not None
    assert found.kind == "RestoreFailed"


def test_what_is_at_its_end_waits_for_nothing() -> None:
    run = Run(scale_set(1))
    run.swap()
    member = run.member("0")
    run.healthy()
    assert upgrade_blocked_by(run.upgrade, run.set, run.now) is None
    assert member_blocked_by(run.upgrade, member, run.now) is None


@pytest.mark.parametrize("state", list(MemberState))
def test_every_state_a_member_can_wait_in_has_words(state: MemberState) -> None:
    run = Run(scale_set(2))
    found = member_blocked_by(run.upgrade, replace(run.member("0"), state=state), run.now)
    waits = state in DOING | {MemberState.PENDING, MemberState.RESTORE_FAILED}
    assert (found is not None) is waits
    assert found is None or found.words


@pytest.mark.parametrize("verb", (None, Verb.CANCEL, Verb.PAUSE))
def test_an_act_that_never_ends_is_named_once_it_is_past_its_deadline(verb: Verb | None) -> None:
    run = Run(timeout_s=1000.0)
    run.wait(5.0)
    run.succeed(run.effects()[1])
    if verb is not None:
        run.command(verb, reason="look")
    run.wait(600.0 + ANSWER_S - 5.0)
    assert "within 600 s" not in blocked(run).words
    run.wait(1.0)
    words = "instance 0 waits for its restore point to be written down, which should have been done within 600 s"
    assert words in blocked(run).words
    member = member_blocked(run, "0")
    assert member is not None and member.kind == "ActOverdue" and "take it out of the set" in member.words
    assert blocked(run).kind == ("Operator" if verb is Verb.PAUSE else "ActOverdue")
    assert "time limit" not in blocked(run).words


def test_past_the_limit_of_time_too_it_says_what_still_keeps_the_upgrade_from_its_end() -> None:
    run = Run(timeout_s=700.0)
    run.wait(701.0)
    assert run.upgrade.live
    assert blocked(run).words.endswith("the time limit of the upgrade is over too: it ends once that is answered for")
    for name in ("0", "1"):
        run.remove(name)
    assert (run.state, run.error) == ("Faulted", "RollingUpgradeTimeoutError")


def test_a_long_extension_is_not_overdue_while_its_budget_lasts() -> None:
    run = Run(scale_set(1, model={"extensions": (SETUP,), "extension_budget_s": 900.0}))
    run.act()
    run.act()
    run.wait(900.0 + ANSWER_S)
    assert blocked(run).kind == "MembersInProgress"
    run.wait(1.0)
    assert blocked(run).kind == "ActOverdue"
