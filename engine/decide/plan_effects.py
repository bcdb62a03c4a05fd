"""Which effects should be in flight now, from state alone. The runtime starts those that are not open yet."""

from __future__ import annotations

from dataclasses import replace

from engine.model.effects import Effect, EffectKind, effect_id
from engine.model.scale_set import Extension, Instance, ScaleSet
from engine.model.upgrade import SOFT_HOLDS, Member, MemberState, RestorePoint, Upgrade

MOST_DELETIONS = 6
MOST_STARTS = 6
RETRY_FIRST_S = 0.5
_TRIED_AGAIN = {
    EffectKind.CREATE_INSTANCE: 300.0,
    EffectKind.START_INSTANCE: 30.0,
    EffectKind.DELETE_INSTANCE: 30.0,
}
"""Acts on instances that are repeated after a failure, and the longest rest before that, in seconds."""
_BY_STATE = frozenset({EffectKind.CREATE_INSTANCE, EffectKind.START_INSTANCE})
DISK_ACT_S = 600.0
"""In so many seconds an act on a disk should be done."""
LEAST_SCRIPT_S = 1.0
_KINDS = {
    MemberState.CAPTURING: EffectKind.CAPTURE_RESTORE_POINT,
    MemberState.REPLACING: EffectKind.REPLACE_OS_DISK,
    MemberState.EXTENDING: EffectKind.RUN_EXTENSION,
    MemberState.RESTORING: EffectKind.RESTORE_OS_DISK,
}


def plan_effects(upgrade: Upgrade, scale_set: ScaleSet) -> list[Effect]:
    """One effect for each member in a doing state; none under a hard hold or for a member being reconciled."""
    if not upgrade.live or any(kind not in SOFT_HOLDS for kind in upgrade.holds):
        return []
    found = []
    for member in upgrade.members.values():
        if member.state not in _KINDS or member.reconciling:
            continue
        instance = scale_set.instances.get(member.instance_id)
        if instance is not None:
            found.append(_effect(upgrade, scale_set, member, instance, _kind(member)))
    return found


def wanted_effect_id(upgrade: Upgrade, member: Member) -> str | None:
    """The id of the one effect this member's state asks for; None in a state that asks for none."""
    if member.state not in _KINDS:
        return None
    kind = _kind(member)
    step, attempt = _step_and_attempt(upgrade, member, kind)
    return effect_id(upgrade.id, member.id, kind, step, attempt)


def _kind(member: Member) -> EffectKind:
    """What a doing state asks for."""
    if member.state is MemberState.REPLACING and member.back_to is not None:
        return EffectKind.RESTORE_OS_DISK
    return _KINDS[member.state]


def _going_to(member: Member) -> RestorePoint | None:
    """What a member goes back to; None when it goes to the target."""
    back = member.restoring or member.state is MemberState.RESTORING
    return member.restore_point if back else member.back_to


def _step_and_attempt(upgrade: Upgrade, member: Member, kind: EffectKind) -> tuple[str, int]:
    step = upgrade.extensions[member.step] if kind is EffectKind.RUN_EXTENSION else ""
    if kind is EffectKind.RESTORE_OS_DISK or member.restoring:  # tried several times within one attempt, perhaps
        return step, member.restore_attempt + 1000 * (member.attempt - (0 if step else 1))
    return step, member.attempt


def _effect(upgrade: Upgrade, scale_set: ScaleSet, member: Member, instance: Instance, kind: EffectKind) -> Effect:
    step, attempt = _step_and_attempt(upgrade, member, kind)
    point = _going_to(member) if kind is not EffectKind.CAPTURE_RESTORE_POINT else None
    extension = next((x for x in scale_set.model.extensions if x.name == step), None)
    return Effect(
        id=effect_id(upgrade.id, member.id, kind, step, attempt),
        kind=kind,
        operation=upgrade.id,
        scale_set=upgrade.scale_set,
        instance_id=member.instance_id,
        member=member.id,
        attempt=attempt,
        step=step,
        digest=point.digest if point is not None else upgrade.target_digest,
        image=str(point.image if point is not None else upgrade.target),
        disk=point.disk if point is not None and kind is EffectKind.RESTORE_OS_DISK else "",
        port=scale_set.model.port,
        data_disks=scale_set.model.data_disks,
        zone=instance.zone,
        environment=scale_set.model.environment,
        extension=extension,
        deadline_s=deadline_s(upgrade, member),
    )


