"""Members of upgrades that ended long ago: in the store, not in memory."""

from __future__ import annotations

from collections.abc import Iterable

from engine.model.upgrade import Upgrade
from engine.runtime.turn import EngineState
from engine.store.store import Store

KEPT_WHOLE = 10
"""Ended upgrades of a set that keep their members in memory: the pace of the next one is learned from the last five."""


def set_aside(state: EngineState, touched: Iterable[Upgrade]) -> None:
    """Leave aside the members of the sets' older upgrades, where one of `touched` has ended."""
    for scale_set in {upgrade.scale_set for upgrade in touched if not upgrade.live}:
        ended = sorted((u for u in state.upgrades_of(scale_set) if not u.live), key=lambda u: u.started_at)
        for upgrade in ended[:-KEPT_WHOLE]:
            if upgrade.counted is None:
                state.upgrades[upgrade.id] = upgrade.without_members()


def with_members(store: Store, upgrade: Upgrade) -> Upgrade:
    """The upgrade with its members, read from the store where they were left aside."""
    return upgrade if upgrade.counted is None else store.upgrade(upgrade.id)
