"""The overview asked for while the cockpit is still being loaded: the engine answers meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from engine.control.client.lines import Line
from engine.model.errors import RollsetError

ANSWER_S = 5.0
REQUEST = b"GET /v1/snapshot?scope=overview HTTP/1.1\r\nHost: rollset\r\nConnection: close\r\n\r\n"
PART = 1 << 18


class EarlySnapshot:
    """Begins to read in a thread when it is made. `read_at` is the monotonic time at which it was whole."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._found: Sequence[bytes] | None = None
        self.read_at = 0.0
        self._thread = threading.Thread(target=self._read, daemon=True, name="early-snapshot")
        self._thread.start()

    def lines(self, within_s: float) -> Sequence[bytes] | None:
        """The snapshot's lines; None where it is not there in time, or could not be had: then ask as usual."""
        self._thread.join(within_s)
        return self._found

    def _read(self) -> None:
        try:
            found = _body(_answer(self._line))
        except (OSError, ValueError, RollsetError):
            return
        self.read_at = time.monotonic()
        self._found = found.splitlines()


def _answer(line: Line) -> bytes:
    parts = []
    with line.open(ANSWER_S) as connection:
        connection.sendall(REQUEST)
        while part := connection.recv(PART):
            parts.append(part)
    return b"".join(parts)


def _body(answer: bytes) -> bytes:
    """The body of a whole answer that is no error and says how long it is. Raises ValueError for any other."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *fields = head.lower().split(b"\r\n")
    lengths = [int(field.partition(b":")[2]) for field in fields if field.startswith(b"content-length:")]
    if status.split(b" ")[1:2] != [b"200"] or lengths != [len(body)]:
        raise ValueError("no whole snapshot")
    return body
