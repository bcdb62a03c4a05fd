"""What follows from the facts by itself: checks, batches, judgements, ends."""

from __future__ import annotations

from typing import Any

import pytest

from engine.decide.advance import advance, observed_s, unseen
from engine.model import events as e
from engine.model.commands import Verb
from engine.model.effects import EffectKind
from engine.model.health import Health
from engine.model.upgrade import Hold, HoldKind, LeftOut, MemberState
from tests.unit.decide.given import V2, Run, instance, scale_set

TOLERANT = {"max_unhealthy_instance_percent": 100, "max_unhealthy_upgraded_instance_percent": 100}
BEFORE = "MaxUnhealthyInstancePercentExceededBeforeRollingUpgrade"
DURING = "MaxUnhealthyInstancePercentExceededInRollingUpgrade"
UPGRADED = "MaxUnhealthyUpgradedInstancePercentExceededInRollingUpgrade"


def fleet(count: int, sick: int = 0, **more: Any) -> list[Any]:
    """`count` instances of which the last `sick` are unhealthy."""
    states = [Health.HEALTHY] * (count - sick) + [Health.UNHEALTHY] * sick
    return [instance(str(i), health=state, **more) for i, state in enumerate(states)]


# --- the check -----------------------------------------------------------------------------------------------------


def test_at_the_limit_the_check_passes_and_above_it_nothing_is_touched() -> None:
    assert Run(scale_set(fleet(10, 2))).state == "RollingForward"
    run = Run(scale_set(fleet(10, 3)))
    assert (run.state, run.error) == ("Faulted", BEFORE)
    assert run.upgrade.batches == ()
    assert run.upgrade.error is not None
    assert "30% of instances are in an unhealthy state, more than the threshold of 20%" in run.upgrade.error.message
    assert [d.target for d in run.upgrade.error.details] == [f"web/virtualMachines/{i}" for i in (7, 8, 9)]


def test_nothing_out_of_date_completes_without_asking_for_health() -> None:
    run = Run(scale_set([instance("0", image=V2, health=Health.NOT_OBSERVED)]))
    assert run.state == "Completed"
    assert not run.seen(e.CheckPassed)


@pytest.mark.parametrize("state", (Health.NOT_OBSERVED, Health.INITIALIZING))
def test_health_that_is_not_known_yet_holds_the_check_and_the_next_batch(state: Health) -> None:
    run = Run(scale_set([*fleet(9), instance("9", health=state)]))
    assert run.state == "Checking"
    assert unseen(run.set) == ["9"]
    run.healthy("9")
    assert run.state == "RollingForward"
    run.health(state, "9")
    run.swap()
    run.healthy("0", "1")
    assert len(run.upgrade.batches) == 1
    assert run.upgrade.open_batch is None
    run.healthy("9")
    assert len(run.upgrade.batches) == 2


def test_a_start_time_that_was_asked_for_is_waited_for() -> None:
    run = Run(at=1600.0)
    assert run.state == "Checking"
    run.wait(599.0)
    assert run.state == "Checking"
    run.wait(1.0)
    assert run.state == "RollingForward"


def test_a_pause_holds_the_check() -> None:
    run = Run(at=1600.0)
    run.command(Verb.PAUSE)
    run.wait(1000.0)
    assert run.state == "Paused"
    run.command(Verb.RESUME)
    assert run.state == "RollingForward"


# --- limits --------------------------------------------------------------------------------------------------------


def test_the_upgraded_limit_is_judged_at_the_end_of_the_batch_and_never_inside_it() -> None:
    run = Run(scale_set(20), restore_failed="never")
    run.swap()
    run.sick("0", "1")
    run.healthy("2")
    run.wait(300.0)
    assert run.names(MemberState.FAILED) == ["0", "1", "3"]
    assert run.state == "Faulted"
    assert run.error == UPGRADED
    assert run.seen(e.BatchEnded)[0].failed


def test_exactly_at_the_upgraded_limit_the_run_goes_on() -> None:
    # given 20 instances in batches of 4 with 25 % allowed, and one of the first four failed
    run = Run(scale_set(20, policy={"max_unhealthy_upgraded_instance_percent": 25}), restore_failed="never")
    run.batch("0")
    assert run.state == "RollingForward"


