"""The overview of scale sets, folded from the same events as the sets themselves, without their instances."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TypeVar

from engine.decide.count_members import bucket, state_bucket, upgrade_overview
from engine.decide.evolve import evolve_upgrade
from engine.decide.evolve_scale_set import evolve_scale_set
from engine.model import events as e
from engine.model.health import Health
from engine.model.overview import SetOverview, UpgradeOverview
from engine.model.record_copy import replace
from engine.model.scale_set import ScaleSet, versions_of
from engine.model.upgrade import MemberState, Now, Upgrade

T = TypeVar("T")


def overview_of(scale_set: ScaleSet, upgrade: Upgrade | None) -> SetOverview:
    """A set seen from afar. `upgrade` is its live one, else its last."""
    tally = Counter(instance.health for instance in scale_set.instances.values())
    seen = upgrade_overview(upgrade) if upgrade is not None else None
    return SetOverview(_from_afar(scale_set), dict(tally), seen, dict(versions_of(scale_set)))


def _from_afar(scale_set: ScaleSet) -> ScaleSet:
    return replace(scale_set, instances={}, document="{}", next_instance=0)


def fold_set(seen: SetOverview | None, event: e.Event, now: Now) -> SetOverview | None:
    """The overview after an event of the set's own stream: None before it was applied and after it was deleted."""
    if isinstance(event, e.ScaleSetApplied):
        return replace(overview_of(event.scale_set, None), upgrade=seen.upgrade if seen is not None else None)
    if seen is None or isinstance(event, e.ScaleSetDeleted):
        return None
    if isinstance(event, e.InstanceHealthChanged):
        return replace(seen, tally=_move(seen.tally, event.left, event.entered))
    if isinstance(event, e.InstanceDiskChanged):
        on = _other_version(seen.versions, event.left_version, event.image.version)
        return replace(seen, tally=_move(seen.tally, event.left, Health.NOT_OBSERVED), versions=on)
    if isinstance(event, e.InstanceAdded):
        on = _other_version(seen.versions, None, event.instance.image.version)
        return replace(seen, tally=_move(seen.tally, None, event.instance.health), versions=on)
    if isinstance(event, e.InstanceRemoved):
        on = _other_version(seen.versions, event.version, None)
        return replace(seen, tally=_move(seen.tally, event.health, None), versions=on)
    scale_set = evolve_scale_set(seen.scale_set, event, now)
    return replace(seen, scale_set=_from_afar(scale_set)) if scale_set is not None else None


def _other_version(
    versions: Mapping[str, int] | None, left: str | None, entered: str | None
) -> Mapping[str, int] | None:
    """The counts after one instance changed; unknown from then on where the event does not tell what it left."""
    return None if versions is None or left == "" else _move(versions, left, entered)


def fold_upgrade(seen: UpgradeOverview | None, event: e.Event, now: Now) -> UpgradeOverview | None:
    """The overview after an event of an upgrade's stream; None before its start."""
    if isinstance(event, e.UpgradeStarted):
        return upgrade_overview(evolve_upgrade(None, event, now))
    if seen is None:
        return None
    before_after = _buckets(event)
    if before_after is None:
        after = evolve_upgrade(seen.upgrade, event, now)
        if isinstance(event, e.BatchBegan):
            after = replace(after, batches=(*after.batches[:-1], replace(after.batches[-1], members=())))
        return replace(seen, upgrade=after)
    quiet = isinstance(event, e.MemberMoved | e.MemberJoined | e.MemberReconciling)
    after = seen.upgrade if quiet else replace(seen.upgrade, version=seen.upgrade.version + 1)
    return UpgradeOverview(after, _move(seen.tally, *before_after))


def _buckets(event: e.Event) -> tuple[str | None, str | None] | None:
    """The counters a member left and entered; None for an event that is not about one member."""
    if isinstance(event, e.MemberMoved | e.MemberRetried):
        left = event.left_bucket if isinstance(event, e.MemberMoved) else ""
        return left or state_bucket(event.left, None), state_bucket(event.entered, None)
    if isinstance(event, e.MemberLeftOut):
        return event.left_bucket, state_bucket(MemberState.LEFT_OUT, event.left_out)
    if isinstance(event, e.MemberJoined):
        entered = MemberState.PENDING if event.left_out is None else MemberState.LEFT_OUT
        return event.left_bucket or None, state_bucket(entered, event.left_out)
    if isinstance(event, e.LossAccepted):
        return "failed", "failed"
    if isinstance(event, e.MemberReconciling):
        return None, None
    return None


def _move(tally: Mapping[T, int], left: T | None, entered: T | None) -> Mapping[T, int]:
    if left == entered:
        return tally
    found = dict(tally)
    if left is not None:
        found[left] = found.get(left, 0) - 1
        if found[left] == 0:
            del found[left]
    if entered is not None:
        found[entered] = found.get(entered, 0) + 1
    return found


def tell_what_it_leaves(upgrade: Upgrade, event: e.Event) -> e.Event:
    """The event with the counter its member was in, where the member's states alone do not tell."""
    if isinstance(event, e.MemberLeftOut | e.MemberJoined):
        member = upgrade.members.get(event.member)
        return replace(event, left_bucket=bucket(member) if member is not None else "")
    if isinstance(event, e.MemberMoved) and event.left is MemberState.LEFT_OUT:
        return replace(event, left_bucket=bucket(upgrade.members[event.member]))
    return event


def tell_health_it_leaves(scale_set: ScaleSet, event: e.Event) -> e.Event:
    """The event with the health and the version its instance had, so that whoever only counts can follow."""
    if not isinstance(event, e.InstanceDiskChanged | e.InstanceRemoved | e.InstanceHealthChanged):
        return event
    instance = scale_set.instances.get(event.instance_id)
    if instance is None:
        return event
    if isinstance(event, e.InstanceRemoved):
        return replace(event, health=instance.health, version=instance.image.version)
    if isinstance(event, e.InstanceDiskChanged):
        return replace(event, left=instance.health, left_version=instance.image.version)
    return replace(event, left=instance.health)
