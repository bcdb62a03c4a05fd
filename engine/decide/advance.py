"""What follows from the present facts without anybody asking: checks, batches, judgements, ends.

Level-triggered: `advance` looks at state, never at the event that led there, so a lost wake-up or a crash costs one
more call. The caller folds the events it returns and calls again until it returns none.
"""

from __future__ import annotations

from engine.decide.choose_batch import choose_batch, choose_from, waiting_to_go
from engine.decide.judge_health import (
    both_shares,
    broken_limit,
    failures_notice,
    too_many_unhealthy,
    unhealthy_share,
)
from engine.decide.member_steps import Heard, begin_member, members_follow, restore_members
from engine.decide.stay_down import waits_for_boot
from engine.model import events as e
from engine.model.codes import ApiError, ErrorCode
from engine.model.health import Health
from engine.model.policy import RestoreFailed
from engine.model.scale_set import Instance, ScaleSet, is_on
from engine.model.upgrade import (
    FAILED_STATES,
    Batch,
    Direction,
    Hold,
    HoldKind,
    LeftOut,
    Member,
    MemberState,
    Now,
    Upgrade,
)

_BAD_AFTER_RESTORE = frozenset({MemberState.ROLLED_BACK_UNHEALTHY, MemberState.RESTORE_FAILED})


def advance(upgrade: Upgrade, scale_set: ScaleSet, now: Now, heard: Heard | None = None) -> list[e.Event]:
    """The next events of a live upgrade, or none when it waits for something outside.

    `heard` says when the health of an instance was last answered for; without it, what is known is as fresh as `now`.
    """
    if not upgrade.live:
        return []
    return (
        _fleet_changes(upgrade, scale_set)
        or _begin_to_count(upgrade, now)
        or members_follow(upgrade, scale_set, now, heard or (lambda _: now.clock))
        or _close_batch(upgrade, scale_set, now)
        or _notice(upgrade, scale_set)
        or _hold_failed_restores(upgrade, now)
        or _pause(upgrade, now)
        or _finish(upgrade, scale_set, now)
        or _check(upgrade, scale_set, now)
        or _next_batch(upgrade, scale_set, now)
    )


def observed_s(upgrade: Upgrade, now: Now) -> float:
    """Seconds of unpaused observed time since the start, or since the start time that was asked for."""
    if upgrade.delayed:
        return 0.0
    standing = now.clock - upgrade.paused_since_clock if upgrade.paused_since_clock is not None else 0.0
    return now.clock - upgrade.started_clock - upgrade.paused_s - standing


def _begin_to_count(upgrade: Upgrade, now: Now) -> list[e.Event]:
    begin_at = upgrade.starts_not_before_at
    if not upgrade.delayed or begin_at is None or HoldKind.CLOCK_UNTRUSTED in upgrade.holds:
        return []
    return [e.StartTimeReached()] if now.at >= begin_at else []


def _fleet_changes(upgrade: Upgrade, scale_set: ScaleSet) -> list[e.Event]:
    found: list[e.Event] = []
    instances, away = scale_set.instances, 0
    for member in upgrade.members.values():
        instance = instances.get(member.instance_id)
        if instance is None:
            away += 1
            if member.state is not MemberState.GONE:
                found.append(_moved(member, MemberState.GONE, "the instance left the scale set"))
        elif member.left_out is not None:
            if _may_join(member):
                found += _kept_out(upgrade, member, instance)
        elif (instance.hold is not None or instance.protected_from_actions) and member.state is MemberState.PENDING:
            found += _kept_out(upgrade, member, instance)
    if len(upgrade.members) - away == len(instances):  # a member is of one instance, and no other member of it
        return found
    seen = {member.instance_id for member in upgrade.members.values()}
    new = [i for i in instances.values() if i.instance_id not in seen and i.provisioned]
    return found + [_joined(upgrade, f"m{instance.instance_id}", instance) for instance in new]


def _may_join(member: Member) -> bool:
    return member.state is MemberState.LEFT_OUT and member.left_out in (LeftOut.HELD, LeftOut.PROTECTED)


