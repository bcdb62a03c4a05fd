"""What each command does where it is accepted, and how it is refused where no member qualifies."""

from __future__ import annotations

import pytest

from engine.decide.accept_command import accept_command
from engine.model import events as e
from engine.model.commands import Command, Verb
from engine.model.effects import EffectKind
from engine.model.errors import RefusedError
from engine.model.upgrade import Direction, Hold, HoldKind, MemberState
from tests.unit.decide.given import TOLERANT, Run, scale_set


def with_failed(*, restore_failed: str = "never") -> Run:
    """Instance 0 failed in the first batch of two; the second batch runs."""
    run = Run(scale_set(policy=TOLERANT), restore_failed=restore_failed)
    run.batch("0")
    return run


def with_failed_restore() -> Run:
    """Paused: instance 0 could not be restored."""
    run = Run(scale_set(policy=TOLERANT))
    run.swap()
    run.sick("0")
    run.healthy("1")
    run.wait(300.0)
    run.fail(run.effects(EffectKind.RESTORE_OS_DISK)[0], "DiskGone", "the disk is gone")
    assert run.state == "Paused"
    return run


def refusal(run: Run, verb: Verb, *instances: str) -> str:
    with pytest.raises(RefusedError) as said:
        accept_command(run.upgrade, Command(verb, "omar", "", instances), run.now)
    return said.value.message


# --- pause, resume, step -------------------------------------------------------------------------------------------


def test_pause_lets_begun_members_finish_and_begins_none() -> None:
    run = Run()
    run.command(Verb.PAUSE, reason="lunch")
    assert run.state == "Pausing"
    run.batch()
    assert run.state == "Paused"
    assert not run.upgrade.in_flight()
    hold = run.upgrade.holds[HoldKind.OPERATOR]
    assert (hold.by, hold.reason) == ("omar", "lunch")
    assert run.upgrade.last_action == "Pause"


def test_a_second_pause_changes_nothing() -> None:
    run = Run()
    run.command(Verb.PAUSE, actor="ana")
    assert accept_command(run.upgrade, Command(Verb.PAUSE, "omar"), run.now) == []


def test_resume_lifts_the_operators_hold_only() -> None:
    run = Run()
    run.command(Verb.PAUSE)
    run.fold(e.HoldRaised(Hold(HoldKind.STORE_NOT_WRITABLE, run.t, "engine", "the disk is full")))
    run.command(Verb.RESUME)
    assert run.state == "Pausing"
    assert list(run.upgrade.holds) == [HoldKind.STORE_NOT_WRITABLE]


def test_resume_names_the_holds_that_no_operator_raised() -> None:
    assert "RestoreFailed: the previous OS disk could not be put back on 0" in refusal(
        with_failed_restore(), Verb.RESUME
    )


def test_the_end_of_a_step_is_put_down_to_whoever_stepped() -> None:
    run = Run(batch="1", step=True)
    run.batch()
    assert run.upgrade.holds[HoldKind.OPERATOR].by == "ana", "who started it with a step"
    run.command(Verb.STEP, actor="omar")
    run.batch()
    assert run.upgrade.holds[HoldKind.OPERATOR].by == "omar"


def test_step_runs_one_batch_and_pauses_again() -> None:
    run = Run(step=True)
    run.batch()
    assert run.state == "Paused"
    run.command(Verb.STEP)
    assert run.state == "RollingForward"
    assert len(run.upgrade.batches) == 2
    run.batch()
    assert run.state == "Paused"
    assert run.upgrade.holds[HoldKind.OPERATOR].reason == "single step done"


def test_a_step_through_the_last_batch_ends_the_run() -> None:
    run = Run(scale_set(1), step=True)
    run.batch()
    assert run.state == "Completed"


def test_a_step_pauses_also_when_only_held_instances_are_left() -> None:
    run = Run(scale_set(2), step=True)
    run.hold("1")
    run.batch()
    assert run.state == "Paused"


def test_step_is_refused_while_something_else_holds() -> None:
    run = with_failed_restore()
    assert "RestoreFailed" in refusal(run, Verb.STEP)
    run.command(Verb.PAUSE)
    assert "it is also held by RestoreFailed" in refusal(run, Verb.STEP)


def test_resume_takes_back_an_earlier_step() -> None:
    run = Run(step=True)
    run.batch()
    run.command(Verb.RESUME)
    run.batch()
    assert run.state == "RollingForward"


# --- cancel, roll back ---------------------------------------------------------------------------------------------


