"""How a broken limit is told: which instance is named first, in which order, with which cause."""

from __future__ import annotations

from dataclasses import replace

from engine.decide.judge_health import (
    both_shares,
    failed_details,
    fallen_ill_details,
    more_upgraded_stop_it,
    shares_to_show,
    sick_details,
    unhealthy_upgraded,
    untouched_share,
    upgraded_share,
)
from engine.model.codes import ErrorCode, ErrorDetail
from engine.model.error_texts import instance_unhealthy
from engine.model.health import Health
from engine.model.shares import Share, Shares
from engine.model.upgrade import MemberState, Outcome
from tests.unit.decide.given import TOLERANT, Run, instance, scale_set, upgrade_of
from tests.unit.decide.given_limits import ill_after_success


def failed_twice() -> Run:
    """Instance 3 failed in the second batch; 1, then 0 in the first."""
    run = Run(scale_set(4, policy=TOLERANT), restore_failed="never", batch="50%", health_window_s=100.0)
    run.swap()
    run.sick("1")
    run.wait(50.0)
    run.sick("0")
    run.wait(300.0)
    run.batch("3")
    return run


def test_failed_instances_are_told_batch_by_batch_and_the_first_of_all_by_name() -> None:
    run = failed_twice()
    names = [detail.target for detail in failed_details(run.upgrade)]
    assert names == [f"web/virtualMachines/{name}" for name in ("0", "1", "3")]
    error = unhealthy_upgraded(run.upgrade, run.set, upgraded_share(run.upgrade, run.set))
    assert error.message.endswith("First failed instance ID is: 0.")
    assert error.details == failed_details(run.upgrade)


def test_of_one_batch_the_one_that_failed_first_is_told_first() -> None:
    run = failed_twice()
    members = run.upgrade.members
    later = replace(members["m0"], since_clock=members["m0"].since_clock + 1.0)
    changed = upgrade_of(run, members={**members, "m0": later})
    assert [detail.target[-1] for detail in failed_details(changed)] == ["1", "0", "3"]


def test_a_limit_broken_by_those_that_fell_ill_after_their_success_names_them() -> None:
    run = ill_after_success()
    assert run.upgrade.outcome is Outcome.FAULTED
    error = run.upgrade.error
    assert error is not None and error.code == ErrorCode.UNHEALTHY_UPGRADED
    assert error.details == (
        ErrorDetail(ErrorCode.INSTANCE_UNHEALTHY, "web/virtualMachines/0", instance_unhealthy()),
        ErrorDetail(ErrorCode.INSTANCE_UNHEALTHY, "web/virtualMachines/1", instance_unhealthy() + " HTTP 503"),
    )
    assert "The most impactful error is: Instance found to be unhealthy or unreachable." in error.message
    assert error.message.endswith("First failed instance ID is: 0.")


def test_those_that_failed_are_named_before_those_that_fell_ill_and_one_that_left_not_at_all() -> None:
    run = Run(scale_set(4, policy=TOLERANT), restore_failed="never", batch="1")
    run.batch()
    run.batch()
    run.batch("2")
    run.sick("0", "1")
    run.remove("1")
    assert [d.target for d in fallen_ill_details(run.upgrade, run.set)] == ["web/virtualMachines/0"]
    error = unhealthy_upgraded(run.upgrade, run.set, upgraded_share(run.upgrade, run.set))
    assert [d.target[-1] for d in error.details] == ["2", "0"]
    assert error.message.endswith("First failed instance ID is: 2.")


def test_a_broken_limit_without_anybody_named_says_no_name() -> None:
    run = Run(scale_set(2, policy=TOLERANT), batch="1")
    error = unhealthy_upgraded(run.upgrade, run.set, upgraded_share(run.upgrade, run.set))
    assert error.details == ()
    assert error.message.endswith("First failed instance ID is: .")


def test_an_ended_run_is_told_with_the_numbers_of_its_stop_whatever_came_after() -> None:
    run = ill_after_success()
    stopped = Shares(Share(2, 6, 100), Share(2, 3, 40))
    assert run.upgrade.error is not None and run.upgrade.error.shares == stopped
    run.healthy("0", "1")
    assert both_shares(run.upgrade, run.set) == Shares(Share(0, 6, 100), Share(0, 3, 40))
    assert shares_to_show(run.upgrade, run.set) == (stopped, True)


def test_a_run_that_broke_no_limit_is_told_with_the_numbers_of_now() -> None:
    run = Run(scale_set(2, policy=TOLERANT), batch="1")
    run.batch()
    live = both_shares(run.upgrade, run.set)
    assert shares_to_show(run.upgrade, run.set) == (live, False)
    run.batch()
    assert run.upgrade.outcome is Outcome.COMPLETED
    assert shares_to_show(run.upgrade, run.set) == (both_shares(run.upgrade, run.set), False)


def test_the_limit_of_the_whole_set_keeps_its_numbers_before_the_first_batch_and_between_two() -> None:
    strict = {"max_unhealthy_instance_percent": 20}
    before = Run(scale_set([instance("0", health=Health.UNHEALTHY), instance("1")], policy=strict))
    assert before.upgrade.error is not None and before.upgrade.error.code == ErrorCode.UNHEALTHY_BEFORE
    assert before.upgrade.error.shares == Shares(Share(1, 2, 20), Share(0, 0, 20))

    between = Run(scale_set(4, policy={**strict, "pause_between_batches_s": 60.0}), batch="1")
    between.batch()
    between.sick("3")
    between.wait(60.0)
    assert between.upgrade.error is not None and between.upgrade.error.code == ErrorCode.UNHEALTHY_DURING
    assert between.upgrade.error.shares == Shares(Share(1, 4, 20), Share(0, 1, 20))


def test_an_unhealthy_instance_is_told_with_its_probes_answer_if_there_is_one() -> None:
    over = scale_set(
        [
            instance("0", health=Health.UNHEALTHY, health_detail="HTTP 503"),
            instance("1", health=Health.UNHEALTHY),
            instance("2"),
        ]
    )
    assert [(detail.target, detail.message) for detail in sick_details(over)] == [
        ("web/virtualMachines/0", "Instance found to be unhealthy or unreachable. HTTP 503"),
        ("web/virtualMachines/1", "Instance found to be unhealthy or unreachable."),
    ]


def test_those_that_could_not_begin_are_a_share_of_those_that_had_their_turn() -> None:
    # given four that had their turn: one well, one failed on its new disk, one that could not begin, one that left
    run = Run(scale_set(6, policy=TOLERANT), batch="1", restore_failed="never")
    run.batch()
    run.batch("1")
    run.fail(run.effects()[0])
    assert (untouched_share(run.upgrade).bad, untouched_share(run.upgrade).total) == (1, 3)
    members = run.upgrade.members
    left = upgrade_of(run, members={**members, "m2": replace(members["m2"], state=MemberState.GONE)})
    assert (untouched_share(left).bad, untouched_share(left).total) == (0, 2)


def test_members_under_way_count_to_those_of_whom_so_many_more_may_fail() -> None:
    run = Run(scale_set(10, policy=TOLERANT | {"max_unhealthy_upgraded_instance_percent": 50}), batch="4")
    assert more_upgraded_stop_it(run.upgrade, run.set) == 3
    run.swap()
    run.sick("0")
    run.healthy("1", "2", "3")
    run.wait(300.0)
    # one of four was judged failed and goes back: it is among the ended, and not once more among those to come
    assert run.member("0").state is MemberState.RESTORING
    assert more_upgraded_stop_it(run.upgrade, run.set) == 2
