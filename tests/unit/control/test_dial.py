"""A line carried for somebody else: what was said for the whole of it holds for every request, however it is sent."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import pytest

from engine.control.client.dial import dial
from engine.control.gate import Gate
from engine.control.peer import Peer
from engine.model.errors import NotPermittedError
from tests.unit.control.served import Served, post

Serve = Callable[..., Served]
GET = b"GET /v1/engine HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = (
    b"POST /v1/commands/pause HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"
)
OUT_OF_IT = b"POST /v1/connection HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nX-Rollset-readonly:\r\n\r\n"


@contextmanager
def carried(served: Served, claims: Mapping[str, str], *, readonly: bool) -> Iterator[socket.socket]:
    """The far end of a line that `dial` carries to the server."""
    far, near = socket.socketpair()
    far.settimeout(10)
    connection = served.dial()

    def carry() -> None:
        dial(connection, near.fileno(), near.fileno(), claims, readonly=readonly)

    thread = threading.Thread(target=carry)
    thread.start()
    try:
        yield far
    finally:
        far.shutdown(socket.SHUT_WR)
        thread.join(10)
        for one in (far, near, connection):
            one.close()
    assert not thread.is_alive()


def answers(far: socket.socket, count: int) -> list[int]:
    found = []
    for _ in range(count):
        response = http.client.HTTPResponse(_Unbuffered(far))  # type: ignore[arg-type]  # it needs makefile alone
        response.begin()
        response.read()
        found.append(response.status)
    return found


class _Unbuffered:
    """Reads no byte of the next answer."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def makefile(self, _mode: str) -> object:
        return self._connection.makefile("rb", buffering=0)


@pytest.mark.parametrize(
    ("sent", "statuses"),
    (
        ([post(b"{}")], [403]),
        ([post(b"{}"), post(b"{}"), GET, post(b"{}")], [403, 403, 200, 403]),
        ([post(b"{}") + post(b"{}") + GET + post(b"{}")], [403, 403, 200, 403]),
        ([GET + CHUNKED + CHUNKED + GET], [200, 403, 403, 200]),
        ([CHUNKED[:40], CHUNKED[40:100], CHUNKED[100:] + post(b"{}")], [403, 403]),
        ([OUT_OF_IT + post(b"{}")], [200, 403]),
        ([post(b"{}", headers=b"X-Rollset-readonly: \r\n")], [403]),
    ),
)
def test_readonly_holds_for_every_request_of_the_line(serve: Serve, sent: list[bytes], statuses: list[int]) -> None:
    served = serve()

    with carried(served, {}, readonly=True) as far:
        for part in sent:
            far.sendall(part)
        assert answers(far, len(statuses)) == statuses

    assert served.door.commands == []


def test_without_it_commands_go_through_with_what_the_carrier_knows_of_their_caller(serve: Serve) -> None:
    served = serve()
    claims = {"X-Rollset-ssh-connection": "192.0.2.7 50000 192.0.2.1 22"}
    lie = b"X-Rollset-ssh-connection: 10.9.9.9 1 10.0.0.2 22\r\n"

    with carried(served, claims, readonly=False) as far:
        far.sendall(post(b"{}", headers=lie) + OUT_OF_IT.replace(b"readonly:", b"sudo-user: root") + post(b"{}"))
        assert answers(far, 3) == [200, 200, 200]

    assert [dict(c.claimed) for c in served.door.callers] == [{"ssh-connection": "192.0.2.7 50000 192.0.2.1 22"}] * 2


def test_one_line_says_nothing_about_another(serve: Serve) -> None:
    served = serve()

    with carried(served, {}, readonly=True) as far:
        far.sendall(GET)
        assert answers(far, 1) == [200]
        served.client.command("pause", {})

    assert len(served.door.commands) == 1


def test_an_engine_that_does_not_know_its_caller_is_told_nothing(serve: Serve) -> None:
    served = serve(nobody=True)
    ours, theirs = socket.socketpair()
    ours.sendall(post(b"{}"))

    with served.dial() as connection, pytest.raises(NotPermittedError, match="the kernel does not say"):
        dial(connection, theirs.fileno(), theirs.fileno(), {}, readonly=True)

    assert served.door.commands == []
    ours.close()
    theirs.close()


def test_a_user_without_a_role_gets_none_by_an_introduction(serve: Serve) -> None:
    served = serve(peer=Peer(13, 5003, 5003), gate=Gate(groups=lambda _uid, _gid: frozenset()))

    with carried(served, {}, readonly=False) as far:
        far.sendall(GET + post(b"{}"))
        assert answers(far, 2) == [403, 403]
