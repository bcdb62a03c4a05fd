"""The engine's two clocks: wall time for people, observed time for deadlines."""

from __future__ import annotations

from collections.abc import Callable

from engine.model.upgrade import Now


class EngineClock:
    """Observed seconds go on from `base` of the last run, and only while this process runs.

    A suspended host, a wall clock that jumps, an engine that was away: none of them adds observed time.
    """

    def __init__(self, base: float, wall: Callable[[], float], monotonic: Callable[[], float]) -> None:
        self._base = base
        self._wall = wall
        self._monotonic = monotonic
        self._began = monotonic()

    def now(self) -> Now:
        return Now(at=self._wall(), clock=self._base + (self._monotonic() - self._began))
