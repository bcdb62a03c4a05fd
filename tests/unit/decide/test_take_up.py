"""Given an upgrade that has ended, when it is tried again or rolled back, then a new one is about those it left."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.decide.after_the_end import model_after
from engine.model.commands import Verb
from engine.model.effects import EffectKind
from engine.model.errors import RefusedError
from engine.model.policy import RestoreFailed
from engine.model.upgrade import LeftOut, MemberState
from tests.unit.decide.given import SETUP, V1, V2, V3, Run, instance, scale_set, with_instances

STRICT = {"max_unhealthy_upgraded_instance_percent": 0}
HALF = {"max_unhealthy_instance_percent": 100, "max_unhealthy_upgraded_instance_percent": 40}
NOBODY: list[str] = []


def faulted(count: int = 10, **request: object) -> Run:
    """Instance 0 failed on its extension and keeps the new disk; the others still wait."""
    asked: dict[str, object] = {"batch": "1", "restore_failed": "never"} | request
    run = Run(scale_set(count, policy=STRICT, model={"extensions": (SETUP,)}), **asked)  # type: ignore[arg-type]
    run.act()
    run.act()
    run.fail(run.effects(EffectKind.RUN_EXTENSION)[0], exit_code=7)
    run.healthy()
    assert run.state == "Faulted" and run.set.instances["0"].image == V2
    return run


def pending(run: Run) -> list[str]:
    every = [m for b in run.upgrade.batches for m in b.members]
    return sorted({run.upgrade.members[m].instance_id for m in every} | set(run.names(MemberState.PENDING)))


def left_out(run: Run, why: LeftOut) -> list[str]:
    return [m.instance_id for m in run.upgrade.members.values() if m.left_out is why]


# --- Retry after the end -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("named", (("0",), ()), ids=("by name", "all that failed"))
def test_a_retry_is_about_the_failed_instance_and_nobody_else(named: tuple[str, ...]) -> None:
    run = faulted(health_window_s=60.0, timeout_s=4000.0).retry(*named)
    assert pending(run) == ["0"]
    assert left_out(run, LeftOut.SKIPPED) == [str(i) for i in range(1, 10)]
    assert run.member("1").left_out_reason == "not one of those to retry"
    settings = run.upgrade.settings
    assert (settings.batch_count, settings.restore_failed) == (1, RestoreFailed.NEVER)
    assert (settings.health_window_s, settings.upgrade_timeout_s) == (60.0, 4000.0)
    assert {s.origin for s in run.plan.settings} == {"as in upgrade web-1, which it takes up"}
    run.run()
    assert run.state == "Completed"
    assert {name for name, i in run.set.instances.items() if i.image == V2} == {"0"}
    assert run.names(MemberState.SUCCEEDED) == ["0"]


def test_a_retry_runs_the_failed_extension_again_on_a_new_disk() -> None:
    run = faulted().retry("0")
    kinds = []
    while run.effects():
        kinds.append(run.effects()[0].kind)
        run.act()
    assert kinds == [EffectKind.CAPTURE_RESTORE_POINT, EffectKind.REPLACE_OS_DISK, EffectKind.RUN_EXTENSION]
    assert not run.set.instances["0"].extension_failed


def test_a_member_that_failed_twice_goes_back_to_where_it_came_from_before_the_first_time() -> None:
    first = faulted()
    again = first.retry("0")
    point = again.member("0").restore_point
    assert point is not None and (point.image, point.disk) == (V1, "1")
    again.act()
    again.succeed(again.effects()[0], disk="9")
    changed = again.set.instances["0"]
    assert (changed.previous_disk, changed.previous_image) == (first.set.instances["0"].disk, V2)


@pytest.mark.parametrize(
    ("names", "said"), ((("3",), "instance 3 did not"), (("0", "3", "x"), "instance 3, x did not"))
)
def test_an_instance_that_did_not_fail_is_refused_by_name(names: tuple[str, ...], said: str) -> None:
    with pytest.raises(RefusedError, match=said) as error:
        faulted().retry(*names)
    assert "rollset start web" in error.value.next_step


def test_without_a_failed_instance_there_is_nothing_to_retry() -> None:
    run = Run(scale_set(2))
    run.run()
    with pytest.raises(RefusedError, match="no instance failed"):
        run.retry()


def test_a_failed_instance_that_has_left_the_set_is_not_retried() -> None:
    run = faulted()
    run.remove("0")
    with pytest.raises(RefusedError, match="no instance failed"):
        run.retry()


def test_a_retry_after_a_retry_still_knows_who_failed_in_the_first_run() -> None:
    run = Run(scale_set(4, policy=HALF), batch="2", restore_failed="never")
    run.batch("0", "1")
    assert run.state == "Faulted"
    first = run.retry("0")
    first.run()
    assert first.state == "Completed"
    second = first.retry()
    assert pending(second) == ["1"]
    with pytest.raises(RefusedError, match="instance 0 did not fail"):
        first.retry("0")


def test_a_restored_instance_is_retried_from_the_disk_it_has_now() -> None:
    run = Run(scale_set(3, policy=STRICT), batch="1")
    run.batch("0")
    run.act()
    run.healthy()
    assert run.state == "Faulted" and run.set.instances["0"].image == V1
    again = run.retry()
    assert pending(again) == ["0"] and not again.member("0").again
    again.run()
    assert again.set.instances["0"].image == V2


def test_what_appears_while_a_retry_runs_stays_out_of_it() -> None:
    run = faulted().retry("0")
    run.add(instance("10"))
    run.add(instance("11", image=V2))
    assert run.member("10").left_out is LeftOut.SKIPPED
    assert run.member("10").left_out_reason == "this run was begun for other instances"
    assert run.member("11").left_out is LeftOut.ALREADY_CURRENT


def test_a_failed_instance_that_is_held_joins_the_retry_when_it_is_released() -> None:
    first = faulted()
    first.hold("0")
    run = first.retry("0")
    assert left_out(run, LeftOut.HELD) == ["0"] and run.upgrade.live
    run.release("0")
    run.run()
    assert run.names(MemberState.SUCCEEDED) == ["0"]


def test_a_protected_failed_instance_is_not_touched_by_a_retry() -> None:
    first = faulted()
    first.set = with_instances(first.set, protected_from_actions=True)
    run = first.retry("0")
    assert left_out(run, LeftOut.PROTECTED) == ["0"]
    assert left_out(run, LeftOut.SKIPPED) == [str(i) for i in range(1, 10)]


def test_a_retry_that_completes_leaves_the_last_good_version_while_others_are_on_it() -> None:
    run = faulted(2).retry("0")
    run.set = replace(run.set, good_version="1.0.0")
    run.run()
    assert model_after(run.upgrade, run.set) == []
    rest = run.start()
    rest.run()
    (event,) = model_after(rest.upgrade, rest.set)
    assert event.good_version is None  # type: ignore[attr-defined]  # a ModelImageChanged


def test_a_retry_that_completes_the_set_forgets_the_last_good_version() -> None:
    run = faulted(1).retry("0")
    run.set = replace(run.set, good_version="1.0.0")
    run.run()
    (event,) = model_after(run.upgrade, run.set)
    assert event.good_version is None  # type: ignore[attr-defined]  # a ModelImageChanged


def test_a_retry_that_fails_again_does_not_call_its_own_target_good() -> None:
    run = faulted().retry("0")
    run.act()
    run.act()
    run.fail(run.effects(EffectKind.RUN_EXTENSION)[0], exit_code=7)
    assert run.state == "Faulted"
    (event,) = model_after(run.upgrade, run.set)
    assert event.good_version == "1.0.0"  # type: ignore[attr-defined]  # a ModelImageChanged


# --- a plain start -------------------------------------------------------------------------------------------------


def test_an_instance_whose_extension_failed_on_the_target_is_not_current() -> None:
    run = faulted().start()
    assert left_out(run, LeftOut.ALREADY_CURRENT) == NOBODY
    assert run.member("0").again and run.plan.batches[0].members == ("0", "1")
    run.run()
    assert run.state == "Completed" and len(run.names(MemberState.SUCCEEDED)) == 10


def test_an_instance_judged_unhealthy_on_the_target_is_not_current_until_a_later_run_puts_it_right() -> None:
    run = Run(scale_set(3, policy=STRICT), batch="1", restore_failed="never")
    run.batch("0")
    run.healthy("0")
    again = run.start()
    assert pending(again) == ["0", "1", "2"]
    again.run()
    assert left_out(again.start(), LeftOut.ALREADY_CURRENT) == ["0", "1", "2"]


def test_a_new_instance_whose_extension_failed_when_it_was_created_is_not_current() -> None:
    made = faulted().set.instances["0"]
    run = Run(scale_set([made, instance("1", image=V2)]))
    assert (pending(run), left_out(run, LeftOut.ALREADY_CURRENT)) == (["0"], ["1"])
    joined = Run(scale_set(2))
    joined.add(replace(made, instance_id="7"))
    assert "7" in pending(joined)


def test_an_instance_restored_after_it_failed_or_made_anew_under_its_name_owes_nothing() -> None:
    run = Run(scale_set(3, policy=STRICT), batch="1", restore_failed="never")
    run.batch("0")
    run.set = replace(run.set, instances={**run.set.instances, "0": instance("0", image=V2)})
    assert left_out(run.start(), LeftOut.ALREADY_CURRENT) == ["0"]


# --- roll back after the end ---------------------------------------------------------------------------------------


def test_kept_disks_are_put_back_without_their_extensions_and_gone_ones_are_made_anew_with_them() -> None:
    run = Run(scale_set(4, model={"extensions": (SETUP,)}), batch="3", pause_between_batches_s=5.0, timeout_s=400.0)
    run.run()
    gone = replace(run.set.instances["3"], previous_disk=None)
    run.set = replace(run.set, instances={**run.set.instances, "3": gone})
    back = run.back()
    assert [i.disk for i in back.plan.instances] == ["kept disk 1"] * 3 + [""]
    said = [check.words for check in back.plan.checks]
    assert "get their kept previous OS disk back: 0, 1, 2" in said
    assert "replaced from the image, as no previous OS disk of theirs is kept: 3" in said
    assert back.plan.room_needed_bytes == 1000
    settings = back.upgrade.settings
    assert (settings.batch_count, settings.policy.pause_between_batches_s) == (3, 5.0)
    assert (settings.policy.max_unhealthy_instance_percent, settings.restore_failed) == (100, RestoreFailed.NEVER)
    assert settings.upgrade_timeout_s == 86_400.0
    acts: dict[str, list[EffectKind]] = {}
    while back.upgrade.live:
        for effect in back.effects():
            acts.setdefault(effect.instance_id, []).append(effect.kind)
            back.succeed(effect)
        back.healthy()
        back.wait(5.0)
    capture, replaced, extends = (
        EffectKind.CAPTURE_RESTORE_POINT,
        EffectKind.REPLACE_OS_DISK,
        EffectKind.RUN_EXTENSION,
    )
    assert acts["0"] == [capture, EffectKind.RESTORE_OS_DISK]
    assert acts["3"] == [capture, replaced, extends]
    assert back.state == "Completed"
    assert {(i.image, i.disk) for n, i in back.set.instances.items() if n != "3"} == {(V1, "1")}
    assert back.set.instances["0"].previous_image == V2


def test_a_kept_disk_that_has_gone_meanwhile_is_made_anew_and_its_extensions_run() -> None:
    run = Run(scale_set(1, model={"extensions": (SETUP,)}))
    run.run()
    back = run.back()
    back.act()
    (effect,) = back.effects()
    assert (effect.kind, effect.disk, effect.digest) == (EffectKind.RESTORE_OS_DISK, "1", "sha256:1.0.0")
    back.succeed(effect, from_image=True, disk="9")
    assert back.member("0").state is MemberState.EXTENDING
    assert back.effects()[0].id not in {x.id for x in run.effects()}
    back.run()
    assert back.set.instances["0"].disk == "9"


def test_a_restore_that_fails_in_a_rollback_fails_the_member_as_any_swap() -> None:
    run = Run(scale_set(1))
    run.run()
    back = run.back()
    back.act()
    back.fail(back.effects()[0])
    assert back.member("0").state is MemberState.FAILED and back.member("0").replaced


def test_every_instance_returns_to_its_own_image_and_untouched_ones_stay() -> None:
    run = Run(scale_set([instance("0"), instance("1"), instance("2", image=V3), instance("3", image=V3)]), batch="3")
    run.command(Verb.SKIP, "3")
    run.run()
    back = run.back()
    assert back.upgrade.target == V1
    assert left_out(back, LeftOut.SKIPPED) == ["3"]
    assert back.member("3").left_out_reason == "the upgrade did not touch it"
    back.run()
    assert [i.image for i in back.set.instances.values()] == [V1, V1, V3, V3]


def test_new_instances_on_the_image_that_is_rolled_back_go_with_it() -> None:
    run = Run(scale_set(2))
    run.run()
    run.set = replace(run.set, instances={**run.set.instances, "9": instance("9", image=V2)})
    back = run.back()
    assert pending(back) == ["0", "1", "9"] and back.member("9").back_to is None
    back.run()
    assert back.set.instances["9"].image == V1


def test_after_a_retry_the_way_back_takes_the_first_run_along() -> None:
    run = Run(scale_set(3, policy=HALF), batch="2", restore_failed="never")
    run.batch("0")
    assert run.state == "Faulted"
    again = run.retry("0")
    again.run()
    back = again.back()
    assert back.upgrade.is_rollback_of == "web-2"
    assert pending(back) == ["0", "1"]
    assert back.member("1").back_to is not None
    assert back.member("0").back_to is None, "the retry's own swap took the place of the first disk"
    back.run()
    assert {i.image for i in back.set.instances.values()} == {V1}


def test_a_swap_that_failed_half_way_goes_back_to_the_disk_from_before_it() -> None:
    run = Run(scale_set(2, policy=STRICT), batch="1", restore_failed="never")
    run.act()
    run.fail(run.effects()[0])
    assert run.state == "Faulted" and run.set.instances["0"].disk == "1"
    back = run.back()
    assert pending(back) == ["0"] and back.member("0").again
    back.run()
    assert back.set.instances["0"].disk == "1"


def test_a_rollback_that_failed_is_retried_as_a_rollback_and_new_instances_take_its_target() -> None:
    run = Run(scale_set(2), batch="1")
    run.run()
    back = run.back()
    back.command(Verb.CANCEL)
    back.batch("0")
    assert back.state == "Cancelled"
    (event,) = model_after(back.upgrade, back.set)
    assert event.good_version == "1.0.0"  # type: ignore[attr-defined]  # a ModelImageChanged
    again = back.retry()
    assert again.upgrade.is_rollback_of == "web-1" and pending(again) == ["0"]


def test_a_way_back_is_not_rolled_back_as_that_would_bring_again_what_was_left() -> None:
    run = Run(scale_set(2))
    run.run()
    back = run.back()
    back.run()
    with pytest.raises(RefusedError, match="itself the way back from web-1") as refusal:
        back.back()
    assert refusal.value.next_step == "To go there again, within limits: rollset start web --to 2.0.0"


def test_where_nothing_is_on_its_image_any_more_there_is_nothing_to_roll_back() -> None:
    run = Run(scale_set(2))
    run.run()
    run.set = replace(run.set, instances={"0": instance("0"), "1": instance("1")})
    run.upgrade = replace(
        run.upgrade, members={k: replace(m, on_new_disk=False) for k, m in run.upgrade.members.items()}
    )
    with pytest.raises(RefusedError, match="no instance is on its image"):
        run.back()


def test_nothing_touched_is_nothing_to_roll_back() -> None:
    run = Run(scale_set(2), at=5000.0)
    run.command(Verb.CANCEL)
    with pytest.raises(RefusedError, match="nothing to roll back"):
        run.back()


# --- a restore whose disk is gone, while the upgrade runs ------------------------------------------------------------


def restoring_without_its_disk(**request: object) -> Run:
    run = Run(scale_set(1, policy={"max_unhealthy_upgraded_instance_percent": 100}, model={"extensions": (SETUP,)}))
    run.batch("0")
    assert run.member("0").state is MemberState.RESTORING
    run.succeed(run.effects()[0], from_image=True, disk="9")
    return run


def test_a_member_restored_from_the_image_runs_its_extensions_before_its_health_counts() -> None:
    run = restoring_without_its_disk()
    member = run.member("0")
    assert (member.state, member.restoring) == (MemberState.EXTENDING, True)
    assert "replaced from the image" in run.seen(type(run.events[-1]))[-1].why
    (effect,) = run.effects()
    forward = {x.effect_id for x in run.reported if x.exit_code is not None}
    assert effect.kind is EffectKind.RUN_EXTENSION and effect.id not in forward
    run.act()
    assert run.member("0").state is MemberState.AWAITING_HEALTH_AFTER_RESTORE
    run.healthy()
    assert run.member("0").state is MemberState.ROLLED_BACK
    assert not run.member("0").restoring
    assert [x.name for x in run.set.instances["0"].extensions] == ["setup"]


def test_an_extension_that_fails_on_the_way_back_holds_the_run_and_can_be_retried_or_accepted() -> None:
    run = restoring_without_its_disk()
    first = run.effects()[0].id
    run.fail(run.effects()[0], exit_code=3)
    assert run.member("0").state is MemberState.RESTORE_FAILED and "RestoreFailed" in run.upgrade.holds
    run.command(Verb.ROLL_BACK)
    run.command(Verb.RETRY, "0")
    run.succeed(run.effects()[0], from_image=True, disk="10")
    assert run.effects()[0].kind is EffectKind.RUN_EXTENSION and run.effects()[0].id != first
    run.fail(run.effects()[0], exit_code=3)
    run.command(Verb.ACCEPT_LOSS, "0")
    assert run.member("0").state is MemberState.ROLLED_BACK_UNHEALTHY
    assert not run.upgrade.live


def test_without_extensions_a_restore_from_the_image_waits_for_health_at_once() -> None:
    run = Run(scale_set(1, policy={"max_unhealthy_upgraded_instance_percent": 100}))
    run.batch("0")
    run.succeed(run.effects()[0], from_image=True)
    assert run.member("0").state is MemberState.AWAITING_HEALTH_AFTER_RESTORE
