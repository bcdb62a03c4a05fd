"""The session of a running engine: snapshots and events over its socket, reconnecting for ever."""

from __future__ import annotations

import asyncio
import getpass
import json
import os
import socket
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

from engine.control.client import Client
from engine.model.errors import RollsetError
from engine.model.upgrade import Now
from engine.wire.recording import OVERVIEW, read_lines
from engine.wire.safe_text import printable
from tui.scene import Scene, fold
from tui.session import Audience, Link, LinkState

SHOWN_S = 0.1
"""What was asked for early is on the terminal by then, before what following takes is loaded."""
BACKOFF_S = (0.25, 0.5, 1.0, 2.0, 5.0)
STOPPED_LOOK_S = 1.0
"""So often a session looks whether a stopped engine runs again."""
START_AGAIN_AFTER = 3
"""So many attempts in vain, then the engine is started again (never by a session that may only read)."""


@runtime_checkable
class OverSsh(Protocol):
    """A line that starts the engine at its other end, where it may (engine.control.client.ssh)."""

    host: str
    may_start: bool


@dataclass(frozen=True, slots=True)
class First:
    """An overview that was asked for early; `read_at` is the monotonic time at which it came."""

    lines: Sequence[bytes]
    read_at: float


class LiveSession:
    """Speaks to an engine. `start` starts one where none runs; None leaves that to others."""

    live = True

    def __init__(
        self,
        client: Client,
        *,
        readonly: bool = False,
        start: Callable[[], object] | None = None,
        first: First | None = None,
    ) -> None:
        self.client = client
        self.readonly = readonly
        self.place = f"{_user()}@{socket.gethostname().split('.')[0]}"
        self._over_ssh = client.line if isinstance(client.line, OverSsh) else None
        host = self._over_ssh.host if self._over_ssh is not None else ""
        self.connecting = f"Connecting to the engine of {host}; where none runs there, it starts first" if host else ""
        self.stopped_by = ""
        """Who stopped the engine in order: it stays down until somebody starts it."""
        self._start = None if readonly else start
        self._starting: asyncio.Lock | None = None
        self._first = first

    def source(self, scope: str) -> LiveSource:
        """The source of a scope; the first one of the overview begins with what was asked for early."""
        found = LiveSource(self, scope)
        if scope == OVERVIEW and self._first is not None:
            found.begin(self._first)
            self._first = None
        return found

    async def command(self, verb: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Carry out a verb, with a key that makes a repeat harmless."""
        given = {name: value for name, value in arguments.items() if value is not None}
        return await asyncio.to_thread(self.client.command, verb, {"key": os.urandom(16).hex()} | given)

    async def query(self, what: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Read something."""
        return await asyncio.to_thread(self.client.query, what, arguments)

    async def recording(self, upgrade: str) -> list[bytes]:
        """The engine tells its log again from before the upgrade."""
        return await asyncio.to_thread(self.client.recording, upgrade)

    @property
    def starts(self) -> bool:
        """Whether it starts the engine by itself: not one that somebody stopped."""
        return self._start is not None and not self.stopped_by

    @property
    def startable(self) -> bool:
        """Whether somebody stopped the engine, and this session may start it when it is told to."""
        return bool(self.stopped_by) and not self.readonly and (self._start is not None or self._over_ssh is not None)

    def stopped(self, by: str) -> None:
        """Who stopped the engine; empty: it is there again. Until then no line of this session starts it either."""
        self.stopped_by = by
        if self._over_ssh is not None:
            self._over_ssh.may_start = not by

    async def start_engine(self) -> None:
        """Start an engine that somebody stopped; over ssh the next attempt does."""
        if self.startable:
            self.stopped("")
            await self.start_again()

    async def start_again(self) -> None:
        """Start the engine when this session does; several sources that ask at once start it once."""
        if self._start is None or not self.starts:
            return
        self._starting = self._starting or asyncio.Lock()
        async with self._starting:
            await asyncio.to_thread(self._start)


class LiveSource:
    """One scope of a running engine."""

    def __init__(self, session: LiveSession, scope: str) -> None:
        self._session = session
        self._scope = scope
        self._read_at = time.monotonic()
        self._audience = Audience()
        self._begun = False
        self.scene = Scene(scope)
        self.link = Link(LinkState.CONNECTING, session.connecting)

    def now(self) -> Now:
        """The engine's time: that of the last line, gone on since it came. It stands still while the line is lost."""
        last = self.scene.now
        if self.link.state is not LinkState.LIVE:
            return last
        gone = time.monotonic() - self._read_at
        return Now(last.at + gone, last.clock + gone)

    def begin(self, first: First) -> None:
        """Show this; the events after it follow. What cannot be read is asked for as usual."""
        try:
            scene = _folded(self.scene, first.lines)
        except (RollsetError, ValueError, LookupError, TypeError, AttributeError):
            return
        self.scene, self._read_at, self.link, self._begun = scene, first.read_at, Link(LinkState.LIVE), True

    async def run(self, changed: Callable[[], None]) -> None:
        """Follow the engine until cancelled."""
        await self._audience.run(changed, self._drive)

    async def _drive(self) -> None:
        in_vain = 0
        while True:
            try:
                if in_vain >= START_AGAIN_AFTER:
                    await self._session.start_again()
                async for _ in self._follow():
                    in_vain = 0
            except RollsetError as error:
                if in_vain == 0 and self.link.state is LinkState.CONNECTING and self._session.starts:
                    in_vain = START_AGAIN_AFTER  # it was never there for this screen: start it, say nothing is lost
                    continue
                self._lose(error.message)
            except (ValueError, LookupError, TypeError, AttributeError, AssertionError) as error:
                self._lose(f"the engine sent what this cockpit cannot read ({error})")
            await asyncio.sleep(self._rest_s(in_vain))
            in_vain += 1

    def _rest_s(self, in_vain: int) -> float:
        rest_s = BACKOFF_S[min(in_vain, len(BACKOFF_S) - 1)]
        return min(rest_s, STOPPED_LOOK_S) if self._session.stopped_by else rest_s

    def _lose(self, words: str) -> None:
        since = self.link.since_at if self.link.state is LinkState.LOST else time.time()
        self.scene = replace(self.scene, now=self.now())
        self.link = Link(LinkState.LOST, words, since, self._session.stopped_by, self._session.startable)
        self._audience.tell()

    async def _follow(self) -> AsyncIterator[None]:
        if self._begun:
            await asyncio.sleep(SHOWN_S)
        from engine.control.client.stream import lines
        from engine.wire.events import recorded_from_dict

        line_to = self._session.client.line
        if not self._begun:
            snapshot = [line async for line in lines(line_to, "snapshot", {"scope": self._scope})]
            self._session.stopped("")
            self._put(_folded(Scene(self._scope), snapshot))
            yield
        self._begun = False
        after = {"after": str(self.scene.seq), "scope": self._scope, "follow": "1"}
        async for line in lines(line_to, "events", after):
            value = json.loads(line)
            if "seq" in value:
                self._put(fold(self.scene, recorded_from_dict(value)))
                yield
            elif by := value.get("stopped_by"):
                self._session.stopped(printable(str(by)))
                self._lose(f"the engine was stopped by {self._session.stopped_by}")

    def _put(self, scene: Scene) -> None:
        self.scene = scene
        self._read_at = time.monotonic()
        self.link = Link(LinkState.LIVE)
        self._audience.tell()


def _folded(scene: Scene, snapshot: Sequence[bytes]) -> Scene:
    for item in read_lines(snapshot, "the engine's snapshot"):
        scene = fold(scene, item)
    return scene


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.geteuid())
