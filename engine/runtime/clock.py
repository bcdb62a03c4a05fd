"""The engine's two clocks: wall time for people, observed time for deadlines."""

from __future__ import annotations

from collections.abc import Callable

from engine.model.upgrade import Now

MOST_AT_ONCE_S = 2.0
"""More than this between two readings was not observed: a process that runs reads its clock far more often."""


JUMP_S = 60.0
"""A wall clock that differs by more than this from the time that passed since the last reading has jumped."""


class EngineClock:
    """Observed seconds go on from `base` of the last run, and only while this process runs.

    A process that was stopped or starved, a suspended host, a wall clock that jumps, an engine that was away: none of
    them adds observed time beyond MOST_AT_ONCE_S. Whoever uses it reads it at least that often.
    """

    def __init__(
        self,
        base: float,
        wall: Callable[[], float],
        monotonic: Callable[[], float],
        busy: Callable[[], float] | None = None,
    ) -> None:
        self.busy = busy or monotonic
        """Seconds this thread has worked, waits for the disk left out where `busy` tells them apart."""
        self._observed = base
        self._wall = wall
        self._monotonic = monotonic
        self._read_at = monotonic()
        self._lost_s = 0.0
        self._ahead_s = wall() - self._read_at
        self._jumped_s = 0.0

    def now(self) -> Now:
        read_at = self._monotonic()
        passed_s = max(0.0, read_at - self._read_at)
        self._read_at = read_at
        seen_s = min(passed_s, MOST_AT_ONCE_S)
        self._observed += seen_s
        self._lost_s += passed_s - seen_s
        at = self._wall()
        jumped_s, self._ahead_s = at - read_at - self._ahead_s, at - read_at
        if abs(jumped_s) > JUMP_S:
            self._jumped_s += jumped_s
        return Now(at=at, clock=self._observed)

    def take_jump(self) -> float:
        """Seconds by which the wall clock jumped since this was asked last; a suspended host looks the same."""
        jumped_s, self._jumped_s = self._jumped_s, 0.0
        return jumped_s

    def lost_s(self) -> float:
        """Seconds of this process that were not observed, up to now."""
        self.now()
        return self._lost_s
