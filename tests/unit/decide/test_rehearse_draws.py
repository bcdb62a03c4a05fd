"""What chance and time have to do with a rehearsal: who fails, when the engine is away, how often it is drawn."""

from __future__ import annotations

import math
from typing import Any

import pytest

from engine.decide.estimate import ASSUMED, Pace
from engine.decide.rehearse import Ground, rehearse
from engine.decide.twin import Twin
from engine.model.plan import StartRequest
from engine.model.rehearsal import Rehearsal, read_trouble
from engine.model.scale_set import ScaleSet
from engine.model.upgrade import Now
from tests.unit.decide.given import ENOUGH_BYTES, TOLERANT, V2, images, instance, scale_set

STEADY = Pace(mean_log=math.log(20), spread=0.01, count=1e6, run_spread=0.001)


def rehearsed(over: ScaleSet, *inject: str, pace: Pace = ASSUMED, **asked: Any) -> tuple[Rehearsal, Twin]:
    ground = Ground(over, images(V2), pace, (), ENOUGH_BYTES, Now(1_000_000.0, 50.0))
    return rehearse(ground, StartRequest(**({"to": "2.0.0"} | asked)), read_trouble(inject))


def partly_current(current: int, to_go: int, **policy: Any) -> ScaleSet:
    made = [instance(f"c{i}", image=V2) for i in range(current)] + [instance(f"g{i}") for i in range(to_go)]
    return scale_set(made, policy=TOLERANT | policy)


@pytest.mark.parametrize(("to_go", "draws"), ((3, 20), (125, 8), (334, 2)))
def test_a_share_is_drawn_twenty_times_and_large_sets_less_often(to_go: int, draws: int) -> None:
    found, _ = rehearsed(partly_current(25, to_go, max_batch_instance_percent=100), "1%", health_window_s=60.0)
    assert sum(found.other_ends.values()) == draws
    assert found.counters.failed == max(1, to_go // 100)


def test_where_nothing_is_left_to_upgrade_a_share_is_of_nobody() -> None:
    found, twin = rehearsed(partly_current(3, 0, pause_between_batches_s=60.0), "50%")
    assert (found.state, found.low_s, found.high_s) == ("Completed", 0.0, 0.0)
    assert twin.fate.sick == frozenset()
    assert sum(found.other_ends.values()) == 20


def test_who_never_gets_healthy_is_drawn_from_those_upgraded_and_who_is_lost_from_all() -> None:
    over = partly_current(40, 8)
    _, twin = rehearsed(over, "50%", "75%@10s", "1%")
    assert twin.fate.sick <= {f"g{i}" for i in range(8)}
    assert len(twin.fate.sick) in (4, 5), "half of eight, and one that may be one of them"
    ((from_s, lost),) = twin.fate.lost
    assert (from_s, len(lost)) == (10.0, 36)
    _, one = rehearsed(over, "1%")
    assert len(one.fate.sick) == 1


def test_a_share_and_names_and_zones_add_up() -> None:
    made = [instance(str(i), zone=str(i % 2 + 1)) for i in range(6)]
    over = scale_set(made, zones=("1", "2"), policy=TOLERANT)
    _, twin = rehearsed(over, "3", "zone=1@5s")
    assert twin.fate.sick == {"3"}
    assert twin.fate.lost == ((5.0, frozenset("024")),)


def test_an_engine_stops_half_way_through_unless_it_is_said_when() -> None:
    over = scale_set(10, policy={"pause_between_batches_s": 40.0})
    usual, _ = rehearsed(over, pace=STEADY)
    _, twin = rehearsed(over, "engine=90s", "engine=30s@5", pace=STEADY)
    (first, second) = twin.fate.stops
    assert first == (5.0, 30.0)
    assert second[1] == 90.0
    # the twin counts in ticks of a sixteenth of a member
    assert second[0] == pytest.approx(usual.took_s / 2, rel=0.1)


def test_pauses_stand_between_batches_only_and_stops_are_added_once_each() -> None:
    found = {}
    for pause_s in (0.0, 60.0):
        over = scale_set(10, policy=TOLERANT | {"pause_between_batches_s": pause_s})
        found[pause_s], _ = rehearsed(over, "3", "engine=90s@1000", "engine=30s@2000")
    plain, paused = found[0.0], found[60.0]
    assert len(plain.batches) == 5
    assert plain.low_s is not None and paused.low_s is not None and paused.high_s is not None
    assert paused.low_s == pytest.approx(plain.low_s + 4 * 60.0)
    usual, _ = rehearsed(scale_set(10, policy=TOLERANT), "3")
    assert usual.low_s is not None and plain.low_s == pytest.approx(usual.low_s + 120.0)


def test_one_batch_has_no_pause_and_each_batch_with_a_failure_waits_a_window_out() -> None:
    lows = []
    for names, pause_s in (("0", 0.0), ("0", 60.0), ("0,1", 60.0)):
        policy = TOLERANT | {"max_batch_instance_percent": 100, "pause_between_batches_s": pause_s}
        found, _ = rehearsed(scale_set(4, policy=policy), names, pace=STEADY, health_window_s=90.0)
        assert len(found.batches) == 1
        lows.append(found.low_s)
    # a member's 20 s, the window, and nine tenths of a member for the way back
    assert lows == pytest.approx([lows[0]] * 3)
    assert lows[0] == pytest.approx(20.0 + 90.0 + 18.0, rel=0.05)
    two, _ = rehearsed(scale_set(4, policy=TOLERANT), "0,1", pace=STEADY, health_window_s=90.0, batch="1")
    assert two.low_s == pytest.approx(4 * 20.0 + 2 * (90.0 + 18.0), rel=0.05)
