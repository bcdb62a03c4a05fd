"""One event changes exactly what it says."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import pytest

from engine.decide.evolve import evolve_upgrade
from engine.model import events as e
from engine.model.commands import Verb
from engine.model.effects import EffectKind
from engine.model.upgrade import Hold, HoldKind, LeftOut, MemberState, Now, Outcome, Upgrade
from tests.unit.decide.given import Run, scale_set


@dataclass(frozen=True, slots=True)
class FromTheFuture(e.Event):
    pass


def changes(before: Upgrade, after: Upgrade) -> set[str]:
    return {f.name for f in fields(before) if getattr(before, f.name) != getattr(after, f.name)}


def test_an_event_of_an_unknown_kind_changes_nothing() -> None:
    run = Run()
    assert evolve_upgrade(run.upgrade, FromTheFuture(), run.now) is run.upgrade


def test_nothing_happens_before_the_start() -> None:
    with pytest.raises(AssertionError, match="CheckPassed before UpgradeStarted"):
        evolve_upgrade(None, e.CheckPassed(0, 1), Now(0.0, 0.0))


def test_the_version_goes_up_with_what_an_operator_decides_on_only() -> None:
    run = Run()
    version = run.upgrade.version
    run.batch()
    assert run.upgrade.version == version
    run.command(Verb.PAUSE)
    assert run.upgrade.version == version + 1


def test_a_fold_never_changes_the_record_it_was_given() -> None:
    run = Run()
    before = run.upgrade
    members, batches = dict(before.members), before.batches
    run.batch()
    run.command(Verb.PAUSE)
    assert dict(before.members) == members
    assert before.batches is batches


def test_a_member_that_leaves_while_another_batch_runs_was_in_no_batch() -> None:
    run = Run()
    run.remove("9")
    assert run.member("9").batch is None
    assert run.member("0").batch == 1


def test_a_hold_that_the_engine_raises_leaves_the_last_action_and_the_step() -> None:
    run = Run(step=True)
    run.fold(e.HoldRaised(Hold(HoldKind.STORE_SUSPECT, 0.0, "engine", "")))
    assert run.upgrade.last_action == "Start"
    assert run.upgrade.pause_after_batch
    run.fold(e.HoldRaised(Hold(HoldKind.OPERATOR, 0.0, "ana", "")))
    assert run.upgrade.last_action == "Pause"
    assert not run.upgrade.pause_after_batch


def test_lifting_one_hold_leaves_the_others() -> None:
    run = Run()
    for kind in (HoldKind.OPERATOR, HoldKind.STORE_SUSPECT):
        run.fold(e.HoldRaised(Hold(kind, 0.0, "x", "")))
    run.fold(e.HoldLifted(HoldKind.OPERATOR, "ana"))
    assert list(run.upgrade.holds) == [HoldKind.STORE_SUSPECT]


def test_a_retried_restore_counts_on_and_a_retried_member_begins_anew() -> None:
    run = Run(scale_set(1))
    run.batch("0")
    run.fail(run.effects(EffectKind.RESTORE_OS_DISK)[0])
    member = run.member("0")
    assert (member.attempt, member.restore_attempt, member.step) == (1, 1, 0)
    back = evolve_upgrade(
        run.upgrade, e.MemberRetried("m0", "0", MemberState.RESTORE_FAILED, MemberState.FAILED), run.now
    )
    assert (back.members["m0"].attempt, back.members["m0"].restore_attempt) == (1, 1)
    anew = evolve_upgrade(
        run.upgrade, e.MemberRetried("m0", "0", MemberState.RESTORE_FAILED, MemberState.PENDING), run.now
    )
    assert (anew.members["m0"].attempt, anew.members["m0"].restore_attempt, anew.members["m0"].batch) == (2, 0, None)


def test_a_member_going_back_remembers_the_batch_of_its_way_back() -> None:
    run = Run(scale_set(1))
    run.swap()
    run.command(Verb.ROLL_BACK)
    run.healthy()
    assert (run.member("0").batch, run.member("0").rollback_batch) == (1, 2)


def test_a_member_that_joins_again_keeps_what_is_known_of_it() -> None:
    run = Run()
    run.hold("9")
    run.release("9")
    member = run.member("9")
    assert (member.id, member.state, member.left_out, member.left_out_reason) == ("m9", MemberState.PENDING, None, "")


def test_left_out_says_why_and_since_when() -> None:
    run = Run()
    run.wait(5.0)
    run.fold(e.MemberLeftOut("m9", "9", LeftOut.SKIPPED, "broken"))
    member = run.member("9")
    assert (member.left_out, member.left_out_reason, member.since_at) == (LeftOut.SKIPPED, "broken", 1005.0)


def test_each_end_sets_its_outcome_and_clears_what_only_a_live_run_has() -> None:
    ends = {
        e.UpgradeCompleted(): Outcome.COMPLETED,
        e.UpgradeCancelled(): Outcome.CANCELLED,
        e.UpgradeRolledBack(): Outcome.ROLLED_BACK,
    }
    run = Run()
    run.command(Verb.PAUSE)
    for event, outcome in ends.items():
        after = evolve_upgrade(run.upgrade, event, run.now)
        assert (after.outcome, after.ended_at, after.holds, after.error) == (outcome, run.t, {}, None)
        assert not after.live


def test_the_end_of_a_pause_moves_the_next_batch_by_its_length() -> None:
    run = Run()
    before = replace(run.upgrade, paused_since_clock=1.0, next_batch_clock=10.0, paused_s=2.0)
    after = evolve_upgrade(before, e.UpgradeResumed(5.0), run.now)
    assert changes(before, after) == {"paused_since_clock", "next_batch_clock", "paused_s", "version"}
    assert (after.paused_since_clock, after.next_batch_clock, after.paused_s) == (None, 15.0, 7.0)
