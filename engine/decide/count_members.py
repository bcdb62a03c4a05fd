"""Azure's four counters and ours beside them; together they make the fleet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from engine.model.counters import Counters
from engine.model.upgrade import DOING, FAILED_STATES, LeftOut, Member, MemberState, Upgrade


def bucket(member: Member) -> str:
    """The counter a member is in: successful, failed, rolled_back, in_progress, pending, gone, or why left out."""
    return state_bucket(member.state, member.left_out)


def state_bucket(state: MemberState, left_out: LeftOut | None) -> str:
    """The counter of a state; `left_out` tells which one for LeftOut (skipped where it is None)."""
    if state is MemberState.LEFT_OUT:
        why = left_out or LeftOut.SKIPPED
        return "already_current" if why is LeftOut.ALREADY_CURRENT else why.value
    if state is MemberState.GONE:
        return "gone"
    if state in DOING:
        return "in_progress"
    if state is MemberState.ROLLED_BACK:
        return "rolled_back"
    if state in FAILED_STATES:
        return "failed"
    return "successful" if state is MemberState.SUCCEEDED else "pending"


def tally_members(upgrade: Upgrade) -> Mapping[str, int]:
    """How many members are in each bucket."""
    counted: Counter[str] = Counter()
    for found in upgrade.states():
        counted[state_bucket(found.state, found.left_out)] += found.count
    return dict(counted)


def to_go(upgrade: Upgrade) -> int:
    """Members that wait for their batch or never had one; counted also where Azure's four are zero."""
    return tally_members(upgrade).get("pending", 0)


def rolled_back(upgrade: Upgrade) -> int:
    """Of the failed (to Azure), those that a way back which somebody asked for brought back."""
    return tally_members(upgrade).get("rolled_back", 0) if upgrade.goes_back else 0


def count_members(upgrade: Upgrade) -> Counters:
    """Counters of an upgrade. While it checks, and when it ended there, Azure's four are zero (decisions 16)."""
    counted = Counter(tally_members(upgrade))
    counted["failed"] += counted["rolled_back"]
    if upgrade.checking or (not upgrade.batches and not upgrade.live):
        for name in ("successful", "failed", "in_progress", "pending"):
            counted[name] = 0
    names = ("successful", "failed", "in_progress", "pending")
    ours = ("already_current", "protected", "held", "skipped", "gone")
    return Counters(**{name: counted[name] for name in (*names, *ours)})
