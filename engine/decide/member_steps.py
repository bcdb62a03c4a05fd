"""How one member goes on: begins, waits for health, fails, is restored."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from engine.model import events as e
from engine.model.codes import ApiError, ErrorCode
from engine.model.error_texts import instance_unhealthy
from engine.model.health import Health
from engine.model.policy import RestoreFailed
from engine.model.scale_set import ScaleSet
from engine.model.upgrade import AWAITING, Direction, Member, MemberState, Now, Upgrade

Heard = Callable[[str], float]
"""Observed engine seconds of the last answer about an instance's health that the scale set's record has taken in."""

LAST_ANSWER_S = 90.0
"""So much longer than its window a member waits for the answer that condemns it (Azure: probes up to 60 s apart)."""

_MAY_FOLLOW = AWAITING | {MemberState.FAILED}


def move(member: Member, entered: MemberState, why: str = "", *, error: ApiError | None = None) -> e.MemberMoved:
    """The event that takes a member to its next state."""
    return e.MemberMoved(member.id, member.instance_id, member.state, entered, why, error=error)


def begin_member(member: Member, direction: Direction) -> e.MemberMoved:
    """A member's first step in a batch: forward its restore point is written down first, back its disk is restored."""
    if direction is Direction.FORWARD:
        return move(member, MemberState.CAPTURING)
    return move(member, MemberState.RESTORING, "rolling back")


def restore_members(members: Iterable[Member]) -> list[e.Event]:
    """Give the previous OS disk back to these members."""
    return [move(m, MemberState.RESTORING, "the run broke a limit: failed instances go back") for m in members]


def restores_at_once(upgrade: Upgrade) -> bool:
    """Whether a failed member is restored as soon as it fails (a breach is not needed)."""
    return upgrade.settings.restore_failed is RestoreFailed.ALWAYS


def members_follow(upgrade: Upgrade, scale_set: ScaleSet, now: Now, heard: Heard) -> list[e.Event]:
    """Members that wait for health, or failed and are to be restored, as far as the present facts carry them.

    No member is called unhealthy on an answer from before the end of its window: whoever did not listen meanwhile
    (a stopped process, an instance asked once a minute) asks once more first.

    Members whose instance left the scale set must be Gone by now.
    """
    found: list[e.Event] = []
    for member in upgrade.members.values():
        if member.state not in _MAY_FOLLOW:
            continue
        if member.state is MemberState.AWAITING_HEALTH:
            found.extend(_await_health(upgrade, member, scale_set, now, heard))
        elif member.state is MemberState.AWAITING_HEALTH_AFTER_RESTORE:
            found.extend(_await_health_after_restore(upgrade, member, scale_set, now, heard))
        elif member.state is MemberState.FAILED and _restore_now(upgrade, member):
            found.append(move(member, MemberState.RESTORING, "it failed"))
    return found


def _restore_now(upgrade: Upgrade, member: Member) -> bool:
    return (
        upgrade.open_batch is not None
        and upgrade.open_batch.direction is Direction.FORWARD
        and member.batch == upgrade.open_batch.number
        and member.on_new_disk
        and restores_at_once(upgrade)
    )


def waited_s(member: Member, now: Now) -> float:
    """Observed seconds in the present state; time in which the engine did not run is not in it."""
    return now.clock - member.since_clock


def _too_late(upgrade: Upgrade, member: Member, now: Now, heard: Heard) -> bool:
    window_s = upgrade.settings.health_window_s
    waited = waited_s(member, now)
    if waited < window_s:
        return False
    return heard(member.instance_id) >= member.since_clock + window_s or waited >= window_s + LAST_ANSWER_S


def _await_health(upgrade: Upgrade, member: Member, scale_set: ScaleSet, now: Now, heard: Heard) -> list[e.Event]:
    instance = scale_set.instances[member.instance_id]
    waited = waited_s(member, now)
    if instance.health is Health.HEALTHY:
        return [move(member, MemberState.SUCCEEDED, f"healthy after {waited:.0f} s")]
    if not _too_late(upgrade, member, now, heard):
        return []
    seen = instance.health_detail or "it gave no answer that counts"
    message = f"{instance_unhealthy()} Not healthy within {upgrade.settings.health_window_s:g} s: {seen}"
    error = ApiError(ErrorCode.INSTANCE_UNHEALTHY, message)
    return [move(member, MemberState.FAILED, f"not healthy after {waited:.0f} s", error=error)]


def _await_health_after_restore(
    upgrade: Upgrade, member: Member, scale_set: ScaleSet, now: Now, heard: Heard
) -> list[e.Event]:
    instance = scale_set.instances[member.instance_id]
    if instance.health is Health.HEALTHY:
        return [move(member, MemberState.ROLLED_BACK, f"back and healthy after {waited_s(member, now):.0f} s")]
    if not _too_late(upgrade, member, now, heard):
        return []
    return [move(member, MemberState.ROLLED_BACK_UNHEALTHY, "back on its previous disk, but not healthy in time")]