def test_no_failure_is_allowed_at_a_limit_of_zero() -> None:
    run = Run(scale_set(100, policy={"max_unhealthy_upgraded_instance_percent": 0}))
    run.batch("0")
    run.act()
    run.healthy()
    assert run.error == UPGRADED


def test_the_message_has_azures_wording_the_numbers_and_the_first_failed_instance() -> None:
    run = Run(restore_failed="never")
    run.batch("1")
    assert run.upgrade.error is not None
    assert run.upgrade.error.message == (
        "Rolling Upgrade failed after exceeding the MaxUnhealthyUpgradedInstancePercent value defined in the "
        "RollingUpgradePolicy. 50% of instances are in an unhealthy state after being upgraded - more than the "
        "threshold of 20%. The most impactful error is: Instance found to be unhealthy or unreachable. First failed "
        "instance ID is: 1."
    )


def test_the_total_limit_is_judged_at_the_end_of_the_batch() -> None:
    run = Run()
    run.sick("7", "8", "9")
    assert run.state == "RollingForward"  # the batch in flight is never cut
    run.batch()
    assert (run.state, run.error) == ("Faulted", DURING)


def test_the_total_limit_is_judged_again_right_before_the_next_batch() -> None:
    run = Run(scale_set(policy={"pause_between_batches_s": 60.0}))
    run.batch()
    run.sick("7", "8", "9")
    assert run.state == "RollingForward"
    run.wait(60.0)
    assert (run.state, run.error) == ("Faulted", DURING)


def test_instances_that_recover_during_the_pause_do_not_stop_the_run() -> None:
    run = Run(scale_set(policy={"pause_between_batches_s": 60.0}))
    run.batch()
    run.sick("7", "8", "9")
    run.healthy("7")
    run.wait(60.0)
    assert len(run.upgrade.batches) == 2


def test_a_fleet_that_cannot_begin_stops_the_run_with_the_cause() -> None:
    # given a fleet that refuses every act, and limits on health that see nothing
    run = Run()
    for effect in run.effects(EffectKind.CAPTURE_RESTORE_POINT):
        run.fail(effect, message="the host answers no call")
    # then the run does not go on to end Completed
    assert (run.state, run.error) == ("Faulted", "InternalExecutionError")
    assert run.upgrade.error is not None
    assert "on 2 of 2 instances it could not begin" in run.upgrade.error.message
    assert "the host answers no call" in run.upgrade.error.message
    assert len(run.upgrade.batches) == 1


def test_a_run_that_tolerates_every_failure_tolerates_those_too() -> None:
    run = Run(scale_set(policy=TOLERANT), restore_failed="never")
    for effect in run.effects(EffectKind.CAPTURE_RESTORE_POINT):
        run.fail(effect)
    run.run()
    assert run.state == "Completed"


# --- restore on breach ---------------------------------------------------------------------------------------------


def test_on_breach_failed_members_go_back_a_batch_at_a_time_and_healthy_ones_stay() -> None:
    # given 10 instances of which 5 fail in three batches of 2 until the limit breaks
    policy = {"max_unhealthy_upgraded_instance_percent": 50, "max_unhealthy_instance_percent": 100}
    run = Run(scale_set(policy=policy), restore_failed="on_breach")
    run.batch("0")
    run.batch("2")
    run.batch("4", "5")
    # then at most as many as a batch has go back at once
    assert run.state == "RollingForward"
    assert len(run.upgrade.in_flight()) == 2
    assert run.upgrade.open_batch is None
    run.swap()
    run.healthy()
    assert len(run.upgrade.in_flight()) == 2
    run.swap()
    run.healthy()
    assert (run.state, run.error) == ("Faulted", UPGRADED)
    assert run.names(MemberState.ROLLED_BACK) == ["0", "2", "4", "5"]
    assert run.names(MemberState.SUCCEEDED) == ["1", "3"]


def test_a_pause_holds_the_restores_of_a_broken_limit_too() -> None:
    run = Run(scale_set(4), restore_failed="on_breach")
    run.command(Verb.PAUSE)
    run.batch("0")
    assert run.state == "Paused"
    assert not run.effects()
    run.command(Verb.RESUME)
    assert [x.kind for x in run.effects()] == [EffectKind.RESTORE_OS_DISK]


