"""One probe: what it makes of answers, silence and targets that cannot be asked; it never raises."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
from anyio.abc import SocketAttribute, SocketStream

from engine.runtime.probe import ProbeKind, ProbeTarget, probe

pytestmark = pytest.mark.anyio


@pytest.fixture(params=("asyncio", "trio"))
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@asynccontextmanager
async def answering(answer: bytes | None) -> AsyncIterator[int]:
    """A server on loopback that answers everything with these bytes, or with silence; gives its port."""

    async def serve(stream: SocketStream) -> None:
        async with stream:
            await stream.receive()
            if answer is None:
                await anyio.sleep_forever()
            await stream.send(answer or b"")

    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, serve)
        yield listener.extra(SocketAttribute.local_port)
        tasks.cancel_scope.cancel()


def target(port: int, path: str = "/health", timeout_s: float = 5.0) -> ProbeTarget:
    return ProbeTarget("http", "127.0.0.1", port, path, timeout_s)


def ours(host: str) -> bool:
    return host == "127.0.0.1"


async def test_an_answer_has_its_status_and_body() -> None:
    async with answering(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy") as port:
        found = await probe(target(port), allowed=ours)
    assert (found.kind, found.status, found.body) == (ProbeKind.ANSWERED, 503, b"busy")
    assert found.detail == f"GET http://127.0.0.1:{port}/health answered 503"


@pytest.mark.parametrize("answer", (b"", b"SSH-2.0-x\r\n", b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n", b"\xff" * 20_000))
async def test_what_is_no_http_is_broken(answer: bytes) -> None:
    async with answering(answer) as port:
        assert (await probe(target(port), allowed=ours)).kind is ProbeKind.BROKEN


async def test_silence_is_a_time_out() -> None:
    async with answering(None) as port:
        found = await probe(target(port, timeout_s=0.05), allowed=ours)
    assert found.kind is ProbeKind.TIMED_OUT


async def test_nobody_there_is_refused() -> None:
    async with answering(b"") as port:
        pass
    assert (await probe(target(port), allowed=ours)).kind is ProbeKind.REFUSED


@pytest.mark.parametrize("path", ("/a b", "/é", "/a\r\nX: y", "/\x00", "/\ud800", ""))
async def test_a_path_that_no_request_can_carry_is_broken(path: str) -> None:
    async with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as port:
        found = await probe(target(port, path), allowed=ours)
    assert found.kind is ProbeKind.BROKEN
    assert found.detail.isprintable()


@pytest.mark.parametrize("host", ("127.0.0.2", "169.254.169.254", "0.0.0.0", "::1", "not an address"))
async def test_this_machines_own_addresses_are_not_asked_unless_a_fleet_gave_them(host: str) -> None:
    found = await probe(ProbeTarget("http", host, 80, "/", 1.0), allowed=ours)
    assert found.kind is ProbeKind.BLOCKED
