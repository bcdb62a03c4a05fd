"""The twin of a set: every invariant holds on virtual time, one seed gives one run, trouble does its work."""

from __future__ import annotations

import math
from typing import Any

import pytest

from engine.decide.estimate import Pace
from engine.decide.evolve import evolve_upgrade
from engine.decide.evolve_scale_set import evolve_scale_set
from engine.decide.invariants import check_upgrade
from engine.decide.twin import UNREACHABLE, Fate, Twin
from engine.model import events as e
from engine.model.engine_events import EngineStarted
from engine.model.health import Health
from engine.model.scale_set import InstanceHold, ScaleSet, Trying
from engine.model.upgrade import HoldKind, MemberState, Now, Outcome, Upgrade
from tests.unit.decide.given import (
    AGENT,
    SETUP,
    instance,
    scale_set,
    started,
    with_instances,
)

PACE = Pace(mean_log=math.log(20), spread=0.3)
START = Now(5_000_000.0, 1234.5)


def twin_of(over: ScaleSet, fate: Fate | None = None, seed: str = "", pace: Pace = PACE, **asked: Any) -> Twin:
    twin = Twin(over, started(over, START, **asked), pace, fate or Fate(), seed=seed)
    twin.run()
    return twin


def entered(twin: Twin, state: MemberState) -> list[tuple[float, str]]:
    return [
        (told.now.at - START.at, told.event.instance_id)
        for told in twin.told
        if isinstance(told.event, e.MemberMoved) and told.event.entered is state
    ]


FATES = (
    Fate(),
    Fate(sick=frozenset("37")),
    Fate(lost=((30.0, frozenset("0123456789")),)),
    Fate(lost=((0.0, frozenset("5")),), stops=((35.0, 600.0),)),
    Fate(sick=frozenset("1"), stops=((10.0, 90.0), (150.0, 3600.0))),
)


@pytest.mark.parametrize("fate", FATES)
@pytest.mark.parametrize("restore", ("always", "never", "on_breach"))
@pytest.mark.parametrize("extensions", ((), (SETUP, AGENT)))
def test_its_events_give_its_state_and_no_invariant_falls(fate: Fate, restore: str, extensions: Any) -> None:
    over = scale_set(10, model={"extensions": extensions}, policy={"pause_between_batches_s": 7.0})
    twin = twin_of(over, fate, restore_failed=restore)
    assert not twin.upgrade.live or HoldKind.RESTORE_FAILED in twin.upgrade.holds
    upgrade: Upgrade | None = None
    seen: ScaleSet | None = over
    before = START
    for told in twin.told:
        assert (told.now.at, told.now.clock) >= (before.at, before.clock)
        before = told.now
        upgrade = evolve_upgrade(upgrade, told.event, told.now) if told.stream == "upgrade" else upgrade
        seen = evolve_scale_set(seen, told.event, told.now) if told.stream == "scale_set" else seen
        assert upgrade is not None and seen is not None
    assert (upgrade, seen) == (twin.upgrade, twin.scale_set)
    assert seen is not None and upgrade is not None
    assert check_upgrade(upgrade, seen) == []


def test_the_same_seed_gives_the_same_events_and_another_one_other_times() -> None:
    assert twin_of(scale_set(6)).told == twin_of(scale_set(6)).told
    assert twin_of(scale_set(6)).t != twin_of(scale_set(6), seed="other").t


def test_members_take_the_time_their_pace_says() -> None:
    over = scale_set(200, policy={"max_batch_instance_percent": 100, "max_unhealthy_instance_percent": 100})
    times = sorted(at_s for at_s, _ in entered(twin_of(over), MemberState.SUCCEEDED))
    assert times[100] == pytest.approx(20.0, rel=0.1)
    assert times[190] / times[100] == pytest.approx(math.exp(0.3 * 1.645), rel=0.15)


def test_one_that_never_becomes_healthy_fails_after_the_health_window() -> None:
    twin = twin_of(scale_set(2), Fate(sick=frozenset("0")), health_window_s=90.0, restore_failed="always")
    (waits_s, _), *_ = entered(twin, MemberState.AWAITING_HEALTH)
    ((failed_s, name),) = entered(twin, MemberState.FAILED)
    assert name == "0"
    assert 90.0 <= failed_s - waits_s < 95.0
    assert entered(twin, MemberState.ROLLED_BACK)


def test_while_no_engine_runs_nothing_is_seen_and_no_window_goes_by() -> None:
    # given an engine that is away for an hour, which is twelve health windows
    away = twin_of(scale_set(4), Fate(stops=((25.0, 3600.0),)))
    usual = twin_of(scale_set(4))
    # then nobody fails for it, and nothing is told while it is away
    assert away.upgrade.state == usual.upgrade.state == "Completed"
    assert not [x for x in away.told if 25.0 <= x.now.at - START.at < 3625.0]
    assert 3560 <= away.t - usual.t < 3660
    ((back_at, started),) = [(x.now, x.event) for x in away.told if isinstance(x.event, EngineStarted)]
    assert started.away_s == 3600.0
    assert back_at.clock - START.clock == pytest.approx(back_at.at - START.at - 3600)
    # and what was under way is unknown first, then settled
    assert any(isinstance(x.event, e.MemberReconciling) for x in away.told)


def test_who_is_unreachable_is_unhealthy_and_its_acts_fail() -> None:
    twin = twin_of(scale_set(4), Fate(lost=((0.0, frozenset("2")),)), restore_failed="never")
    assert twin.scale_set.instances["2"].health is Health.UNHEALTHY
    assert twin.scale_set.instances["2"].health_detail == UNREACHABLE
    assert twin.upgrade.state == "Faulted"


def test_a_start_time_and_what_nobody_can_answer_are_waited_for() -> None:
    later = twin_of(scale_set(1), at=START.at + 500.0)
    assert entered(later, MemberState.CAPTURING)[0][0] >= 500.0
    held = twin_of(scale_set([instance("0"), instance("1", hold=InstanceHold("look", "ana", 0.0))]))
    assert held.upgrade.live
    assert held.upgrade.members["m0"].state is MemberState.SUCCEEDED


def test_unhealthy_ones_are_cured_by_their_new_disk_and_unknown_ones_are_healthy() -> None:
    sick = scale_set([instance("0", health=Health.UNHEALTHY), *(instance(str(i)) for i in range(1, 6))])
    assert twin_of(sick).upgrade.state == "Completed"
    assert twin_of(with_instances(scale_set(3), health=Health.NOT_OBSERVED)).upgrade.state == "Completed"


def test_what_is_being_created_is_there_and_what_cannot_be_created_is_not_waited_for() -> None:
    coming = instance("1", disk="", provisioned=False)
    twin = twin_of(
        scale_set([instance("0"), coming, instance("2", provisioned=False, trying=Trying(1.0, 1, "no room"))])
    )
    assert twin.upgrade.outcome is Outcome.COMPLETED
    assert {m.instance_id for m in twin.upgrade.members.values()} == {"0", "1"}
    [made] = [told.event for told in twin.told if isinstance(told.event, e.InstanceProvisioned)]
    assert made == e.InstanceProvisioned("1", "1", coming.digest, coming.address)


def test_what_was_stopped_with_the_engine_is_booted_in_a_rehearsal() -> None:
    assert twin_of(with_instances(scale_set(3), stopped_by="ana")).upgrade.state == "Completed"