def test_kept_failures_end_the_run_at_once() -> None:
    run = Run(scale_set(4), restore_failed="never")
    run.batch("0")
    assert run.state == "Faulted"
    assert run.member("0").state is MemberState.FAILED


# --- time ----------------------------------------------------------------------------------------------------------


def test_the_pause_between_batches_runs_from_the_end_of_the_whole_batch() -> None:
    run = Run(scale_set(policy={"pause_between_batches_s": 60.0}))
    run.swap()
    run.healthy("0")
    run.wait(100.0)
    run.healthy("1")
    run.wait(59.0)
    assert len(run.upgrade.batches) == 1
    run.wait(1.0)
    assert len(run.upgrade.batches) == 2


def test_a_pause_by_an_operator_stops_the_pause_between_batches() -> None:
    run = Run(scale_set(policy={"pause_between_batches_s": 60.0}))
    run.batch()
    run.wait(20.0)
    run.command(Verb.PAUSE)
    run.wait(500.0)
    run.command(Verb.RESUME)
    run.wait(39.0)
    assert len(run.upgrade.batches) == 1
    run.wait(1.0)
    assert len(run.upgrade.batches) == 2


def test_a_run_longer_than_its_limit_ends_once_what_began_has_ended() -> None:
    run = Run(timeout_s=100.0)
    run.wait(150.0)
    assert run.state == "RollingForward"
    run.batch()
    assert (run.state, run.error) == ("Faulted", "RollingUpgradeTimeoutError")
    assert run.upgrade.error is not None
    assert "100 seconds" in run.upgrade.error.message


def test_the_limit_of_time_is_not_reached_by_reaching_it() -> None:
    run = Run(scale_set(policy={"pause_between_batches_s": 1000.0}), timeout_s=100.0)
    run.batch()
    run.wait(100.0)
    assert run.state == "RollingForward"
    run.wait(0.5)
    assert run.state == "Faulted"


def test_paused_time_is_not_counted() -> None:
    run = Run(timeout_s=100.0)
    run.command(Verb.PAUSE)
    run.batch()
    run.wait(1000.0)
    assert observed_s(run.upgrade, run.now) == 0.0
    run.command(Verb.RESUME)
    assert run.state == "RollingForward"
    run.wait(50.0)
    assert observed_s(run.upgrade, run.now) == 50.0


def test_waiting_for_the_start_time_is_not_counted() -> None:
    run = Run(at=1000.0 + 90_000.0)
    run.wait(89_000.0)
    assert run.state == "Checking"
    assert observed_s(run.upgrade, run.now) == 0.0
    run.wait(1000.0)
    assert run.state == "RollingForward"
    run.wait(7.0)
    assert observed_s(run.upgrade, run.now) == 7.0


def test_a_pause_over_the_start_time_is_taken_off_once() -> None:
    run = Run(at=1000.0 + 3600.0, timeout_s=7200.0)
    run.command(Verb.PAUSE)
    run.wait(3600.0)
    run.wait(1800.0)
    assert observed_s(run.upgrade, run.now) == 0.0
    run.command(Verb.RESUME)
    assert run.state == "RollingForward"
    run.wait(3600.0)
    assert observed_s(run.upgrade, run.now) == 3600.0


def test_an_engine_that_was_away_when_the_start_time_came_counts_from_its_return() -> None:
    run = Run(at=1000.0 + 3600.0)
    run.t += 5000.0  # nobody observed any of it
    run.settle()
    assert run.state == "RollingForward" and len(run.seen(e.StartTimeReached)) == 1
    run.wait(3600.0)
    assert observed_s(run.upgrade, run.now) == 3600.0


def test_a_clock_that_nobody_trusts_starts_nothing() -> None:
    run = Run(at=5000.0)
    run.fold(e.HoldRaised(Hold(HoldKind.CLOCK_UNTRUSTED, run.t, "engine", "it jumped")))
    run.t = 6000.0
    run.settle()
    assert run.upgrade.delayed
    run.t = 1100.0
    run.fold(e.HoldLifted(HoldKind.CLOCK_UNTRUSTED, "engine"))
    run.settle()
    assert run.upgrade.delayed and run.state == "Checking"


def test_a_clock_that_is_set_back_after_the_start_time_stops_nothing() -> None:
    run = Run(at=1100.0)
    run.wait(100.0)
    run.t -= 90.0
    run.run()
    assert run.state == "Completed"


