"""What wakes the engine's loop: something happened, or it is time to look."""

from __future__ import annotations

import anyio

from engine.runtime.clock import EngineClock

TICK_S = 0.25
IDLE_S = 5
REST_SHARE = 4.0
LONGEST_REST_S = 0.25
BREATH_S = 0.003
"""Between turns while more waits: enough for a request that came meanwhile to be read and carried out."""


def rest_s(took_s: float, *, more_waits: bool) -> float:
    """How long to rest after a turn that took so long, so that turns take about a fifth of the time."""
    return BREATH_S if more_waits else min(REST_SHARE * took_s, LONGEST_REST_S)


class Alarm:
    """Rung from anywhere in the engine's event loop; one loop waits for it."""

    def __init__(self) -> None:
        self._rung = anyio.Event()

    def ring(self) -> None:
        """Wake the loop, now or before it next sleeps."""
        self._rung.set()

    async def wait(self, clock: EngineClock, *, ticking: bool) -> None:
        """Until it rings, or it is time to look; the clock is read often enough that no second is lost."""
        pieces, piece_s = (1, TICK_S) if ticking else (IDLE_S, 1.0)
        for _ in range(pieces):
            clock.now()
            with anyio.move_on_after(piece_s):
                await self._rung.wait()
                break
        self._rung = anyio.Event()
