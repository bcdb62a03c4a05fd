"""Acts that are tried again: how long they rest, how often, and the ids under which they are known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.decide.interpret_observation import interpret_effect, interpret_instance_effect
from engine.decide.plan_effects import delete_again, delete_effect, plan_instances, rest_s
from engine.model import events as e
from engine.model.effects import EffectKind, EffectOutcome, OutcomeKind
from engine.model.scale_set import Trying
from engine.model.upgrade import Now
from tests.unit.decide.given import SETUP, TOLERANT, Run, instance, scale_set

NOW = Now(1000.0, 100.0)


@pytest.mark.parametrize(
    ("kind", "rests_s"),
    (
        (EffectKind.CREATE_INSTANCE, [0.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 300.0, 300.0]),
        (EffectKind.START_INSTANCE, [0.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]),
        (EffectKind.DELETE_INSTANCE, [0.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]),
        (EffectKind.REPLACE_OS_DISK, [0.0, 0.0, 0.0]),
    ),
)
def test_an_act_on_an_instance_rests_twice_as_long_each_time(kind: EffectKind, rests_s: list[float]) -> None:
    effect = replace(delete_effect(scale_set(1), instance("0")), kind=kind)
    assert [rest_s(replace(effect, attempt=n)) for n in range(1, len(rests_s) + 1)] == rests_s


def test_a_deletion_is_tried_six_times_each_under_an_id_of_its_own() -> None:
    tries = [delete_effect(scale_set(1), instance("0"))]
    while (again := delete_again(tries[-1])) is not None:
        tries.append(again)
    assert [effect.attempt for effect in tries] == [1, 2, 3, 4, 5, 6]
    assert len({effect.id for effect in tries}) == 6
    assert delete_again(tries[0]) == tries[1]


def test_a_creation_and_a_boot_count_their_tries_and_a_script_does_not() -> None:
    tried = Trying(5.0, 3, "no room")
    new = instance("0", disk="", provisioned=False, trying=tried)
    (creation,) = plan_instances(scale_set([new]))
    assert (creation.kind, creation.attempt) == (EffectKind.CREATE_INSTANCE, 4)
    (boot,) = plan_instances(scale_set([instance("0", trying=tried)]))
    assert (boot.kind, boot.attempt) == (EffectKind.START_INSTANCE, 4)
    (first,) = plan_instances(scale_set([replace(new, trying=None)]))
    assert first.attempt == 1
    made = replace(new, disk="1")
    (script,) = plan_instances(scale_set([made], model={"extensions": (SETUP,)}))
    assert (script.kind, script.attempt) == (EffectKind.RUN_EXTENSION, 1)


def test_on_the_way_back_from_the_image_extensions_are_those_of_the_old_version() -> None:
    # given a member whose previous disk was gone when it had to go back
    run = Run(scale_set(1, policy=TOLERANT, model={"extensions": (SETUP,)}))
    run.batch("0")
    (restore,) = run.effects()
    run.succeed(restore, from_image=True, disk="new")
    # then its extension runs again, under an id that no way forward has
    (script,) = run.effects()
    assert (script.kind, script.step, script.attempt) == (EffectKind.RUN_EXTENSION, "setup", 1001)
    assert (script.image, script.digest, script.disk) == ("contoso:web:stable:1.0.0", "sha256:1.0.0", "")


def test_a_rollback_after_the_end_captures_first_and_then_puts_the_kept_disk_back() -> None:
    run = Run(scale_set(1))
    run.run()
    back = run.back()
    (capture,) = back.effects()
    assert (capture.kind, capture.disk) == (EffectKind.CAPTURE_RESTORE_POINT, "")
    back.act()
    (restore,) = back.effects()
    assert (restore.kind, restore.disk, restore.digest) == (EffectKind.RESTORE_OS_DISK, "1", "sha256:1.0.0")


@pytest.mark.parametrize(("tries", "again"), ((4, True), (5, False)))
def test_the_sixth_boot_that_fails_is_the_last(tries: int, again: bool) -> None:
    over = scale_set([instance("0", trying=Trying(5.0, tries))])
    (boot,) = plan_instances(over)
    failed = EffectOutcome(boot.id, OutcomeKind.FAILED, message="no")
    assert interpret_instance_effect(over, boot, failed, NOW) == [e.InstanceStartFailed("0", "no", tries + 1, again)]


def test_a_late_answer_to_an_act_that_is_not_wanted_any_more_changes_nothing() -> None:
    run = Run(scale_set(1))
    (capture,) = run.effects()
    run.act()
    late = EffectOutcome(capture.id, OutcomeKind.SUCCEEDED, disk="x", digest="y")
    assert interpret_effect(run.upgrade, run.set, capture, late, run.now) == ([], [])