def test_a_run_that_waits_for_health_too_long_ends() -> None:
    run = Run(scale_set([instance("0", health=Health.NOT_OBSERVED)]), timeout_s=100.0)
    run.wait(101.0)
    assert run.error == "RollingUpgradeTimeoutError"


# --- the fleet changes ---------------------------------------------------------------------------------------------


def test_an_instance_that_appears_joins_and_takes_the_target() -> None:
    run = Run(scale_set(2))
    run.add(instance("5"))
    assert run.member("5").state is MemberState.PENDING
    run.add(instance("6", image=V2))
    assert run.member("6").left_out is LeftOut.ALREADY_CURRENT
    run.run()
    assert run.names(MemberState.SUCCEEDED) == ["0", "1", "5"]


def test_an_instance_that_is_not_there_yet_joins_once_it_is_provisioned() -> None:
    run = Run(scale_set(2))
    run.add(instance("5", provisioned=False))
    assert len(run.upgrade.members) == 2
    run.fold_set(e.InstanceProvisioned("5", "1", "sha256:1.0.0", "127.0.0.9:80"))
    run.settle()
    assert len(run.upgrade.members) == 3


def test_the_same_content_under_another_version_is_not_the_target() -> None:
    run = Run(scale_set(1))
    run.add(instance("5", digest="sha256:2.0.0"))
    assert run.member("5").state is MemberState.PENDING


def test_an_instance_that_leaves_leaves_the_counts_also_in_the_middle() -> None:
    run = Run()
    run.act(EffectKind.CAPTURE_RESTORE_POINT)
    late = run.effects(EffectKind.REPLACE_OS_DISK)[0]
    run.remove("0")
    assert run.member("0").state is MemberState.GONE
    run.succeed(late) if late.instance_id in run.set.instances else run.fail(late)
    assert run.member("0").state is MemberState.GONE
    run.run()
    assert run.state == "Completed"


def test_a_held_instance_stays_out_and_the_run_waits_for_its_release() -> None:
    run = Run(scale_set(2))
    run.hold("1")
    assert run.member("1").left_out is LeftOut.HELD
    run.batch()
    assert run.state == "RollingForward"
    run.release("1")
    run.run()
    assert run.state == "Completed"
    assert run.member("1").state is MemberState.SUCCEEDED


def test_protection_given_and_taken_during_the_run() -> None:
    run = Run(scale_set(2))
    run.fold_set(e.ProtectionChanged("1", True, True))
    run.settle()
    assert run.member("1").left_out is LeftOut.PROTECTED
    run.fold_set(e.ProtectionChanged("1", False, False))
    run.settle()
    assert run.member("1").state is MemberState.PENDING


def test_an_instance_still_held_or_protected_does_not_join() -> None:
    run = Run(scale_set(2))
    run.hold("1")
    run.fold_set(e.ProtectionChanged("1", True, True))
    run.release("1")
    assert run.member("1").state is MemberState.LEFT_OUT


def test_a_held_instance_that_is_protected_meanwhile_is_no_longer_waited_for() -> None:
    run = Run(scale_set(2))
    run.hold("1")
    run.fold_set(e.ProtectionChanged("1", True, False))
    run.settle()
    assert run.member("1").left_out is LeftOut.PROTECTED
    run.batch()
    assert run.state == "Completed"


def test_a_protected_instance_that_is_held_and_loses_its_protection_is_waited_for() -> None:
    run = Run(scale_set([instance("0"), instance("1", protected_from_actions=True)]))
    run.hold("1")
    run.fold_set(e.ProtectionChanged("1", False, False))
    run.batch()
    assert (run.member("1").left_out, run.state) == (LeftOut.HELD, "RollingForward")
    run.release("1")
    run.run()
    assert run.state == "Completed"


def test_an_instance_on_the_target_that_loses_its_protection_needs_no_batch() -> None:
    run = Run(scale_set([instance("0"), instance("1", image=V2, protected_from_actions=True)]))
    run.fold_set(e.ProtectionChanged("1", False, False))
    run.settle()
    assert run.member("1").left_out is LeftOut.ALREADY_CURRENT
    assert run.member("1").left_out_reason == "already on the target"


