"""One event changes exactly what it says of a set and its instances."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.decide.evolve_scale_set import evolve_scale_set
from engine.model import events as e
from engine.model.health import Health
from engine.model.scale_set import ExtensionResult, Instance, InstanceHold, ScaleSet
from engine.model.upgrade import Now
from tests.unit.decide.given import V1, V2, instance, scale_set

NOW = Now(50.0, 5.0)
HOLD = InstanceHold("debugging", "ana", 1.0)


def folded(over: ScaleSet, *events: e.Event) -> ScaleSet:
    for event in events:
        after = evolve_scale_set(over, event, NOW)
        assert after is not None
        over = after
    return over


def first(*events: e.Event, **given: object) -> Instance:
    return folded(scale_set([instance("0", **given)]), *events).instances["0"]


def test_a_set_begins_with_its_application_and_ends_with_its_deletion() -> None:
    over = scale_set(1)
    assert evolve_scale_set(None, e.ScaleSetApplied(over), NOW) == over
    assert evolve_scale_set(None, e.CapacityChanged(3), NOW) is None
    assert evolve_scale_set(over, e.ScaleSetDeleted(), NOW) is None
    assert evolve_scale_set(over, e.UpgradeCompleted(), NOW) is over


def test_another_image_is_another_version_of_the_model_and_tells_which_instances_have_it() -> None:
    over = folded(scale_set([instance("0"), instance("1", image=V2)]), e.ModelImageChanged(V2, ("3",), "1.0.0", ""))
    assert (over.model.image, over.model_version, over.blocked_versions, over.good_version) == (V2, 2, ("3",), "1.0.0")
    assert [i.latest_model_applied for i in over.instances.values()] == [False, True]
    back = folded(over, e.ModelImageChanged(V1, (), None, ""))
    assert [i.latest_model_applied for i in back.instances.values()] == [True, False]
    assert back.model_version == 3


def test_a_blocked_version_alone_is_no_new_model() -> None:
    over = scale_set([instance("0", latest_model_applied=False)])
    after = folded(over, e.ModelImageChanged(V1, ("2.0.0",), None, ""))
    assert after.model_version == 1
    assert after.instances == over.instances


def test_a_swapped_disk_begins_health_and_extensions_anew() -> None:
    ran = ExtensionResult("setup", 0, "", "", 1.0)
    after = first(
        e.InstanceDiskChanged("0", V2, "sha256:2.0.0", "2", "1", V1, True, "127.0.0.2:80"),
        extensions=(ran,),
        running=False,
        health_detail="HTTP 200",
    )
    assert (after.image, after.disk, after.previous_disk, after.previous_image) == (V2, "2", "1", V1)
    assert (after.health, after.health_since_at, after.health_detail) == (Health.NOT_OBSERVED, 50.0, "")
    assert (after.extensions, after.running, after.address) == ((), True, "127.0.0.2:80")


def test_an_extensions_last_result_takes_the_place_of_its_earlier_one() -> None:
    one, two, again = (ExtensionResult(name, code, "", "", 1.0) for name, code in (("a", 1), ("b", 0), ("a", 0)))
    after = first(e.ExtensionRan("0", one), e.ExtensionRan("0", two), e.ExtensionRan("0", again))
    assert after.extensions == (two, again)


def test_health_remembers_since_when_but_not_for_another_reason_alone() -> None:
    ill = e.InstanceHealthChanged("0", Health.HEALTHY, Health.UNHEALTHY, "HTTP 500")
    assert first(ill).health_since_at == 50.0
    other = e.InstanceHealthChanged("0", Health.UNHEALTHY, Health.UNHEALTHY, "HTTP 503")
    after = first(other, health=Health.UNHEALTHY, health_since_at=9.0)
    assert (after.health_since_at, after.health_detail) == (9.0, "HTTP 503")


def test_what_happens_to_an_instance_changes_that_instance() -> None:
    assert first(e.InstancePowerChanged("0", False, "")).running is False
    assert first(e.ProtectionChanged("0", True, False)).protected_from_actions
    assert first(e.ProtectionChanged("0", False, True)).protected_from_scale_in
    held = first(e.InstanceHeld("0", HOLD))
    assert held.hold == HOLD
    assert first(e.InstanceReleased("0", "ana", ""), hold=HOLD).hold is None
    provisioned = first(e.InstanceProvisioned("0", "3", "d", "a:1"), provisioned=False, running=False)
    assert (provisioned.provisioned, provisioned.running, provisioned.disk, provisioned.address) == (
        True,
        True,
        "3",
        "a:1",
    )


@pytest.mark.parametrize(
    "event",
    (
        e.InstancePowerChanged("9", False, ""),
        e.ExtensionRan("9", ExtensionResult("a", 0, "", "", 1.0)),
        e.InstanceRemoved("9", ""),
    ),
)
def test_an_event_of_an_instance_that_left_changes_nothing(event: e.Event) -> None:
    over = scale_set(1)
    assert folded(over, event) == over


def test_instances_come_and_go() -> None:
    over = folded(scale_set(2), e.CapacityChanged(3), e.InstanceAdded(instance("7")), e.InstanceRemoved("0", ""))
    assert list(over.instances) == ["1", "7"]
    assert (over.capacity, over.next_instance) == (3, 8)
    assert folded(over, e.InstanceAdded(instance("3"))).next_instance == 8
    assert folded(over, e.ScaleSetDeleting("ana", "")).deleting
    assert replace(over, deleting=True) == folded(over, e.ScaleSetDeleting("ana", ""))


def test_an_instance_that_is_made_anew_keeps_its_place_and_nothing_of_what_it_was() -> None:
    ran = ExtensionResult("a", 0, "", "", 1.0)
    old = {"previous_disk": "1", "previous_image": V1, "extensions": (ran,), "stopped_by": "ana", "hold": HOLD}
    anew = first(e.InstanceMadeAnew("0", "it is lost"), disk="2", address="a:1", **old)
    assert (anew.provisioned, anew.running, anew.disk, anew.address, anew.created_at) == (False, False, "", "", NOW.at)
    assert (anew.previous_disk, anew.previous_image, anew.extensions, anew.stopped_by) == (None, None, (), "")
    assert (anew.image, anew.zone, anew.hold) == (V1, instance("0").zone, HOLD)


def test_an_instance_that_was_stopped_with_the_engine_stays_so_until_it_runs_again_or_is_to() -> None:
    stopped = e.InstanceStopped("0", "ana")
    down = first(e.InstanceStarting("0", "it ended"), stopped)
    assert (down.running, down.stopped_by, down.trying) == (False, "ana", None)
    assert first(stopped, e.InstancePowerChanged("0", False, "")).stopped_by == "ana"
    assert first(stopped, e.InstancePowerChanged("0", True, "")).stopped_by == ""
    assert first(stopped, e.InstanceStarting("0", "ana asks for it")).stopped_by == ""
    swapped = e.InstanceDiskChanged("0", V2, "sha256:2.0.0", "2", "1", V1, latest_model_applied=True, address="a:1")
    assert first(stopped, swapped).stopped_by == ""
