"""The rules of batches and limits, written down a second time and in another way, to judge what the core decided."""

from __future__ import annotations

from collections.abc import Sequence

from engine.decide.transitions import MEMBER_MOVES, UPGRADE_MOVES
from engine.model import events as e
from engine.model.scale_set import ScaleSet
from engine.model.upgrade import FAILED_STATES, Batch, Direction, LeftOut, MemberState, Upgrade


def judge(before: Upgrade, scale_set: ScaleSet, decided: Sequence[e.Event]) -> None:
    """Raise AssertionError when what was decided together breaks a rule. `before` is the upgrade it was decided on."""
    for place, event in enumerate(decided):
        if isinstance(event, e.BatchBegan):
            _judge_batch(before, scale_set, event.batch)
            moved = [x.member for x in decided[place + 1 :] if isinstance(x, e.MemberMoved)]
            assert tuple(moved) == event.batch.members, "a batch begins all its members, and no other"
        elif isinstance(event, e.BatchEnded):
            _judge_end(before, scale_set, event, decided[place + 1 :])
        elif isinstance(event, e.UpgradeCompleted):
            waits = [m for m in before.members.values() if m.state is MemberState.PENDING or m.left_out is LeftOut.HELD]
            assert not [m for m in waits if m.state in (MemberState.PENDING, MemberState.LEFT_OUT)], "somebody waits"


def check_moves(before: Upgrade, after: Upgrade, event: e.Event) -> None:
    """Raise AssertionError when an event changed a state in a way that the tables of the state machine do not have."""
    if before.state is not after.state:
        assert (before.state, after.state) in UPGRADE_MOVES, f"{before.state} -> {after.state} by {event}"
    name = getattr(event, "member", None)
    if name is not None and name in before.members:
        left, entered = before.members[name].state, after.members[name].state
        assert left is entered or (left, entered) in MEMBER_MOVES, f"{left} -> {entered} by {event}"


def _judge_batch(upgrade: Upgrade, scale_set: ScaleSet, batch: Batch) -> None:
    members = [upgrade.members[name] for name in batch.members]
    policy = upgrade.settings.policy
    total = len(scale_set.instances)
    sick = {name for name, i in scale_set.instances.items() if i.health.value in ("Unhealthy", "Unknown")}
    chosen = [m.instance_id for m in members]
    assert members and len(set(chosen)) == len(chosen)
    assert len({m.update_domain for m in members}) == 1, "two update domains in a batch"
    assert policy.enable_cross_zone_upgrade or len({m.zone for m in members}) == 1, "two zones in a batch"
    most = total * policy.max_batch_instance_percent // 100
    if upgrade.settings.batch_count is not None:
        most = upgrade.settings.batch_count
    assert len(members) <= max(1, most), "more than the batch share"
    if batch.direction is Direction.BACK:
        return
    assert all(m.state is MemberState.PENDING for m in members)
    room = total * policy.max_unhealthy_instance_percent // 100 - len(sick - set(chosen))
    assert len(members) <= max(1, room), "more than may be unhealthy at once"
    assert len(sick) * 100 <= policy.max_unhealthy_instance_percent * total, "a batch above the total limit"
    assert all(i.health.value not in ("NotObserved", "Initializing") for i in scale_set.instances.values())
    waiting = [m for m in upgrade.members.values() if m.state is MemberState.PENDING]
    if policy.prioritize_unhealthy_instances:
        assert len({m.instance_id in sick for m in members}) == 1, "healthy and unhealthy members in one batch"
        if any(m.instance_id in sick for m in waiting):
            assert members[0].instance_id in sick, "an unhealthy member waits while a healthy one goes"
        waiting = [m for m in waiting if (m.instance_id in sick) == (members[0].instance_id in sick)]
    place = min(("" if policy.enable_cross_zone_upgrade else m.zone, m.update_domain) for m in waiting)
    assert place[1] == members[0].update_domain, "an earlier update domain waits"


def _judge_end(upgrade: Upgrade, scale_set: ScaleSet, ended: e.BatchEnded, after: Sequence[e.Event]) -> None:
    if upgrade.direction is Direction.BACK or upgrade.faulting is not None:
        assert not any(isinstance(x, e.LimitExceeded) for x in after), "no limit is judged on the way back"
        return
    policy = upgrade.settings.policy
    instances = scale_set.instances
    swapped = [m for m in upgrade.members.values() if m.replaced and m.state is not MemberState.GONE]
    bad = {
        m.id
        for m in swapped
        if m.state in FAILED_STATES
        or m.judged_failed
        or (m.state is MemberState.SUCCEEDED and instances[m.instance_id].health.value in ("Unhealthy", "Unknown"))
    }
    done = bad | {m.id for m in swapped if m.state is MemberState.SUCCEEDED}
    sick = sum(i.health.value in ("Unhealthy", "Unknown") for i in instances.values())
    assert (ended.upgraded_unhealthy, ended.upgraded) == (len(bad), len(done)), "the upgraded share is another"
    assert (ended.unhealthy, ended.total) == (sick, len(instances)), "the total share is another"
    broken = len(bad) * 100 > policy.max_unhealthy_upgraded_instance_percent * len(done)
    broken = broken or sick * 100 > policy.max_unhealthy_instance_percent * len(instances)
    codes = [x.error.code for x in after if isinstance(x, e.LimitExceeded)]
    if broken:
        assert codes and codes[0].startswith("MaxUnhealthy"), "a limit was broken and nothing follows"
    else:
        assert codes in ([], ["InternalExecutionError"]), f"no limit was broken, and yet: {codes}"
