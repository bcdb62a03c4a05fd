"""The plan of an upgrade: target, members, batches, checks, and the record that starts it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from engine.decide.choose_batch import choose_from
from engine.decide.estimate import ASSUMED, Pace, plan_range
from engine.decide.plan_checks import plan_checks, stopped_before
from engine.decide.plan_drift import plan_hash
from engine.decide.plan_versions import version_checks
from engine.decide.settle_settings import settle_settings, take_up_settings
from engine.decide.take_up import TakeUp, left_failed
from engine.model.codes import ErrorCode
from engine.model.errors import InputError, RefusedError
from engine.model.image import ImageReference, ImageVersion, check_version, latest_of, version_key
from engine.model.numbers import each_counted
from engine.model.plan import Plan, PlanCheck, PlannedBatch, PlannedInstance, StartRequest
from engine.model.policy import RunSettings
from engine.model.policy_document import PolicyDocument
from engine.model.scale_set import Instance, ScaleSet, is_on
from engine.model.upgrade import Direction, LeftOut, Member, MemberState, Now, Upgrade

Images = Mapping[str, ImageVersion]


def resolve_target(scale_set: ScaleSet, images: Images, to: str | None) -> ImageVersion:
    """The exact image version an upgrade goes to.

    Raises InputError for a version that is malformed or not published, RefusedError when
    a `latest` set has no version that it may take.
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
    earlier: Collection[Upgrade] = (),
    take_up: TakeUp | None = None,
) -> tuple[Plan, RunSettings, tuple[Member, ...]]:
    """The plan, the settings and the members of an upgrade that would start now.

    `pace` is how fast members of this set went before, for the time it will take. `earlier` are the set's upgrades so
    far: an instance that one of them left failed on the target is not done, and a target that was stopped is told.
    `take_up` is what an ended one leaves to this one; its settings then come first.
    """
    target = resolve_target(scale_set, images, request.to)
    if take_up is not None:
        settings, origins = take_up_settings(take_up.settings, take_up.ended, rollback=rollback)
    else:
        settings, origins = settle_settings(scale_set, request, by_user=by_user, policies=policies, rollback=rollback)
    failed = left_failed(scale_set, earlier)
    members = tuple(_member(i, target, failed.get(i.instance_id), take_up) for i in _ordered(scale_set))
    batches = _forecast(members, settings, scale_set)
    previous, above = _previous(scale_set, members), _above(scale_set, images, target, earlier)
    needed = target.size_bytes * _disks_more(members, batches, scale_set)
    low_s, high_s = plan_range(pace, [len(b.members) for b in batches], settings.policy.pause_between_batches_s)
    plan = Plan(
        scale_set=scale_set.name,
        target=str(target.reference),
        target_digest=target.digest,
        previous=previous,
        hash="",
        model_version=scale_set.model_version,
        batches=batches,
        instances=tuple(_planned(m, scale_set.instances[m.instance_id]) for m in members),
        checks=(
            *plan_checks(scale_set, settings, members, target.reference, needed, room_free_bytes, earlier, above),
            *version_checks(scale_set, images.values(), target.reference, members, rollback=rollback),
            *_ways_back(members, rollback),
        ),
        settings=tuple(origins),
        restore_point=f"{previous}, the OS disk of each instance is kept",
        room_needed_bytes=needed,
        room_free_bytes=room_free_bytes,
        eta_low_s=low_s,
        eta_high_s=high_s,
        eta_origin=pace.origin,
        request=request,
    )
    return replace(plan, hash=plan_hash(plan)), settings, members


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
    only_chosen: bool = False,
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
        previous_image=_came_from(scale_set, target, members),
        started_by=started_by,
        actor=actor,
        reason=reason,
        started_at=now.at,
        started_clock=now.clock,
        starts_not_before_at=request.at,
        delayed=request.at is not None,
        continues=continues,
        is_rollback_of=is_rollback_of,
        only_chosen=only_chosen,
        members={m.id: replace(m, since_at=now.at, since_clock=now.clock) for m in members},
        pause_after_batch=request.step,
        stepped_by=actor if request.step else "",
        last_action_at=now.at,
    )


