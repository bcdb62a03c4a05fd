"""What must always be true of an upgrade; asserted in tests and in production."""

from __future__ import annotations

from engine.decide.count_members import bucket
from engine.model.scale_set import ScaleSet
from engine.model.upgrade import MemberState, Upgrade

_NEEDS_RESTORE_POINT = frozenset({MemberState.REPLACING, MemberState.RESTORING})


def check_upgrade(upgrade: Upgrade, scale_set: ScaleSet) -> list[str]:
    """The invariants that are broken, in words; empty when all hold."""
    broken: list[str] = []
    flying = upgrade.in_flight()
    batch = upgrade.open_batch
    if batch is not None and len(flying) > batch.cap:
        broken.append(f"{len(flying)} members in flight, the batch allows {batch.cap}")
    if batch is None and flying and upgrade.faulting is None:
        broken.append(f"{len(flying)} members in flight outside any batch")
    if not upgrade.live and flying:
        broken.append(f"{len(flying)} members in flight after the end")
    if upgrade.paused_since_clock is not None and flying:
        broken.append("members in flight while paused")
    broken += [
        f"member {member.id} has a disk effect without a restore point"
        for member in upgrade.members.values()
        if member.state in _NEEDS_RESTORE_POINT and member.restore_point is None
    ]
    crossed = not upgrade.settings.policy.enable_cross_zone_upgrade
    if batch is not None and flying:
        if crossed and len({m.zone for m in flying}) > 1:
            broken.append("two zones in flight at once")
        if len({m.update_domain for m in flying}) > 1:
            broken.append("two update domains in flight at once")
    known = [m.instance_id for m in upgrade.members.values() if bucket(m) != "gone"]
    if len(set(known)) != len(known):
        broken.append("an instance is in two members")
    if upgrade.live and any(name not in scale_set.instances for name in known):
        broken.append("a member counts an instance that is not in the scale set")
    return broken
