"""The HTTP app on the engine's socket: commands, queries, the event stream."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from engine.control.peer import may_call, user_name
from engine.model.errors import InputError, NotPermittedError, RollsetError, UnreachableError
from engine.runtime.door import Caller, Door

BODY_LIMIT = 8 * 1024 * 1024
STREAMS_LIMIT = 64
EVENTS_AT_ONCE = 500
HEARTBEAT_S = 10.0
COALESCE_S = 0.1
LINES = "application/x-ndjson"
STATUS = {1: 500, 2: 400, 3: 404, 4: 409, 5: 503, 6: 403}
CLAIMS = ("ssh-connection", "sudo-user", "tty")


class Requests:
    """What is going on at the door: for the idle exit and for the bound on streams."""

    def __init__(self) -> None:
        self.open = 0
        self.streams = 0
        self.last_at = 0.0


def make_app(door: Door, seen: Requests, clock: Callable[[], float]) -> Starlette:
    """The app over a door; `seen` is kept up to date for the caller."""

    async def guarded(request: Request, act: Callable[[Caller], Any]) -> Response:
        seen.open += 1
        try:
            answer: Response = JSONResponse(await act(_caller(request)))
        except RollsetError as error:
            answer = _error(error)
        finally:
            seen.open -= 1
            seen.last_at = clock()
        return answer

    async def command(request: Request) -> Response:
        async def act(caller: Caller) -> dict[str, Any]:
            arguments = await _body(request)
            return await door.command(request.path_params["verb"], arguments, caller)

        return await guarded(request, act)

    async def query(request: Request) -> Response:
        async def act(caller: Caller) -> dict[str, Any]:
            return await door.query(request.path_params["what"], dict(request.query_params), caller)

        return await guarded(request, act)

    async def events(request: Request) -> Response:
        try:
            _caller(request)
            after, limit = _whole(request, "after", 0), _whole(request, "limit", 10_000)
            scope = request.query_params.get("scope", "all")
            if request.query_params.get("follow"):
                return _follow(door, seen, after, scope)
            found = await door.events_after(after, scope, min(limit, 100_000))
        except RollsetError as error:
            return _error(error)
        seen.last_at = clock()
        return Response("".join(line.text + "\n" for line in found), media_type=LINES)

    async def snapshot(request: Request) -> Response:
        try:
            _caller(request)
            found = await door.snapshot(request.query_params.get("scope", "overview"))
        except RollsetError as error:
            return _error(error)
        seen.last_at = clock()
        return Response("".join(line + "\n" for line in found), media_type=LINES)

    return Starlette(
        routes=[
            Route("/v1/commands/{verb}", command, methods=["POST"]),
            Route("/v1/events", events),
            Route("/v1/snapshot", snapshot),
            Route("/v1/{what}", query),
        ]
    )


def _follow(door: Door, seen: Requests, after: int, scope: str) -> Response:
    if seen.streams >= STREAMS_LIMIT:
        raise UnreachableError("TooManyClients", f"{STREAMS_LIMIT} clients follow events already.", "Close one.")
    return StreamingResponse(_lines(door, seen, after, scope), media_type=LINES)


async def _lines(door: Door, seen: Requests, after: int, scope: str) -> AsyncIterator[str]:
    seen.streams += 1
    try:
        yield json.dumps({"head": door.head()}) + "\n"
        while True:
            head = door.head()
            found = await door.events_after(after, scope, EVENTS_AT_ONCE)
            if found:
                after = found[-1].seq
                yield "".join(line.text + "\n" for line in found)
                await anyio.sleep(COALESCE_S)
                continue
            after = max(after, head)
            before = door.head()
            await door.wait_for_events(after, HEARTBEAT_S)
            if door.head() == before:
                yield "\n"
    finally:
        seen.streams -= 1


def _caller(request: Request) -> Caller:
    uid = request.scope.get("state", {}).get("peer_uid")
    if not may_call(uid):
        raise NotPermittedError("NotPermitted", f"user {uid} may not speak to this engine.", "Ask its owner.")
    claimed = {name: request.headers.get(f"x-rollset-{name}", "")[:200] for name in CLAIMS}
    return Caller(uid, user_name(uid), {name: value for name, value in claimed.items() if value})


async def _body(request: Request) -> dict[str, Any]:
    size, parts = 0, []
    async for part in request.stream():
        size += len(part)
        if size > BODY_LIMIT:
            raise InputError("InvalidParameter", f"the request is over {BODY_LIMIT} bytes.", "Send less at once.")
        parts.append(part)
    try:
        value = json.loads(b"".join(parts) or b"{}")
    except (ValueError, RecursionError):
        raise InputError("InvalidParameter", "the request is not JSON.", "Send one JSON object.") from None
    if not isinstance(value, dict):
        raise InputError("InvalidParameter", "the request is not a JSON object.", "Send one JSON object.")
    return value


def _whole(request: Request, name: str, default: int) -> int:
    value = request.query_params.get(name, str(default))
    if not value.isdigit() or len(value) > 15:
        raise InputError("InvalidParameter", f"{name} is {value!r}; it must be a whole number.", "Give a seq.")
    return int(value)


def _error(error: RollsetError) -> Response:
    body = {
        "code": str(error.code),
        "message": error.message,
        "next_step": error.next_step,
        "exit_code": error.exit_code,
    }
    return JSONResponse({"error": body}, status_code=STATUS.get(error.exit_code, 500))
