"""Who is calling: the kernel's word on the other end of the socket."""

from __future__ import annotations

import asyncio
import pwd
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from engine.control.places import Place, Places

REQUEST_S = 10.0
"""A connection whose request line and headers are not here by then is closed."""
NO_LOGIN = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Peer:
    """The process that connected, at the moment it did. `login_uid`: who logged in, which sudo does not change."""

    pid: int
    uid: int
    gid: int
    login_uid: int | None = None


@dataclass(slots=True)
class Standing:
    """What was said for a whole connection, by who opened it for somebody else: nothing later takes it back."""

    readonly: bool = False
    claimed: Mapping[str, str] | None = None


def read_peer(connection: socket.socket | None) -> Peer | None:
    """The peer of a Unix socket; None when the kernel does not say."""
    if connection is None or not hasattr(socket, "SO_PEERCRED"):
        return None
    try:
        raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    except OSError:
        return None
    pid, uid, gid = struct.unpack("3i", raw)
    return Peer(pid, uid, gid, read_login_uid(pid))


def read_login_uid(pid: int, proc: Path = Path("/proc")) -> int | None:
    """The kernel's login uid of a process; None where there is none (containers, services) or it cannot be read."""
    try:
        found = int((proc / str(pid) / "loginuid").read_text())
    except (OSError, ValueError):
        return None
    return found if 0 <= found < NO_LOGIN else None


def user_name(uid: int) -> str:
    """The name of a uid, or the number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


class PeerProtocol(H11Protocol):
    """uvicorn's HTTP protocol, which also says who is calling and does not wait for ever.

    Each request's scope has under `state`: `peer` (Peer or None), `abort`, which drops the connection at once, and
    `standing`, the same for all requests of the connection.
    """

    request_s = REQUEST_S
    places: ClassVar[Places | None] = None
    """Who may keep how many connections; None: no bound."""
    _late: asyncio.TimerHandle | None = None
    _place: Place | None = None

    def peer_of(self, transport: asyncio.BaseTransport) -> Peer | None:
        """Who is at the other end."""
        return read_peer(transport.get_extra_info("socket"))

    def connection_made(self, transport: Any) -> None:
        """Ask the kernel once, at the start: a pid may be another process later."""
        super().connection_made(transport)
        peer = self.peer_of(transport)
        self.app_state = {**self.app_state, "peer": peer, "abort": transport.abort, "standing": Standing()}
        if self.places is not None and not self._enter(self.places, peer):
            transport.abort()
            return
        self._await_request()

    def _enter(self, places: Places, peer: Peer | None) -> bool:
        self._place = places.enter(peer, self.app)
        if self._place is None:
            return False
        self.app = self._place.app
        self.request_s = self._place.request_s or self.request_s
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer, and free the place."""
        self._forget_timer()
        if self._place is not None:
            self._place.leave()
            self._place = None
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """As uvicorn does; a complete request head stops the clock."""
        before = self.cycle
        super().handle_events()
        if self.cycle is not before:
            self._forget_timer()

    def on_response_complete(self) -> None:
        """As uvicorn does; the next request of the connection has as long as the first."""
        super().on_response_complete()
        if not self.transport.is_closing():
            self._await_request()

    def _await_request(self) -> None:
        self._forget_timer()
        self._late = self.loop.call_later(self.request_s, self.transport.abort)

    def _forget_timer(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None