def deadline_s(upgrade: Upgrade, member: Member) -> float:
    """For how long the act that a member's state asks for may take; its extensions share one budget (Azure)."""
    if member.state is not MemberState.EXTENDING:
        return DISK_ACT_S
    spent_s = member.since_clock - member.extends_since_clock
    return max(LEAST_SCRIPT_S, upgrade.settings.extension_budget_s - spent_s)


def plan_instances(scale_set: ScaleSet) -> list[Effect]:
    """Creations, extensions of new instances and boots that bring the fleet to the set's instances."""
    if scale_set.deleting:
        return []
    return [_needed(scale_set, i) for i in scale_set.instances.values() if i.wants_act]


def still_wanted(scale_set: ScaleSet | None, effect: Effect) -> bool:
    """Whether an act that rested before another try is what its instance still needs."""
    if effect.kind not in _BY_STATE:
        return True
    instance = scale_set.instances.get(effect.instance_id) if scale_set is not None else None
    if scale_set is None or instance is None or scale_set.deleting:
        return False
    return instance.wants_act and _needed(scale_set, instance).id == effect.id


def rest_s(effect: Effect) -> float:
    """How long an act rests before it is tried again: twice as long each time, a new instance at most 5 minutes."""
    if effect.attempt == 1 or effect.kind not in _TRIED_AGAIN:
        return 0.0
    return min(_TRIED_AGAIN[effect.kind], RETRY_FIRST_S * 2.0 ** min(effect.attempt, 10))


def _needed(scale_set: ScaleSet, instance: Instance) -> Effect:
    if instance.provisioned and instance.trying is not None:
        return _instance_effect(scale_set, instance, EffectKind.START_INSTANCE, str(instance.trying.since_at), None)
    return _provision(scale_set, instance)


def next_extension(scale_set: ScaleSet, instance: Instance) -> Extension | None:
    """The first custom script of the model that has not run on the instance's present disk."""
    ran = {result.name for result in instance.extensions}
    return next((x for x in scale_set.model.extensions if x.is_custom_script and x.name not in ran), None)


def _provision(scale_set: ScaleSet, instance: Instance) -> Effect:
    extension = next_extension(scale_set, instance) if instance.disk else None
    kind = EffectKind.RUN_EXTENSION if extension is not None else EffectKind.CREATE_INSTANCE
    step = extension.name if extension is not None else ""
    return _instance_effect(scale_set, instance, kind, step, extension)


def delete_effect(scale_set: ScaleSet, instance: Instance) -> Effect:
    """Take an instance and its disks away (scale in, deletion of the set)."""
    return _instance_effect(scale_set, instance, EffectKind.DELETE_INSTANCE, "", None)


def delete_again(effect: Effect) -> Effect | None:
    """The next try of a deletion that failed; None after MOST_DELETIONS, when only an operator can help."""
    if effect.attempt >= MOST_DELETIONS:
        return None
    attempt = effect.attempt + 1
    born = f"{effect.instance_id}#{effect.id[:8]}"
    return replace(effect, id=effect_id(effect.operation, born, effect.kind, "", attempt), attempt=attempt)


def _instance_effect(
    scale_set: ScaleSet, instance: Instance, kind: EffectKind, step: str, extension: Extension | None
) -> Effect:
    operation = f"scale/{scale_set.key}"
    born = f"{instance.instance_id}@{instance.created_at}"
    attempt = instance.trying.tries + 1 if instance.trying is not None and kind in _BY_STATE else 1
    return Effect(
        id=effect_id(operation, born, kind, step, attempt),
        kind=kind,
        operation=operation,
        scale_set=scale_set.key,
        instance_id=instance.instance_id,
        member=instance.instance_id,
        attempt=attempt,
        step=step,
        digest=instance.digest,
        image=str(instance.image),
        port=scale_set.model.port,
        data_disks=scale_set.model.data_disks,
        zone=instance.zone,
        environment=scale_set.model.environment,
        extension=extension,
        deadline_s=scale_set.model.extension_budget_s if kind is EffectKind.RUN_EXTENSION else DISK_ACT_S,
        born=str(instance.created_at),
    )
