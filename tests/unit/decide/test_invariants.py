"""Each invariant falls on a state that breaks it, and on no other ground."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from engine.decide.invariants import check_upgrade
from engine.model.commands import Verb
from engine.model.effects import EffectKind
from engine.model.upgrade import Member, MemberState, Outcome, Upgrade
from tests.unit.decide.given import Run, instance, scale_set


def with_members(run: Run, **changes: dict[str, Any]) -> Upgrade:
    """The run's upgrade with members changed by hand."""
    members: dict[str, Member] = dict(run.upgrade.members)
    for name, change in changes.items():
        members[name] = replace(members[name], **change)
    return replace(run.upgrade, members=members)


def test_a_whole_run_breaks_none() -> None:
    run = Run()  # the run asks after every event
    run.run()
    assert check_upgrade(run.upgrade, run.set) == []


def test_more_in_flight_than_the_batch_allows() -> None:
    run = Run()
    batch = replace(run.upgrade.batches[-1], cap=1)
    assert check_upgrade(replace(run.upgrade, batches=(batch,)), run.set) == ["2 members in flight, the batch allows 1"]


def test_a_member_in_flight_that_is_not_of_the_batch() -> None:
    run = Run()
    batch = replace(run.upgrade.batches[-1], members=("m0",))
    assert check_upgrade(replace(run.upgrade, batches=(batch,)), run.set) == [
        "a member in flight is not of the open batch"
    ]


def test_members_in_flight_outside_any_batch() -> None:
    run = Run()
    assert check_upgrade(replace(run.upgrade, batches=()), run.set) == ["2 members in flight outside any batch"]


def test_outside_a_batch_only_restores_after_a_broken_limit_may_fly_and_no_more_than_a_batch() -> None:
    run = Run(scale_set(4), restore_failed="on_breach")
    run.batch("0")
    assert run.state == "RollingForward" and run.upgrade.in_flight()
    assert check_upgrade(run.upgrade, run.set) == []
    assert check_upgrade(replace(run.upgrade, faulting=None), run.set)
    point = run.member("0").restore_point
    flying = {"state": MemberState.RESTORING, "restore_point": point}
    two = with_members(run, m1=flying)
    assert check_upgrade(two, run.set) == ["2 members in flight outside any batch"]
    upgrading = with_members(run, m0={"state": MemberState.EXTENDING, "restoring": False})
    assert check_upgrade(upgrading, run.set) == ["1 members in flight outside any batch"]
    anew = with_members(run, m0={"state": MemberState.EXTENDING, "restoring": True})
    assert check_upgrade(anew, run.set) == []


def test_members_in_flight_after_the_end() -> None:
    run = Run()
    assert check_upgrade(replace(run.upgrade, outcome=Outcome.FAULTED), run.set) == [
        "2 members in flight after the end"
    ]


def test_members_in_flight_while_paused() -> None:
    run = Run()
    run.command(Verb.PAUSE)
    assert check_upgrade(replace(run.upgrade, paused_since_clock=1.0), run.set) == ["members in flight while paused"]


def test_a_disk_effect_without_a_restore_point() -> None:
    run = Run(scale_set(1))
    run.act(EffectKind.CAPTURE_RESTORE_POINT)
    for state in (MemberState.REPLACING, MemberState.RESTORING):
        broken = with_members(run, m0={"restore_point": None, "state": state})
        assert check_upgrade(broken, run.set) == ["member m0 has a disk effect without a restore point"]


def test_two_zones_and_two_update_domains_in_flight() -> None:
    run = Run()
    assert check_upgrade(with_members(run, m0={"zone": "2"}), run.set) == ["two zones in flight at once"]
    assert check_upgrade(with_members(run, m0={"update_domain": 1}), run.set) == [
        "two update domains in flight at once"
    ]
    crossing = Run(scale_set(policy={"enable_cross_zone_upgrade": True}))
    assert check_upgrade(with_members(crossing, m0={"zone": "2"}), crossing.set) == []


def test_an_instance_in_two_members() -> None:
    run = Run()
    assert "an instance is in two members" in check_upgrade(with_members(run, m9={"instance_id": "8"}), run.set)


def test_a_member_that_counts_an_instance_that_is_gone_and_an_instance_in_no_member() -> None:
    run = Run()
    gone = replace(run.set, instances={k: v for k, v in run.set.instances.items() if k != "9"})
    assert check_upgrade(run.upgrade, gone) == ["a member counts an instance that is not in the scale set"]
    more = replace(run.set, instances={**run.set.instances, "10": instance("10")})
    assert check_upgrade(run.upgrade, more) == ["an instance of the scale set is in no member"]
    coming = replace(run.set, instances={**run.set.instances, "10": instance("10", provisioned=False)})
    assert check_upgrade(run.upgrade, coming) == []


def test_after_the_end_the_set_goes_on_without_the_upgrade() -> None:
    run = Run(scale_set(1))
    run.run()
    assert check_upgrade(run.upgrade, replace(run.set, instances={"7": instance("7")})) == []
