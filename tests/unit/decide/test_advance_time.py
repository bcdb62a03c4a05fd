"""What follows from time going by: pauses, limits of time, start times, clocks that are not to be trusted."""

from __future__ import annotations

from engine.decide.advance import observed_s
from engine.model import events as e
from engine.model.commands import Verb
from engine.model.health import Health
from engine.model.upgrade import Hold, HoldKind
from tests.unit.decide.given import Run, instance, scale_set


def test_the_pause_between_batches_runs_from_the_end_of_the_whole_batch() -> None:
    run = Run(scale_set(policy={"pause_between_batches_s": 60.0}))
    run.swap()
    run.healthy("0")
    run.wait(100.0)
    run.healthy("1")
    run.wait(59.0)
    assert len(run.upgrade.batches) == 1
    run.wait(1.0)
    assert len(run.upgrade.batches) == 2


def test_a_pause_by_an_operator_stops_the_pause_between_batches() -> None:
    run = Run(scale_set(policy={"pause_between_batches_s": 60.0}))
    run.batch()
    run.wait(20.0)
    run.command(Verb.PAUSE)
    run.wait(500.0)
    run.command(Verb.RESUME)
    run.wait(39.0)
    assert len(run.upgrade.batches) == 1
    run.wait(1.0)
    assert len(run.upgrade.batches) == 2


def test_a_run_longer_than_its_limit_ends_once_what_began_has_ended() -> None:
    run = Run(timeout_s=100.0)
    run.wait(150.0)
    assert run.state == "RollingForward"
    run.batch()
    assert (run.state, run.error) == ("Faulted", "RollingUpgradeTimeoutError")
    assert run.upgrade.error is not None
    assert "100 seconds" in run.upgrade.error.message


def test_the_limit_of_time_is_not_reached_by_reaching_it() -> None:
    run = Run(scale_set(policy={"pause_between_batches_s": 1000.0}), timeout_s=100.0)
    run.batch()
    run.wait(100.0)
    assert run.state == "RollingForward"
    run.wait(0.5)
    assert run.state == "Faulted"


def test_paused_time_is_not_counted() -> None:
    run = Run(timeout_s=100.0)
    run.command(Verb.PAUSE)
    run.batch()
    run.wait(1000.0)
    assert observed_s(run.upgrade, run.now) == 0.0
    run.command(Verb.RESUME)
    assert run.state == "RollingForward"
    run.wait(50.0)
    assert observed_s(run.upgrade, run.now) == 50.0


def test_waiting_for_the_start_time_is_not_counted() -> None:
    run = Run(at=1000.0 + 90_000.0)
    run.wait(89_000.0)
    assert run.state == "Checking"
    assert observed_s(run.upgrade, run.now) == 0.0
    run.wait(1000.0)
    assert run.state == "RollingForward"
    run.wait(7.0)
    assert observed_s(run.upgrade, run.now) == 7.0


def test_a_pause_over_the_start_time_is_taken_off_once() -> None:
    run = Run(at=1000.0 + 3600.0, timeout_s=7200.0)
    run.command(Verb.PAUSE)
    run.wait(3600.0)
    run.wait(1800.0)
    assert observed_s(run.upgrade, run.now) == 0.0
    run.command(Verb.RESUME)
    assert run.state == "RollingForward"
    run.wait(3600.0)
    assert observed_s(run.upgrade, run.now) == 3600.0


def test_an_engine_that_was_away_when_the_start_time_came_counts_from_its_return() -> None:
    run = Run(at=1000.0 + 3600.0)
    run.t += 5000.0  # nobody observed any of it
    run.settle()
    assert run.state == "RollingForward" and len(run.seen(e.StartTimeReached)) == 1
    run.wait(3600.0)
    assert observed_s(run.upgrade, run.now) == 3600.0


def test_a_clock_that_nobody_trusts_starts_nothing() -> None:
    run = Run(at=5000.0)
    run.fold(e.HoldRaised(Hold(HoldKind.CLOCK_UNTRUSTED, run.t, "engine", "it jumped")))
    run.t = 6000.0
    run.settle()
    assert run.upgrade.delayed
    run.t = 1100.0
    run.fold(e.HoldLifted(HoldKind.CLOCK_UNTRUSTED, "engine"))
    run.settle()
    assert run.upgrade.delayed and run.state == "Checking"


def test_a_clock_that_is_set_back_after_the_start_time_stops_nothing() -> None:
    run = Run(at=1100.0)
    run.wait(100.0)
    run.t -= 90.0
    run.run()
    assert run.state == "Completed"


def test_a_run_that_waits_for_health_too_long_ends() -> None:
    run = Run(scale_set([instance("0", health=Health.NOT_OBSERVED)]), timeout_s=100.0)
    run.wait(101.0)
    assert run.error == "RollingUpgradeTimeoutError"
