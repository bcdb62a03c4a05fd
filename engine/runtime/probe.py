"""One health probe: an HTTP request over anyio and h11, or a TCP connection. The time-out counts from the connect."""

from __future__ import annotations

import ipaddress
import os
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import anyio
import h11
from anyio.abc import ByteStream

from engine.model.safe_text import printable

BODY_LIMIT = 65_536


class ProbeKind(StrEnum):
    ANSWERED = "answered"
    REFUSED = "refused"
    TIMED_OUT = "timed_out"
    BROKEN = "broken"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class ProbeTarget:
    """Where to ask: `protocol` is http, https or tcp, `host` an address."""

    protocol: str
    host: str
    port: int
    path: str = "/"
    timeout_s: float = 5.0


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """What came back; `body` is at most 64 KiB, `detail` one printable sentence."""

    kind: ProbeKind
    status: int | None
    body: bytes
    detail: str
    took_s: float


async def probe(target: ProbeTarget, *, allowed: Callable[[str], bool]) -> ProbeAnswer:
    """Ask once; never raises for what the other side does.

    Loopback, link-local, multicast and unspecified addresses are asked only when `allowed(host)` says that a fleet
    handed them out. Certificates are not verified for https, as Azure's health extension does not either.
    """
    began = time.perf_counter()
    where = f"{target.host}:{target.port}"
    if not _may_ask(target.host, allowed):
        return ProbeAnswer(ProbeKind.BLOCKED, None, b"", f"{where} is not an address that may be probed", 0.0)
    try:
        with anyio.fail_after(target.timeout_s):
            status, body = await _ask(target)
    except TimeoutError:
        kind, detail = ProbeKind.TIMED_OUT, f"no answer from {where} within {target.timeout_s:g} s"
    except h11.LocalProtocolError as error:
        kind, detail = ProbeKind.BROKEN, f"{where} could not be asked for {printable(target.path)}: {error}"
    except (anyio.BrokenResourceError, anyio.EndOfStream, h11.RemoteProtocolError, ssl.SSLError):
        kind, detail = ProbeKind.BROKEN, f"{where} answered, but not with {target.protocol}"
    except OSError as error:
        kind, detail = ProbeKind.REFUSED, f"connect to {where} failed: {_reason(error)}"
    except Exception as error:  # noqa: BLE001 - one target must not end the probing of all others
        kind, detail = ProbeKind.BROKEN, f"{where} could not be asked: {type(error).__name__}: {printable(str(error))}"
    else:
        said = f"GET {target.protocol}://{where}{target.path} answered {status}" if status else f"{where} accepted"
        return ProbeAnswer(ProbeKind.ANSWERED, status, body, said, time.perf_counter() - began)
    return ProbeAnswer(kind, None, b"", detail, time.perf_counter() - began)


def _reason(error: OSError) -> str:
    inner = error.__cause__ if isinstance(error.__cause__, OSError) else error
    return os.strerror(inner.errno) if inner.errno else "not reachable"


def _may_ask(host: str, allowed: Callable[[str], bool]) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    inside = address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified
    return allowed(host) if inside else True


async def _ask(target: ProbeTarget) -> tuple[int | None, bytes]:
    stream: ByteStream
    if target.protocol == "https":
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        stream = await anyio.connect_tcp(target.host, target.port, tls=True, ssl_context=context)
    else:
        stream = await anyio.connect_tcp(target.host, target.port)
    async with stream:
        return (None, b"") if target.protocol == "tcp" else await _http(stream, target)


async def _http(stream: ByteStream, target: ProbeTarget) -> tuple[int, bytes]:
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=16_384)
    headers = [("Host", f"{target.host}:{target.port}"), ("Connection", "close"), ("User-Agent", "rollset-probe")]
    request = h11.Request(method="GET", target=target.path, headers=headers)
    await stream.send((connection.send(request) or b"") + (connection.send(h11.EndOfMessage()) or b""))
    status, body = 0, b""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await _receive(stream))
        elif isinstance(event, h11.Response):
            status = event.status_code
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
            if len(body) > BODY_LIMIT:
                return status, body[:BODY_LIMIT]
        elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
            return status, body


async def _receive(stream: ByteStream) -> bytes:
    try:
        return await stream.receive(65_536)
    except anyio.EndOfStream:
        return b""
