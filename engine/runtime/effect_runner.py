"""Carries intents to a fleet and brings outcomes back. Nothing is decided here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import groupby
from typing import TypeVar

import anyio
from anyio.abc import TaskGroup

from engine.fleets.fleet import Fleet
from engine.model.effects import Effect, EffectKind, EffectOutcome, OutcomeKind
from engine.model.errors import RollsetError

_T = TypeVar("_T")
Report = Callable[[EffectOutcome], None]
Delegate = Callable[[str], Fleet]

RETRY_FIRST_S = 0.5
RETRY_MOST_S = 30.0


class EffectRunner:
    """One task for each group of effects begun together; failures to reach a fleet are retried with backoff.

    `fleet_of` gives the fleet of a scale set key; `report` takes outcomes into the engine's next turn.
    """

    def __init__(self, tasks: TaskGroup, fleet_of: Delegate, report: Report, epoch: int) -> None:
        self._tasks = tasks
        self._fleet_of = fleet_of
        self._report = report
        self._epoch = epoch

    def start(self, effects: Sequence[Effect]) -> None:
        """Begin effects whose intents are committed."""
        for scale_set, group in groupby(sorted(effects, key=lambda x: x.scale_set), key=lambda x: x.scale_set):
            self._tasks.start_soon(self._carry, scale_set, list(group))

    def settle(self, effects: Sequence[Effect]) -> None:
        """Find out what became of effects that an earlier engine began, and begin those that never began."""
        for effect in effects:
            self._tasks.start_soon(self._settle, effect)

    async def _carry(self, scale_set: str, effects: list[Effect]) -> None:
        fleet = self._fleet_of(scale_set)
        tries = max(x.attempt if x.kind is EffectKind.DELETE_INSTANCE else 1 for x in effects)
        if tries > 1:
            await anyio.sleep(min(RETRY_MOST_S, RETRY_FIRST_S * 2**tries))
        handle = await self._patiently(lambda: fleet.begin(effects, self._epoch))
        waiting: dict[str, Effect] = {effect.id: effect for effect in effects}
        while waiting:
            poll = await self._patiently(lambda: fleet.poll(handle))
            self._take(poll.outcomes, waiting)
            if poll.ask_again_s is None:
                break
            await anyio.sleep(poll.ask_again_s)
        self.settle(list(waiting.values()))

    def _take(self, outcomes: Mapping[str, EffectOutcome], waiting: dict[str, Effect]) -> None:
        for key, outcome in outcomes.items():
            effect = waiting.get(key)
            if effect is None or outcome.kind is OutcomeKind.UNKNOWN:
                continue
            del waiting[key]
            self._report(outcome)

    async def _settle(self, effect: Effect) -> None:
        fleet = self._fleet_of(effect.scale_set)
        outcome = await self._patiently(lambda: fleet.settle(effect))
        if outcome is None:
            await self._carry(effect.scale_set, [effect])
        else:
            self._report(outcome)

    async def _patiently(self, call: Callable[[], Awaitable[_T]]) -> _T:
        """Until the fleet answers. A fleet that is silent changes nothing about what is true."""
        delay = RETRY_FIRST_S
        while True:
            try:
                return await call()
            except RollsetError:
                await anyio.sleep(delay)
                delay = min(RETRY_MOST_S, delay * 2)
