"""The plan's small print: numbers of batches, kept disks, who a step is put down to, what a hash names."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.decide.plan_drift import plan_differences
from engine.decide.plan_upgrade import make_plan, new_upgrade
from engine.model.health import Health
from engine.model.plan import Plan, StartRequest
from engine.model.scale_set import ScaleSet
from engine.model.upgrade import Now, RestorePoint
from tests.unit.decide.given import ENOUGH_BYTES, TOLERANT, V1, V2, V3, Run, images, instance, scale_set

ALL = images(V1, V2, V3)


def plan(over: ScaleSet, **more: Any) -> Plan:
    return make_plan(over, ALL, StartRequest(to="2.0.0"), room_free_bytes=ENOUGH_BYTES, **more)[0]


def test_batches_are_numbered_from_one() -> None:
    assert [batch.number for batch in plan(scale_set()).batches] == [1, 2, 3, 4, 5]
    run = Run()
    run.run()
    assert [batch.number for batch in run.upgrade.batches] == [1, 2, 3, 4, 5]


def test_a_hash_is_sixteen_digits_and_names_what_would_be_done() -> None:
    first = plan(scale_set())
    assert len(first.hash) == 16
    assert int(first.hash, 16) >= 0
    assert plan(scale_set(9)).hash != first.hash


def test_a_plan_is_a_persons_unless_it_is_said_that_it_is_not() -> None:
    assert plan(scale_set()).settings == plan(scale_set(), by_user=True).settings
    assert plan(scale_set()).settings != plan(scale_set(), by_user=False).settings


def test_every_instance_that_drifted_is_named_and_not_the_first_alone() -> None:
    before = plan(scale_set())
    changed = [instance(str(i), image=V2 if i in (3, 7) else V1) for i in range(10) if i != 1]
    said = "\n".join(plan_differences(before, plan(scale_set(changed))))
    for name in ("instance 1 has left", "instance 3 was", "instance 7 was"):
        assert name in said


def test_only_a_run_with_steps_names_who_stepped() -> None:
    assert Run().upgrade.stepped_by == ""
    assert Run(step=True).upgrade.stepped_by == "ana"


def test_a_run_is_about_all_instances_unless_it_is_said_that_it_is_not() -> None:
    over, request = scale_set(), StartRequest(to="2.0.0")
    _, settings, members = make_plan(over, ALL, request, room_free_bytes=ENOUGH_BYTES)
    facts: dict[str, Any] = {"upgrade_id": "u", "actor": "ana", "reason": "", "request": request, "now": Now(1.0, 1.0)}
    plain = new_upgrade(over, ALL[str(V2)], settings, members, **facts)
    assert not plain.only_chosen
    assert new_upgrade(over, ALL[str(V2)], settings, members, **facts, only_chosen=True).only_chosen


def test_a_rollback_says_who_gets_a_kept_disk_and_who_a_new_one() -> None:
    # given four upgraded instances: two keep their old disk, one of these is protected now
    run = Run(scale_set(4))
    run.run()
    gone = {name: replace(run.set.instances[name], previous_disk=None, previous_image=None) for name in ("2", "3")}
    kept = replace(run.set.instances["1"], protected_from_actions=True)
    run.set = replace(run.set, instances={**run.set.instances, **gone, "1": kept})
    # when it is rolled back
    found = run.back().plan
    # then each is told apart, and nothing is said of what is left out
    words = [check.words for check in found.checks if "OS disk back" in check.words or "no previous" in check.words]
    assert words == [
        "get their kept previous OS disk back: 0",
        "replaced from the image, as no previous OS disk of theirs is kept: 2, 3",
    ]
    assert [i.disk for i in found.instances] == ["kept disk 1", "", "", ""]
    plain = [check.words for check in plan(scale_set()).checks]
    assert not [text for text in plain if "OS disk back" in text and "kept" in text]


def test_an_instance_that_failed_on_the_target_goes_back_to_where_it_came_from_first() -> None:
    run = Run(scale_set(3, policy=TOLERANT), restore_failed="never", batch="1")
    run.batch("0")
    run.batch()
    run.batch()
    assert run.state == "Completed"
    _, _, members = make_plan(
        run.set, ALL, StartRequest(to="2.0.0"), room_free_bytes=ENOUGH_BYTES, earlier=(run.upgrade,)
    )
    again = {m.instance_id: m for m in members}
    assert [again[name].again for name in "012"] == [True, False, False]
    assert again["0"].restore_point == RestorePoint(V1, "sha256:1.0.0", "1")
    assert (again["0"].state.value, again["1"].state.value) == ("Pending", "LeftOut")
    # and on the way to another version it goes back to the disk it has now
    _, _, members = make_plan(
        run.set, ALL, StartRequest(to="3.0.0"), room_free_bytes=ENOUGH_BYTES, earlier=(run.upgrade,)
    )
    assert [(m.again, m.restore_point) for m in members] == [(False, None)] * 3


@pytest.mark.parametrize(("percent", "bytes_more"), ((25, 1000), (50, 2000), (100, 4000)))
def test_kept_disks_are_given_up_for_new_ones_a_batch_at_a_time(percent: int, bytes_more: int) -> None:
    made = [instance(str(i), previous_disk="0") for i in range(4)]
    policy = {"max_batch_instance_percent": percent, "max_unhealthy_instance_percent": 100}
    assert plan(scale_set(made, policy=policy)).room_needed_bytes == bytes_more


def test_those_whose_health_is_not_known_are_counted_apart_from_the_unhealthy() -> None:
    made = [instance("0", health=Health.NOT_OBSERVED), *(instance(str(i)) for i in range(1, 4))]
    assert "0 of 4 instances unhealthy now, 1 not observed yet" in [
        check.words for check in plan(scale_set(made)).checks
    ]
