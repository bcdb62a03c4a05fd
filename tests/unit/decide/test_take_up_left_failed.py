"""Which instances earlier runs left failed on the target, and so are not done for a plain start."""

from __future__ import annotations

from dataclasses import replace

from engine.decide.take_up import left_failed
from engine.model.commands import Verb
from engine.model.upgrade import LeftOut, MemberState
from tests.unit.decide.given import TOLERANT, V2, Run, instance, scale_set
from tests.unit.decide.given_ended import NOBODY, STRICT, faulted, left_out, pending


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


def test_a_failure_of_an_older_run_is_remembered_though_a_newer_one_touched_others() -> None:
    # given two failures, of which a retry puts one right
    run = Run(scale_set(4, policy=TOLERANT), restore_failed="never", batch="2")
    run.batch("0", "1")
    run.batch()
    assert set(left_failed(run.set, (run.upgrade,))) == {"0", "1"}
    again = run.retry("1")
    again.batch()
    assert again.state == "Completed"
    # then the other one is still not done, in whatever order the runs are given
    for earlier in ((run.upgrade, again.upgrade), (again.upgrade, run.upgrade)):
        assert set(left_failed(again.set, earlier)) == {"0"}


def test_members_that_had_no_turn_do_not_hide_those_after_them() -> None:
    run = Run(scale_set(4, policy=TOLERANT), restore_failed="never", batch="1")
    run.command(Verb.SKIP, "1")
    run.batch()
    run.batch("2")
    run.batch()
    assert set(left_failed(run.set, (run.upgrade,))) == {"2"}
