"""Fold one event into a scale set. The only place where scale sets change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.model import events as e
from engine.model.health import Health
from engine.model.record_copy import replace
from engine.model.scale_set import Instance, ScaleSet, ScaleSetModel, Trying, not_made_yet
from engine.model.upgrade import Now


def evolve_scale_set(scale_set: ScaleSet | None, event: e.Event, now: Now) -> ScaleSet | None:
    """The scale set after `event`: None after ScaleSetDeleted; events it does not know leave it as it is."""
    if isinstance(event, e.ScaleSetApplied):
        return event.scale_set
    if scale_set is None or isinstance(event, e.ScaleSetDeleted):
        return None
    fold = _SCALE_SET.get(type(event))
    return fold(scale_set, event, now) if fold is not None else scale_set


def _change(scale_set: ScaleSet, instance_id: str, **changes: Any) -> ScaleSet:
    instance = scale_set.instances.get(instance_id)
    if instance is None:
        return scale_set
    return _put(scale_set, replace(instance, **changes))


def _put(scale_set: ScaleSet, instance: Instance) -> ScaleSet:
    return replace(scale_set, instances={**scale_set.instances, instance.instance_id: instance})


def _applied(model: ScaleSetModel, instance: Instance) -> bool:
    return model.asks_for(instance.image) and not instance.extension_failed


def _image_changed(scale_set: ScaleSet, event: e.ModelImageChanged, now: Now) -> ScaleSet:
    model = replace(scale_set.model, image=event.image)
    changed = model != scale_set.model
    instances = scale_set.instances
    if changed:
        instances = {k: replace(i, latest_model_applied=_applied(model, i)) for k, i in instances.items()}
    return replace(
        scale_set,
        model=model,
        instances=instances,
        model_version=scale_set.model_version + (1 if changed else 0),
        blocked_versions=event.blocked_versions,
        good_version=event.good_version,
    )


def _capacity(scale_set: ScaleSet, event: e.CapacityChanged, now: Now) -> ScaleSet:
    return replace(scale_set, capacity=event.capacity)


def _added(scale_set: ScaleSet, event: e.InstanceAdded, now: Now) -> ScaleSet:
    instance = event.instance
    following = max(scale_set.next_instance, int(instance.instance_id) + 1)
    return replace(_put(scale_set, instance), next_instance=following)


def _provisioned(scale_set: ScaleSet, event: e.InstanceProvisioned, now: Now) -> ScaleSet:
    return _change(
        scale_set,
        event.instance_id,
        provisioned=True,
        running=True,
        disk=event.disk,
        digest=event.digest,
        address=event.address,
        trying=None,
    )


def _creation_failed(scale_set: ScaleSet, event: e.InstanceCreationFailed, now: Now) -> ScaleSet:
    return _tried(scale_set, event.instance_id, event.attempt, event.message, now)


def _starting(scale_set: ScaleSet, event: e.InstanceStarting, now: Now) -> ScaleSet:
    return _change(scale_set, event.instance_id, running=False, trying=Trying(now.at), stopped_by="")


def _made_anew(scale_set: ScaleSet, event: e.InstanceMadeAnew, now: Now) -> ScaleSet:
    return _change(scale_set, event.instance_id, **not_made_yet(now.at))


def _stopped(scale_set: ScaleSet, event: e.InstanceStopped, now: Now) -> ScaleSet:
    return _change(scale_set, event.instance_id, running=False, trying=None, stopped_by=event.by)


def _started(scale_set: ScaleSet, event: e.InstanceStarted, now: Now) -> ScaleSet:
    return _change(scale_set, event.instance_id, running=True, address=event.address, trying=None)


def _start_failed(scale_set: ScaleSet, event: e.InstanceStartFailed, now: Now) -> ScaleSet:
    if not event.tries_on:
        return _change(scale_set, event.instance_id, trying=None)
    return _tried(scale_set, event.instance_id, event.attempt, event.message, now)


def _tried(scale_set: ScaleSet, instance_id: str, tries: int, why: str, now: Now) -> ScaleSet:
    instance = scale_set.instances.get(instance_id)
    since_at = instance.trying.since_at if instance is not None and instance.trying is not None else now.at
    return _change(scale_set, instance_id, trying=Trying(since_at, tries, why))


def _removed(scale_set: ScaleSet, event: e.InstanceRemoved, now: Now) -> ScaleSet:
    left = {key: value for key, value in scale_set.instances.items() if key != event.instance_id}
    return replace(scale_set, instances=left)


def _disk_changed(scale_set: ScaleSet, event: e.InstanceDiskChanged, now: Now) -> ScaleSet:
    return _change(
        scale_set,
        event.instance_id,
        image=event.image,
        digest=event.digest,
        disk=event.disk,
        previous_disk=event.previous_disk,
        previous_image=event.previous_image,
        latest_model_applied=event.latest_model_applied,
        address=event.address,
        disk_since_at=now.at,
        running=True,
        health=Health.NOT_OBSERVED,
        health_since_at=now.at,
        health_detail="",
        extensions=(),
        trying=None,
        stopped_by="",
    )


def _discarded(scale_set: ScaleSet, event: e.PreviousDiskDiscarded, now: Now) -> ScaleSet:
    instance = scale_set.instances.get(event.instance_id)
    if instance is None or instance.previous_disk != event.disk:
        return scale_set
    return _put(scale_set, replace(instance, previous_disk=None))


def _extension_ran(scale_set: ScaleSet, event: e.ExtensionRan, now: Now) -> ScaleSet:
    instance = scale_set.instances.get(event.instance_id)
    if instance is None:
        return scale_set
    kept = tuple(result for result in instance.extensions if result.name != event.result.name)
    ran = replace(instance, extensions=(*kept, event.result))
    return _put(scale_set, replace(ran, latest_model_applied=_applied(scale_set.model, ran)))


def _health(scale_set: ScaleSet, event: e.InstanceHealthChanged, now: Now) -> ScaleSet:
    since = {} if event.entered is event.left else {"health_since_at": now.at}
    return _change(scale_set, event.instance_id, health=event.entered, health_detail=event.detail, **since)


def _power(scale_set: ScaleSet, event: e.InstancePowerChanged, now: Now) -> ScaleSet:
    ended = {"stopped_by": ""} if event.running else {}
    return _change(scale_set, event.instance_id, running=event.running, **ended)


def _protection(scale_set: ScaleSet, event: e.ProtectionChanged, now: Now) -> ScaleSet:
    return _change(
        scale_set,
        event.instance_id,
        protected_from_actions=event.from_actions,
        protected_from_scale_in=event.from_scale_in,
    )


def _held(scale_set: ScaleSet, event: e.InstanceHeld, now: Now) -> ScaleSet:
    return _change(scale_set, event.instance_id, hold=event.hold)


def _released(scale_set: ScaleSet, event: e.InstanceReleased, now: Now) -> ScaleSet:
    return _change(scale_set, event.instance_id, hold=None)


def _deleting(scale_set: ScaleSet, event: e.ScaleSetDeleting, now: Now) -> ScaleSet:
    return replace(scale_set, deleting=True)


_SCALE_SET: dict[type[e.Event], Callable[[ScaleSet, Any, Now], ScaleSet]] = {
    e.ModelImageChanged: _image_changed,
    e.CapacityChanged: _capacity,
    e.InstanceAdded: _added,
    e.InstanceProvisioned: _provisioned,
    e.InstanceCreationFailed: _creation_failed,
    e.InstanceMadeAnew: _made_anew,
    e.InstanceStopped: _stopped,
    e.InstanceStarting: _starting,
    e.InstanceStarted: _started,
    e.InstanceStartFailed: _start_failed,
    e.InstanceRemoved: _removed,
    e.InstanceDiskChanged: _disk_changed,
    e.PreviousDiskDiscarded: _discarded,
    e.ExtensionRan: _extension_ran,
    e.InstanceHealthChanged: _health,
    e.InstancePowerChanged: _power,
    e.ProtectionChanged: _protection,
    e.InstanceHeld: _held,
    e.InstanceReleased: _released,
    e.ScaleSetDeleting: _deleting,
}
