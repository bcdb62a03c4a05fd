"""Scale in and out, and deletion: events for the set, intents for its fleet, in one commit."""

from __future__ import annotations

from engine.decide.after_the_end import restore_image
from engine.decide.place_instances import scale_events
from engine.decide.plan_effects import delete_effect
from engine.decide.plan_upgrade import resolve_target
from engine.model import events as e
from engine.model.codes import ErrorCode
from engine.model.errors import RefusedError
from engine.model.image import ImageVersion
from engine.model.scale_set import ScaleSet
from engine.model.upgrade import Direction
from engine.runtime.engine import Engine
from engine.runtime.turn import Turn


def image_for_new(engine: Engine, scale_set: ScaleSet, to: str | None = None) -> ImageVersion:
    """A live upgrade's target, or what it goes back to; else the last good version of a Faulted run, or the model's.

    A new try of a few instances that failed decides nothing for new ones.
    """
    live = engine.state.live_upgrade(scale_set.key)
    if live is not None and not (live.only_chosen and live.is_rollback_of is None):
        wanted = live.target if live.direction is Direction.FORWARD else restore_image(live) or live.target
        found = engine.state.images.get(str(wanted))
        if found is not None:
            return found
    return resolve_target(scale_set, engine.state.images, to or scale_set.good_version)


def scale_into(turn: Turn, engine: Engine, scale_set: ScaleSet, capacity: int, to: str | None = None) -> None:
    """Put the events and deletions that bring a set to `capacity` into a draft."""
    image = image_for_new(engine, scale_set, to) if capacity > len(scale_set.instances) else None
    unused = ImageVersion(scale_set.model.image, "", 0, 0.0)
    found = scale_events(scale_set, capacity, image or unused, turn.now)
    leaving = [scale_set.instances[x.instance_id] for x in found if isinstance(x, e.InstanceRemoved)]
    turn.on_scale_set(scale_set.key, *found)
    turn.intents += [delete_effect(scale_set, instance) for instance in leaving]


def scale_to(engine: Engine, scale_set: ScaleSet, capacity: int, actor: str, to: str | None = None) -> Turn:
    """The draft that changes the capacity of a set; `to` is a version new instances take instead of their own.

    Raises InputError, RefusedError or NotFoundError.
    """
    if scale_set.deleting:
        raise RefusedError(
            ErrorCode.OPERATION_NOT_ALLOWED, f"{scale_set.name} is being deleted.", "Wait until it is gone."
        )
    live = engine.state.live_upgrade(scale_set.key)
    if to is not None and live is not None:
        raise RefusedError(
            ErrorCode.OPERATION_NOT_ALLOWED,
            f"new instances of {scale_set.name} cannot be told to take {to}: an upgrade is live ({live.id}), "
            "and they take its target.",
            "Leave --to out, or wait until it has ended.",
        )
    if to is not None:
        resolve_target(scale_set, engine.state.images, to)
    turn = engine.turn(actor)
    scale_into(turn, engine, scale_set, capacity, to)
    return turn


def delete_set(engine: Engine, scale_set: ScaleSet, actor: str, reason: str) -> Turn:
    """The draft that takes a set away with everything in it. Refused while an upgrade of it is live."""
    if scale_set.deleting:
        raise RefusedError(ErrorCode.CONFLICT, f"{scale_set.name} is being deleted already.", "Wait until it is gone.")
    live = engine.state.live_upgrade(scale_set.key)
    if live is not None:
        raise RefusedError(
            ErrorCode.OPERATION_NOT_ALLOWED,
            f"{scale_set.name} cannot be deleted: upgrade {live.id} is {live.state.value}.",
            f"Cancel it first: rollset cancel {scale_set.name}",
        )
    turn = engine.turn(actor)
    turn.on_scale_set(scale_set.key, e.ScaleSetDeleting(actor, reason))
    instances = list(scale_set.instances.values())
    for instance in instances:
        turn.on_scale_set(scale_set.key, e.InstanceRemoved(instance.instance_id, "the scale set is deleted"))
        turn.intents.append(delete_effect(scale_set, instance))
    if not instances:
        turn.on_scale_set(scale_set.key, e.ScaleSetDeleted())
    return turn
