"""Who joins a run and who stays out of it, what is waited for, and when failures are news."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.decide.advance import advance, observed_s, unseen
from engine.model import events as e
from engine.model.commands import Verb
from engine.model.health import Health
from engine.model.scale_set import Trying
from engine.model.upgrade import LeftOut, MemberState
from tests.unit.decide.given import TOLERANT, V2, Run, instance, scale_set


def test_a_skipped_or_current_instance_that_is_held_later_stays_out_for_its_first_reason() -> None:
    run = Run(scale_set([instance("0"), instance("1"), instance("2", image=V2)]), batch="1")
    run.command(Verb.SKIP, "1")
    run.hold("1")
    run.hold("2")
    assert (run.member("1").left_out, run.member("2").left_out) == (LeftOut.SKIPPED, LeftOut.ALREADY_CURRENT)
    run.batch()
    assert run.state == "Completed", "it waits for neither of them"


def test_a_waiting_instance_that_is_held_joins_again_when_it_is_released() -> None:
    run = Run()
    run.hold("9")
    assert (run.member("9").state, run.member("9").left_out) == (MemberState.LEFT_OUT, LeftOut.HELD)
    run.release("9")
    assert (run.member("9").state, run.member("9").left_out) == (MemberState.PENDING, None)


@pytest.mark.parametrize(
    ("health", "provisioned", "tried", "waited_for"),
    (
        (Health.NOT_OBSERVED, True, False, True),
        (Health.INITIALIZING, True, True, True),
        (Health.NOT_OBSERVED, False, False, True),
        (Health.NOT_OBSERVED, False, True, False),
        (Health.HEALTHY, True, False, False),
        (Health.UNHEALTHY, False, False, True),
        (Health.HEALTHY, False, False, True),
        (Health.HEALTHY, False, True, False),
    ),
)
def test_health_and_creation_are_waited_for_unless_the_instance_cannot_be_created(
    health: Health, provisioned: bool, tried: bool, waited_for: bool
) -> None:
    trying = Trying(1.0, 1, "no room") if tried else None
    over = scale_set([instance("0", health=health, provisioned=provisioned, trying=trying)])
    assert unseen(over) == (["0"] if waited_for else [])


def test_failures_are_news_on_the_way_forward_only() -> None:
    run = Run(scale_set(policy=TOLERANT), restore_failed="never")
    run.batch("0")
    assert len(run.seen(e.FailuresNoticed)) == 1
    run.command(Verb.ROLL_BACK)
    run.batch()
    run.run()
    assert run.state == "RolledBack"
    assert len(run.seen(e.FailuresNoticed)) == 1


def test_after_a_broken_limit_the_limit_is_the_news() -> None:
    run = Run(scale_set(policy=TOLERANT | {"max_unhealthy_upgraded_instance_percent": 20}), restore_failed="on_breach")
    run.batch("0")
    assert len(run.seen(e.LimitExceeded)) == 1 and run.upgrade.live
    noticed = len(run.seen(e.FailuresNoticed))
    run.swap()
    run.healthy()
    assert (run.state, len(run.seen(e.FailuresNoticed))) == ("Faulted", noticed)


def test_without_a_word_on_when_health_was_heard_it_was_heard_now() -> None:
    run = Run(scale_set(1, policy=TOLERANT), restore_failed="never")
    run.swap()
    run.sick("0")
    later = replace(run.now, clock=run.clock + 300.0)
    (failed, *_) = advance(run.upgrade, run.set, later)
    assert isinstance(failed, e.MemberMoved) and failed.entered is MemberState.FAILED


def test_paused_and_standing_time_does_not_count() -> None:
    run = Run()
    run.wait(40.0)
    assert observed_s(run.upgrade, run.now) == 40.0
    run.batch()
    run.command(Verb.PAUSE)
    run.batch()
    run.wait(500.0)
    assert (run.state, observed_s(run.upgrade, run.now)) == ("Paused", 40.0)
    run.command(Verb.RESUME)
    run.wait(5.0)
    assert observed_s(run.upgrade, run.now) == 45.0


def test_a_step_pauses_after_each_batch_but_not_after_a_broken_limit_nor_a_cancel() -> None:
    broken = Run(scale_set(), step=True, max_unhealthy_upgraded_percent=20)
    broken.batch("0")
    assert not [x for x in broken.seen(e.HoldRaised) if x.hold.reason == "single step done"]
    cancelled = Run(scale_set(), step=True)
    cancelled.command(Verb.CANCEL)
    cancelled.batch()
    assert cancelled.state == "Cancelled"
    assert not cancelled.seen(e.HoldRaised)
    done = Run(scale_set(), step=True)
    done.batch()
    assert [x.hold.by for x in done.seen(e.HoldRaised)] == ["ana"]
