"""A restore that fails does not hide why there had to be one; a broken limit stays broken."""

from __future__ import annotations

from dataclasses import replace

from engine.arm.write_status import os_upgrade_history_item
from engine.decide.count_members import count_members
from engine.decide.interpret_observation import interpret_effect
from engine.decide.judge_health import must_stop
from engine.decide.plan_effects import plan_effects
from engine.model import events as e
from engine.model.codes import ApiError, ErrorCode
from engine.model.effects import EffectOutcome, OutcomeKind
from engine.model.upgrade import MemberState
from tests.unit.decide.given import Run, scale_set

SICK = ApiError(ErrorCode.INSTANCE_UNHEALTHY, "Not healthy within 6 s: answered 503.")


def restoring() -> Run:
    """Instance 0 failed on its new disk and is being put back."""
    run = Run(scale_set(2))
    run.swap()
    name = run.upgrade.in_flight()[0].id
    member = replace(run.upgrade.members[name], state=MemberState.RESTORING, error=SICK, restoring=True)
    run.upgrade = replace(run.upgrade, members={**run.upgrade.members, name: member})
    return run


def fail(run: Run) -> ApiError:
    (effect,) = plan_effects(run.upgrade, run.set)
    outcome = EffectOutcome(effect.id, OutcomeKind.FAILED, "InternalExecutionError", "no room for the disk")
    ((moved,), _) = interpret_effect(run.upgrade, run.set, effect, outcome, run.now)
    assert isinstance(moved, e.MemberMoved) and moved.error is not None
    assert moved.entered is MemberState.RESTORE_FAILED
    return moved.error


def test_the_cause_stays_beside_the_failed_restore_however_often_it_is_tried() -> None:
    run = restoring()
    first = fail(run)
    assert first.code == ErrorCode.INSTANCE_UNHEALTHY
    assert first.message == "Not healthy within 6 s: answered 503. It could not be put back: no room for the disk"
    name = run.upgrade.in_flight()[0].id
    again = replace(run.upgrade.members[name], error=first)
    run.upgrade = replace(run.upgrade, members={**run.upgrade.members, name: again})
    assert fail(run).message == first.message


def test_the_history_names_the_failed_restore() -> None:
    run = restoring()
    name = run.upgrade.in_flight()[0].id
    member = replace(run.upgrade.members[name], state=MemberState.RESTORE_FAILED, error=SICK)
    run.upgrade = replace(run.upgrade, members={**run.upgrade.members, name: member})
    item = os_upgrade_history_item(run.upgrade, run.set, count_members(run.upgrade))["properties"]
    assert item["rollbackInfo"]["rollbackError"]["message"] == (
        "1 instance could not be put back on the previous OS disk."
    )
    assert item["rollbackInfo"]["rollbackError"]["details"][0]["message"] == SICK.message
    assert item["targetImageReference"]["communityGalleryImageId"] is None


def test_a_run_that_broke_a_limit_must_stop_whatever_its_batch_brings() -> None:
    run = Run(scale_set(2))
    assert not must_stop(run.upgrade)
    assert must_stop(replace(run.upgrade, faulting=SICK))
