"""What the engine does when the wall clock jumps: it says so, and follows no time of day until that can be trusted.

Deadlines and health windows count observed seconds and do not care. Start times, holds with an end and the retention of
previous disks follow the wall clock: for those a jump is as dangerous as a wrong command.
"""

from __future__ import annotations

from engine.model import events as e
from engine.model.upgrade import Hold, HoldKind, Now, Upgrade
from engine.runtime.clock import JUMP_S, EngineClock
from engine.runtime.turn import Turn

STEADY_S = 600.0
"""A clock that stays where it jumped to for so many observed seconds is taken for right."""
QUIET_S = 3600.0
"""Nothing is thrown away for so many observed seconds after a jump."""
KIND = HoldKind.CLOCK_UNTRUSTED


class WallWatch:
    """The hold ClockUntrusted on every live upgrade. It lifts by itself: the clock is back, or has been steady."""

    def __init__(self) -> None:
        self._off_s = 0.0
        self._hold: Hold | None = None
        self._jumped_clock = float("-inf")
        self._untold: list[float] = []
        self._lifted = False

    def remember(self, jumped_clock: float | None) -> None:
        """When the clock jumped last, under an earlier engine (observed seconds); None: never."""
        if jumped_clock is not None:
            self._jumped_clock = jumped_clock

    def jumped(self, seconds: float, now: Now) -> None:
        """The wall clock went on (or back, where negative) by so much more than the time that passed."""
        self._untold.append(seconds)
        self._jumped_clock = now.clock
        self._off_s += seconds
        if abs(self._off_s) <= JUMP_S:
            self._trust()
            return
        way = "forward" if self._off_s > 0 else "back"
        why = (
            f"the wall clock jumped {_span(self._off_s)} {way}; no time of day is followed until it is back, or has "
            f"been steady for {STEADY_S / 60:.0f} minutes"
        )
        self._hold = Hold(KIND, now.at, "engine", why)

    def _trust(self) -> None:
        self._hold, self._off_s, self._lifted = None, 0.0, False

    @property
    def trusted(self) -> bool:
        """Whether times of day may be followed."""
        return self._hold is None

    def may_discard(self, now: Now) -> bool:
        """Whether the last jump is long enough ago to throw something away for its age."""
        return self.trusted and now.clock - self._jumped_clock >= QUIET_S

    def put_into(self, turn: Turn, clock: EngineClock) -> None:
        """Tell what has jumped, raise the hold where it is missing, lift it where its cause is gone."""
        if jumped_s := clock.take_jump():
            self.jumped(jumped_s, turn.now)
        if self._untold and not any(isinstance(event, e.ClockJumped) for _, event, *_ in turn.events):
            for seconds in self._untold:
                turn.note("engine", e.ClockJumped(seconds))
        if self._hold is not None and turn.now.clock - self._jumped_clock >= STEADY_S:
            self._trust()
        if self._hold is None and self._lifted:
            return
        for upgrade in [u for u in turn.state.upgrades.values() if u.live]:
            self._put_on(turn, turn.upgrade(upgrade.id) or upgrade)

    def _put_on(self, turn: Turn, upgrade: Upgrade) -> None:
        if self._hold is not None and KIND not in upgrade.holds:
            turn.on_upgrade(upgrade.id, e.HoldRaised(self._hold))
        elif self._hold is None and KIND in upgrade.holds:
            turn.on_upgrade(upgrade.id, e.HoldLifted(KIND, "engine"))

    def told(self) -> None:
        """What was put into a turn is committed."""
        self._untold.clear()
        self._lifted = self._hold is None


def _span(seconds: float) -> str:
    size = abs(seconds)
    for unit, name in ((86400.0, "days"), (3600.0, "hours"), (60.0, "minutes")):
        if size >= 2 * unit:
            return f"{size / unit:.0f} {name}"
    return f"{size:.0f} s"
