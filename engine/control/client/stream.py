"""Lines from the engine's socket as they come, in an event loop: cancelled at any moment, nothing left behind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from urllib.parse import urlencode

import anyio
import h11
from anyio.abc import ByteStream, UNIXSocketStream

from engine.control.client.calls import ANSWER_S, SILENCE_S, error_from, lost
from engine.control.client.lines import Line

LINE_LIMIT = 64 * 1024 * 1024
"""One line may be a whole scale set; more than this is no answer of an engine."""
_CHUNK = 64 * 1024


async def lines(line: Line, what: str, arguments: Mapping[str, str]) -> AsyncIterator[bytes]:
    """The JSON lines of GET /v1/{what} without their line breaks; heartbeats are left out.

    Raises the RollsetError that the engine gave, UnreachableError when there is none or it is silent for SILENCE_S.
    """
    stream = await UNIXSocketStream.from_socket(await anyio.to_thread.run_sync(line.open, ANSWER_S))
    async with stream:
        connection = h11.Connection(h11.CLIENT)
        request = h11.Request(
            method="GET",
            target=f"/v1/{what}?{urlencode(arguments)}",
            headers=[("Host", "rollset"), ("Connection", "close")],
        )
        await stream.send((connection.send(request) or b"") + (connection.send(h11.EndOfMessage()) or b""))
        head = await _next(stream, connection)
        if not isinstance(head, h11.Response):
            raise lost("it closed the line")
        if head.status_code != 200:
            raise error_from(await _whole(stream, connection))
        async for found in _split(stream, connection):
            yield found


async def _split(stream: ByteStream, connection: h11.Connection) -> AsyncIterator[bytes]:
    rest = bytearray()
    while isinstance(event := await _next(stream, connection), h11.Data):
        rest += event.data
        if len(rest) > LINE_LIMIT:
            raise lost("a line is too long")
        *whole, tail = bytes(rest).split(b"\n")
        rest = bytearray(tail)
        for line in whole:
            if line.strip():
                yield line
    if rest.strip():
        yield bytes(rest)


async def _whole(stream: ByteStream, connection: h11.Connection) -> bytes:
    found = bytearray()
    while isinstance(event := await _next(stream, connection), h11.Data):
        found += event.data
    return bytes(found)


async def _next(stream: ByteStream, connection: h11.Connection) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
    """The next part of the answer; EndOfMessage or ConnectionClosed at its end."""
    try:
        while (event := connection.next_event()) is h11.NEED_DATA:
            with anyio.fail_after(SILENCE_S):
                try:
                    data = await stream.receive(_CHUNK)
                except anyio.EndOfStream:
                    data = b""
            connection.receive_data(data)
    except TimeoutError as error:
        raise lost(f"silent for {SILENCE_S:.0f} s") from error
    except (OSError, anyio.BrokenResourceError, h11.ProtocolError) as error:
        raise lost(error) from error
    return event
