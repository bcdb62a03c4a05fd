"""Keeps the outlook of live upgrades up to date, at most about once a second each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from engine.decide.choose_batch import waiting_to_go
from engine.decide.estimate import Pace, eta_range, late_after_s, learn_pace
from engine.decide.judge_health import must_stop
from engine.decide.outlook import batches_to_come, look_ahead, says_something_new
from engine.model import events as e
from engine.model.scale_set import ScaleSet
from engine.model.upgrade import Upgrade
from engine.runtime.turn import Turn

PACE_S = 1.0
ESTIMATE_EVERY_S = 5.0


@dataclass(slots=True)
class _Known:
    batches: int
    waiting: int
    sizes: list[int]
    pace: Pace
    late_after_s: float | None
    told_at: float
    estimated_at: float = field(default=float("-inf"))
    eta: tuple[float, float] | None = None


class Forecast:
    """Puts UpgradeOutlookChanged into a turn when an operator would see a difference."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}

    def tell_all(self, turn: Turn, upgrades: Iterable[str]) -> None:
        """Look ahead for these upgrades, as the turn has them."""
        for upgrade_id in upgrades:
            upgrade = turn.upgrade(upgrade_id)
            scale_set = turn.scale_set(upgrade.scale_set) if upgrade is not None else None
            if upgrade is not None and scale_set is not None:
                self.tell(turn, upgrade, scale_set)

    def tell(self, turn: Turn, upgrade: Upgrade, scale_set: ScaleSet) -> None:
        """Look ahead for one upgrade. Another reason for waiting and another number of
        batches are told at once, other changes at their pace."""
        if not upgrade.live:
            self._known.pop(upgrade.id, None)
            return
        known = self._count(turn, upgrade, scale_set)
        self._estimate(known, upgrade, turn)
        found = look_ahead(upgrade, scale_set, turn.now, len(known.sizes), known.eta, known.late_after_s)
        before = upgrade.outlook
        alike = before is not None and (before.blocked_kind, before.batches_to_come) == (
            found.blocked_kind,
            found.batches_to_come,
        )
        if alike and turn.now.clock - known.told_at < PACE_S:
            return
        if says_something_new(before, found):
            known.told_at = turn.now.clock
            turn.on_upgrade(upgrade.id, e.UpgradeOutlookChanged(found))

    def _estimate(self, known: _Known, upgrade: Upgrade, turn: Turn) -> None:
        """The end is estimated anew at its own pace, for it costs milliseconds; a hold takes it back at once."""
        if upgrade.holds or upgrade.cancelling:
            known.eta, known.estimated_at = None, float("-inf")
        elif turn.now.clock - known.estimated_at >= ESTIMATE_EVERY_S:
            known.eta = eta_range(upgrade, known.pace, known.sizes, turn.now)
            known.estimated_at = turn.now.clock

    def _count(self, turn: Turn, upgrade: Upgrade, scale_set: ScaleSet) -> _Known:
        """The forecast of batches is made anew when one began or members joined or left, not with each event."""
        known = self._known.get(upgrade.id)
        waiting = len(waiting_to_go(upgrade)) if not must_stop(upgrade) else 0
        if known is None or (known.batches, known.waiting) != (len(upgrade.batches), waiting):
            told_at = known.told_at if known is not None else float("-inf")
            own = turn.state.own_upgrades(scale_set.key)
            pace = known.pace if known is not None else learn_pace(own, scale_set.fleet)
            late = late_after_s(upgrade, pace)
            sizes = batches_to_come(upgrade, scale_set)
            known = _Known(len(upgrade.batches), waiting, sizes, pace, late, told_at)
            self._known[upgrade.id] = known
        return known