def test_cancel_lets_the_batch_finish_and_lifts_a_pause() -> None:
    run = Run()
    run.command(Verb.PAUSE)
    run.command(Verb.CANCEL)
    assert run.state == "Cancelling"
    assert not run.upgrade.holds
    run.batch()
    assert run.state == "Cancelled"
    assert len(run.upgrade.batches) == 1
    assert run.upgrade.last_action == "Cancel"


def test_cancel_of_a_step_by_step_run_stays_the_last_action() -> None:
    run = Run(step=True)
    run.command(Verb.CANCEL)
    run.batch()
    assert (run.state, run.upgrade.last_action) == ("Cancelled", "Cancel")


def test_a_paused_run_can_be_cancelled_without_resuming() -> None:
    run = with_failed()
    run.command(Verb.PAUSE)
    run.batch()
    run.command(Verb.CANCEL)
    assert run.state == "Cancelled"
    assert run.seen(e.UpgradeResumed)


def test_a_paused_rollback_can_neither_be_cancelled_nor_begun_again() -> None:
    run = Run()
    run.swap()
    run.command(Verb.ROLL_BACK)
    run.command(Verb.PAUSE)
    assert "it is rolling back; pause it, or let it end" in refusal(run, Verb.CANCEL)
    assert "rolling back already" in refusal(run, Verb.ROLL_BACK)
    assert "it is rolling back" in refusal(run, Verb.SKIP, "9")


def test_roll_back_restores_every_touched_member_and_no_other() -> None:
    # given two batches upgraded and the third on its way
    run = Run()
    run.batch()
    run.batch()
    run.act(EffectKind.CAPTURE_RESTORE_POINT)
    # when the run is rolled back, the third batch first reaches its end
    run.command(Verb.ROLL_BACK)
    assert run.state == "RollingBack"
    run.batch()
    run.run()
    # then all six are on their previous disk, the others were never touched
    assert run.state == "RolledBack"
    assert run.names(MemberState.ROLLED_BACK) == [str(i) for i in range(6)]
    assert all(i.image.version == "1.0.0" and i.disk == "1" for i in run.set.instances.values())
    assert run.names(MemberState.PENDING) == ["6", "7", "8", "9"]


def test_roll_back_restores_members_that_were_put_back_to_pending_held_or_skipped_after_their_swap() -> None:
    # given three members that failed, stayed on the new disk and were put back to pending; one of them is held
    # then, and one is skipped
    run = Run(scale_set(policy=TOLERANT | {"max_batch_instance_percent": 30}), restore_failed="never")
    run.batch("0", "1", "2")
    run.command(Verb.PAUSE)
    run.batch()
    run.command(Verb.RETRY)
    run.hold("1")
    run.command(Verb.SKIP, "2")
    # when the run is rolled back
    run.command(Verb.ROLL_BACK)
    run.run()
    # then none of them is left on the new disk
    assert run.state == "RolledBack"
    assert {i.image.version for i in run.set.instances.values()} == {"1.0.0"}
    assert run.member("1").left_out is None


def test_a_member_restored_and_put_back_to_pending_is_not_restored_again() -> None:
    run = Run(scale_set(policy=TOLERANT))
    run.batch("0")
    run.act(EffectKind.RESTORE_OS_DISK)
    run.healthy()
    run.command(Verb.PAUSE)
    run.batch()
    run.command(Verb.RETRY, "0")
    run.command(Verb.ROLL_BACK)
    run.run()
    assert run.member("0").state is MemberState.PENDING
    assert run.set.instances["0"].image.version == "1.0.0"


def test_roll_back_begins_at_once_whatever_pause_between_batches_is_left() -> None:
    run = Run(scale_set(policy={"pause_between_batches_s": 3600.0}))
    run.batch()
    run.command(Verb.ROLL_BACK)
    assert len(run.open_members) == 2


def test_roll_back_clears_the_notice_of_failed_members() -> None:
    run = with_failed()
    assert run.error == "RollingUpgradeInProgressWithFailedUpgradedVMs"
    run.command(Verb.ROLL_BACK)
    assert run.upgrade.error is None


def test_roll_back_takes_the_place_of_a_cancel() -> None:
    run = Run()
    run.command(Verb.CANCEL)
    run.command(Verb.ROLL_BACK)
    run.run()
    assert run.state == "RolledBack"


def test_roll_back_of_a_paused_run_lifts_the_pause() -> None:
    run = Run()
    run.batch()
    run.command(Verb.PAUSE)
    run.batch()
    run.wait(3600.0)
    run.command(Verb.ROLL_BACK)
    assert run.state == "RollingBack"
    assert run.upgrade.batches[-1].direction is Direction.BACK, "it waits for as long as it was paused"


