"""The client of the engine's socket. Standard library only, so that a light command stays light."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from engine.control.client.lines import Line, StateDirLine
from engine.model.errors import ERRORS_BY_EXIT_CODE, RollsetError, UnreachableError

if TYPE_CHECKING:
    from http.client import HTTPConnection, HTTPResponse

ANSWER_S = 60.0
ALIVE_S = 15.0
"""An engine under any load answers what it is long before; one that does not is stopped, or waits for its disk."""
READONLY = {"X-Rollset-readonly": "1"}
SILENCE_S = 30.0
"""A stream that is silent for longer than three heartbeats is lost."""


class Client:
    """Speaks to a running engine, by its state directory or over another line; it starts none.

    Every call raises the RollsetError that the engine gave. With `readonly` the engine itself refuses every command.
    """

    def __init__(self, where: Path | Line, *, readonly: bool = False) -> None:
        self._line: Line = StateDirLine(where) if isinstance(where, Path) else where
        self._readonly = readonly

    @property
    def line(self) -> Line:
        """The line this client speaks over."""
        return self._line

    def command(self, verb: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Carry out a verb; its answer means that it is on disk."""
        return self._ask("POST", f"/v1/commands/{quote(verb)}", json.dumps(arguments).encode())

    def query(self, what: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Read something."""
        given = {name: str(value) for name, value in arguments.items() if value is not None}
        return self._ask("GET", f"/v1/{quote(what)}" + (f"?{urlencode(given)}" if given else ""))

    def events(self, after: int, scope: str, follow: bool) -> Generator[dict[str, Any], None, None]:
        """Events after a seq, oldest first; with `follow` it goes on until the line is lost (UnreachableError).

        Events of one set end when it is deleted.
        """
        from engine.control.client.exchange import FAILURES

        arguments = {"after": str(after), "scope": scope} | ({"follow": "1"} if follow else {})
        connection, response = self._send("GET", f"/v1/events?{urlencode(arguments)}", None, SILENCE_S)
        try:
            if response.status != 200:
                raise error_from(response.read())
            while line := response.readline():
                if line.strip():
                    value = json.loads(line)
                    if "seq" in value:
                        yield value
                    elif "end" in value:
                        return
        except (*FAILURES, ValueError) as error:
            raise self._lost(error) from error
        finally:
            connection.close()
        if follow:
            raise self._lost("it closed the stream")

    def snapshot(self, scope: str) -> list[bytes]:
        """The lines of a snapshot; `engine.wire.recording.read_lines` reads them."""
        return self._read("GET", f"/v1/snapshot?{urlencode({'scope': scope})}").splitlines()

    def recording(self, upgrade: str) -> list[bytes]:
        """The lines of a recording of one upgrade, by its id."""
        return self._read("GET", f"/v1/recording?{urlencode({'upgrade': upgrade})}").splitlines()

    def alive(self) -> bool:
        """Whether an engine answers. Raises TimeoutError when one takes the question and is silent for ALIVE_S."""
        try:
            self._ask("GET", "/v1/engine", timeout_s=ALIVE_S)
        except UnreachableError as error:
            if isinstance(error.__cause__, TimeoutError):
                raise TimeoutError(f"no answer within {ALIVE_S:g} s") from error
            return False
        return True

    def _send(self, method: str, path: str, body: bytes | None, timeout: float) -> tuple[HTTPConnection, HTTPResponse]:
        from engine.control.client.exchange import FAILURES, Connection

        connection = Connection(self._line, timeout)
        try:
            with suppress(BrokenPipeError):  # it answered and closed before it read all: its answer is there
                connection.request(method, path, body, claims() | (READONLY if self._readonly else {}))
            return connection, connection.getresponse()
        except FAILURES as error:
            connection.close()
            raise self._lost(error) from error

    def _ask(self, method: str, path: str, body: bytes | None = None, timeout_s: float = ANSWER_S) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self._read(method, path, body, timeout_s))
        return answer

    def _read(self, method: str, path: str, body: bytes | None = None, timeout_s: float = ANSWER_S) -> bytes:
        from engine.control.client.exchange import FAILURES

        connection, response = self._send(method, path, body, timeout_s)
        try:
            text = response.read()
        except FAILURES as error:
            raise self._lost(error) from error
        finally:
            connection.close()
        if response.status != 200:
            raise error_from(text)
        return text

    def _lost(self, why: object) -> UnreachableError:
        on_the_way = self._line.why_lost()
        if on_the_way:
            return lost(on_the_way, "Try the way there by itself: ssh HOST rollset engine status")
        return lost(why)


def lost(why: object, next_step: str = "Look at `rollset engine logs`.") -> UnreachableError:
    """The error for an engine that was there and no longer answers."""
    said = " ".join(str(why).split())
    return UnreachableError("EngineLost", f"the engine does not answer ({said}).", next_step)


def claims() -> dict[str, str]:
    """What this process says of its caller; the engine keeps it as claimed, not as known."""
    found = {"ssh-connection": os.environ.get("SSH_CONNECTION", ""), "sudo-user": os.environ.get("SUDO_USER", "")}
    if sys.stdin is not None and sys.stdin.isatty():
        found["tty"] = os.ttyname(sys.stdin.fileno())
    return {
        f"X-Rollset-{name}": value for name, value in found.items() if value.isascii() and value.isprintable() and value
    }


def error_from(text: bytes) -> RollsetError:
    """The error in an answer that is not 200."""
    try:
        found = json.loads(text)["error"]
        kind = ERRORS_BY_EXIT_CODE.get(found["exit_code"], RollsetError)
        return kind(found["code"], found["message"], found["next_step"])
    except (ValueError, KeyError, TypeError):
        return UnreachableError(
            "EngineLost", "the engine gave an answer that cannot be read.", "See `rollset engine logs`."
        )
