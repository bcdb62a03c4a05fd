"""Local instances that were ended together with the engine: which of them are needed at once."""

from __future__ import annotations

from engine.model.upgrade import HoldKind, Upgrade


def goes_on_by_itself(upgrade: Upgrade | None) -> bool:
    """Whether the next engine goes on with an upgrade unasked, and so needs the instances of its set.

    One that has ended does not, nor one that has begun nothing that is not done and that an operator paused, or whose
    start time has not come.
    """
    if upgrade is None or not upgrade.live:
        return False
    return bool(upgrade.in_flight()) or not (upgrade.delayed or HoldKind.OPERATOR in upgrade.holds)
