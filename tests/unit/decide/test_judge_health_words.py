"""How a broken limit is told: which instance is named first, in which order, with which cause."""

from __future__ import annotations

from dataclasses import replace

from engine.decide.judge_health import (
    failed_details,
    more_upgraded_stop_it,
    sick_details,
    unhealthy_upgraded,
    untouched_share,
    upgraded_share,
)
from engine.model.health import Health
from engine.model.upgrade import MemberState
from tests.unit.decide.given import TOLERANT, Run, instance, scale_set, upgrade_of


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
    error = unhealthy_upgraded(run.upgrade, upgraded_share(run.upgrade, run.set))
    assert error.message.endswith("First failed instance ID is: 0.")
    assert error.details == failed_details(run.upgrade)


def test_of_one_batch_the_one_that_failed_first_is_told_first() -> None:
    run = failed_twice()
    members = run.upgrade.members
    later = replace(members["m0"], since_clock=members["m0"].since_clock + 1.0)
    changed = upgrade_of(run, members={**members, "m0": later})
    assert [detail.target[-1] for detail in failed_details(changed)] == ["1", "0", "3"]


def test_a_limit_broken_without_a_failed_member_names_nobody() -> None:
    run = Run(scale_set(2, policy=TOLERANT), batch="1")
    run.batch()
    run.sick("0")
    error = unhealthy_upgraded(run.upgrade, upgraded_share(run.upgrade, run.set))
    assert error.details == ()
    assert error.message.endswith("First failed instance ID is: .")


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