def _came_from(scale_set: ScaleSet, target: ImageVersion, members: tuple[Member, ...]) -> ImageReference:
    """The model's image; where it is not what they come from, what most of them run.

    That is so for `latest`, for the target itself, and for a version that a run before did not complete.
    """
    model = scale_set.model.image
    completed = scale_set.good_version in (None, model.version)
    if completed and not model.is_latest and model != target.reference:
        return model
    found = Counter(scale_set.instances[m.instance_id].image for m in members if m.state is MemberState.PENDING)
    return found.most_common(1)[0][0] if found else model


def _above(scale_set: ScaleSet, images: Images, target: ImageVersion, earlier: Iterable[Upgrade]) -> str:
    """The highest version that the set may take, where that is higher than the target and was not stopped here."""
    newest = latest_of(tuple(images.values()), target.reference.family, scale_set.blocked_versions)
    if newest is None or version_key(newest.reference.version) <= version_key(target.reference.version):
        return ""
    return "" if stopped_before(newest.reference, earlier) is not None else newest.reference.version


def _ordered(scale_set: ScaleSet) -> list[Instance]:
    """The instances in order, without those whose creation failed so far: they join once they are there."""
    there = (i for i in scale_set.instances.values() if i.provisioned or i.trying is None)
    return sorted(there, key=lambda i: (len(i.instance_id), i.instance_id))


def _member(instance: Instance, target: ImageVersion, failed: Member | None, take_up: TakeUp | None) -> Member:
    there = is_on(instance, target.reference, target.digest)
    chosen = take_up is not None and instance.instance_id in take_up.chosen
    current = there and not (chosen or failed is not None or instance.extension_failed)
    left_out, why = None, ""
    if take_up is not None and not chosen and not current:
        left_out, why = LeftOut.SKIPPED, take_up.others
    elif instance.protected_from_actions:
        left_out, why = LeftOut.PROTECTED, "protectFromScaleSetActions"
    elif current:
        left_out, why = LeftOut.ALREADY_CURRENT, "already on the target"
    elif instance.hold is not None:
        left_out, why = LeftOut.HELD, instance.hold.reason
    again = there and not current
    return Member(
        id=f"m{instance.instance_id}",
        instance_id=instance.instance_id,
        zone=instance.zone,
        update_domain=instance.update_domain,
        fault_domain=instance.fault_domain,
        state=MemberState.PENDING if left_out is None else MemberState.LEFT_OUT,
        left_out=left_out,
        left_out_reason=why,
        again=again,
        # What it came from before the run that failed on it; the disk it has now is nothing to go back to.
        restore_point=failed.restore_point if again and failed is not None else None,
        back_to=take_up.kept.get(instance.instance_id) if take_up is not None else None,
    )


def _ways_back(members: tuple[Member, ...], rollback: bool) -> list[PlanCheck]:
    """Who gets its kept disk back in a rollback, and who a new one."""
    going = [m for m in members if m.state is MemberState.PENDING] if rollback else []
    kept = [m.instance_id for m in going if m.back_to is not None]
    anew = [m.instance_id for m in going if m.back_to is None]
    found: list[PlanCheck] = []
    if kept:
        found.append(PlanCheck("passed", f"get their kept previous OS disk back: {', '.join(kept)}"))
    if anew:
        words = f"replaced from the image, as no previous OS disk of theirs is kept: {', '.join(anew)}"
        found.append(PlanCheck("passed", words))
    return found


def _planned(member: Member, instance: Instance) -> PlannedInstance:
    return PlannedInstance(
        member.instance_id,
        str(instance.image),
        member.zone,
        member.update_domain,
        f"{member.left_out.value}: {member.left_out_reason}" if member.left_out else "",
        f"kept disk {member.back_to.disk}" if member.back_to is not None and not member.left_out else "",
    )


def _previous(scale_set: ScaleSet, members: tuple[Member, ...]) -> str:
    """What the instances that are to go run now, where none is what all run; the model may name what never came."""
    going = [m for m in members if m.state is MemberState.PENDING] or members
    counts = Counter(str(scale_set.instances[m.instance_id].image) for m in going)
    return each_counted(counts) or str(scale_set.model.image)


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
    anew = [m for m in members if m.state is MemberState.PENDING and m.back_to is None]
    chosen = [scale_set.instances[m.instance_id] for m in anew]
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
