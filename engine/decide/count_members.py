"""Azure's four counters and ours beside them; together they make the fleet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from engine.model.counters import Counters
from engine.model.overview import UpgradeOverview
from engine.model.record_copy import replace
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


def upgrade_overview(upgrade: Upgrade) -> UpgradeOverview:
    """An upgrade seen from afar."""
    return UpgradeOverview(replace(upgrade.without_members(), counted=None), tally_members(upgrade))


def count_members(upgrade: Upgrade) -> Counters:
    """Counters of an upgrade. While it checks, and when it ended there, Azure's four are zero."""
    return upgrade_overview(upgrade).counters
