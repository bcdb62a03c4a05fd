"""The overview that is asked for early: whole, or as if it had not been asked for."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

from engine.control.client.early import EarlySnapshot
from engine.control.client.lines import SharedLine
from engine.model.errors import UnreachableError

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{}\n{}\n{}"


class Answering:
    """A line on which somebody reads the request and says one thing."""

    def __init__(self, answer: bytes) -> None:
        self.asked = b""
        self._answer = answer

    def open(self, timeout_s: float) -> socket.socket:
        ours, theirs = socket.socketpair()

        def serve() -> None:
            self.asked = theirs.recv(4096)
            theirs.sendall(self._answer)
            theirs.close()

        threading.Thread(target=serve, daemon=True).start()
        return ours

    def why_lost(self) -> str:
        return ""


def test_a_whole_answer_is_its_lines() -> None:
    line = Answering(WHOLE)
    early = EarlySnapshot(line)

    assert early.lines(5.0) == [b"{}", b"{}", b"{}"]
    assert early.read_at > 0
    assert line.asked.startswith(b"GET /v1/snapshot?scope=overview HTTP/1.1\r\n")


@pytest.mark.parametrize(
    "answer",
    (
        b"",
        WHOLE[:-1],
        WHOLE + b"{}",
        WHOLE.replace(b"200 OK", b"403 Forbidden"),
        WHOLE.replace(b"Content-Length: 8", b"Transfer-Encoding: chunked"),
        WHOLE.replace(b"8", b"eight"),
        b"nonsense",
    ),
    ids=("nothing", "cut", "too much", "refused", "without its length", "with a wrong length", "nonsense"),
)
def test_any_other_answer_is_none(answer: bytes) -> None:
    assert EarlySnapshot(Answering(answer)).lines(5.0) is None


def test_nobody_there_is_none(tmp_path: Any) -> None:
    assert EarlySnapshot(SharedLine(tmp_path / "no.sock")).lines(5.0) is None


def reading() -> bool:
    """Whether a snapshot is still being read."""
    return any(thread.name == "early-snapshot" for thread in threading.enumerate())


def test_a_refusal_is_none_and_a_silent_engine_is_not_waited_for() -> None:
    class Refusing(Answering):
        def open(self, timeout_s: float) -> socket.socket:
            raise UnreachableError("EngineNotRunning", "no engine runs.")

    class Silent(Answering):
        kept: Callable[[], None]

        def open(self, timeout_s: float) -> socket.socket:
            ours, theirs = socket.socketpair()
            ours.settimeout(timeout_s)
            self.kept = theirs.close
            return ours

    assert EarlySnapshot(Refusing(b"")).lines(5.0) is None
    silent = Silent(b"")
    early = EarlySnapshot(silent)
    try:
        assert early.lines(0.01) is None
        assert reading(), "it was waited for until its reading ended"
    finally:
        silent.kept()
