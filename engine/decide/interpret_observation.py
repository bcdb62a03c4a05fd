"""Turn what a fleet reported into events. Facts only: what follows from them is `advance`'s."""

from __future__ import annotations

from engine.decide.plan_effects import MOST_STARTS, next_extension, wanted_effect_id
from engine.model import events as e
from engine.model.codes import ApiError, ErrorCode
from engine.model.effects import Effect, EffectKind, EffectOutcome, OutcomeKind
from engine.model.image import ImageReference
from engine.model.scale_set import ExtensionResult, Instance, ScaleSet
from engine.model.upgrade import Member, MemberState, Now, RestorePoint, Upgrade

NOT_PUT_BACK = " It could not be put back: "


def member_of(upgrade: Upgrade, effect: Effect) -> Member | None:
    """The member that waits for this very effect; None when it has gone on since, or never did."""
    member = upgrade.members.get(effect.member)
    return member if member is not None and wanted_effect_id(upgrade, member) == effect.id else None


def interpret_effect(
    upgrade: Upgrade, scale_set: ScaleSet, effect: Effect, outcome: EffectOutcome, now: Now
) -> tuple[list[e.Event], list[e.Event]]:
    """Events of the upgrade and of the scale set for an effect that ended.

    An outcome of any other effect than the one the member waits for (a late or doubled answer, an earlier extension)
    changes nothing.
    """
    member = member_of(upgrade, effect)
    if member is None:
        return [], []
    if outcome.kind is OutcomeKind.UNKNOWN:
        return ([] if member.reconciling else [e.MemberReconciling(member.id, True)]), []
    instance = scale_set.instances.get(member.instance_id)
    if instance is None:
        return [], []
    if effect.kind is EffectKind.RUN_EXTENSION:
        return _extension_ended(upgrade, member, effect, outcome, now)
    if outcome.kind is OutcomeKind.FAILED:
        return _failed(member, outcome), []
    if effect.kind is EffectKind.CAPTURE_RESTORE_POINT:
        return [_captured(member, instance, outcome)], []
    if member.state is MemberState.REPLACING:
        return _replaced(upgrade, scale_set, member, instance, outcome)
    return _restored(upgrade, scale_set, member, instance, outcome)


def _failed(member: Member, outcome: EffectOutcome) -> list[e.Event]:
    error = ApiError(outcome.code or ErrorCode.INTERNAL, outcome.message)
    entered = MemberState.FAILED
    if member.state is MemberState.RESTORING:
        entered, error = MemberState.RESTORE_FAILED, _beside_the_cause(member, error)
    touched = member.state is MemberState.REPLACING
    return [
        e.MemberMoved(
            member.id, member.instance_id, member.state, entered, outcome.message, replaced=touched, error=error
        )
    ]


def _beside_the_cause(member: Member, error: ApiError) -> ApiError:
    """Why a restore failed does not hide why there had to be one."""
    if member.error is None:
        return error
    cause = member.error.message.partition(NOT_PUT_BACK)[0]
    return ApiError(member.error.code, f"{cause}{NOT_PUT_BACK}{error.message}")


def _captured(member: Member, instance: Instance, outcome: EffectOutcome) -> e.MemberMoved:
    point = member.restore_point or RestorePoint(instance.image, outcome.digest, outcome.disk)
    return e.MemberMoved(
        member.id,
        member.instance_id,
        member.state,
        MemberState.REPLACING,
        f"restore point is {point.image.version} on disk {point.disk}",
        restore_point=point,
    )


def _replaced(
    upgrade: Upgrade, scale_set: ScaleSet, member: Member, instance: Instance, outcome: EffectOutcome
) -> tuple[list[e.Event], list[e.Event]]:
    back = member.back_to
    kept = back is not None and not outcome.from_image  # what its extensions wrote is on it still
    entered = MemberState.EXTENDING if upgrade.extensions and not kept else MemberState.AWAITING_HEALTH
    why = f"its kept OS disk {outcome.disk} put back" if kept else "OS disk replaced"
    if outcome.from_image:
        why += ": the kept one was gone"
    moved = e.MemberMoved(member.id, member.instance_id, member.state, entered, why, replaced=True)
    image = back.image if back is not None else upgrade.target
    changed = e.InstanceDiskChanged(
        instance.instance_id,
        image,
        outcome.digest,
        outcome.disk,
        *_left_behind(instance, outcome),
        latest_model_applied=scale_set.model.asks_for(image),
        address=outcome.address or instance.address,
    )
    return [moved], [changed]


def _left_behind(instance: Instance, outcome: EffectOutcome) -> tuple[str | None, ImageReference | None]:
    """The OS disk that was in use until now: fleets keep it until the next swap, or until it is discarded."""
    return (instance.disk, instance.image) if instance.disk != outcome.disk else (None, None)


def _restored(
    upgrade: Upgrade, scale_set: ScaleSet, member: Member, instance: Instance, outcome: EffectOutcome
) -> tuple[list[e.Event], list[e.Event]]:
    point = member.restore_point
    image = point.image if point else instance.image
    extends = outcome.from_image and bool(upgrade.extensions)
    entered = MemberState.EXTENDING if extends else MemberState.AWAITING_HEALTH_AFTER_RESTORE
    why = f"back on {image.version}"
    if outcome.from_image:
        why += ": its previous OS disk is gone, so it was replaced from the image"
    moved = e.MemberMoved(member.id, member.instance_id, member.state, entered, why)
    changed = e.InstanceDiskChanged(
        instance.instance_id,
        image,
        outcome.digest,
        outcome.disk,
        *_left_behind(instance, outcome),
        latest_model_applied=scale_set.model.image == image,  # a set on `latest` asks for the one it came from
        address=outcome.address or instance.address,
    )
    return [moved], [changed]


