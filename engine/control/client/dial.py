"""`rollset engine dial-stdio`: bytes between standard input and output and the engine, as ssh brought them."""

from __future__ import annotations

import http.client
import os
import select
import selectors
import socket
from collections.abc import Mapping

from engine.control.client.calls import READONLY, error_from, lost

CHUNK = 64 * 1024


def dial(connection: socket.socket, source: int, sink: int, claims: Mapping[str, str], *, readonly: bool) -> None:
    """Carry bytes both ways until the engine or the caller closes.

    `claims` (this process knows where the caller's ssh came from) and `readonly` hold for every request on the line,
    whatever the caller sends. `source` and `sink` are file descriptors. Raises OSError when one end breaks, and the
    RollsetError of an engine that does not take the introduction.
    """
    select.select([source], [], [])  # the engine gives an introduced line only seconds to ask for something
    _introduce(connection, {**claims, **(READONLY if readonly else {})})
    connection.setblocking(True)
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


def _introduce(connection: socket.socket, headers: Mapping[str, str]) -> None:
    """Say for whom this line is, and wait until the engine has taken it; not a byte of the caller is sent before."""
    lines = ["POST /v1/connection HTTP/1.1", "Host: rollset", "Content-Length: 0"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    connection.sendall("".join(line + "\r\n" for line in (*lines, "")).encode("ascii"))
    with http.client.HTTPResponse(connection, method="POST") as response:
        try:
            response.begin()
            text = response.read()
        except http.client.HTTPException as error:
            raise lost(error) from error
        if response.status != 200:
            raise error_from(text)
