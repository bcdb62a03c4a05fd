"""Lets previous OS disks go when their retention is over; looks once a minute."""

from __future__ import annotations

from engine.decide.disk_retention import due_discards
from engine.runtime.turn import EngineState, Turn

LOOK_EVERY_S = 60.0


class OldDisks:
    """Puts the effects that are due into a turn; sets with a live upgrade keep everything."""

    def __init__(self) -> None:
        self._next_clock = float("-inf")

    def discard(self, turn: Turn, state: EngineState) -> None:
        """Look, unless the last look was less than a minute ago."""
        if turn.now.clock < self._next_clock:
            return
        self._next_clock = turn.now.clock + LOOK_EVERY_S
        rolling = {upgrade.scale_set for upgrade in state.upgrades.values() if upgrade.live}
        for scale_set in state.scale_sets.values():
            if scale_set.key not in rolling:
                due = due_discards(scale_set, state.policies.values(), turn.now)
                turn.intents += [effect for effect in due if effect.id not in state.open_effects]
