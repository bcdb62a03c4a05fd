"""Instances that were ended together with the engine: which upgrades need them at once, and which wait for them."""

from __future__ import annotations

import pytest

from engine.decide.blocked_by import BlockedBy, upgrade_blocked_by
from engine.decide.stay_down import goes_on_by_itself
from engine.model import events as e
from engine.model.commands import Verb
from engine.model.record_copy import replace
from engine.model.upgrade import Hold, HoldKind, MemberState, Outcome, Upgrade
from engine.model.waits import WaitKind
from tests.unit.decide.given import Run, scale_set


def at_rest() -> Upgrade:
    """A live upgrade that has begun no member."""
    upgrade = Run().upgrade
    return replace(upgrade, members={k: replace(m, state=MemberState.PENDING) for k, m in upgrade.members.items()})


PAUSED = {HoldKind.OPERATOR: Hold(HoldKind.OPERATOR, 0.0, "ana", "")}


def test_only_an_upgrade_that_nobody_must_ask_to_go_on_needs_its_instances_with_the_next_engine() -> None:
    upgrade = at_rest()
    assert goes_on_by_itself(upgrade)
    assert not goes_on_by_itself(None)
    assert not goes_on_by_itself(replace(upgrade, outcome=Outcome.COMPLETED))
    assert not goes_on_by_itself(replace(upgrade, holds=PAUSED))
    assert not goes_on_by_itself(replace(upgrade, delayed=True))
    suspect = Hold(HoldKind.STORE_SUSPECT, 0.0, "engine", "")
    assert goes_on_by_itself(replace(upgrade, holds={HoldKind.STORE_SUSPECT: suspect})), "it is lifted by itself"


@pytest.mark.parametrize("changes", ({"holds": PAUSED}, {"delayed": True}))
def test_one_that_has_begun_something_needs_them_though_it_is_paused(changes: dict[str, object]) -> None:
    upgrade = at_rest()
    name, member = next(iter(upgrade.members.items()))
    begun = replace(upgrade, members={**upgrade.members, name: replace(member, state=MemberState.REPLACING)})
    assert goes_on_by_itself(replace(begun, **changes))


def down(run: Run, *names: str) -> None:
    """These were stopped with the engine, and are looked at by the next one."""
    run.fold_set(*[e.InstanceStopped(name, "ana") for name in names])
    run.sick(*names, detail="power state is stopped")


def boot(run: Run, *names: str) -> None:
    run.fold_set(*[e.InstanceStarting(name, "omar asks for it") for name in names])
    run.fold_set(*[e.InstanceStarted(name, "127.0.0.1:1") for name in names])
    run.healthy(*names)


def blocked(run: Run) -> BlockedBy:
    found = upgrade_blocked_by(run.upgrade, run.set, run.now)
    assert found is not None
    return found


def test_an_upgrade_that_is_resumed_begins_nothing_among_stopped_instances_and_says_so() -> None:
    run = Run(scale_set(3))
    run.command(Verb.PAUSE)
    run.batch()
    assert run.state == "Paused" and not goes_on_by_itself(run.upgrade)
    down(run, "0", "1", "2")

    run.command(Verb.RESUME)

    assert (run.state, len(run.upgrade.batches), run.error) == ("RollingForward", 1, "")
    words = "3 instances were stopped with the engine by ana: boot them with `rollset engine start`"
    assert blocked(run) == BlockedBy(WaitKind.INSTANCES_STOPPED, run.t, None, words)
    boot(run, "0", "1", "2")
    assert len(run.upgrade.batches) == 2
    run.run()
    assert run.state == "Completed"


def test_one_whose_start_time_comes_waits_for_them_too() -> None:
    run = Run(scale_set(3), at=1060.0)
    assert "engine start" not in blocked(run).words
    down(run, "0")
    assert blocked(run).kind is WaitKind.START_TIME
    assert "1 instance was stopped with the engine by ana: boot them with `rollset engine start`" in blocked(run).words

    run.wait(120.0)

    assert (run.state, run.upgrade.batches, blocked(run).kind) == ("Checking", (), WaitKind.INSTANCES_STOPPED)
    boot(run, "0")
    assert run.state == "RollingForward" and run.upgrade.batches


def test_a_way_back_waits_for_nobody() -> None:
    run = Run(scale_set(2))
    run.batch()
    run.command(Verb.PAUSE)
    run.batch()
    down(run, "0", "1")
    run.command(Verb.ROLL_BACK)
    assert run.effects(), "its disk is put back, which boots it"
    run.run()
    assert run.state == "RolledBack"

    ended = Run(scale_set(2))
    ended.run()
    down(ended, "0", "1")
    back = ended.back()
    assert back.upgrade.is_rollback_of == "web-1" and back.effects()
    back.run()
    assert back.state == "Completed"


def test_a_run_that_waits_for_held_ones_alone_says_that_first() -> None:
    run = Run(scale_set(2))
    run.hold("1")
    run.batch()
    down(run, "0")

    assert blocked(run).kind is WaitKind.INSTANCES_HELD
