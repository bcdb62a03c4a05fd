"""The plan says what would happen, what stands against it, and refuses when the fleet has drifted."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from engine.decide.estimate import Pace
from engine.decide.plan_upgrade import make_plan, refuse_if_impossible, resolve_target
from engine.model.errors import InputError, RefusedError
from engine.model.health import Health
from engine.model.image import ImageReference
from engine.model.plan import Plan, StartRequest
from engine.model.policy import RestoreFailed
from engine.model.scale_set import InstanceHold, ScaleSet
from engine.model.upgrade import Outcome, Upgrade
from tests.unit.decide.given import ENOUGH_BYTES, PROBE, V1, V2, V3, Run, images, instance, scale_set, version

LATEST = V1.with_version("latest")
ALL = images(V1, V2, V3)
MIB = 1024 * 1024


def plan(over: ScaleSet | None = None, *, free: int | None = ENOUGH_BYTES, **request: Any) -> Plan:
    asked = StartRequest(**({"to": "2.0.0"} | request))
    return make_plan(over or scale_set(), ALL, asked, room_free_bytes=free)[0]


def words(found: Plan, level: str) -> str:
    return "\n".join(check.words for check in found.checks if check.level == level)


# --- where it comes from -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("model", "before"), ((V1, V1), (V2, V1), (V3, V3), (LATEST, V1)))
def test_an_upgrade_comes_from_the_model_unless_that_names_the_target_or_latest(
    model: ImageReference, before: ImageReference
) -> None:
    assert Run(scale_set(model={"image": model})).upgrade.previous_image == before


def test_with_nothing_to_upgrade_it_comes_from_the_model() -> None:
    assert Run(scale_set([instance("0", image=V2)], model={"image": V2})).upgrade.previous_image == V2


# --- the target ----------------------------------------------------------------------------------------------------


def test_a_version_asked_for_is_taken_exactly_also_when_it_is_blocked_or_excluded() -> None:
    published = ALL | {str(V2): version(V2, excluded_from_latest=True)}
    over = scale_set(blocked_versions=("2.0.0",))
    assert resolve_target(over, published, "2.0.0").reference == V2
    assert resolve_target(over, published, None).reference == V1


def test_latest_is_the_highest_number_that_may_be_taken() -> None:
    over = scale_set(model={"image": LATEST})
    ten = V1.with_version("10.0.0")
    assert resolve_target(over, images(V1, ten, V2), None).reference == ten
    assert resolve_target(replace(over, blocked_versions=("10.0.0",)), images(V1, ten, V2), None).reference == V2
    excluded = images(V1, V2) | {str(ten): version(ten, excluded_from_latest=True)}
    assert resolve_target(over, excluded, "latest").reference == V2


def test_a_latest_set_with_nothing_to_take_is_refused() -> None:
    with pytest.raises(RefusedError, match="no published version of contoso:web:stable:latest may be taken by web"):
        resolve_target(scale_set(model={"image": LATEST}, blocked_versions=("1.0.0",)), images(V1), None)


def test_a_version_that_is_not_published_names_those_that_are_in_their_order() -> None:
    with pytest.raises(InputError, match=r"published versions: 1\.0\.0, 2\.0\.0, 10\.0\.0\."):
        resolve_target(scale_set(), images(V2, V1.with_version("10.0.0"), V1), "9.9.9")
    with pytest.raises(InputError, match=r"published versions: none\."):
        resolve_target(scale_set(), {}, "9.9.9")
    with pytest.raises(InputError, match="neither numbers with dots"):
        resolve_target(scale_set(), ALL, "newest")


# --- members, batches, times, room ---------------------------------------------------------------------------------


def test_instances_left_out_are_named_with_the_reason() -> None:
    over = scale_set(
        [
            instance("10"),
            instance("2", image=V2),
            instance("3", protected_from_actions=True),
            instance("4", hold=InstanceHold("debugging", "ana", 0.0)),
            instance("5", digest="sha256:other"),
        ]
    )
    found = plan(over)
    assert {i.instance_id: i.left_out for i in found.instances} == {
        "2": "alreadyCurrent: already on the target",
        "3": "protected: protectFromScaleSetActions",
        "4": "held: debugging",
        "5": "",
        "10": "",
    }
    assert [b.members for b in found.batches] == [("5",), ("10",)]


def test_a_plan_comes_from_what_those_run_who_are_to_go() -> None:
    mixed = [*(instance(str(i)) for i in range(3)), instance("3", image=V3), instance("4", image=V2)]
    found = plan(scale_set(mixed, model={"image": V2}))
    assert found.previous == "contoso:web:stable:1.0.0 (3), contoso:web:stable:3.0.0 (1)"
    assert found.restore_point.startswith(found.previous)
    assert plan(scale_set(mixed, model={"image": V2}), to="3.0.0").previous.endswith(
        "1.0.0 (3), contoso:web:stable:2.0.0 (1)"
    )
    nobody = plan(scale_set([instance("0", image=V2)]))
    assert nobody.previous == "contoso:web:stable:2.0.0"


def test_an_upgrade_does_not_come_from_a_version_that_a_run_before_did_not_complete() -> None:
    left = scale_set(model={"image": V3}, good_version="1.0.0")
    assert Run(left).upgrade.previous_image == V1


def test_an_empty_set_comes_from_its_model() -> None:
    assert plan(scale_set(0)).previous == "contoso:web:stable:1.0.0"


TEN_SECONDS = Pace(mean_log=math.log(10), spread=0.01, count=1000, run_spread=0.001)


def test_the_time_is_a_range_over_batches_and_the_pauses_between_them() -> None:
    over = scale_set(policy={"pause_between_batches_s": 30.0})
    found, _, _ = make_plan(over, ALL, StartRequest(to="2.0.0"), room_free_bytes=None, pace=TEN_SECONDS)
    assert len(found.batches) == 5
    assert 120.0 + 5 * 9.9 < found.eta_low_s < found.eta_high_s < 120.0 + 5 * 10.3
    nothing = plan(scale_set([instance("0", image=V2)]))
    assert (nothing.batches, nothing.eta_low_s, nothing.room_needed_bytes) == ((), 0.0, 0)


def test_room_is_needed_for_every_old_disk_that_is_kept() -> None:
    # given images of 1,000 bytes: without older disks each instance keeps one more
    assert plan().room_needed_bytes == 10_000
    # an older disk is given up, but only after the new one is there
    kept = [instance(str(i), previous_disk="0") for i in range(10)]
    assert plan(scale_set(kept)).room_needed_bytes == 2_000


@pytest.mark.parametrize(
    ("free", "refused"), ((10_000 + 64 * MIB, False), (10_000 + 64 * MIB - 1, True), (None, False))
)
def test_too_little_room_is_refused(free: int | None, refused: bool) -> None:
    found = plan(free=free)
    assert ("new OS disks need 10000 bytes" in words(found, "refused")) is refused


# --- checks --------------------------------------------------------------------------------------------------------


def test_problems_of_the_model_are_refused_together_with_their_cures() -> None:
    found = plan(scale_set(model={"problems": ("two health sources", "no image")}))
    with pytest.raises(RefusedError, match="web cannot start: two health sources; no image") as refusal:
        refuse_if_impossible(found)
    assert "Change the model" in refusal.value.next_step
    refuse_if_impossible(plan())


def test_a_version_whose_last_upgrade_did_not_complete_is_warned_of() -> None:
    started = scale_set(good_version="1.0.0")
    started = replace(started, model=replace(started.model, image=V2))
    assert "the last upgrade to 2.0.0 did not complete; the last good version is 1.0.0" in words(
        plan(started), "warned"
    )
    assert "did not complete" not in words(plan(started, to="3.0.0"), "warned")
    assert "did not complete" not in words(plan(replace(started, good_version="2.0.0")), "warned")


def test_that_a_version_was_stopped_here_is_told_until_it_completes_here() -> None:
    bad = replace(Run(scale_set()).upgrade, outcome=Outcome.FAULTED, started_at=1.0)
    other = replace(bad, target=V3, outcome=Outcome.COMPLETED, started_at=2.0)
    retried = replace(bad, outcome=Outcome.COMPLETED, only_chosen=True, started_at=3.0)
    back_to_it = replace(bad, outcome=Outcome.FAULTED, is_rollback_of="web-7", started_at=9.0)

    def told(*earlier: Upgrade) -> str:
        asked = StartRequest(to="2.0.0")
        return words(make_plan(scale_set(), ALL, asked, room_free_bytes=None, earlier=earlier)[0], "warned")

    assert "2.0.0 Faulted here before" in told(retried, bad, other, back_to_it)
    assert "2.0.0 was rolled back here before" in told(replace(bad, outcome=Outcome.ROLLED_BACK))
    assert "here before" not in told(bad, replace(bad, outcome=Outcome.COMPLETED, started_at=4.0))
    assert "here before" not in told(other, back_to_it, replace(bad, outcome=Outcome.CANCELLED), Run().upgrade)


def test_nothing_to_do_is_said() -> None:
    on_two = scale_set([instance("0", image=V2)])
    (said,) = [check for check in plan(on_two).checks if check.words.startswith("nothing to upgrade")]
    assert said.cure == "3.0.0 is published: --to 3.0.0"
    (said,) = [c for c in plan(replace(on_two, blocked_versions=("3.0.0",))).checks if c.words.startswith("nothing")]
    assert said.cure == ""


def test_a_version_that_was_stopped_here_is_not_named_as_the_one_to_go_to() -> None:
    bad = replace(Run(scale_set()).upgrade, outcome=Outcome.FAULTED, target=V3)
    asked = StartRequest(to="2.0.0")
    over = scale_set([instance("0", image=V2)])
    found = make_plan(over, ALL, asked, room_free_bytes=None, earlier=(bad,))[0]
    assert [c.cure for c in found.checks if c.words.startswith("nothing")] == [""]


def test_without_a_version_it_goes_to_what_the_model_names() -> None:
    assert plan(scale_set(), to=None).target == str(V1)
    assert plan(scale_set(model={"image": LATEST}), to=None).target == str(V3)


def test_a_limit_that_allows_less_than_a_batch_is_warned_of() -> None:
    found = words(plan(scale_set(4)), "warned")
    assert "4 instances, 20 %: 0 may be unhealthy at once, a batch is up to 1; 1 unhealthy one stops it" in found
    assert "may be unhealthy at once" not in words(plan(), "warned")


def test_too_many_unhealthy_ones_are_warned_of_before_the_start() -> None:
    sick = [instance(str(i), health=Health.UNHEALTHY if i < 3 else Health.HEALTHY) for i in range(10)]
    assert "30 % of instances are unhealthy, more than 20 %" in words(plan(scale_set(sick)), "warned")
    unseen = scale_set([instance("0", health=Health.NOT_OBSERVED), instance("1", health=Health.UNKNOWN)])
    assert "1 of 2 instances unhealthy now, 1 not observed yet" in words(
        plan(unseen, max_unhealthy_percent=100), "passed"
    )


def test_a_set_without_a_health_source_and_a_grace_period_too_long_are_warned_of() -> None:
    assert "no health probe" in words(plan(scale_set(model={"health": None})), "warned")
    slow = replace(PROBE, grace_period_s=301.0)
    assert "gracePeriod 301 s is longer than the health window of 300 s" in words(
        plan(scale_set(model={"health": slow})), "warned"
    )
    assert "gracePeriod" not in words(plan(scale_set(model={"health": replace(PROBE, grace_period_s=300.0)})), "warned")


def test_the_plan_says_what_becomes_of_failed_instances() -> None:
    assert "failed instances get their previous OS disk back (always)" in words(plan(), "passed")
    assert "previous OS disk" not in words(plan(restore_failed="never"), "passed")


# --- a rollback ----------------------------------------------------------------------------------------------------


def test_a_rollback_is_stopped_by_no_limit_takes_the_unhealthy_first_and_restores_nothing() -> None:
    sick = [
        instance(str(i), image=V2, health=Health.UNHEALTHY if i in (7, 8, 9) else Health.HEALTHY) for i in range(10)
    ]
    found, settings, _ = make_plan(scale_set(sick), ALL, StartRequest(to="1.0.0"), room_free_bytes=None, rollback=True)
    assert found.batches[0].members == ("7", "8")
    assert not words(found, "warned")
    assert settings.policy.max_unhealthy_upgraded_instance_percent == 100
    assert settings.restore_failed is RestoreFailed.NEVER
    origins = {s.name: s.origin for s in found.settings}
    assert "rollback" in origins["restoreFailed"]
    assert "rollback" in origins["maxUnhealthyInstancePercent"]
    assert "rollback" not in origins["maxBatchInstancePercent"]


def test_instances_that_were_stopped_with_the_engine_are_told_with_the_way_to_boot_them() -> None:
    down = [instance("0", stopped_by="ana"), instance("1", stopped_by="bob"), instance("2")]
    [told] = [check for check in plan(scale_set(down)).checks if "stopped" in check.words]
    assert (told.level, told.words) == ("warned", "2 instances were stopped with the engine by ana, bob")
    assert told.cure == "Boot them: rollset engine start"
    assert "1 instance was stopped" in words(plan(scale_set(down[:1])), "warned")
    assert "stopped" not in words(plan(), "warned")