# --- retry, skip, accept loss --------------------------------------------------------------------------------------


def test_retry_puts_failed_members_back_to_pending_and_tries_all_of_it_again() -> None:
    run = with_failed()
    run.command(Verb.RETRY)
    assert run.member("0").state is MemberState.PENDING
    assert (run.member("0").attempt, run.member("0").batch) == (2, None)
    run.run()
    assert run.state == "Completed"
    assert len(run.names(MemberState.SUCCEEDED)) == 10
    assert not run.member("0").judged_failed
    # its restore point is still the disk it had before the run
    point = run.member("0").restore_point
    assert point is not None
    assert point.disk == "1"


def test_retry_takes_only_the_instances_that_are_named() -> None:
    run = Run(scale_set(policy=TOLERANT), restore_failed="never")
    run.batch("0", "1")
    run.command(Verb.RETRY, "1", "1")
    assert run.names(MemberState.FAILED) == ["0"]


def test_retry_refuses_members_that_did_not_fail_or_whose_batch_still_runs() -> None:
    run = with_failed()
    assert "instance 7 is not one that failed and has ended its batch" in refusal(run, Verb.RETRY, "7")
    run.swap()
    run.sick("1", "2")
    run.wait(300.0)
    fresh = Run()
    assert "no member failed" in refusal(fresh, Verb.RETRY)
    fresh.act(EffectKind.CAPTURE_RESTORE_POINT)
    fresh.fail(fresh.effects(EffectKind.REPLACE_OS_DISK)[0])
    assert "instance 0 is not one" in refusal(fresh, Verb.RETRY, "0")


def test_retry_after_a_failed_restore_lifts_the_hold_once_all_of_them_are_settled() -> None:
    run = Run(scale_set(policy=TOLERANT))
    run.swap()
    run.sick("0", "1")
    run.wait(300.0)
    for effect in run.effects(EffectKind.RESTORE_OS_DISK):
        run.fail(effect)
    assert run.state == "Paused"
    run.command(Verb.RETRY, "0")
    assert run.state == "Paused"
    run.command(Verb.ACCEPT_LOSS, "1")
    assert run.state == "RollingForward"
    assert run.member("1").state is MemberState.ROLLED_BACK_UNHEALTHY


def test_after_a_broken_limit_retry_tries_the_restore_again_and_begins_no_upgrade() -> None:
    # given a run that broke its limit, and a restore that failed
    run = Run(scale_set(4), restore_failed="on_breach")
    run.batch("0")
    run.fail(run.effects(EffectKind.RESTORE_OS_DISK)[0])
    assert run.state == "Paused"
    # when it is retried
    run.command(Verb.RETRY)
    # then its disk goes back, and the run ends as it had to
    run.act(EffectKind.RESTORE_OS_DISK)
    run.healthy()
    assert run.state == "Faulted"
    assert run.member("0").state is MemberState.ROLLED_BACK
    assert len(run.upgrade.batches) == 1


def test_after_a_broken_limit_what_failed_and_was_kept_cannot_be_retried() -> None:
    run = Run(scale_set(4), restore_failed="on_breach")
    run.batch("0")
    assert "no member failed to be restored" in refusal(run, Verb.RETRY)
    assert "not one that failed to be restored" in refusal(run, Verb.RETRY, "0")


def test_skip_takes_a_waiting_or_held_member_out_with_the_reason() -> None:
    run = Run()
    run.hold("8")
    run.command(Verb.SKIP, "8", "9", reason="ticket 7")
    assert run.member("9").left_out_reason == "ticket 7"
    run.release("8")
    run.run()
    assert run.state == "Completed"
    assert run.names(MemberState.LEFT_OUT) == ["8", "9"]


def test_skip_without_a_reason_names_who_did_it() -> None:
    run = Run()
    run.command(Verb.SKIP, "9")
    assert run.member("9").left_out_reason == "skipped by omar"


def test_skip_needs_names_of_members_that_wait() -> None:
    run = Run()
    assert "name the instances to skip" in refusal(run, Verb.SKIP)
    assert "instance 0, 99 is not one that waits for its batch" in refusal(run, Verb.SKIP, "0", "9", "99")


def test_accept_loss_is_for_failed_restores() -> None:
    run = with_failed_restore()
    assert "instance 1 is not one that failed to be restored" in refusal(run, Verb.ACCEPT_LOSS, "1")
    run.command(Verb.ACCEPT_LOSS)
    assert run.state == "RollingForward"
    run.command(Verb.PAUSE)
    assert "no member failed to be restored" in refusal(run, Verb.ACCEPT_LOSS)
