"""Azure's four counters and ours beside them make the fleet."""

from __future__ import annotations

from dataclasses import astuple, replace

import pytest

from engine.decide.count_members import bucket, count_members, state_bucket, upgrade_overview
from engine.decide.estimate import ASSUMED, eta_range
from engine.model import events as e
from engine.model.commands import Verb
from engine.model.counters import Counters
from engine.model.health import Health
from engine.model.upgrade import DOING, FAILED_STATES, LeftOut, MemberState, Now
from engine.wire.words import words
from tests.unit.decide.given import TOLERANT, V2, Run, instance, scale_set


@pytest.mark.parametrize("state", list(MemberState))
def test_every_state_is_in_one_counter(state: MemberState) -> None:
    expected = {
        MemberState.PENDING: "pending",
        MemberState.SUCCEEDED: "successful",
        MemberState.GONE: "gone",
        MemberState.LEFT_OUT: "skipped",
    }
    expected |= dict.fromkeys(DOING, "in_progress") | dict.fromkeys(FAILED_STATES, "failed")
    expected[MemberState.ROLLED_BACK] = "rolled_back"
    assert state_bucket(state, None) == expected[state]


@pytest.mark.parametrize("why", list(LeftOut))
def test_what_is_left_out_is_counted_by_its_reason(why: LeftOut) -> None:
    name = state_bucket(MemberState.LEFT_OUT, why)
    assert name in Counters.__slots__
    assert name.replace("_", "") == why.value.lower()


def test_restoring_counts_as_in_progress_and_restored_as_failed() -> None:
    run = Run(scale_set(policy=TOLERANT))
    run.batch("0")
    assert bucket(run.member("0")) == "in_progress"
    run.act()
    run.healthy()
    assert bucket(run.member("0")) == "rolled_back"
    assert count_members(run.upgrade).failed == 1
    assert upgrade_overview(run.upgrade).rolled_back == 0, "it failed, and nobody asked for its way back"


def test_who_is_rolled_back_on_request_is_told_apart_from_who_failed() -> None:
    run = Run()
    run.batch()
    run.command(Verb.ROLL_BACK)
    run.run()
    seen = upgrade_overview(run.upgrade)
    counted = count_members(run.upgrade)
    assert run.state == "RolledBack"
    assert seen.counters == counted
    assert counted.failed == upgrade_overview(run.upgrade).rolled_back == seen.rolled_back > 0
    assert seen.percent == counted.percent(back=True) == 100
    assert "upgraded unhealthy" not in words(run.seen(e.BatchEnded)[-1])


def test_a_held_instance_at_the_end_of_a_run_leaves_it_unfinished() -> None:
    run = Run()
    run.hold("9")
    while count_members(run.upgrade).successful < 9:
        run.batch()
    held = upgrade_overview(run.upgrade)
    assert run.upgrade.live
    assert (held.percent, held.to_go) == (90, 0)
    assert eta_range(run.upgrade, ASSUMED, (), Now(run.t, run.clock)) is None


def test_all_counters_together_make_the_fleet() -> None:
    instances = [
        *(instance(str(i)) for i in range(7)),
        instance("7", image=V2),
        instance("8", protected_from_actions=True),
        instance("9"),
    ]
    run = Run(scale_set(instances, policy=TOLERANT | {"max_batch_instance_percent": 20}), restore_failed="never")
    run.hold("9")
    run.command(Verb.SKIP, "6")
    run.batch("0")
    run.remove("5")
    assert count_members(run.upgrade) == Counters(
        successful=1,
        failed=1,
        in_progress=2,
        pending=1,
        already_current=1,
        protected=1,
        held=1,
        skipped=1,
        gone=1,
    )
    assert sum(astuple(count_members(run.upgrade))) == len(run.upgrade.members)


def test_while_it_checks_azures_four_are_zero_and_ours_are_not() -> None:
    run = Run(scale_set([instance("0"), instance("1", image=V2)]), at=5000.0)
    assert count_members(run.upgrade) == Counters(already_current=1)


def test_an_upgrade_that_ended_in_its_check_or_had_nothing_to_do_shows_four_zeros() -> None:
    sick = Run(scale_set([instance("0", health=Health.UNHEALTHY)]))
    assert sick.state == "Faulted"
    assert count_members(sick.upgrade) == Counters()
    nothing = Run(scale_set([instance("0", image=V2)]))
    assert count_members(nothing.upgrade) == Counters(already_current=1)


def test_after_the_last_batch_the_counters_stay() -> None:
    run = Run(scale_set(1))
    run.run()
    assert count_members(run.upgrade) == Counters(successful=1)
    assert count_members(replace(run.upgrade, batches=())) == Counters()


def test_counters_stay_when_the_members_are_left_aside() -> None:
    run = Run(scale_set([*(instance(str(n)) for n in range(4)), instance("4", image=V2)], policy=TOLERANT))
    light = run.upgrade.without_members()
    assert light.members == {} and all(batch.members == () for batch in light.batches)
    assert count_members(light) == count_members(run.upgrade)
    assert light.states() == run.upgrade.states() == light.without_members().states()
    assert upgrade_overview(light) == upgrade_overview(run.upgrade)
