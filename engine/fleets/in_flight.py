"""Effects that a fleet carries out with tasks of its own: begun together, polled by handle, gone with the process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import anyio
from anyio.abc import TaskGroup

from engine.fleets.fleet import Poll
from engine.model.codes import ErrorCode
from engine.model.effects import Effect, EffectOutcome, OutcomeKind

POLL_WAIT_S = 10.0

Act = Callable[[Effect, int], Awaitable[EffectOutcome]]


class InFlight:
    """Runs `act` for each effect in `tasks`; an outcome is kept until its whole handle has been reported."""

    def __init__(self, tasks: TaskGroup, act: Act) -> None:
        self._tasks = tasks
        self._act = act
        self._handles: dict[str, dict[str, EffectOutcome | None]] = {}
        self._changed = anyio.Event()
        self._count = 0

    def begin(self, effects: Sequence[Effect], epoch: int) -> str:
        """Start the effects and return their handle."""
        self._count += 1
        handle = f"{epoch}.{self._count}"
        self._handles[handle] = {effect.id: None for effect in effects}
        for effect in effects:
            self._tasks.start_soon(self._run, handle, effect, epoch)
        return handle

    async def _run(self, handle: str, effect: Effect, epoch: int) -> None:
        try:
            outcome = await self._act(effect, epoch)
        except Exception as error:  # noqa: BLE001 - a defect in one act must not end the engine
            words = f"{effect.kind.value} on instance {effect.instance_id}: {type(error).__name__}: {error}"
            outcome = EffectOutcome(effect.id, OutcomeKind.UNKNOWN, ErrorCode.INTERNAL, words[:1_000])
        known = self._handles.get(handle)
        if known is not None:
            known[effect.id] = outcome
        self._changed.set()
        self._changed = anyio.Event()

    async def poll(self, handle: str) -> Poll:
        """Outcomes so far; waits up to 10 s while there is nothing that was not reported before."""
        known = self._handles.get(handle)
        if known is None:
            return Poll({}, None)
        with anyio.move_on_after(POLL_WAIT_S):
            while not self._news(known):
                await self._changed.wait()
        done = {key: outcome for key, outcome in known.items() if outcome is not None}
        for key in done:
            del known[key]
        if not known:
            del self._handles[handle]
        return Poll(done, 0.0 if known else None)

    @staticmethod
    def _news(known: dict[str, EffectOutcome | None]) -> bool:
        return any(outcome is not None for outcome in known.values())
