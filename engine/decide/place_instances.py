"""Where new instances go, and which ones leave: zones round-robin, then update domain, then fault domain."""

from __future__ import annotations

from collections import Counter

from engine.model import events as e
from engine.model.codes import ErrorCode
from engine.model.errors import InputError, RefusedError
from engine.model.image import ImageVersion
from engine.model.scale_set import Instance, ScaleSet
from engine.model.upgrade import Now

MAX_CAPACITY = 1000


def scale_events(scale_set: ScaleSet, capacity: int, image: ImageVersion, now: Now) -> list[e.Event]:
    """Events that bring the set to `capacity`: instances added with their places, or the ones that leave.

    Raises InputError for a capacity out of 0-1000, RefusedError when protection leaves too few to take away.
    """
    if not 0 <= capacity <= MAX_CAPACITY:
        raise InputError(
            ErrorCode.INVALID_PARAMETER,
            f"capacity {capacity} is not in 0 to {MAX_CAPACITY}.",
            "Choose one in that range.",
        )
    found: list[e.Event] = [e.CapacityChanged(capacity)] if capacity != scale_set.capacity else []
    more = capacity - len(scale_set.instances)
    if more >= 0:
        return found + _additions(scale_set, more, image, now)
    leaving = _leaving(scale_set, -more)
    return found + [e.InstanceRemoved(i.instance_id, f"scaled in to {capacity}") for i in leaving]


def _additions(scale_set: ScaleSet, count: int, image: ImageVersion, now: Now) -> list[e.Event]:
    zones = scale_set.zones or ("",)
    in_zone = Counter(i.zone for i in scale_set.instances.values())
    found: list[e.Event] = []
    for offset in range(count):
        zone = min(zones, key=lambda z: (in_zone[z], zones.index(z)))
        index = in_zone[zone]
        in_zone[zone] += 1
        instance = Instance(
            instance_id=str(scale_set.next_instance + offset),
            zone=zone,
            update_domain=index % scale_set.update_domains,
            fault_domain=index % scale_set.fault_domains,
            image=image.reference,
            digest=image.digest,
            disk="",
            created_at=now.at,
            running=False,
            provisioned=False,
        )
        found.append(e.InstanceAdded(instance))
    return found


def _leaving(scale_set: ScaleSet, count: int) -> list[Instance]:
    """Newest first out of the fullest zone, protected instances counted with their zone."""
    instances = scale_set.instances.values()
    able = [i for i in instances if not (i.protected_from_scale_in or i.protected_from_actions)]
    if len(able) < count:
        raise RefusedError(
            ErrorCode.OPERATION_NOT_ALLOWED,
            f"{count} instances would have to leave {scale_set.name}, but only {len(able)} are not protected.",
            "Take the protection away with `rollset protect SET ID --off`.",
        )
    in_zone = Counter(i.zone for i in instances)
    newest: dict[str, list[Instance]] = {}
    for instance in sorted(able, key=_age):
        newest.setdefault(instance.zone, []).append(instance)
    chosen: list[Instance] = []
    for _ in range(count):
        zone = max((z for z in newest if newest[z]), key=lambda z: (in_zone[z], _age(newest[z][-1])))
        in_zone[zone] -= 1
        chosen.append(newest[zone].pop())
    return chosen


def _age(instance: Instance) -> tuple[float, int]:
    return (instance.created_at, int(instance.instance_id))
