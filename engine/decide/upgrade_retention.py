"""When ended upgrades leave the store: after 400 days, unless something may still go back to or learn from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from engine.model.upgrade import Upgrade

KEPT_S = 400 * 86_400.0
KEPT_LAST = 1_000
KEPT_OF_SET = 10
"""A set's last upgrades stay however old: rollback and retry take them up, and the pace of the next is theirs."""


def due_to_retire(
    upgrades: Iterable[Upgrade], at: float, kept_last: int = KEPT_LAST, kept_of_set: int = KEPT_OF_SET
) -> list[Upgrade]:
    """Those whose time is over at `at` (Unix seconds), oldest first.

    What is live stays, the last ones of all and of each set, and whatever one that stays continues.
    """
    known = {upgrade.id: upgrade for upgrade in upgrades}
    ended = sorted((u for u in known.values() if not u.live), key=lambda u: (u.ended_at or 0.0, u.id), reverse=True)
    of_set: Counter[str] = Counter()
    due: dict[str, Upgrade] = {}
    for place, upgrade in enumerate(ended):
        of_set[upgrade.scale_set] += 1
        old = at - (upgrade.ended_at or 0.0) > KEPT_S
        if old and place >= kept_last and of_set[upgrade.scale_set] > kept_of_set:
            due[upgrade.id] = upgrade
    for upgrade in [u for u in known.values() if u.id not in due]:
        before = upgrade.continues
        while before is not None and due.pop(before, None) is not None:
            before = known[before].continues
    return list(due.values())[::-1]
