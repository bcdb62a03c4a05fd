"""Why an upgrade, or a member, does not move: kind, since when, until when or what ends it, in words."""

from __future__ import annotations

from dataclasses import dataclass

from engine.decide.advance import observed_s, unseen
from engine.decide.choose_batch import is_being_created, waiting_to_go
from engine.decide.plan_effects import deadline_s
from engine.decide.stay_down import waits_for_boot
from engine.model.numbers import many
from engine.model.scale_set import ScaleSet, stopped_words
from engine.model.upgrade import AWAITING, DOING, SOFT_HOLDS, Direction, HoldKind, Member, MemberState, Now, Upgrade
from engine.model.waits import WaitKind


@dataclass(frozen=True, slots=True)
class BlockedBy:
    """`until_at` is Unix seconds where a time ends the wait (the first deadline), None where `words` say what does."""

    kind: HoldKind | WaitKind
    since_at: float
    until_at: float | None
    words: str


ANSWER_S = 60.0
"""So much longer than its deadline an act may take until its fleet says so."""
_DOING_WORDS = {
    MemberState.CAPTURING: "its restore point to be written down",
    MemberState.REPLACING: "its OS disk to be replaced",
    MemberState.EXTENDING: "its extension to end",
    MemberState.RESTORING: "its previous OS disk to be put back",
}


def upgrade_blocked_by(upgrade: Upgrade, scale_set: ScaleSet, now: Now) -> BlockedBy | None:
    """The one reason why nothing begins now; None after the end."""
    if not upgrade.live:
        return None
    flying = upgrade.in_flight()
    for hold in upgrade.holds.values():
        what = f"paused by {hold.by}" if hold.kind is HoldKind.OPERATOR else hold.kind.value
        begun = "1 begun member finishes" if len(flying) == 1 else f"{len(flying)} begun members finish"
        more = f"; {begun} first" if flying else ""
        late = _first_overdue(upgrade, now)
        more += f"; instance {late.instance_id} waits for {_overdue_words(upgrade, late)}" if late is not None else ""
        return BlockedBy(hold.kind, hold.since_at, None, f"{what}: {hold.reason or 'no reason given'}{more}")
    if flying:
        return _flying(upgrade, flying, now)
    down = f"{stopped_words(scale_set)}: boot them with `rollset engine start`"
    boot_first = waits_for_boot(upgrade, scale_set) and bool(waiting_to_go(upgrade))
    if upgrade.delayed:
        words = "the start time that was asked for" + (f"; {down} before it" if boot_first else "")
        return BlockedBy(WaitKind.START_TIME, upgrade.started_at, upgrade.starts_not_before_at, words)
    if boot_first:
        return BlockedBy(WaitKind.INSTANCES_STOPPED, upgrade.last_action_at, None, down)
    unknown = unseen(scale_set) if upgrade.direction is Direction.FORWARD else []
    if unknown and waiting_to_go(upgrade):
        return _unseen(upgrade, scale_set, unknown)
    if now.clock < upgrade.next_batch_clock:
        left = upgrade.next_batch_clock - now.clock
        since = (upgrade.batches[-1].ended_at if upgrade.batches else None) or upgrade.started_at
        return BlockedBy(WaitKind.PAUSE_BETWEEN_BATCHES, since, now.at + left, "pause between batches")
    held = upgrade.held()
    if held and not waiting_to_go(upgrade):
        names = ", ".join(m.instance_id for m in held)
        return BlockedBy(
            WaitKind.INSTANCES_HELD,
            min(m.since_at for m in held),
            None,
            f"held instances: {names}; release or skip them",
        )
    coming = [m.instance_id for m in waiting_to_go(upgrade) if is_being_created(scale_set, m)]
    if coming:
        return _being_created(upgrade, scale_set, coming, "; skip what cannot be created, or take it out of the set")
    return BlockedBy(WaitKind.ENGINE, upgrade.last_action_at, None, "the engine's next step")


def _unseen(upgrade: Upgrade, scale_set: ScaleSet, names: list[str]) -> BlockedBy:
    coming = [name for name in names if not scale_set.instances[name].provisioned]
    if coming:
        return _being_created(upgrade, scale_set, coming)
    since = max(upgrade.started_at, min(scale_set.instances[name].health_since_at for name in names))
    words = f"health of {many(len(names), 'instance')} not known yet: {_some(names)}"
    return BlockedBy(WaitKind.HEALTH_NOT_OBSERVED, since, None, words)


