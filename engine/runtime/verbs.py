"""What each verb does: checks, events, one commit. Every command, accepted or refused, is in the audit stream."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import anyio.to_thread

from engine.arm.times import format_time
from engine.model import events as e
from engine.model.codes import ErrorCode
from engine.model.errors import InputError, NotFoundError, RefusedError, RollsetError, UnreachableError
from engine.model.image import ImageReference, ImageVersion, parse_reference
from engine.model.scale_set import InstanceHold, ScaleSet
from engine.runtime import answers
from engine.runtime.apply import apply_documents, delete_policy
from engine.runtime.arguments import (
    Arguments,
    optional_moment,
    optional_text,
    refuse_halves,
    text,
    texts,
    truth,
    whole,
)
from engine.runtime.backup_verbs import back_up, export
from engine.runtime.confirm import confirm, confirm_all
from engine.runtime.decided import Answer, Decided
from engine.runtime.door import Caller
from engine.runtime.engine import Engine
from engine.runtime.halting import halt, lift_halt
from engine.runtime.judged import Judged
from engine.runtime.known_arguments import refuse_unknown
from engine.runtime.permissions import needed_for, permit
from engine.runtime.scaling import delete_set, scale_to
from engine.runtime.stopped_instances import start_instances, with_it
from engine.runtime.turn import Turn
from engine.runtime.upgrade_verbs import UPGRADE_VERBS, start_upgrade
from engine.store.image_blobs import PublishedBlob

Do = Callable[[Engine, Arguments, Caller], Awaitable[Decided]]
STOP_S = 10.0
"""How long a stop waits for what has begun; what is not settled then, the next engine settles."""
HAND_OVER_S = 60.0
"""An engine whose acts are not settled by then goes on as it is."""
HARMLESS = frozenset({"pause", "halt", "image-publish", "engine-stop"})


async def carry_out(engine: Engine, verb: str, arguments: Arguments, caller: Caller) -> Answer:
    """Carry out a verb: what it changes, its verdict and its audit event become true together, or not at all.

    A repeated idempotency key acts no second time and meets the same verdict. Raises RollsetError.
    """
    do = _VERBS.get(verb)
    if do is None:
        raise InputError(ErrorCode.INVALID_PARAMETER, f"{verb!r} is not a verb.", "See rollset --help.")
    _refuse_while_draining(engine, verb)
    refuse_halves(arguments)
    command = Judged.of(verb, arguments, caller)
    if (before := command.repeated(engine)) is not None:
        return before
    try:
        permit(caller.role, caller.user, needed_for(verb), verb)
        refuse_unknown(verb, arguments)
        _confirm(engine, verb, arguments)
        decided = await do(engine, arguments, caller)
        if not decided.turn.empty:  # else it is done already, and the audit should say so
            _refuse_while_draining(engine, verb)  # a stop may have begun while the verb waited
            _confirm(engine, verb, arguments)  # and its set may have become one that asks for its name
    except UnreachableError:
        raise  # no verdict: the same key may be tried again
    except RollsetError as error:
        if command.repeated(engine) is None:
            command.commit(engine, engine.turn(caller.user), error)
        raise
    if (before := command.repeated(engine)) is not None:
        return before
    command.commit(engine, decided.turn, None)
    return decided.answer()


def _refuse_while_draining(engine: Engine, verb: str) -> None:
    if engine.draining is not None and verb not in HARMLESS:
        raise UnreachableError("EngineStopping", "the engine is about to stop.", "Try again in a moment.")


def _confirm(engine: Engine, verb: str, arguments: Arguments) -> None:
    name = arguments.get("set")
    if verb in HARMLESS or not isinstance(name, str):
        return
    confirm(engine.find_set(name), verb, optional_text(arguments, "confirm"))


async def _publish(engine: Engine, arguments: Arguments, caller: Caller) -> Decided:
    reference = parse_reference(text(arguments, "reference"))
    if reference.is_latest:
        raise InputError(
            ErrorCode.INVALID_PARAMETER, "an image cannot be published as `latest`.", "Give a version number, as 1.2.0."
        )
    source = Path(text(arguments, "path"))
    refuse = partial(_refuse_other_content, engine, reference)
    blob = await anyio.to_thread.run_sync(engine.blobs.publish, source, refuse)
    refuse(blob)  # a version may have come while this one was stored
    before = engine.state.images.get(str(reference))
    turn = engine.turn(caller.user)
    if before is None:
        image = ImageVersion(reference, blob.digest, blob.size_bytes, turn.now.at)
        turn.on_image(image, e.ImagePublished(image))
    said = {
        "reference": str(reference),
        "digest": blob.digest,
        "size_bytes": blob.size_bytes,
        "action": "published" if before is None else "unchanged",
    }
    return Decided(turn, lambda: said)


def _refuse_other_content(engine: Engine, reference: ImageReference, blob: PublishedBlob) -> None:
    before = engine.state.images.get(str(reference))
    if before is not None and before.digest != blob.digest:
        raise RefusedError(
            ErrorCode.CONFLICT,
            f"{reference} is published already with other content ({before.digest[:19]}); versions never change.",
            "Publish it under a higher version.",
        )


def _exclusion(excluded: bool) -> Do:
    async def do(engine: Engine, arguments: Arguments, caller: Caller) -> Decided:
        reference = str(parse_reference(text(arguments, "reference")))
        image = engine.state.images.get(reference)
        if image is None:
            raise InputError(ErrorCode.NOT_FOUND, f"image {reference} is not published.", "See rollset image list.")
        turn = engine.turn(caller.user)
        why = optional_text(arguments, "reason") or ""
        turn.on_image(
            replace(image, excluded_from_latest=excluded), e.ImageExclusionChanged(image.reference, excluded, why)
        )
        lifted = [] if excluded else _lift(engine, turn, image)
        said = {"reference": reference, "excluded_from_latest": excluded, "lifted_in": lifted}
        return Decided(turn, lambda: said)

    return do


def _lift(engine: Engine, turn: Turn, image: ImageVersion) -> list[str]:
    """Scale sets that left a version out because it was rolled back there may take it again; their names."""
    version = image.reference.version
    found = [s for s in engine.state.scale_sets.values() if s.blocks(image.reference)]
    for scale_set in found:
        left = tuple(v for v in scale_set.blocked_versions if v != version)
        why = f"{version} was included again"
        turn.on_scale_set(scale_set.key, e.ModelImageChanged(scale_set.model.image, left, scale_set.good_version, why))
    return [scale_set.name for scale_set in found]


async def _apply(engine: Engine, arguments: Arguments, caller: Caller) -> Decided:
    documents = arguments.get("documents")
    if not isinstance(documents, list):
        raise InputError(ErrorCode.INVALID_PARAMETER, "documents is not a list.", "Give the resources of a file.")
    if not documents:
        raise InputError(
            ErrorCode.INVALID_PARAMETER, "no document is given: nothing to apply.", "Name a file with one."
        )
    names = texts(arguments, "files") or (optional_text(arguments, "file") or "input",) * len(documents)
    if len(names) != len(documents):
        raise InputError(ErrorCode.INVALID_PARAMETER, "files does not name a file for each document.", "Name each.")
    return apply_documents(engine, documents, names, caller, optional_text(arguments, "confirm"))


async def _delete_policy(engine: Engine, arguments: Arguments, caller: Caller) -> Decided:
    return delete_policy(engine, text(arguments, "name"), caller, optional_text(arguments, "confirm"))


def _on_instance(
    make: Callable[[ScaleSet, str, Arguments, Caller, Turn], tuple[e.Event, str]],
) -> Do:
    async def do(engine: Engine, arguments: Arguments, caller: Caller) -> Decided:
        scale_set = engine.find_set(text(arguments, "set"))
        name = text(arguments, "instance")
        if name not in scale_set.instances:
            known = ", ".join(list(scale_set.instances)[:12])
            raise NotFoundError(
                ErrorCode.NOT_FOUND, f"{scale_set.name} has no instance {name!r}; it has {known}.", "See rollset show."
            )
        turn = engine.turn(caller.user)
        event, said = make(scale_set, name, arguments, caller, turn)
        turn.on_scale_set(scale_set.key, event)
        return Decided(turn, lambda: _about(engine, scale_set, said))

    return do


NO_REASON = "held"
"""What stands where a hold was given no reason."""


def _hold(scale_set: ScaleSet, name: str, arguments: Arguments, caller: Caller, turn: Turn) -> tuple[e.Event, str]:
    until = optional_moment(arguments, "until")
    if until is not None and until <= turn.now.at:
        raise InputError(ErrorCode.INVALID_PARAMETER, "--until is in the past.", "Give a time to come.")
    given = optional_text(arguments, "reason")
    hold = InstanceHold(given or NO_REASON, caller.user, turn.now.at, until)
    said, earlier = f"instance {name} of {scale_set.name} is held out of batches", scale_set.instances[name].hold
    if earlier is not None and not given:
        hold = replace(hold, reason=earlier.reason)
        said += f"; its reason stays: {earlier.reason}" if earlier.reason != NO_REASON else ""
    if earlier is not None and earlier.until_at is not None and until is None and earlier.until_at > turn.now.at:
        hold = replace(hold, until_at=earlier.until_at)
        said += f"; its end stays: {(format_time(earlier.until_at) or '')[:16].replace('T', ' ')} UTC"
    return e.InstanceHeld(name, hold), said


def _release(scale_set: ScaleSet, name: str, arguments: Arguments, caller: Caller, turn: Turn) -> tuple[e.Event, str]:
    if scale_set.instances[name].hold is None:
        raise RefusedError(ErrorCode.OPERATION_NOT_ALLOWED, f"instance {name} is not held.", "See rollset show.")
    reason = optional_text(arguments, "reason") or ""
    return e.InstanceReleased(name, caller.user, reason), f"instance {name} of {scale_set.name} is released"


def _protect(scale_set: ScaleSet, name: str, arguments: Arguments, caller: Caller, turn: Turn) -> tuple[e.Event, str]:
    actions = truth(arguments, "from_actions")
    if actions and arguments.get("from_scale_in") is False:
        raise InputError(
            ErrorCode.INVALID_PARAMETER,
            "protectFromScaleSetActions cannot be true while protectFromScaleIn is false: it includes that.",
            f"Leave --no-from-scale-in out; only from scale-in: rollset protect {scale_set.name} {name} "
            "--no-from-actions --from-scale-in",
        )
    scale_in = truth(arguments, "from_scale_in") or actions
    said = "protected" if actions or scale_in else "no longer protected"
    return e.ProtectionChanged(name, actions, scale_in), f"instance {name} of {scale_set.name} is {said}"


def _about(engine: Engine, scale_set: ScaleSet, said: str) -> Answer:
    return {"message": said, "set": answers.set_summary(engine, engine.find_set(scale_set.key))}


async def _scale(engine: Engine, arguments: Arguments, caller: Caller) -> Decided:
    scale_set = engine.find_set(text(arguments, "set"))
    capacity = whole(arguments, "capacity")
    turn = scale_to(engine, scale_set, capacity, caller.user, optional_text(arguments, "to"))
    return Decided(turn, lambda: _about(engine, scale_set, f"{scale_set.name} goes to {capacity} instances"))


async def _delete(engine: Engine, arguments: Arguments, caller: Caller) -> Decided:
    scale_set = engine.find_set(text(arguments, "set"))
    turn = delete_set(engine, scale_set, caller.user, optional_text(arguments, "reason") or "")
    said = f"{scale_set.name} is being deleted with its {len(scale_set.instances)} instances"
    return Decided(turn, lambda: {"message": said})


async def _stop(engine: Engine, arguments: Arguments, caller: Caller) -> Decided:
    with_instances = truth(arguments, "with_instances")
    if with_instances:
        ending = [s for s in engine.state.scale_sets.values() if s.fleet == "local" and s.instances]
        confirm_all(ending, "engine stop --with-instances", optional_text(arguments, "confirm"))

    def answer() -> Answer:
        if with_instances:  # a plain stop beside it does not take that back
            engine.stop_instances = caller.user
        engine.stopped_by = engine.stopped_by or caller.user
        engine.drain(STOP_S, stops_anyway=True)
        also = bool(engine.stop_instances)
        live = sorted(u.scale_set_name for u in engine.state.upgrades.values() if u.live)
        watching = sorted({one.user for one in engine.presence})
        said = ["the engine stops" + (f", {with_it(engine)}" if also else "")]
        said += [f"upgrades that are live stand still until the next engine: {', '.join(live)}"] if live else []
        said += [f"watching: {', '.join(watching)}"] if watching else []
        return {"message": "; ".join(said), "with_instances": also, "live": live, "watching": watching}

    return Decided(engine.turn(caller.user), answer)


async def _hand_over(engine: Engine, arguments: Arguments, caller: Caller) -> Decided:
    def answer() -> Answer:
        engine.drain(HAND_OVER_S, stops_anyway=False)
        return {"message": "the engine stops once all it has begun is settled"}

    return Decided(engine.turn(caller.user), answer)


_VERBS: dict[str, Do] = {
    "apply": _apply,
    "policy-delete": _delete_policy,
    "image-publish": _publish,
    "image-exclude": _exclusion(True),
    "image-include": _exclusion(False),
    "start": start_upgrade,
    **UPGRADE_VERBS,
    "halt": halt,
    "lift-halt": lift_halt,
    "hold": _on_instance(_hold),
    "release": _on_instance(_release),
    "protect": _on_instance(_protect),
    "scale": _scale,
    "delete": _delete,
    "backup": back_up,
    "engine-hand-over": _hand_over,
    "engine-start": start_instances,
    "export": export,
    "engine-stop": _stop,
}
