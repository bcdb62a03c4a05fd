"""`rollset engine dial-stdio`: bytes between standard input and output and the engine, as ssh brought them."""

from __future__ import annotations

import os
import selectors
import socket
from collections.abc import Mapping

CHUNK = 64 * 1024
LINE_LIMIT = 16 * 1024


def dial(connection: socket.socket, source: int, sink: int, claims: Mapping[str, str]) -> None:
    """Carry bytes both ways until the engine or the caller closes.

    `claims` are put in behind the first request line: this process knows where the caller's ssh came from. `source`
    and `sink` are file descriptors. Raises OSError when one end breaks.
    """
    connection.setblocking(True)
    connection.sendall(_with_claims(source, claims))
    with selectors.DefaultSelector() as ready:
        ready.register(source, selectors.EVENT_READ)
        ready.register(connection, selectors.EVENT_READ)
        while True:
            for key, _ in ready.select():
                if key.fileobj is connection:
                    if not _carry_out(connection, sink):
                        return
                elif not (part := os.read(source, CHUNK)):
                    return
                else:
                    connection.sendall(part)


def _carry_out(connection: socket.socket, sink: int) -> bool:
    part = connection.recv(CHUNK)
    view = memoryview(part)
    while view:
        view = view[os.write(sink, view) :]
    return bool(part)


def _with_claims(source: int, claims: Mapping[str, str]) -> bytes:
    begun = b""
    while b"\r\n" not in begun and len(begun) < LINE_LIMIT and (part := os.read(source, CHUNK)):
        begun += part
    line, end, rest = begun.partition(b"\r\n")
    headers = "".join(f"{name}: {value}\r\n" for name, value in claims.items()).encode("ascii")
    return line + end + headers + rest if end else begun