def _being_created(upgrade: Upgrade, scale_set: ScaleSet, names: list[str], cure: str = "") -> BlockedBy:
    since = max(upgrade.started_at, min(scale_set.instances[name].created_at for name in names))
    words = f"{many(len(names), 'instance')} still being created: {_some(names)}{cure}"
    return BlockedBy(WaitKind.INSTANCES_CREATING, since, None, words)


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (" and more" if len(names) > 5 else "")


def _flying(upgrade: Upgrade, flying: list[Member], now: Now) -> BlockedBy:
    waiting = [m for m in flying if m.state in AWAITING]
    if len(waiting) == len(flying):
        first = min(waiting, key=lambda m: m.since_clock)
        left = max(0.0, upgrade.settings.health_window_s - (now.clock - first.since_clock))
        words = f"health of {many(len(waiting), 'instance')}"
        return BlockedBy(WaitKind.HEALTH, first.since_at, now.at + left, words)
    busy = [m for m in flying if m.state not in AWAITING]
    first = min(busy, key=lambda m: m.since_clock)
    members = many(len(flying), "member")
    words = f"{members} in progress; instance {first.instance_id} waits for {_DOING_WORDS[first.state]}"
    late = _first_overdue(upgrade, now)
    if late is not None:
        words = f"{members} in progress; instance {late.instance_id} waits for {_overdue_words(upgrade, late)}"
        if observed_s(upgrade, now) > upgrade.settings.upgrade_timeout_s:
            words += "; the time limit of the upgrade is over too: it ends once that is answered for"
        return BlockedBy(WaitKind.ACT_OVERDUE, late.since_at, None, words)
    return BlockedBy(WaitKind.MEMBERS_IN_PROGRESS, first.since_at, None, words)


def is_overdue(upgrade: Upgrade, member: Member, now: Now) -> bool:
    """Whether the act that a member waits for should have ended by now."""
    acts = member.state in _DOING_WORDS
    return acts and now.clock - member.since_clock > deadline_s(upgrade, member) + ANSWER_S


def _first_overdue(upgrade: Upgrade, now: Now) -> Member | None:
    late = [m for m in upgrade.members.values() if is_overdue(upgrade, m, now)]
    return min(late, key=lambda m: m.since_clock, default=None)


def _overdue_words(upgrade: Upgrade, member: Member) -> str:
    limit_s = deadline_s(upgrade, member)
    return (
        f"{_DOING_WORDS[member.state]}, which should have been done within {limit_s:g} s: the fleet neither ends it "
        "nor says that it failed; look at the instance, or take it out of the set"
    )


def member_blocked_by(upgrade: Upgrade, member: Member, now: Now) -> BlockedBy | None:
    """Why this member does not move; None once it is at an end."""
    if not upgrade.live:
        return None
    if member.state is MemberState.RESTORE_FAILED:
        return BlockedBy(
            HoldKind.RESTORE_FAILED, member.since_at, None, "the operator: retry its restore, or accept the loss"
        )
    hard = next((hold for kind, hold in upgrade.holds.items() if kind not in SOFT_HOLDS), None)
    if hard is not None and member.state in DOING:
        return BlockedBy(hard.kind, hard.since_at, None, f"{hard.kind.value}: {hard.reason}")
    if member.reconciling:
        return BlockedBy(WaitKind.RECONCILING, member.since_at, None, "the engine looks what became of its last act")
    if member.state in AWAITING:
        left = max(0.0, upgrade.settings.health_window_s - (now.clock - member.since_clock))
        return BlockedBy(WaitKind.HEALTH, member.since_at, now.at + left, "its health")
    if is_overdue(upgrade, member, now):
        return BlockedBy(WaitKind.ACT_OVERDUE, member.since_at, None, _overdue_words(upgrade, member))
    if member.state in DOING:
        return BlockedBy(WaitKind.EFFECT, member.since_at, None, _DOING_WORDS[member.state])
    if member.state is MemberState.PENDING and upgrade.takes_pending:
        return BlockedBy(WaitKind.BATCH, member.since_at, None, "its batch")
    if member.is_held:
        return BlockedBy(WaitKind.HELD, member.since_at, None, f"held: {member.left_out_reason}")
    return None
