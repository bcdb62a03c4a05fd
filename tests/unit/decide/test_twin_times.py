"""When things happen on a twin, to the tick: a member takes 16 s here, and a tick is one second."""

from __future__ import annotations

import math
from typing import Any

import pytest

from engine.decide.estimate import Pace
from engine.decide.twin import SICK, UNREACHABLE, WELL, Fate, Twin
from engine.model import events as e
from engine.model.engine_events import EngineStarted
from engine.model.health import Health
from engine.model.scale_set import InstanceHold, ScaleSet
from engine.model.upgrade import Now
from engine.model.version import VERSION
from tests.unit.decide.given import AGENT, SETUP, TOLERANT, V1, V2, instance, scale_set, started

START = Now(5_000_000.0, 1234.5)
ALL_AT_ONCE = TOLERANT | {"max_batch_instance_percent": 100}


def twin_of(over: ScaleSet, fate: Fate | None = None, median_s: float = 16.0, **asked: Any) -> Twin:
    upgrade = started(over, START, **({"restore_failed": "never"} | asked))
    twin = Twin(over, upgrade, Pace(mean_log=math.log(median_s), spread=0.0), fate or Fate())
    twin.run()
    return twin


def way(twin: Twin, name: str = "0") -> list[tuple[float, str]]:
    """The states the member of this instance entered, each with its second."""
    return [
        (round(told.now.at - START.at, 3), told.event.entered.value)
        for told in twin.told
        if isinstance(told.event, e.MemberMoved) and told.event.instance_id == name
    ]


def health(twin: Twin, name: str = "0") -> list[tuple[float, Health, str]]:
    return [
        (round(told.now.at - START.at, 3), told.event.entered, told.event.detail)
        for told in twin.told
        if isinstance(told.event, e.InstanceHealthChanged) and told.event.instance_id == name
    ]


def test_a_member_without_extensions_takes_its_parts_of_a_members_time() -> None:
    # 0.02, then 0.58 and 0.1 for what an image does by itself, then 0.3, each rounded up to a tick
    twin = twin_of(scale_set(1))
    assert way(twin) == [
        (0.0, "CapturingRestorePoint"),
        (1.0, "ReplacingDisk"),
        (12.0, "AwaitingHealth"),
        (17.0, "Succeeded"),
    ]
    assert health(twin) == [(17.0, Health.HEALTHY, WELL)]
    assert twin.t == pytest.approx(17.0)


def test_extensions_share_a_tenth_and_health_counts_from_the_disk() -> None:
    twin = twin_of(scale_set(1, model={"extensions": (SETUP, AGENT)}), median_s=160.0)
    assert way(twin) == [
        (0.0, "CapturingRestorePoint"),
        (10.0, "ReplacingDisk"),
        (110.0, "RunningExtension"),
        (120.0, "RunningExtension"),
        (130.0, "AwaitingHealth"),
        (160.0, "Succeeded"),
    ]
    assert [r.exit_code for r in twin.scale_set.instances["0"].extensions] == [0, 0]


def test_a_tick_is_never_shorter_than_a_hundredth_of_a_second() -> None:
    assert [at_s for at_s, _ in way(twin_of(scale_set(1), median_s=0.016))] == [0.0, 0.01, 0.03, 0.04]


def test_disks_and_digests_are_those_of_before_and_after() -> None:
    twin = twin_of(scale_set(1))
    point = twin.upgrade.members["m0"].restore_point
    assert point is not None
    assert (point.image, point.disk, point.digest) == (V1, "1", "sha256:1.0.0")
    after = twin.scale_set.instances["0"]
    assert (after.image, after.disk, after.digest) == (V2, "rehearsed-1", "sha256:2.0.0")


def test_what_never_gets_healthy_fails_a_tick_after_its_window_and_gets_its_disk_back() -> None:
    twin = twin_of(
        scale_set(2, policy=ALL_AT_ONCE), Fate(sick=frozenset("0")), health_window_s=90.0, restore_failed="always"
    )
    assert way(twin)[2:] == [
        (12.0, "AwaitingHealth"),
        (103.0, "Failed"),
        (103.0, "RestoringDisk"),
        (113.0, "AwaitingHealthAfterRestore"),
        (118.0, "RolledBack"),
    ]
    assert (17.0, Health.UNHEALTHY, SICK) in health(twin)
    assert twin.scale_set.instances["0"].disk == "1"


