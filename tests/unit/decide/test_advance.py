"""What follows from the facts by itself: checks, batches, judgements, going back, ends."""

from __future__ import annotations

from typing import Any

import pytest

from engine.decide.advance import advance, unseen
from engine.model import events as e
from engine.model.commands import Verb
from engine.model.effects import EffectKind
from engine.model.health import Health
from engine.model.upgrade import MemberState
from tests.unit.decide.given import TOLERANT, V2, Run, instance, scale_set

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
