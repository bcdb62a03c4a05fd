"""Rehearsals: what they say of batches, times and limits is what the core then does."""

from __future__ import annotations

from typing import Any

import pytest

from engine.decide.estimate import ASSUMED, plan_range
from engine.decide.rehearse import OTHER_DRAWS, Ground, rehearse
from engine.model.errors import InputError, RefusedError
from engine.model.health import Health
from engine.model.plan import StartRequest
from engine.model.rehearsal import EngineStop, Failing, Rehearsal, StopCount, Trouble, read_trouble
from engine.model.scale_set import InstanceHold, ScaleSet
from engine.model.simulated import Selection
from engine.model.upgrade import Now
from tests.unit.decide.given import ENOUGH_BYTES, V2, Run, images, instance, scale_set

NOW = Now(1_000_000.0, 50.0)


def rehearsed(over: ScaleSet, *inject: str, seed: str = "", **asked: Any) -> Rehearsal:
    ground = Ground(over, images(V2), ASSUMED, (), ENOUGH_BYTES, NOW)
    return rehearse(ground, StartRequest(**({"to": "2.0.0"} | asked)), read_trouble(inject), seed=seed)[0]


def zoned(count: int, **more: Any) -> ScaleSet:
    made = [instance(str(i), zone=str(i % 3 + 1), update_domain=i // 3 % 2) for i in range(count)]
    return scale_set(made, zones=("1", "2", "3"), **more)


# --- reading what goes wrong --------------------------------------------------------------------------------------


def test_every_way_to_go_wrong_is_read() -> None:
    found = read_trouble(["3,7", " 10% ", "zone=1@5m", "engine=90s", "engine=1.5h@30"])
    assert found.failing == (
        Failing(Selection(frozenset({"3", "7"}))),
        Failing(Selection(share=0.1)),
        Failing(Selection(zones=frozenset({"1"})), 300.0),
    )
    assert found.stops == (EngineStop(90.0), EngineStop(5400.0, 30.0))
    assert found.words == (
        "3,7: never healthy on the new version",
        "10%: never healthy on the new version",
        "zone=1: unreachable from 300 s on",
        "no engine for 90 s, half-way",
        "no engine for 5400 s from 30 s on",
    )
    assert read_trouble([]) == Trouble()


@pytest.mark.parametrize(
    "text", ("", "engine=", "engine=soon", "3@", "3@later", "@5m", "engine=40d", "engine=9999999h", "5d")
)
def test_what_cannot_be_read_says_what_it_must_be(text: str) -> None:
    if text == "5d":
        assert read_trouble([text]).failing[0].who.instances == {"5d"}  # an instance may be called so
        return
    with pytest.raises(InputError, match=r"instances \(3,7\), a share"):
        read_trouble([text])


@pytest.mark.parametrize(
    ("text", "named", "right"),
    (
        ("99", "99", "Did you mean 99%?"),
        ("zone=9", "zone=9", "Did you mean zone="),
        ("zoen=2", "zoen=2", "Did you mean zone=2?"),
        ("engin=90s", "engin=90s", "Did you mean engine=90s?"),
        ("1,x@5m", "x", "One that is right: zone=1."),
        ("banana", "banana", "One that is right: zone=1."),
    ),
)
def test_instances_and_zones_that_are_not_there_are_named_with_the_nearest(text: str, named: str, right: str) -> None:
    with pytest.raises(InputError, match=rf"inject has '{named}': .* it must be instances \(3,7\), a share") as refusal:
        rehearsed(zoned(6), text)
    assert refusal.value.next_step.startswith(right)


# --- what it says -------------------------------------------------------------------------------------------------


def test_without_trouble_it_is_the_plan_played() -> None:
    found = rehearsed(zoned(12))
    assert (found.state, found.waits_for, found.stopped, found.error, found.other_ends) == (
        "Completed",
        "",
        None,
        None,
        {},
    )
    assert (found.instances, found.to_upgrade, found.counters.successful) == (12, 12, 12)
    sizes = [len(batch.members) for batch in found.batches]
    assert sum(sizes) == 12
    assert (found.low_s, found.high_s) == plan_range(ASSUMED, sizes, 0.0)
    ends = [batch.ended_s for batch in found.batches]
    assert [batch.began_s for batch in found.batches] == [0.0, *ends[:-1]]
    assert ends[-1] == pytest.approx(found.took_s)


def test_what_a_start_would_refuse_it_refuses_and_nothing_to_do_takes_no_time() -> None:
    with pytest.raises(InputError, match="not published"):
        rehearsed(zoned(3), to="7.0.0")
    ground = Ground(zoned(3), images(V2), ASSUMED, (), 1, NOW)
    with pytest.raises(RefusedError, match="are free"):
        rehearse(ground, StartRequest(to="2.0.0"), Trouble())
    empty = rehearsed(scale_set([instance("0", image=V2)]))
    assert (empty.state, empty.took_s, empty.low_s, empty.batches, empty.stop_counts) == ("Completed", 0.0, 0.0, (), ())


def test_given_instances_stop_it_where_it_says() -> None:
    found = rehearsed(zoned(6), "0", max_unhealthy_upgraded_percent=20)
    assert found.state == "Faulted"
    assert found.stopped is not None and found.error is not None
    assert (found.stopped.batch, found.stopped.failures) == (1, 1)
    assert found.batches[0].failed == ("0",)
    assert "it never becomes healthy on this version" in found.error.details[0].message
    assert found.low_s is not None and found.low_s > 300, "the health window is in it"


def test_a_zone_that_goes_dark_stops_it() -> None:
    found = rehearsed(zoned(30), "zone=2@1s")
    assert found.state == "Faulted"
    assert found.stopped is not None
    dark = [batch for batch in found.batches if batch.zone == "2"]
    assert not dark or dark[0].failed


def test_a_share_is_drawn_many_times_and_small_sets_more_often() -> None:
    found = rehearsed(zoned(30), "10%", max_unhealthy_upgraded_percent=50)
    assert sum(found.other_ends.values()) == OTHER_DRAWS
    assert set(found.other_ends) <= {"Completed", "Faulted"}
    failed = [name for batch in found.batches for name in batch.failed]
    if found.state == "Completed":
        assert len(failed) == 3
    assert rehearsed(zoned(30), "10%", seed="b").batches != rehearsed(zoned(30), "10%", seed="c").batches
    assert not rehearsed(zoned(600), "1%").other_ends


def test_an_engine_that_stops_costs_its_time() -> None:
    usual, away = rehearsed(zoned(6)), rehearsed(zoned(6), "engine=10m")
    assert away.state == "Completed"
    assert 590 < away.took_s - usual.took_s < 660
    assert away.low_s is not None and usual.low_s is not None
    assert away.low_s > usual.low_s + 500


def test_what_only_an_operator_can_answer_is_said() -> None:
    held = scale_set([instance("0"), instance("1", hold=InstanceHold("debugging", "ana", 0.0))])
    found = rehearsed(held)
    assert found.state == "RollingForward"
    assert "held instances: 1" in found.waits_for
    assert (found.low_s, found.high_s) == (None, None)


def test_a_fleet_that_is_unhealthy_already_is_stopped_before_the_first_batch() -> None:
    sick = scale_set([instance(str(i), health=Health.UNHEALTHY) for i in range(3)])
    found = rehearsed(sick)
    assert found.state == "Faulted"
    assert found.stopped is not None and found.stopped.batch == 0


# --- how many failures stop it ------------------------------------------------------------------------------------


@pytest.mark.parametrize("restore", ("always", "never", "on_breach"))
@pytest.mark.parametrize("upgraded", (0, 20, 50, 100))
@pytest.mark.parametrize("unhealthy", (10, 34, 100))
def test_so_many_failures_stop_it_there_and_one_less_does_not(restore: str, upgraded: int, unhealthy: int) -> None:
    over = zoned(18, policy={"max_batch_instance_percent": 25, "max_unhealthy_instance_percent": unhealthy})
    asked: dict[str, Any] = {"restore_failed": restore, "max_unhealthy_upgraded_percent": upgraded}
    plain = rehearsed(over, **asked)
    shown = 0
    for count, batch in zip(plain.stop_counts, plain.batches, strict=True):
        assert count.of == sum(len(b.members) for b in plain.batches if b.number <= count.batch)
        if count.failures is None:
            everybody = rehearsed(over, ",".join(batch.members), **asked)
            assert everybody.stopped is None or everybody.stopped.batch != count.batch
        elif count.failures <= len(batch.members):
            shown += 1
            enough = rehearsed(over, ",".join(batch.members[: count.failures]), **asked)
            assert enough.stopped is not None and enough.stopped.batch == count.batch, count
            assert enough.error is not None and enough.error.code[:12] == count.limit[0].upper() + count.limit[1:12]
            if count.failures > 1:
                fewer = rehearsed(over, ",".join(batch.members[: count.failures - 1]), **asked)
                assert fewer.stopped is None or fewer.stopped.batch != count.batch, count
    assert shown or upgraded == 100


def test_the_fewest_failures_of_both_limits_count() -> None:
    over = scale_set(10, policy={"max_batch_instance_percent": 50, "max_unhealthy_instance_percent": 50})
    counts = rehearsed(over, restore_failed="never", max_unhealthy_upgraded_percent=100).stop_counts
    assert counts == (StopCount(1, 5, None, ""), StopCount(2, 10, 6, "maxUnhealthyInstancePercent"))
    counts = rehearsed(over, restore_failed="always", max_unhealthy_upgraded_percent=40).stop_counts
    assert [c.failures for c in counts] == [3, 5]


def test_a_thousand_instances_are_rehearsed_to_their_end() -> None:
    found = rehearsed(zoned(1000), "5%")
    assert found.counters.failed == 50 or found.stopped is not None


def test_an_instance_that_an_earlier_run_left_failed_on_the_target_is_played_too() -> None:
    run = Run(scale_set(3, policy={"max_unhealthy_upgraded_instance_percent": 0}), batch="1", restore_failed="never")
    run.batch("0")
    run.healthy("0")
    ground = Ground(run.set, images(V2), ASSUMED, (), ENOUGH_BYTES, NOW, (run.upgrade,))
    found, _ = rehearse(ground, StartRequest(to="2.0.0"), read_trouble(()))
    assert found.counters.successful == 3
