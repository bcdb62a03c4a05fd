"""Every (state, command) pair is in the table, and the engine does what the table says."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from engine.decide.accept_command import accept_command, needs_new_upgrade
from engine.decide.transitions import ACCEPTED, MEMBER_MOVES, NEW_UPGRADE, VERDICTS
from engine.model.commands import Command, Verb
from engine.model.effects import EffectKind
from engine.model.errors import RefusedError
from engine.model.upgrade import MemberState, UpgradeState
from tests.unit.decide.given import TOLERANT, Run, instance, scale_set


def checking() -> Run:
    return Run(at=5000.0)


def rolling() -> Run:
    return Run()


def rolling_with_a_failed_member() -> Run:
    run = Run(scale_set(policy=TOLERANT), restore_failed="never")
    run.batch("0")
    return run


def pausing() -> Run:
    run = Run()
    run.command(Verb.PAUSE)
    return run


def pausing_with_a_failed_member() -> Run:
    run = rolling_with_a_failed_member()
    run.command(Verb.PAUSE)
    return run


def paused() -> Run:
    run = pausing_with_a_failed_member()
    run.batch()
    return run


def pausing_for_a_restore() -> Run:
    run = Run(scale_set(policy=TOLERANT))
    run.swap()
    run.sick("0")
    run.wait(300.0)
    run.fail(run.effects(EffectKind.RESTORE_OS_DISK)[0])
    return run


def paused_for_a_restore() -> Run:
    run = pausing_for_a_restore()
    run.batch()
    return run


def cancelling() -> Run:
    run = Run()
    run.command(Verb.CANCEL)
    return run


def cancelling_with_a_failed_restore() -> Run:
    run = pausing_for_a_restore()
    run.command(Verb.CANCEL)
    return run


def rolling_back() -> Run:
    run = Run()
    run.swap()
    run.command(Verb.ROLL_BACK)
    return run


def rolling_back_with_a_failed_restore() -> Run:
    """One member cannot be restored while the other is still on its way."""
    run = rolling_back()
    run.healthy()
    run.fail(run.effects(EffectKind.RESTORE_OS_DISK)[0])
    return run


def completed() -> Run:
    run = Run()
    run.run()
    return run


def cancelled() -> Run:
    run = Run(at=5000.0)
    run.command(Verb.CANCEL)
    return run


def faulted() -> Run:
    run = Run(restore_failed="never")
    run.batch("0")
    return run


def rolled_back() -> Run:
    run = Run(at=5000.0)
    run.command(Verb.ROLL_BACK)
    return run


S = UpgradeState
GIVEN: dict[UpgradeState, Callable[[], Run]] = {
    S.CHECKING: checking,
    S.ROLLING_FORWARD: rolling,
    S.PAUSING: pausing,
    S.PAUSED: paused,
    S.CANCELLING: cancelling,
    S.ROLLING_BACK: rolling_back,
    S.COMPLETED: completed,
    S.CANCELLED: cancelled,
    S.FAULTED: faulted,
    S.ROLLED_BACK: rolled_back,
}
SPECIAL: dict[tuple[UpgradeState, Verb], Callable[[], Run]] = {
    (S.ROLLING_FORWARD, Verb.RETRY): rolling_with_a_failed_member,
    (S.PAUSING, Verb.RETRY): pausing_with_a_failed_member,
    (S.PAUSING, Verb.ACCEPT_LOSS): pausing_for_a_restore,
    (S.PAUSED, Verb.ACCEPT_LOSS): paused_for_a_restore,
    (S.CANCELLING, Verb.ACCEPT_LOSS): cancelling_with_a_failed_restore,
}
"""Accepted only where members are that the command is for."""

NEEDS_MORE = {(S.ROLLING_BACK, Verb.RETRY)}
"""A failed restore always holds the run, so that it is Pausing or Paused by then: tested by itself below."""

PAIRS = [(state, verb) for state in UpgradeState for verb in Verb]


def test_every_pair_is_accepted_or_refused_with_a_reason() -> None:
    assert set(VERDICTS) == set(PAIRS)
    assert all(verdict is ACCEPTED or verdict == NEW_UPGRADE or len(verdict) > 10 for verdict in VERDICTS.values())


@pytest.mark.parametrize("state", list(UpgradeState))
def test_every_state_is_reached_by_what_is_given(state: UpgradeState) -> None:
    assert GIVEN[state]().upgrade.state is state


@pytest.mark.parametrize(("state", "verb"), PAIRS)
def test_the_engine_does_what_the_table_says(state: UpgradeState, verb: Verb) -> None:
    run = SPECIAL.get((state, verb), GIVEN[state])()
    assert run.upgrade.state is state
    before = run.upgrade
    verdict = VERDICTS[(state, verb)]
    names = ("9",) if verb is Verb.SKIP else ()
    command = Command(verb, "omar", "because", names)
    assert needs_new_upgrade(run.upgrade, verb) is (verdict == NEW_UPGRADE)
    if verdict is ACCEPTED and verb is not Verb.START and (state, verb) not in NEEDS_MORE:
        run.command(verb, *names, reason="because")
        assert run.upgrade.state in _REACHED[verb] | ({state} if verb in _STAYS else frozenset())
    else:
        with pytest.raises(RefusedError) as refusal:
            accept_command(run.upgrade, command, run.now)
        assert refusal.value.code == "OperationNotAllowed"
        assert state.value in refusal.value.message and verb.value in refusal.value.message
        if verdict not in (ACCEPTED, NEW_UPGRADE):
            assert verdict in refusal.value.message
        assert run.upgrade is before


_STAYS = {Verb.RETRY, Verb.SKIP, Verb.ACCEPT_LOSS, Verb.PAUSE}
_REACHED = {
    Verb.PAUSE: frozenset({S.PAUSING, S.PAUSED}),
    Verb.RESUME: frozenset({S.CHECKING, S.ROLLING_FORWARD}),
    Verb.STEP: frozenset({S.CHECKING, S.ROLLING_FORWARD}),
    Verb.CANCEL: frozenset({S.CANCELLING, S.CANCELLED}),
    Verb.ROLL_BACK: frozenset({S.ROLLING_BACK, S.ROLLED_BACK}),
    Verb.RETRY: frozenset[UpgradeState](),
    Verb.SKIP: frozenset[UpgradeState](),
    Verb.ACCEPT_LOSS: frozenset({S.ROLLING_FORWARD}),
}


def test_a_restore_that_failed_while_going_back_is_retried_from_the_pause_it_causes() -> None:
    run = rolling_back_with_a_failed_restore()
    assert run.state == "Pausing"
    run.command(Verb.RETRY)
    assert run.state == "RollingBack"
    run.run()
    assert run.state == "RolledBack"


def test_an_upgrade_of_nothing_needs_no_check() -> None:
    assert Run(scale_set([])).state == "Completed"
    assert Run(scale_set([instance("0", protected_from_actions=True)])).state == "Completed"


def test_an_instance_may_leave_out_of_any_state_but_only_once() -> None:
    assert {left for left, entered in MEMBER_MOVES if entered is MemberState.GONE} == set(MemberState) - {
        MemberState.GONE
    }
