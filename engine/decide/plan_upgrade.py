"""The plan of an upgrade: target, members, batches, checks, and the record that starts it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace

from engine.decide.choose_batch import choose_from
from engine.decide.estimate import ASSUMED, Pace, plan_range
from engine.decide.plan_checks import plan_checks
from engine.decide.settle_settings import settle_settings
from engine.model.codes import ErrorCode
from engine.model.errors import InputError, RefusedError
from engine.model.image import ImageVersion, check_version, latest_of, version_key
from engine.model.plan import Plan, PlannedBatch, PlannedInstance, StartRequest
from engine.model.policy import RunSettings
from engine.model.policy_document import PolicyDocument
from engine.model.scale_set import Instance, ScaleSet, is_on
from engine.model.upgrade import Direction, LeftOut, Member, MemberState, Now, Upgrade

Images = Mapping[str, ImageVersion]


def resolve_target(scale_set: ScaleSet, images: Images, to: str | None) -> ImageVersion:
    """The exact image version an upgrade goes to.

    Raises InputError for a version that is malformed or not published, RefusedError when a `latest`
    set has no version that it may take.
    """
    model = scale_set.model.image
    version = to or model.version
    check_version(version, f"upgrade of {scale_set.name}")
    if version == "latest":
        found = latest_of(tuple(images.values()), model.family, scale_set.blocked_versions)
        if found is None:
            raise RefusedError(
                ErrorCode.OPERATION_NOT_ALLOWED,
                f"no published version of {model} may be taken by {scale_set.name}.",
                "Publish one, or include one that is excluded; `rollset image list` shows them.",
            )
        return found
    wanted = model.with_version(version)
    for image in images.values():
        if image.reference.family == wanted.family and image.reference.version == version:
            return image
    known = sorted(
        (i.reference.version for i in images.values() if i.reference.family == wanted.family), key=version_key
    )
    raise InputError(
        ErrorCode.NOT_FOUND,
        f"image {wanted} is not published; published versions: {', '.join(known) or 'none'}.",
        f"Publish it: rollset image publish DIR --as {wanted}",
    )


def make_plan(
    scale_set: ScaleSet,
    images: Images,
    request: StartRequest,
    *,
    room_free_bytes: int | None,
    pace: Pace = ASSUMED,
    by_user: bool = True,
    policies: Iterable[PolicyDocument] = (),
    rollback: bool = False,
) -> tuple[Plan, RunSettings, tuple[Member, ...]]:
    """The plan, the settings and the members of an upgrade that would start now.

    `pace` is how fast members of this set went before, for the time it will take.
    """
    target = resolve_target(scale_set, images, request.to)
    settings, origins = settle_settings(scale_set, request, by_user=by_user, policies=policies, rollback=rollback)
    members = tuple(_member(instance, target) for instance in _ordered(scale_set))
    batches = _forecast(members, settings, scale_set)
    needed = target.size_bytes * _disks_more(members, batches, scale_set)
    low_s, high_s = plan_range(pace, [len(b.members) for b in batches], settings.policy.pause_between_batches_s)
    plan = Plan(
        scale_set=scale_set.name,
        target=str(target.reference),
        target_digest=target.digest,
        previous=_previous(scale_set),
        hash="",
        model_version=scale_set.model_version,
        batches=batches,
        instances=tuple(_planned(m, scale_set.instances[m.instance_id]) for m in members),
        checks=tuple(plan_checks(scale_set, settings, members, needed, room_free_bytes)),
        settings=tuple(origins),
        restore_point=f"{_previous(scale_set)}, the OS disk of each instance is kept",
        room_needed_bytes=needed,
        room_free_bytes=room_free_bytes,
        eta_low_s=low_s,
        eta_high_s=high_s,
        eta_origin=pace.origin,
        request=request,
    )
    return replace(plan, hash=plan_hash(plan)), settings, members


def plan_hash(plan: Plan) -> str:
    """Names fleet, target and settings: two plans with one hash would do the same."""
    parts = [plan.scale_set, plan.target_digest, plan.target, str(plan.model_version)]
    parts += [f"{i.instance_id}|{i.image}|{i.zone}|{i.update_domain}|{i.left_out}" for i in plan.instances]
    parts += [f"{s.name}={s.value}" for s in plan.settings]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def plan_differences(saved: Plan, fresh: Plan) -> list[str]:
    """In words, what has drifted between a saved plan and one made now."""
    found: list[str] = []
    for name in ("scale_set", "target", "target_digest", "model_version"):
        before, after = getattr(saved, name), getattr(fresh, name)
        if before != after:
            found.append(f"{name} was {before}, is {after}")
    old = {i.instance_id: i for i in saved.instances}
    new = {i.instance_id: i for i in fresh.instances}
    found += [f"instance {name} has left" for name in old if name not in new]
    found += [f"instance {name} is new" for name in new if name not in old]
    for name, was in old.items():
        now = new.get(name)
        if now is None or now == was:
            continue
        if (now.image, now.left_out) != (was.image, was.left_out):
            found.append(
                f"instance {name} was {was.image} {was.left_out}".rstrip() + f", is {now.image} {now.left_out}".rstrip()
            )
        else:
            found.append(f"instance {name} was in {_place(was)}, is in {_place(now)}")
    values = {s.name: s.value for s in fresh.settings}
    found += [
        f"{s.name} was {s.value}, is {values.get(s.name)}" for s in saved.settings if values.get(s.name) != s.value
    ]
    return found


def _place(instance: PlannedInstance) -> str:
    return f"zone {instance.zone or 'none'}, update domain {instance.update_domain}"


def new_upgrade(
    scale_set: ScaleSet,
    target: ImageVersion,
    settings: RunSettings,
    members: tuple[Member, ...],
    *,
    upgrade_id: str,
    actor: str,
    reason: str,
    request: StartRequest,
    now: Now,
    started_by: str = "User",
    continues: str | None = None,
    is_rollback_of: str | None = None,
) -> Upgrade:
    """The record with which an upgrade begins (state Checking)."""
    return Upgrade(
        id=upgrade_id,
        scale_set=scale_set.key,
        scale_set_name=scale_set.name,
        settings=settings,
        target=target.reference,
        target_digest=target.digest,
        extensions=tuple(x.name for x in scale_set.model.extensions if x.is_custom_script),
        previous_image=scale_set.model.image,
        started_by=started_by,
        actor=actor,
        reason=reason,
        started_at=now.at,
        started_clock=now.clock,
        starts_not_before_at=request.at,
        continues=continues,
        is_rollback_of=is_rollback_of,
        members={m.id: replace(m, since_at=now.at, since_clock=now.clock) for m in members},
        pause_after_batch=request.step,
        last_action_at=now.at,
    )


def _ordered(scale_set: ScaleSet) -> list[Instance]:
    return sorted(scale_set.instances.values(), key=lambda i: (len(i.instance_id), i.instance_id))


def _member(instance: Instance, target: ImageVersion) -> Member:
    left_out, why = None, ""
    if instance.protected_from_actions:
        left_out, why = LeftOut.PROTECTED, "protectFromScaleSetActions"
    elif is_on(instance, target.reference, target.digest):
        left_out, why = LeftOut.ALREADY_CURRENT, "already on the target"
    elif instance.hold is not None:
        left_out, why = LeftOut.HELD, instance.hold.reason
    return Member(
        id=f"m{instance.instance_id}",
        instance_id=instance.instance_id,
        zone=instance.zone,
        update_domain=instance.update_domain,
        fault_domain=instance.fault_domain,
        state=MemberState.PENDING if left_out is None else MemberState.LEFT_OUT,
        left_out=left_out,
        left_out_reason=why,
    )


def _planned(member: Member, instance: Instance) -> PlannedInstance:
    return PlannedInstance(
        member.instance_id,
        str(instance.image),
        member.zone,
        member.update_domain,
        f"{member.left_out.value}: {member.left_out_reason}" if member.left_out else "",
    )


def _previous(scale_set: ScaleSet) -> str:
    versions = sorted({str(i.image) for i in scale_set.instances.values()})
    return ", ".join(versions) or str(scale_set.model.image)


def _forecast(members: tuple[Member, ...], settings: RunSettings, scale_set: ScaleSet) -> tuple[PlannedBatch, ...]:
    left = {m.id: m for m in members if m.state is MemberState.PENDING}
    found: list[PlannedBatch] = []
    while left:
        choice = choose_from(left.values(), settings, Direction.FORWARD, scale_set)
        assert choice is not None, "members are left, so one can be chosen"
        names = tuple(left.pop(m).instance_id for m in choice.members)
        found.append(PlannedBatch(len(found) + 1, choice.zone, choice.update_domain, names, choice.why))
    return tuple(found)


def _disks_more(members: tuple[Member, ...], batches: tuple[PlannedBatch, ...], scale_set: ScaleSet) -> int:
    """How many OS disks more there are at most: the old disk of every upgraded instance is kept.

    One that keeps an older disk already gives that one up, after its new disk is there.
    """
    chosen = [scale_set.instances[m.instance_id] for m in members if m.state is MemberState.PENDING]
    swapping = [i for i in chosen if i.previous_disk is not None]
    at_once = max((len(batch.members) for batch in batches), default=0)
    return len(chosen) - len(swapping) + min(len(swapping), at_once)


def refuse_if_impossible(plan: Plan) -> None:
    """Raise RefusedError with every refused check of the plan."""
    if plan.refusals:
        raise RefusedError(
            ErrorCode.OPERATION_NOT_ALLOWED,
            f"{plan.scale_set} cannot start: " + "; ".join(check.words for check in plan.refusals),
            " ".join(check.cure for check in plan.refusals),
        )


def refuse_if_drifted(saved: Plan, fresh: Plan) -> None:
    """Raise RefusedError with the differences unless both plans would do the same."""
    if saved.hash == fresh.hash:
        return
    differences = plan_differences(saved, fresh) or ["the plan file was changed by hand"]
    raise RefusedError(
        "PlanDrifted",
        f"the fleet is not as it was when the plan was made: {'; '.join(differences)}.",
        "Look at a fresh plan: rollset plan " + fresh.scale_set,
    )
