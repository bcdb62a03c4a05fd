"""Given an upgrade that has ended, when it is rolled back, then a new one is about those it touched."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.decide.after_the_end import model_after
from engine.model.commands import Verb
from engine.model.effects import EffectKind
from engine.model.errors import RefusedError
from engine.model.policy import RestoreFailed
from engine.model.upgrade import LeftOut, MemberState
from tests.unit.decide.given import SETUP, V1, V2, V3, Run, instance, scale_set
from tests.unit.decide.given_ended import HALF, STRICT, left_out, pending


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
    run.set = replace(run.set, instances={**run.set.instances, "9": instance("9", image=V2, created_at=run.t)})
    back = run.back()
    assert pending(back) == ["0", "1", "9"] and back.member("9").back_to is None
    back.run()
    assert back.set.instances["9"].image == V1


def test_who_was_on_the_image_before_the_run_stays_there() -> None:
    run = Run(scale_set([instance("0"), instance("1"), instance("2", image=V2, created_at=-60.0)]))
    run.run()
    back = run.back()
    assert pending(back) == ["0", "1"]
    assert back.member("2").left_out_reason == "the upgrade did not touch it"
    back.run()
    assert {name: i.image for name, i in back.set.instances.items()} == {"0": V1, "1": V1, "2": V2}


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
