"""When previous OS disks are let go: after `previousDiskRetention`, unless an upgrade of the set is live."""

from __future__ import annotations

from collections.abc import Iterable

from engine.decide.settle_settings import DEFAULT_RETENTION_S
from engine.model.effects import Effect, EffectKind, effect_id
from engine.model.policy_document import PolicyDocument, policies_for
from engine.model.scale_set import ScaleSet
from engine.model.upgrade import Now


def retention_s(scale_set: ScaleSet, policies: Iterable[PolicyDocument]) -> float:
    """For how long a set keeps previous OS disks: the closest policy document that says it, else 14 days."""
    said = (p.previous_disk_retention_s for p in policies_for(policies, scale_set.name, scale_set.key))
    return next((seconds for seconds in said if seconds is not None), DEFAULT_RETENTION_S)


def due_discards(scale_set: ScaleSet, policies: Iterable[PolicyDocument], now: Now) -> list[Effect]:
    """One effect for each previous OS disk of the set whose time is over. The caller leaves out sets that roll."""
    if scale_set.deleting or all(i.previous_disk is None for i in scale_set.instances.values()):
        return []
    limit_s = retention_s(scale_set, policies)
    operation = f"retention/{scale_set.key}"
    found = []
    for instance in scale_set.instances.values():
        disk = instance.previous_disk
        if disk is None or now.at - instance.disk_since_at <= limit_s:
            continue
        born = f"{instance.instance_id}@{instance.created_at}"
        found.append(
            Effect(
                id=effect_id(operation, born, EffectKind.DISCARD_PREVIOUS_DISK, disk, 1),
                kind=EffectKind.DISCARD_PREVIOUS_DISK,
                operation=operation,
                scale_set=scale_set.key,
                instance_id=instance.instance_id,
                member=instance.instance_id,
                step=disk,
                disk=disk,
            )
        )
    return found
