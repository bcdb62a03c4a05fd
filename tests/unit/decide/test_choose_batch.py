"""Which members come next, and how many."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.decide.choose_batch import Choice, batch_cap, choose_batch
from engine.decide.plan_upgrade import make_plan
from engine.model.commands import Verb
from engine.model.health import Health
from engine.model.plan import StartRequest
from engine.model.policy import RollingUpgradePolicy, RunSettings
from engine.model.scale_set import ScaleSet
from engine.model.upgrade import Direction, MemberState
from tests.unit.decide.given import ENOUGH_BYTES, V1, V2, Run, images, instance, scale_set, upgrade_of


def first_batch(over: ScaleSet, **request: Any) -> tuple[str, ...]:
    plan, _, _ = make_plan(over, images(V1, V2), StartRequest(to="2.0.0", **request), room_free_bytes=ENOUGH_BYTES)
    return plan.batches[0].members if plan.batches else ()


def chosen(run: Run) -> Choice:
    found = choose_batch(run.upgrade, run.set)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("total", "percent", "cap"),
    ((1, 20, 1), (4, 20, 1), (5, 20, 1), (9, 20, 1), (10, 20, 2), (7, 50, 3), (14, 20, 2), (1000, 5, 50), (3, 100, 3)),
)
def test_the_batch_share_is_rounded_down_and_at_least_one(total: int, percent: int, cap: int) -> None:
    settings = RunSettings(RollingUpgradePolicy(max_batch_instance_percent=percent))
    assert batch_cap(total, settings) == cap
    generous = {"max_batch_instance_percent": percent, "max_unhealthy_instance_percent": 100}
    assert len(first_batch(scale_set(total, policy=generous))) == cap


@pytest.mark.parametrize(("asked", "total", "cap"), (("3", 10, 3), ("30", 10, 10), ("1", 0, 1)))
def test_a_count_asked_for_replaces_the_share(asked: str, total: int, cap: int) -> None:
    assert batch_cap(total, RunSettings(batch_count=int(asked))) == cap


@pytest.mark.parametrize(
    ("sick_elsewhere", "size"),
    ((0, 4), (1, 3), (2, 2), (3, 1), (4, 1)),
)
def test_instances_unhealthy_elsewhere_make_the_batch_smaller_but_not_empty(sick_elsewhere: int, size: int) -> None:
    # given 20 instances, batches of 20 % = 4, and 20 % = 4 that may be unhealthy at once
    sick = [instance(str(i), image=V2, health=Health.UNKNOWN) for i in range(20 - sick_elsewhere, 20)]
    over = scale_set([*(instance(str(i)) for i in range(20 - sick_elsewhere)), *sick])
    # then those outside the batch are taken off
    assert len(first_batch(over)) == size


def test_unhealthy_instances_inside_the_batch_do_not_make_it_smaller() -> None:
    over = scale_set([instance(str(i), health=Health.UNHEALTHY if i < 2 else Health.HEALTHY) for i in range(20)])
    assert first_batch(over) == ("0", "1", "2", "3")


def test_a_set_whose_limit_allows_none_still_goes_one_by_one() -> None:
    over = scale_set(3, policy={"max_batch_instance_percent": 100, "max_unhealthy_instance_percent": 5})
    assert first_batch(over) == ("0",)


def test_a_batch_stays_in_one_zone_and_one_update_domain_and_is_never_filled_up() -> None:
    # given two zones with two update domains each, and batches of up to 4
    places = [("1", 0), ("1", 0), ("1", 0), ("1", 1), ("2", 0), ("2", 1)]
    over = scale_set(
        [instance(str(i), zone=zone, update_domain=domain) for i, (zone, domain) in enumerate(places)],
        policy={"max_batch_instance_percent": 100, "max_unhealthy_instance_percent": 100},
    )
    plan, _, _ = make_plan(over, images(V1, V2), StartRequest(to="2.0.0"), room_free_bytes=None)
    # then zone by zone, update domain by update domain
    assert [(b.zone, b.update_domain, b.members) for b in plan.batches] == [
        ("1", 0, ("0", "1", "2")),
        ("1", 1, ("3",)),
        ("2", 0, ("4",)),
        ("2", 1, ("5",)),
    ]
    assert "only 3 share it" in plan.batches[0].why


def test_crossing_zones_lifts_the_zone_wall_only() -> None:
    places = [("1", 0), ("1", 1), ("2", 0), ("2", 1)]
    over = scale_set(
        [instance(str(i), zone=zone, update_domain=domain) for i, (zone, domain) in enumerate(places)],
        policy={
            "max_batch_instance_percent": 100,
            "max_unhealthy_instance_percent": 100,
            "enable_cross_zone_upgrade": True,
        },
    )
    plan, _, _ = make_plan(over, images(V1, V2), StartRequest(to="2.0.0"), room_free_bytes=None)
    assert [(b.zone, b.members) for b in plan.batches] == [("", ("0", "2")), ("", ("1", "3"))]


def test_inside_an_update_domain_the_fault_domain_then_the_number_decide() -> None:
    over = scale_set(
        [
            instance("10", fault_domain=0),
            instance("9", fault_domain=0),
            instance("1", fault_domain=1),
            instance("vm-b", fault_domain=0),
            instance("vm-a", fault_domain=0),
        ],
        policy={"max_batch_instance_percent": 100, "max_unhealthy_instance_percent": 100},
    )
    assert first_batch(over) == ("9", "10", "vm-a", "vm-b", "1")


def test_prioritised_unhealthy_ones_come_first_and_never_beside_healthy_ones() -> None:
    sick = {"3", "7"}
    over = scale_set(
        [instance(str(i), health=Health.UNHEALTHY if str(i) in sick else Health.HEALTHY) for i in range(10)],
        policy={
            "max_batch_instance_percent": 50,
            "max_unhealthy_instance_percent": 100,
            "prioritize_unhealthy_instances": True,
        },
    )
    plan, _, _ = make_plan(over, images(V1, V2), StartRequest(to="2.0.0"), room_free_bytes=None)
    assert plan.batches[0].members == ("3", "7")
    assert plan.batches[1].members == ("0", "1", "2", "4", "5")


def test_without_priority_health_changes_nothing_in_the_order() -> None:
    over = scale_set(
        [instance(str(i), health=Health.UNHEALTHY if i == 9 else Health.HEALTHY) for i in range(10)],
        policy={"max_unhealthy_instance_percent": 100},
    )
    assert first_batch(over) == ("0", "1")


def test_the_reason_of_the_size_is_told() -> None:
    run = Run(scale_set(20))
    assert run.upgrade.batches[0].why == "4 of 20 in update domain 0 (20 % of 20 = 4)"
    run = Run(scale_set([instance(str(i), zone="2") for i in range(20)]), batch="3")
    assert run.upgrade.batches[0].why == "3 of 20 in update domain 0, zone 2 (3 at once as asked for this run)"
    over = scale_set([*(instance(str(i)) for i in range(19)), instance("19", image=V2, health=Health.UNHEALTHY)])
    why = Run(over).upgrade.batches[0].why
    assert why == ("3 of 19 in update domain 0 (20 % of 20 = 4; fewer because instances elsewhere are unhealthy)")


def test_the_size_is_decided_when_the_batch_begins() -> None:
    # given a plan of two equal batches
    run = Run(scale_set(20))
    assert [len(b.members) for b in run.plan.batches][:2] == [4, 4]
    # when two instances of the rest fall ill during the first batch
    run.sick("18", "19")
    run.batch()
    # then the second one is smaller than planned
    assert len(run.open_members) == 2


def test_nothing_is_chosen_when_nobody_waits() -> None:
    run = Run(scale_set(1))
    assert choose_batch(run.upgrade, run.set) is None


def test_going_back_takes_unhealthy_ones_first_then_the_newest_batch() -> None:
    # given three batches done, and an instance of the first that is unhealthy now
    run = Run(scale_set(10, policy={"max_unhealthy_upgraded_instance_percent": 100}))
    for _ in range(3):
        run.batch()
    run.swap()
    run.sick("1")
    run.command(Verb.ROLL_BACK)
    run.healthy("6", "7")
    # then it is alone in the first batch back, and the newest follow
    assert list(run.open_members) == ["m1"]
    run.batch()
    assert list(run.open_members) == ["m6", "m7"]
    run.batch()
    assert list(run.open_members) == ["m4", "m5"]


def test_going_back_keeps_the_walls_and_the_cap() -> None:
    places = [("1", 0), ("2", 0), ("1", 1), ("1", 0)]
    over = scale_set(
        [instance(str(i), zone=zone, update_domain=domain) for i, (zone, domain) in enumerate(places)],
        policy={
            "max_batch_instance_percent": 50,
            "max_unhealthy_instance_percent": 100,
            "enable_cross_zone_upgrade": True,
        },
    )
    run = Run(over)
    run.batch()
    run.swap()
    run.command(Verb.ROLL_BACK)
    run.healthy()
    back = [chosen(run).members] if not run.open_members else [run.open_members]
    while run.upgrade.live:
        run.batch()
        if run.open_members:
            back.append(run.open_members)
    assert all(len(b) <= 2 for b in back)
    assert sorted(m for b in back for m in b) == ["m0", "m1", "m3"]
    assert run.member("2").state is MemberState.PENDING


def test_going_back_stays_in_one_update_domain_whatever_the_fault_domains_are() -> None:
    places = [(0, 0), (0, 1), (1, 0), (1, 1)]
    over = scale_set(
        [instance(str(i), update_domain=domain, fault_domain=fault) for i, (domain, fault) in enumerate(places)],
        policy={"max_batch_instance_percent": 50, "max_unhealthy_instance_percent": 100},
    )
    run = Run(over)
    run.batch()
    run.swap()
    run.command(Verb.ROLL_BACK)
    run.healthy()
    run.run()
    back = [batch.members for batch in run.upgrade.batches if batch.direction is Direction.BACK]
    assert back == [("m2", "m3"), ("m0", "m1")]


def test_going_back_never_fills_a_batch_up_from_the_next_update_domain() -> None:
    places = [0, 0, 1, 1]
    over = scale_set(
        [instance(str(i), update_domain=domain) for i, domain in enumerate(places)],
        policy={"max_batch_instance_percent": 100, "max_unhealthy_instance_percent": 100},
    )
    run = Run(over)
    # given both update domains upgraded in one batch of an earlier policy, and room for all in one batch back
    run.batch()
    run.swap()
    members = {m.id: replace(m, batch=1) for m in run.upgrade.members.values()}
    run.upgrade = upgrade_of(run, members=members)
    run.command(Verb.ROLL_BACK)
    run.healthy()
    run.run()
    back = [batch.members for batch in run.upgrade.batches if batch.direction is Direction.BACK]
    assert back == [("m0", "m1"), ("m2", "m3")]


def test_so_many_may_be_unhealthy_at_once_as_the_limit_allows_rounded_down() -> None:
    over = scale_set(99, policy={"max_batch_instance_percent": 100, "max_unhealthy_instance_percent": 5})
    assert len(first_batch(over)) == 4


def test_a_batch_that_takes_all_that_share_its_place_says_so_only_where_it_could_take_more() -> None:
    exact = scale_set(2, policy={"max_batch_instance_percent": 100, "max_unhealthy_instance_percent": 100})
    plan, _, _ = make_plan(exact, images(V1, V2), StartRequest(to="2.0.0"), room_free_bytes=None)
    assert plan.batches[0].why == "2 of 2 in update domain 0 (100 % of 2 = 2)"


@pytest.mark.parametrize("crosses", (False, True))
def test_going_back_crosses_zones_only_where_the_policy_says_so(crosses: bool) -> None:
    run = Run(
        scale_set(
            [instance("0", zone="1"), instance("1", zone="2")],
            policy={
                "max_batch_instance_percent": 100,
                "max_unhealthy_instance_percent": 100,
                "enable_cross_zone_upgrade": True,
            },
        )
    )
    run.swap()
    policy = replace(run.upgrade.settings.policy, enable_cross_zone_upgrade=crosses)
    run.upgrade = upgrade_of(run, settings=replace(run.upgrade.settings, policy=policy))
    run.command(Verb.ROLL_BACK)
    run.healthy()
    run.run()
    back = [batch.members for batch in run.upgrade.batches if batch.direction is Direction.BACK]
    assert back == ([("m0", "m1")] if crosses else [("m0",), ("m1",)])
