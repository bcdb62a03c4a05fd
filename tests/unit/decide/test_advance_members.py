"""What follows from changes of the fleet during a run, and from what holds it."""

from __future__ import annotations

from engine.decide.blocked_by import BlockedBy, upgrade_blocked_by
from engine.model import events as e
from engine.model.commands import Verb
from engine.model.effects import EffectKind
from engine.model.scale_set import Trying
from engine.model.upgrade import Hold, HoldKind, LeftOut, MemberState
from engine.model.waits import WaitKind
from tests.unit.decide.given import TOLERANT, V2, Run, instance, scale_set

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


def test_an_instance_in_creation_is_in_no_batch_until_its_first_extensions_have_run() -> None:
    # given one whose disk is there and whose health is known, while its first extension still runs
    coming = instance("5", update_domain=0, provisioned=False, created_at=1000.0)
    run = Run(scale_set([instance("0"), coming], policy=TOLERANT), batch="2")
    # then the check waits for it, and says so
    assert run.upgrade.checking and not run.effects()
    waits = upgrade_blocked_by(run.upgrade, run.set, run.now)
    assert waits == BlockedBy(WaitKind.INSTANCES_CREATING, 1000.0, None, "1 instance still being created: 5")
    # when that is over both are in the batch
    run.fold_set(e.InstanceProvisioned("5", "1", "sha256:1.0.0", "127.0.0.9:80"))
    run.settle()
    assert {effect.instance_id for effect in run.effects()} == {"0", "5"}


def test_an_instance_whose_creation_begins_to_fail_keeps_the_others_waiting_for_nothing() -> None:
    run = Run(scale_set([instance("0"), instance("5", provisioned=False)], policy=TOLERANT), batch="2")
    run.fold_set(e.InstanceCreationFailed("5", "no room", 1))
    run.settle()
    assert {effect.instance_id for effect in run.effects()} == {"0"}
    run.swap()
    run.healthy()
    # then the upgrade waits for it by name, and goes on without it when it is skipped
    assert run.state == "RollingForward"
    waits = upgrade_blocked_by(run.upgrade, run.set, run.now)
    assert waits is not None and waits.words.startswith(
        "1 instance still being created: 5; skip what cannot be created"
    )
    run.command(Verb.SKIP, "5")
    assert run.state == "Completed"


def test_an_instance_whose_creation_failed_before_the_start_joins_once_it_is_there() -> None:
    run = Run(scale_set([instance("0"), instance("5", provisioned=False, trying=Trying(900.0, 1, "no room"))]))
    assert [member.instance_id for member in run.upgrade.members.values()] == ["0"]
    run.fold_set(e.InstanceProvisioned("5", "1", "sha256:1.0.0", "127.0.0.9:80"))
    run.run()
    assert run.names(MemberState.SUCCEEDED) == ["0", "5"]


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