def _kept_out(upgrade: Upgrade, member: Member, instance: Instance) -> list[e.Event]:
    """Held and protected members stay out for the reason that holds now: an upgrade waits for held ones alone."""
    if instance.protected_from_actions:
        why, words = LeftOut.PROTECTED, "protectFromScaleSetActions"
    elif instance.hold is not None:
        why, words = LeftOut.HELD, instance.hold.reason
    else:
        return [_joined(upgrade, member.id, instance)]
    if _may_join(member) and member.left_out is why:
        return []
    return [e.MemberLeftOut(member.id, member.instance_id, why, words)]


def _joined(upgrade: Upgrade, member: str, instance: Instance) -> e.MemberJoined:
    """Asked, not assumed: an instance that is on the target by now needs no batch."""
    known = upgrade.members.get(member)
    failed = instance.extension_failed if known is None else known.judged_failed or known.again
    left_out = None
    if is_on(instance, upgrade.target, upgrade.target_digest) and not failed:
        left_out = LeftOut.ALREADY_CURRENT
    elif known is None and upgrade.only_chosen:
        left_out = LeftOut.SKIPPED
    return e.MemberJoined(
        member,
        instance.instance_id,
        instance.zone,
        instance.update_domain,
        instance.fault_domain,
        left_out,
    )


def _moved(member: Member, entered: MemberState, why: str) -> e.MemberMoved:
    return e.MemberMoved(member.id, member.instance_id, member.state, entered, why)


def _close_batch(upgrade: Upgrade, scale_set: ScaleSet, now: Now) -> list[e.Event]:
    batch = upgrade.open_batch
    if batch is None or upgrade.in_flight():
        return []
    shares = both_shares(upgrade, scale_set)
    bad = FAILED_STATES if batch.direction is Direction.FORWARD else _BAD_AFTER_RESTORE
    failed = any(upgrade.members[m].state in bad for m in batch.members)
    found: list[e.Event] = [
        e.BatchEnded(
            batch.number,
            failed,
            shares.upgraded.bad,
            shares.upgraded.total,
            shares.unhealthy.bad,
            shares.unhealthy.total,
            now.clock + upgrade.settings.policy.pause_between_batches_s,
            batch.direction is Direction.BACK,
        )
    ]
    if upgrade.direction is Direction.FORWARD and upgrade.faulting is None:
        error = broken_limit(upgrade, scale_set, shares)
        found += [e.LimitExceeded(error)] if error is not None else []
    more = (waiting_to_go(upgrade) or upgrade.held()) and len(found) == 1 and not upgrade.cancelling
    if upgrade.pause_after_batch and more:
        found.append(e.HoldRaised(Hold(HoldKind.OPERATOR, now.at, upgrade.stepped_by, "single step done")))
    return found


def _notice(upgrade: Upgrade, scale_set: ScaleSet) -> list[e.Event]:
    if upgrade.direction is Direction.BACK or upgrade.faulting is not None:
        return []
    notice = failures_notice(upgrade, scale_set)
    return [e.FailuresNoticed(notice)] if notice != upgrade.error else []


def _pause(upgrade: Upgrade, now: Now) -> list[e.Event]:
    since = upgrade.paused_since_clock
    if upgrade.holds and not upgrade.cancelling:
        return [] if since is not None or upgrade.in_flight() else [e.UpgradePaused()]
    return [e.UpgradeResumed(now.clock - since)] if since is not None else []


def _hold_failed_restores(upgrade: Upgrade, now: Now) -> list[e.Event]:
    bad = [m.instance_id for m in upgrade.members.values() if m.state is MemberState.RESTORE_FAILED]
    held = HoldKind.RESTORE_FAILED in upgrade.holds
    if held and not bad:  # the instances themselves left the set
        return [e.HoldLifted(HoldKind.RESTORE_FAILED, "engine")]
    if held or not bad:
        return []
    reason = f"the previous OS disk could not be put back on {', '.join(bad)}"
    return [e.HoldRaised(Hold(HoldKind.RESTORE_FAILED, now.at, "engine", reason))]


