"""Which members come next. One batch stays in one zone and one update domain (Azure: availability-first).

Order: unhealthy first if the policy says so, then zone, update domain, fault domain, instance id. A short batch is
never filled from the next update domain; `enableCrossZoneUpgrade` lifts the zone wall only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine.model.policy import RunSettings
from engine.model.scale_set import Instance, ScaleSet
from engine.model.upgrade import FAILED_STATES, Direction, Member, MemberState, Upgrade

_CAN_GO_BACK = frozenset({MemberState.SUCCEEDED, MemberState.FAILED, MemberState.PENDING, MemberState.LEFT_OUT})


@dataclass(frozen=True, slots=True)
class Choice:
    """The members of the next batch and why they are so many; `update_domain` and `zone` name its walls."""

    members: tuple[str, ...]
    zone: str
    update_domain: int
    cap: int
    why: str


def batch_cap(total: int, settings: RunSettings) -> int:
    """At most this many instances at once: floor, at least 1 (Azure: "up to", 5 or fewer instances give 1)."""
    if settings.batch_count is not None:
        return max(1, min(settings.batch_count, total))
    return max(1, total * settings.policy.max_batch_instance_percent // 100)


def waiting_to_go(upgrade: Upgrade) -> list[Member]:
    """Members the next batches are chosen from, forward or back.

    Back: every member whose instance is on this upgrade's disk, one that was put back to pending, held or skipped
    after its swap included. A failed restore waits for the operator instead.
    """
    if upgrade.direction is Direction.FORWARD:
        return [m for m in upgrade.members.values() if m.state is MemberState.PENDING]
    return [m for m in upgrade.members.values() if m.on_new_disk and m.state in _CAN_GO_BACK]


def _natural(instance_id: str) -> tuple[int, str]:
    return (int(instance_id), "") if instance_id.isdigit() else (1 << 62, instance_id)


def _unhealthy(instances: Mapping[str, Instance], member: Member) -> bool:
    instance = instances.get(member.instance_id)
    return instance is not None and instance.is_unhealthy


def _forward_key(member: Member, unhealthy: bool, settings: RunSettings) -> tuple[object, ...]:
    later = not (settings.policy.prioritize_unhealthy_instances and unhealthy)
    zone = "" if settings.policy.enable_cross_zone_upgrade else member.zone
    return (later, zone, member.update_domain, member.fault_domain, _natural(member.instance_id))


def _back_key(member: Member, unhealthy: bool, settings: RunSettings) -> tuple[object, ...]:
    later = not (unhealthy or member.state in FAILED_STATES)
    zone = "" if settings.policy.enable_cross_zone_upgrade else member.zone
    return (later, -(member.batch or 0), zone, member.update_domain, member.fault_domain, _natural(member.instance_id))


def _group_of(key: tuple[object, ...], direction: Direction) -> tuple[object, ...]:
    return key[:3] if direction is Direction.FORWARD else (key[0], key[2], key[3])


def choose_batch(upgrade: Upgrade, scale_set: ScaleSet) -> Choice | None:
    """The next batch from the present health, or None when no member waits whose instance is there.

    An instance that is still being created is in the hands of its creation until its extensions have run.
    """
    created = [m for m in waiting_to_go(upgrade) if not is_being_created(scale_set, m)]
    return choose_from(created, upgrade.settings, upgrade.direction, scale_set)


def is_being_created(scale_set: ScaleSet, member: Member) -> bool:
    """Whether a member's instance is not whole yet: its disk is to come, or its first extensions."""
    instance = scale_set.instances.get(member.instance_id)
    return instance is not None and not instance.provisioned


def choose_from(
    members: Iterable[Member], settings: RunSettings, direction: Direction, scale_set: ScaleSet
) -> Choice | None:
    """The next batch out of `members`; pure arithmetic on the scale set's present instances."""
    instances = scale_set.instances
    key_of = _forward_key if direction is Direction.FORWARD else _back_key
    keyed = sorted(((key_of(m, _unhealthy(instances, m), settings), m) for m in members), key=lambda pair: pair[0])
    if not keyed:
        return None
    group = _group_of(keyed[0][0], direction)
    candidates = [m for key, m in keyed if _group_of(key, direction) == group]
    total = len(instances)
    cap = batch_cap(total, settings)
    sick_ids = {i.instance_id for i in instances.values() if i.is_unhealthy}
    size = min(cap, len(candidates))
    if direction is Direction.FORWARD:
        size = min(size, _healthy_room(candidates, sick_ids, total, cap, settings))
    chosen = candidates[:size]
    first = chosen[0]
    zone = "" if settings.policy.enable_cross_zone_upgrade else first.zone
    why = _explain(settings, total, cap, len(candidates), size, first, zone)
    return Choice(tuple(m.id for m in chosen), zone, first.update_domain, cap, why)


def _healthy_room(candidates: list[Member], sick_ids: set[str], total: int, cap: int, settings: RunSettings) -> int:
    """Instances unhealthy elsewhere shrink the batch, not below one (Azure SDK 39: the batch size is a maximum)."""
    allowed = total * settings.policy.max_unhealthy_instance_percent // 100
    inside, best = 0, 1
    for count, member in enumerate(candidates[:cap], start=1):
        inside += member.instance_id in sick_ids
        if count <= allowed - (len(sick_ids) - inside):
            best = count
    return best


def _explain(settings: RunSettings, total: int, cap: int, candidates: int, size: int, first: Member, zone: str) -> str:
    if settings.batch_count is not None:
        rule = f"{settings.batch_count} at once as asked for this run"
    else:
        rule = f"{settings.policy.max_batch_instance_percent} % of {total} = {cap}"
    place = f"update domain {first.update_domain}" + (f", zone {zone}" if zone else "")
    if size < min(cap, candidates):
        return f"{size} of {candidates} in {place} ({rule}; fewer because instances elsewhere are unhealthy)"
    if candidates < cap:
        few = "1 shares" if candidates == 1 else f"{candidates} share"
        return f"{size} of {candidates} in {place} ({rule}; only {few} it)"
    return f"{size} of {candidates} in {place} ({rule})"