@pytest.mark.parametrize(
    ("stops", "failed_s"),
    (
        (((50.0, 100.0),), 203.0),
        (((150.0, 100.0),), 103.0),
        (((20.0, 10.0), (50.0, 100.0), (400.0, 5.0)), 213.0),
    ),
)
def test_a_health_window_does_not_go_by_while_no_engine_runs(
    stops: tuple[tuple[float, float], ...], failed_s: float
) -> None:
    fate = Fate(sick=frozenset("0"), stops=stops)
    twin = twin_of(scale_set(2, policy=TOLERANT), fate, health_window_s=90.0)
    assert (failed_s, "Failed") in way(twin)


def test_an_engine_that_is_back_knows_no_health_and_sees_it_a_second_later() -> None:
    over = scale_set(2, policy=TOLERANT)
    twin = twin_of(over, Fate(stops=((5.0, 100.0), (110.0, 20.0))))
    started = [(told.now, told.event) for told in twin.told if isinstance(told.event, EngineStarted)]
    assert [event for _, event in started] == [
        EngineStarted(0, VERSION, 2, 100.0, False),
        EngineStarted(0, VERSION, 3, 20.0, False),
    ]
    assert [(now.at - START.at, now.clock - START.clock) for now, _ in started] == [(105.0, 5.0), (130.0, 10.0)]
    restarted = "the engine has just started"
    assert health(twin, "1")[:4] == [
        (105.0, Health.NOT_OBSERVED, restarted),
        (106.0, Health.HEALTHY, WELL),
        (130.0, Health.NOT_OBSERVED, restarted),
        (131.0, Health.HEALTHY, WELL),
    ]
    # and the disk that was under way is unknown, then found
    reconciling = [told.now.at - START.at for told in twin.told if isinstance(told.event, e.MemberReconciling)]
    assert reconciling[0] == 105.0
    assert way(twin)[2] == (105.0, "AwaitingHealth")


def test_two_stops_without_a_moment_between_them_are_one_for_whoever_looks() -> None:
    twin = twin_of(scale_set(2), Fate(stops=((5.0, 100.0), (105.0, 20.0))))
    assert health(twin, "1")[:2] == [
        (125.0, Health.NOT_OBSERVED, "the engine has just started"),
        (126.0, Health.HEALTHY, WELL),
    ]


def test_who_is_lost_is_seen_so_at_that_second_and_acts_on_it_fail() -> None:
    twin = twin_of(scale_set(2, policy=TOLERANT), Fate(lost=((5.0, frozenset("01")),)))
    assert health(twin, "1")[0] == (5.0, Health.UNHEALTHY, UNREACHABLE)
    assert way(twin)[2] == (12.0, "Failed")
    error = twin.upgrade.members["m0"].error
    assert error is not None and error.message == UNREACHABLE


def test_a_sick_instance_stays_so_until_it_has_its_new_disk() -> None:
    made = [instance("0", health=Health.UNHEALTHY, health_detail="HTTP 500"), instance("1")]
    twin = twin_of(scale_set(made, policy=ALL_AT_ONCE))
    assert [(at_s, state) for at_s, state, _ in health(twin) if state is Health.HEALTHY] == [(17.0, Health.HEALTHY)]
    assert twin.upgrade.state == "Completed"


def test_what_was_never_observed_is_healthy_from_the_first_second() -> None:
    twin = twin_of(scale_set([instance("0", health=Health.NOT_OBSERVED)]))
    assert health(twin)[0] == (0.0, Health.HEALTHY, WELL)
    assert way(twin)[0] == (0.0, "CapturingRestorePoint")


@pytest.mark.parametrize(("later_s", "begins_s"), ((-50.0, 0.0), (0.5, 1.0), (500.0, 501.0)))
def test_a_start_time_is_kept_to_the_tick(later_s: float, begins_s: float) -> None:
    twin = twin_of(scale_set(1), at=START.at + later_s)
    assert way(twin)[0] == (begins_s, "CapturingRestorePoint")


def test_pauses_between_batches_are_kept_to_the_tick() -> None:
    twin = twin_of(scale_set(2, policy=TOLERANT | {"pause_between_batches_s": 40.0}), batch="1")
    assert [way(twin, name)[0][0] for name in "01"] == [0.0, 17.0 + 41.0]


def test_the_end_leaves_its_mark_on_the_model_and_a_run_that_waits_leaves_none() -> None:
    faulted = twin_of(scale_set(2), Fate(sick=frozenset("0")))
    assert (faulted.upgrade.state, faulted.scale_set.good_version) == ("Faulted", "1.0.0")
    assert isinstance(faulted.told[-1].event, e.ModelImageChanged)
    waiting = twin_of(scale_set([instance("0"), instance("1", hold=InstanceHold("look", "ana", 0.0))]))
    assert waiting.upgrade.live
    assert waiting.scale_set.good_version is None
