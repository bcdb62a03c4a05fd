"""Keeps the outlook of live upgrades up to date, at most about once a second each."""

from __future__ import annotations

from dataclasses import dataclass

from engine.decide.choose_batch import waiting_to_go
from engine.decide.outlook import batches_to_come, look_ahead, says_something_new
from engine.model import events as e
from engine.model.scale_set import ScaleSet
from engine.model.upgrade import Upgrade
from engine.runtime.turn import Turn

PACE_S = 1.0


@dataclass(slots=True)
class _Known:
    batches: int
    waiting: int
    to_come: int
    told_at: float


class Forecast:
    """Puts UpgradeOutlookChanged into a turn when an operator would see a difference."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}

    def tell(self, turn: Turn, upgrade: Upgrade, scale_set: ScaleSet) -> None:
        """Look ahead for one upgrade. Another reason for waiting and another number of
        batches are told at once, other changes at their pace."""
        if not upgrade.live:
            self._known.pop(upgrade.id, None)
            return
        known = self._count(upgrade, scale_set, turn.now.clock)
        found = look_ahead(upgrade, scale_set, turn.now, known.to_come)
        before = upgrade.outlook
        alike = before is not None and (before.blocked_kind, before.batches_to_come) == (
            found.blocked_kind,
            known.to_come,
        )
        if alike and turn.now.clock - known.told_at < PACE_S:
            return
        if says_something_new(before, found):
            known.told_at = turn.now.clock
            turn.on_upgrade(upgrade.id, e.UpgradeOutlookChanged(found))

    def _count(self, upgrade: Upgrade, scale_set: ScaleSet, clock: float) -> _Known:
        """The forecast of batches is made anew when one began or members joined or left, not with each event."""
        known = self._known.get(upgrade.id)
        waiting = len(waiting_to_go(upgrade))
        if known is None or (known.batches, known.waiting) != (len(upgrade.batches), waiting):
            told_at = known.told_at if known is not None else float("-inf")
            known = _Known(len(upgrade.batches), waiting, batches_to_come(upgrade, scale_set), told_at)
            self._known[upgrade.id] = known
        return known
