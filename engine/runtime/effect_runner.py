"""Carries intents to a fleet and brings outcomes back. Nothing is decided here.

A fleet may fail in every way: what it says is believed only for effects that are waited for, what it does not say is
asked for by `settle`, and an effect that may have begun is never called failed without that look.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import groupby
from typing import Protocol, TypeVar

import anyio
from anyio.abc import TaskGroup

from engine.decide.plan_effects import rest_s
from engine.fleets.fleet import Fleet
from engine.model.codes import ErrorCode
from engine.model.effects import Effect, EffectOutcome, OutcomeKind
from engine.model.errors import RollsetError, UnreachableError

_T = TypeVar("_T")
Delegate = Callable[[str], Fleet]

ACT = "act"
"""The call that a fleet makes itself, in the machine: its trouble stands until an act has an outcome."""
RETRY_FIRST_S = 0.5
RETRY_MOST_S = 30.0
CALL_LIMIT_S = 60.0
"""A call that gives no answer for this long counts as one that did not reach the fleet."""
DEFECTS_BORNE = 5
"""So many unexpected errors in a row from one call are a defect of the fleet, not bad luck."""


class Feedback(Protocol):
    """Where the runner tells what it learns; taken into the engine's next turn."""

    def report(self, outcome: EffectOutcome) -> None:
        """An effect has ended."""
        ...

    def wanted(self, effect: Effect) -> bool:
        """Whether an effect that has not begun is still to be done."""
        ...

    def unknown(self, effect: Effect) -> None:
        """Nobody knows what became of an effect; the fleet is asked to look."""
        ...

    def goes_on(self, effect: Effect) -> None:
        """The look has shown that an effect is not at its end; it is under way again."""
        ...

    def silent(self, scale_set: str, call: str, why: str) -> None:
        """A call of this kind for a scale set did not reach its fleet."""
        ...

    def answered(self, scale_set: str, call: str) -> None:
        """A call of this kind for a scale set reached its fleet."""
        ...


class FleetDefectError(Exception):
    """A fleet raised what its contract does not know, again and again."""


class EffectRunner:
    """One task for each group of effects begun together; failures to reach a fleet are retried with backoff."""

    def __init__(self, tasks: TaskGroup, fleet_of: Delegate, feedback: Feedback, epoch: int) -> None:
        self._tasks = tasks
        self._fleet_of = fleet_of
        self._feedback = feedback
        self._epoch = epoch
        self.resting: set[str] = set()
        """Ids of effects that have not begun and wait for the time of their next try."""

    def start(self, effects: Sequence[Effect]) -> None:
        """Begin effects whose intents are committed."""
        for (scale_set, _), group in groupby(sorted(effects, key=_together), key=_together):
            self._tasks.start_soon(self._carry, scale_set, list(group), 0)

    def settle(self, effects: Sequence[Effect]) -> None:
        """Find out what became of effects that an earlier engine began, and begin those that never began."""
        for effect in effects:
            self._tasks.start_soon(self._settle, effect, 0, "")

    async def _carry(self, scale_set: str, effects: list[Effect], looks: int) -> None:
        fleet = self._fleet_of(scale_set)
        effects = await self._rested(effects)
        if not effects:
            return
        waiting: dict[str, Effect] = {effect.id: effect for effect in effects}
        defect = ""
        try:
            handle = await self._ask("begin", scale_set, lambda: fleet.begin(effects, self._epoch))
        except FleetDefectError as error:
            handle, defect = "", str(error)
        try:
            while waiting and not defect:
                poll = await self._ask("poll", scale_set, lambda: fleet.poll(handle))
                self._take(poll.outcomes, waiting)
                if poll.ask_again_s is None:
                    break
                if waiting:
                    await anyio.sleep(poll.ask_again_s)
        except FleetDefectError:
            pass  # the effects have begun: only a look may say what became of them
        for effect in waiting.values():
            self._feedback.unknown(effect)
            self._tasks.start_soon(self._settle, effect, looks + 1, defect)

    async def _rested(self, effects: list[Effect]) -> list[Effect]:
        """Wait until it is time for another try; effects that nobody needs any more by then are at their end."""
        pause_s = max(rest_s(effect) for effect in effects)
        if not pause_s:
            return effects
        self.resting.update(effect.id for effect in effects)
        await anyio.sleep(pause_s)
        self.resting.difference_update(effect.id for effect in effects)
        for effect in effects:
            if not self._feedback.wanted(effect):
                gone = EffectOutcome(effect.id, OutcomeKind.FAILED, message="nobody needs it any more")
                self._feedback.report(gone)
        return [effect for effect in effects if self._feedback.wanted(effect)]

    def _take(self, outcomes: Mapping[str, EffectOutcome], waiting: dict[str, Effect]) -> None:
        for key, outcome in outcomes.items():
            effect = waiting.get(key)
            if effect is None or outcome.effect_id != key:
                continue
            if outcome.kind is OutcomeKind.UNKNOWN:
                if outcome.message:
                    self._feedback.silent(effect.scale_set, ACT, outcome.message)
                continue
            del waiting[key]
            self._feedback.answered(effect.scale_set, ACT)
            self._feedback.report(outcome)

    async def _settle(self, effect: Effect, looks: int, defect: str) -> None:
        """`looks` counts how often this effect was looked for in this engine; `defect` is why it could not begin."""
        if looks > 1:
            await anyio.sleep(min(RETRY_MOST_S, RETRY_FIRST_S * 2.0 ** min(looks, 10)))
        fleet = self._fleet_of(effect.scale_set)
        while True:
            try:
                outcome = await self._ask("settle", effect.scale_set, lambda: fleet.settle(effect))
            except FleetDefectError as error:
                self._feedback.silent(effect.scale_set, "settle", str(error))
                await anyio.sleep(RETRY_MOST_S)
                continue
            break
        if outcome is not None and outcome.kind is not OutcomeKind.UNKNOWN:
            self._feedback.answered(effect.scale_set, ACT)
            self._feedback.report(outcome)
        elif defect:
            message = f"the fleet could not begin {effect.kind.value}: {defect}"
            self._feedback.report(EffectOutcome(effect.id, OutcomeKind.FAILED, ErrorCode.INTERNAL, message))
        else:
            self._feedback.goes_on(effect)
            await self._carry(effect.scale_set, [effect], looks)

    async def _ask(self, name: str, scale_set: str, call: Callable[[], Awaitable[_T]]) -> _T:
        """Until the fleet answers. A fleet that is silent changes nothing about what is true.

        Raises FleetDefectError after DEFECTS_BORNE errors in a row that no contract knows.
        """
        delay, defects = RETRY_FIRST_S, 0
        while True:
            try:
                answer = await in_time(call)
            except RollsetError as error:
                self._feedback.silent(scale_set, name, str(error))
            except Exception as error:
                defects += 1
                if defects >= DEFECTS_BORNE:
                    raise FleetDefectError(f"{type(error).__name__}: {error}") from error
            else:
                self._feedback.answered(scale_set, name)
                return answer
            await anyio.sleep(delay)
            delay = min(RETRY_MOST_S, delay * 2)


def _together(effect: Effect) -> tuple[str, float]:
    return effect.scale_set, rest_s(effect)


async def in_time(call: Callable[[], Awaitable[_T]]) -> _T:
    """The answer to a call; raises UnreachableError when there is none within CALL_LIMIT_S."""
    with anyio.move_on_after(CALL_LIMIT_S):
        return await call()
    raise UnreachableError("FleetUnreachable", f"no answer within {CALL_LIMIT_S:g} s.")
