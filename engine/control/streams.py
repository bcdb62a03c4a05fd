"""Streams of events: JSON lines after a seq. A client that does not read is dropped, never waited for."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass, field

import anyio
import anyio.lowlevel
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from engine.control.shares import Share, over
from engine.model.errors import RefusedError, UnreachableError
from engine.runtime.door import Caller, Door

STREAMS = Share(each=32, total=128, always=4)
EVENTS_AT_ONCE = 500
HEARTBEAT_S = 10.0
COALESCE_S = 0.1
SLOW_S = 10.0
"""A client that takes no byte for so long is dropped; its cursor lets it come back where it was."""


@dataclass(eq=False, slots=True)
class Attached:
    """One open stream: whose, of what, since when (seconds of `Requests.clock`)."""

    caller: Caller
    scope: str
    since_clock: float


@dataclass(slots=True)
class Requests:
    """What is going on at the door: for the idle exit, the bound on streams, and presence.

    `clock` counts monotonic seconds; `last_at` is on it.
    """

    clock: Callable[[], float] = time.monotonic
    open: int = 0
    last_at: float = 0.0
    attached: list[Attached] = field(default_factory=list)
    dropped: int = 0

    @property
    def streams(self) -> int:
        return len(self.attached)


class EventStream(Response):
    """Sends chunks for as long as the client takes them; drops it when it takes none for `slow_s`."""

    media_type = "application/x-ndjson"

    def __init__(
        self, chunks: AsyncGenerator[bytes, None], seen: Requests, abort: Callable[[], None], slow_s: float
    ) -> None:
        super().__init__()
        del self.headers["content-length"]
        self._chunks = chunks
        self._seen = seen
        self._abort = abort
        self._slow_s = slow_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Until the chunks end, as they do when the engine stops; the client leaves; or it is too slow."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._watch, receive, tasks.cancel_scope)
            await self._send_all(send)
            tasks.cancel_scope.cancel()

    async def _watch(self, receive: Receive, all_of_it: anyio.CancelScope) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        all_of_it.cancel()

    async def _send_all(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        async with aclosing(self._chunks) as chunks:
            async for chunk in chunks:
                if not await self._is_sent(send, chunk, more=True):
                    return
        await self._is_sent(send, b"", more=False)

    async def _is_sent(self, send: Send, chunk: bytes, *, more: bool) -> bool:
        with anyio.move_on_after(self._slow_s) as waiting:
            await send({"type": "http.response.body", "body": chunk, "more_body": more})
        if waiting.cancelled_caught:
            self._seen.dropped += 1
            self._abort()
        return not waiting.cancelled_caught


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """Bounds of every stream, in seconds and in streams of one user and of all."""

    streams: Share = STREAMS
    heartbeat_s: float = HEARTBEAT_S
    slow_s: float = SLOW_S


def follow(
    door: Door, seen: Requests, request: Request, attached: Attached, after: int, limits: StreamLimits
) -> Response:
    """Events after `after` until the engine ends; those of one set until it is deleted, which a last line says.

    Where somebody asked the engine to stop, the last line is {"stopped_by": who}.

    Raises UnreachableError when the user, or all together, follow too often already, RefusedError for a position beyond
    the end of the log.
    """
    refuse_ahead(door, after)
    why = over(limits.streams, Counter(one.caller.uid for one in seen.attached), attached.caller.uid)
    if why is not None:
        said = f"the engine runs, but lets no further client follow events: it has {why.format(things='streams')}."
        raise UnreachableError("TooManyClients", said, "Close a cockpit or a --follow of yours, then try again.")
    chunks = _chunks(door, seen, attached, after, limits.heartbeat_s)
    return EventStream(chunks, seen, request.scope["state"]["abort"], limits.slow_s)


def refuse_ahead(door: Door, after: int) -> None:
    """A position that this log never had comes from another log, or from before a restore."""
    if after > door.head():
        raise RefusedError(
            "PositionUnknown",
            f"the log ends at {door.head()}, before the position {after}: it is another log, or an older one.",
            "Begin again with a snapshot.",
        )


def read_through(
    door: Door, seen: Requests, request: Request, scope: str, after: int, limit: int, limits: StreamLimits
) -> Response:
    """At most `limit` events after `after` that are there by now, in pages, so that nobody waits for the whole."""
    chunks = _pages(door, scope, after, limit)
    return EventStream(chunks, seen, request.scope["state"]["abort"], limits.slow_s)


async def _pages(door: Door, scope: str, after: int, limit: int) -> AsyncGenerator[bytes, None]:
    while limit > 0:
        found = await door.events_after(after, scope, min(EVENTS_AT_ONCE, limit))
        if found:
            yield encoded(line.text for line in found)
        if len(found) < min(EVENTS_AT_ONCE, limit):
            return
        after, limit = found[-1].seq, limit - len(found)
        await anyio.lowlevel.checkpoint()


async def _chunks(
    door: Door, seen: Requests, attached: Attached, after: int, heartbeat_s: float
) -> AsyncGenerator[bytes, None]:
    seen.attached.append(attached)
    try:
        yield encoded([json.dumps({"head": door.head()})])
        while True:
            head = door.head()
            found = await door.events_after(after, attached.scope, EVENTS_AT_ONCE)
            if found:
                after = found[-1].seq
                yield encoded(line.text for line in found)
                await anyio.sleep(COALESCE_S)
                continue
            after = max(after, head)
            if door.scope_ended(attached.scope):
                yield encoded([json.dumps({"end": "the scale set is deleted"})])
                return
            if (stopped_by := door.ended()) is not None:
                if stopped_by:
                    yield encoded([json.dumps({"stopped_by": stopped_by})])
                return
            await door.wait_for_events(after, heartbeat_s)
            if door.head() <= after:
                yield b"\n"
    finally:
        seen.attached.remove(attached)


def encoded(lines: Iterable[str]) -> bytes:
    """JSON lines."""
    return "".join(line + "\n" for line in lines).encode()
