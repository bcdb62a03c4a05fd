"""Local instances that were ended together with the engine: which may stay down, and what waits for them then."""

from __future__ import annotations

from engine.model.scale_set import ScaleSet
from engine.model.upgrade import Direction, HoldKind, Upgrade


def goes_on_by_itself(upgrade: Upgrade | None) -> bool:
    """Whether the next engine goes on with an upgrade unasked, and so needs the instances of its set.

    One that has ended does not, nor one that has begun nothing that is not done and that an operator paused, or whose
    start time has not come.
    """
    if upgrade is None or not upgrade.live:
        return False
    return bool(upgrade.in_flight()) or not (upgrade.delayed or HoldKind.OPERATOR in upgrade.holds)


def waits_for_boot(upgrade: Upgrade, scale_set: ScaleSet) -> bool:
    """Whether nothing begins until somebody boots what was stopped: it would be judged as unhealthy.

    A way back waits for nobody: its disk swaps boot its own instances.
    """
    if upgrade.direction is Direction.BACK or upgrade.is_rollback_of is not None:
        return False
    return any(instance.stopped_by for instance in scale_set.instances.values())
