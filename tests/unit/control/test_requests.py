"""What comes over the socket, however bad, gets one clear answer and changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from engine.control.requests import BODY_LIMIT, parse_body
from engine.model.errors import InputError, NotFoundError, RollsetError
from tests.unit.control.served import Served, post
from tests.worlds.watching import wait_until

Serve = Callable[..., Served]


def refusal(said: bytes) -> tuple[int, dict[str, str]]:
    head, _, body = said.partition(b"\r\n\r\n")
    error: dict[str, str] = json.loads(body)["error"]
    return int(head.split()[1]), error


@pytest.mark.parametrize(
    "body",
    (
        b"{",
        b"nonsense",
        b"[1, 2]",
        b'"text"',
        b"null",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": "\xff"}',
        b'{"a": "\\ud800"}',
        b'\xef\xbb\xbf{"a": 1}',
        b"[" * 200_000 + b"]" * 200_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b"9" * 5000,
        b"{}{}",
    ),
    ids=lambda body: body[:12].decode(errors="replace"),
)
def test_what_is_not_one_json_object_is_refused_and_nobody_acts(serve: Serve, body: bytes) -> None:
    served = serve()

    status, error = refusal(served.raw(post(body)))

    assert status == 400
    assert error["code"] == "InvalidParameter"
    assert served.door.commands == []
    assert served.client.query("engine", {})["head"] == 0


@pytest.mark.parametrize(
    ("body", "value"),
    ((b"", {}), (b"{}", {}), (b'{"a": "\\u00e9"}', {"a": "é"}), ('{"a": "🎈"}'.encode(), {"a": "🎈"})),
)
def test_json_is_taken_as_it_is(body: bytes, value: dict[str, str]) -> None:
    assert parse_body(body) == value


def test_a_pair_of_halves_is_one_character() -> None:
    assert parse_body(b'{"a": "\\ud83c\\udf88"}') == {"a": "🎈"}


def test_a_body_over_the_limit_is_refused_before_it_is_kept(serve: Serve) -> None:
    served = serve()

    with pytest.raises(InputError, match="over 8388608 bytes"):
        served.client.command("apply", {"documents": ["x" * BODY_LIMIT]})

    assert served.door.commands == []


def test_a_body_up_to_the_limit_is_taken(serve: Serve) -> None:
    served = serve()

    served.client.command("apply", {"documents": ["x" * (BODY_LIMIT - 100)]})

    assert len(served.door.commands) == 1


def test_a_request_that_is_cut_off_is_never_carried_out(serve: Serve) -> None:
    served = serve()

    with served.dial() as connection:
        connection.sendall(post(b'{"set": "web"}')[:-3])
    wait_until(lambda: served.seen.open == 0, 10)

    assert served.door.commands == []
    assert served.client.query("engine", {})["head"] == 0


@pytest.mark.parametrize(
    "text",
    (
        b"\x00\x01\x02\r\n\r\n",
        b"GET /v1/engine HTTP/1.1\r\n\r\n",
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n",
        b"GET /v1/engine HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 300_000 + b"\r\n",
        b"POST /v1/commands/pause HTTP/1.1\r\nHost: x\r\nContent-Length: -4\r\n\r\n",
        b"POST /v1/commands/pause HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    ),
    ids=("bytes", "no host", "long target", "many headers", "negative length", "bad chunk"),
)
def test_what_is_not_http_is_turned_away_and_the_engine_serves_on(serve: Serve, text: bytes) -> None:
    served = serve()

    said = served.raw(text)

    assert said.startswith(b"HTTP/1.1 400") or said == b""
    assert served.door.commands == []
    assert served.client.query("engine", {})["head"] == 0


def test_a_connection_that_never_finishes_its_request_is_closed(serve: Serve) -> None:
    served = serve(request_s=0.2)

    with served.dial() as connection:
        connection.sendall(b"GET /v1/engine HTTP/1.1\r\nHost:")
        try:
            said = connection.recv(100)
        except ConnectionResetError:
            said = b""

    assert said == b""


def test_a_connection_with_answers_behind_it_has_as_long_for_the_next_request(serve: Serve) -> None:
    served = serve(request_s=0.2)

    with served.dial() as connection:
        connection.sendall(b"GET /v1/engine HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = b""
        while b'{"head":0}' not in answer:
            answer += connection.recv(65536)
        connection.sendall(b"GET /v1/eng")
        try:
            said = connection.recv(100)
        except ConnectionResetError:
            said = b""

    assert said == b""


@pytest.mark.parametrize(
    ("line", "status"),
    (
        ("GET /nowhere", 404),
        ("GET /v1/nothing", 404),
        ("GET /v1/commands/pause", 400),
        ("DELETE /v1/engine", 400),
        ("GET /v1/events?after=-1", 400),
        ("GET /v1/events?after=9999999999999999", 400),
        ("GET /v1/events?after=%C2%B2", 400),
        ("GET /v1/events?scope=nothing-is-called-so", 404),
        ("GET /v1/events?follow=1&scope=nothing-is-called-so", 404),
        ("GET /v1/events?after=7", 409),
        ("GET /v1/events?after=7&follow=1", 409),
    ),
)
def test_every_refusal_has_code_message_and_exit_code(serve: Serve, line: str, status: int) -> None:
    served = serve()

    found, error = refusal(served.raw(f"{line} HTTP/1.1\r\nHost: x\r\n\r\n".encode()))

    assert found == status
    assert set(error) == {"code", "message", "next_step", "exit_code"}


def test_a_defect_is_an_answer_and_a_line_in_the_log(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    served = serve()
    served.door.answers["broken"] = lambda: 1 // 0

    with pytest.raises(RollsetError) as caught:
        served.client.query("broken", {})

    assert caught.value.code == "InternalError"
    assert "ZeroDivisionError" in caught.value.message
    assert "/v1/broken failed" in caplog.text
    assert served.client.query("engine", {})["head"] == 0


def test_an_answer_that_is_no_json_is_an_error_of_the_engine(serve: Serve) -> None:
    served = serve()

    with pytest.raises(NotFoundError):
        served.client.query("no such thing / at all", {})