def _extension_ended(
    upgrade: Upgrade, member: Member, effect: Effect, outcome: EffectOutcome, now: Now
) -> tuple[list[e.Event], list[e.Event]]:
    ran: list[e.Event] = [e.ExtensionRan(member.instance_id, extension_result(effect, outcome, now))]
    if outcome.kind is OutcomeKind.FAILED:
        return [_extension_failed(member, effect, outcome)], ran
    following = member.step + 1
    if following < len(upgrade.extensions):
        entered, step = MemberState.EXTENDING, following
    else:
        entered, step = MemberState.AWAITING_HEALTH, member.step
        if member.restoring:
            entered = MemberState.AWAITING_HEALTH_AFTER_RESTORE
    why = f"extension {effect.step} succeeded in {outcome.took_s:.1f} s"
    return [e.MemberMoved(member.id, member.instance_id, member.state, entered, why, step=step)], ran


def _extension_failed(member: Member, effect: Effect, outcome: EffectOutcome) -> e.MemberMoved:
    how = f"exit code {outcome.exit_code}" if outcome.exit_code is not None else outcome.message
    tail = outcome.stderr.strip().splitlines()[-1:] if outcome.stderr else []
    message = f"VM has reported a failure when processing extension '{effect.step}': {how}." + (
        f" Last line of its error output: {tail[0][:400]}" if tail else ""
    )
    error = ApiError(ErrorCode.EXTENSION, message)
    entered = MemberState.FAILED
    if member.restoring:
        entered, error = MemberState.RESTORE_FAILED, _beside_the_cause(member, error)
    return e.MemberMoved(member.id, member.instance_id, member.state, entered, message, step=member.step, error=error)


def extension_result(effect: Effect, outcome: EffectOutcome, now: Now) -> ExtensionResult:
    """What is kept of a run; of one that gave no exit code, why."""
    said = outcome.stderr if outcome.exit_code is not None or outcome.stderr else outcome.message
    return ExtensionResult(effect.step, outcome.exit_code, outcome.stdout, said, now.at)


def interpret_instance_effect(scale_set: ScaleSet, effect: Effect, outcome: EffectOutcome, now: Now) -> list[e.Event]:
    """Events of the scale set for an act on an instance that belongs to no upgrade."""
    instance = scale_set.instances.get(effect.instance_id)
    if effect.kind is EffectKind.DELETE_INSTANCE:
        return []
    if effect.kind is EffectKind.DISCARD_PREVIOUS_DISK:
        problem = "" if outcome.kind is OutcomeKind.SUCCEEDED else outcome.message or outcome.kind.value
        return [e.PreviousDiskDiscarded(effect.instance_id, effect.disk, problem)]
    if effect.kind is EffectKind.START_INSTANCE:
        return _start_ended(instance, effect, outcome)
    if instance is None or instance.provisioned or outcome.kind is OutcomeKind.UNKNOWN:
        return []
    if effect.kind is EffectKind.RUN_EXTENSION:
        result = extension_result(effect, outcome, now)
        found: list[e.Event] = [e.ExtensionRan(instance.instance_id, result)]
        left = [
            x
            for x in scale_set.model.extensions
            if x.is_custom_script and x.name != effect.step and x.name not in {r.name for r in instance.extensions}
        ]
        if not left:
            found.append(_provisioned(instance, instance.disk, instance.digest, instance.address))
        return found
    if outcome.kind is OutcomeKind.FAILED:
        return [e.InstanceCreationFailed(instance.instance_id, outcome.message, effect.attempt)]
    if instance.disk:  # it is there already, and its extensions may have begun: a doubled answer
        return []
    aside = [e.InstanceSetAside(instance.instance_id, outcome.aside)] if outcome.aside else []
    created = e.InstanceDiskChanged(
        instance.instance_id,
        instance.image,
        outcome.digest,
        outcome.disk,
        None,
        None,
        latest_model_applied=scale_set.model.asks_for(instance.image),
        address=outcome.address,
    )
    if next_extension(scale_set, instance) is not None:
        return [*aside, created]
    return [*aside, created, _provisioned(instance, outcome.disk, outcome.digest, outcome.address)]


def _start_ended(instance: Instance | None, effect: Effect, outcome: EffectOutcome) -> list[e.Event]:
    if instance is None or not instance.provisioned or instance.trying is None:
        return []
    name = instance.instance_id
    if outcome.kind is OutcomeKind.SUCCEEDED:
        return [e.InstanceStarted(name, outcome.address or instance.address)]
    if outcome.kind is OutcomeKind.FAILED:
        tries_on = effect.attempt < MOST_STARTS and outcome.code != ErrorCode.NOT_FOUND  # what is not there never boots
        return [e.InstanceStartFailed(name, outcome.message, effect.attempt, tries_on)]
    return []


def _provisioned(instance: Instance, disk: str, digest: str, address: str) -> e.InstanceProvisioned:
    return e.InstanceProvisioned(instance.instance_id, disk, digest, address)
