"""Whether fleets answer, and effects of which nobody knows what became: taken into turns as holds and marks."""

from __future__ import annotations

from collections.abc import Callable

from engine.decide.interpret_observation import member_of
from engine.model import events as e
from engine.model.effects import Effect, EffectOutcome
from engine.model.upgrade import Hold, HoldKind
from engine.runtime.effect_runner import ACT
from engine.runtime.turn import Turn

SILENT_AFTER_S = 3.0
"""A fleet that did not answer for so many observed seconds is called silent; one lost call is not."""
UNREACHABLE = HoldKind.FLEET_UNREACHABLE


class FleetContact:
    """Implements `engine.runtime.effect_runner.Feedback`; `take_into` puts into a turn what has changed."""

    def __init__(
        self,
        report: Callable[[EffectOutcome], None],
        wanted: Callable[[Effect], bool],
        wake: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        self.report = report
        self.wanted = wanted
        self._wake = wake
        self._clock = clock
        self._since: dict[str, dict[str, tuple[float, str]]] = {}
        self._heard: set[str] = set()
        self._marks: dict[str, tuple[Effect, bool]] = {}

    def unknown(self, effect: Effect) -> None:
        self._marks[effect.id] = (effect, True)
        self._wake()

    def goes_on(self, effect: Effect) -> None:
        self._marks[effect.id] = (effect, False)
        self._wake()

    def silent(self, scale_set: str, call: str, why: str) -> None:
        words = f"the fleet {'cannot act' if call == ACT else 'does not answer'}: {why}"
        self._since.setdefault(scale_set, {}).setdefault(call, (self._clock(), words))
        self._wake()

    def answered(self, scale_set: str, call: str) -> None:
        failing = self._since.get(scale_set)
        if failing is not None and failing.pop(call, None) is not None:
            self._wake()
        if scale_set not in self._heard:
            self._heard.add(scale_set)
            self._wake()

    def heard_of(self, scale_set: str) -> bool:
        """Whether the fleet has answered for a set, and every kind of call that was lost has been answered since."""
        return scale_set in self._heard and not self._since.get(scale_set)

    def take_into(self, turn: Turn) -> None:
        """Raise and lift FleetUnreachable, mark members whose effects are looked for. A repeat changes nothing."""
        for effect, reconciling in self._marks.values():
            upgrade = turn.upgrade(effect.operation)
            member = member_of(upgrade, effect) if upgrade is not None and upgrade.live else None
            if upgrade is not None and member is not None and member.reconciling is not reconciling:
                turn.on_upgrade(upgrade.id, e.MemberReconciling(member.id, reconciling))
        for upgrade in [u for u in turn.state.upgrades.values() if u.live]:
            lost = min(self._since.get(upgrade.scale_set, {}).values(), default=None)
            held = UNREACHABLE in upgrade.holds
            if lost is not None and not held and self._clock() - lost[0] >= SILENT_AFTER_S:
                hold = Hold(UNREACHABLE, turn.now.at, "engine", lost[1])
                turn.on_upgrade(upgrade.id, e.HoldRaised(hold))
            elif held and self.heard_of(upgrade.scale_set):
                turn.on_upgrade(upgrade.id, e.HoldLifted(UNREACHABLE, "engine"))

    def taken(self) -> None:
        """What was taken is committed."""
        self._marks.clear()
