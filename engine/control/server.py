"""The HTTP app on the engine's socket: commands, queries, snapshots, the event stream."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from engine.control.gate import Gate
from engine.control.requests import read_body, whole_number
from engine.control.streams import Attached, Requests, StreamLimits, encoded, follow, read_through, refuse_ahead
from engine.model.errors import InputError, NotFoundError, RollsetError
from engine.runtime.door import Caller, Door
from engine.runtime.permissions import Role, permit

EVENTS_LIMIT = 100_000
LINES = "application/x-ndjson"
STATUS = {1: 500, 2: 400, 3: 404, 4: 409, 5: 503, 6: 403}

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Metrics = Callable[[], str]
Act = Callable[[Request, Caller], Awaitable[Response]]


class Routes:
    """The routes over a door. `seen` is kept up to date for the idle exit and presence."""

    def __init__(self, door: Door, seen: Requests, gate: Gate, limits: StreamLimits, metrics: Metrics) -> None:
        self._door = door
        self._seen = seen
        self._gate = gate
        self._limits = limits
        self._metrics = metrics

    def guarded(self, act: Act, needed: Role | None) -> Callable[[Request], Awaitable[Response]]:
        """A route that knows its caller, and turns every RollsetError into an answer."""

        async def route(request: Request) -> Response:
            self._seen.open += 1
            try:
                caller = self._gate.caller(request)
                if needed is not None:
                    permit(caller.role, caller.user, needed, "reading")
                return await act(request, caller)
            except RollsetError as error:
                return error_answer(error)
            except ClientDisconnect:
                return Response(status_code=499)
            finally:
                self._seen.open -= 1
                self._seen.last_at = self._seen.clock()

        return route

    async def command(self, request: Request, caller: Caller) -> Response:
        """POST /v1/commands/{verb}. What somebody without a role sends is not even read."""
        arguments = await read_body(request) if caller.role is not None else {}
        return JSONResponse(await self._door.command(request.path_params["verb"], arguments, caller))

    async def introduce(self, request: Request, caller: Caller) -> Response:
        """POST /v1/connection: the headers of this request hold for every later one of the connection."""
        self._gate.introduce(request)
        return JSONResponse({"message": "this holds for the whole connection"})

    async def query(self, request: Request, caller: Caller) -> Response:
        """GET /v1/{what}."""
        return JSONResponse(await self._door.query(request.path_params["what"], dict(request.query_params), caller))

    async def events(self, request: Request, caller: Caller) -> Response:
        """GET /v1/events: those there are, or with follow=1 also those to come."""
        after = whole_number(request, "after", 0)
        limit = min(whole_number(request, "limit", 10_000), EVENTS_LIMIT)
        refuse_ahead(self._door, after)
        scope = self._door.scope_of(request.query_params.get("scope", "all"))
        if request.query_params.get("follow"):
            attached = Attached(caller, scope, self._seen.clock())
            return follow(self._door, self._seen, request, attached, after, self._limits)
        return read_through(self._door, self._seen, request, scope, after, limit, self._limits)

    async def snapshot(self, request: Request, caller: Caller) -> Response:
        """GET /v1/snapshot."""
        return _lines(await self._door.snapshot(request.query_params.get("scope", "overview")))

    async def recording(self, request: Request, caller: Caller) -> Response:
        """GET /v1/recording."""
        return _lines(await self._door.recording(request.query_params.get("upgrade", "")))

    async def metrics(self, request: Request, caller: Caller) -> Response:
        """GET /metrics."""
        return Response(self._metrics(), media_type=CONTENT_TYPE)


def make_app(
    door: Door,
    seen: Requests,
    gate: Gate | None = None,
    limits: StreamLimits | None = None,
    metrics: Metrics = str,
) -> Starlette:
    """The app over a door; `seen` is kept up to date for the caller, who also tells who may do what (`gate`)."""
    routes = Routes(door, seen, gate or Gate(), limits or StreamLimits(), metrics)
    return Starlette(
        routes=[
            Route("/v1/commands/{verb}", routes.guarded(routes.command, None), methods=["POST"]),
            Route("/v1/connection", routes.guarded(routes.introduce, None), methods=["POST"]),
            Route("/v1/events", routes.guarded(routes.events, Role.VIEWER)),
            Route("/v1/snapshot", routes.guarded(routes.snapshot, Role.VIEWER)),
            Route("/v1/recording", routes.guarded(routes.recording, Role.VIEWER)),
            Route("/metrics", routes.guarded(routes.metrics, Role.VIEWER)),
            Route("/v1/{what}", routes.guarded(routes.query, Role.VIEWER)),
        ],
        exception_handlers={HTTPException: _no_route, Exception: _defect},
    )


def error_answer(error: RollsetError) -> Response:
    """An error as JSON, with the HTTP status of its kind."""
    body = {
        "code": str(error.code),
        "message": error.message,
        "next_step": error.next_step,
        "exit_code": error.exit_code,
    }
    return JSONResponse({"error": body}, status_code=STATUS.get(error.exit_code, 500))


def _lines(found: Iterable[str]) -> Response:
    return Response(encoded(found), media_type=LINES)


async def _no_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException), "registered for it"
    if error.status_code == 405:
        said = f"{request.method} is not for {request.scope['path']}."
        return error_answer(InputError("InvalidParameter", said, "POST commands, GET everything else."))
    return error_answer(NotFoundError("NotFound", f"there is no {request.scope['path']}.", "See docs/api.md."))


async def _defect(request: Request, error: Exception) -> Response:
    logging.getLogger("rollset.door").error("%s %s failed", request.method, request.scope["path"], exc_info=error)
    said = f"the engine has a defect: {type(error).__name__}."
    return error_answer(RollsetError("InternalError", said, "See rollset engine logs, then rollset doctor --bundle."))
