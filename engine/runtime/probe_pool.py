"""Many probes at once, within bounds: each key at its own interval, new keys at once, none twice at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

import anyio
from anyio.abc import TaskGroup

from engine.runtime.probe import ProbeAnswer, ProbeKind, ProbeTarget, probe

SETTLING_S = 0.1
"""After a disk swap a key is asked again after this long, then after twice that, up to its own interval."""

Wanted = Callable[[], Mapping[str, "Schedule"]]


@dataclass(frozen=True, slots=True)
class Schedule:
    """What to ask for a key, and every how many seconds."""

    target: ProbeTarget
    interval_s: float


class ProbePool:
    """Probes what `wanted` names now and reports each answer. `limit` bounds the probes in flight.

    `lost_s` tells for how long this process stood still so far: a time-out that fell into that is no answer.

    Start times are spread over the interval by `dice`, so that a thousand instances are not asked in one moment.
    """

    def __init__(
        self,
        wanted: Wanted,
        on_answer: Callable[[str, ProbeAnswer], None],
        allowed: Callable[[str], bool],
        dice: Random,
        lost_s: Callable[[], float] = lambda: 0.0,
        limit: int = 128,
    ) -> None:
        self._wanted = wanted
        self._on_answer = on_answer
        self._allowed = allowed
        self._dice = dice
        self._lost_s = lost_s
        self._slots = anyio.CapacityLimiter(limit)
        self._due: dict[str, float] = {}
        self._flying: set[str] = set()
        self._again: set[str] = set()
        self._settling: dict[str, float] = {}
        self._changed = anyio.Event()
        self.count = 0

    def refresh(self) -> None:
        """What is wanted has changed."""
        self._changed.set()

    def probe_now(self, key: str) -> None:
        """Ask this key at once; an answer still on its way belongs to the past and is not reported."""
        self._due.pop(key, None)
        self._settling[key] = SETTLING_S
        if key in self._flying:
            self._again.add(key)
        self._changed.set()

    async def run(self) -> None:
        """Probe until cancelled."""
        async with anyio.create_task_group() as tasks:
            while True:
                self._changed = anyio.Event()
                pause = self._start_due(tasks, anyio.current_time())
                with anyio.move_on_after(pause):
                    await self._changed.wait()

    def _start_due(self, tasks: TaskGroup, now: float) -> float:
        wanted = self._wanted()
        for key in [key for key in self._due if key not in wanted]:
            del self._due[key]
        for key, schedule in wanted.items():
            if self._due.get(key, now) <= now and key not in self._flying:
                self._flying.add(key)
                self._due[key] = now + self._interval(key, schedule.interval_s)
                tasks.start_soon(self._probe, key, schedule)
        waiting = [due for key, due in self._due.items() if key not in self._flying]
        return max(0.005, min(waiting, default=now + 5.0) - now)

    def _interval(self, key: str, regular_s: float) -> float:
        settling = self._settling.get(key)
        if settling is None or settling >= regular_s:
            self._settling.pop(key, None)
            return regular_s * (0.9 + 0.2 * self._dice.random())
        self._settling[key] = settling * 2
        return settling

    async def _probe(self, key: str, schedule: Schedule) -> None:
        async with self._slots:
            lost_s = self._lost_s()
            answer = await probe(schedule.target, allowed=self._allowed)
            stood_still = self._lost_s() > lost_s
        self.count += 1
        self._flying.discard(key)
        if key in self._again:
            self._again.discard(key)
        elif stood_still and answer.kind is ProbeKind.TIMED_OUT:
            self._due.pop(key, None)
        elif key in self._due:
            self._on_answer(key, answer)
        self._changed.set()
