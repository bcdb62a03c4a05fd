"""What a fleet reported, as events: once, and only for the act a member waits for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.decide.evolve_scale_set import evolve_scale_set
from engine.decide.interpret_observation import interpret_effect, interpret_instance_effect
from engine.decide.plan_effects import MOST_STARTS, delete_effect, plan_instances, rest_s, still_wanted
from engine.model import events as e
from engine.model.codes import ErrorCode
from engine.model.commands import Verb
from engine.model.effects import Effect, EffectKind, EffectOutcome, OutcomeKind
from engine.model.scale_set import ScaleSet, Trying
from engine.model.upgrade import MemberState, Now
from tests.unit.decide.given import AGENT, SETUP, V1, V2, Run, instance, scale_set, succeeded

NOW = Now(50.0, 50.0)
LATEST = V1.with_version("latest")


def outcome(effect: Effect, kind: OutcomeKind = OutcomeKind.SUCCEEDED, **more: object) -> EffectOutcome:
    return EffectOutcome(effect.id, kind, **{"disk": "9", "digest": effect.digest, **more})  # type: ignore[arg-type]


def test_a_doubled_answer_changes_nothing() -> None:
    run = Run(scale_set(1))
    capture = run.effects()[0]
    answer = succeeded(capture, run.set)
    run.report(capture, answer)
    assert interpret_effect(run.upgrade, run.set, capture, answer, run.now) == ([], [])


def test_a_doubled_answer_of_one_extension_is_not_taken_for_the_next() -> None:
    run = Run(scale_set(1, model={"extensions": (SETUP, AGENT)}))
    run.act()
    run.act()
    setup = run.effects()[0]
    answer = succeeded(setup, run.set)
    run.report(setup, answer)
    run.report(setup, answer)
    assert run.effects()[0].step == "agent"


def test_a_late_answer_of_an_earlier_attempt_changes_nothing() -> None:
    run = Run(scale_set(policy={"max_unhealthy_upgraded_instance_percent": 100}), restore_failed="never")
    late = run.effects()[0]
    for effect in run.effects():
        run.fail(effect)
    run.command(Verb.RETRY)
    while not any(x.instance_id == "0" for x in run.effects()):
        run.batch()
    run.fail(late)
    assert run.member("0").state is MemberState.CAPTURING


def test_answers_for_members_or_instances_that_are_gone_change_nothing() -> None:
    run = Run(scale_set(1))
    effect = run.effects()[0]
    assert interpret_effect(run.upgrade, run.set, replace(effect, member="m7"), outcome(effect), NOW) == ([], [])
    empty = replace(run.set, instances={})
    assert interpret_effect(run.upgrade, empty, effect, outcome(effect), NOW) == ([], [])


def test_an_unknown_outcome_holds_the_member_until_somebody_looked() -> None:
    run = Run(scale_set(1))
    effect = run.effects()[0]
    run.report(effect, outcome(effect, OutcomeKind.UNKNOWN))
    assert run.member("0").reconciling
    assert run.effects() == []
    run.report(effect, outcome(effect, OutcomeKind.UNKNOWN))
    assert len(run.seen(e.MemberReconciling)) == 1
    run.succeed(effect)
    assert not run.member("0").reconciling


def test_a_replaced_disk_is_the_instances_with_the_old_one_beside_it() -> None:
    run = Run(scale_set(1))
    run.act()
    run.act()
    seen = run.set.instances["0"]
    assert (seen.image, seen.digest, seen.previous_disk, seen.previous_image) == (V2, "sha256:2.0.0", "1", V1)
    assert seen.address == "127.0.0.1:8080"  # a fleet that says nothing of the address keeps it
    assert not seen.extensions


@pytest.mark.parametrize(("model", "before", "after"), ((V2, True, False), (LATEST, True, False)))
def test_a_disk_put_back_is_no_longer_the_models(model: object, before: bool, after: bool) -> None:
    run = Run(scale_set(1, model={"image": model}))
    run.swap()
    assert run.set.instances["0"].latest_model_applied is before
    run.command(Verb.ROLL_BACK)
    run.wait(300.0)
    run.act(EffectKind.RESTORE_OS_DISK)
    seen = run.set.instances["0"]
    assert (seen.image, seen.disk, seen.latest_model_applied) == (V1, "1", after)
    assert (seen.previous_disk, seen.previous_image) == ("ReplaceOsDisk-1", V2), "it is kept, and discarded in its time"


def test_a_restore_onto_the_disk_in_use_leaves_none_behind() -> None:
    run = Run(scale_set(1))
    run.act()
    run.fail(run.effects()[0])
    run.act(EffectKind.RESTORE_OS_DISK)
    assert run.set.instances["0"].previous_disk is None


def test_a_failure_without_a_code_is_internal() -> None:
    run = Run(scale_set(1))
    run.fail(run.effects()[0], message="out of memory")
    error = run.member("0").error
    assert error is not None
    assert (error.code, error.message) == ("InternalExecutionError", "out of memory")


def test_a_failure_keeps_its_own_code() -> None:
    run = Run(scale_set(1))
    run.fail(run.effects()[0], "AllocationFailed", "no room")
    error = run.member("0").error
    assert error is not None
    assert error.code == "AllocationFailed"


# --- instances that are created and deleted ------------------------------------------------------------------------


def new(over: ScaleSet | None = None) -> tuple[ScaleSet, Effect]:
    """A set whose instance 7 is to be created, and that creation."""
    made = over or scale_set([instance("7", disk="", provisioned=False)])
    return made, plan_instances(made)[0]


def test_a_created_instance_is_provisioned_at_once_without_extensions() -> None:
    over, create = new()
    found = interpret_instance_effect(over, create, outcome(create, address="127.1.1.1:80"), NOW)
    assert [type(x) for x in found] == [e.InstanceDiskChanged, e.InstanceProvisioned]
    disk, provisioned = found
    assert isinstance(disk, e.InstanceDiskChanged) and isinstance(provisioned, e.InstanceProvisioned)
    assert disk.latest_model_applied
    assert (provisioned.disk, provisioned.digest, provisioned.address) == ("9", "sha256:1.0.0", "127.1.1.1:80")


def test_an_instance_made_from_the_last_good_version_is_not_the_latest_model() -> None:
    over, create = new(scale_set([instance("7", disk="", provisioned=False)], model={"image": V2}))
    disk = interpret_instance_effect(over, create, outcome(create), NOW)[0]
    assert isinstance(disk, e.InstanceDiskChanged)
    assert not disk.latest_model_applied


def test_a_creation_that_failed_is_wanted_again_under_another_id() -> None:
    over, create = new()
    for attempt in (1, 2, 20):
        failed = outcome(create, OutcomeKind.FAILED, message="no room")
        (event,) = interpret_instance_effect(over, replace(create, attempt=attempt), failed, NOW)
        assert event == e.InstanceCreationFailed("7", "no room", attempt)
        after = evolve_scale_set(over, event, NOW)
        assert after is not None
        (again,) = plan_instances(after)
        assert (again.kind, again.attempt) == (EffectKind.CREATE_INSTANCE, attempt + 1)
        assert again.id != create.id
        assert still_wanted(after, again) and not still_wanted(after, create)
        assert not still_wanted(replace(after, deleting=True), again)
        assert not still_wanted(replace(after, instances={}), again)


def test_what_lay_in_the_place_of_a_new_instance_is_told_before_it_is_there() -> None:
    over, create = new()
    assert create.born == str(over.instances["7"].created_at)
    found = interpret_instance_effect(over, create, outcome(create, aside="/state/aside/7"), NOW)
    assert found[0] == e.InstanceSetAside("7", "/state/aside/7") and isinstance(found[1], e.InstanceDiskChanged)
    plain = interpret_instance_effect(over, create, outcome(create), NOW)
    assert found[1:] == plain


def test_an_instance_that_cannot_be_created_keeps_its_first_time_and_its_last_cause() -> None:
    over, _ = new()
    for attempt, why in ((1, "no room"), (2, "no image")):
        after = evolve_scale_set(over, e.InstanceCreationFailed("7", why, attempt), Now(100.0 * attempt, 0.0))
        assert after is not None
        over = after
    assert over.instances["7"].trying == Trying(100.0, 2, "no image")
    made = outcome(plan_instances(over)[0])
    for event in interpret_instance_effect(over, plan_instances(over)[0], made, NOW):
        after = evolve_scale_set(over, event, NOW)
        assert after is not None
        over = after
    assert over.instances["7"].trying is None and plan_instances(over) == []


def test_an_instance_that_has_to_boot_again_is_tried_some_times() -> None:
    over = evolve_scale_set(scale_set(1), e.InstanceStarting("0", "it ended"), Now(5.0, 0.0))
    assert over is not None
    assert not over.instances["0"].running
    for attempt in range(1, MOST_STARTS + 1):
        (start,) = plan_instances(over)
        assert (start.kind, start.attempt) == (EffectKind.START_INSTANCE, attempt)
        assert interpret_instance_effect(over, start, outcome(start, OutcomeKind.UNKNOWN), NOW) == []
        up = interpret_instance_effect(over, start, outcome(start, address="127.1.1.1:80"), NOW)
        assert up == [e.InstanceStarted("0", "127.1.1.1:80")]
        running = evolve_scale_set(over, up[0], NOW)
        assert running is not None
        assert running.instances["0"].running and running.instances["0"].trying is None
        assert interpret_instance_effect(running, start, outcome(start), NOW) == []
        (failed,) = interpret_instance_effect(over, start, outcome(start, OutcomeKind.FAILED, message="no"), NOW)
        assert failed == e.InstanceStartFailed("0", "no", attempt, attempt < MOST_STARTS)
        over = evolve_scale_set(over, failed, NOW)
        assert over is not None
    assert plan_instances(over) == [] and not over.instances["0"].running
    assert evolve_scale_set(over, e.InstanceStartFailed("9", "no", 1, True), NOW) == over


def test_what_the_fleet_does_not_have_is_not_booted_a_second_time() -> None:
    over = evolve_scale_set(scale_set(1), e.InstanceStarting("0", "it ended"), Now(5.0, 0.0))
    assert over is not None
    (start,) = plan_instances(over)
    gone = outcome(start, OutcomeKind.FAILED, code=ErrorCode.NOT_FOUND, message="there is none")
    assert interpret_instance_effect(over, start, gone, NOW) == [e.InstanceStartFailed("0", "there is none", 1, False)]


def test_two_boots_of_one_instance_are_two_wishes() -> None:
    ids = set()
    for at in (5.0, 6.0):
        over = evolve_scale_set(scale_set(1), e.InstanceStarting("0", ""), Now(at, 0.0))
        assert over is not None
        ids |= {effect.id for effect in plan_instances(over)}
    assert len(ids) == 2


def test_another_try_rests_longer_each_time_and_other_acts_never() -> None:
    _over, create = new()
    assert [rest_s(replace(create, attempt=n)) for n in (1, 2, 3, 4, 9, 10, 1000)] == [0, 2, 4, 8, 256, 300, 300]
    assert rest_s(replace(create, kind=EffectKind.DELETE_INSTANCE, attempt=20)) == 30
    swap = replace(create, kind=EffectKind.REPLACE_OS_DISK, attempt=20)
    assert rest_s(swap) == 0 and still_wanted(None, swap) and not still_wanted(None, create)


def test_with_extensions_it_is_provisioned_after_the_last_one_whatever_it_gave() -> None:
    over, create = new(scale_set([instance("7", disk="", provisioned=False)], model={"extensions": (SETUP, AGENT)}))
    assert [type(x) for x in interpret_instance_effect(over, create, outcome(create), NOW)] == [e.InstanceDiskChanged]

    there = replace(over, instances={"7": replace(over.instances["7"], disk="9")})
    setup = plan_instances(there)[0]
    first = interpret_instance_effect(there, setup, outcome(setup, exit_code=0), NOW)
    assert [type(x) for x in first] == [e.ExtensionRan]
    ran = first[0]
    assert isinstance(ran, e.ExtensionRan)

    halfway = replace(there, instances={"7": replace(there.instances["7"], extensions=(ran.result,))})
    agent = plan_instances(halfway)[0]
    assert agent.step == "agent"
    last = interpret_instance_effect(halfway, agent, outcome(agent, OutcomeKind.FAILED, exit_code=3), NOW)
    assert [type(x) for x in last] == [e.ExtensionRan, e.InstanceProvisioned]
    # a doubled answer of the creation does not begin its extensions anew
    assert interpret_instance_effect(halfway, create, outcome(create), NOW) == []


def test_late_unknown_and_deletion_answers_change_no_instance() -> None:
    over, create = new()
    assert interpret_instance_effect(over, create, outcome(create, OutcomeKind.UNKNOWN), NOW) == []
    provisioned = scale_set([instance("7")])
    assert interpret_instance_effect(provisioned, create, outcome(create), NOW) == []
    assert interpret_instance_effect(scale_set(0), create, outcome(create), NOW) == []
    delete = delete_effect(provisioned, provisioned.instances["7"])
    assert interpret_instance_effect(provisioned, delete, outcome(delete), NOW) == []
