"""When ended upgrades leave the store: after 400 days, unless among the last 1,000 or a set's last."""

from __future__ import annotations

from collections.abc import Iterable

from engine.model.upgrade import Upgrade

KEPT_S = 400 * 86_400.0
KEPT_LAST = 1_000


def retired(upgrades: Iterable[Upgrade], at: float, kept_last: int = KEPT_LAST) -> list[Upgrade]:
    """Those whose time is over at `at` (Unix seconds), oldest first.

    A live upgrade stays, and so does the last one of each set: it is what a roll back goes back from.
    """
    ended = sorted((u for u in upgrades if not u.live), key=lambda u: (u.ended_at or 0.0, u.id), reverse=True)
    last_of_set: dict[str, str] = {}
    for upgrade in ended:
        last_of_set.setdefault(upgrade.scale_set, upgrade.id)
    return [
        upgrade
        for upgrade in reversed(ended[kept_last:])
        if at - (upgrade.ended_at or 0.0) > KEPT_S and last_of_set[upgrade.scale_set] != upgrade.id
    ]
