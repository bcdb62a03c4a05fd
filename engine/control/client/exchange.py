"""One request and its answer over a line, by the standard library's HTTP client; loaded with the first request."""

from __future__ import annotations

import http.client

from engine.control.client.lines import Line

FAILURES = (OSError, http.client.HTTPException)


class Connection(http.client.HTTPConnection):
    """A connection over a line; each of its waits is bounded."""

    def __init__(self, line: Line, timeout_s: float) -> None:
        super().__init__("rollset", timeout=timeout_s)
        self._line = line
        self._timeout_s = timeout_s

    def connect(self) -> None:
        """Open the line. Raises UnreachableError."""
        self.sock = self._line.open(self._timeout_s)
