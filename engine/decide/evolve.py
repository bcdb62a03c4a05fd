"""Fold one event into an upgrade. The only place where upgrades change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.model import events as e
from engine.model.record_copy import replace
from engine.model.upgrade import Batch, Direction, HoldKind, LeftOut, Member, MemberState, Now, Outcome, Upgrade


def evolve_upgrade(upgrade: Upgrade | None, event: e.Event, now: Now) -> Upgrade:
    """The upgrade after `event`. `upgrade` is None only for UpgradeStarted; unknown events change nothing."""
    if isinstance(event, e.UpgradeStarted):
        return replace(event.upgrade, version=1)
    assert upgrade is not None, f"{type(event).__name__} before UpgradeStarted"
    fold = _UPGRADE.get(type(event))
    if fold is None:
        return upgrade
    changed = fold(upgrade, event, now)
    return replace(changed, version=upgrade.version + 1) if moves_version(event) else changed


def moves_version(event: e.Event) -> bool:
    """Whether an event gives an upgrade its next version: what an operator decides on, not members moving on."""
    return type(event) is e.UpgradeStarted or (type(event) in _UPGRADE and type(event) not in _QUIET)


def _with_member(upgrade: Upgrade, member: Member) -> Upgrade:
    return replace(upgrade, members={**upgrade.members, member.id: member})


def _start_time_reached(upgrade: Upgrade, event: e.StartTimeReached, now: Now) -> Upgrade:
    paused = now.clock if upgrade.paused_since_clock is not None else None
    return replace(upgrade, delayed=False, started_clock=now.clock, paused_s=0.0, paused_since_clock=paused)


def _check_passed(upgrade: Upgrade, event: e.CheckPassed, now: Now) -> Upgrade:
    return replace(upgrade, checking=False)


def _batch_began(upgrade: Upgrade, event: e.BatchBegan, now: Now) -> Upgrade:
    return replace(upgrade, batches=(*upgrade.batches, event.batch))


def _batch_ended(upgrade: Upgrade, event: e.BatchEnded, now: Now) -> Upgrade:
    last = replace(upgrade.batches[-1], ended_at=now.at, failed=event.failed)
    return replace(upgrade, batches=(*upgrade.batches[:-1], last), next_batch_clock=event.next_clock)


def _member_moved(upgrade: Upgrade, event: e.MemberMoved, now: Now) -> Upgrade:
    member = upgrade.members[event.member]
    batch: Batch | None = upgrade.open_batch
    changes: dict[str, Any] = {
        "state": event.entered,
        "step": event.step,
        "reconciling": False,
        "restoring": event.entered is MemberState.RESTORING
        or (member.restoring and event.entered is MemberState.EXTENDING),
        "since_at": now.at,
        "since_clock": now.clock,
    }
    if event.entered is MemberState.CAPTURING and batch is not None:
        changes["batch"] = batch.number
    if event.entered is MemberState.EXTENDING and member.state is not MemberState.EXTENDING:
        changes["extends_since_clock"] = now.clock
    if event.restore_point is not None:
        changes["restore_point"] = event.restore_point
    if event.replaced:
        changes["replaced"] = changes["on_new_disk"] = True
    if event.entered is MemberState.AWAITING_HEALTH_AFTER_RESTORE:
        changes["on_new_disk"] = False
    if event.error is not None:
        changes["error"] = event.error
    if event.entered is MemberState.FAILED:
        changes["judged_failed"] = True
    if event.entered is MemberState.SUCCEEDED:
        changes["judged_failed"] = False
        changes["error"] = None
    if event.entered is MemberState.RESTORING:
        changes["restore_attempt"] = member.restore_attempt + 1
        changes["left_out"], changes["left_out_reason"] = None, ""
        if upgrade.direction is Direction.BACK and batch is not None:
            changes["rollback_batch"] = batch.number
    return _with_member(upgrade, replace(member, **changes))


def _member_reconciling(upgrade: Upgrade, event: e.MemberReconciling, now: Now) -> Upgrade:
    return _with_member(upgrade, replace(upgrade.members[event.member], reconciling=event.reconciling))


def _member_left_out(upgrade: Upgrade, event: e.MemberLeftOut, now: Now) -> Upgrade:
    member = upgrade.members[event.member]
    return _with_member(
        upgrade,
        replace(
            member,
            state=MemberState.LEFT_OUT,
            left_out=event.left_out,
            left_out_reason=event.reason,
            since_at=now.at,
            since_clock=now.clock,
        ),
    )


def _member_joined(upgrade: Upgrade, event: e.MemberJoined, now: Now) -> Upgrade:
    before = upgrade.members.get(event.member)
    fresh = before or Member(
        id=event.member,
        instance_id=event.instance_id,
        zone=event.zone,
        update_domain=event.update_domain,
        fault_domain=event.fault_domain,
    )
    left_out = event.left_out
    return _with_member(
        upgrade,
        replace(
            fresh,
            state=MemberState.PENDING if left_out is None else MemberState.LEFT_OUT,
            left_out=left_out,
            left_out_reason=_JOINED_OUT[left_out] if left_out is not None else "",
            since_at=now.at,
            since_clock=now.clock,
        ),
    )


_JOINED_OUT = {
    LeftOut.ALREADY_CURRENT: "already on the target",
    LeftOut.SKIPPED: "this run was begun for other instances",
}


def _member_retried(upgrade: Upgrade, event: e.MemberRetried, now: Now) -> Upgrade:
    member = upgrade.members[event.member]
    changed = replace(member, state=event.entered, since_at=now.at, since_clock=now.clock)
    if event.entered is MemberState.PENDING:
        changed = replace(changed, attempt=member.attempt + 1, restore_attempt=0, step=0, batch=None)
    return _with_member(upgrade, changed)


def _loss_accepted(upgrade: Upgrade, event: e.LossAccepted, now: Now) -> Upgrade:
    member = upgrade.members[event.member]
    return _with_member(
        upgrade, replace(member, state=MemberState.ROLLED_BACK_UNHEALTHY, since_at=now.at, since_clock=now.clock)
    )


def _hold_raised(upgrade: Upgrade, event: e.HoldRaised, now: Now) -> Upgrade:
    changed = replace(upgrade, holds={**upgrade.holds, event.hold.kind: event.hold})
    if event.hold.kind is not HoldKind.OPERATOR:
        return changed
    return replace(changed, pause_after_batch=False, last_action="Pause", last_action_at=now.at)


def _hold_lifted(upgrade: Upgrade, event: e.HoldLifted, now: Now) -> Upgrade:
    return replace(upgrade, holds={kind: hold for kind, hold in upgrade.holds.items() if kind is not event.kind})


def _paused(upgrade: Upgrade, event: e.UpgradePaused, now: Now) -> Upgrade:
    return replace(upgrade, paused_since_clock=now.clock)


def _resumed(upgrade: Upgrade, event: e.UpgradeResumed, now: Now) -> Upgrade:
    return replace(
        upgrade,
        paused_since_clock=None,
        paused_s=upgrade.paused_s + event.paused_s,
        next_batch_clock=upgrade.next_batch_clock + event.paused_s,
    )


def _step_granted(upgrade: Upgrade, event: e.StepGranted, now: Now) -> Upgrade:
    return replace(upgrade, pause_after_batch=True, stepped_by=event.by, last_action="Step", last_action_at=now.at)


def _cancel_requested(upgrade: Upgrade, event: e.CancelRequested, now: Now) -> Upgrade:
    return replace(upgrade, cancelling=True, last_action="Cancel", last_action_at=now.at)


def _roll_back_requested(upgrade: Upgrade, event: e.RollBackRequested, now: Now) -> Upgrade:
    # A pause that this ends puts off by its length whatever was to come after it: the way back begins at once.
    paused_since = upgrade.paused_since_clock
    return replace(
        upgrade,
        direction=Direction.BACK,
        checking=False,
        cancelling=False,
        pause_after_batch=False,
        next_batch_clock=now.clock if paused_since is None else paused_since,
        error=None,
        last_action="RollBack",
        last_action_at=now.at,
    )


def _limit_exceeded(upgrade: Upgrade, event: e.LimitExceeded, now: Now) -> Upgrade:
    return replace(upgrade, faulting=event.error)


def _failures_noticed(upgrade: Upgrade, event: e.FailuresNoticed, now: Now) -> Upgrade:
    return replace(upgrade, error=event.notice)


def _ended(outcome: Outcome) -> Callable[[Upgrade, Any, Now], Upgrade]:
    def fold(upgrade: Upgrade, event: Any, now: Now) -> Upgrade:
        error = event.error if isinstance(event, e.UpgradeFaulted) else upgrade.faulting
        return replace(upgrade, outcome=outcome, error=error, ended_at=now.at, holds={}, checking=False, outlook=None)

    return fold


def _outlook(upgrade: Upgrade, event: e.UpgradeOutlookChanged, now: Now) -> Upgrade:
    return replace(upgrade, outlook=event.outlook)


# An operator's decision stays good when these happen; a command is stale only after the others.
_QUIET = frozenset(
    {
        e.StartTimeReached,
        e.BatchBegan,
        e.BatchEnded,
        e.MemberMoved,
        e.MemberReconciling,
        e.MemberJoined,
        e.FailuresNoticed,
        e.UpgradeOutlookChanged,
    }
)

_UPGRADE: dict[type[e.Event], Callable[[Upgrade, Any, Now], Upgrade]] = {
    e.StartTimeReached: _start_time_reached,
    e.CheckPassed: _check_passed,
    e.BatchBegan: _batch_began,
    e.BatchEnded: _batch_ended,
    e.MemberMoved: _member_moved,
    e.MemberReconciling: _member_reconciling,
    e.MemberLeftOut: _member_left_out,
    e.MemberJoined: _member_joined,
    e.MemberRetried: _member_retried,
    e.LossAccepted: _loss_accepted,
    e.HoldRaised: _hold_raised,
    e.HoldLifted: _hold_lifted,
    e.UpgradePaused: _paused,
    e.UpgradeResumed: _resumed,
    e.StepGranted: _step_granted,
    e.CancelRequested: _cancel_requested,
    e.RollBackRequested: _roll_back_requested,
    e.LimitExceeded: _limit_exceeded,
    e.FailuresNoticed: _failures_noticed,
    e.UpgradeOutlookChanged: _outlook,
    e.UpgradeCompleted: _ended(Outcome.COMPLETED),
    e.UpgradeCancelled: _ended(Outcome.CANCELLED),
    e.UpgradeFaulted: _ended(Outcome.FAULTED),
    e.UpgradeRolledBack: _ended(Outcome.ROLLED_BACK),
}
