"""How one member goes on, from its turn to its end."""

from __future__ import annotations

from typing import Any

import pytest

from engine.model.commands import Verb
from engine.model.effects import EffectKind
from engine.model.health import Health
from engine.model.upgrade import MemberState
from tests.unit.decide.given import AGENT, SETUP, TOLERANT, Run, scale_set


def one(**request: Any) -> Run:
    return Run(scale_set(1, policy=TOLERANT), **request)


def test_a_member_writes_its_restore_point_down_before_its_disk_is_replaced() -> None:
    run = one()
    assert run.member("0").state is MemberState.CAPTURING
    run.act()
    member = run.member("0")
    assert member.state is MemberState.REPLACING
    assert member.restore_point is not None
    assert (member.restore_point.image.version, member.restore_point.disk) == ("1.0.0", "1")


def test_without_extensions_health_is_next_with_them_they_run_in_order() -> None:
    run = one()
    run.act()
    run.act()
    assert run.member("0").state is MemberState.AWAITING_HEALTH
    run = Run(scale_set(1, model={"extensions": (SETUP, AGENT)}))
    run.act()
    run.act()
    steps = []
    while run.member("0").state is MemberState.EXTENDING:
        steps.append(run.effects()[0].step)
        run.act()
    assert steps == ["setup", "agent"]
    assert run.member("0").state is MemberState.AWAITING_HEALTH
    assert [x.name for x in run.set.instances["0"].extensions] == ["setup", "agent"]


def test_a_healthy_instance_succeeds() -> None:
    run = one()
    run.swap()
    run.wait(42.0)
    run.healthy()
    assert run.member("0").state is MemberState.SUCCEEDED
    assert run.events[-3].why == "healthy after 42 s"  # type: ignore[attr-defined]  # a MemberMoved


@pytest.mark.parametrize("state", (Health.UNHEALTHY, Health.UNKNOWN, Health.INITIALIZING, Health.NOT_OBSERVED))
def test_whatever_is_not_healthy_waits_out_the_window_and_fails_at_its_end(state: Health) -> None:
    run = one(restore_failed="never")
    run.swap()
    run.health(state, "0", detail="HTTP 503")
    run.wait(299.0)
    assert run.member("0").state is MemberState.AWAITING_HEALTH
    run.wait(1.0)
    member = run.member("0")
    assert member.state is MemberState.FAILED
    assert member.error is not None
    assert member.error.message == ("Instance found to be unhealthy or unreachable. Not healthy within 300 s: HTTP 503")


def test_an_instance_that_never_answered_says_so() -> None:
    run = one(restore_failed="never", health_window_s=10.0)
    run.swap()
    run.wait(10.0)
    error = run.member("0").error
    assert error is not None
    assert error.message.endswith("Not healthy within 10 s: it gave no answer that counts")


def test_time_in_which_the_engine_did_not_run_is_not_counted() -> None:
    run = one()
    run.swap()
    run.t += 10_000.0  # the wall clock goes on, the observed one does not
    run.settle()
    assert run.member("0").state is MemberState.AWAITING_HEALTH


@pytest.mark.parametrize("restoring", (False, True))
def test_no_member_fails_for_health_on_an_answer_from_before_the_end_of_its_window(restoring: bool) -> None:
    run = one()
    run.swap()
    if restoring:
        run.wait(300.0)
        run.act()
    run.sick("0")
    waits = run.member("0").state
    run.heard_clock = run.clock + 299.0
    run.wait(300.0)
    run.wait(89.5)
    assert run.member("0").state is waits
    run.healthy("0")
    assert run.member("0").state is (MemberState.ROLLED_BACK if restoring else MemberState.SUCCEEDED)


def test_the_first_answer_after_the_end_of_the_window_fails_it() -> None:
    run = one(restore_failed="never")
    run.swap()
    run.heard_clock = run.clock + 299.0
    run.wait(310.0)
    assert run.member("0").state is MemberState.AWAITING_HEALTH
    run.heard_clock = run.clock
    run.settle()
    assert run.member("0").state is MemberState.FAILED


def test_an_instance_that_nobody_can_ask_is_not_waited_for_for_ever() -> None:
    run = one(restore_failed="never")
    run.swap()
    run.heard_clock = 0.0
    run.wait(390.0)
    assert run.member("0").state is MemberState.FAILED


def test_a_failed_member_gets_its_previous_disk_back_at_once() -> None:
    run = one(restore_failed="always")
    run.swap()
    run.sick("0")
    run.wait(300.0)
    assert run.member("0").state is MemberState.RESTORING
    effect = run.effects()[0]
    assert (effect.kind, effect.disk, effect.digest) == (EffectKind.RESTORE_OS_DISK, "1", "sha256:1.0.0")
    run.act()
    assert run.member("0").state is MemberState.AWAITING_HEALTH_AFTER_RESTORE
    run.healthy()
    assert run.member("0").state is MemberState.ROLLED_BACK
    assert run.set.instances["0"].image.version == "1.0.0"


def test_a_restored_instance_that_stays_ill_is_rolled_back_unhealthy() -> None:
    run = one()
    run.batch("0")
    run.act()
    run.sick("0")
    run.wait(299.0)
    assert run.member("0").state is MemberState.AWAITING_HEALTH_AFTER_RESTORE
    run.wait(1.0)
    assert run.member("0").state is MemberState.ROLLED_BACK_UNHEALTHY


def test_a_member_that_failed_before_its_disk_was_touched_has_nothing_to_restore() -> None:
    run = one()
    run.fail(run.effects()[0])
    assert run.member("0").state is MemberState.FAILED
    assert run.upgrade.live is False


def test_a_replacement_that_failed_is_restored_since_nobody_knows_how_far_it_came() -> None:
    run = one()
    run.act()
    run.fail(run.effects()[0])
    assert run.member("0").state is MemberState.RESTORING


def test_a_failed_extension_fails_the_member_with_its_exit_code_and_last_line() -> None:
    run = Run(scale_set(1, policy=TOLERANT, model={"extensions": (SETUP,)}), restore_failed="never")
    run.act()
    run.act()
    run.fail(run.effects()[0], exit_code=7, stderr="apt is locked\nno such package\n")
    member = run.member("0")
    assert member.state is MemberState.FAILED
    assert member.error is not None
    assert member.error.code == "VMExtensionProvisioningError"
    assert member.error.message == (
        "VM has reported a failure when processing extension 'setup': exit code 7. "
        "Last line of its error output: no such package"
    )


def test_an_extension_that_did_not_end_says_what_was_said_of_it() -> None:
    run = Run(scale_set(1, policy=TOLERANT, model={"extensions": (SETUP,)}), restore_failed="never")
    run.act()
    run.act()
    run.fail(run.effects()[0], message="it did not end within 5400 s")
    error = run.member("0").error
    assert error is not None
    assert error.message.endswith("extension 'setup': it did not end within 5400 s.")


def test_failures_of_an_earlier_batch_are_not_restored_when_the_run_goes_on() -> None:
    run = Run(scale_set(policy=TOLERANT), restore_failed="never")
    run.batch("0")
    run.swap()
    assert run.member("0").state is MemberState.FAILED


def test_a_failure_while_the_way_back_was_asked_for_is_restored_in_its_own_batch() -> None:
    run = Run(scale_set(2, policy=TOLERANT))
    run.swap()
    run.sick("0")
    run.command(Verb.ROLL_BACK)
    run.wait(300.0)
    assert run.member("0").state is MemberState.RESTORING
    assert run.upgrade.open_batch is not None
    assert run.upgrade.open_batch.number == 1
