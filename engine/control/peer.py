"""Who is calling: the kernel's word on the other end of the socket."""

from __future__ import annotations

import os
import pwd
import socket
import struct
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol


class PeerProtocol(H11Protocol):
    """uvicorn's HTTP protocol that puts the peer's uid into each request's scope, under `state`."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.app_state = {**self.app_state, "peer_uid": peer_uid(transport.get_extra_info("socket"))}


def peer_uid(connection: socket.socket | None) -> int | None:
    """The uid at the other end of a Unix socket; None when the kernel does not say."""
    if connection is None or not hasattr(socket, "SO_PEERCRED"):
        return None
    try:
        raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    except OSError:
        return None
    _, uid, _ = struct.unpack("3i", raw)
    return int(uid)


def user_name(uid: int) -> str:
    """The name of a uid, or the number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def may_call(uid: int | None) -> bool:
    """The engine's owner and root; nobody else."""
    return uid is not None and uid in (0, os.geteuid())
