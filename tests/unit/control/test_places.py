"""Shares of the door: who takes much of it shuts nobody else out, and who has no role keeps nothing open."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from engine.control.peer import Peer
from engine.control.places import REFUSED_EACH, Places
from engine.control.shares import Share, over
from engine.control.streams import StreamLimits
from engine.model.errors import NotPermittedError, UnreachableError
from tests.unit.control.served import Served
from tests.unit.control.test_gate import ANN, BOB, EVE, gate_with

Serve = Callable[..., Served]
OWNER = Peer(10, os.geteuid(), os.getegid())
SHARE = Share(each=4, total=6, always=1)
GET = b"GET /v1/engine HTTP/1.1\r\nHost: x\r\n\r\n"


def door(serve: Serve) -> Served:
    gate = gate_with(viewer=("group:support",), operator=("group:operators",))
    limits = StreamLimits(streams=Share(each=2, total=3, always=1))
    return serve(gate=gate, places=Places(gate, SHARE, Share(each=2, total=3, always=0)), limits=limits)


def idle(served: Served, held: ExitStack, count: int) -> list[socket.socket]:
    return [held.enter_context(served.dial()) for _ in range(count)]


def test_somebody_without_a_role_who_opens_many_connections_shuts_nobody_out(serve: Serve) -> None:
    served = door(serve)
    with ExitStack() as held:
        served.peer = EVE
        opened = idle(served, held, 40)
        assert opened[-1].recv(1) == b"", "closed at once"
        for peer in (OWNER, BOB, ANN):
            served.peer = peer
            assert served.client.query("engine", {})["head"] == 0


def test_who_has_no_role_is_told_so_and_not_kept(serve: Serve) -> None:
    served = door(serve)
    served.peer = EVE
    with served.dial() as connection:
        connection.sendall(GET)
        said = b""
        while part := connection.recv(65536):
            said += part
    assert said.startswith(b"HTTP/1.1 403") and b"connection: close" in said.lower()
    with pytest.raises(NotPermittedError, match="no role"):
        served.client.query("engine", {})
    for _ in range(3):  # what is not read is longer than what fits on the way: the client cannot send it all
        with pytest.raises(NotPermittedError, match="no role"):
            served.client.command("pause", {"set": "x" * 4_000_000})


def test_over_the_share_the_answer_says_what_is_going_on_and_the_way_out(serve: Serve) -> None:
    served = door(serve)
    with ExitStack() as held:
        served.peer = ANN
        idle(served, held, 4)
        with pytest.raises(UnreachableError, match="4 connections of this user, the most for one") as refused:
            served.client.query("engine", {})
        assert refused.value.code == "TooManyClients" and "Close some of yours" in refused.value.next_step
        status, _, body = served.raw(GET).partition(b"\r\n\r\n")
        assert status.startswith(b"HTTP/1.1 503") and json.loads(body)["error"]["exit_code"] == 5
        served.peer = BOB
        assert served.client.query("engine", {})["head"] == 0
    served.peer = ANN
    assert served.client.query("engine", {})["head"] == 0, "the places are free again"


def test_whoever_waits_over_the_share_is_bounded_too(serve: Serve) -> None:
    served = door(serve)
    with ExitStack() as held:
        served.peer = ANN
        opened = idle(served, held, 4 + REFUSED_EACH + 1)
        assert opened[-1].recv(1) == b""


def test_streams_of_one_user_leave_room_for_the_others(serve: Serve) -> None:
    served = door(serve)
    served.call(served.door.add)
    streams = []
    for peer, count in ((ANN, 2), (BOB, 1), (OWNER, 3)):
        served.peer = peer
        for _ in range(count):
            streams.append(served.client.events(0, "all", True))
            assert next(streams[-1])["seq"] == 1
    served.peer = ANN
    with pytest.raises(UnreachableError, match="2 streams of this user") as refused:
        next(served.client.events(0, "all", True))
    assert "--follow" in refused.value.next_step
    for stream in streams:
        stream.close()


@pytest.mark.parametrize(
    ("held", "uid", "refused"),
    (
        ({}, 5001, None),
        ({5001: 4}, 5001, "4 {things} of this user, the most for one"),
        ({5001: 3, 5002: 3}, 5001, "6 {things} of all users, the most at a time"),
        ({5001: 3, 5002: 3}, 5003, None),
        ({5001: 3, 5002: 3, 5003: 1}, 5003, "7 {things} of all users, the most at a time"),
        ({5001: 3, 5002: 3, 0: 5}, 0, None),
        ({0: 6}, 0, "6 {things}"),
        ({0: 6}, 5001, None),
    ),
)
def test_who_gets_a_place(held: dict[int, int], uid: int, refused: str | None) -> None:
    assert over(SHARE, held, uid) == refused
