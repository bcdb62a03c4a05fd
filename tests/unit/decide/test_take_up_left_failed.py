"""Which instances earlier runs left failed on the target, whoever else was in those runs."""

from __future__ import annotations

from engine.decide.take_up import left_failed
from engine.model.commands import Verb
from tests.unit.decide.given import TOLERANT, Run, scale_set


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
