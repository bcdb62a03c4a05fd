"""Where new instances go, and which ones leave."""

from __future__ import annotations

import pytest

from engine.decide.evolve_scale_set import evolve_scale_set
from engine.decide.place_instances import scale_events
from engine.model import events as e
from engine.model.errors import InputError, RefusedError
from engine.model.scale_set import OrchestrationMode, ScaleSet
from engine.model.upgrade import Now
from tests.unit.decide.given import V1, V2, instance, scale_set, version

NOW = Now(7.0, 7.0)


def scaled(over: ScaleSet, capacity: int) -> tuple[ScaleSet, list[e.Event]]:
    found = scale_events(over, capacity, version(V2), NOW)
    for event in found:
        after = evolve_scale_set(over, event, NOW)
        assert after is not None
        over = after
    return over, found


def test_new_instances_go_round_the_zones_then_round_the_update_and_fault_domains() -> None:
    over, _ = scaled(scale_set(0, zones=("1", "2"), fault_domains=2), 12)
    assert [i.zone for i in over.instances.values()] == ["1", "2"] * 6
    ones = [i for i in over.instances.values() if i.zone == "1"]
    assert [i.update_domain for i in ones] == [0, 1, 2, 3, 4, 0]
    assert [i.fault_domain for i in ones] == [0, 1, 0, 1, 0, 1]
    assert over.capacity == 12
    assert over.next_instance == 12


def test_a_flexible_set_has_one_update_domain_and_a_set_without_zones_has_none() -> None:
    over, _ = scaled(scale_set(0, orchestration=OrchestrationMode.FLEXIBLE, fault_domains=1), 3)
    assert {(i.zone, i.update_domain, i.fault_domain) for i in over.instances.values()} == {("", 0, 0)}


def test_the_emptiest_zone_is_filled_first() -> None:
    over = scale_set([instance("0", zone="1"), instance("1", zone="1"), instance("2", zone="3")], zones=("1", "2", "3"))
    over, _ = scaled(over, 6)
    assert [over.instances[name].zone for name in ("3", "4", "5")] == ["2", "2", "3"]


def test_new_instances_begin_unprovisioned_on_the_image_given_and_ids_are_never_given_twice() -> None:
    over, _ = scaled(scale_set(3), 2)
    over, found = scaled(over, 3)
    added = found[-1]
    assert isinstance(added, e.InstanceAdded)
    made = added.instance
    assert (made.instance_id, made.image, made.digest, made.created_at) == ("3", V2, "sha256:2.0.0", 7.0)
    assert not made.provisioned
    assert not made.running


def test_the_same_capacity_changes_nothing() -> None:
    assert scaled(scale_set(3), 3)[1] == []


def test_the_newest_leave_and_the_zones_stay_balanced() -> None:
    places = ["1", "1", "1", "2", "2", "3"]
    over = scale_set(
        [instance(str(i), zone=zone, created_at=float(i)) for i, zone in enumerate(places)], zones=("1", "2", "3")
    )
    _, found = scaled(over, 3)
    assert [x.instance_id for x in found if isinstance(x, e.InstanceRemoved)] == ["2", "4", "1"]


def test_of_equally_old_ones_the_highest_number_leaves() -> None:
    _, found = scaled(scale_set([instance(str(i)) for i in (2, 10, 9)]), 2)
    assert [x.instance_id for x in found if isinstance(x, e.InstanceRemoved)] == ["10"]


def test_protected_ones_stay_and_count_in_their_zone() -> None:
    over = scale_set(
        [
            instance("0", zone="1", protected_from_scale_in=True),
            instance("1", zone="1", protected_from_actions=True),
            instance("2", zone="1"),
            instance("3", zone="2"),
            instance("4", zone="2"),
        ],
        zones=("1", "2"),
    )
    _, found = scaled(over, 4)
    assert [x.instance_id for x in found if isinstance(x, e.InstanceRemoved)] == ["2"]
    with pytest.raises(RefusedError, match="only 3 are not protected"):
        scale_events(over, 1, version(V1), NOW)


@pytest.mark.parametrize("capacity", (-1, 1001))
def test_a_capacity_out_of_bounds_is_bad_input(capacity: int) -> None:
    with pytest.raises(InputError, match=f"capacity {capacity} is not in 0 to 1000"):
        scale_events(scale_set(1), capacity, version(V1), NOW)


def test_the_largest_set_shrinks_to_nothing() -> None:
    over, found = scaled(scale_set(1000), 0)
    assert not over.instances
    assert len(found) == 1001


def test_a_thousand_instances_is_the_most() -> None:
    over, _ = scaled(scale_set(0), 1000)
    assert len(over.instances) == 1000
    with pytest.raises(InputError, match="capacity 1001 is not in 0 to 1000"):
        scaled(scale_set(0), 1001)
