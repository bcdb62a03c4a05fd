"""What must always be true of an upgrade; asserted in tests and in production."""

from __future__ import annotations

from engine.decide.choose_batch import batch_cap
from engine.model.scale_set import ScaleSet
from engine.model.upgrade import Member, MemberState, Upgrade

_NEEDS_RESTORE_POINT = frozenset({MemberState.REPLACING, MemberState.RESTORING})
_RESTORES = frozenset({MemberState.RESTORING, MemberState.AWAITING_HEALTH_AFTER_RESTORE})


def check_upgrade(upgrade: Upgrade, scale_set: ScaleSet) -> list[str]:
    """The invariants that are broken, in words; empty when all hold. Asked once `advance` has taken in the fleet."""
    flying = upgrade.in_flight()
    return [
        *_flights(upgrade, flying),
        *_walls(upgrade, flying),
        *(
            f"member {member.id} has a disk effect without a restore point"
            for member in upgrade.members.values()
            if member.state in _NEEDS_RESTORE_POINT and member.restore_point is None
        ),
        *_fleet(upgrade, scale_set),
    ]


def _flights(upgrade: Upgrade, flying: list[Member]) -> list[str]:
    broken: list[str] = []
    batch = upgrade.open_batch
    if batch is not None:
        if len(flying) > batch.cap:
            broken.append(f"{len(flying)} members in flight, the batch allows {batch.cap}")
        if not {m.id for m in flying} <= set(batch.members):
            broken.append("a member in flight is not of the open batch")
    elif flying:
        restores = upgrade.faulting is not None and all(m.state in _RESTORES or m.restoring for m in flying)
        cap = batch_cap(len(upgrade.members), upgrade.settings)  # members that have left included: it may shrink
        if not restores or len(flying) > cap:
            broken.append(f"{len(flying)} members in flight outside any batch")
    if not upgrade.live and flying:
        broken.append(f"{len(flying)} members in flight after the end")
    if upgrade.paused_since_clock is not None and flying:
        broken.append("members in flight while paused")
    return broken


def _walls(upgrade: Upgrade, flying: list[Member]) -> list[str]:
    broken: list[str] = []
    if not upgrade.settings.policy.enable_cross_zone_upgrade and len({m.zone for m in flying}) > 1:
        broken.append("two zones in flight at once")
    if len({m.update_domain for m in flying}) > 1:
        broken.append("two update domains in flight at once")
    return broken


def _fleet(upgrade: Upgrade, scale_set: ScaleSet) -> list[str]:
    if not upgrade.live:  # the set goes on without it
        return []
    broken: list[str] = []
    known = [m.instance_id for m in upgrade.members.values() if m.state is not MemberState.GONE]
    counted = set(known)
    if len(counted) != len(known):
        broken.append("an instance is in two members")
    if not counted <= scale_set.instances.keys():
        broken.append("a member counts an instance that is not in the scale set")
    if any(scale_set.instances[name].provisioned for name in scale_set.instances.keys() - counted):
        broken.append("an instance of the scale set is in no member")
    return broken
