"""A fleet for tests that fails on purpose: a fault at each call, a number of times, then no more."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import anyio

from engine.fleets.fleet import Capability, Poll
from engine.fleets.simulated.fleet import SimulatedFleet
from engine.model.effects import Effect, EffectOutcome, InstanceFacts, OutcomeKind
from engine.model.errors import UnreachableError
from engine.model.health import Health

T = TypeVar("T")

BEFORE, AFTER, HANG, SLOW = "error before", "error after doing it", "hang", "slow"
DUPLICATE, STALE, PARTIAL, VANISH, DEFECT = "duplicate", "stale answer", "partial", "instance vanishes", "defect"
LACKING = "lacks what it needs"
LACK = "No space left on device"


class FaultyFleet:
    """Passes every call on to a simulated fleet; `fault` befalls the next `times` calls of the kind `call`."""

    def __init__(self, inner: SimulatedFleet, call: str, fault: str, times: int) -> None:
        self.inner = inner
        self.call = call
        self.fault = fault
        self.left = times
        self.last_poll: Mapping[str, EffectOutcome] = {}
        self.lacking: dict[str, list[str]] = {}

    def capabilities(self) -> frozenset[Capability]:
        return self.inner.capabilities()

    def _strikes(self, call: str) -> bool:
        if call != self.call or self.left <= 0:
            return False
        self.left -= 1
        return True

    async def _pass(self, call: str, do: Callable[[], Awaitable[T]]) -> T:
        if not self._strikes(call):
            return await do()
        if self.fault == BEFORE:
            raise UnreachableError("FleetUnreachable", "the fleet cannot be reached.")
        if self.fault == DEFECT:
            raise RuntimeError("the fleet has a defect")
        if self.fault == HANG:
            await anyio.sleep_forever()
        if self.fault == SLOW:
            await anyio.sleep(45)
        answer = await do()
        if self.fault == AFTER:
            raise UnreachableError("FleetUnreachable", "the connection was lost.")
        return self._bent(answer)

    def _bent(self, answer: T) -> T:
        if not isinstance(answer, Poll):
            return answer
        if self.fault == DUPLICATE:
            return replace(answer, outcomes={**self.last_poll, **answer.outcomes})
        if self.fault == STALE:
            wrong = {key: replace(outcome, effect_id="another") for key, outcome in answer.outcomes.items()}
            return replace(answer, outcomes=wrong, ask_again_s=None)
        if self.fault == PARTIAL:
            return replace(answer, outcomes=dict(list(answer.outcomes.items())[:1]), ask_again_s=None)
        return answer

    async def begin(self, effects: Sequence[Effect], epoch: int) -> str:
        if self.fault == LACKING and self._strikes("begin"):
            handle = f"lacking-{self.left}"
            self.lacking[handle] = [effect.id for effect in effects]
            return handle
        if self.call == "begin" and self.fault == DUPLICATE and self._strikes("begin"):
            await self.inner.begin(effects, epoch)
        if self.call == "begin" and self.fault == PARTIAL and self._strikes("begin"):
            return await self.inner.begin(effects[:1], epoch)
        return await self._pass("begin", lambda: self.inner.begin(effects, epoch))

    async def poll(self, handle: str) -> Poll:
        if handle in self.lacking:
            unknown = OutcomeKind.UNKNOWN
            return Poll({i: EffectOutcome(i, unknown, message=LACK) for i in self.lacking.pop(handle)}, None)
        answer = await self._pass("poll", lambda: self.inner.poll(handle))
        self.last_poll = {**self.last_poll, **answer.outcomes}
        return answer

    async def settle(self, effect: Effect) -> EffectOutcome | None:
        if self.call == "settle" and self.fault == STALE and self._strikes("settle"):
            return EffectOutcome(effect.id, OutcomeKind.UNKNOWN)
        return await self._pass("settle", lambda: self.inner.settle(effect))

    async def observe(self, scale_set: str, instance_ids: Sequence[str]) -> Mapping[str, InstanceFacts]:
        found = await self._pass("observe", lambda: self.inner.observe(scale_set, instance_ids))
        if self.fault == VANISH and self._strikes("observe"):
            return {name: InstanceFacts(name, exists=False, running=False) for name in found}
        return found

    async def room_bytes(self) -> int | None:
        return await self._pass("room_bytes", self.inner.room_bytes)

    def health(self, scale_set: str, instance_ids: Sequence[str]) -> Mapping[str, tuple[Health, str]]:
        return self.inner.health(scale_set, instance_ids)

    async def health_news(self) -> Sequence[tuple[str, str]]:
        return await self._pass("health_news", self.inner.health_news)

    def tags_changed(self) -> None:
        self.inner.tags_changed()