def _finish(upgrade: Upgrade, scale_set: ScaleSet, now: Now) -> list[e.Event]:
    if upgrade.open_batch is not None or upgrade.in_flight():
        return []
    if upgrade.cancelling:
        return [e.UpgradeCancelled()]
    if upgrade.holds:
        return []
    if upgrade.direction is Direction.BACK:
        return [] if waiting_to_go(upgrade) else [e.UpgradeRolledBack()]
    if upgrade.faulting is not None:
        return _restore_on_breach(upgrade, scale_set) or [e.UpgradeFaulted(upgrade.faulting)]
    if observed_s(upgrade, now) > upgrade.settings.upgrade_timeout_s:
        return [e.LimitExceeded(timeout_error(upgrade))]
    if not upgrade.checking and not waiting_to_go(upgrade) and not upgrade.held():
        return [e.UpgradeCompleted()]
    return []


def timeout_error(upgrade: Upgrade) -> ApiError:
    limit_s = upgrade.settings.upgrade_timeout_s
    return ApiError(
        ErrorCode.TIMEOUT,
        f"The rolling upgrade did not end within its limit of {limit_s:g} seconds of unpaused observed time.",
    )


def _restore_on_breach(upgrade: Upgrade, scale_set: ScaleSet) -> list[e.Event]:
    """Failed members go back, as many at once as a batch may have, inside its walls."""
    if upgrade.settings.restore_failed is RestoreFailed.NEVER:
        return []
    failed = [m for m in upgrade.members.values() if m.state is MemberState.FAILED and m.on_new_disk]
    choice = choose_from(failed, upgrade.settings, Direction.BACK, scale_set)
    return restore_members(upgrade.members[m] for m in choice.members) if choice is not None else []


def _check(upgrade: Upgrade, scale_set: ScaleSet, now: Now) -> list[e.Event]:
    if not upgrade.checking or upgrade.delayed or upgrade.holds:
        return []
    if not waiting_to_go(upgrade) and not upgrade.held():
        return [e.UpgradeCompleted()]
    if unseen(scale_set) or waits_for_boot(upgrade, scale_set):
        return []
    error = too_many_unhealthy(upgrade, scale_set)
    if error is not None:
        return [e.UpgradeFaulted(error)]
    share = unhealthy_share(scale_set, upgrade.settings.policy.max_unhealthy_instance_percent)
    return [e.CheckPassed(share.bad, share.total)]


def unseen(scale_set: ScaleSet) -> list[str]:
    """Instances that are being created, or whose health is not known yet: they hold what would begin next.

    One whose creation failed and is tried again is not waited for: it joins when it is there.
    """
    return [
        i.instance_id
        for i in scale_set.instances.values()
        if (i.health in (Health.NOT_OBSERVED, Health.INITIALIZING) if i.provisioned else i.trying is None)
    ]


def _next_batch(upgrade: Upgrade, scale_set: ScaleSet, now: Now) -> list[e.Event]:
    # A run that was cancelled or broke a limit does not come this far: `_finish` is asked before.
    if upgrade.checking or upgrade.open_batch is not None or upgrade.holds or upgrade.in_flight():
        return []
    if now.clock < upgrade.next_batch_clock:
        return []
    forward = upgrade.direction is Direction.FORWARD
    if forward and (unseen(scale_set) or waits_for_boot(upgrade, scale_set)):
        return []
    error = too_many_unhealthy(upgrade, scale_set) if forward and waiting_to_go(upgrade) else None
    if error is not None:
        return [e.LimitExceeded(error)]
    choice = choose_batch(upgrade, scale_set)
    if choice is None:
        return []
    number = len(upgrade.batches) + 1
    batch = Batch(
        number, upgrade.direction, choice.zone, choice.update_domain, choice.members, choice.cap, choice.why, now.at
    )
    began: list[e.Event] = [e.BatchBegan(batch)]
    began.extend(begin_member(upgrade.members[m], upgrade.direction) for m in choice.members)
    return began