def test_a_failed_member_held_after_its_retry_is_tried_again_when_released() -> None:
    run = Run(scale_set(policy=TOLERANT), restore_failed="never")
    run.batch("0")
    run.command(Verb.RETRY)
    run.hold("0")
    run.release("0")
    assert run.member("0").state is MemberState.PENDING


# --- holds ---------------------------------------------------------------------------------------------------------


def test_a_failed_restore_holds_the_run_and_says_where() -> None:
    run = Run(scale_set(policy=TOLERANT))
    run.swap()
    run.sick("0")
    run.wait(300.0)
    run.fail(run.effects(EffectKind.RESTORE_OS_DISK)[0])
    assert "on 0" in run.upgrade.holds[HoldKind.RESTORE_FAILED].reason
    assert run.state == "Pausing"  # the other member of the batch is still on its way


def test_the_hold_goes_when_the_instance_that_could_not_be_restored_leaves_the_set() -> None:
    # given a run that waits for a word on a failed restore
    run = Run(scale_set(policy=TOLERANT))
    run.swap()
    run.sick("0")
    run.healthy("1")
    run.wait(300.0)
    run.fail(run.effects(EffectKind.RESTORE_OS_DISK)[0])
    assert run.state == "Paused"
    # when the instance is taken away, then nothing is left to decide
    run.remove("0")
    assert run.state == "RollingForward"


def test_under_a_hard_hold_no_effect_starts_and_the_run_goes_on_after_it() -> None:
    run = Run()
    run.fold(e.HoldRaised(Hold(HoldKind.STORE_SUSPECT, run.t, "engine", "checks run")))
    run.settle()
    assert run.effects() == []
    run.fold(e.HoldLifted(HoldKind.STORE_SUSPECT, "engine"))
    run.settle()
    assert len(run.effects()) == 2


# --- going back ----------------------------------------------------------------------------------------------------


def test_no_unhealthy_limit_stops_going_back() -> None:
    run = Run()
    for _ in range(2):
        run.batch()
    run.swap()
    run.sick(*(str(i) for i in range(4, 10)))
    run.command(Verb.ROLL_BACK)
    run.wait(300.0)
    run.run()
    assert run.state == "RolledBack"
    assert run.upgrade.error is None


def test_a_batch_back_failed_only_when_an_instance_is_not_well_on_its_old_disk() -> None:
    run = Run(scale_set(policy=TOLERANT))
    run.swap()
    run.command(Verb.ROLL_BACK)
    run.healthy()
    run.swap()
    run.healthy()
    assert [b.failed for b in run.upgrade.batches] == [False, False]
    sad = Run(scale_set(policy=TOLERANT))
    sad.swap()
    sad.command(Verb.ROLL_BACK)
    sad.healthy()
    sad.batch("0")
    assert [b.failed for b in sad.upgrade.batches] == [False, True]
    assert sad.member("0").state is MemberState.ROLLED_BACK_UNHEALTHY
    assert sad.state == "RolledBack"


def test_a_rollback_after_a_broken_limit_ends_rolled_back_with_the_reason() -> None:
    run = Run(scale_set(4), restore_failed="on_breach")
    run.batch("0")
    run.command(Verb.ROLL_BACK)
    run.run()
    assert (run.state, run.error) == ("RolledBack", UPGRADED)


# --- the end -------------------------------------------------------------------------------------------------------


def test_after_the_end_nothing_follows() -> None:
    run = Run()
    run.run()
    run.sick("0")
    run.remove("1")
    assert advance(run.upgrade, run.set, run.now) == []
    assert run.upgrade.ended_at is not None


@pytest.mark.parametrize("prefer", ("azure", "always", "on_breach", "never"))
def test_every_choice_of_restore_ends(prefer: str) -> None:
    run = Run(scale_set(30, policy={"rollback_failed_instances_on_policy_breach": True}), restore_failed=prefer)
    run.batch("0", "1")
    run.run()
    assert run.state == "Faulted"
    went_back = MemberState.ROLLED_BACK if prefer != "never" else MemberState.FAILED
    assert run.names(went_back) == ["0", "1"]


def test_after_the_end_nothing_follows_whatever_becomes_of_the_set() -> None:
    run = Run(scale_set(2))
    run.run()
    assert run.state == "Completed"
    run.sick("0")
    run.add(instance("7"))
    run.wait(90_000.0)
    assert advance(run.upgrade, run.set, run.now) == []
    assert run.effects() == []
