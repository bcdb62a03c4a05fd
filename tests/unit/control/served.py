"""The real HTTP server on a socket in a temporary directory, over a door that a test fills."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import uvicorn

from engine.control.client import Client, SharedLine
from engine.control.gate import Gate
from engine.control.peer import Peer, PeerProtocol
from engine.control.places import Places
from engine.control.server import make_app
from engine.control.streams import Requests, StreamLimits
from engine.model.errors import NotFoundError
from engine.runtime.door import Caller
from engine.runtime.permissions import needed_for, permit
from engine.runtime.recent_events import EventLine


class FakeDoor:
    """A log in memory; it remembers who asked for what."""

    def __init__(self) -> None:
        self.lines: list[EventLine] = []
        self.deleted: set[str] = set()
        self.stopped: str | None = None
        self.callers: list[Caller] = []
        self.commands: list[tuple[str, dict[str, Any]]] = []
        self.answers: dict[str, Callable[[], Any]] = {}
        self._changed = asyncio.Event()

    def add(self, words: str = "") -> None:
        seq = len(self.lines) + 1
        self.lines.append(EventLine(seq, "engine", json.dumps({"seq": seq, "words": words})))
        self._changed.set()
        self._changed = asyncio.Event()

    async def command(self, verb: str, arguments: dict[str, Any], caller: Caller) -> dict[str, Any]:
        permit(caller.role, caller.user, needed_for(verb), verb)
        self.callers.append(caller)
        self.commands.append((verb, arguments))
        return {"message": "done"}

    async def query(self, what: str, arguments: dict[str, str], caller: Caller) -> dict[str, Any]:
        self.callers.append(caller)
        if what in self.answers:
            answer: dict[str, Any] = self.answers[what]()
            return answer
        if what == "engine":
            return {"head": self.head(), **arguments}
        raise NotFoundError("NotFound", f"nothing is called {what!r}.")

    def head(self) -> int:
        return len(self.lines)

    def scope_of(self, name: str) -> str:
        if name == "nothing-is-called-so":
            raise NotFoundError("NotFound", "no such set.")
        return name

    def scope_ended(self, scope: str) -> bool:
        return scope in self.deleted

    def ended(self) -> str | None:
        return self.stopped

    def stop(self, by: str) -> None:
        """The engine ends: who follows looks again."""
        self.stopped = by
        self._changed.set()
        self._changed = asyncio.Event()

    async def events_after(self, seq: int, scope: str, limit: int) -> list[EventLine]:
        return self.lines[seq : seq + limit]

    async def snapshot(self, scope: str) -> list[str]:
        return [json.dumps({"scope": scope, "from": self.head()})]

    async def recording(self, upgrade: str) -> list[str]:
        return [json.dumps({"upgrade": upgrade})]

    async def wait_for_events(self, seq: int, timeout_s: float) -> None:
        if self.head() <= seq:
            try:
                await asyncio.wait_for(self._changed.wait(), timeout_s)
            except TimeoutError:
                pass


class Served:
    """Server, door and their loop in a thread; `call` runs a function there."""

    def __init__(
        self,
        path: Path,
        *,
        gate: Gate | None = None,
        limits: StreamLimits | None = None,
        peer: Peer | None = None,
        nobody: bool = False,
        request_s: float = 10.0,
        places: Places | None = None,
    ) -> None:
        self.path = path
        self.seen = Requests()
        self._gate = gate
        self._limits = limits
        self._ready = threading.Event()

        self.peer = peer
        served = self

        class Protocol(PeerProtocol):
            def peer_of(self, transport: asyncio.BaseTransport) -> Peer | None:
                return None if nobody else served.peer or super().peer_of(transport)

        Protocol.request_s = request_s
        Protocol.places = places
        self._protocol = Protocol
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._thread.start()
        assert self._ready.wait(10)
        self.client = Client(SharedLine(path))

    async def _run(self) -> None:
        self.door = FakeDoor()
        app = make_app(self.door, self.seen, self._gate, self._limits)
        config = uvicorn.Config(
            app, http=self._protocol, ws="none", lifespan="off", log_config=None, timeout_graceful_shutdown=1
        )
        self._server = _Server(config)
        self._loop = asyncio.get_running_loop()
        bound = socket.socket(socket.AF_UNIX)
        bound.bind(str(self.path))
        bound.listen(100)
        self._loop.call_soon(self._ready.set)
        await self._server.serve([bound])

    def call(self, act: Callable[[], Any]) -> Any:
        done: list[Any] = []
        ready = threading.Event()

        def run() -> None:
            done.append(act())
            ready.set()

        self._loop.call_soon_threadsafe(run)
        assert ready.wait(10)
        return done[0]

    def dial(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(10)
        connection.connect(str(self.path))
        return connection

    def raw(self, request: bytes) -> bytes:
        """Everything the server says to these bytes until it closes or is silent."""
        with self.dial() as connection:
            said = b""
            connection.settimeout(3)
            try:
                connection.sendall(request)
                while part := connection.recv(65536):
                    said += part
                    if b"\r\n\r\n" in said and _complete(said):
                        break
            except (TimeoutError, ConnectionError):
                pass
            return said

    def close(self) -> None:
        self.stop()
        self._thread.join(15)
        assert not self._thread.is_alive()

    def stop(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop)

    def _stop(self) -> None:
        self._server.should_exit = True
        self._server.force_exit = True


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # only the main thread may


def _complete(said: bytes) -> bool:
    head, _, body = said.partition(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return len(body) >= int(value)
    return False


def post(body: bytes, verb: str = "pause", headers: bytes = b"") -> bytes:
    """A POST of a command, byte by byte as a test wants it."""
    head = f"POST /v1/commands/{verb} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n".encode()
    return head + headers + b"\r\n" + body
