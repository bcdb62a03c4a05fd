"""Given an upgrade that has ended, when it is tried again, then a new one is about those that failed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.decide.after_the_end import model_after
from engine.model.commands import Verb
from engine.model.effects import EffectKind
from engine.model.errors import RefusedError
from engine.model.policy import RestoreFailed
from engine.model.upgrade import LeftOut, MemberState
from tests.unit.decide.given import V1, V2, Run, instance, scale_set, with_instances
from tests.unit.decide.given_ended import HALF, STRICT, faulted, left_out, pending


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


def test_what_was_rolled_back_because_somebody_asked_did_not_fail() -> None:
    run = Run(scale_set(3))
    run.batch()
    run.command(Verb.ROLL_BACK)
    run.run()
    assert run.state == "RolledBack" and run.names(MemberState.ROLLED_BACK)
    with pytest.raises(RefusedError, match="no instance failed in it"):
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
